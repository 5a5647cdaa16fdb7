"""The primary: opening, numbered transfer, time, refusal, and what it does not answer."""

from typing import Any

import pytest

from protocols.errors import LocalProtocolError
from protocols.hdlc.address import Address
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.frame import Frame, Kind
from protocols.hdlc.parameters import DEFAULT, Parameters, decode, encode
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from tests.protocols.hdlc.ends import CLIENT, COMMAND, RESPONSE, STATION, End, client, command, numbered, ready, turned

T1 = 3_000_000


def connected(settled: Parameters = DEFAULT, **options: Any) -> End:
    end = client(parameters=Parameters.symmetric(2030, 7), **options)
    end.give(LinkConnect(16, 1))
    end.take(turned(command(Kind.UA, encode(settled))))
    assert end.said() == [LinkUp(16, 1)]
    return end


def answer(send: int, receive: int, apdu: bytes, *, final: bool = True, more: bool = False) -> Frame:
    return turned(numbered(send, receive, RESPONSE + apdu, poll=final, segmented=more))


def rest(send: int, receive: int, octets: bytes, *, final: bool = True, more: bool = False) -> Frame:
    return turned(numbered(send, receive, octets, poll=final, segmented=more))


# Opening and closing.


def test_the_defaults_are_proposed_by_saying_nothing() -> None:
    assert client().give(LinkConnect(16, 1)) == [Frame(STATION, CLIENT, 0x93)]


def test_what_is_settled_is_the_smaller_of_both() -> None:
    end = client(parameters=Parameters.symmetric(500, 3))
    (snrm,) = end.give(LinkConnect(16, 1))
    assert decode(snrm.information) == Parameters.symmetric(500, 3)
    end.take(turned(command(Kind.UA, encode(Parameters.symmetric(2030, 1)))))
    assert isinstance(end.layer, HdlcClient)
    assert end.layer.parameters == Parameters.symmetric(500, 1)


def test_an_acknowledgement_that_can_not_be_read_settles_the_defaults() -> None:
    end = client(parameters=Parameters.symmetric(500, 3))
    end.give(LinkConnect(16, 1))
    end.take(turned(command(Kind.UA, b"\x00\x01")))
    assert end.said() == [LinkUp(16, 1)]
    assert isinstance(end.layer, HdlcClient)
    assert end.layer.parameters == DEFAULT


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({}, Address.server(1)),
        ({"physical": 17}, Address.server(1, 17)),
        ({"physical": 300}, Address.server(1, 300)),
        ({"physical": 17, "address_size": 4}, Address.server(1, 17, 4)),
        ({"physical": 17, "address_size": 1}, Address.server(1)),
    ],
)
def test_the_server_is_addressed_as_configured(options: dict[str, int], address: Address) -> None:
    (snrm,) = client(**options).give(LinkConnect(16, 1))
    assert snrm.destination == bytes(address)


def test_an_address_that_does_not_fit_is_refused_at_once() -> None:
    with pytest.raises(ValueError):
        client(physical=300, address_size=2)
    with pytest.raises(ValueError):
        client(address_size=2)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Kind.DM, "the meter says that it has no link (DM)"), (Kind.FRMR, "the meter rejected a frame (FRMR 930001)")],
)
def test_a_refusal_is_said_as_what_it_is(kind: Kind, reason: str) -> None:
    end = client()
    end.give(LinkConnect(16, 1))
    end.take(turned(command(kind, bytes.fromhex("930001") if kind is Kind.FRMR else b"")))
    assert end.said() == [LinkDown(16, 1, reason)]


def test_an_opening_is_repeated_and_then_given_up() -> None:
    end = client(t1_us=1000, retries_max=2)
    end.give(LinkConnect(16, 1))
    assert [frame.kind for frame in end.wait(2999)] == [Kind.SNRM, Kind.SNRM]
    assert end.said() == []
    end.wait(1)
    assert end.said() == [LinkDown(16, 1, "no answer from the meter to 3 tries")]
    assert end.stack.deadline_us() is None


def test_closing_waits_for_the_acknowledgement() -> None:
    end = connected()
    assert [frame.kind for frame in end.give(LinkDisconnect(16, 1))] == [Kind.DISC]
    assert end.said() == []
    end.take(turned(command(Kind.UA)))
    assert end.said() == [LinkDown(16, 1, "we released the link")]
    assert end.give(LinkDisconnect(16, 1)) == []
    assert end.said() == [LinkDown(16, 1, "there was no link")]


# Numbered transfer.


def test_a_request_gives_the_turn_and_its_answer_brings_it_back() -> None:
    end = connected()
    (request,) = end.give(Apdu(16, 1, b"ab"))
    assert request == Frame(STATION, CLIENT, 0x10, COMMAND + b"ab")
    assert end.take(answer(0, 1, b"cd")) == []
    assert end.said() == [Apdu(16, 1, b"cd")]
    assert end.stack.deadline_us() is None
    (second,) = end.give(Apdu(16, 1, b"ef"))
    assert second.control == 0x32


def test_a_request_is_cut_to_the_size_and_sent_window_by_window() -> None:
    end = connected(Parameters(information_receive=10, window_receive=2))
    first = end.give(Apdu(16, 1, b"x" * 27))
    assert [(frame.send_sequence, frame.poll_final, frame.segmented) for frame in first] == [
        (0, False, True),
        (1, True, True),
    ]
    (last,) = end.take(turned(ready(2)))
    assert (last.send_sequence, last.poll_final, last.segmented) == (2, True, False)


def test_segments_of_an_answer_are_fetched_and_put_together() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    (poll,) = end.take(answer(0, 1, b"c", more=True))
    assert (poll.kind, poll.receive_sequence, poll.poll_final) == (Kind.RR, 1, True)
    (poll,) = end.take(rest(1, 1, b"d", final=False, more=True), rest(2, 1, b"e", more=True))
    assert poll.receive_sequence == 3
    assert end.take(rest(3, 1, b"f")) == []
    assert end.said() == [Apdu(16, 1, b"cdef")]


def test_a_lost_segment_is_asked_for_again() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    (poll,) = end.take(answer(0, 1, b"c", final=False, more=True), rest(2, 1, b"e"))
    assert (poll.kind, poll.receive_sequence) == (Kind.RR, 1)
    end.take(rest(1, 1, b"d", final=False, more=True), rest(2, 1, b"e"))
    assert end.said() == [Apdu(16, 1, b"cde")]


def test_a_lost_answer_is_asked_for_again_with_the_same_request() -> None:
    end = connected()
    request = end.give(Apdu(16, 1, b"ab"))
    assert end.wait(T1) == request
    end.take(answer(0, 1, b"cd"))
    assert end.said() == [Apdu(16, 1, b"cd")]


def test_a_repeated_answer_is_not_handed_up_twice_and_not_answered() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    end.take(answer(0, 1, b"cd"))
    end.give(Apdu(16, 1, b"ef"))
    end.said()
    assert end.take(answer(0, 1, b"cd")) == []
    assert end.said() == []
    end.take(answer(1, 2, b"gh"))
    assert end.said() == [Apdu(16, 1, b"gh")]


def test_a_station_that_has_nothing_yet_is_polled() -> None:
    end = connected(poll_interval_us=1000)
    end.give(Apdu(16, 1, b"ab"))
    assert end.take(turned(ready(1))) == []
    assert end.wait(999) == []
    (poll,) = end.wait(1)
    assert (poll.kind, poll.poll_final) == (Kind.RR, True)
    end.take(answer(0, 1, b"cd"))
    assert end.said() == [Apdu(16, 1, b"cd")]
    assert end.stack.deadline_us() is None


def test_polling_does_not_go_on_for_ever() -> None:
    end = connected(poll_interval_us=1000, polls_max=5)
    end.give(Apdu(16, 1, b"ab"))
    end.take(turned(ready(1)))
    for _ in range(5):
        assert len(end.wait(1000)) == 1
        end.take(turned(ready(1)))
    assert end.wait(1_000_000) == []
    assert end.said() == []


def test_an_apdu_without_octets_asks_what_there_still_is() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    end.take(answer(0, 1, b"cd"))
    (poll,) = end.give(Apdu(16, 1, b""))
    assert (poll.kind, poll.receive_sequence) == (Kind.RR, 1)
    end.take(answer(1, 1, b"ef"))
    assert end.said() == [Apdu(16, 1, b"cd"), Apdu(16, 1, b"ef")]


def test_a_busy_station_is_polled_and_then_gets_the_request_again() -> None:
    end = connected(poll_interval_us=1000)
    request = end.give(Apdu(16, 1, b"ab"))
    assert end.take(turned(ready(0, Kind.RNR))) == []
    assert [frame.kind for frame in end.wait(1000)] == [Kind.RR]
    assert end.take(turned(ready(0))) == request


def test_a_station_that_stays_busy_is_given_up() -> None:
    end = connected(poll_interval_us=1000, polls_max=3)
    end.give(Apdu(16, 1, b"ab"))
    end.take(turned(ready(0, Kind.RNR)))
    for _ in range(3):
        end.wait(1000)
        end.take(turned(ready(0, Kind.RNR)))
    end.wait(1000)
    assert end.said() == [LinkDown(16, 1, "the meter stays busy (RNR)")]


def test_a_request_while_the_station_is_busy_waits_for_the_poll() -> None:
    end = connected(poll_interval_us=1000)
    end.give(Apdu(16, 1, b"ab"))
    end.take(turned(ready(1, Kind.RNR)))
    assert end.give(Apdu(16, 1, b"cd")) == []
    assert [frame.kind for frame in end.wait(1000)] == [Kind.RR]
    assert [frame.information for frame in end.take(turned(ready(1)))] == [COMMAND + b"cd"]


def test_requests_wait_for_the_turn() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    assert end.give(Apdu(16, 1, b"cd")) == []
    (second,) = end.take(answer(0, 1, b"xy"))
    assert second.information == COMMAND + b"cd"


def test_a_station_that_forgets_the_final_bit_loses_the_turn_at_t1() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    end.take(answer(0, 1, b"cd", final=False))
    assert end.said() == [Apdu(16, 1, b"cd")]
    assert end.give(Apdu(16, 1, b"ef")) == []
    assert [frame.information for frame in end.wait(T1)] == [COMMAND + b"ef"]


def test_a_response_with_the_command_header_is_tolerated() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    end.take(turned(numbered(0, 1, COMMAND + b"cd")))
    assert end.said() == [Apdu(16, 1, b"cd")]


def test_an_acknowledgement_of_what_was_never_sent_is_passed_over() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    assert end.take(answer(0, 5, b"cd"), turned(ready(5))) == []
    assert end.said() == []


def test_a_message_without_end_ends_the_link() -> None:
    end = connected(Parameters.symmetric(2030, 7))
    end.give(Apdu(16, 1, b"ab"))
    sent: list[Frame] = []
    for sequence in range(100):
        sent = end.take(rest(sequence % 8, 1, bytes(2030), more=True))
        if sent[-1].kind is Kind.DISC:
            break
    assert sent[-1].kind is Kind.DISC
    end.take(turned(command(Kind.UA)))
    assert end.said() == [LinkDown(16, 1, "the meter sent a message without end")]


def test_a_link_that_the_meter_has_lost_is_reported() -> None:
    end = connected()
    end.give(Apdu(16, 1, b"ab"))
    end.take(turned(command(Kind.DM)))
    assert end.said() == [LinkDown(16, 1, "the meter says that it has no link (DM)")]
    with pytest.raises(LocalProtocolError):
        end.give(Apdu(16, 1, b"ab"))


def test_only_the_link_that_stands_carries_requests() -> None:
    end = connected()
    with pytest.raises(LocalProtocolError):
        end.give(Apdu(32, 1, b"ab"))


# What is not for us, and UI.


def test_frames_of_others_and_our_own_echo_are_passed_over() -> None:
    end = client()
    end.give(LinkConnect(16, 1))
    echo = Frame(STATION, CLIENT, 0x93)
    other = turned(command(Kind.UA))._replace(source=bytes(Address.server(1, 18)))
    assert end.take(echo, other, turned(command(Kind.UA))._replace(destination=bytes(Address(upper=32)))) == []
    assert end.said() == []


def test_unconfirmed_apdus_go_both_ways_without_a_link() -> None:
    end = client(physical=0x7F)
    (broadcast,) = end.give(Apdu(16, 0x7F, b"a", confirmed=False))
    assert broadcast == Frame(bytes(Address.server(0x7F, 0x7F)), CLIENT, 0x03, COMMAND + b"a")
    push = Frame(bytes(Address(upper=64)), bytes(Address.server(1, 17)), 0x13, RESPONSE + b"b")
    assert end.take(push, broadcast) == []
    assert end.said() == [Apdu(64, 1, b"b", confirmed=False)]


def test_a_push_in_segments_is_put_together() -> None:
    end = client()
    push = Frame(bytes(Address(upper=64)), STATION, 0x13, RESPONSE + b"b", segmented=True)
    end.take(push, push._replace(information=b"c", segmented=False))
    assert end.said() == [Apdu(64, 1, b"bc", confirmed=False)]


def test_a_long_unconfirmed_apdu_is_cut() -> None:
    frames = client().give(Apdu(16, 1, b"x" * 200, confirmed=False))
    assert [(len(frame.information), frame.segmented) for frame in frames] == [(128, True), (75, False)]
