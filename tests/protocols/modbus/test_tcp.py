"""Modbus TCP: headers, pipelining, and streams that are no Modbus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.adu import Adu
from protocols.modbus.tcp import TcpFramer
from tests.protocols.modbus.collector import Bench, pieces

adus = st.lists(
    st.builds(Adu, st.integers(0, 255), st.binary(min_size=1, max_size=253), st.integers(0, 0xFFFF)), max_size=5
)


@given(adus, st.lists(st.integers(0, 2000)))
def test_frames_come_back_however_the_stream_is_cut(sent: list[Adu], cuts: list[int]) -> None:
    sender, receiver = Bench(TcpFramer()), Bench(TcpFramer())
    stream = b"".join(sender.say(adu) for adu in sent)
    received = [adu for piece in pieces(stream, cuts) for adu in receiver.hear(piece)]
    assert received == sent


def test_the_header_is_that_of_the_specification() -> None:
    assert Bench(TcpFramer()).say(Adu(0xFF, bytes.fromhex("0300040001"), 0x1501)).hex() == "150100000006ff0300040001"


@pytest.mark.parametrize("header", ["00010001000601", "00010000000101", "0001000000FF01", "FFFFFFFFFFFFFF"])
def test_what_is_no_header_closes_the_stream(header: str) -> None:
    bench = Bench(TcpFramer())
    assert not bench.hear(bytes.fromhex(header))
    assert (bench.stack.closed or "").startswith("no MBAP header")


@given(st.binary(max_size=600))
def test_garbage_gives_frames_or_closes(data: bytes) -> None:
    bench = Bench(TcpFramer())
    for adu in bench.hear(data):
        assert isinstance(adu, Adu)
        assert adu.pdu
