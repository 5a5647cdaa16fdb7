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
from dlms_cosem.hdlc.connection import HdlcConnection
from dlms_cosem.hdlc.frames import HDLC_FLAG

from protocols.address import DlmsAddress, ModbusAddress, SerialLine, Tcp, parse
from protocols.checksum import crc16_modbus
from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame, Kind, encode, unnumbered_control
from tests.patience import PATIENCE_S

FORMAT_END = 3  # a flag and the two octets of the frame format field


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

    def close(self) -> None:
        self.socket.close()


class ByLength(HdlcConnection):  # type: ignore[misc]
    """dlms-cosem's link, its frames cut by their length field.

    Its own search takes every 7E for a flag; HDLC frame format type 3 does not escape one in the data, and in a
    ciphered answer two in a row are a matter of luck.
    """

    def _find_frame(self) -> bytes | None:
        if len(self.buffer) < FORMAT_END:
            return None
        self.buffer_search_position = length_of(bytes(self.buffer)) + 2
        frame = bytes(self.buffer[: self.buffer_search_position])
        return frame if len(frame) == self.buffer_search_position else None


class HdlcTransport(SerialHdlcTransport):  # type: ignore[misc]
    """dlms-cosem's HDLC over anything that reads and writes, a whole frame each read."""

    def _read_frame(self) -> bytes:
        start = HDLC_FLAG
        while start == HDLC_FLAG:  # the opening flag, and any fill before it
            start = self._some(1)
        head: bytes = HDLC_FLAG + start + self._some(1)
        return head + self._some(length_of(head) - 1)

    def _some(self, size: int) -> bytes:
        data: bytes = self._serial.read(size)
        if len(data) < size:
            raise TimeoutError(f"{len(data)} of {size} octets came")
        return data


def length_of(frame: bytes) -> int:
    """The length field of a frame that begins with its flag: the octets between the flags."""
    return int.from_bytes(frame[1:FORMAT_END], "big") & 0x7FF


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
        transport = HdlcTransport(
            client_logical_address=address.client,
            server_logical_address=address.server,
            server_physical_address=address.physical,
            serial_port="",
            timeout=PATIENCE_S,
            serial=port,
        )
        transport.hdlc_connection = ByLength(transport.server_hdlc_address, transport.client_hdlc_address)
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
