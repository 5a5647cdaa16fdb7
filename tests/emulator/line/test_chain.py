"""Several layers behave as one."""

from emulator.line.chain import Chain
from protocols.errors import RemoteProtocolError
from protocols.machine import Bus, Layer, Stack


class Adding(Layer[int, int]):
    """Adds on the way up, takes away on the way down, and waits until its hour."""

    def __init__(self, number: int, at_us: int | None = None) -> None:
        self.number = number
        self.at_us = at_us
        self.woken = 0
        self.ended = False

    def from_below(self, item: int, now_us: int) -> None:
        if item < 0:
            raise RemoteProtocolError("less than nothing")
        self.above(item + self.number, now_us)

    def from_above(self, item: int, now_us: int) -> None:
        self.below(item - self.number, now_us)

    def eof(self, reason: str, now_us: int) -> None:
        self.ended = True

    def deadline_us(self) -> int | None:
        return self.at_us

    def on_deadline(self, now_us: int) -> None:
        self.woken += 1
        self.at_us = None


def test_items_pass_through_all_of_them() -> None:
    stack = Stack([Chain([Adding(1), Adding(10)])])
    stack.receive_data(5, 0)
    assert stack.next_event() == 16
    stack.layers[-1].from_above(16, 0)
    assert stack.data_to_send(0) == [5]


def test_each_is_woken_at_its_own_hour() -> None:
    late, early = Adding(1, 20), Adding(1, 10)
    chain = Chain([late, early])
    assert chain.deadline_us() == 10
    chain.on_deadline(15)
    assert (late.woken, early.woken) == (0, 1)
    assert chain.deadline_us() == 20
    chain.eof("the line is gone", 30)
    assert late.ended
    assert early.ended


def test_what_one_of_them_raises_ends_the_bus() -> None:
    bus = Bus(Chain([Adding(1), Adding(1)]), lambda _frame: None, {})
    bus.receive_data(-5, 0)  # type: ignore[arg-type]
    assert bus.closed == "less than nothing"
