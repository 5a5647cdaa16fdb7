"""Modbus ASCII: colons, digits, LRC, and what is none of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.adu import Adu, Noise
from protocols.modbus.ascii import CHARACTER_TIMEOUT_US, AsciiFramer, encode_frame
from protocols.modbus.pdu import Request, encode_request
from tests.protocols.modbus.collector import Bench, pieces
from tests.protocols.modbus.strategies import requests

READ = bytes.fromhex("0300000002")


@given(requests, st.lists(st.integers(0, 600)), st.binary(max_size=20))
def test_a_request_comes_up_behind_any_noise_however_it_is_cut(request: Request, cuts: list[int], noise: bytes) -> None:
    pdu = encode_request(request)
    if len(pdu) > 253:
        return
    bench = Bench(AsciiFramer("server"))
    for piece in pieces(noise + encode_frame(7, pdu), cuts):
        bench.stack.receive_data(piece, 0)
    assert bench.adus() == [Adu(7, pdu)]


@given(st.binary(max_size=1200))
def test_garbage_is_survived(data: bytes) -> None:
    for role in ("server", "client"):
        bench = Bench(AsciiFramer(role))
        bench.hear(data)
        bench.wait(CHARACTER_TIMEOUT_US)
        assert bench.stack.closed is None
        assert bench.stack.deadline_us() is None


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b":010300000002FB\r\n", "checksum"),
        (b":0103000000020\r\n", "length"),
        (b":01\r\n", "length"),
        (b":010300000002FA\n", "length"),
        (b":0103 0000 0002 FA\r\n", "length"),
        (b":01030000\xff002FA\r\n", "length"),
        (b":" + b"0" * 600, "length"),
        (b":0103:", "incomplete"),
    ],
)
def test_a_bad_frame_is_noise_of_its_name(frame: bytes, reason: str) -> None:
    assert Bench(AsciiFramer("server")).hear(frame)[0] == Noise(reason)


def test_small_letters_are_digits_too() -> None:
    assert Bench(AsciiFramer("server")).hear(b":010300000002fa\r\n") == [Adu(1, READ)]


def test_a_second_of_silence_ends_a_frame() -> None:
    bench = Bench(AsciiFramer("server"))
    assert not bench.hear(b":0103", 0)
    assert bench.stack.deadline_us() == CHARACTER_TIMEOUT_US
    assert bench.wait(CHARACTER_TIMEOUT_US) == [Noise("incomplete")]


def test_what_others_answer_is_no_request() -> None:
    bench = Bench(AsciiFramer("server"))
    assert bench.hear(encode_frame(2, READ)) == [Adu(2, READ)]
    assert not bench.hear(encode_frame(2, bytes.fromhex("0304AABBCCDD")))
    write = bytes.fromhex("0600010003")
    assert bench.hear(encode_frame(2, write)) == [Adu(2, write)]
    assert not bench.hear(encode_frame(2, write))  # the answer to a write is the write again
    assert bench.hear(encode_frame(2, READ)) == [Adu(2, READ)]
    assert bench.hear(encode_frame(2, READ)) == [Adu(2, READ)]  # nobody answered, so it is asked again
