"""A line: one port, pty or device, the meters on it, and the connections that are open on it.

On a TCP port every connection has a machine of its own. A serial line has one machine for as long as the bench runs,
and stations that are made anew when their meter comes back.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from emulator.bench.journal import Journal
from emulator.bench.resident import Resident
from emulator.face.cosem.face import CosemFace
from emulator.line.machines import MACHINES, Member, Setting, is_serial, own_port, station
from emulator.line.roles import ROLES
from emulator.line.rs485 import LineBehaviour, foreign_connection, foreign_exchange
from protocols.address import UNIT_MAX, DlmsAddress, MeterAddress, ModbusAddress, Pty, SerialLine
from protocols.dlms.server import AssociationServer
from protocols.hdlc.server import HdlcServer
from protocols.machine import Bus, Layer, Machine, Peer, Stack
from protocols.modbus import ascii as modbus_ascii
from protocols.modbus import rtu
from protocols.modbus.security import Rights
from protocols.transport.pump import Pump

if TYPE_CHECKING:
    from emulator.face.cosem.link_setup import LinkSetups


class LineError(Exception):
    """Meters that cannot be on one line; one sentence."""


class Line:
    """One port, pty or device.

    Args:
        members: who is on it; one scheme, addresses that tell them apart.
        journal: where what passes is noted, or None.
        behaviour: what the line does to what it carries, or None.
        seed: of the bench, for what the behaviour draws.
        rights: what the roles of Modbus Security may do.

    Attributes:
        client_baud: what the client at the other end has set, where that can be known.
        pumps: open connections, or None.

    Raises:
        LineError: the members cannot be told apart, speak different protocols, or lack a face for this one.
    """

    __slots__ = (
        "_behaviour",
        "_bus",
        "_called",
        "_journal",
        "_rights",
        "_seed",
        "_set_up",
        "client_baud",
        "members",
        "pumps",
    )

    def __init__(
        self,
        members: Sequence[Member],
        journal: Journal | None = None,
        behaviour: LineBehaviour | None = None,
        seed: int = 0,
        rights: Rights = ROLES,
    ) -> None:
        _check(members)
        self.members = tuple(members)
        for member in members:
            member.show(member.address)
        self.pumps: set[Pump] | None = None
        self.client_baud: Callable[[], int] | None = None
        self._bus: Bus | None = None
        self._called: dict[int, int] = {}
        self._set_up: dict[int, LinkSetups] = {}  # what the stations of a serial line were made with
        self._journal = journal
        self._behaviour = behaviour
        self._seed = seed
        self._rights = rights

    @property
    def address(self) -> MeterAddress:
        """The address of the first member; all have the same scheme and carrier."""
        return self.members[0].address

    @property
    def up(self) -> bool:
        """Whether anybody here would answer."""
        return any(member.resident.up for member in self.members)

    def pump(self) -> Pump:
        """A pump for one connection; it is ours from when the connection stands."""

        def make(peer: Peer) -> Machine | None:
            self._adopt(pump)
            return self.machine(peer)

        pump = Pump(make, on_closed=lambda _reason: self._forget(pump))
        return pump

    @contextmanager
    def open_pump(self, pump: Pump) -> Iterator[None]:
        """A connection that was dialled belongs to this line for a while."""
        self._adopt(pump)
        try:
            yield
        finally:
            self._forget(pump)

    def _adopt(self, pump: Pump) -> None:
        if self.pumps is None:
            self.pumps = set()
        self.pumps.add(pump)

    def _forget(self, pump: Pump) -> None:
        if self.pumps is not None:
            self.pumps.discard(pump)
            if not self.pumps:
                self.pumps = None  # ten thousand idle lines keep nothing

    def machine(self, peer: Peer) -> Machine | None:
        """The machine of one connection; None where a meter would not take it: it is dark, or has all it can have."""
        serial = is_serial(self.address)
        if not serial and (not self.up or self._full()):
            return None
        if serial:
            self._called = {}
            self._set_up = {member.station: member.setups for member in self.members}
        machine = MACHINES[self.address.scheme](self._setting(peer))
        self._bus = machine if serial and isinstance(machine, Bus) else None
        return machine

    def _setting(self, peer: Peer) -> Setting:
        called = self._called if is_serial(self.address) else None
        return Setting(self.members, peer, self._journal, self._layers(), called, self._rights)

    def _full(self) -> bool:
        """Whether a meter's own port has more connections than its TCP-UDP setup allows, the new one counted."""
        if not own_port(self.members):
            return False
        setup = self.members[0].setups.tcp_udp
        return setup is not None and self.pumps is not None and len(self.pumps) > setup.connections_max

    def _layers(self) -> list[Layer[Any, Any]]:
        """What the line does to bytes."""
        carrier = self.address.carrier
        if self._behaviour is None or not isinstance(carrier, SerialLine | Pty):
            return []
        exchange = self._foreign()
        exchanges = () if exchange is None else (exchange,)
        return self._behaviour.layers(
            self.baud, seed=self._seed, name=str(carrier), client_baud=self.client_baud, exchanges=exchanges
        )

    def _foreign(self) -> tuple[bytes, bytes] | None:
        """What another master asks somebody else, and the answer; nothing where a meter takes any address for its."""
        address, known = self.address, {member.station for member in self.members}
        if isinstance(address, ModbusAddress):
            unit = next((unit for unit in range(247, 0, -1) if unit not in known), UNIT_MAX)
            ascii_line = address.framing == "ascii"
            return foreign_exchange(unit, bytes(4), modbus_ascii.encode_frame if ascii_line else rtu.encode_frame)
        if address.link != "hdlc" or any(member.physical is None for member in self.members):
            return None
        known |= {member.physical for member in self.members if member.physical is not None}
        return foreign_connection(next(station for station in range(0x3F00, 0, -1) if station not in known))

    @property
    def baud(self) -> int:
        """The speed of a serial line now: one meter's HDLC setup has the say; several have the bench file's."""
        carrier = self.address.carrier
        named = carrier.baud if isinstance(carrier, SerialLine | Pty) else 0
        return self.members[0].baud or named if len(self.members) == 1 else named

    def set_up(self, resident: Resident) -> None:
        """Put to work what a meter's setups say now where it has no link; off serial lines every connection does so.

        A meter alone on a line begins anew; of several its station does, and the line keeps its speed and time-out.
        """
        if not is_serial(self.address) or not isinstance(self.address, DlmsAddress):
            return
        for member in self.members:
            setups = member.setups
            if member.resident is not resident or self._set_up.get(member.station) == setups:
                continue
            for pump in list(self.pumps or ()):
                machine = pump.machine
                if _linked(machine.stations[member.station] if isinstance(machine, Bus) else machine):
                    continue
                if len(self.members) == 1:
                    pump.renew(finish=True)
                elif isinstance(machine, Bus):
                    self._renew_station(machine, member)

    def _renew_station(self, bus: Bus, member: Member) -> None:
        self._set_up[member.station] = member.setups
        for address in [address for address, key in self._called.items() if key == member.station]:
            del self._called[address]
        bus.stations[member.station] = station(self._setting(Peer("serial", "")), member)
        self._called.setdefault(member.called, member.station)

    def push(self, resident: Resident, link: str, say: Callable[[AssociationServer], None], now_us: int) -> bool:
        """Let a meter say something unasked on a line of one kind, wherever a connection stands there.

        Args:
            resident: the meter.
            link: the kind, "hdlc" or "wrapper".
            say: is given the associations of each connection that is open here.
            now_us: link time.

        Returns:
            Whether there was anybody to say it to.
        """
        address = self.address
        if not isinstance(address, DlmsAddress) or address.link != link or address.scheme == "dlms+udp":
            return False
        stations = [member.station for member in self.members if member.resident is resident]
        for pump in list(self.pumps or ()):
            machine = pump.machine
            stacks = [machine.stations[key] for key in stations] if isinstance(machine, Bus) else [machine]
            for stack in stacks:
                for layer in stack.layers if isinstance(stack, Stack) else ():
                    if isinstance(layer, AssociationServer):
                        say(layer)
            if isinstance(machine, Bus):
                for key in stations:
                    machine.settle(key, now_us)
            pump.turn(now_us)
        return bool(self.pumps)

    def supply_changed(self, resident: Resident) -> None:
        """A member has lost its supply or has it back: connections to it alone break, its station begins anew."""
        if not is_serial(self.address):
            if len(self.members) == 1 or not self.up:
                for pump in list(self.pumps or ()):
                    pump.abort("the meter lost its supply")
        elif self._bus is not None:
            for member in self.members:
                if member.resident is resident:
                    self._renew_station(self._bus, member)
        elif isinstance(self.address, DlmsAddress):
            for pump in self.pumps or ():
                pump.renew()


def _linked(machine: Machine) -> bool:
    layers = machine.layers if isinstance(machine, Stack) else ()
    return any(isinstance(layer, HdlcServer) and layer.linked for layer in layers)


def _check(members: Sequence[Member]) -> None:
    first = members[0].address
    known: dict[int, str] = {}
    for member in members:
        resident, address = member
        face = resident.cosem if isinstance(address, DlmsAddress) else resident.modbus
        if face is None:
            kind = "DLMS objects" if isinstance(address, DlmsAddress) else "Modbus registers"
            raise LineError(f'meter "{resident.id}" cannot listen on {address}: its model has no {kind}')
        if address.scheme != first.scheme:
            raise LineError(
                f'meter "{resident.id}" listens on {address}, where meter "{members[0].resident.id}" speaks '
                f"{first.scheme}; one line has one protocol"
            )
        if address.scheme == "dlms+mode-e" and (len(members) > 1 or not isinstance(face, CosemFace)):
            raise LineError(f'meter "{resident.id}": {address}: an optical head reads one meter; give each a path')
        if member.station in known:
            raise LineError(
                f'meters "{known[member.station]}" and "{resident.id}" have the same address {member.station} on '
                f"{address}; give them different {_distinction(address)}"
            )
        known[member.station] = resident.id


def _distinction(address: MeterAddress) -> str:
    if isinstance(address, ModbusAddress):
        return "units (unit=...)"
    return "physical addresses (physical=...)" if address.link == "hdlc" else "server SAPs (server=...)"
