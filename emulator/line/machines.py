"""How the layers of each scheme are stacked: one table from the scheme of a URL to the machine of one connection.

What is noted (the journal's tap), what a line does to bytes (`emulator.line.rs485`) and what goes wrong stand between
the protocol's own layers; absent, they cost nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from emulator.bench.journal import Events, Journal, Tap, UnitTap
from emulator.bench.resident import Attendance, Confirmations, Darkness, Resident
from emulator.face.cosem.face import CosemFace
from emulator.face.read_out import data_sets, identification_of
from emulator.line.chain import Chain
from protocols.address import DlmsAddress, MeterAddress, ModbusAddress, Pty, SerialLine, Tls
from protocols.errors import LocalProtocolError
from protocols.hdlc.framer import HdlcFramer, destination
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import HdlcServer
from protocols.iec62056_21.message import INITIAL_BAUD
from protocols.iec62056_21.meter import SignOnMeter
from protocols.iec62056_21.sign_off import SignOff
from protocols.machine import Bus, Layer, Machine, Peer, SetLine, Stack
from protocols.modbus.application import ModbusApplication
from protocols.modbus.ascii import AsciiFramer
from protocols.modbus.code import ExceptionCode
from protocols.modbus.rtu import RtuFramer
from protocols.modbus.security import NO_ROLE, READ_FUNCTIONS, Rights, RoleGuard, role_of
from protocols.modbus.server import DISPATCH, ModbusServer
from protocols.modbus.tcp import TcpFramer
from protocols.modbus.tcp_server import ModbusTcpServer
from protocols.wrapper import Role, Wrapper, WrapperDatagram

HDLC_PARAMETERS: Final = Parameters.symmetric(2030, 7)
"""What our meters can send and take: all that the standard has; the client settles for less."""

ROLES: Final[Rights] = {
    NO_ROLE: READ_FUNCTIONS,
    "Viewer": READ_FUNCTIONS,
    "Operator": READ_FUNCTIONS | {5, 6, 15, 16, 22, 23},
    "Engineer": frozenset(DISPATCH),
}
"""What the roles of Modbus Security may do here; the specification leaves roles and rights to who runs the devices."""


class Member(NamedTuple):
    """A meter on a line, and by which address."""

    resident: Resident
    address: MeterAddress

    @property
    def station(self) -> int:
        """What tells it apart on a line of its kind: unit, physical address, or server SAP."""
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
    """

    members: Sequence[Member]
    peer: Peer
    journal: Journal | None = None
    behaviour: Sequence[Layer[Any, Any]] = ()

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
    first = setting.members[0]
    if len(setting.members) == 1 and _dlms(first).physical is None:
        dark: list[Layer[Any, Any]] = [Darkness(first.resident)] if setting.serial else []
        return _stack(setting, [*dark, HdlcFramer(), *_station_layers(setting, first)])
    return _bus(setting, HdlcFramer(), destination, {each.station: station(setting, each) for each in setting.members})


def station(setting: Setting, member: Member) -> Stack:
    """One station of an HDLC bus, as it is when its meter has just been switched on."""
    return Stack([Darkness(member.resident), *_station_layers(setting, member)])


def _station_layers(setting: Setting, member: Member) -> list[Layer[Any, Any]]:
    address = _dlms(member)
    link = HdlcServer(
        physical=address.physical,
        logical_devices=(address.server,),
        parameters=HDLC_PARAMETERS,
        address_size=address.address_size or None,
    )
    return [link, *_association(setting, member)]


def _mode_e(setting: Setting) -> Machine:
    """The optical head: a sign-on at 300 baud that gives the line to HDLC, or a read-out."""
    first = setting.members[0]
    resident, on_pty = first.resident, isinstance(first.address.carrier, Pty)
    face = resident.cosem
    if not isinstance(face, CosemFace):
        raise LocalProtocolError(f"meter {resident.id} has no objects to be read out")
    model, host = face.plan.model, face.meter
    sign_on = SignOnMeter(
        identification_of(model),
        device_address=resident.id,
        data_block=lambda now_us: data_sets(host, model, resident.clock.true_ms(now_us)),
        parity_in_bit_7=on_pty,
    )
    link, *above = _station_layers(setting, first)
    stack = _stack(setting, [Darkness(resident), sign_on, HdlcFramer(), link, SignOff(sign_on), *above])
    stack.layers[0].below(SetLine(INITIAL_BAUD) if on_pty else SetLine(INITIAL_BAUD, 7, "E", 1), 0)
    return stack


def _modbus(setting: Setting, framer: Layer[bytes, Any], *, serial: bool) -> Machine:
    """Modbus units behind one framer."""
    units = _units(setting)
    server = ModbusServer(units, serial=serial, unknown_unit=None if serial else _unknown_unit(units))
    layers: list[Layer[Any, Any]] = [framer]
    if isinstance(setting.members[0].address.carrier, Tls):
        layers.append(RoleGuard(role_of(setting.peer), ROLES))
    if setting.journal is not None:
        layers.append(UnitTap(setting.journal, {member.station: member.resident.id for member in setting.members}))
    return _stack(setting, [*layers, server])


def _modbus_tcp(setting: Setting) -> Machine:
    """Framer and server in one step, where nothing is to stand between them."""
    if setting.journal is not None or setting.behaviour:
        return _modbus(setting, TcpFramer(), serial=False)
    units = _units(setting)
    return ModbusTcpServer(units, unknown_unit=_unknown_unit(units))


def _units(setting: Setting) -> dict[int, ModbusApplication]:
    faces = {member.station: member.resident.modbus for member in setting.members}
    return {unit: face for unit, face in faces.items() if face is not None}


def _unknown_unit(units: Mapping[int, ModbusApplication]) -> ExceptionCode | None:
    """A port with several units is a gateway to them, and says that somebody is not there; a meter stays silent."""
    return ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND if len(units) > 1 else None


def _association(setting: Setting, member: Member) -> list[Layer[Any, Any]]:
    resident, journal = member.resident, setting.journal
    tap: list[Layer[Any, Any]] = [] if journal is None else [Tap(journal, resident.id)]
    server = resident.association_server(_dlms(member).server, setting.peer)
    return [Attendance(resident), *tap, server, Confirmations(resident), Events(journal, resident.id)]


def _dlms(member: Member) -> DlmsAddress:
    if not isinstance(member.address, DlmsAddress):
        raise LocalProtocolError(f"{member.address} is not a DLMS address")
    return member.address


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
