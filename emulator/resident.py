"""A meter at home on a bench: the meter, its faces, and whether it is up.

`Attendance` is the layer that makes a dark meter silent. It also ends what a meter forgets when its supply goes:
associations do not outlive it, whatever line they came over.
"""

from collections.abc import Callable
from typing import Any, Protocol

from emulator.clock import BenchClock
from protocols.dlms.admission import PasswordTries
from protocols.dlms.application import Application
from protocols.dlms.server import AssociationServer
from protocols.errors import LocalProtocolError
from protocols.link import Apdu, LinkDown
from protocols.machine import Layer, Peer
from protocols.modbus.application import ModbusApplication


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


class Resident:
    """One meter with its faces.

    Args:
        meter: the meter.
        clock: bench time.
        entropy: where the challenges of its associations come from.
        cosem: its DLMS face, or None.
        modbus: its Modbus face, or None.
    """

    __slots__ = ("clock", "cosem", "entropy", "id", "meter", "modbus", "outages", "tries", "up", "wake_ms")

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
        self.up = True
        self.outages = 0
        self.wake_ms: int | None = None

    def answers(self, now_us: int) -> bool:
        """Whether it would answer now."""
        return self.meter.answers(self.clock.true_ms(now_us))

    def association_server(self, server: int, peer: Peer) -> AssociationServer:
        """The associations of one connection to this meter.

        Args:
            server: the SAP of its logical device.
            peer: the other end.
        """
        if self.cosem is None:
            msg = f"meter {self.id} has no DLMS objects"
            raise LocalProtocolError(msg)
        if self.tries is None:
            self.tries = PasswordTries()
        return AssociationServer({server: self.cosem}, self.entropy, peer, tries=self.tries)


class Attendance(Layer[Any, Any]):
    """Between link and association: nothing reaches a meter that is dark, and after an outage nothing is remembered.

    Args:
        resident: the meter.
    """

    def __init__(self, resident: Resident) -> None:
        self._resident = resident
        self._outages = resident.outages
        self._pairs: set[tuple[int, int]] = set()

    def from_below(self, item: Any, now_us: int) -> None:
        """Hand on what a living meter hears."""
        resident = self._resident
        if resident.outages != self._outages:
            self._forget(now_us)
        if type(item) is Apdu:
            if not resident.answers(now_us):
                return
            self._pairs.add((item.client, item.server))
        self.above(item, now_us)

    def _forget(self, now_us: int) -> None:
        self._outages = self._resident.outages
        for client, server in sorted(self._pairs):
            self.above(LinkDown(client, server, "the meter was without supply"), now_us)
        self._pairs.clear()
