"""What the gateway shares with one ciphered meter: a security context that outlives connections.

Before the first association of the program's life the meter's invocation counter is read as the public client, as
Indian meters need it; a meter that does not show it is counted from what was reserved in the store.
"""

from collections.abc import Callable, Mapping
from typing import Final

from protocols.dlms.application import Association, AssociationProfile
from protocols.dlms.client import PROPOSED_LN
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.hls import HLS_MECHANISMS, Hls, authenticators
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.protection import ClientProtection
from protocols.dlms.security.suite import SUITES
from protocols.model.association import MECHANISMS
from protocols.secret import Secret

PUBLIC_CLIENT: Final = 16
COUNTER_OBJECTS: Final[Mapping[int, str]] = {
    32: "0.0.43.1.2.255",
    48: "0.0.43.1.3.255",
    64: "0.0.43.1.4.255",
    80: "0.0.43.1.5.255",
}
"""Where IS 15959 meters show the invocation counter of each client."""
RESERVED_AHEAD: Final = 65_536
"""Counter values that one write to the store reserves, for meters that do not show theirs."""


class Shared:
    """Keys, counters and titles, for one meter.

    Args:
        security: bits of the security control byte for every request; 0 where nothing is ciphered.
        suite: 0 to 2.
        title: our own system title.
        other_title: the meter's, where it is known.
        secrets: by the names of the configuration's keys.
        entropy: for challenges and for keys of single APDUs.

    Raises:
        ValueError: a key has not the length that the suite asks for.
    """

    __slots__ = ("context", "needs_counter", "security", "title")

    def __init__(
        self,
        security: int,
        suite: int,
        title: bytes,
        other_title: bytes,
        secrets: Mapping[str, Secret],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.security = security
        self.title = title
        self.needs_counter = True
        keys = Keys(
            suite=SUITES[suite],
            title=title,
            block=secrets["block"],
            authentication=secrets.get("authentication"),
            broadcast=secrets.get("broadcast"),
            master=secrets.get("master"),
        )
        self.context = SecurityContext(KeySet(keys), control=security, other_title=other_title, entropy=entropy)

    @property
    def counter(self) -> int:
        """The next invocation counter that will be sent."""
        return self.context.current.sent[KeyUse.UNICAST].lowest

    def raise_counter(self, lowest: int) -> None:
        """Use nothing below, from now on."""
        self.context.current.sent[KeyUse.UNICAST].raise_to(lowest)

    def protection(self, _association: Association) -> ClientProtection | None:
        """Ciphering, for an association that is ciphered."""
        return ClientProtection(self.context) if self.security else None


def authenticator_of(profile: AssociationProfile, shared: Shared | None) -> Hls | None:
    """What proves us to the meter, for HLS; None for the other mechanisms."""
    if profile.mechanism not in {int(each) for each in HLS_MECHANISMS}:
        return None
    known = None if shared is None else shared.context
    return authenticators(lambda _association: known, server=False)[profile.mechanism]


def public_profile() -> AssociationProfile:
    """The public client, who may read counters and needs no password."""
    return AssociationProfile(
        client=PUBLIC_CLIENT, mechanism=MECHANISMS["none"], context=1, conformance=int(PROPOSED_LN), max_pdu=0xFFFF
    )
