"""A meter at home on a bench: the meter, its faces, and whether it is up.

`Attendance` is the layer that makes a dark meter silent. It also ends what a meter forgets when its supply goes:
associations do not outlive it, whatever line they came over.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from emulator.event.happening import Happening
from emulator.face.cosem.face import CosemFace
from emulator.keys.keyring import Keyring
from emulator.timing.clock import BenchClock
from protocols.dlms.admission import PasswordTries
from protocols.dlms.application import Application, AssociationProfile
from protocols.dlms.notification import DataNotificationConfirm
from protocols.dlms.server import AssociationServer
from protocols.errors import LocalProtocolError
from protocols.link import Apdu, LinkDown
from protocols.machine import Indication, Layer, Peer
from protocols.modbus.application import ModbusApplication

if TYPE_CHECKING:
    from emulator.errand.errands import Errands

NEVER_US: Final = 1 << 62
AARQ: Final = b"\x60"
GETS: Final = frozenset((b"\xc0", b"\xc8", b"\xd0"))
"""The first octet of a request for an association, and of those that change nothing: GET in clear and ciphered."""


class Living(Protocol):
    """What a bench needs from a meter; `emulator.meter.Meter` is one."""

    @property
    def id(self) -> str:
        """Its serial number."""

    def advance(self, at_ms: int) -> None:
        """Do all that is due up to then."""

    def wake_ms(self) -> int | None:
        """When something will happen by itself."""

    def answers(self, at_ms: int) -> bool:
        """False without supply or while it boots."""

    def subscribe(self, listener: Callable[[Happening], None]) -> None:
        """Call a listener with everything that happens to it."""


class Resident:
    """One meter with its faces.

    Args:
        meter: the meter.
        clock: bench time.
        entropy: where the challenges of its associations come from.
        cosem: its DLMS face, or None.
        modbus: its Modbus face, or None.

    Attributes:
        up: whether it has supply and has booted.
        outages: how often it has lost its supply.
        due_us: link time at which it has to be looked at before it may be asked anything.
        errands: what it does by itself besides metering, or None.
        next_ms: when something will happen by itself, in true time, as `plan` has found it.
        wake_ms: when `emulator.bench.wakes` will wake it.
        on_touch: who wants to know that something was asked of it that may have changed it.
        on_push: who carries what it has to push.
        on_happening: who wants to know what happens to it, once it subscribes to its meter by `hear`.
        awaited: who waits for the confirmation of a push, by the push's number.
    """

    __slots__ = (
        "_keyring",
        "awaited",
        "clock",
        "cosem",
        "due_us",
        "entropy",
        "errands",
        "id",
        "meter",
        "modbus",
        "next_ms",
        "on_happening",
        "on_push",
        "on_touch",
        "outages",
        "tries",
        "up",
        "wake_ms",
    )

    def __init__(
        self,
        meter: Living,
        clock: BenchClock,
        entropy: Callable[[int], bytes],
        *,
        cosem: Application | None = None,
        modbus: ModbusApplication | None = None,
    ) -> None:
        self.id = meter.id
        self.meter = meter
        self.clock = clock
        self.entropy = entropy
        self.cosem = cosem
        self.modbus = modbus
        self.tries: PasswordTries | None = None
        self._keyring: Keyring | None = None
        self.up = True
        self.outages = 0
        self.errands: Errands | None = None
        self.next_ms: int | None = None
        self.wake_ms: int | None = None
        self.due_us = 0
        self.on_touch: Callable[[Resident], None] | None = None
        self.on_push: Callable[[Resident], None] | None = None
        self.on_happening: Callable[[Resident, Happening], None] | None = None
        self.awaited: dict[int, Callable[[], None]] | None = None

    def look(self, now_us: int) -> None:
        """Bring the meter up to date and see whether it is up."""
        at_ms = self.clock.true_ms(now_us)
        if self.errands is not None:
            self.errands.advance(at_ms)
            if self.errands.waiting and self.on_push is not None:
                self.on_push(self)
        self.up = self.meter.answers(at_ms)
        self.plan()

    def plan(self) -> None:
        """Ask the meter when something will happen by itself; also to be called when the bench clock was changed."""
        at_ms = self.meter.wake_ms()
        if self.errands is not None:
            self.errands.plan()
            errand_ms = self.errands.wake_ms()
            at_ms = errand_ms if at_ms is None or (errand_ms is not None and errand_ms < at_ms) else at_ms
        self.next_ms = at_ms
        at_us = None if at_ms is None else self.clock.link_us(at_ms)
        self.due_us = NEVER_US if at_us is None else at_us

    def hear(self, happening: Happening) -> None:
        """Something has happened to the meter."""
        if self.on_happening is not None:
            self.on_happening(self, happening)

    def touch(self) -> None:
        """Something was asked of the meter that may have changed when it wakes."""
        if self.on_touch is not None:
            self.on_touch(self)

    def association_server(self, server: int, peer: Peer) -> AssociationServer:
        """The associations of one connection to this meter.

        Args:
            server: the SAP of its logical device.
            peer: the other end.
        """
        face = self.cosem
        if face is None:
            msg = f"meter {self.id} has no DLMS objects"
            raise LocalProtocolError(msg)
        if self.tries is None:
            self.tries = PasswordTries()
        profiles = face.associations().values()
        if isinstance(face, CosemFace) and any(map(_is_demanding, profiles)):
            keyring = self.keyring(face)
            return AssociationServer(
                {server: face},
                self.entropy,
                peer,
                system_title=keyring.title,
                names={server: face},
                protection=keyring.protection,
                authenticators=keyring.authenticators,
                tries=self.tries,
            )
        return AssociationServer({server: face}, self.entropy, peer, tries=self.tries)

    def confirmed(self, long_invoke: int) -> None:
        """A push was confirmed, over whichever connection."""
        waiter = None if self.awaited is None else self.awaited.get(long_invoke)
        if waiter is not None:
            waiter()

    def keyring(self, face: CosemFace) -> Keyring:
        """The meter's keys, made when they are first needed."""
        if self._keyring is None:
            self._keyring = Keyring(face, self.entropy)
        return self._keyring

    def supply_lost(self) -> None:
        """The meter has lost its supply."""
        self.up = False
        self.outages += 1
        if self._keyring is not None:
            self._keyring.supply_lost()

    def restarted(self) -> None:
        """The meter restarts with another firmware; associations do not outlive that either."""
        self.up = False
        self.outages += 1
        if self._keyring is not None:
            self._keyring.restarted()


class Confirmations(Layer[Any, Any]):
    """On top of an association server: confirmations of pushes go to whoever waits for them.

    Args:
        resident: the meter.
    """

    __slots__ = ("_resident",)

    def __init__(self, resident: Resident) -> None:
        self._resident = resident

    def from_below(self, item: Any, now_us: int) -> None:
        """Take a confirmation, hand all else on."""
        if type(item) is not Indication:
            self.above(item, now_us)
        elif isinstance(item.apdu, DataNotificationConfirm):
            self._resident.confirmed(item.apdu.long_invoke)


def _is_demanding(profile: AssociationProfile) -> bool:
    """Whether an association needs more than a password: high-level security, ciphering, or short names."""
    return profile.mechanism > 1 or profile.ciphered or profile.short_names


class Darkness(Layer[Any, Any]):
    """Lowest on a serial line: what is sent to a meter without supply, bytes or frames, meets nobody.

    Args:
        resident: the meter.
    """

    def __init__(self, resident: Resident) -> None:
        self._resident = resident

    def from_below(self, item: Any, now_us: int) -> None:
        """Hand on what a living meter hears."""
        resident = self._resident
        if now_us >= resident.due_us:
            resident.look(now_us)
        if resident.up:
            self.above(item, now_us)


class Attendance(Layer[Any, Any]):
    """Between link and association: nothing reaches a meter that is dark, and after an outage nothing is remembered.

    Args:
        resident: the meter.
        silence_us: how long nothing may be heard before the connection ends; None where it has no end of its own.
    """

    __slots__ = ("_deadline_us", "_heard_us", "_outages", "_pairs", "_resident", "_silence_us")

    def __init__(self, resident: Resident, silence_us: int | None = None) -> None:
        self._resident = resident
        self._silence_us = silence_us
        self._heard_us = -1
        self._deadline_us = None if silence_us is None else 0  # at once, to hear what time it is; later often early
        self._outages = resident.outages
        self._pairs: set[tuple[int, int]] = set()

    def from_below(self, item: Any, now_us: int) -> None:
        """Hand on what a living meter hears."""
        resident = self._resident
        self._heard_us = now_us
        if now_us >= resident.due_us:
            resident.look(now_us)
        if resident.outages != self._outages:
            self._forget(now_us)
        if type(item) is Apdu:
            if not resident.up:
                return
            first = item.data[:1]
            if first not in GETS:
                if first == AARQ:
                    self._pairs.add((item.client, item.server))
                self.above(item, now_us)
                resident.touch()
                return
        self.above(item, now_us)
        if type(item) is LinkDown:
            resident.touch()  # what waited for the link's end

    def answer(self, client: int, server: int, data: bytes, now_us: int) -> Any:
        """What a living meter answers at once; where something is to be seen to first, nothing."""
        resident = self._resident
        self._heard_us = now_us
        if resident.up and now_us < resident.due_us and resident.outages == self._outages:
            return self.ask(client, server, data, now_us)
        return None

    def deadline_us(self) -> int | None:
        """When silence ends the connection; at times early, never late."""
        return self._deadline_us

    def on_deadline(self, now_us: int) -> None:
        """End a connection on which nothing was heard for too long."""
        if self._silence_us is None:
            return
        if self._heard_us < 0:
            self._heard_us = now_us
        self._deadline_us = self._heard_us + self._silence_us
        if now_us >= self._deadline_us:
            self.close("nothing was heard for longer than the meter's TCP-UDP setup allows")

    def _forget(self, now_us: int) -> None:
        self._outages = self._resident.outages
        for client, server in sorted(self._pairs):
            self.above(LinkDown(client, server, "the meter was without supply"), now_us)
        self._pairs.clear()
