"""Every carrier on loopback: TCP, TLS, UDP, a pty as a serial line, memory."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from protocols.address import Pty, SerialLine, Tcp, TcpListen, Udp
from protocols.errors import LocalProtocolError
from protocols.machine import Answered, Machine, Peer, SetLine, Stack
from protocols.transport.conversation import converse
from protocols.transport.dial import dial
from protocols.transport.memory import join
from protocols.transport.pty import PtyLine, open_pty
from protocols.transport.pump import Pump
from protocols.transport.tcp import TcpListener
from protocols.transport.terminal import TerminalTransport
from protocols.transport.udp import PEERS_MAX, UdpListener
from tests.patience import PATIENCE_S
from tests.protocols.transport.fakes import LineClient, Lines, Scripted, echo_server


async def ask(carrier: Tcp | Udp | SerialLine, line: bytes) -> object:
    client = LineClient(timeout_us=5_000_000)
    conversation = converse(await dial(carrier, lambda _peer: Stack([Lines(), client])))
    try:
        return await conversation.ask(lambda now_us: client.request(line, now_us))
    finally:
        await conversation.aclose()


async def test_tcp_answers() -> None:
    listener = TcpListener("127.0.0.1", 0, lambda: Pump(echo_server))
    assert await ask(Tcp(host="127.0.0.1", port=listener.port), b"hello") == Answered(1, b"hello")
    listener.close()


async def test_a_refusing_listener_keeps_its_port_and_can_accept_again() -> None:
    listener = TcpListener("127.0.0.1", 0, lambda: Pump(echo_server))
    carrier = Tcp(host="127.0.0.1", port=listener.port)
    listener.refuse()
    with pytest.raises(ConnectionRefusedError):
        await dial(carrier, lambda _peer: Scripted())
    listener.accept()
    assert await ask(carrier, b"back") == Answered(1, b"back")
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        await dial(carrier, lambda _peer: Scripted())


async def test_a_taken_port_is_an_os_error() -> None:
    listener = TcpListener("127.0.0.1", 0, lambda: Pump(echo_server))
    with pytest.raises(OSError, match="in use"):
        TcpListener("127.0.0.1", listener.port, lambda: Pump(echo_server))
    listener.close()


async def test_a_peer_that_does_not_read_stops_us_from_reading() -> None:
    machines: list[Scripted] = []

    class Flood(Scripted):
        def receive_data(self, data: bytes, now_us: int) -> None:
            self.heard.append(data)
            self.out.append(bytes(1 << 20))

    def make(_peer: Peer) -> Machine:
        machines.append(Flood())
        return machines[0]

    listener = TcpListener("127.0.0.1", 0, lambda: Pump(make))
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setblocking(False)
        await loop.sock_connect(peer, ("127.0.0.1", listener.port))
        sent = 0
        while True:
            try:
                async with asyncio.timeout(0.2):
                    await loop.sock_sendall(peer, bytes(1 << 16))
                sent += 1 << 16
            except TimeoutError:
                break
        assert sum(map(len, machines[0].heard)) < sent
    listener.close()


async def test_udp_gives_each_peer_a_machine_of_its_own() -> None:
    peers: list[str] = []

    def make(peer: Peer) -> Machine:
        peers.append(peer.address)
        return echo_server()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: UdpListener(lambda: Pump(make)), local_addr=("127.0.0.1", 0)
    )
    carrier = Udp(host="127.0.0.1", port=transport.get_extra_info("sockname")[1])
    assert await ask(carrier, b"one") == Answered(1, b"one")
    assert await ask(carrier, b"two") == Answered(1, b"two")
    assert len(set(peers)) == 2
    transport.close()


async def test_udp_peers_are_forgotten_oldest_first() -> None:
    sent: list[tuple[bytes, object]] = []

    class Socket(asyncio.DatagramTransport):
        def sendto(self, data: bytes, addr: object = None) -> None:  # type: ignore[override]
            sent.append((data, addr))

    listener = UdpListener(lambda: Pump(echo_server))
    listener.connection_made(Socket())
    for port in range(PEERS_MAX + 10):
        listener.datagram_received(b"x\n", ("127.0.0.1", port))
        listener.datagram_received(b"first\n", ("127.0.0.1", 0))
    await asyncio.sleep(0)
    assert len(listener._flows) == PEERS_MAX
    assert ("127.0.0.1", 0) in listener._flows
    assert ("127.0.0.1", 1) not in listener._flows
    assert sent[0] == (b"x\n", ("127.0.0.1", 0))
    listener.connection_lost(None)


async def test_a_closed_udp_port_ends_the_conversation() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    client = LineClient(timeout_us=10_000_000)
    conversation = converse(await dial(Udp(host="127.0.0.1", port=port), lambda _peer: Stack([Lines(), client])))
    with pytest.raises(ConnectionError, match="refuses datagrams"):
        await conversation.ask(lambda now_us: client.request(b"x", now_us))


def pty_with(carrier: Pty, make: Callable[[Peer], Machine] = echo_server) -> tuple[PtyLine, Pump]:
    return open_pty(carrier, lambda _line: Pump(make))


async def test_a_pty_answers_as_a_serial_device_one_client_after_another(tmp_path: Path) -> None:
    line, pump = pty_with(Pty(path=str(tmp_path / "run" / "line1")))
    assert line.path == str(tmp_path / "run" / "line1")
    for word in (b"one", b"two", b"\x11\x13\x03\x04\r\x7f"):  # nothing on the line is taken for control
        assert await ask(SerialLine(device=line.path, baud=9600), word) == Answered(1, word)
    pump.close("end")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not (tmp_path / "run" / "line1").is_symlink()


async def test_the_master_of_a_pty_reads_the_clients_baud() -> None:
    line, pump = pty_with(Pty())
    with serial.Serial(line.device, 2400):
        assert line.baud() == 2400
    line.set_line(SetLine(9600))
    assert line.baud() == 9600
    pump.abort("end")


async def test_a_pty_path_in_use_is_refused_and_a_stale_one_replaced(tmp_path: Path) -> None:
    path = tmp_path / "line"
    path.symlink_to("/dev/pts/999999")
    first = PtyLine(Pty(path=str(path)))
    assert str(path.readlink()) == first.device
    with pytest.raises(OSError, match="another running emulator"):
        PtyLine(Pty(path=str(path)))
    assert path.is_symlink()
    first.close()
    first.close()
    assert not path.is_symlink()


async def test_a_pty_never_replaces_what_no_emulator_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            PtyLine(Pty(path=str(tmp_path / name)))
    assert (tmp_path / "link").read_text() == "precious"


async def test_a_line_change_waits_for_what_stands_before_it() -> None:
    opened = PtyLine(Pty())
    loop, applied = asyncio.get_running_loop(), asyncio.Event()
    done: list[SetLine] = []

    def apply_line(line: SetLine) -> None:
        done.append(line)
        if len(done) == 2:
            applied.set()

    machine = Scripted([b"/?!\r\n", SetLine(9600), SetLine(300), b"after"])
    begun_s, pump = loop.time(), Pump(lambda _peer: machine)
    TerminalTransport(
        opened.fd,
        pump,
        name="line",
        line=SetLine(300, 7, "E", 1),
        pty=False,
        apply_line=apply_line,
        release=opened.close,
    )
    assert done == []
    await asyncio.wait_for(applied.wait(), PATIENCE_S)
    assert loop.time() - begun_s >= 5 * 10 / 300 - 0.01  # five characters of ten bits had to leave first
    assert done == [SetLine(9600), SetLine(300)]
    pump.abort("end")
    await asyncio.sleep(0)


async def test_seven_bits_with_parity_cross_a_pty_as_bits() -> None:
    client = LineClient(timeout_us=5_000_000)
    line, far = open_pty(Pty(baud=300), lambda _line: Pump(echo_server), SetLine(300, 7, "E", 1))
    carrier = SerialLine(device=line.device, baud=300, data_bits=7, parity="E")
    near = converse(await dial(carrier, lambda _peer: Stack([Lines(), client])))
    assert await near.ask(lambda now_us: client.request(b"/EMU5", now_us)) == Answered(1, b"/EMU5")
    await near.aclose()
    far.abort("end")
    await asyncio.sleep(0)


async def test_a_missing_device_is_an_os_error() -> None:
    with pytest.raises(OSError, match="no-such-device"):
        await dial(SerialLine(device="/dev/no-such-device", baud=9600), lambda _peer: Scripted())


async def test_addresses_to_listen_on_are_not_dialled() -> None:
    for carrier in (Pty(), TcpListen(host="127.0.0.1", port=1)):
        with pytest.raises(LocalProtocolError):
            await dial(carrier, lambda _peer: Scripted())


async def test_memory_holds_a_writer_back_until_the_reader_reads() -> None:
    machine = Scripted([bytes(40_000), bytes(40_000)])
    near, far_machine = Pump(lambda _peer: machine), Scripted()
    far = Pump(lambda _peer: far_machine)
    join(near, far)
    far._carrier.pause_reading()
    await asyncio.sleep(0)
    assert not near._carrier.is_reading()
    assert far_machine.heard == []
    far._carrier.resume_reading()
    await asyncio.sleep(0)
    assert near._carrier.is_reading()
    assert sum(map(len, far_machine.heard)) == 80_000
    near.close("end")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert far_machine.eof
