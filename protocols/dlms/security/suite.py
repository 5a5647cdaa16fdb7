"""The security suites: which algorithms and key lengths go together."""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.secret import Secret

AES_GCM_128_ID: Final = bytes.fromhex("60857405080300")
AES_GCM_256_ID: Final = bytes.fromhex("60857405080301")
"""Object identifiers of COSEM for what an agreed key is used with."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One security suite.

    Attributes:
        number: as it stands in the security control byte.
        key_octets: length of every symmetric key.
        curve: of signatures and key agreement; suite 0 has none.
        order: of the curve's group: private keys are below it.
        digest: of signatures and of the key derivation function.
        algorithm_id: what the key derivation function names as the use of the agreed key.
    """

    number: int
    key_octets: int
    curve: ec.EllipticCurve | None = None
    order: int = 0
    digest: hashes.SHA256 | hashes.SHA384 | None = None
    algorithm_id: bytes = AES_GCM_128_ID

    def __hash__(self) -> int:
        return hash(self.number)

    @property
    def coordinate_octets(self) -> int:
        """Length of a private key, of each coordinate of a public key, and of each half of a signature."""
        return 0 if self.curve is None else (self.curve.key_size + 7) // 8

    def check(self, name: str, key: Secret) -> None:
        """Raise ValueError, without the key, where its length does not fit the suite."""
        if len(key) != self.key_octets:
            raise ValueError(
                f"the {name} key of security suite {self.number} has {self.key_octets} octets, not {len(key)}"
            )


_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P384_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973

SUITE_0: Final = Suite(0, 16)
SUITE_1: Final = Suite(1, 16, ec.SECP256R1(), _P256_ORDER, hashes.SHA256())
SUITE_2: Final = Suite(2, 32, ec.SECP384R1(), _P384_ORDER, hashes.SHA384(), AES_GCM_256_ID)

SUITES: Final = (SUITE_0, SUITE_1, SUITE_2)
"""By number; the other numbers of the security control byte are reserved."""
