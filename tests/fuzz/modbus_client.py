"""The Modbus client on every framing: whatever comes back is an answer to what was asked, or none."""

from protocols.machine import Answered, Stack, TimedOut
from protocols.modbus.access import ReadRegisters, Registers
from protocols.modbus.ascii import encode_frame as ascii_frame
from protocols.modbus.client import Garbled, ModbusClient
from protocols.modbus.pdu import ExceptionResponse
from protocols.modbus.pymodbus_framer import PymodbusFramer
from protocols.modbus.rtu import encode_frame

ANSWER = bytes.fromhex("0304AABBCCDD")
SECOND_US = 1_000_000

SEEDS = [
    bytes.fromhex("000100000007 01") + ANSWER,
    encode_frame(1, ANSWER),
    ascii_frame(1, ANSWER),
    encode_frame(1, bytes.fromhex("8306")),
    encode_frame(1, bytes.fromhex("0300000002")) + encode_frame(1, ANSWER),
    b":0103\xff" + ascii_frame(1, ANSWER),
]


def target(data: bytes) -> None:
    for framing in ("tcp", "rtu", "ascii"):
        client = ModbusClient(transactions=4 if framing == "tcp" else 0)
        stack = Stack([PymodbusFramer(framing), client])
        ticket = client.request(1, ReadRegisters(3, 0, 2), 0, SECOND_US)
        stack.receive_data(data, 0)
        stack.on_deadline(SECOND_US)
        events = [*iter(stack.next_event, None)]
        assert len(events) == (0 if stack.closed is not None and not events else 1)
        for event in events:
            assert event.ticket == ticket
            if isinstance(event, TimedOut):
                continue
            assert isinstance(event, Answered)
            response = event.response
            assert isinstance(response, ExceptionResponse | Garbled) or (
                isinstance(response, Registers) and len(response.registers) == 4
            )
