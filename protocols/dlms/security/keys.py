"""The keys of one side of an association, made ready once and used for every APDU."""

from dataclasses import dataclass, field, replace
from enum import IntEnum

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.control import TITLE_OCTETS
from protocols.dlms.security.suite import SUITE_0, Suite
from protocols.secret import Secret


class KeyUse(IntEnum):
    """Which key protected an APDU; each has invocation counters of its own, one a direction."""

    UNICAST = 0
    BROADCAST = 1
    DEDICATED = 2
    TRANSACTION = 3
    """A key wrapped or agreed for one general-ciphering APDU; it is new, so its counter may start anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What one side holds.

    Attributes:
        suite: the security suite in force.
        title: this side's system title, eight octets.
        block: the global unicast encryption key.
        authentication: the authentication key, of all the ciphers.
        broadcast: the global broadcast encryption key.
        dedicated: the key of this association alone.
        master: the key that wraps keys.
        signing_key, agreement_key: this side's private keys.
        other_signing_key, other_agreement_key: the other side's public keys, out of its certificates.
        ciphers: by `KeyUse`, made from the above.

    Raises:
        ValueError: a key has not the length that the suite asks for, or the title is none.
    """

    suite: Suite = SUITE_0
    title: bytes
    block: Secret
    authentication: Secret | None = None
    broadcast: Secret | None = None
    dedicated: Secret | None = None
    master: Secret | None = None
    signing_key: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    agreement_key: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    other_signing_key: ec.EllipticCurvePublicKey | None = field(default=None, repr=False)
    other_agreement_key: ec.EllipticCurvePublicKey | None = field(default=None, repr=False)
    ciphers: tuple[Cipher | None, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.title) != TITLE_OCTETS:
            raise ValueError(f"a system title has {TITLE_OCTETS} octets, not {len(self.title)}")
        if self.master is not None:
            self.suite.check("master", self.master)
        pairs = (self.signing_key, self.agreement_key, self.other_signing_key, self.other_agreement_key)
        curve = self.suite.curve
        if any(key is not None and (curve is None or key.curve.name != curve.name) for key in pairs):
            raise ValueError(f"a private or public key is not of security suite {self.suite.number}")
        ciphers = tuple(
            None if key is None else Cipher(self.suite, key, self.authentication)
            for key in (self.block, self.broadcast, self.dedicated)
        )
        object.__setattr__(self, "ciphers", ciphers)

    def with_dedicated(self, key: Secret | None) -> "Keys":
        """The same with another dedicated key, or with none."""
        return replace(self, dedicated=key)
