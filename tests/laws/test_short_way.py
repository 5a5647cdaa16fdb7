"""The short way of a request changes no octet: what is answered at once is what the long way says, whatever is sent.

Two stacks of the same meter hear the same; in one of them a layer between link and association keeps every request on
the long way.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.conformance import Conformance
from protocols.dlms.server import AssociationServer
from protocols.hdlc import llc
from protocols.hdlc.frame import Frame, Kind, encode, information_control, supervisory_control, unnumbered_control
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.parameters import encode as parameters
from protocols.hdlc.server import HdlcServer
from protocols.machine import Layer, Stack
from protocols.wrapper import Role, Wrapper
from protocols.wrapper import encode as wrapped
from tests.laws.line import seeded
from tests.protocols.dlms.bench import counting
from tests.protocols.dlms.logical_device import CLOCK, LONG, PEER, PROFILE, SERIAL, LogicalDevice, profiles
from tests.protocols.dlms.meter import aarq

SEEDS = 400
STEPS = 40
STATION, CLIENT = b"\x03", b"\x21"

ATTRIBUTES = (
    (8, CLOCK, 2),
    (1, SERIAL, 2),
    (1, LONG, 2),
    (7, PROFILE, 2),
    (1, SERIAL, 9),
    (3, SERIAL, 2),
    (1, LONG, 0),
)
APDUS = [
    *(
        b"\xc0\x01\xc3" + class_id.to_bytes(2, "big") + name + bytes((number, 0))
        for class_id, name, number in ATTRIBUTES
    ),
    bytes.fromhex("c002c300000001"),
    bytes.fromhex("c301c3004600006003 0aff010f00".replace(" ", "")),
    bytes.fromhex("c0"),
    *[b"\xc0\x01\xc5\x00\x01" + SERIAL + b"\x02\x00"] * 6,
]
"""GETs of what is short, long and not there, a next block, an ACTION, a broken request."""


class LongWay(Layer[Any, Any]):
    """Says nothing of a short way."""


def meter(link: list[Layer[Any, Any]], *between: Layer[Any, Any]) -> Stack:
    device = LogicalDevice(profiles(max_pdu=200))
    return Stack([*link, *between, AssociationServer({1: device}, counting, PEER)])


def both(link: Any) -> tuple[Stack, Stack]:
    return meter(link()), meter(link(), LongWay())


def alike(one: Stack, other: Stack, data: bytes, now_us: int) -> list[bytes]:
    """What both answer."""
    for stack in (one, other):
        stack.receive_data(data, now_us)
    answers: list[bytes] = one.data_to_send(now_us)
    assert answers == other.data_to_send(now_us)
    assert one.closed == other.closed
    assert one.deadline_us() == other.deadline_us()
    return answers


@settings(max_examples=300)
@given(
    conformance=st.sampled_from((Conformance.GET, Conformance.GET | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ)),
    max_pdu=st.sampled_from((64, 200, 1200)),
    apdus=st.lists(st.one_of(st.sampled_from(APDUS), st.binary(min_size=1, max_size=20)), max_size=12),
    cut=st.integers(1, 30),
)
def test_the_wrapper_answers_alike(conformance: Conformance, max_pdu: int, apdus: list[bytes], cut: int) -> None:
    one, other = both(lambda: [Wrapper(Role.SERVER)])
    for index, apdu in enumerate([aarq(conformance=conformance, max_pdu=max_pdu).encode(), *apdus]):
        frame = wrapped(16, 1, apdu)
        for piece in (frame,) if index % 3 else (frame[:cut], frame[cut:]):
            alike(one, other, piece, index * 1000)


def _garbled(random: Any, frame: bytes) -> bytes:
    octets = bytearray(frame)
    octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
    return bytes(octets)


@pytest.mark.parametrize("batch", range(4))
def test_hdlc_answers_alike_whatever_is_lost_repeated_or_spoiled(batch: int) -> None:
    for seed in range(batch * SEEDS // 4, (batch + 1) * SEEDS // 4):
        random = seeded(seed)
        settled = Parameters.symmetric(random.choice((128, 300)), random.choice((1, 3, 7)))
        one, other = both(lambda: [HdlcFramer(), HdlcServer(parameters=settled)])  # noqa: B023 (called at once)
        snrm = Frame(STATION, CLIENT, unnumbered_control(Kind.SNRM, poll_final=True), parameters(settled))
        send = receive = 0
        for step in range(STEPS):
            if step == 0 or random.random() < 0.02:
                alike(one, other, encode(snrm), step)
                send = receive = 0
            apdu = aarq(max_pdu=random.choice((64, 200))).encode() if random.random() < 0.15 else random.choice(APDUS)
            if random.random() < 0.1:
                frame = Frame(STATION, CLIENT, supervisory_control(Kind.RR, receive, poll_final=True))
            else:
                poll, segmented = random.random() < 0.9, random.random() < 0.05
                control = information_control(send, receive, poll_final=poll)
                frame = Frame(STATION, CLIENT, control, llc.COMMAND + apdu, segmented)
            octets = encode(frame)
            chance = random.random()
            if chance < 0.1:
                octets = _garbled(random, octets)
            answers = alike(one, other, octets, step * 1000)
            if chance > 0.9:
                alike(one, other, octets, step * 1000 + 1)  # heard twice
            if answers and chance < 0.8:  # else the answer is lost, and the client repeats itself
                heard = HdlcFramer()
                frames: list[Frame] = []
                heard.above = lambda item, _now_us: frames.append(item)  # noqa: B023 (called at once)
                for answer in answers:
                    heard.from_below(answer, 0)
                for each in frames:
                    if each.kind is Kind.INFORMATION:
                        receive = (each.send_sequence + 1) % 8
                    if each.kind in {Kind.INFORMATION, Kind.RR}:
                        send = each.receive_sequence
