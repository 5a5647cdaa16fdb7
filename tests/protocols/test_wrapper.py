"""The wrapper: round trip, any cut of the stream, and what closes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Stack
from protocols.wrapper import Role, Wrapper, WrapperDatagram, encode

PORTS = st.integers(0, 0xFFFF)
APDUS = st.builds(Apdu, PORTS, PORTS, st.binary(min_size=1, max_size=300), st.just(True))


def events(stack: Stack) -> list[object]:
    seen = []
    while (event := stack.next_event()) is not None:
        seen.append(event)
    return seen


def sent(role: Role, *apdus: Apdu) -> bytes:
    stack = Stack([Wrapper(role)])
    for apdu in apdus:
        stack.layers[0].from_above(apdu, 0)
    return b"".join(stack.data_to_send(0))


def test_a_client_asks_from_its_own_port_and_is_answered_there() -> None:
    assert sent(Role.CLIENT, Apdu(0x30, 1, b"\xc0")) == bytes.fromhex("0001 0030 0001 0001 C0")
    assert sent(Role.SERVER, Apdu(0x30, 1, b"\xc4")) == bytes.fromhex("0001 0001 0030 0001 C4")


@given(st.lists(APDUS, max_size=5), st.sampled_from(Role), st.data())
def test_how_the_stream_is_cut_does_not_matter(apdus: list[Apdu], role: Role, data: st.DataObject) -> None:
    wire = sent(Role.SERVER if role is Role.CLIENT else Role.CLIENT, *apdus)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=10)))
    stack = Stack([Wrapper(role)])
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        stack.receive_data(wire[start:end], 0)
    assert events(stack) == apdus
    assert stack.closed is None


@given(APDUS)
def test_byte_by_byte_gives_the_same(apdu: Apdu) -> None:
    stack = Stack([Wrapper(Role.SERVER)])
    for byte in sent(Role.CLIENT, apdu, apdu):
        stack.receive_data(bytes((byte,)), 0)
    assert events(stack) == [apdu, apdu]


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_garbage_gives_apdus_or_a_closed_stack(pieces: list[bytes]) -> None:
    stack = Stack([Wrapper(Role.SERVER)])
    for piece in pieces:
        stack.receive_data(piece, 0)
    assert all(isinstance(event, Apdu) for event in events(stack))


def test_another_version_closes() -> None:
    stack = Stack([Wrapper(Role.SERVER)])
    stack.receive_data(bytes.fromhex("0002 0010 0001 0001 C0"), 0)
    assert stack.closed == "wrapper version 2, where only 1 exists"


def test_a_length_over_the_limit_closes_before_anything_is_gathered() -> None:
    stack = Stack([Wrapper(Role.SERVER, apdu_bytes_max=100)])
    stack.receive_data(bytes.fromhex("0001 0010 0001 0065"), 0)
    assert stack.closed == "a wrapper frame of 101 octets, where 100 are allowed"


def test_an_empty_frame_says_nothing_and_the_next_is_read() -> None:
    stack = Stack([Wrapper(Role.SERVER)])
    stack.receive_data(bytes.fromhex("0001 0010 0001 0000"), 0)
    stack.receive_data(encode(16, 1, b"\xc0"), 0)
    assert events(stack) == [Apdu(16, 1, b"\xc0")]


def test_an_apdu_that_does_not_fit_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError):
        encode(1, 1, bytes(0x10000))


def test_the_link_is_up_and_down_as_soon_as_asked() -> None:
    stack = Stack([Wrapper(Role.CLIENT)])
    stack.layers[0].from_above(LinkConnect(16, 1), 0)
    stack.layers[0].from_above(LinkDisconnect(16, 1), 0)
    assert events(stack) == [LinkUp(16, 1), LinkDown(16, 1, "we released the link")]
    assert stack.data_to_send(0) == []


@given(APDUS, st.binary(max_size=60))
def test_a_datagram_is_one_frame_or_is_dropped_and_counted(apdu: Apdu, garbage: bytes) -> None:
    layer = WrapperDatagram(Role.SERVER)
    stack = Stack([layer])
    whole = sent(Role.CLIENT, apdu)
    stack.receive_data(whole, 0)
    assert events(stack) == [apdu]
    for bad in (whole[:-1], whole + b"\x00", b"\x00\x02" + whole[2:], whole[:8], b""):
        stack.receive_data(bad, 0)
    assert (layer.dropped, stack.closed, events(stack)) == (5, None, [])
    stack.receive_data(garbage, 0)
    assert stack.closed is None
