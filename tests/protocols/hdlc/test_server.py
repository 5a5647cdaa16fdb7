"""The secondary: opening, numbered transfer, rejection, addresses, several clients, time."""

from typing import Any

import pytest

from protocols.errors import RemoteProtocolError
from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame, Kind
from protocols.hdlc.parameters import DEFAULT, Parameters, decode, encode
from protocols.hdlc.server import LINKS_MAX, PENDING_MESSAGES_MAX, HdlcServer
from protocols.link import Apdu, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Layer, Stack
from tests.protocols.hdlc.ends import CLIENT, COMMAND, RESPONSE, STATION, End, command, numbered, ready, server


def connected(**options: Any) -> End:
    end = server(**options)
    end.take(command(Kind.SNRM))
    end.said()
    return end


class Echo(Layer[Any, Any]):
    """Answers each APDU with itself, twice as long."""

    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.below(item._replace(data=item.data * 2), now_us)


def echoing(parameters: Parameters, **options: Any) -> End:
    layer = HdlcServer(parameters=parameters, **options)
    end = End(layer)
    end.stack = Stack([layer, Echo()])
    end.take(command(Kind.SNRM, encode(parameters)))
    return end


def kinds(frames: list[Frame]) -> list[tuple[Kind, int, bool]]:
    return [
        (frame.kind, frame.send_sequence if frame.kind is Kind.INFORMATION else -1, frame.poll_final)
        for frame in frames
    ]


# Opening and closing.


def test_an_opening_without_parameters_settles_the_defaults() -> None:
    end = server(parameters=Parameters.symmetric(2030, 7))
    (ua,) = end.take(command(Kind.SNRM))
    assert (ua.kind, ua.poll_final, ua.destination, ua.source) == (Kind.UA, True, CLIENT, STATION)
    assert decode(ua.information) == DEFAULT
    assert end.said() == [LinkUp(16, 1)]


def test_an_opening_settles_the_smaller_of_both() -> None:
    end = server(parameters=Parameters.symmetric(500, 3))
    proposal = Parameters(information_transmit=2030, information_receive=200, window_transmit=2, window_receive=7)
    (ua,) = end.take(command(Kind.SNRM, encode(proposal)))
    assert decode(ua.information) == Parameters(
        information_transmit=200,
        information_receive=500,
        window_transmit=3,
        window_receive=2,
    )


def test_an_opening_that_can_not_be_read_is_answered_by_dm() -> None:
    end = server()
    assert kinds(end.take(command(Kind.SNRM, b"\x00"))) == [(Kind.DM, -1, True)]
    assert end.said() == []


def test_opening_again_resets_the_numbers_and_says_so() -> None:
    end = connected()
    end.take(numbered(0, 0, COMMAND + b"a"))
    end.said()
    end.take(command(Kind.SNRM))
    assert end.said() == [LinkDown(16, 1, "the client opened the link anew"), LinkUp(16, 1)]
    end.take(numbered(0, 0, COMMAND + b"b"))
    assert end.said() == [Apdu(16, 1, b"b")]


def test_closing_is_acknowledged_and_then_there_is_no_link() -> None:
    end = connected()
    assert kinds(end.take(command(Kind.DISC))) == [(Kind.UA, -1, True)]
    assert end.said() == [LinkDown(16, 1, "the client disconnected")]
    assert kinds(end.take(command(Kind.DISC))) == [(Kind.DM, -1, True)]
    assert kinds(end.take(numbered(0, 0, COMMAND + b"a"))) == [(Kind.DM, -1, True)]
    assert end.take(ready(0, poll=False)) == []


def test_we_may_release_a_link_ourselves() -> None:
    end = connected()
    assert end.give(LinkDisconnect(16, 1)) == []
    assert end.said() == [LinkDown(16, 1, "we released the link")]
    assert kinds(end.take(ready(0))) == [(Kind.DM, -1, True)]


# Numbered transfer.


def test_a_request_goes_up_and_its_answer_takes_the_turn() -> None:
    end = echoing(DEFAULT)
    (answer,) = end.take(numbered(0, 0, COMMAND + b"ab"))
    assert answer == Frame(CLIENT, STATION, 0x30, RESPONSE + b"abab")


def test_a_request_in_segments_goes_up_once_it_is_whole() -> None:
    end = connected()
    assert kinds(end.take(numbered(0, 0, COMMAND + b"a", segmented=True))) == [(Kind.RR, -1, True)]
    assert end.take(numbered(1, 0, b"b", segmented=True, poll=False)) == []
    end.take(numbered(2, 0, b"c"))
    assert end.said() == [Apdu(16, 1, b"abc")]


def test_an_answer_is_cut_to_the_size_and_sent_window_by_window() -> None:
    parameters = Parameters(information_transmit=10, window_transmit=3, window_receive=1)
    end = echoing(parameters)
    end.take(command(Kind.SNRM, encode(Parameters(information_receive=10, information_transmit=128, window_receive=3))))
    end.said()
    first = end.take(numbered(0, 0, COMMAND + b"x" * 20))
    assert kinds(first) == [(Kind.INFORMATION, 0, False), (Kind.INFORMATION, 1, False), (Kind.INFORMATION, 2, True)]
    assert all(frame.segmented and len(frame.information) == 10 for frame in first)
    second = end.take(ready(3))
    assert kinds(second) == [(Kind.INFORMATION, 3, False), (Kind.INFORMATION, 4, True)]
    assert not second[-1].segmented
    assert b"".join(frame.information for frame in first + second) == RESPONSE + b"x" * 40


def test_what_was_not_acknowledged_is_sent_again_when_polled() -> None:
    end = echoing(DEFAULT)
    (answer,) = end.take(numbered(0, 0, COMMAND + b"ab"))
    assert end.take(ready(0)) == [answer]
    assert end.take(numbered(0, 0, COMMAND + b"ab")) == [answer]
    assert kinds(end.take(ready(1))) == [(Kind.RR, -1, True)]


def test_a_repeated_request_is_not_handed_up_twice() -> None:
    end = connected()
    end.take(numbered(0, 0, COMMAND + b"a"), numbered(0, 0, COMMAND + b"a"))
    assert end.said() == [Apdu(16, 1, b"a")]


def test_a_gap_is_not_jumped() -> None:
    end = connected()
    answered = end.take(numbered(1, 0, COMMAND + b"b"))
    assert end.said() == []
    assert answered[0].kind is Kind.RR
    assert answered[0].receive_sequence == 0


def test_a_client_that_is_not_ready_gets_nothing_until_it_is() -> None:
    end = echoing(DEFAULT)
    end.take(numbered(0, 0, COMMAND + b"a"))
    assert kinds(end.take(ready(0, Kind.RNR))) == [(Kind.RR, -1, True)]
    assert kinds(end.take(ready(0))) == [(Kind.INFORMATION, 0, True)]


def test_a_busy_station_takes_nothing_and_says_so() -> None:
    end = connected()
    assert isinstance(end.layer, HdlcServer)
    end.layer.busy = True
    assert kinds(end.take(numbered(0, 0, COMMAND + b"a"))) == [(Kind.RNR, -1, True)]
    assert end.said() == []
    end.layer.busy = False
    end.take(numbered(0, 0, COMMAND + b"a"))
    assert end.said() == [Apdu(16, 1, b"a")]


def test_answers_that_nobody_acknowledges_are_bounded() -> None:
    end = echoing(DEFAULT)
    sequence = 0
    for _ in range(2 * PENDING_MESSAGES_MAX):
        answered = end.take(numbered(sequence % 8, 0, COMMAND + b"a"))
        if answered[-1].kind is Kind.INFORMATION:
            sequence += 1
    link = end.layer._links[16, 1]  # type: ignore[attr-defined]  # what only the test looks at
    assert link.sender.messages == PENDING_MESSAGES_MAX


def test_what_has_no_llc_header_is_dropped_and_the_poll_still_answered() -> None:
    end = connected()
    assert kinds(end.take(numbered(0, 0, b"\xc0\x01"))) == [(Kind.RR, -1, True)]
    assert end.said() == []


def test_an_information_field_of_2030_octets_goes_both_ways() -> None:
    end = echoing(Parameters.symmetric(2030))
    (answer,) = end.take(numbered(0, 0, COMMAND + b"x" * 1013))
    assert len(answer.information) == 3 + 2026


# The turn and the application.


def test_an_answer_that_comes_later_takes_the_turn_that_was_held() -> None:
    end = connected(answer_hold_us=500)
    assert end.take(numbered(0, 0, COMMAND + b"a")) == []
    end.wait(400)
    assert kinds(end.give(Apdu(16, 1, b"b"))) == [(Kind.INFORMATION, 0, True)]
    assert end.wait(1000) == []


def test_a_turn_that_the_application_does_not_use_is_given_back() -> None:
    end = connected(answer_hold_us=500)
    assert end.take(numbered(0, 0, COMMAND + b"a")) == []
    assert end.wait(499) == []
    assert kinds(end.wait(1)) == [(Kind.RR, -1, True)]
    assert end.give(Apdu(16, 1, b"b")) == []
    assert kinds(end.take(ready(0))) == [(Kind.INFORMATION, 0, True)]


def test_an_answer_for_a_link_that_is_gone_is_dropped() -> None:
    assert server().give(Apdu(16, 1, b"b")) == []


def test_a_layer_above_that_can_not_go_on_ends_that_link_only() -> None:
    class Breaking(Layer[Any, Any]):
        def from_below(self, item: Any, now_us: int) -> None:
            if isinstance(item, Apdu):
                raise RemoteProtocolError("nonsense")
            self.above(item, now_us)

    end = connected()
    end.stack = Stack([end.layer, Breaking()])
    assert kinds(end.take(numbered(0, 0, COMMAND + b"a"))) == [(Kind.DM, -1, True)]
    assert end.said() == [LinkDown(16, 1, "nonsense")]
    assert end.stack.closed is None
    end.take(command(Kind.UI, COMMAND + b"a"))
    assert end.stack.closed is None
    assert kinds(end.take(command(Kind.SNRM))) == [(Kind.UA, -1, True)]


# Rejection.


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Frame(STATION, CLIENT, 0x19), 0x01),
        (ready(0, information=b"x"), 0x03),
        (numbered(0, 0, b"x" * 129), 0x04),
        (numbered(0, 5, COMMAND + b"x"), 0x08),
        (ready(3), 0x08),
    ],
)
def test_what_breaks_the_rules_is_rejected_with_the_reason(frame: Frame, why: int) -> None:
    end = connected()
    (rejection,) = end.take(frame)
    assert rejection.kind is Kind.FRMR
    assert rejection.information == bytes((frame.control, 0, why))
    # And again, until the client opens anew.
    assert [each.information for each in end.take(ready(0))] == [rejection.information]
    assert kinds(end.take(command(Kind.SNRM))) == [(Kind.UA, -1, True)]


def test_a_message_without_end_is_rejected() -> None:
    end = echoing(Parameters.symmetric(2030))
    sequence = 0
    while (answered := end.take(numbered(sequence % 8, 0, bytes(2030), segmented=True)))[0].kind is Kind.RR:
        sequence += 1
    assert answered[0].information[2] == 0x04
    assert sequence * 2030 < 70_000


# UI.


def test_an_unconfirmed_apdu_goes_both_ways_without_a_link() -> None:
    end = server(physical=17)
    assert end.take(command(Kind.UI, COMMAND + b"a", poll=False)) == []
    assert end.said() == [Apdu(16, 1, b"a", confirmed=False)]
    (push,) = end.give(Apdu(64, 1, b"b", confirmed=False))
    assert push == Frame(bytes(Address(upper=64)), bytes(Address.server(1, 17)), 0x13, RESPONSE + b"b")


def test_an_unconfirmed_apdu_longer_than_a_frame_is_cut() -> None:
    end = server()
    frames = end.give(Apdu(64, 1, b"x" * 200, confirmed=False))
    assert [(len(frame.information), frame.segmented) for frame in frames] == [(128, True), (75, False)]


def test_a_poll_by_ui_is_answered() -> None:
    assert kinds(server().take(command(Kind.UI, COMMAND + b"a"))) == [(Kind.DM, -1, True)]
    assert kinds(connected().take(command(Kind.UI, COMMAND + b"a"))) == [(Kind.RR, -1, True)]


def test_ui_in_segments_goes_up_whole() -> None:
    end = connected()
    end.take(command(Kind.UI, COMMAND + b"a", poll=False, segmented=True), command(Kind.UI, b"b", poll=False))
    assert end.said() == [Apdu(16, 1, b"ab", confirmed=False)]


# Addresses.


def to(address: Address, kind: Kind = Kind.SNRM, information: bytes = b"") -> Frame:
    return command(kind, information)._replace(destination=bytes(address))


@pytest.mark.parametrize(
    ("address", "device"),
    [
        (Address.server(1, 17), 1),
        (Address.server(2, 17), 2),
        (Address.server(1, 17, 4), 1),
        (Address.server(2), 2),
        (Address.server(17), 1),
        (Address.server(3, 17), None),
        (Address.server(1, 18), None),
        (Address.server(3), None),
        (Address.server(1, 0x7F), None),
        (Address.server(0x7F, 17), None),
        (Address.server(0x7F), None),
        (Address.server(0, 17), None),
        (Address.server(1, 0), None),
        (Address.server(1, 0x7E), None),
    ],
)
def test_a_station_answers_to_its_own_addresses_only(address: Address, device: int | None) -> None:
    end = server(physical=17, logical_devices=(1, 2))
    answered = end.take(to(address))
    assert end.said() == ([] if device is None else [LinkUp(16, device)])
    assert [frame.source for frame in answered] == ([] if device is None else [bytes(address)])


def test_a_station_of_its_own_line_answers_to_any_physical_address() -> None:
    assert kinds(server().take(to(Address.server(1, 99)))) == [(Kind.UA, -1, True)]


def test_a_station_that_has_called_answers_to_the_calling_address_with_its_own() -> None:
    end = server(physical=17, calling=True)
    (ua,) = end.take(to(Address.server(1, 0x7E)))
    assert ua.source == bytes(Address.server(1, 17))


@pytest.mark.parametrize(
    "address",
    [Address.server(1, 0x7F), Address.server(0x7F), Address.server(0x7F, 17), Address.server(1, 0x3FFF)],
)
def test_what_is_said_to_all_is_heard_and_never_answered(address: Address) -> None:
    end = server(physical=17)
    assert end.take(to(address, Kind.UI, COMMAND + b"a")) == []
    assert end.said() == [Apdu(16, 1, b"a", confirmed=False)]
    assert end.take(to(address, Kind.DISC)) == []


def test_what_is_said_to_all_is_heard_by_every_logical_device_once() -> None:
    end = server(physical=17, logical_devices=(1, 2))
    address = Address.server(0x7F, 0x7F)
    end.take(to(address, Kind.UI, COMMAND + b"a")._replace(segmented=True), to(address, Kind.UI, b"b"))
    assert end.said() == [Apdu(16, 1, b"ab", confirmed=False), Apdu(16, 2, b"ab", confirmed=False)]


def test_what_other_stations_answer_is_passed_over() -> None:
    end = server(physical=17)
    assert end.take(Frame(STATION, bytes(Address.server(1, 18)), 0x73)) == []
    assert end.take(Frame(CLIENT, bytes(Address.server(1, 17)), 0x73)) == []


def test_another_form_of_the_address_is_another_link_until_it_opens() -> None:
    end = connected(physical=17)
    long = bytes(Address.server(1, 17))
    assert kinds(end.take(ready(0)._replace(destination=long))) == [(Kind.DM, -1, True)]
    end.take(command(Kind.SNRM)._replace(destination=long))
    assert end.said() == [LinkDown(16, 1, "the client opened the link anew"), LinkUp(16, 1)]
    assert kinds(end.take(ready(0))) == [(Kind.DM, -1, True)]


# Several clients.


def test_each_client_has_a_link_of_its_own() -> None:
    end = echoing(DEFAULT)
    other = bytes(Address(upper=32))
    end.take(command(Kind.SNRM)._replace(source=other))
    (first,) = end.take(numbered(0, 0, COMMAND + b"a"))
    (second,) = end.take(numbered(0, 0, COMMAND + b"b")._replace(source=other))
    assert (first.destination, first.information) == (CLIENT, RESPONSE + b"aa")
    assert (second.destination, second.information) == (other, RESPONSE + b"bb")
    end.take(command(Kind.DISC)._replace(source=other))
    assert kinds(end.take(ready(1))) == [(Kind.RR, -1, True)]


def test_links_are_bounded() -> None:
    end = server()
    answered = [end.take(command(Kind.SNRM)._replace(source=bytes(Address(upper=at))))[0].kind for at in range(1, 100)]
    assert answered == [Kind.UA] * LINKS_MAX + [Kind.DM] * (99 - LINKS_MAX)


# Time.


def test_a_silent_link_ends() -> None:
    end = connected(inactivity_us=1000)
    end.wait(900)
    end.take(ready(0))
    end.wait(900)
    assert end.said() == []
    end.wait(100)
    assert end.said() == [LinkDown(16, 1, "nothing was heard from the client for too long")]
    assert end.stack.deadline_us() is None


def test_without_an_inactivity_time_a_link_stays() -> None:
    end = connected(inactivity_us=None)
    assert end.stack.deadline_us() is None
