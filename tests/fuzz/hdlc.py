"""HDLC: the framer on any octets, and both ends of a link on any frames in any order at any time.

Octets at random hardly ever have a check sequence that holds, so the second half reads the input as a list of frames
and instants and gives those to the links directly.
"""

from typing import Any

from protocols.errors import LocalProtocolError
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.frame import Frame, encode
from protocols.hdlc.framer import HdlcFramer, destination, source
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import HdlcServer
from protocols.link import Apdu, LinkConnect, LinkDisconnect
from protocols.machine import Layer, Stack

SNRM = Frame(b"\x03", b"\x21", 0x93, bytes.fromhex("818012050180060180070400000001080400000001"))
REQUEST = Frame(b"\x03", b"\x21", 0x10, bytes.fromhex("E6E600C001C100080000010000FF0200"))
ANSWER = Frame(b"\x21", b"\x03", 0x30, bytes.fromhex("E6E700C401C10009"))
STEPS = ((0x93, 0), (0x10, 5), (0x31, 0), (0x18, 9), (0x14, 3), (0x53, 0))

SEEDS = [
    encode(SNRM) + encode(REQUEST),
    encode(Frame(b"\x21", b"\x03", 0x73)) + encode(ANSWER),
    encode(SNRM) + encode(REQUEST)[1:] + encode(ANSWER)[1:] + b"~\xa7\xff",
    b"".join(bytes((control, length)) + bytes.fromhex("E6E600")[:length].ljust(length) for control, length in STEPS),
    b"".join(bytes((control, length)) + bytes.fromhex("E6E700")[:length].ljust(length) for control, length in STEPS),
    bytes.fromhex("7300 1007E6E700C401C1 3100 D00140 1F00 9700 7300"),
]
HELD_BYTES_MAX = 2100
SEGMENTED, LATER, OTHER_CLIENT = 0x80, 0x40, 0x20
LENGTH = 0x1F


class Echo(Layer[Any, Any]):
    """The shortest application there is."""

    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.below(item, now_us)


def target(data: bytes) -> None:
    _octets(data)
    _server(data)
    _client(data)


def _octets(data: bytes) -> None:
    whole, cut = HdlcFramer(), HdlcFramer()
    first, second = Stack([whole]), Stack([cut])
    first.receive_data(data, 0)
    for at in range(0, len(data), 5):
        second.receive_data(data[at : at + 5], 0)
    frames = [*iter(first.next_event, None)]
    assert frames == [*iter(second.next_event, None)]
    assert whole.dropped == cut.dropped
    assert len(whole._held) <= HELD_BYTES_MAX
    for frame in frames:
        destination(frame)
        source(frame)
    first.on_deadline(10**9)
    assert first.deadline_us() is None
    assert first.closed is second.closed is None


def _frames(data: bytes, *, response: bool) -> list[tuple[Frame, int]]:
    """Control, flags and length, information; and how long before it."""
    frames, at = [], 0
    while at + 1 < len(data):
        control, more = data[at], data[at + 1]
        information = data[at + 2 : at + 2 + (more & LENGTH)]
        client, server = (b"\x41" if more & OTHER_CLIENT else b"\x21"), b"\x03"
        ends = (client, server) if response else (server, client)
        frames.append((Frame(*ends, control, information, bool(more & SEGMENTED)), 7_000_000 if more & LATER else 1000))
        at += 2 + (more & LENGTH)
    return frames


def _server(data: bytes) -> None:
    stack = Stack([HdlcServer(parameters=Parameters.symmetric(16, 3)), Echo()])
    now_us = 0
    for frame, later_us in _frames(data, response=False):
        now_us += later_us
        stack.on_deadline(now_us)
        stack.receive_data(frame, now_us)
    for frame in stack.data_to_send(now_us):
        encode(frame)
    assert stack.closed is None


def _client(data: bytes) -> None:
    client = HdlcClient(parameters=Parameters.symmetric(16, 3), polls_max=3)
    stack = Stack([client])
    now_us = 0
    for frame, later_us in _frames(data, response=True):
        now_us += later_us
        _act(client, frame, now_us)
        stack.on_deadline(now_us)
        stack.receive_data(frame, now_us)
    for frame in stack.data_to_send(now_us):
        encode(frame)
    assert stack.closed is None


def _act(client: HdlcClient, frame: Frame, now_us: int) -> None:
    """Something from above now and then, chosen by the input."""
    match len(frame.information) % 8:
        case 0:
            client.from_above(LinkConnect(16, 1), now_us)
        case 1:
            client.from_above(LinkDisconnect(16, 1), now_us)
        case 2 | 3:
            try:
                client.from_above(Apdu(16, 1, frame.information * 3), now_us)
            except LocalProtocolError:
                return  # there is no link
