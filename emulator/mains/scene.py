"""What the metering element sees: each phase's voltage and power at an instant, from the segment in force."""

from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from emulator.event.watch import FAR
from emulator.metering.energy import FORWARDED_ONLY, IMPORT, REVERSED, Segment


class Phase(NamedTuple):
    """One phase, in thousandths; power is positive for import and for lag."""

    voltage_mv: int
    active_mw: int
    reactive_mvar: int
    apparent_mva: int

    @property
    def current_ma(self) -> int:
        """What its apparent power and its voltage make."""
        return (self.apparent_mva * 1000 + self.voltage_mv // 2) // self.voltage_mv if self.voltage_mv else 0


@lru_cache(maxsize=1024)
def phases(segment: Segment, at_ms: int) -> tuple[Phase, ...]:
    """All phases at an instant, as instruments show them."""
    power = segment.load.power(at_ms) if any(segment.shares) else (0, 0, 0)
    supply = segment.supply
    return tuple(
        _phase(
            supply.millivolts(index, at_ms) * volt // 1000 if volt else 0, power, share, segment.routes[index][IMPORT]
        )
        for index, (share, volt) in enumerate(zip(segment.shares, segment.volts, strict=True))
    )


@lru_cache(maxsize=1024)
def steady_phases(segment: Segment, at_ms: int) -> tuple[Phase, ...]:
    """All phases without what flickers: what limits and events are judged by."""
    power = segment.load.steady(at_ms) if any(segment.shares) else (0, 0, 0)
    supply = segment.supply
    return tuple(
        _phase(supply.steady(index, at_ms) * volt // 1000 if volt else 0, power, share, segment.routes[index][IMPORT])
        for index, (share, volt) in enumerate(zip(segment.shares, segment.volts, strict=True))
    )


def _phase(voltage_mv: int, power: tuple[int, int, int], share: int, imports: tuple[int, ...]) -> Phase:
    if not share:
        return Phase(voltage_mv, 0, 0, 0)
    active, reactive, apparent = power
    turned = imports == REVERSED[IMPORT] or (imports == FORWARDED_ONLY[IMPORT] and active < 0)
    if turned:
        active, reactive = -active, -reactive
    # Towards zero, so that a power and its opposite show the same digits.
    return Phase(
        voltage_mv,
        active * share // 1000 if active >= 0 else -(-active * share // 1000),
        reactive * share // 1000 if reactive >= 0 else -(-reactive * share // 1000),
        apparent * share // 1000,
    )


def neutral_ma(currents: tuple[int, ...], permille: int) -> int:
    """The current in the neutral: the sum of phase currents 120 degrees apart, or the one phase's."""
    if len(currents) == 1:
        return currents[0] * permille // 1000
    first, second, third = currents
    squares = first * first + second * second + third * third
    return isqrt(max(0, squares - first * second - second * third - third * first)) * permille // 1000


def line_mv(one_mv: int, other_mv: int) -> int:
    """The voltage between two phases 120 degrees apart."""
    return isqrt(one_mv * one_mv + other_mv * other_mv + one_mv * other_mv)


def next_change(segment: Segment, at_ms: int) -> int:
    """When the steady scene may change by itself after an instant; `FAR` if never."""
    load = segment.load.next_change(at_ms) if any(segment.shares) else None
    supply = segment.supply.next_change(at_ms) if any(segment.volts) else None
    return min(FAR if load is None else load, FAR if supply is None else supply)
