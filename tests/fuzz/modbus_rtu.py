"""Modbus RTU in both roles, cut and whole, with silence behind it."""

from protocols.machine import Stack
from protocols.modbus.adu import Adu, Noise
from protocols.modbus.rtu import SLACK_US, RtuFramer, encode_frame
from tests.protocols.modbus.collector import Collector

READ = bytes.fromhex("0300000002")

SEEDS = [
    encode_frame(1, READ),
    encode_frame(1, READ) + encode_frame(1, bytes.fromhex("0304AABBCCDD")) + encode_frame(2, READ),
    encode_frame(1, bytes.fromhex("10000A000204AABBCCDD")),
    encode_frame(3, bytes.fromhex("2B0E0100")) + encode_frame(3, bytes.fromhex("2B0E01010000010003414243")),
    encode_frame(5, bytes.fromhex("64AABBCC")),
    b"\x01\x03\x00" + encode_frame(1, bytes.fromhex("8302")),
]


def target(data: bytes) -> None:
    for role in ("server", "client"):
        heard = []
        for step in (len(data) or 1, 3):
            top = Collector()
            stack = Stack([RtuFramer(role), top])
            if role == "client":
                top.below(Adu(1, READ), 0)
            for at in range(0, len(data), step):
                stack.receive_data(data[at : at + step], 0)
            stack.on_deadline(SLACK_US)
            assert stack.closed is None
            assert stack.deadline_us() is None
            heard.append([*iter(stack.next_event, None)])
            assert all(isinstance(each, Noise) or each.pdu for each in heard[-1])
        assert heard[0] == heard[1]
