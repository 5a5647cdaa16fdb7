"""Demand: mean power over integration periods, block or sliding, and the largest since the last reset.

Nothing is stored while time passes: the periods that the clock has passed are known, and each one's demand is a
difference of registers. A sum of all phases, in thousandths of a watt.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from emulator.mains.scene import neutral_ma
from emulator.metering.energy import (
    APPARENT_EXPORT,
    APPARENT_IMPORT,
    EXPORT,
    IMPORT,
    PHASE_REGISTERS,
    VOLT,
    Registers,
)
from emulator.timing.grid import Run

Demand = Callable[[Registers, Registers, int], int]
"""A demand from the registers before and after a period, and its length; powers also from a segment's totals."""


def current_ma(apparent: int, volts: int, on_ms: int, span_ms: int) -> int:
    """A phase's mean current over a span: its apparent energy over its mean voltage, in the units of registers."""
    return apparent * on_ms * 1_000_000 // (span_ms * volts) if volts and span_ms else 0


def mean_current_ma(before: Registers, after: Registers, phase: int, span_ms: int) -> int:
    """The same from the registers before and after."""
    first = phase * PHASE_REGISTERS
    imported, exported, volt = first + APPARENT_IMPORT, first + APPARENT_EXPORT, first + VOLT
    apparent = after[imported] - before[imported] + after[exported] - before[exported]
    return current_ma(apparent, after[volt] - before[volt], after[-1] - before[-1], span_ms)


def mean_currents(before: Registers, after: Registers, span_ms: int) -> tuple[int, ...]:
    """The mean current of each phase."""
    return tuple([mean_current_ma(before, after, phase, span_ms) for phase in range(len(after) // PHASE_REGISTERS)])


def _power(*indexes: int) -> Demand:
    def demand(before: Registers, after: Registers, span_ms: int) -> int:
        gained = 0
        for first in range(0, len(after) - 1, PHASE_REGISTERS):
            for index in indexes:
                gained += after[first + index] - before[first + index]
        return gained // span_ms

    return demand


def _current(before: Registers, after: Registers, span_ms: int) -> int:
    currents = mean_currents(before, after, span_ms)
    return sum(currents) // len(currents)


def _phase_current(phase: int) -> Demand:
    return lambda before, after, span_ms: mean_current_ma(before, after, phase, span_ms)


def _neutral(before: Registers, after: Registers, span_ms: int) -> int:
    return neutral_ma(mean_currents(before, after, span_ms), 1000)


DEMANDS: Final[dict[str, Demand]] = {
    "active_import": _power(IMPORT),
    "active_export": _power(EXPORT),
    "active": _power(IMPORT, EXPORT),
    "apparent_import": _power(APPARENT_IMPORT),
    "apparent_export": _power(APPARENT_EXPORT),
    "apparent": _power(APPARENT_IMPORT, APPARENT_EXPORT),
    "current": _current,
    **{f"current_l{phase + 1}": _phase_current(phase) for phase in range(3)},
    "current_neutral": _neutral,
}
"""By the names that follow `demand_` and `max_demand_` in the table of quantities."""


class Period(NamedTuple):
    """An integration period (or, sliding, several): registers before and after it, its length, its end by the clock."""

    before: Registers
    after: Registers
    span_ms: int
    from_ms: int
    to_ms: int
    stamp_ms: int


class Maximum(NamedTuple):
    """The largest demand, of equals the earliest, and when (meter time) its period ended; 0 and 0 for none."""

    value: int
    stamp_ms: int


NO_MAXIMUM: Final = Maximum(0, 0)


def periods(
    runs: Iterable[Run], from_ms: int, registers: Callable[[int], Registers], period_ms: int, sliding: int
) -> Iterator[Period]:
    """The integration periods that ended in some runs.

    Args:
        runs: instants passed after `from_ms`, in true time order.
        from_ms: where the first period begins, in true time.
        registers: what stands in them at an instant of true time.
        period_ms: the nominal length; a period that a clock set has shortened still counts as that long.
        sliding: how many consecutive periods make a demand.
    """
    window: list[tuple[int, Registers]] = [(from_ms, registers(from_ms))]
    for run in runs:
        for number in range(run.first, run.last + 1):
            stamp_ms = run.grid.instant(number)
            at_ms = run.clock.true_ms(stamp_ms)
            after = registers(at_ms)
            begin_ms, before = window[0]
            yield Period(before, after, max(sliding * period_ms, at_ms - begin_ms), begin_ms, at_ms, stamp_ms)
            window.append((at_ms, after))
            if len(window) > sliding:
                del window[0]
