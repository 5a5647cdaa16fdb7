"""How the layers of each scheme are stacked: one table from the scheme of a URL to the machine of one connection.

What is noted (the journal's tap), what a line does to bytes (`emulator.line.rs485`) and what goes wrong stand between
the protocol's own layers; absent, they cost nothing.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from emulator.bench.journal import Events, Journal, Tap, UnitTap
from emulator.bench.resident import Attendance, Confirmations, Darkness, Resident
from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.link_setup import HdlcSetup, LinkSetups, link_setups
from emulator.face.read_out import data_sets, identification_of
from emulator.line.chain import Chain
from emulator.line.roles import ROLES
from protocols.address import DlmsAddress, MeterAddress, ModbusAddress, Pty, SerialLine, Tls
from protocols.errors import LocalProtocolError
from protocols.hdlc.frame import Frame
from protocols.hdlc.framer import INTER_OCTET_US, HdlcFramer, destination
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import INACTIVITY_US, HdlcServer
from protocols.iec62056_21.message import INITIAL_BAUD
from protocols.iec62056_21.meter import SignOnMeter
from protocols.iec62056_21.sign_off import SignOff
from protocols.machine import Bus, Layer, Machine, Peer, SetLine, Stack
from protocols.modbus.application import ModbusApplication
from protocols.modbus.ascii import AsciiFramer
from protocols.modbus.code import ExceptionCode
from protocols.modbus.rtu import RtuFramer
from protocols.modbus.security import Rights, RoleGuard, role_of
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import TcpFramer
from protocols.modbus.tcp_server import ModbusTcpServer
from protocols.wrapper import Role, Wrapper, WrapperDatagram

HDLC_DEFAULT: Final = HdlcSetup(
    baud=9600,
    parameters=Parameters.symmetric(2030, 7),
    inter_octet_us=25_000,
    inactivity_us=INACTIVITY_US,
    device_address=0x10,
)
"""The terms of a meter without an HDLC setup: all that the standard has; the client settles for less."""

LUMP_US: Final = 100_000
"""What USB adapters and a busy machine add to the silence between octets."""


WHOLE_DEVICE: Final = (0, 255)
"""Units that on TCP mean the device at the address, which needs no other (Modbus Messaging on TCP/IP)."""


class Member(NamedTuple):
    """A meter on a line, and by which address."""

    resident: Resident
    address: MeterAddress

    @property
    def setups(self) -> LinkSetups:
        """What its objects say of its links now."""
        face = self.resident.cosem
        return link_setups(face, self.address) if isinstance(face, CosemFace) else LinkSetups()

    def show(self, place: MeterAddress) -> None:
        """Let the meter know where it listens; its setups show it."""
        face = self.resident.cosem
        if isinstance(face, CosemFace):
            face.places = (*face.places, place)

    @property
    def hdlc(self) -> HdlcSetup:
        """The terms of HDLC links that are opened now."""
        return self.setups.hdlc or HDLC_DEFAULT

    @property
    def baud(self) -> int:
        """The speed that its HDLC setup says; 0 where it has none, or has no say."""
        address, setup = self.address, self.setups.hdlc
        return setup.baud if isinstance(address, DlmsAddress) and address.link == "hdlc" and setup else 0

    @property
    def physical(self) -> int | None:
        """The physical address that it answers to now; None on a line of its own, where it answers to any."""
        named, setup = self.dlms.physical, self.setups.hdlc
        return named if named is None or setup is None else setup.device_address

    @property
    def called(self) -> int:
        """What it is called by on a line with others."""
        return self.station if self.physical is None else self.physical

    @property
    def dlms(self) -> DlmsAddress:
        """Its address as a DLMS one."""
        if not isinstance(self.address, DlmsAddress):
            raise LocalProtocolError(f"{self.address} is not a DLMS address")
        return self.address

    @property
    def station(self) -> int:
        """What the bench file tells it apart by on a line of its kind: unit, physical address, or server SAP."""
        address = self.address
        if isinstance(address, ModbusAddress):
            return address.unit
        if address.link == "hdlc" and address.physical is not None:
            return address.physical
        return address.server


class Setting(NamedTuple):
    """What a machine is made for.

    Attributes:
        members: the meters behind it; at least one, with addresses of one scheme.
        peer: the other end.
        journal: where what passes is noted, or None.
        behaviour: layers between wire and framer, from the wire upwards.
        called: stations by the physical address that they answer to, for a line that is told of changes.
        rights: what the roles of Modbus Security may do.
    """

    members: Sequence[Member]
    peer: Peer
    journal: Journal | None = None
    behaviour: Sequence[Layer[Any, Any]] = ()
    called: dict[int, int] | None = None
    rights: Rights = ROLES

    @property
    def serial(self) -> bool:
        """Whether this is a line that stays when a meter loses its supply."""
        return is_serial(self.members[0].address)


def is_serial(address: MeterAddress) -> bool:
    """Whether an address is on a pty or a serial device."""
    return isinstance(address.carrier, SerialLine | Pty)


def _stack(setting: Setting, layers: Sequence[Layer[Any, Any]]) -> Stack:
    return Stack([*setting.behaviour, *layers])


def _bus(setting: Setting, framer: Layer[Any, Any], route: Callable[[Any], Any], stations: Mapping[int, Stack]) -> Bus:
    return Bus(Chain([*setting.behaviour, framer]), route, stations)


def _wrapper(setting: Setting, framer: Layer[bytes, Any]) -> Machine:
    """DLMS in wrapper frames; meters behind one port are told apart by their server SAP."""
    if len(setting.members) == 1:
        return _stack(setting, [framer, *_association(setting, setting.members[0])])
    stations = {member.station: Stack(_association(setting, member)) for member in setting.members}
    return _bus(setting, framer, _server_of, stations)


def _server_of(item: Any) -> int:
    return int(item.server)


def _hdlc(setting: Setting) -> Machine:
    """DLMS in HDLC: one meter that takes any physical address, or a bus of stations."""
    first, alone = setting.members[0], len(setting.members) == 1
    framer = HdlcFramer(inter_octet_us=_inter_octet_us(setting))
    machine: Stack | Bus
    if alone and first.dlms.physical is None:
        dark: list[Layer[Any, Any]] = [Darkness(first.resident)] if setting.serial else []
        machine = _stack(setting, [*dark, framer, *_station_layers(setting, first)])
    else:
        called = {} if setting.called is None else setting.called
        for each in setting.members:
            called.setdefault(each.called, each.station)
        stations = {each.station: station(setting, each) for each in setting.members}
        machine = _bus(setting, framer, lambda frame: _station_of(frame, called), stations)
    carrier = first.address.carrier
    if alone and isinstance(carrier, SerialLine):
        machine.tell(SetLine(first.baud or carrier.baud, carrier.data_bits, carrier.parity, carrier.stop_bits))
    return machine


def _station_of(frame: Frame, called: Mapping[int, int]) -> Hashable | None:
    address = destination(frame)
    return called.get(address) if isinstance(address, int) else address


def _inter_octet_us(setting: Setting) -> int:
    """The silence that ends a frame: on a serial line what the meters' setups say, where TCP delivers in lumps more."""
    if not setting.serial:
        return INTER_OCTET_US
    return LUMP_US + max(member.hdlc.inter_octet_us for member in setting.members)


def station(setting: Setting, member: Member) -> Stack:
    """One station of an HDLC bus, as it is when its meter has just been switched on."""
    return Stack([Darkness(member.resident), *_station_layers(setting, member)])


def _station_layers(setting: Setting, member: Member) -> list[Layer[Any, Any]]:
    address, terms, physical = member.dlms, member.hdlc, member.physical
    link = HdlcServer(
        physical=physical,
        logical_devices=(address.server,),
        parameters=terms.parameters,
        address_size=address.address_size if address.physical == physical and address.address_size else None,
        inactivity_us=terms.inactivity_us,
    )
    return [link, *_association(setting, member)]


def _mode_e(setting: Setting) -> Machine:
    """The optical head: a sign-on that gives the line to HDLC, or a read-out; or HDLC at once where so set up."""
    first = setting.members[0]
    port = first.setups.local_port
    resident, on_pty = first.resident, isinstance(first.address.carrier, Pty)
    face = resident.cosem
    if not isinstance(face, CosemFace):
        raise LocalProtocolError(f"meter {resident.id} has no objects to be read out")
    model, host = face.plan.model, face.meter
    framer = HdlcFramer(inter_octet_us=_inter_octet_us(setting))
    link, *above = _station_layers(setting, first)
    if port is not None and not port.signs_on:
        stack = _stack(setting, [Darkness(resident), framer, link, *above])
        stack.tell(SetLine(first.hdlc.baud))
        return stack
    initial_baud = INITIAL_BAUD if port is None else port.initial_baud
    sign_on = SignOnMeter(
        identification_of(model, port),
        initial_baud=initial_baud,
        device_address=(port and port.device_address) or resident.id,
        data_block=lambda now_us: data_sets(host, model, resident.clock.true_ms(now_us)),
        parity_in_bit_7=on_pty,
    )
    stack = _stack(setting, [Darkness(resident), sign_on, framer, link, SignOff(sign_on), *above])
    stack.tell(SetLine(initial_baud) if on_pty else SetLine(initial_baud, 7, "E", 1))
    return stack


def _modbus(setting: Setting, framer: Layer[bytes, Any], *, serial: bool) -> Machine:
    """Modbus units behind one framer."""
    members = list(setting.members) if serial else _with_whole_device(setting.members)
    server = ModbusServer(_units(members), serial=serial, unknown_unit=None if serial else _unknown_unit(setting))
    layers: list[Layer[Any, Any]] = [framer]
    if isinstance(setting.members[0].address.carrier, Tls):
        layers.append(RoleGuard(role_of(setting.peer), setting.rights))
    if setting.journal is not None:
        layers.append(UnitTap(setting.journal, {member.station: member.resident.id for member in members}))
    return _stack(setting, [*layers, server])


def _modbus_tcp(setting: Setting) -> Machine:
    """Framer and server in one step, where nothing is to stand between them."""
    if setting.journal is not None or setting.behaviour:
        return _modbus(setting, TcpFramer(), serial=False)
    return ModbusTcpServer(_units(_with_whole_device(setting.members)), unknown_unit=_unknown_unit(setting))


def _with_whole_device(members: Sequence[Member]) -> list[Member]:
    """The members of a TCP port; a meter alone on it is also the units that mean whoever is at the address."""
    found, first = list(members), members[0]
    if isinstance(first.address, ModbusAddress) and all(member.resident is first.resident for member in members):
        known = {member.station for member in members}
        found += [
            first._replace(address=replace(first.address, unit=unit)) for unit in WHOLE_DEVICE if unit not in known
        ]
    return found


def _units(members: Sequence[Member]) -> dict[int, ModbusApplication]:
    faces = {member.station: member.resident.modbus for member in members}
    return {unit: face for unit, face in faces.items() if face is not None}


def _unknown_unit(setting: Setting) -> ExceptionCode | None:
    """A port with several units is a gateway to them, and says that somebody is not there; a meter stays silent."""
    return ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND if len(setting.members) > 1 else None


def _association(setting: Setting, member: Member) -> list[Layer[Any, Any]]:
    resident, journal = member.resident, setting.journal
    tcp = member.setups.tcp_udp if own_port(setting.members) else None
    tap: list[Layer[Any, Any]] = [] if journal is None else [Tap(journal, resident.id)]
    server = resident.association_server(member.dlms.server, setting.peer)
    attendance = Attendance(resident, tcp and tcp.inactivity_us)
    return [attendance, *tap, server, Confirmations(resident), Events(journal, resident.id)]


def own_port(members: Sequence[Member]) -> bool:
    """Whether this is a TCP port of one meter for DLMS, which its TCP-UDP setup is about."""
    return len(members) == 1 and members[0].address.scheme == "dlms+tcp"


def _rtu(setting: Setting) -> RtuFramer:
    carrier = setting.members[0].address.carrier
    return RtuFramer("server", baud=carrier.baud if isinstance(carrier, SerialLine | Pty) else None)


MACHINES: Final[Mapping[str, Callable[[Setting], Machine]]] = {
    "dlms+tcp": lambda setting: _wrapper(setting, Wrapper(Role.SERVER)),
    "dlms+tcp+listen": lambda setting: _wrapper(setting, Wrapper(Role.SERVER)),
    "dlms+udp": lambda setting: _wrapper(setting, WrapperDatagram(Role.SERVER)),
    "dlms+hdlc+tcp": _hdlc,
    "dlms+hdlc": _hdlc,
    "dlms+mode-e": _mode_e,
    "modbus+tcp": _modbus_tcp,
    "modbus+tls": lambda setting: _modbus(setting, TcpFramer(), serial=False),
    "modbus+rtu": lambda setting: _modbus(setting, _rtu(setting), serial=True),
    "modbus+rtu+tcp": lambda setting: _modbus(setting, _rtu(setting), serial=True),
    "modbus+ascii": lambda setting: _modbus(setting, AsciiFramer("server"), serial=True),
}
"""The machine of one connection, by scheme."""
