"""What the gateway shares with one meter over all its associations: keys, titles, and a counter that never repeats.

The invocation counter is kept before it is used, a stretch at a time. Where none was kept, the meter is asked for the
last one it has seen (its counter object, as the public client), and counted from there on. A meter that will not let us
in is asked once more: if it is ahead of us, the counter is put right, in one step, and that is told; if not, the keys
are wrong, and asking again would not help.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Literal, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.meter.received import Received
from gateway.service.script import NotLetInError
from protocols.dlms.acse import Mechanism
from protocols.dlms.application import Association, AssociationProfile
from protocols.dlms.client import PROPOSED_LN, PROPOSED_SN
from protocols.dlms.security.certificate import Usage
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.control import COUNTER_MAX
from protocols.dlms.security.counter import InvocationCounter
from protocols.dlms.security.form import Form
from protocols.dlms.security.hls import Hls
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.protection import ClientProtection
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.suite import Suite
from protocols.errors import LocalProtocolError
from protocols.model.association import CONTEXTS, MECHANISMS
from protocols.secret import Secret

PUBLIC_CLIENT: Final = 16
COUNTER_OBJECTS: Final[Mapping[int, str]] = {
    32: "0.0.43.1.2.255",
    48: "0.0.43.1.3.255",
    64: "0.0.43.1.4.255",
    80: "0.0.43.1.5.255",
}
"""Where IS 15959 meters show the invocation counter of each client."""
COUNTER_OBJECT: Final = "0.0.43.1.0.255"
"""Where other meters do."""

AHEAD: Final = 65_536
"""Values that one write to the store reserves."""
MARGIN: Final = 8_192
"""So many must be left when a request begins: the longest exchange in blocks needs fewer."""
STEP_MAX: Final = 1 << 24
"""The furthest that a meter's word moves a counter that is known: it is not authenticated, and a counter that is used
up ends its key."""

_log = logging.getLogger(__name__)

ReadCounter = Callable[[], Awaitable[int | None]]
"""Asks the meter for its counter object; None where it shows none."""


class CounterBook(Protocol):
    """Where the counter towards one meter is kept."""

    async def recall(self) -> int | None:
        """The lowest value that may be used, if one was kept."""

    async def keep(self, lowest: int) -> None:
        """Keep it; it is durable when this returns."""

    async def received(self) -> str | None:
        """What was written down of the counters that the meter has used; see `received`."""


class NoBook:
    """Keeps nothing: a tool that runs once asks the meter every time."""

    async def recall(self) -> int | None:
        """Nothing is known."""
        return None

    async def keep(self, lowest: int) -> None:
        """Nothing is kept."""

    async def received(self) -> str | None:
        """Nothing is known."""
        return None


class Pairs(NamedTuple):
    """Our key pairs towards one meter, and where its public keys come from.

    Attributes:
        private: our private keys, as far as there are any.
        certificate: ours for digital signature, in DER; empty where none is named.
        title: the system title that our certificate gives us; empty where it gives none.
        public: somebody's public key by system title, usage, and the certificate that they have sent (DER).
    """

    private: Mapping[Usage, ec.EllipticCurvePrivateKey]
    certificate: bytes
    title: bytes
    public: Callable[[bytes, Usage, bytes], ec.EllipticCurvePublicKey | Refused]


class Shared:
    """See the module.

    Args:
        meter: its id, for what is told.
        security: bits of the security control byte for every request; 0 where nothing is ciphered.
        suite: the security suite.
        title: our own system title.
        other_title: the meter's, where it is known.
        secrets: by the names of the configuration's keys.
        entropy: for challenges and for keys of single APDUs and associations.
        form: how requests travel.
        signed: whether they are signed too, and if so whether with the length of what is signed.
        pairs: key pairs and certificates, in suites 1 and 2.
        refuse_replayed: whether counters that the meter has used in an earlier association are refused.

    Raises:
        ValueError: a key has not the length that the suite asks for.
    """

    __slots__ = (
        "_entropy",
        "_form",
        "_meter",
        "_pairs",
        "_signed",
        "book",
        "context",
        "counter",
        "known",
        "received",
        "security",
        "title",
    )

    def __init__(
        self,
        meter: str,
        security: int,
        suite: Suite,
        title: bytes,
        other_title: bytes,
        secrets: Mapping[str, Secret],
        entropy: Callable[[int], bytes],
        form: Form = Form.GLO,
        *,
        signed: bool | Literal["without-length"] = False,
        pairs: Pairs | None = None,
        refuse_replayed: bool = True,
    ) -> None:
        self.security = security
        self.title = title
        self.book: CounterBook = NoBook()
        self.known = False
        self._meter = meter
        self._entropy = entropy
        self._form = form
        self._signed = signed
        self._pairs = pairs
        # One counter for all keys: so none of them sees a value twice.
        self.counter = InvocationCounter(1, _beyond)
        keys = _keys(suite, title, secrets, pairs)
        self.context = SecurityContext(
            KeySet(keys, sent=[self.counter] * len(KeyUse)),
            control=security,
            other_title=other_title,
            entropy=entropy,
        )
        self.context.certificate = b"" if pairs is None else pairs.certificate
        self.received = Received(self.context.current, refuse=refuse_replayed)

    def follow(self, before: "Shared") -> None:
        """Take the place of another with other keys: both use one counter, since some of the keys may be the same."""
        self.book, self.known, self.counter = before.book, before.known, before.counter
        self.context.current.sent = [self.counter] * len(KeyUse)

    def protection(self, association: Association) -> ClientProtection | None:
        """Ciphering, for an association that is ciphered."""
        if not self.security:
            return None
        if self._form in {Form.DED, Form.GENERAL_DED}:
            association.dedicated_key = Secret(self._entropy(self.context.current.keys.suite.key_octets))
        with_length = self._signed != "without-length"
        signed = bool(self._signed)
        return ClientProtection(self.context_of(association), self._form, signed=signed, with_length=with_length)

    def context_of(self, association: Association) -> SecurityContext:
        """The context, with the public keys of the meter, once it is known which one that is."""
        context, title = self.context, association.server_title or self.context.other_title
        if self._pairs is not None and title:
            signs = self._pairs.public(title, Usage.DIGITAL_SIGNATURE, association.other_certificate)
            agrees = self._pairs.public(title, Usage.KEY_AGREEMENT, b"")
            context.lacking = f"{signs.reason}; see `certificates`" if isinstance(signs, Refused) else ""
            context.current.keys = replace(
                context.current.keys,
                other_signing_key=None if isinstance(signs, Refused) else signs,
                other_agreement_key=None if isinstance(agrees, Refused) else agrees,
            )
        return context

    # ---- the counter

    async def begin(self, read: ReadCounter) -> None:
        """Before an association: know the counter, and have a stretch of it kept."""
        self.received.begin()
        if not self.known:
            self.received.take_up(await self.book.received())
            lowest = await self.book.recall()
            if lowest is None:
                shown = await read()
                lowest = 1 if shown is None else shown + 1
            self._move(lowest)
            self.known = True
        await self.reserve()

    async def reserve(self) -> None:
        """Before a request: have enough of the counter kept."""
        if self.counter.left < MARGIN:
            limit = min(self.counter.lowest + AHEAD, COUNTER_MAX + 1)
            await self.book.keep(limit)
            self.counter.allow(limit)

    async def heal(self, read: ReadCounter, named: int | None = None) -> bool:
        """The meter may have found the counter out of step: see, and put it right if so.

        Args:
            read: asks for the counter object.
            named: the lowest counter that the meter itself has said it accepts.

        Returns:
            Whether the counter was put right, so that one more try makes sense.

        Raises:
            NotLetInError: the meter's counter is too far ahead to be believed.
        """
        shown = await read() if named is None else None
        wanted = named if shown is None else shown + 1
        lowest = self.counter.lowest
        if wanted is None or wanted <= lowest:
            return False
        if wanted - lowest > STEP_MAX:
            raise NotLetInError(
                f"the meter names invocation counter {wanted}, far beyond ours ({lowest}), which is not believed"
            )
        _log.warning("%s: the invocation counter was out of step: ours %d, the meter's %d", self._meter, lowest, wanted)
        self._move(wanted)
        await self.reserve()
        return True

    def _move(self, lowest: int) -> None:
        """Use nothing below; what is above is not kept yet."""
        self.counter.lowest = max(lowest, self.counter.lowest)
        self.counter.allow(self.counter.lowest)


def _beyond(_limit: int) -> None:
    raise LocalProtocolError("more invocation counters are needed than were kept: the association begins anew")


def _keys(suite: Suite, title: bytes, secrets: Mapping[str, Secret], pairs: Pairs | None) -> Keys:
    own = {} if pairs is None else pairs.private
    return Keys(
        suite=suite,
        title=title,
        block=secrets["block"],
        authentication=secrets.get("authentication"),
        broadcast=secrets.get("broadcast"),
        master=secrets.get("master"),
        signing_key=own.get(Usage.DIGITAL_SIGNATURE),
        agreement_key=own.get(Usage.KEY_AGREEMENT),
    )


def authenticator_of(profile: AssociationProfile, shared: Shared | None) -> Hls | None:
    """What proves us to the meter, for HLS; None for the other mechanisms."""
    if profile.mechanism < Mechanism.HIGH:
        return None
    return Hls(
        Mechanism(profile.mechanism),
        lambda association: None if shared is None else shared.context_of(association),
        server=False,
    )


def public_profile(*, short_names: bool = False) -> AssociationProfile:
    """The public client, who may read counters and needs no password."""
    return AssociationProfile(
        client=PUBLIC_CLIENT,
        mechanism=MECHANISMS["none"],
        context=CONTEXTS["sn" if short_names else "ln"],
        conformance=int(PROPOSED_SN if short_names else PROPOSED_LN),
        max_pdu=0xFFFF,
    )
