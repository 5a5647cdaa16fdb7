"""Independent clients in the fewest lines: dlms-cosem over any carrier, Modbus frames by hand."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

import serial
from dlms_cosem.clients.dlms_client import DlmsClient
from dlms_cosem.clients.hdlc_transport import SerialHdlcTransport
from dlms_cosem.cosem import CosemAttribute, Obis
from dlms_cosem.enumerations import CosemInterface

from protocols.address import DlmsAddress, ModbusAddress, SerialLine, Tcp, parse
from protocols.checksum import crc16_modbus
from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame, Kind, encode, unnumbered_control

PATIENCE_S = 5


class SocketAsSerial:
    """Enough of pyserial's interface for dlms-cosem's HDLC to run over TCP."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE_S)
        self.held = b""

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, size: int = 1) -> bytes:
        while len(self.held) < size:
            more = self.socket.recv(4096)
            if not more:
                raise ConnectionError("the meter closed the connection")
            self.held += more
        data, self.held = self.held[:size], self.held[size:]
        return data

    def read_until(self, expected: bytes = b"\n", size: int | None = None) -> bytes:
        data = b""
        while not data.endswith(expected):
            data += self.read(1)
        return data

    def close(self) -> None:
        self.socket.close()


@contextlib.contextmanager
def dlms_client(url: str, **options: Any) -> Iterator[Any]:
    """An associated dlms-cosem client."""
    address = parse(url)
    assert isinstance(address, DlmsAddress)
    carrier = address.carrier
    if address.link == "wrapper":
        assert isinstance(carrier, Tcp)
        client = DlmsClient.with_tcp_transport(
            carrier.host, carrier.port, address.client, address.server, timeout=PATIENCE_S, **options
        )
    else:
        if isinstance(carrier, SerialLine):
            port: Any = serial.Serial(carrier.device, carrier.baud, timeout=PATIENCE_S)
        else:
            assert isinstance(carrier, Tcp)
            port = SocketAsSerial(carrier.host, carrier.port)
        transport = SerialHdlcTransport(
            client_logical_address=address.client,
            server_logical_address=address.server,
            server_physical_address=address.physical,
            serial_port="",
            timeout=PATIENCE_S,
            serial=port,
        )
        client = DlmsClient(address.client, address.server, transport, **options)
    with client.session():
        yield client


def get(client: Any, class_id: int, obis: str, attribute: int) -> bytes:
    """The encoded value of one attribute."""
    value: bytes = client.get(CosemAttribute(CosemInterface(class_id), Obis.from_string(obis), attribute))
    return value


def set_normal_response_mode(url: str) -> bytes:
    """What a station on a serial line answers to SNRM; empty for silence."""
    address = parse(url)
    assert isinstance(address, DlmsAddress)
    assert isinstance(address.carrier, SerialLine)
    server = Address.server(address.server, address.physical)
    snrm = Frame(bytes(server), bytes(Address(upper=address.client)), unnumbered_control(Kind.SNRM, poll_final=True))
    with serial.Serial(address.carrier.device, address.carrier.baud, timeout=0.3) as port:
        port.write(encode(snrm))
        return port.read(10)


def exchange_tcp(url: str, pdu: bytes, unit: int | None = None) -> bytes:
    """The PDU that a Modbus TCP server answers."""
    address = parse(url)
    assert isinstance(address, ModbusAddress)
    assert isinstance(address.carrier, Tcp)
    request = struct.pack(">HHHB", 7, 0, len(pdu) + 1, unit or address.unit) + pdu
    with socket.create_connection((address.carrier.host, address.carrier.port), timeout=PATIENCE_S) as peer:
        peer.sendall(request)
        answer = peer.recv(300)
    assert answer[:2] == request[:2]
    return answer[7:]


def read_registers_tcp(url: str, count: int = 1, unit: int | None = None) -> bytes:
    """The PDU that a Modbus TCP server answers to function 3, address 0."""
    return exchange_tcp(url, bytes((3, 0, 0, 0, count)), unit)


def read_registers_rtu(url: str, count: int = 1) -> bytes:
    """The PDU that a Modbus RTU server answers to function 3, address 0; empty for silence."""
    address = parse(url)
    assert isinstance(address, ModbusAddress)
    assert isinstance(address.carrier, SerialLine)
    request = bytes((address.unit, 3, 0, 0, 0, count))
    with serial.Serial(address.carrier.device, address.carrier.baud, timeout=0.3) as port:
        port.write(request + crc16_modbus(request).to_bytes(2, "little"))
        answer = port.read(5 + 2 * count)
    return answer[1:-2]
