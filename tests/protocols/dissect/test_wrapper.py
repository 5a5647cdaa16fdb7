"""The wrapper's frame: construct's reading and the fast codec agree."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocols.dissect.wrapper import describe
from protocols.errors import RemoteProtocolError
from protocols.link import Apdu
from protocols.machine import Stack
from protocols.wrapper import Role, WrapperDatagram, encode

PORTS = st.integers(0, 0xFFFF)


def fast(data: bytes) -> Any:
    stack = Stack([WrapperDatagram(Role.SERVER)])
    stack.receive_data(data, 0)
    return stack.next_event()


@given(PORTS, PORTS, st.binary(min_size=1, max_size=300))
def test_a_sound_frame_is_read_alike(source: int, destination: int, apdu: bytes) -> None:
    tree = describe(encode(source, destination, apdu))
    assert fast(encode(source, destination, apdu)) == Apdu(
        tree.child("source_wport").value,  # type: ignore[arg-type]  # a number
        tree.child("destination_wport").value,  # type: ignore[arg-type]  # a number
        tree.child("apdu").value,  # type: ignore[arg-type]  # octets
    )
    assert tree.child("length").value == len(apdu)


@given(st.one_of(st.binary(max_size=20), st.binary(max_size=10).map(lambda data: b"\0\1\0\1\0\1\0" + data)))
def test_any_octets_are_read_alike(data: bytes) -> None:
    try:
        tree = describe(data)
    except RemoteProtocolError:
        assert fast(data) is None
        return
    # An empty APDU has a place in the description; the codec has nothing to hand up.
    assert (fast(data) is None) is (tree.child("apdu").value == b"")
