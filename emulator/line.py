"""A line: one port, pty or device, the meters on it, and the machine that speaks for them.

Each scheme has one way to stack its layers; what is noted (the journal's tap) and what goes wrong (faults) stand
between them. On a TCP port every connection has a machine of its own; a serial line has one machine for as long as the
bench runs, and stations that are made anew when their meter comes back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from emulator.face.cosem.face import CosemFace
from emulator.face.read_out import data_sets, identification_of
from emulator.journal import Events, Journal, Tap, UnitTap
from emulator.resident import Attendance, Darkness, Resident
from protocols.address import DlmsAddress, MeterAddress, ModbusAddress, Pty, SerialLine
from protocols.errors import RemoteProtocolError
from protocols.hdlc.framer import HdlcFramer, destination
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import HdlcServer
from protocols.iec62056_21.message import INITIAL_BAUD
from protocols.iec62056_21.meter import SignOnMeter
from protocols.machine import Bus, Layer, Machine, Peer, SetLine, Stack
from protocols.modbus.ascii import AsciiFramer
from protocols.modbus.code import ExceptionCode
from protocols.modbus.rtu import RtuFramer
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import TcpFramer
from protocols.transport.pump import Pump
from protocols.wrapper import Role, Wrapper, WrapperDatagram

HDLC_PARAMETERS: Final = Parameters.symmetric(2030, 7)
"""What our meters can send and take: all that the standard has; the client settles for less."""


class Member(NamedTuple):
    """A meter on a line, and by which address."""

    resident: Resident
    address: MeterAddress


class LineError(Exception):
    """Meters that cannot be on one line; one sentence."""


class Line:
    """One port, pty or device.

    Args:
        members: who is on it; one scheme, addresses that tell them apart.
        journal: where what passes is noted, or None.

    Raises:
        LineError: the members cannot be told apart, speak different protocols, or lack a face for this one.
    """

    __slots__ = ("_journal", "bus", "members", "pumps")

    def __init__(self, members: Sequence[Member], journal: Journal | None = None) -> None:
        _check(members)
        self.members = tuple(members)
        self.pumps: set[Pump] | None = None
        self.bus: Bus | None = None
        self._journal = journal

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
        """The machine of one connection; None while every meter here is dark, on what a dark meter would drop."""
        if not self.up and not isinstance(self.address.carrier, SerialLine | Pty):
            return None
        return MACHINES[self.address.scheme](self, peer)

    def supply_changed(self, resident: Resident) -> None:
        """A member has lost its supply or has it back: connections to it alone break, its station begins anew."""
        serial = isinstance(self.address.carrier, SerialLine | Pty)
        if not serial:
            if len(self.members) == 1 or not self.up:
                for pump in list(self.pumps or ()):
                    pump.abort("the meter lost its supply")
        elif self.bus is not None and isinstance(self.address, DlmsAddress):
            for member in self.members:
                if member.resident is resident:
                    self.bus.stations[_station(member.address)] = self._station(member, Peer("serial", ""))
        elif isinstance(self.address, DlmsAddress):
            for pump in self.pumps or ():
                pump.renew()

    def wrapper(self, peer: Peer, framer: Layer[bytes, Any]) -> Machine:
        """DLMS in wrapper frames; meters behind one port are told apart by their server SAP."""
        if len(self.members) == 1:
            return Stack([framer, *self._association(self.members[0], peer)])
        stations = {_station(member.address): Stack(self._association(member, peer)) for member in self.members}
        return Bus(_Closing(framer), _server_of, stations)

    def hdlc(self, peer: Peer) -> Machine:
        """DLMS in HDLC: one meter that takes any physical address, or a bus of stations."""
        first = self.members[0]
        serial = isinstance(self.address.carrier, SerialLine | Pty)
        if len(self.members) == 1 and _dlms(first.address).physical is None:
            dark: list[Layer[Any, Any]] = [Darkness(first.resident)] if serial else []
            return Stack([*dark, HdlcFramer(), *self._station_layers(first, peer)])
        stations = {_station(member.address): self._station(member, peer) for member in self.members}
        bus = Bus(HdlcFramer(), destination, stations)
        if serial:
            self.bus = bus
        return bus

    def mode_e(self, peer: Peer) -> Machine:
        """The optical head: a sign-on at 300 baud that gives the line to HDLC, or a read-out."""
        first = self.members[0]
        resident, on_pty = first.resident, isinstance(self.address.carrier, Pty)
        face = _face(resident)
        model = face.plan.model
        sign_on = SignOnMeter(
            identification_of(model),
            device_address=resident.id,
            data_block=lambda now_us: data_sets(face.meter, model, resident.clock.true_ms(now_us)),
            parity_in_bit_7=on_pty,
        )
        stack = Stack([Darkness(resident), sign_on, HdlcFramer(), *self._station_layers(first, peer)])
        stack.layers[0].below(SetLine(INITIAL_BAUD) if on_pty else SetLine(INITIAL_BAUD, 7, "E", 1), 0)
        return stack

    def modbus(self, framer: Layer[bytes, Any], *, serial: bool) -> Machine:
        """Modbus units behind one framer."""
        residents = {_station(member.address): member.resident for member in self.members}
        units = {unit: resident.modbus for unit, resident in residents.items() if resident.modbus is not None}
        names = {unit: resident.id for unit, resident in residents.items()}
        shared = not serial and len(units) > 1
        unknown = ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND if shared else None
        server = ModbusServer(units, serial=serial, unknown_unit=unknown)
        if self._journal is None:
            return Stack([framer, server])
        return Stack([framer, UnitTap(self._journal, names), server])

    def _station(self, member: Member, peer: Peer) -> Stack:
        return Stack([Darkness(member.resident), *self._station_layers(member, peer)])

    def _station_layers(self, member: Member, peer: Peer) -> list[Layer[Any, Any]]:
        address = _dlms(member.address)
        link = HdlcServer(
            physical=address.physical,
            logical_devices=(address.server,),
            parameters=HDLC_PARAMETERS,
            address_size=address.address_size or None,
        )
        return [link, *self._association(member, peer)]

    def _association(self, member: Member, peer: Peer) -> list[Layer[Any, Any]]:
        resident = member.resident
        layers: list[Layer[Any, Any]] = [Attendance(resident)]
        if self._journal is not None:
            layers.append(Tap(self._journal, resident.id))
        server = resident.association_server(_dlms(member.address).server, peer)
        return [*layers, server, Events(self._journal, resident.id)]


class _Closing(Layer[bytes, Any]):
    """Lets a framer that raises stand under a `Bus`, which expects one that does not: what it raises ends the line."""

    def __init__(self, framer: Layer[bytes, Any]) -> None:
        self._framer = framer

    def from_below(self, item: bytes, now_us: int) -> None:
        self._framer.above, self._framer.below = self.above, self.below
        try:
            self._framer.from_below(item, now_us)
        except RemoteProtocolError as error:
            self.close(str(error))

    def from_above(self, item: Any, now_us: int) -> None:
        self._framer.below = self.below
        self._framer.from_above(item, now_us)


def _server_of(item: Any) -> int:
    return int(item.server)


def _baud(line: Line) -> int | None:
    carrier = line.address.carrier
    return carrier.baud if isinstance(carrier, SerialLine | Pty) else None


MACHINES: Final[Mapping[str, Callable[[Line, Peer], Machine]]] = {
    "dlms+tcp": lambda line, peer: line.wrapper(peer, Wrapper(Role.SERVER)),
    "dlms+tcp+listen": lambda line, peer: line.wrapper(peer, Wrapper(Role.SERVER)),
    "dlms+udp": lambda line, peer: line.wrapper(peer, WrapperDatagram(Role.SERVER)),
    "dlms+hdlc+tcp": lambda line, peer: line.hdlc(peer),
    "dlms+hdlc": lambda line, peer: line.hdlc(peer),
    "dlms+mode-e": lambda line, peer: line.mode_e(peer),
    "modbus+tcp": lambda line, _peer: line.modbus(TcpFramer(), serial=False),
    "modbus+tls": lambda line, _peer: line.modbus(TcpFramer(), serial=False),
    "modbus+rtu": lambda line, _peer: line.modbus(RtuFramer("server", baud=_baud(line)), serial=True),
    "modbus+rtu+tcp": lambda line, _peer: line.modbus(RtuFramer("server"), serial=True),
    "modbus+ascii": lambda line, _peer: line.modbus(AsciiFramer("server"), serial=True),
}
"""How each scheme's layers are stacked."""


def _dlms(address: MeterAddress) -> DlmsAddress:
    if not isinstance(address, DlmsAddress):
        raise LineError(f"{address} is not a DLMS address")
    return address


def _face(resident: Resident) -> CosemFace:
    if not isinstance(resident.cosem, CosemFace):
        raise LineError(f'meter "{resident.id}" cannot be read out: its model has no DLMS objects')
    return resident.cosem


def _station(address: MeterAddress) -> int:
    """What tells a meter apart on a line of its kind."""
    if isinstance(address, ModbusAddress):
        return address.unit
    if address.link == "hdlc" and address.physical is not None:
        return address.physical
    return address.server


def _check(members: Sequence[Member]) -> None:
    first = members[0].address
    known: dict[int, str] = {}
    for resident, address in members:
        face = resident.cosem if isinstance(address, DlmsAddress) else resident.modbus
        if face is None:
            kind = "DLMS objects" if isinstance(address, DlmsAddress) else "Modbus registers"
            raise LineError(f'meter "{resident.id}" cannot listen on {address}: its model has no {kind}')
        if address.scheme not in MACHINES:
            raise LineError(f'meter "{resident.id}" cannot listen on {address}: use one of {", ".join(MACHINES)}')
        if address.scheme != first.scheme:
            raise LineError(
                f'meter "{resident.id}" listens on {address}, where meter "{members[0].resident.id}" speaks '
                f"{first.scheme}; one line has one protocol"
            )
        if address.scheme == "dlms+mode-e" and len(members) > 1:
            raise LineError(f'meter "{resident.id}": {address}: an optical head reads one meter; give each a path')
        station = _station(address)
        if station in known:
            raise LineError(
                f'meters "{known[station]}" and "{resident.id}" have the same address {station} on {address}; '
                f"give them different {_distinction(address)}"
            )
        known[station] = resident.id


def _distinction(address: MeterAddress) -> str:
    if isinstance(address, ModbusAddress):
        return "units (unit=...)"
    return "physical addresses (physical=...)" if address.link == "hdlc" else "server SAPs (server=...)"
