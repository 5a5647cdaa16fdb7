"""The keys of one meter towards all its clients: a ring a security setup, made when a client first wants it.

Contexts outlive connections: two connections of one client share its counters. A meter that nobody ciphers with has
none of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from emulator.book import Book
from emulator.keys.certificate_store import Works
from emulator.keys.ring import Ring, Setup
from protocols.dlms.acse import Mechanism
from protocols.dlms.security.hls import Hls
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.policy import NO_POLICY, policy_of
from protocols.dlms.security.protection import ServerProtection
from protocols.dlms.security.suite import SUITES, Suite
from protocols.model.cosem_object import CosemObject, Fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.face import CosemFace
    from protocols.cosem.obis import LogicalName
    from protocols.dlms.application import Association
    from protocols.dlms.security.context import SecurityContext
    from protocols.model.meter_model import MeterModel
    from protocols.secret import Secret

SECURITY_SETUP: Final = 64
POLICY_ATTRIBUTE: Final = 2


class Keyring:
    """The security contexts of one meter, by client.

    Args:
        face: whose associations hold the keys.
        entropy: random octets for keys; without, the meter makes none.

    Attributes:
        pairs: certificates that the meter has from the works.
    """

    __slots__ = ("_authenticators", "_entropy", "_face", "_rings", "book", "pairs")

    def __init__(self, face: CosemFace, entropy: Callable[[int], bytes] | None) -> None:
        self._face = face
        self._entropy = entropy
        self._rings: dict[str, Ring] = {}
        self._authenticators: dict[int, Hls] | None = None
        self.pairs = Works()
        self.book = Book()
        face.keyring = self
        face.invocation_counters = Counters(self, face.plan.model)

    @property
    def title(self) -> bytes:
        """The meter's system title."""
        return self._face.plan.model.identity.system_title(self._face.meter.id)

    @property
    def authenticators(self) -> dict[int, Hls]:
        """HLS for the mechanisms that the meter's associations have, the same for every connection."""
        if self._authenticators is None:
            wanted = {each.mechanism for each in self._face.plan.model.associations.values()}
            self._authenticators = {
                number: Hls(Mechanism(number), self.context, server=True)
                for number in wanted
                if number >= Mechanism.HIGH
            }
        return self._authenticators

    def context(self, association: Association) -> SecurityContext | None:
        """What this association's client shares with the meter; None where the client has no block cipher key."""
        ring, title = self.ring(association.client), association.client_title
        if ring.setup.suite.curve is None:
            return ring.context(association.client)
        at = self._face.clock_at(association.asked_us)
        return ring.context(association.client, title, at, association.other_certificate)

    def protection(self, association: Association) -> ServerProtection | None:
        """The ciphering of one association, or None where it has no keys."""
        context = self.context(association)
        return None if context is None else ServerProtection(context)

    def ring(self, client: int) -> Ring:
        """The keys of a client's security setup, or its own where it refers to none."""
        model = self._face.plan.model
        name = model.associations[client].security_setup
        key = f"client-{client}" if name is None else str(name)
        ring = self._rings.get(key)
        if ring is None:
            asked = {
                each.client: each.security
                for each in model.associations.values()
                if each.client == client or (name is not None and each.security_setup == name)
            }
            pushed = all(model.associations[each].pre_established for each in asked)
            setup = Setup(key, suite_of(model, client), self.title, asked, pushed)
            ring = self._rings[key] = Ring(setup, self._works, self.pairs, self.book, self._entropy)
            ring.set_policy(policy_of(self._policy(name), _version(model, name)) or NO_POLICY)
        return ring

    def _works(self, client: int) -> Mapping[str, Secret]:
        return self._face.associations()[client].secrets

    def _policy(self, name: LogicalName | None) -> int:
        """A setup's security policy: the activated one, else the one from the works."""
        if name is None:
            return 0
        kept = self._face.recall((SECURITY_SETUP, name.octets, POLICY_ATTRIBUTE))
        if kept is not None:
            return int(kept[1])
        setup = setup_of(self._face.plan.model, name)
        source = None if setup is None else setup.attributes.get(POLICY_ATTRIBUTE)
        return int(source.value[1]) if isinstance(source, Fixed) else 0

    def keep(self, notes: Mapping[str, str], put: Callable[[str, str], None]) -> None:
        """Take up what was kept of an earlier run, and keep from now on what changes; see `Book.open`."""
        self.book.open(notes, put)

    def supply_lost(self) -> None:
        """What a loss of supply does to counters, as the model says; in most meters nothing."""
        if self._face.plan.model.physics.power_failure.invocation_counters == "lost":
            self._lose_received()

    def restarted(self) -> None:
        """What a new firmware does to counters, as the model says; in most meters nothing."""
        if self._face.plan.model.physics.firmware.invocation_counters == "lost":
            self._lose_received()

    def _lose_received(self) -> None:
        for ring in self._rings.values():
            ring.lose_received()


class Counters(Mapping[int, int]):
    """What the meter's counter objects show, by client: the last value that it has used, live; 0 before the first.

    Of a client that is only pushed to, it is the last that the meter itself has used.
    """

    __slots__ = ("_model", "_ring")

    def __init__(self, keyring: Keyring, model: MeterModel) -> None:
        self._ring = keyring.ring
        self._model = model

    def __getitem__(self, client: int) -> int:
        ring = self._ring(client)
        return ring.last_sent() if self._model.associations[client].pre_established else ring.last_counter(client)

    def __iter__(self) -> Iterator[int]:
        return iter(self._model.associations)

    def __len__(self) -> int:
        return len(self._model.associations)


def setup_of(model: MeterModel, name: LogicalName | None) -> CosemObject | None:
    """The security setup of that name."""
    return None if name is None else model.objects.get((SECURITY_SETUP, name))


def suite_of(model: MeterModel, client: int) -> Suite:
    """The security suite of a client's association."""
    return SUITES[model.security_suite(client)]


def _version(model: MeterModel, name: LogicalName | None) -> int:
    setup = setup_of(model, name)
    return 0 if setup is None else setup.version


def keys_of(model: MeterModel, client: int, title: bytes, secrets: Mapping[str, Secret]) -> Keys | None:
    """A client's symmetric keys, or None where it has no block cipher key.

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
