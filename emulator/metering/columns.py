"""Columns of profile rows: what each quantity is in a row, from the registers before and after its interval."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from emulator.mains.scene import neutral_ma
from emulator.metering.demand import mean_current_ma, mean_currents
from emulator.metering.energy import (
    APPARENT_EXPORT,
    APPARENT_IMPORT,
    EXPORT,
    IMPORT,
    MICROJOULES_PER_MILLI_WH,
    PHASE_REGISTERS,
    Q1,
    Q2,
    Q3,
    Q4,
    VOLT,
    Registers,
    Scale,
    total,
)

ENERGY_NAMES: Final[dict[str, tuple[int, ...]]] = {
    "active_energy_import": (IMPORT,),
    "active_energy_export": (EXPORT,),
    "active_energy_total": (IMPORT, EXPORT),
    "apparent_energy_import": (APPARENT_IMPORT,),
    "apparent_energy_export": (APPARENT_EXPORT,),
    "apparent_energy_total": (APPARENT_IMPORT, APPARENT_EXPORT),
    "reactive_energy_import": (Q1, Q2),
    "reactive_energy_export": (Q3, Q4),
    "reactive_energy_total": (Q1, Q2, Q3, Q4),
    "reactive_energy_q1": (Q1,),
    "reactive_energy_q2": (Q2,),
    "reactive_energy_q3": (Q3,),
    "reactive_energy_q4": (Q4,),
}
"""Energy registers by name: the sums of these energies over all phases."""

PHASE_ENERGY_NAMES: Final = {
    name: indexes for name, indexes in ENERGY_NAMES.items() if not name.startswith(("apparent", "reactive_energy_q"))
}
"""Those that a three-phase meter also keeps by phase."""


class Row(NamedTuple):
    """An interval of a profile: registers before and after it, when it began and ended, and its stamp (meter time)."""

    before: Registers
    after: Registers
    from_ms: int
    to_ms: int
    stamp_ms: int


Column = Callable[[Row], int]


@lru_cache(maxsize=1024)
def column(name: str, scale: Scale, count: int) -> Column:
    """The column of a quantity in block and daily rows of a meter with `count` phases.

    Raises:
        KeyError: such rows do not hold it.
    """
    if name == "clock":
        return lambda row: row.stamp_ms
    if name.startswith("block_"):
        return _difference(ENERGY_NAMES[name.removeprefix("block_")], scale, count)
    if name in ENERGY_NAMES:
        return _register(ENERGY_NAMES[name], scale)
    if name.startswith("average_"):
        return _average(name.removeprefix("average_"), count)
    raise KeyError(name)


def _difference(indexes: tuple[int, ...], scale: Scale, count: int) -> Column:
    step = scale.step
    unit = MICROJOULES_PER_MILLI_WH * step
    if len(indexes) == 1 and count == 1:
        index = indexes[0]
        return lambda row: (row[1][index] // unit - row[0][index] // unit) * step
    if len(indexes) == 1 and count == 3:
        l1, l2, l3 = range(indexes[0], 3 * PHASE_REGISTERS, PHASE_REGISTERS)

        def of_three(row: Row) -> int:
            before, after, *_ = row
            gone, came = before[l1] + before[l2] + before[l3], after[l1] + after[l2] + after[l3]
            return (came // unit - gone // unit) * step

        return of_three

    def difference(row: Row) -> int:
        return sum(
            scale.quantised(total(row.after, index)) - scale.quantised(total(row.before, index)) for index in indexes
        )

    return difference


def _register(indexes: tuple[int, ...], scale: Scale) -> Column:
    def register(row: Row) -> int:
        return sum(scale.quantised(total(row.after, index)) for index in indexes) % scale.rollover

    return register


def _average(name: str, count: int) -> Column:
    if count == 1 and name in {"current", "current_neutral"}:
        return lambda row: mean_current_ma(row.before, row.after, 0, row.to_ms - row.from_ms)
    if count == 1 and name == "voltage":
        return _voltage_of(0)
    stem, _, phase = name.rpartition("_l")
    if stem in {"voltage", "current"} and phase.isdecimal() and 1 <= int(phase) <= count:
        return _voltage_of(int(phase) - 1) if stem == "voltage" else _current_of(int(phase) - 1)
    return _AVERAGES[name]


def _voltage_of(phase: int) -> Column:
    """The mean voltage of a phase while there was supply."""
    place = phase * PHASE_REGISTERS + VOLT

    def voltage(row: Row) -> int:
        before, after, *_ = row
        on_ms = after[-1] - before[-1]
        return (after[place] - before[place]) // (on_ms * 1000) if on_ms else 0

    return voltage


def _current_of(phase: int) -> Column:
    return lambda row: mean_current_ma(row.before, row.after, phase, row.to_ms - row.from_ms)


def _voltage(row: Row) -> int:
    count = len(row.after) // PHASE_REGISTERS
    return sum(_voltage_of(phase)(row) for phase in range(count)) // count


def _current(row: Row) -> int:
    currents = mean_currents(row.before, row.after, row.to_ms - row.from_ms)
    return sum(currents) // len(currents)


def _neutral(row: Row) -> int:
    return neutral_ma(mean_currents(row.before, row.after, row.to_ms - row.from_ms), 1000)


def mean_factor(before: Registers, after: Registers, *, exported: bool = False) -> int:
    """The power factor of energies: active by apparent, in thousandths, negative when they mostly led."""
    active, apparent = (EXPORT, APPARENT_EXPORT) if exported else (IMPORT, APPARENT_IMPORT)
    lag, lead = (Q2, Q3) if exported else (Q1, Q4)
    gained = [
        sum(after[index:-1:PHASE_REGISTERS]) - sum(before[index:-1:PHASE_REGISTERS])
        for index in (active, apparent, lag, lead)
    ]
    if not gained[1]:
        return 1000
    factor = min(1000, gained[0] * 1000 // gained[1])
    return factor if gained[2] >= gained[3] else -factor


_AVERAGES: Final[dict[str, Column]] = {
    "voltage": _voltage,
    "current": _current,
    "current_neutral": _neutral,
    "power_factor": lambda row: mean_factor(row.before, row.after),
}
