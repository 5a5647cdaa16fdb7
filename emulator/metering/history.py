"""Profiles: rows derived from the load and what has happened, as if they had been stored one by one.

A row is a difference of quantised registers between two instants that the clock has passed, so rows always add up to
the register, whatever has been cut, set or switched between. What a clock change does: the running interval goes on
and ends with the next instant passed; a clock set back passes stamps again, so two rows bear the same; one set forward
leaves out the stamps it has skipped. Row 1 is the oldest that the profile still holds.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from emulator.mains import draw
from emulator.metering.captures import block_runs, daily_runs
from emulator.metering.columns import Column, Row, column, mean_factor
from emulator.metering.maxima import USUAL, maxima, running_maximum
from emulator.metering.zoned import ZONED, zoned_registers

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
_ZONED_NAMES: Final = (
    "active_energy_import",
    "active_energy_export",
    "apparent_energy_import",
    "apparent_energy_export",
)


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
        held = self._held(profile, self._runs(profile, at_ms), first, last)
        readers = [self._column(profile, name) for name in columns]
        return [tuple([read(row) for read in readers]) for row in held]

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

    def _held(self, profile: str, runs: list[Run], first: int, last: int) -> list[Row]:
        total = sum(run.length for run in runs)
        dropped = max(0, total - self._depth(profile))
        from_index, to_index = dropped + max(1, first) - 1, dropped + min(last, total - dropped) - 1
        if from_index > to_index:
            return []
        # One instant before the first row, where its interval begins.
        instants = _instants(runs, max(0, from_index - 1), to_index)
        if not from_index:
            instants.insert(0, (self._meter.known_since_ms, 0))
        registers = self._meter.ledger.series([at_ms for at_ms, _ in instants])
        return [
            Row(
                registers[index],
                registers[index + 1],
                instants[index][0],
                instants[index + 1][0],
                instants[index + 1][1],
            )
            for index in range(len(instants) - 1)
        ]

    def _column(self, profile: str, name: str) -> Column:
        meter = self._meter
        if name == "meter_health":
            return _health(meter)
        if name == "signal_strength":
            return lambda row: draw.between(meter.seed, f"{meter.id}/signal", row.to_ms // (10 * _MINUTE_MS), -105, -72)
        if name.startswith("max_demand_"):
            return _maximum(meter, name)
        if name[-3:-1] == "_t" and profile != "block_load":
            return _zoned(meter, name)
        return column(name, meter.scale, meter.physics.metering.phases)

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
            before, after = (meter.ledger.registers(each) for each in (from_ms, to_ms))
            row = Row(before, after, from_ms, to_ms, stamp_ms)
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

    def _bill_cell(self, name: str, row: Row, known: dict[str, int], demands: dict[str, int]) -> int:
        if name in known:
            return known[name]
        if name in demands:
            return demands[name]
        special = _BILL_CELLS.get(name)
        return special(row) if special else self._column("billing", name)(row)


_BILL_CELLS: Final[dict[str, Column]] = {
    "billing_date": lambda row: row.stamp_ms,
    "billing_power_factor": lambda row: mean_factor(row.before, row.after),
    "billing_power_factor_export": lambda row: mean_factor(row.before, row.after, exported=True),
    "billing_power_on_minutes": lambda row: row.after[-1] // _MINUTE_MS - row.before[-1] // _MINUTE_MS,
}


def _demand_name(name: str) -> str:
    return name.removeprefix("max_demand_").removesuffix("_at")


def _maximum(meter: Meter, name: str) -> Column:
    demand = _demand_name(name)

    def cell(row: Row) -> int:
        best = maxima(meter, row.from_ms, row.to_ms, (demand,))[demand]
        return best.stamp_ms if name.endswith("_at") else best.value

    return cell


def _zoned(meter: Meter, name: str) -> Column:
    place = (int(name[-1]) - 1) * len(ZONED) + _ZONED_NAMES.index(name[:-3])
    return lambda row: meter.scale.shown(zoned_registers(meter, row.to_ms)[place])


def _health(meter: Meter) -> Column:
    ever_open = any(map(_is_open, meter.ledger.segments))
    changes = [clock.start_ms for clock in meter.clock.segments]

    def health(row: Row) -> int:
        before, after, from_ms, to_ms, _ = row
        bits = NO_SUPPLY if after[-1] - before[-1] < to_ms - from_ms else 0
        if ever_open and any(map(_is_open, meter.ledger.between(from_ms, to_ms))):
            bits |= SWITCH_OPEN
        if bisect_right(changes, to_ms) > bisect_right(changes, from_ms):
            bits |= CLOCK_CHANGED
        return bits

    return health


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
