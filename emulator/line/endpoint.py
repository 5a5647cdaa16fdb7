"""Endpoints: the lines of a bench opened, kept in step with their meters' supply, and closed.

A port is one socket and one callback; there is no task a listener. A meter that goes dark refuses connections, as a
device without supply does, and keeps its port for when it comes back.
"""

import asyncio
import contextlib
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from ssl import SSLContext
from typing import Final, TypeAlias

from emulator.bench.journal import Journal
from emulator.bench.resident import Resident
from emulator.line.dialer import Dialer
from emulator.line.line import Line, LineError
from emulator.line.machines import Member
from emulator.line.roles import ROLES
from emulator.line.rs485 import LineBehaviour
from protocols.address import SCHEMES, Carrier, DlmsAddress, MeterAddress, Pty, SerialLine, Tcp, TcpListen, Tls, Udp
from protocols.modbus.security import Rights
from protocols.transport.pty import PtyLine, open_pty
from protocols.transport.pump import Pump
from protocols.transport.serial import open_serial
from protocols.transport.tcp import TcpListener
from protocols.transport.tls import server_context
from protocols.transport.udp import UdpListener

FILES_RESERVED: Final = 64
"""Descriptors for standard streams, the loop, the journal, and a first few connections."""

PTY_FILES: Final = 3
"""Master, our own slave, and the claim on the path."""


class EndpointError(Exception):
    """A line cannot be opened, or there are too many; one sentence that says what to do."""


Opened: TypeAlias = "TcpListener | asyncio.DatagramTransport | Pump | Dialer"


class Endpoint:
    """All lines of a bench.

    Args:
        journal: where what passes is noted, or None.
        behaviours: what a serial line does to what it carries, by the pty's path or the device.
        seed: of the bench, for what behaviours draw.
        rights: what the roles of Modbus Security may do.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        behaviours: Mapping[str, LineBehaviour] | None = None,
        seed: int = 0,
        rights: Rights = ROLES,
    ) -> None:
        self._journal = journal
        self._behaviours = behaviours or {}
        self._seed = seed
        self._rights = rights
        self._lines: list[Line] = []
        self._opened: list[Opened] = []
        self._of: dict[str, tuple[int, ...]] = {}
        self._carriers: list[Carrier] = []

    async def open(self, meters: Iterable[tuple[Resident, Iterable[MeterAddress]]]) -> None:
        """Open every line of these meters.

        Raises:
            EndpointError: a port or path is taken, meters cannot share a line, or files are too few.
        """
        try:
            self._lines = [self._line(members) for members in group(meters)]
        except LineError as error:
            raise EndpointError(str(error)) from None
        check_files(line.address for line in self._lines)
        for index, line in enumerate(self._lines):
            for name in dict.fromkeys(member.resident.id for member in line.members):  # a unit may answer for two ids
                self._of[name] = (*self._of.get(name, ()), index)
            try:
                opened, carrier = await _open(line)
            except OSError as error:
                reason = error.strerror or str(error)
                raise EndpointError(f'meter "{line.members[0].resident.id}": {line.address}: {reason}') from None
            self._opened.append(opened)
            self._carriers.append(carrier)
            for member in line.members:
                if isinstance(carrier, Tcp | Udp):
                    member.show(replace(member.address, carrier=carrier))

    def _line(self, members: list[Member]) -> Line:
        match members[0].address.carrier:
            case Pty(path=name) | SerialLine(device=name):
                return Line(members, self._journal, self._behaviours.get(name), self._seed)
            case _:
                return Line(members, self._journal, rights=self._rights)

    def urls(self, resident: Resident) -> list[str]:
        """What a client dials to reach this meter."""
        return [
            str(_dialled_now(self._lines[index], member, self._carriers[index]))
            for index in self._of.get(resident.id, ())
            for member in self._lines[index].members
            if member.resident is resident
        ]

    def lines_of(self, resident: Resident) -> list[Line]:
        """The lines that a meter is on."""
        return [self._lines[index] for index in self._of.get(resident.id, ())]

    def set_up(self, resident: Resident) -> None:
        """A meter's setups may have changed, or a link of it has ended: what they say holds for links to come."""
        for index in self._of.get(resident.id, ()):
            self._lines[index].set_up(resident)

    def supply_changed(self, resident: Resident) -> None:
        """A meter has gone dark or come back."""
        for index in self._of.get(resident.id, ()):
            line, opened = self._lines[index], self._opened[index]
            line.supply_changed(resident)
            if isinstance(opened, TcpListener):
                if line.up:
                    opened.accept()
                else:
                    opened.refuse()

    async def close(self) -> None:
        """Close every line and connection; ptys take their links away."""
        for opened in self._opened:
            match opened:
                case Pump():
                    opened.abort("the emulator ends")
                case _:
                    opened.close()
        for line in self._lines:
            for pump in list(line.pumps or ()):
                pump.abort("the emulator ends")
        await asyncio.sleep(0)  # aborted carriers release what they hold in the loop's next turn
        await asyncio.sleep(0)


def group(meters: Iterable[tuple[Resident, Iterable[MeterAddress]]]) -> Iterator[list[Member]]:
    """Members by the line they are on: a named or shared port, a pty path, a device; all others stand alone."""
    shared: dict[object, list[Member]] = {}
    alone: list[list[Member]] = []
    for resident, addresses in meters:
        for address in addresses:
            member = Member(resident, address)
            key = _key(address)
            if key is None:
                alone.append([member])
            else:
                shared.setdefault(key, []).append(member)
    yield from alone
    yield from shared.values()


def _key(address: MeterAddress) -> object | None:
    match address.carrier:
        case Pty(path=path):
            return ("pty", path) if path else None
        case SerialLine(device=device):
            return ("serial", device)
        case TcpListen():
            return None
        case Udp(host=host, port=port, shared=shared):
            return ("udp", host, port, shared) if port or shared else None
        case Tcp(host=host, port=port, shared=shared) | Tls(host=host, port=port, shared=shared):
            return ("tcp", host, port, "" if port else shared) if port or shared else None


def check_files(addresses: Iterable[MeterAddress]) -> None:
    """Make room for as many open files as these listen addresses need, or say what is missing.

    Raises:
        EndpointError: with the number that is missing and the form that needs fewer.
    """
    needed, seen, example = FILES_RESERVED, set[object](), "dlms+tcp"
    for address in addresses:
        key = _key(address)
        if key is None or key not in seen:
            seen.add(key)
            needed += PTY_FILES if isinstance(address.carrier, Pty) else 1
        if isinstance(address.carrier, Tcp):
            example = address.scheme
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if needed > soft:
        what = "unit" if example.startswith("modbus") else "server SAP or physical address"
        raise EndpointError(
            f"this bench needs {needed} open files and {soft} are allowed, {needed - soft} are missing; raise the "
            f"limit (`ulimit -n {needed}`) or let meters share a port, as in "
            f'listen = ["{example}://127.0.0.1:0?shared=a"], where the {what} counts up instead'
        )


async def _open(line: Line) -> tuple[Opened, Carrier]:
    """Open one line; gives what was opened and what to dial it by."""
    carrier = line.address.carrier
    match carrier:
        case Tcp():
            listener = _listener(carrier, line, None)
            return listener, Tcp(host=_dialled(carrier.host), port=listener.port)
        case Tls():
            listener = _listener(carrier, line, server_context(carrier))
            return listener, Tls(host=_dialled(carrier.host), port=listener.port, authority=carrier.authority)
        case Udp():
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: UdpListener(line.pump), local_addr=(carrier.host, carrier.port)
            )
            return transport, Udp(host=_dialled(carrier.host), port=transport.get_extra_info("sockname")[1])
        case Pty():
            opened, pump = open_pty(carrier, _of_pty(line))
            known = SCHEMES[line.address.scheme]
            return pump, SerialLine(
                device=opened.path, baud=carrier.baud, data_bits=known.data_bits, parity=known.parity
            )
        case SerialLine():
            return open_serial(carrier, line.pump), carrier
        case TcpListen():
            return Dialer(line, carrier), carrier


def _dialled_now(line: Line, member: Member, carrier: Carrier) -> MeterAddress:
    """What a client dials: as the bench file says, or as the meter's HDLC setup was written since."""
    address = member.address
    if isinstance(address, DlmsAddress) and address.link == "hdlc":
        if isinstance(carrier, SerialLine):
            carrier = replace(carrier, baud=line.baud)
        return replace(address, carrier=carrier, physical=member.physical)
    return replace(address, carrier=carrier)


def _listener(carrier: Tcp | Tls, line: Line, context: SSLContext | None) -> TcpListener:
    listener = TcpListener(carrier.host, carrier.port, line.pump, context)
    if not line.up:
        listener.refuse()
    return listener


def _of_pty(line: Line) -> Callable[[PtyLine], Pump]:
    def make(opened: PtyLine) -> Pump:
        line.client_baud = opened.baud
        return line.pump()

    return make


def _dialled(host: str) -> str:
    """A host to dial for a host that was bound."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (recognised, not bound)
