"""The keys of one meter towards each of its clients, with their invocation counters.

Contexts outlive connections: two connections of one client share its counters. They are made when a client first wants
one, so a meter that nobody ciphers with has none. Keys that were changed stand beside the old ones until the client has
used them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from emulator.face.cosem.face import CosemFace
from protocols.dlms.application import Association
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.counter import InvocationCounter
from protocols.dlms.security.hls import Hls, authenticators
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.policy import Policy
from protocols.dlms.security.protection import ServerProtection
from protocols.dlms.security.suite import SUITES, Suite
from protocols.model.cosem_object import Fixed
from protocols.model.meter_model import MeterModel
from protocols.secret import Secret

SECURITY_SETUP: Final = 64
SUITE_ATTRIBUTE: Final = 3
SENT: Final = "sent"
RECEIVED: Final = "received"

FIRST: Final = {SENT: 1, RECEIVED: 0}
"""Where counters begin: some clients take for granted that a meter has counted before and refuse a first 0."""


class Keyring:
    """The security contexts of one meter, by client.

    Args:
        face: whose associations hold the keys.
        entropy: random octets for the keys of single APDUs.
    """

    __slots__ = ("_authenticators", "_contexts", "_entropy", "_face", "_notes", "_put", "_secrets")

    def __init__(self, face: CosemFace, entropy: Callable[[int], bytes]) -> None:
        self._face = face
        self._entropy = entropy
        self._contexts: dict[int, SecurityContext] = {}
        self._secrets: dict[int, Mapping[str, Secret]] = {}
        self._authenticators: dict[int, Hls] | None = None
        self._notes: Mapping[str, str] = {}
        self._put: Callable[[str, str], None] | None = None
        face.invocation_counters = Counters(self._contexts)

    @property
    def title(self) -> bytes:
        """The meter's system title."""
        return self._face.plan.model.identity.system_title(self._face.meter.id)

    @property
    def authenticators(self) -> dict[int, Hls]:
        """HLS by mechanism, the same for every connection."""
        if self._authenticators is None:
            self._authenticators = authenticators(self.context, server=True)
        return self._authenticators

    def context(self, association: Association) -> SecurityContext | None:
        """What this association's client shares with the meter; None where the client has no block cipher key."""
        client = association.client
        secrets = self._face.associations()[client].secrets
        context = self._contexts.get(client)
        if context is None:
            keys = keys_of(self._face.plan.model, client, self.title, secrets)
            if keys is None:
                return None
            asked = self._face.plan.model.associations[client].security
            context = SecurityContext(
                self._key_set(client, keys), Policy(asked), control=asked or PROTECTED, entropy=self._entropy
            )
            self._contexts[client] = context
        elif secrets != self._secrets[client]:
            keys = keys_of(self._face.plan.model, client, self.title, secrets)
            context.pending = None if keys is None else KeySet(keys)
        self._secrets[client] = secrets
        return context

    def protection(self, association: Association) -> ServerProtection | None:
        """The ciphering of one association, or None where it has no keys."""
        context = self.context(association)
        return None if context is None else ServerProtection(context)

    def keep(self, notes: Mapping[str, str], put: Callable[[str, str], None]) -> None:
        """Go on counting where an earlier run has stopped, and keep the counters from now on.

        Args:
            notes: what was kept, by name.
            put: keeps one note, durably.
        """
        self._notes = notes
        self._put = put

    def supply_lost(self) -> None:
        """What a loss of supply does to counters, as the model says; in most meters nothing."""
        if self._face.plan.model.physics.power_failure.invocation_counters == "lost":
            self._lose_received()

    def restarted(self) -> None:
        """What a new firmware does to counters, as the model says; in most meters nothing."""
        if self._face.plan.model.physics.firmware.invocation_counters == "lost":
            self._lose_received()

    def _lose_received(self) -> None:
        for context in self._contexts.values():
            for counter in context.current.received:
                counter.lowest = 0

    def _key_set(self, client: int, keys: Keys) -> KeySet:
        return KeySet(keys, *([self._counter(client, way, use) for use in KeyUse] for way in (SENT, RECEIVED)))

    def _counter(self, client: int, way: str, use: KeyUse) -> InvocationCounter:
        put, first = self._put, FIRST[way]
        if put is None:
            return InvocationCounter(first)
        name = f"counter/{client}/{way}/{use.name.lower()}"

        def keep(lowest: int) -> None:
            put(name, str(lowest))

        return InvocationCounter(int(self._notes.get(name, first)), keep)


class Counters(Mapping[int, int]):
    """The last counter that each client has used with its unicast key, live; 0 while it has used none."""

    __slots__ = ("_contexts",)

    def __init__(self, contexts: Mapping[int, SecurityContext]) -> None:
        self._contexts = contexts

    def __getitem__(self, client: int) -> int:
        return max(0, self._contexts[client].current.received[KeyUse.UNICAST].lowest - 1)

    def __iter__(self) -> Iterator[int]:
        return iter(self._contexts)

    def __len__(self) -> int:
        return len(self._contexts)


def suite_of(model: MeterModel, client: int) -> Suite:
    """The security suite of a client's association: what the security setup that it refers to says, else suite 0."""
    name = model.associations[client].security_setup
    setup = None if name is None else model.objects.get((SECURITY_SETUP, name))
    source = None if setup is None else setup.attributes.get(SUITE_ATTRIBUTE)
    return SUITES[source.value[1]] if isinstance(source, Fixed) else SUITES[0]


def keys_of(model: MeterModel, client: int, title: bytes, secrets: Mapping[str, Secret]) -> Keys | None:
    """A client's keys, or None where it has no block cipher key.

    Raises:
        ValueError: a key has not the length that the suite asks for.
    """
    if "block" not in secrets:
        return None
    return Keys(
        suite=suite_of(model, client),
        title=title,
        block=secrets["block"],
        authentication=secrets.get("authentication"),
        broadcast=secrets.get("broadcast"),
        master=secrets.get("master"),
    )
