"""Stacks and buses keep their contract: order, deadlines, closing, routing."""

from typing import Any

from protocols.errors import RemoteProtocolError
from protocols.machine import EVERYONE, Bus, Layer, Stack


class Doubler(Layer[bytes, bytes]):
    """Hands every byte string up twice and marks what goes down."""

    def from_below(self, item: bytes, now_us: int) -> None:
        self.above(item, now_us)
        self.above(item, now_us)

    def from_above(self, item: bytes, now_us: int) -> None:
        self.below(b"<" + item + b">", now_us)


class Echo(Layer[bytes, bytes]):
    """Answers what it gets, refuses b"bad", and wakes once at a set instant."""

    def __init__(self, wake_us: int | None = None) -> None:
        self.wake_us = wake_us
        self.woken_at_us: list[int] = []
        self.ended = False

    def from_below(self, item: bytes, now_us: int) -> None:
        if item == b"bad":
            raise RemoteProtocolError("bad is not a frame")
        self.below(item, now_us)
        self.above(item.upper(), now_us)

    def eof(self, reason: str, now_us: int) -> None:
        self.ended = True
        self.above(reason, now_us)

    def deadline_us(self) -> int | None:
        return self.wake_us

    def on_deadline(self, now_us: int) -> None:
        self.woken_at_us.append(now_us)
        self.wake_us = None


class Asker(Layer[bytes, bytes]):
    """Asks before it hands up."""

    def from_below(self, item: bytes, now_us: int) -> None:
        answer = self.ask(item, now_us)
        if answer is None:
            self.above(item, now_us)
        else:
            self.below(answer, now_us)


class Prompt(Layer[bytes, bytes]):
    """Answers b"quick" at once."""

    def answer(self, item: bytes, now_us: int) -> bytes | None:
        return b"at once" if item == b"quick" else None

    def from_below(self, item: bytes, now_us: int) -> None:
        self.below(b"handed up", now_us)


class Witness(Layer[bytes, bytes]):
    """Sees what is answered at once."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def answer(self, item: bytes, now_us: int) -> bytes | None:
        answer: bytes | None = self.ask(item, now_us)
        if answer is not None:
            self.seen.append(answer)
        return answer


def events(machine: Stack | Bus) -> list[Any]:
    seen = []
    while (event := machine.next_event()) is not None:
        seen.append(event)
    return seen


def test_what_goes_up_comes_down_through_every_layer_in_order() -> None:
    stack = Stack([Doubler(), Echo()])
    stack.receive_data(b"a", 0)
    assert stack.data_to_send(0) == [b"<a>", b"<a>"]
    assert stack.data_to_send(0) == []
    assert events(stack) == [b"A", b"A"]


def test_a_tap_between_two_layers_changes_nothing() -> None:
    plain, tapped = Stack([Doubler(), Echo()]), Stack([Doubler(), Layer(), Echo()])
    for stack in (plain, tapped):
        stack.receive_data(b"x", 5)
    assert plain.data_to_send(5) == tapped.data_to_send(5)
    assert events(plain) == events(tapped)


def test_a_broken_standard_closes_the_stack_with_the_sentence() -> None:
    stack = Stack([Echo()])
    stack.receive_data(b"fine", 0)
    stack.receive_data(b"bad", 0)
    stack.receive_data(b"more", 0)
    assert stack.closed == "bad is not a frame"
    assert stack.data_to_send(0) == [b"fine"], "what was on its way still leaves; nothing comes after"
    assert stack.deadline_us() is None


def test_layers_hear_of_the_end_of_a_stack_that_one_of_them_has_closed() -> None:
    echo = Echo()
    stack = Stack([echo])
    stack.receive_data(b"bad", 0)
    stack.receive_eof(0)
    stack.receive_eof(0)
    assert echo.ended
    assert stack.closed == "bad is not a frame"
    assert [*iter(stack.next_event, None)] == ["bad is not a frame"]


def test_the_earliest_deadline_is_published_and_an_early_call_changes_nothing() -> None:
    early, late = Echo(100), Echo(200)
    stack = Stack([early, late])
    assert stack.deadline_us() == 100
    stack.on_deadline(99)
    assert early.woken_at_us == []
    stack.on_deadline(150)
    assert (early.woken_at_us, late.woken_at_us) == ([150], [])
    assert stack.deadline_us() == 200


def test_the_end_of_the_stream_is_heard_by_every_layer_once() -> None:
    echo = Echo()
    stack = Stack([Doubler(), echo])
    stack.receive_eof(1)
    stack.receive_eof(2)
    assert echo.ended
    assert events(stack) == ["the connection ended"]
    assert stack.closed == "the peer closed the connection"


def bus() -> tuple[Bus, dict[int, Echo]]:
    echoes = {1: Echo(50), 2: Echo()}
    routes = {ord("1"): 1, ord("2"): 2, ord("9"): 9, ord("*"): EVERYONE}
    return Bus(
        Layer(), lambda frame: routes.get(frame[0]), {key: Stack([echo]) for key, echo in echoes.items()}
    ), echoes


def test_a_bus_hands_each_frame_to_its_own_station() -> None:
    line, _ = bus()
    line.receive_data(b"2x", 0)
    assert line.data_to_send(0) == [b"2x"]
    assert events(line) == [(2, b"2X")]
    line.receive_data(b"9nobody", 0)
    line.receive_data(b"?", 0)
    assert line.data_to_send(0) == []


def test_a_frame_for_everyone_reaches_every_station() -> None:
    line, _ = bus()
    line.receive_data(b"*", 0)
    assert [key for key, _ in events(line)] == [1, 2]


def test_a_bus_wakes_only_the_stations_whose_time_has_come() -> None:
    line, echoes = bus()
    line.receive_data(b"1", 0)
    assert line.deadline_us() == 50
    line.on_deadline(60)
    assert (echoes[1].woken_at_us, echoes[2].woken_at_us) == ([60], [])
    assert line.deadline_us() is None


def test_a_station_that_fails_leaves_its_neighbours_alone() -> None:
    line, _ = bus()
    line.stations[1].close("burnt")
    line.receive_data(b"1", 0)
    line.receive_data(b"2", 0)
    assert line.data_to_send(0) == [b"2"]


def test_the_end_of_the_line_reaches_every_station() -> None:
    line, echoes = bus()
    line.receive_eof(0)
    assert all(echo.ended for echo in echoes.values())
    assert line.closed


def test_a_request_may_be_answered_at_once_under_the_eyes_of_the_layers_between() -> None:
    witness = Witness()
    stack = Stack([Asker(), witness, Prompt()])
    stack.receive_data(b"quick", 0)
    stack.receive_data(b"slow", 0)
    assert stack.data_to_send(0) == [b"at once", b"handed up"]
    assert witness.seen == [b"at once"]


def test_a_layer_that_says_nothing_of_it_and_a_top_that_has_no_answer_keep_the_long_way() -> None:
    stack = Stack([Asker(), Layer(), Prompt()])
    stack.receive_data(b"quick", 0)
    assert stack.data_to_send(0) == [b"handed up"]
    lonely = Stack([Asker()])
    lonely.receive_data(b"quick", 0)
    assert events(lonely) == [b"quick"]


def test_layers_that_only_hand_on_are_passed_by() -> None:
    stack = Stack([Layer(), Doubler(), Layer(), Echo(), Layer()])
    stack.receive_data(b"a", 0)
    assert stack.data_to_send(0) == [b"<a>", b"<a>"]
    assert events(stack) == [b"A", b"A"]
