"""Columns of profile rows: what a quantity is in each of them, from the registers at the ends of their intervals.

A column is made whole, since thousands of rows are asked for at once: a register is quantised once for each instant,
not twice for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING, Final, NamedTuple

from emulator.mains.scene import neutral_ma
from emulator.metering.demand import current_ma
from emulator.metering.energy import (
    APPARENT_EXPORT,
    APPARENT_IMPORT,
    EXPORT,
    IMPORT,
    MICROJOULES_PER_MILLI_WH,
    Q1,
    Q2,
    Q3,
    Q4,
    VOLT,
    Scale,
)
from emulator.metering.series import ALL, ON_MS, differences

if TYPE_CHECKING:
    from emulator.metering.series import Series

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


class Rows(NamedTuple):
    """Intervals of a profile that follow each other: registers at all their ends, and each one's stamp (meter time).

    The first instant of `series` is where the first interval begins, so there is one more than rows.
    """

    series: Series
    stamps: list[int]

    def within(self) -> Iterator[tuple[int, int]]:
        """When each row's interval began and ended, in true time."""
        return pairwise(self.series.instants)


Column = Callable[[Rows], list[int]]


@lru_cache(maxsize=1024)
def column(name: str, scale: Scale) -> Column:
    """The column of a quantity in block and daily rows.

    Raises:
        KeyError: such rows do not hold it.
    """
    if name == "clock":
        return lambda rows: rows.stamps
    if name.startswith("block_"):
        return partial(_differences, ENERGY_NAMES[name.removeprefix("block_")], scale)
    if name in ENERGY_NAMES:
        return partial(_registers, ENERGY_NAMES[name], scale)
    if name.startswith("average_"):
        return _average(name.removeprefix("average_"))
    raise KeyError(name)


def _differences(indexes: tuple[int, ...], scale: Scale, rows: Rows) -> list[int]:
    """Differences of quantised registers, so that rows add up to them."""
    step = scale.step
    unit = MICROJOULES_PER_MILLI_WH * step
    if len(indexes) == 1:
        whole = [value // unit for value in rows.series.values(ALL, indexes[0])]
    else:
        whole = [sum([each // unit for each in values]) for values in _side_by_side(indexes, rows)]
    return [each * step for each in differences(whole)]


def _registers(indexes: tuple[int, ...], scale: Scale, rows: Rows) -> list[int]:
    shown = [sum(map(scale.quantised, values)) % scale.rollover for values in _side_by_side(indexes, rows)]
    return shown[1:]


def _side_by_side(indexes: tuple[int, ...], rows: Rows) -> Iterator[tuple[int, ...]]:
    return zip(*(rows.series.values(ALL, index) for index in indexes), strict=True)


def _average(name: str) -> Column:
    stem, _, phase = name.rpartition("_l")
    if stem in _OF_PHASE and phase in {"1", "2", "3"}:
        return partial(_OF_PHASE[stem], int(phase) - 1)
    return _AVERAGES[name]


def _voltages_of(phase: int, rows: Rows) -> list[int]:
    """The mean voltage of a phase while there was supply."""
    volts, on_ms = rows.series.gains(phase, VOLT), rows.series.gains(ALL, ON_MS)
    return [volt // (on * 1000) if on else 0 for volt, on in zip(volts, on_ms, strict=True)]


def _currents_of(phase: int, rows: Rows) -> list[int]:
    """The mean current of a phase over the interval."""
    series = rows.series
    imported, exported, volts = (series.gains(phase, index) for index in (APPARENT_IMPORT, APPARENT_EXPORT, VOLT))
    apparent = map(add, imported, exported)
    return list(map(current_ma, apparent, volts, series.gains(ALL, ON_MS), differences(series.instants)))


_OF_PHASE: Final[dict[str, Callable[[int, Rows], list[int]]]] = {"voltage": _voltages_of, "current": _currents_of}


def _phases(of_phase: Callable[[int, Rows], list[int]], rows: Rows) -> Iterator[tuple[int, ...]]:
    return zip(*(of_phase(phase, rows) for phase in range(rows.series.phases)), strict=True)


def _mean(of_phase: Callable[[int, Rows], list[int]], rows: Rows) -> list[int]:
    return [sum(values) // len(values) for values in _phases(of_phase, rows)]


def _neutral(rows: Rows) -> list[int]:
    return [neutral_ma(currents, 1000) for currents in _phases(_currents_of, rows)]


def mean_factors(rows: Rows, *, exported: bool = False) -> list[int]:
    """The power factor of energies: active by apparent, in thousandths, negative when they mostly led."""
    indexes = (EXPORT, APPARENT_EXPORT, Q2, Q3) if exported else (IMPORT, APPARENT_IMPORT, Q1, Q4)
    return list(map(_factor, *(rows.series.gains(ALL, index) for index in indexes)))


def _factor(active: int, apparent: int, lag: int, lead: int) -> int:
    if not apparent:
        return 1000
    factor = min(1000, active * 1000 // apparent)
    return factor if lag >= lead else -factor


_AVERAGES: Final[dict[str, Column]] = {
    "voltage": partial(_mean, _voltages_of),
    "current": partial(_mean, _currents_of),
    "current_neutral": _neutral,
    "power_factor": mean_factors,
}
