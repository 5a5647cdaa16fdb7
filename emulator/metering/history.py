"""Profiles: rows derived from the load and what has happened, as if they had been stored one by one.

A row is a difference of quantised registers between two instants that the clock has passed, so rows always add up to
the register, whatever has been cut, set or switched between. What a clock change does: the running interval goes on
and ends with the next instant passed; a clock set back passes stamps again, so two rows bear the same; one set forward
leaves out the stamps it has skipped. Row 1 is the oldest that the profile still holds.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING, Final

from emulator.mains import draw
from emulator.metering.captures import block_runs, daily_runs
from emulator.metering.columns import Column, Rows, column, mean_factors
from emulator.metering.maxima import USUAL, maxima, running_maximum
from emulator.metering.series import ALL, ON_MS, Series, differences
from emulator.metering.zoned import place_of, zoned_registers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emulator.meter import Meter
    from emulator.metering.energy import Segment
    from emulator.timing.grid import Run

PROFILES: Final = ("block_load", "daily_load", "billing")

NO_SUPPLY: Final = 0x01
SWITCH_OPEN: Final = 0x02
CLOCK_CHANGED: Final = 0x04
"""Bits of the health word: what was so for a part of the interval."""

_MINUTE_MS: Final = 60_000


class History:
    """A meter's profiles; a view that holds nothing."""

    __slots__ = ("_meter",)

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def entries(self, profile: str, at_ms: int) -> int:
        """How many rows a profile holds; the billing profile's last row is the period that runs."""
        self._meter.advance(at_ms)
        if profile == "billing":
            return len(self._meter.billing.bills) + 1
        runs = self._runs(profile, at_ms)
        return min(sum(run.length for run in runs), self._depth(profile))

    def rows(self, profile: str, at_ms: int, first: int, last: int, columns: Sequence[str]) -> list[tuple[int, ...]]:
        """Rows `first` to `last` (1 being the oldest), each with the canonical integers of some quantities.

        Raises:
            KeyError: the profile's rows do not hold such a quantity.
        """
        self._meter.advance(at_ms)
        if profile == "billing":
            return self._bills(at_ms, first, last, columns)
        makers = [self._column(profile, name) for name in columns]
        held = self._held(profile, self._runs(profile, at_ms), first, last)
        return list(zip(*(make(held) for make in makers), strict=True)) if held else []

    def find(self, profile: str, at_ms: int, from_ms: int, to_ms: int) -> tuple[int, int]:
        """The first and the last row whose stamp (meter time) lies in a range; (1, 0) when there is none."""
        self._meter.advance(at_ms)
        if profile == "billing":
            stamps = [row[0] for row in self._bills(at_ms, 1, self.entries(profile, at_ms), ["billing_date"])]
            within = [number for number, stamp_ms in enumerate(stamps, start=1) if from_ms <= stamp_ms <= to_ms]
            return (within[0], within[-1]) if within else (1, 0)
        runs = self._runs(profile, at_ms)
        dropped = max(0, sum(run.length for run in runs) - self._depth(profile))
        first, last = 0, 0
        number = 1 - dropped
        for run in runs:
            lowest, highest = _within(run, from_ms, to_ms)
            lowest = max(lowest, run.first + 1 - number)
            if lowest <= highest:
                first = first or number + lowest - run.first
                last = number + highest - run.first
            number += run.length
        return (first, last) if first else (1, 0)

    # Block and daily rows

    def _depth(self, profile: str) -> int:
        profiles = self._meter.physics.profiles
        return {"block_load": profiles.block_load.entries, "daily_load": profiles.daily_load.entries}[profile]

    def _runs(self, profile: str, at_ms: int) -> list[Run]:
        cleared_ms = self._meter.cleared.get(profile, 0)
        runs = {"block_load": block_runs, "daily_load": daily_runs}[profile](self._meter, at_ms)
        if not cleared_ms:
            return runs
        later = [run for run in runs if run.true_ms(run.last) > cleared_ms]
        return [
            run._replace(first=next(n for n in range(run.first, run.last + 1) if run.true_ms(n) > cleared_ms))
            for run in later
        ]

    def _held(self, profile: str, runs: list[Run], first: int, last: int) -> Rows | None:
        total = sum(run.length for run in runs)
        dropped = max(0, total - self._depth(profile))
        from_index, to_index = dropped + max(1, first) - 1, dropped + min(last, total - dropped) - 1
        if from_index > to_index:
            return None
        # One instant before the first row, where its interval begins.
        instants = _instants(runs, max(0, from_index - 1), to_index)
        if not from_index:
            instants.insert(0, (self._meter.known_since_ms, 0))
        series = Series(self._meter.ledger, [at_ms for at_ms, _ in instants])
        return Rows(series, [stamp_ms for _, stamp_ms in instants[1:]])

    def _column(self, profile: str, name: str) -> Column:
        meter = self._meter
        if name == "meter_health":
            return partial(_health, meter)
        if name == "signal_strength":
            return partial(_signals, meter)
        if name.startswith("max_demand_"):
            return partial(_maxima, meter, name)
        if name[-3:-1] == "_t" and profile != "block_load":
            return partial(_zoned, meter, name)
        return column(name, meter.scale)

    # Bills

    def _bills(self, at_ms: int, first: int, last: int, columns: Sequence[str]) -> list[tuple[int, ...]]:
        meter = self._meter
        book = meter.billing
        rows: list[tuple[int, ...]] = []
        for index in range(max(1, first) - 1, min(last, len(book.bills) + 1)):
            running = index == len(book.bills)
            from_ms = book.begins_ms(index)
            to_ms = at_ms if running else book.bills[index].at_ms
            stamp_ms = meter.clock.meter_ms(at_ms) if running else book.bills[index].stamp_ms
            row = Rows(Series(meter.ledger, [from_ms, to_ms]), [stamp_ms])
            tampers = meter.monitor.tamper_count if running else book.bills[index].tamper_count
            tampers_before = book.bills[index - 1].tamper_count if index else book.tampers_before
            known = {"billing_tamper_count": tampers - tampers_before, "tamper_count": tampers}
            demands = self._demands(columns, from_ms, to_ms, running=running)
            rows.append(tuple([self._bill_cell(name, row, known, demands) for name in columns]))
        return rows

    def _demands(self, columns: Sequence[str], from_ms: int, to_ms: int, *, running: bool) -> dict[str, int]:
        names = tuple(sorted({_demand_name(name) for name in columns if name.startswith("max_demand_")}))
        if not names:
            return {}
        if running and all(name in USUAL for name in names):
            found = {name: running_maximum(self._meter, name, to_ms) for name in names}
        else:
            found = maxima(self._meter, from_ms, to_ms, names)
        return {f"max_demand_{name}": best.value for name, best in found.items()} | {
            f"max_demand_{name}_at": best.stamp_ms for name, best in found.items()
        }

    def _bill_cell(self, name: str, row: Rows, known: dict[str, int], demands: dict[str, int]) -> int:
        if name in known:
            return known[name]
        if name in demands:
            return demands[name]
        make = _BILL_COLUMNS.get(name) or self._column("billing", name)
        return make(row)[0]


def _on_minutes(rows: Rows) -> list[int]:
    return differences([on_ms // _MINUTE_MS for on_ms in rows.series.values(ALL, ON_MS)])


_BILL_COLUMNS: Final[dict[str, Column]] = {
    "billing_date": lambda rows: rows.stamps,
    "billing_power_factor": mean_factors,
    "billing_power_factor_export": partial(mean_factors, exported=True),
    "billing_power_on_minutes": _on_minutes,
}


def _demand_name(name: str) -> str:
    return name.removeprefix("max_demand_").removesuffix("_at")


def _maxima(meter: Meter, name: str, rows: Rows) -> list[int]:
    demand = _demand_name(name)
    found = [maxima(meter, from_ms, to_ms, (demand,))[demand] for from_ms, to_ms in rows.within()]
    return [best.stamp_ms if name.endswith("_at") else best.value for best in found]


def _zoned(meter: Meter, name: str, rows: Rows) -> list[int]:
    place = place_of(name)
    return [meter.scale.shown(zoned_registers(meter, to_ms)[place]) for _, to_ms in rows.within()]


def _signals(meter: Meter, rows: Rows) -> list[int]:
    purpose = f"{meter.id}/signal"
    return [draw.between(meter.seed, purpose, to_ms // (10 * _MINUTE_MS), -105, -72) for _, to_ms in rows.within()]


def _health(meter: Meter, rows: Rows) -> list[int]:
    ever_open = any(map(_is_open, meter.ledger.segments))
    changes = [clock.start_ms for clock in meter.clock.segments]
    words: list[int] = []
    for on_ms, (from_ms, to_ms) in zip(rows.series.gains(ALL, ON_MS), rows.within(), strict=True):
        bits = NO_SUPPLY if on_ms < to_ms - from_ms else 0
        if ever_open and any(map(_is_open, meter.ledger.between(from_ms, to_ms))):
            bits |= SWITCH_OPEN
        if changes[-1] > from_ms and bisect_right(changes, to_ms) > bisect_right(changes, from_ms):
            bits |= CLOCK_CHANGED
        words.append(bits)
    return words


def _is_open(segment: Segment) -> bool:
    return segment.powered and not any(segment.shares)


def _instants(runs: list[Run], from_index: int, to_index: int) -> list[tuple[int, int]]:
    """(true time, stamp) of instants by their place in all runs."""
    instants: list[tuple[int, int]] = []
    place = 0
    for run in runs:
        low, high = max(0, from_index - place), min(run.length - 1, to_index - place)
        instant: Callable[[int], int] = run.grid.instant
        true_ms = run.clock.true_ms
        instants += [
            (true_ms(stamp_ms), stamp_ms) for stamp_ms in map(instant, range(run.first + low, run.first + high + 1))
        ]
        place += run.length
    return instants


def _within(run: Run, from_ms: int, to_ms: int) -> tuple[int, int]:
    """The first and last number of a run whose stamp lies in a range, which may reach from year 1 to 9999."""
    grid = run.grid
    begin_ms, end_ms = grid.instant(run.first), grid.instant(run.last)
    if from_ms > end_ms or to_ms < begin_ms:
        return run.first, run.first - 1
    first = run.first if from_ms <= begin_ms else grid.number(from_ms - 1) + 1
    return first, run.last if to_ms >= end_ms else grid.number(to_ms)
