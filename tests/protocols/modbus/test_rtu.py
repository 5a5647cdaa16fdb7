"""Modbus RTU: CRC, prediction, silence, shared lines, noise."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols.machine import Transmit
from protocols.modbus.adu import Adu, Noise
from protocols.modbus.pdu import Request, Response, encode_request, encode_response
from protocols.modbus.rtu import SLACK_US, RtuFramer, character_us, encode_frame, t15_us, t35_us
from tests.protocols.modbus.collector import Bench, pieces
from tests.protocols.modbus.strategies import requests, responses

READ = bytes.fromhex("0300000002")
ANSWER = bytes.fromhex("0304AABBCCDD")


def server(**options: int) -> Bench:
    return Bench(RtuFramer("server", **options))


def test_a_frame_is_that_of_every_textbook() -> None:
    assert encode_frame(1, READ).hex() == "010300000002c40b"


@pytest.mark.parametrize(
    ("baud", "character", "t15", "t35"),
    [(1200, 9166, 13750, 32083), (9600, 1145, 1718, 4010), (19200, 572, 859, 2005), (38400, 286, 750, 1750)],
)
def test_silences_follow_the_baud_rate(baud: int, character: int, t15: int, t35: int) -> None:
    assert (character_us(baud), t15_us(baud), t35_us(baud)) == (character, t15, t35)


@given(st.lists(st.tuples(st.integers(1, 247), requests), max_size=4), st.lists(st.integers(0, 2000)))
def test_requests_that_are_answered_come_up_however_the_stream_is_cut(
    sent: list[tuple[int, Request]], cuts: list[int]
) -> None:
    expected = [Adu(unit, encode_request(request)) for unit, request in sent]
    expected = [adu for adu in expected if len(adu.pdu) <= 253]
    bench = server()
    heard: list[Adu] = []
    for adu in expected:
        for piece in pieces(encode_frame(adu.unit, adu.pdu), cuts):
            heard += bench.hear(piece)
        bench.say(Adu(adu.unit, b"\x83\x02"))
    assert heard == expected


@given(st.binary(max_size=600), st.lists(st.integers(0, 600)))
@example(bytes.fromhex("0118FFFF") + bytes(300), [7])
def test_garbage_is_survived_and_cutting_it_changes_nothing(data: bytes, cuts: list[int]) -> None:
    for role in ("server", "client"):
        whole, cut = Bench(RtuFramer(role)), Bench(RtuFramer(role))
        if role == "client":
            whole.say(Adu(1, READ))
            cut.say(Adu(1, READ))
        whole.stack.receive_data(data, 0)
        for piece in pieces(data, cuts):
            cut.stack.receive_data(piece, 0)
        whole.stack.on_deadline(SLACK_US)
        cut.stack.on_deadline(SLACK_US)
        assert whole.events() == cut.events()
        assert whole.stack.closed is None


@given(st.binary(max_size=40), requests)
def test_after_noise_and_silence_a_request_is_heard(noise: bytes, request: Request) -> None:
    pdu = encode_request(request)
    bench = server(baud=9600, slack_us=0)
    bench.hear(noise, 0)
    bench.wait(t35_us(9600))
    later_us = 1_000_000
    assert bench.hear(encode_frame(9, pdu), later_us) == [Adu(9, pdu)] or len(pdu) > 253


def test_a_request_right_behind_noise_is_heard_at_the_next_silence() -> None:
    bench = server(baud=9600, slack_us=0)
    noise = bytes.fromhex("0103000000FFFFFF")  # a whole frame with a wrong CRC
    assert not bench.hear(noise + encode_frame(9, READ), 0)
    assert bench.wait(t35_us(9600)) == [Adu(9, READ)]


def test_half_a_frame_and_then_silence_is_noise() -> None:
    bench = server(baud=9600, slack_us=0)
    assert not bench.hear(encode_frame(1, READ)[:5], 0)
    assert bench.stack.deadline_us() == t35_us(9600)
    assert bench.wait(t35_us(9600)) == [Noise("checksum")]
    assert bench.hear(encode_frame(1, READ), 5_000_000) == [Adu(1, READ)]


def test_a_gap_within_a_frame_ends_it() -> None:
    frame = encode_frame(1, READ)
    bench = server(baud=9600, slack_us=0)
    bench.hear(frame[:4], 0)
    gap_us = t15_us(9600) + 4 * character_us(9600) + 1
    assert bench.hear(frame[4:], gap_us) == [Noise("checksum")]


def test_without_a_gap_it_goes_on() -> None:
    frame = encode_frame(1, READ)
    bench = server(baud=9600, slack_us=0)
    bench.hear(frame[:4], 0)
    assert bench.hear(frame[4:], t15_us(9600) + 4 * character_us(9600)) == [Adu(1, READ)]


def test_a_function_whose_length_nobody_knows_ends_by_silence() -> None:
    frame = encode_frame(1, bytes.fromhex("64AABBCC"))
    bench = server(baud=9600, slack_us=0)
    assert not bench.hear(frame, 0)
    assert bench.wait(t35_us(9600)) == [Adu(1, bytes.fromhex("64AABBCC"))]


@given(st.integers(2, 247), requests, responses)
@settings(max_examples=60)
def test_what_others_answer_is_no_request(unit: int, request: Request, response: Response) -> None:
    asked, answered = encode_request(request), encode_response(response)
    if response.function != request.function or max(len(asked), len(answered)) > 253:
        answered = bytes((asked[0] | 0x80, 2))
    bench = server(baud=9600)
    assert bench.hear(encode_frame(unit, asked)) == [Adu(unit, asked)]  # for its own unit; nobody here answers
    assert not bench.hear(encode_frame(unit, answered), 10_000)
    assert bench.hear(encode_frame(1, READ), 20_000) == [Adu(1, READ)]


def test_an_answer_that_holds_a_whole_request_is_no_request() -> None:
    bench = server(baud=9600)
    bench.hear(encode_frame(2, bytes.fromhex("0300000004")))
    inside = encode_frame(1, READ)
    assert len(inside) == 8
    assert not bench.hear(encode_frame(2, b"\x03\x08" + inside), 10_000)


def test_an_answer_of_eight_bytes_that_looks_like_a_request_is_no_request() -> None:
    bench = server(baud=9600)
    bench.hear(encode_frame(1, bytes.fromhex("0100000014")))
    assert not bench.hear(encode_frame(1, bytes.fromhex("0103CD6B05")), 10_000)


def test_a_request_that_is_repeated_because_nobody_answered_is_a_request() -> None:
    bench = server(baud=9600, slack_us=0)
    asked = bytes.fromhex("0310000002")  # its third byte would be an answer's byte count of 16
    assert bench.hear(encode_frame(2, asked), 0) == [Adu(2, asked)]
    assert not bench.hear(encode_frame(2, asked), 1_000_000)
    assert bench.wait(1_000_000 + t35_us(9600)) == [Adu(2, asked)]


def test_a_broadcast_expects_no_answer() -> None:
    bench = server(baud=9600)
    write = bytes.fromhex("0600010003")
    assert bench.hear(encode_frame(0, write)) == [Adu(0, write)]
    assert bench.hear(encode_frame(0, write), 50_000) == [Adu(0, write)]


def test_an_answer_waits_for_the_silence() -> None:
    bench = server(baud=9600)
    bench.hear(encode_frame(1, READ), 1_000)
    bench.top.below(Adu(1, ANSWER), 1_000)
    (out,) = bench.stack.data_to_send(1_000)
    assert out == Transmit(encode_frame(1, ANSWER), 1_000 + t35_us(9600))


def test_over_tcp_nothing_waits() -> None:
    bench = server()
    bench.hear(encode_frame(1, READ), 1_000)
    bench.top.below(Adu(1, ANSWER), 1_000)
    assert bench.stack.data_to_send(1_000) == [encode_frame(1, ANSWER)]


@given(st.binary(max_size=30), responses)
def test_a_client_finds_its_answer_behind_noise(noise: bytes, response: Response) -> None:
    pdu = encode_response(response)
    if len(pdu) > 253:
        return
    bench = Bench(RtuFramer("client"))
    bench.say(Adu(1, bytes((response.function,))))
    bench.stack.receive_data(noise + encode_frame(1, pdu), 0)
    bench.stack.on_deadline(SLACK_US)
    assert Adu(1, pdu) in bench.events()


def test_a_client_forgets_what_it_heard_before_it_asked() -> None:
    bench = Bench(RtuFramer("client"))
    bench.hear(encode_frame(1, ANSWER)[:6])
    bench.say(Adu(1, READ))
    assert bench.hear(encode_frame(1, ANSWER)) == [Adu(1, ANSWER)]
