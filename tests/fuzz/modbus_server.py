"""A Modbus server with every function, on TCP: what it answers to anything is a PDU of the same function."""

from protocols.machine import Stack
from protocols.modbus.pdu import decode_response
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import HEADER, HEADER_BYTES, TcpFramer
from tests.protocols.modbus.memory import Memory

PDUS = [
    "0100130013", "03006B0003", "0500ACFF00", "0600010003", "07", "080000A537", "0B", "0C", "0F0013000A02CD01",
    "100001000204000A0102", "11", "140E0600040001000206000300090002", "150D0600040007000306AF04BE100D",
    "16000400F20025", "1700030006000E00030600FF00FF00FF", "1804DE", "2B0E0100", "2B0E0400",
]  # fmt: skip

SEEDS = [HEADER.pack(7, 0, len(pdu) // 2 + 1, 1) + bytes.fromhex(pdu) for pdu in PDUS]


def target(data: bytes) -> None:
    stack = Stack([TcpFramer(), ModbusServer({1: Memory()}, serial=True)])
    stack.receive_data(data, 0)
    for frame in stack.data_to_send(0):
        _, protocol, length, _ = HEADER.unpack_from(frame)
        assert (protocol, length) == (0, len(frame) - 6)
        pdu = frame[HEADER_BYTES:]
        if pdu[0] & 0x7F in {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43}:
            decode_response(pdu)
