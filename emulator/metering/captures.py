"""When a meter captured: the instants at which its clock passed midnights, quarters of an hour and demand periods.

Rows are numbered by these instants, never by what their stamps say, since a clock that was set repeats or skips
stamps. Setting the clock closes nothing: the running interval ends with the next instant that is passed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from emulator.event.watch import FAR
from emulator.timing.grid import DayGrid, Grid, PeriodGrid, Run, Stretch, captures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.meter import Meter


def block_runs(meter: Meter, at_ms: int) -> list[Run]:
    """The ends of blocks up to an instant."""
    skip = meter.physics.profiles.block_load.outage == "skip"
    return list(_periodic(meter, meter.block_periods, meter.known_since_ms, at_ms, skip=skip))


def daily_runs(meter: Meter, at_ms: int) -> list[Run]:
    """The midnights up to an instant."""
    whole = Stretch(meter.known_since_ms + 1, at_ms + 1)
    stretches = _powered(meter, whole) if meter.physics.profiles.daily_load.outage == "skip" else [whole]
    return list(captures(DayGrid(meter.zone), meter.clock.segments, stretches))


def demand_runs(meter: Meter, from_ms: int, at_ms: int) -> Iterator[Run]:
    """The ends of integration periods behind one instant and up to another."""
    return _periodic(meter, meter.demand_periods, from_ms, at_ms, skip=False)


def _periodic(meter: Meter, periods: list[tuple[int, int]], from_ms: int, at_ms: int, *, skip: bool) -> Iterator[Run]:
    clocks = meter.clock.segments
    for (start_ms, period_s), (end_ms, _) in pairwise([*periods, (FAR, 0)]):
        stretch = Stretch(max(start_ms, from_ms + 1), min(end_ms, at_ms + 1))
        if stretch.from_ms < stretch.until_ms:
            grid: Grid = PeriodGrid(period_s * 1000, meter.zone)
            yield from captures(grid, clocks, _powered(meter, stretch) if skip else [stretch])


def _powered(meter: Meter, stretch: Stretch) -> Iterator[Stretch]:
    """The parts of a stretch in which the meter had supply; parts that touch are one."""
    begun_ms: int | None = None
    segments = meter.ledger.segments
    for index, segment in enumerate(segments):
        from_ms = max(segment.start_ms, stretch.from_ms) if index else stretch.from_ms
        until_ms = stretch.until_ms if index + 1 == len(segments) else segments[index + 1].start_ms
        if until_ms <= stretch.from_ms or from_ms >= stretch.until_ms:
            continue
        if segment.powered and begun_ms is None:
            begun_ms = from_ms
        elif not segment.powered and begun_ms is not None:
            yield Stretch(begun_ms, from_ms)
            begun_ms = None
    if begun_ms is not None:
        yield Stretch(begun_ms, stretch.until_ms)
