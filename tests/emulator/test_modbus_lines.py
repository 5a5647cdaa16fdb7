"""Modbus on every carrier that is not plain TCP: TLS, RTU over TCP, ASCII; and DLMS on UDP."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import serial

from emulator.line.endpoint import Endpoint
from emulator.line.rs485 import LineBehaviour
from protocols.address import ModbusAddress, SerialLine, Tcp, Tls, Udp, parse
from protocols.checksum import crc16_modbus
from protocols.machine import Indication, Layer, Stack
from protocols.modbus.adu import Adu
from protocols.modbus.ascii import AsciiFramer
from protocols.modbus.tcp import HEADER, HEADER_BYTES, TcpFramer
from protocols.transport.conversation import converse
from protocols.transport.dial import dial
from tests.certificates import certificate
from tests.emulator.fakes import resident
from tests.patience import PATIENCE_S

READ_ONE = bytes((3, 0, 0, 0, 1))
SEVEN = bytes((3, 2, 0, 7))
WRITE_ONE = bytes((6, 0, 0, 0, 7))
REFUSED = bytes((0x86, 1))
ECHO = bytes((8, 0, 0, 1, 2))


async def opened(*urls: str, behaviours: dict[str, LineBehaviour] | None = None) -> tuple[Endpoint, list[str]]:
    endpoint, meter = Endpoint(behaviours=behaviours, seed=42), resident("EA0001", number=7)
    await endpoint.open([(meter, [parse(url, listen=True) for url in urls])])
    return endpoint, endpoint.urls(meter)


class Asker(Layer[Adu, Adu]):
    """Hands answers up as they are."""

    def from_below(self, item: Adu, now_us: int) -> None:
        self.above(Indication(item.pdu), now_us)


async def asked(carrier: Tls | SerialLine, framer: Layer[bytes, Adu], pdu: bytes = READ_ONE) -> bytes:
    """The PDU that unit 1 answers."""
    asker = Asker()
    talk = converse(await dial(carrier, lambda _peer: Stack([framer, asker])))
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    talk.on_indication = lambda indication: answered.set_result(indication.apdu)
    asker.below(Adu(1, pdu, 9), 0)
    talk.touch()
    closed = asyncio.ensure_future(talk.wait_closed())
    closed.add_done_callback(lambda _closed: answered.done() or answered.cancel())
    try:
        return await asyncio.wait_for(answered, PATIENCE_S)
    except asyncio.CancelledError:
        raise ConnectionError(talk.closed) from None
    finally:
        await talk.aclose()


async def test_modbus_tls_wants_the_clients_certificate(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    endpoint, [url] = await opened(
        f"modbus+tls://127.0.0.1:0?certificate={server[0]}&private_key={server[1]}&authority={client[0]}"
    )
    listening = parse(url).carrier
    assert isinstance(listening, Tls)
    assert ".key" not in url
    known = Tls(
        host=listening.host,
        port=listening.port,
        authority=str(server[0]),
        certificate=str(client[0]),
        private_key=str(client[1]),
    )
    assert await asked(known, TcpFramer()) == SEVEN
    stranger = Tls(host=listening.host, port=listening.port, authority=str(server[0]))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asked(stranger, TcpFramer())
    await endpoint.close()


async def told(folder: Path, role: str, pdu: bytes) -> bytes:
    """What a client with this role is answered over TLS."""
    server, client = certificate(folder, "server"), certificate(folder, "client", role)
    endpoint, [url] = await opened(
        f"modbus+tls://127.0.0.1:0?certificate={server[0]}&private_key={server[1]}&authority={client[0]}"
    )
    listening = parse(url).carrier
    assert isinstance(listening, Tls)
    trusted = {"authority": str(server[0]), "certificate": str(client[0]), "private_key": str(client[1])}
    try:
        return await asked(Tls(host=listening.host, port=listening.port, **trusted), TcpFramer(), pdu)
    finally:
        await endpoint.close()


@pytest.mark.parametrize(
    ("role", "pdu", "answer"),
    [
        ("", READ_ONE, SEVEN),
        ("", WRITE_ONE, REFUSED),
        ("Viewer", WRITE_ONE, REFUSED),
        ("Operator", WRITE_ONE, WRITE_ONE),
        ("Engineer", ECHO, ECHO),
        ("Operator", ECHO, bytes((0x88, 1))),
        ("Gardener", READ_ONE, bytes((0x83, 1))),
    ],
)
async def test_the_role_in_the_clients_certificate_says_what_it_may(
    tmp_path: Path, role: str, pdu: bytes, answer: bytes
) -> None:
    assert await told(tmp_path, role, pdu) == answer


async def test_a_line_echoes_and_is_deaf_to_a_client_at_another_rate(tmp_path: Path) -> None:
    path = f"{tmp_path}/line"
    behaviour = LineBehaviour(local_echo=True, strict_baud=True, turnaround_ms=5)
    endpoint, _ = await opened(f"modbus+rtu://pty?path={path}&unit=1", behaviours={path: behaviour})
    frame = bytes((1,)) + READ_ONE
    request = frame + crc16_modbus(frame).to_bytes(2, "little")

    def ask(baud: int) -> bytes:
        with serial.Serial(path, baud, timeout=0.3) as port:
            port.write(request)
            return port.read(len(request) + 7)

    heard = await asyncio.to_thread(ask, 9600)
    assert heard[: len(request)] == request
    assert heard[len(request) + 1 : -2] == SEVEN
    assert SEVEN not in await asyncio.to_thread(ask, 4800)
    await endpoint.close()


async def test_modbus_ascii_on_a_pty(tmp_path: Path) -> None:
    endpoint, [url] = await opened(f"modbus+ascii://pty?path={tmp_path}/line&unit=1")
    carrier = parse(url).carrier
    assert isinstance(carrier, SerialLine)
    assert await asked(carrier, AsciiFramer("client")) == SEVEN
    await endpoint.close()


async def of_unit(port: int, unit: int) -> bytes:
    """What a port answers to a read of a unit and a read of unit 1 behind it: the first PDU that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number, each in enumerate((unit, 1)):
        writer.write(HEADER.pack(number, 0, len(READ_ONE) + 1, each) + READ_ONE)
    transaction, _, length, _ = HEADER.unpack(await asyncio.wait_for(reader.readexactly(HEADER_BYTES), 5))
    pdu = await reader.readexactly(length - 1)
    writer.close()
    return pdu if transaction == 0 else b""


@pytest.mark.parametrize(("unit", "answer"), [(1, SEVEN), (0, SEVEN), (255, SEVEN), (2, b"")])
async def test_a_port_of_one_meter_is_the_units_that_mean_the_device_itself(unit: int, answer: bytes) -> None:
    endpoint, [url] = await opened("modbus+tcp://127.0.0.1:0?unit=1")
    carrier = parse(url).carrier
    assert isinstance(carrier, Tcp)
    assert await of_unit(carrier.port, unit) == answer
    await endpoint.close()


async def test_a_port_of_several_meters_is_a_gateway_to_their_units_only() -> None:
    endpoint = Endpoint()
    meters = [resident("EA0001", number=7), resident("EA0002", number=8)]
    urls = ["modbus+tcp://127.0.0.1:0?shared=a&unit=1", "modbus+tcp://127.0.0.1:0?shared=a&unit=2"]
    await endpoint.open((meter, [parse(url, listen=True)]) for meter, url in zip(meters, urls, strict=True))
    carrier = parse(endpoint.urls(meters[0])[0]).carrier
    assert isinstance(carrier, Tcp)
    assert await of_unit(carrier.port, 255) == bytes((0x83, 11))
    await endpoint.close()


async def test_modbus_rtu_over_tcp_keeps_no_silence() -> None:
    endpoint, [url] = await opened("modbus+rtu+tcp://127.0.0.1:0?unit=1")
    address = parse(url)
    assert isinstance(address, ModbusAddress)
    assert isinstance(address.carrier, Tcp)
    reader, writer = await asyncio.open_connection(address.carrier.host, address.carrier.port)
    frame = bytes((1,)) + READ_ONE
    writer.write(frame + crc16_modbus(frame).to_bytes(2, "little"))
    assert (await asyncio.wait_for(reader.readexactly(7), PATIENCE_S))[1:5] == SEVEN
    writer.close()
    await endpoint.close()


async def test_dlms_on_udp_is_a_datagram_each_way() -> None:
    endpoint, [url] = await opened("dlms+udp://127.0.0.1:0")
    carrier = parse(url).carrier
    assert isinstance(carrier, Udp)
    aarq = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.setblocking(False)
        await loop.sock_connect(peer, (carrier.host, carrier.port))
        await loop.sock_sendall(peer, b"\xff" * 20)
        await loop.sock_sendall(peer, bytes.fromhex("000100100001") + len(aarq).to_bytes(2, "big") + aarq)
        answer = await asyncio.wait_for(loop.sock_recv(peer, 300), PATIENCE_S)
    assert (answer[:6], answer[8]) == (bytes.fromhex("000100010010"), 0x61)
    await endpoint.close()
