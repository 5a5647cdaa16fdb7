"""What was under way when the supply went: a transfer in blocks does not outlive it, nor does its association."""

from typing import Any

from emulator.bench.resident import Attendance, Resident
from emulator.timing.clock import BenchClock
from emulator.timing.zone import zone
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.link import Apdu
from protocols.machine import Layer, Stack
from protocols.model.loader import load
from protocols.wrapper import Role, Wrapper
from tests.emulator.face.cosem.conversation import PEER, Conversation, counting

BLOCK_LOAD = AttributeDescriptor(7, bytes((1, 0, 99, 1, 0, 255)), 2)
OUTAGE_MS = 600_000


class Noting(Layer[Any, Any]):
    """Keeps what passes upwards."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.said: list[bytes] = []

    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.heard.append(item.data)
        self.above(item, now_us)

    def from_above(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.said.append(item.data)
        self.below(item, now_us)


def test_a_transfer_in_blocks_is_lost_with_the_supply_and_the_next_one_is_whole() -> None:
    talk = Conversation(load("is15959-d1"), 32)
    talk.run(talk.client.release(talk.now_us))
    clock = BenchClock(talk.now_us // 1000, zone("Asia/Kolkata"), 1, talk.now_us)
    resident, tap = Resident(talk.meter, clock, counting, cosem=talk.face), Noting()
    server = resident.association_server(1, PEER)
    talk._right = Stack([Wrapper(Role.SERVER), tap, Attendance(resident), server])
    talk.run(talk.client.associate(talk.now_us))

    whole = talk.run(talk.client.get(BLOCK_LOAD, talk.now_us))[1]
    next_block = next(each for each in tap.heard if each[:2] == b"\xc0\x02")
    first_request = next(each for each in tap.heard if each[:2] == b"\xc0\x01")
    tap.said.clear()
    tap.from_below(Apdu(32, 1, first_request), talk.now_us)
    assert tap.said[-1][:2] == b"\xc4\x02"  # the first block is out

    at_ms = talk.now_us // 1000
    talk.meter.outage(at_ms)
    resident.supply_lost()
    talk.meter.restore(at_ms + OUTAGE_MS)
    talk.now_us += OUTAGE_MS * 1000
    resident.look(talk.now_us)
    tap.said.clear()
    tap.from_below(Apdu(32, 1, next_block), talk.now_us)
    assert tap.said == []  # it boots
    talk.now_us += 60_000_000
    tap.from_below(Apdu(32, 1, next_block), talk.now_us)
    assert tap.said == [b"\xd8\x01\x01"]  # service not allowed: the association is gone with its transfer
    talk._right.data_to_send(talk.now_us)

    again = Conversation(load("is15959-d1"), 32)
    again.run(again.client.release(again.now_us))
    again._right, again.now_us = talk._right, talk.now_us
    again.run(again.client.associate(again.now_us))
    rows = again.run(again.client.get(BLOCK_LOAD, again.now_us))[1]
    assert len(rows) == len(whole) == 3360
    assert whole[-1] in rows
