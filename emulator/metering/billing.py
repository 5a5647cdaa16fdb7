"""Billing periods: when each ended, by schedule or by command. The rows are derived when somebody asks.

A schedule's date closes a period once: a clock set forward over it closes it then and there, one set back a little
does not close it again. Only a clock set back by more than `SET_BACK_MS` begins to count from its new date.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from emulator.event.watch import FAR
from emulator.timing.clock import STANDS_STILL, MeterClock
from emulator.timing.grid import MonthGrid
from protocols.model.physics import BillingProfile

SET_BACK_MS: Final = 86_400_000
"""A correction of up to a day closes no period twice; what goes further back is another time."""


SCHEDULE: Final = "schedule"


class Bill(NamedTuple):
    """The end of a billing period: true time, the date it bears (meter time), tampers seen by then, and its cause."""

    at_ms: int
    stamp_ms: int
    tamper_count: int
    cause: str


class BillBook:
    """The ended billing periods of one meter.

    Args:
        model: depth and date.
        clock: the meter's.
        begin_ms: when its life begins.
    """

    __slots__ = (
        "_begin_ms",
        "_clock",
        "_depth",
        "_grid",
        "_number",
        "bills",
        "count",
        "day",
        "due_ms",
        "hour",
        "tampers_before",
    )

    def __init__(self, model: BillingProfile, clock: MeterClock, begin_ms: int) -> None:
        self._clock = clock
        self._depth = model.entries
        # One entry of the profile is the period that runs.
        self._begin_ms = begin_ms
        self.bills: list[Bill] = []
        self.count = 0
        """Periods ended in the meter's life."""
        self.due_ms = FAR
        self.tampers_before = 0
        """Tampers seen before the oldest period that is kept."""
        self.day, self.hour = model.day, model.hour
        self._grid = MonthGrid(max(1, model.day), model.hour, clock.zone)
        self._number = self._grid.number(clock.meter_ms(begin_ms))
        self.plan(begin_ms)

    def catch_up(self, start_ms: int) -> None:
        """End the periods that were in service before the bench starts; meters installed together share them."""
        periods = _before(self._grid, self._begin_ms, start_ms) if self.day else ()
        kept = periods[max(0, len(periods) - self._depth + 1) :]
        self.count = len(periods)
        if len(kept) < len(periods):
            self._begin_ms = periods[-len(kept) - 1].at_ms
        self.bills = list(kept)
        self._number += len(periods)
        self.plan(start_ms)

    def drop_before(self, at_ms: int) -> None:
        """Forget the periods that ended before an instant; the first that is kept begins there."""
        while self.bills and self.bills[0].at_ms <= at_ms:
            self.tampers_before = self.bills.pop(0).tamper_count
        self._begin_ms = max(self._begin_ms, at_ms)

    def begins_ms(self, index: int) -> int:
        """When the period began that ends with a bill (its place in `bills`), or that runs now (`len(bills)`)."""
        return self.bills[index - 1].at_ms if index else self._begin_ms

    def plan(self, at_ms: int) -> None:
        """Find when the next date is passed."""
        clock = self._clock.segment(at_ms)
        if not self.day or clock.ppb == STANDS_STILL:
            self.due_ms = FAR
        else:
            self.due_ms = max(at_ms, clock.true_ms(self._grid.instant(self._number + 1)))

    def clock_set(self, at_ms: int) -> None:
        """The clock has taken another course."""
        now_ms = self._clock.meter_ms(at_ms)
        if now_ms < self._grid.instant(self._number) - SET_BACK_MS:
            self._number = self._grid.number(now_ms)
        self.plan(at_ms)

    def set_day(self, at_ms: int, day: int, hour: int) -> None:
        """Another date from now on; 0 for none."""
        self.day, self.hour = day, hour
        self._grid = MonthGrid(max(1, day), hour, self._clock.zone)
        self._number = self._grid.number(self._clock.meter_ms(at_ms))
        self.plan(at_ms)

    def fire(self, at_ms: int, tamper_count: int) -> None:
        """The schedule's date is passed."""
        self._number = self._grid.number(self._clock.meter_ms(at_ms))
        self.close(at_ms, self._grid.instant(self._number), tamper_count, SCHEDULE)
        self.plan(at_ms)

    def close(self, at_ms: int, stamp_ms: int, tamper_count: int, cause: str) -> None:
        """End the period."""
        self.bills.append(Bill(at_ms, stamp_ms, tamper_count, cause))
        self.count += 1
        if len(self.bills) >= self._depth:
            oldest = self.bills.pop(0)
            self._begin_ms, self.tampers_before = oldest.at_ms, oldest.tamper_count


@lru_cache(maxsize=64)
def _before(grid: MonthGrid, begin_ms: int, start_ms: int) -> tuple[Bill, ...]:
    """The schedule's dates behind one instant and up to another, by a clock that is right."""
    numbers = range(grid.number(begin_ms) + 1, grid.number(start_ms) + 1)
    return tuple(Bill(at_ms, at_ms, 0, SCHEDULE) for at_ms in map(grid.instant, numbers))
