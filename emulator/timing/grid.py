"""When things are due by a meter's clock: every quarter of an hour, every midnight, every first of a month.

A grid numbers its instants (meter time, UTC milliseconds) with whole numbers, both ways. `captures` turns a grid and
the course of a clock into the instants of true time at which it was really passed: a clock that is set back passes
some instants twice, one that is set forward never passes others.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple, Protocol

from emulator.timing.clock import STANDS_STILL, ClockSegment
from emulator.timing.zone import Zone, date_of, day_of


class Grid(Protocol):
    """Numbered instants of meter time."""

    def number(self, utc_ms: int) -> int:
        """The number of the last instant at or before a meter time."""

    def instant(self, number: int) -> int:
        """The meter time of a number."""


class PeriodGrid(NamedTuple):
    """Every `period_ms`, beginning with local standard midnight."""

    period_ms: int
    zone: Zone

    def number(self, utc_ms: int) -> int:
        """The number of the last instant at or before a meter time."""
        return (utc_ms + self.zone.standard_ms) // self.period_ms

    def instant(self, number: int) -> int:
        """The meter time of a number."""
        return number * self.period_ms - self.zone.standard_ms


class DayGrid(NamedTuple):
    """Every local midnight; numbers are local days."""

    zone: Zone

    def number(self, utc_ms: int) -> int:
        """The local day of a meter time."""
        return self.zone.day(utc_ms)

    def instant(self, number: int) -> int:
        """The midnight that begins a local day."""
        return self.zone.instant(number)


class MonthGrid(NamedTuple):
    """A day and hour of every month; a day behind the month's end is its last. Numbers are years times twelve."""

    day: int
    hour: int
    zone: Zone

    def number(self, utc_ms: int) -> int:
        """The number of the last such instant at or before a meter time."""
        when = date_of(self.zone.day(utc_ms))
        number = when.year * 12 + when.month - 1
        return number if self.instant(number) <= utc_ms else number - 1

    def instant(self, number: int) -> int:
        """The meter time of a month's day and hour."""
        return _month_instant(self, number)


@lru_cache(maxsize=4096)
def _month_instant(grid: MonthGrid, number: int) -> int:
    year, month = divmod(number, 12)
    day = min(grid.day, monthrange(year, month + 1)[1])
    return grid.zone.instant(day_of(date(year, month + 1, day)), grid.hour * 3_600_000)


class Run(NamedTuple):
    """Consecutive numbers of a grid, all passed in one segment of the clock."""

    grid: Grid
    clock: ClockSegment
    first: int
    last: int

    @property
    def length(self) -> int:
        """How many instants were passed."""
        return self.last - self.first + 1

    def true_ms(self, number: int) -> int:
        """When a number was passed, in true time."""
        return self.clock.true_ms(self.grid.instant(number))


class Stretch(NamedTuple):
    """A half-open stretch of true time."""

    from_ms: int
    until_ms: int


def captures(grid: Grid, clocks: list[ClockSegment], stretches: Iterable[Stretch]) -> Iterator[Run]:
    """The runs of a grid that were passed in stretches of true time, oldest first."""
    for stretch in stretches:
        for place, clock in enumerate(clocks):
            from_ms = max(stretch.from_ms, clock.start_ms)
            until_ms = stretch.until_ms
            if place + 1 < len(clocks):
                until_ms = min(until_ms, clocks[place + 1].start_ms)
            if from_ms >= until_ms or clock.ppb == STANDS_STILL:
                continue
            # A clock that has just been set to an instant of the grid passes it; going on, it passes what is new.
            passed_ms = clock.meter_ms(from_ms - 1) if from_ms > clock.start_ms else clock.utc_ms - 1
            first = grid.number(passed_ms) + 1
            last = grid.number(clock.meter_ms(until_ms - 1))
            if last >= first:
                yield Run(grid, clock, first, last)
