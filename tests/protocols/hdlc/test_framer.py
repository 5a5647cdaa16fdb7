"""The framer: any cut, shared flags, garbage, silence, and where a bus sends a frame."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.hdlc.address import Address
from protocols.hdlc.frame import Drop, Frame, Kind, encode, unnumbered_control
from protocols.hdlc.framer import HdlcFramer, destination, source
from protocols.machine import EVERYONE, Stack
from tests.protocols.hdlc.strategies import FRAMES

SNRM = Frame(b"\x03", b"\x21", 0x93)
DATA = Frame(b"\x03", b"\x21", 0x10, b"\xe6\xe6\x00\xc0\x01")
NO_FLAGS = st.binary(max_size=20).map(lambda data: data.replace(b"~", b""))


class Line:
    """A framer alone, with what came up from it."""

    def __init__(self, **options: Any) -> None:
        self.framer = HdlcFramer(**options)
        self.stack = Stack([self.framer])

    def take(self, data: bytes, now_us: int = 0) -> list[Frame]:
        self.stack.receive_data(data, now_us)
        return self.frames()

    def frames(self) -> list[Frame]:
        seen = []
        while (event := self.stack.next_event()) is not None:
            seen.append(event)
        return seen


def cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted(place % (len(wire) + 1) for place in cuts)
    return [wire[start:end] for start, end in zip([0, *places], [*places, len(wire)], strict=True)]


def outcome(pieces: list[bytes]) -> tuple[list[Frame], Counter[Drop]]:
    line = Line()
    frames = [frame for piece in pieces for frame in line.take(piece)]
    return frames, line.framer.dropped


PIECES = st.lists(
    st.one_of(
        FRAMES.map(encode),
        FRAMES.map(lambda frame: encode(frame)[1:]),
        FRAMES.map(lambda frame: encode(frame)[:-1]),
        st.builds(lambda frame, at: encode(frame)[: at % 40], FRAMES, st.integers(0)),
        st.builds(lambda frame, at: encode(frame)[:at] + b"\x00" + encode(frame)[at + 1 :], FRAMES, st.integers(0, 30)),
        st.binary(max_size=20),
        st.sampled_from([b"~", b"~~~~", b"~\xa0\x07", b"~\xa7\xff"]),
    ),
    max_size=6,
)


@given(PIECES, st.lists(st.integers(0, 5000), max_size=8))
def test_how_the_stream_is_cut_does_not_matter(pieces: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(pieces)
    whole = outcome([wire])
    assert outcome(cut(wire, cuts)) == whole
    assert outcome([bytes((octet,)) for octet in wire]) == whole


@given(st.lists(st.tuples(FRAMES, NO_FLAGS), max_size=4), NO_FLAGS)
def test_garbage_between_frames_loses_none_of_them(pairs: list[tuple[Frame, bytes]], first: bytes) -> None:
    # Garbage that looks like a header makes the framer wait for a frame that never comes; silence frees what follows.
    line = Line()
    frames = line.take(first + b"".join(encode(frame) + garbage for frame, garbage in pairs))
    while (at_us := line.stack.deadline_us()) is not None:
        line.stack.on_deadline(at_us)
        frames += line.frames()
    assert frames == [frame for frame, _ in pairs]


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_garbage_gives_frames_or_nothing(pieces: list[bytes]) -> None:
    line = Line()
    for piece in pieces:
        for frame in line.take(piece):
            destination(frame)
            source(frame)
    assert line.stack.closed is None


def test_one_flag_may_close_a_frame_and_open_the_next() -> None:
    assert outcome([encode(SNRM) + encode(DATA)[1:] + encode(SNRM)[1:]]) == ([SNRM, DATA, SNRM], Counter())
    assert outcome([encode(SNRM), encode(DATA)[1:], encode(SNRM)[1:]]) == ([SNRM, DATA, SNRM], Counter())


def test_flags_between_frames_are_fill() -> None:
    assert outcome([b"~~~" + encode(SNRM) + b"~~~~" + encode(SNRM) + b"~~~"]) == ([SNRM, SNRM], Counter())


def test_a_frame_inside_the_information_of_a_spoiled_one_is_not_taken_for_a_frame() -> None:
    wire = bytearray(encode(Frame(b"\x03", b"\x21", 0x10, b"####" + encode(SNRM) + b"####")))
    wire[10] ^= 1
    frames, dropped = outcome([bytes(wire) + encode(DATA)])
    assert frames == [DATA]
    assert dropped == Counter({Drop.BAD_FCS: 1})


@pytest.mark.parametrize(("lost", "reason"), [(1, Drop.BAD_FCS), (2, Drop.NO_CLOSING_FLAG), (4, Drop.NO_CLOSING_FLAG)])
def test_lost_octets_do_not_swallow_the_next_frame(lost: int, reason: Drop) -> None:
    wire = encode(DATA)
    frames, dropped = outcome([wire[:-8] + wire[-8 + lost :] + encode(SNRM)])
    assert frames == [SNRM]
    assert dropped[reason] == 1


def test_a_false_length_is_found_by_the_header_before_the_length_has_come() -> None:
    wire = bytearray(encode(Frame(b"\x03", b"\x21", 0x10, bytes(40))))
    wire[1] |= 7
    assert outcome([bytes(wire) + encode(SNRM)])[0] == [SNRM]


def test_a_frame_longer_than_we_take_is_dropped_by_name() -> None:
    line = Line(frame_bytes_max=100)
    long = Frame(b"\x03", b"\x21", 0x10, b"\xaa" * 200)
    assert line.take(encode(long) + encode(SNRM)) == [SNRM]
    assert line.framer.dropped[Drop.OVERSIZED] == 1


def test_silence_inside_a_frame_ends_it_and_frees_what_it_swallowed() -> None:
    line = Line(inter_octet_us=1000)
    # A sound header that promises more than ever comes, then a whole frame.
    assert line.take(encode(Frame(b"\x03", b"\x21", 0x10, b"\x00" * 100))[:30], 0) == []
    assert line.take(encode(SNRM), 500) == []
    assert line.stack.deadline_us() == 1500
    line.stack.on_deadline(1499)
    assert line.frames() == []
    line.stack.on_deadline(1500)
    assert line.frames() == [SNRM]
    assert line.framer.dropped[Drop.INTER_OCTET] == 1
    assert line.stack.deadline_us() is None


def test_silence_between_frames_is_nothing() -> None:
    line = Line()
    for _ in range(2):
        assert line.take(encode(SNRM)) == [SNRM]
        assert line.stack.deadline_us() is None


def test_what_is_held_is_bounded() -> None:
    line = Line()
    for _ in range(1000):
        line.take(b"~\xa7\xff\x03\x21\x10" + bytes(50))
    assert len(line.framer._held) < 2100


def test_the_end_of_the_stream_forgets_half_a_frame() -> None:
    line = Line()
    line.take(encode(SNRM)[:5])
    line.stack.receive_eof(0)
    assert line.stack.deadline_us() is None


def command(address: Address) -> Frame:
    return Frame(bytes(address), b"\x21", 0x93)


@pytest.mark.parametrize(
    ("frame", "station"),
    [
        (command(Address.server(1, 17)), 17),
        (command(Address.server(1, 300)), 300),
        (command(Address.server(5)), 5),
        (command(Address.server(0x7F)), EVERYONE),
        (command(Address.server(1, 0x7F)), EVERYONE),
        (command(Address.server(1, 0x3FFF)), EVERYONE),
        (command(Address.server(0, 17)), None),
        (command(Address.server(1, 0)), None),
        (Frame(b"\x21", bytes(Address.server(1, 17)), 0x73), None),
        (Frame(b"\x21", b"\x03", unnumbered_control(Kind.UA, poll_final=True)), None),
    ],
)
def test_a_bus_finds_the_station(frame: Frame, station: object) -> None:
    assert destination(frame) is station or destination(frame) == station


def test_a_primary_finds_who_answered() -> None:
    assert source(Frame(b"\x21", bytes(Address.server(1, 17)), 0x73)) == 17
    assert source(Frame(b"\x21", b"\x03", 0x73)) == 1
