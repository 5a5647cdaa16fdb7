"""How conditions are judged from the electrical scene, and until when they surely do not hold.

The bounds save looking: where a supply's or a load's limits say that a condition cannot be, nobody walks from change to
change to see that it is not.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from emulator.event.watch import FAR
from emulator.mains.scene import Phase
from emulator.metering.energy import Segment
from protocols.model.physics import Events, Metering

LOW_FACTOR_CURRENT_PERMILLE: Final = 100
"""A power factor is judged only above this part of the basic current, since a standby load's says nothing."""


class Limits(NamedTuple):
    """Where conditions begin, in thousandths of volts, amperes and watts; 0 switches one off."""

    missing_mv: int
    low_mv: int
    over_mv: int
    voltage_unbalance: int
    over_current_ma: int
    current_unbalance: int
    low_factor: int
    low_factor_above_mva: int
    over_load_mw: int


@lru_cache(maxsize=256)
def limits_of(events: Events, metering: Metering, over_load_w: int) -> Limits:
    """The limits that a model's thresholds make; shared by its meters."""
    nominal = metering.nominal_voltage_v
    return Limits(
        missing_mv=events.missing_voltage_permille * nominal if metering.phases == 3 else 0,
        low_mv=events.low_voltage_permille * nominal,
        over_mv=events.over_voltage_permille * nominal,
        voltage_unbalance=events.voltage_unbalance_permille,
        over_current_ma=events.over_current_permille * metering.maximum_current_a,
        current_unbalance=events.current_unbalance_permille,
        low_factor=events.low_power_factor_permille,
        low_factor_above_mva=LOW_FACTOR_CURRENT_PERMILLE * metering.basic_current_a * nominal,
        over_load_mw=over_load_w * 1000 if events.over_load else 0,
    )


class Rule(NamedTuple):
    """How a condition is judged: from the phases, and from bounds that save looking."""

    holds: Callable[[tuple[Phase, ...], Limits, int], bool]
    quiet_until: Callable[[Segment, Limits, int, int], int]


def below_until(segment: Segment, at_ms: int, limit_mva: int, share: int) -> int:
    """Until when a share of the load surely stays within a limit; `at_ms` if that is not sure."""
    if segment.load.peak_mva() * share // 1000 <= limit_mva:
        return FAR
    ceiling, until_ms = segment.load.ceiling(at_ms)
    if ceiling * share // 1000 <= limit_mva:
        return FAR if until_ms is None else until_ms
    return at_ms


def _within(segment: Segment, phase: int) -> tuple[int, int]:
    low, high = segment.supply.limits()
    return low * segment.volts[phase] // 1000, high * segment.volts[phase] // 1000


def _each(segment: Segment) -> list[tuple[int, int]]:
    return [_within(segment, phase) for phase in range(len(segment.volts))]


def _missing_quiet(segment: Segment, limits: Limits, phase: int, at_ms: int) -> int:
    return FAR if _within(segment, phase)[0] >= limits.missing_mv else at_ms


def _over_voltage_quiet(segment: Segment, limits: Limits, _phase: int, at_ms: int) -> int:
    return FAR if not limits.over_mv or all(high <= limits.over_mv for _, high in _each(segment)) else at_ms


def _low_voltage_quiet(segment: Segment, limits: Limits, _phase: int, at_ms: int) -> int:
    return FAR if all(low >= limits.low_mv or high < limits.missing_mv for low, high in _each(segment)) else at_ms


def _unbalance(values: list[int]) -> int:
    """The spread of values in thousandths of their mean."""
    total = sum(values)
    return (max(values) - min(values)) * len(values) * 1000 // total if total else 0


def _voltage_unbalance(phases: tuple[Phase, ...], limits: Limits, _phase: int) -> bool:
    volts = [phase.voltage_mv for phase in phases]
    return min(volts) >= limits.missing_mv and _unbalance(volts) > limits.voltage_unbalance


def _voltage_unbalance_quiet(segment: Segment, limits: Limits, _phase: int, at_ms: int) -> int:
    if not limits.voltage_unbalance:
        return FAR
    alike = len(set(segment.volts)) == 1
    return FAR if alike and segment.supply.spread() <= limits.voltage_unbalance else at_ms


def _over_current(phases: tuple[Phase, ...], limits: Limits, _phase: int) -> bool:
    return any(phase.current_ma > limits.over_current_ma for phase in phases)


def over_current_quiet(segment: Segment, over_current_ma: int, at_ms: int) -> int:
    """Until when no phase's current surely exceeds a limit."""
    quiet_ms = FAR
    for phase, share in enumerate(segment.shares):
        if share:
            lowest_mv = _within(segment, phase)[0]
            quiet_ms = min(quiet_ms, below_until(segment, at_ms, over_current_ma * lowest_mv // 1000, share))
    return quiet_ms


def _over_current_quiet(segment: Segment, limits: Limits, _phase: int, at_ms: int) -> int:
    return over_current_quiet(segment, limits.over_current_ma, at_ms) if limits.over_current_ma else FAR


def _current_unbalance(phases: tuple[Phase, ...], limits: Limits, _phase: int) -> bool:
    currents = [phase.current_ma for phase in phases]
    return sum(phase.apparent_mva for phase in phases) > limits.low_factor_above_mva and (
        _unbalance(currents) > limits.current_unbalance
    )


def _current_unbalance_quiet(segment: Segment, limits: Limits, _phase: int, at_ms: int) -> int:
    return at_ms if limits.current_unbalance and any(segment.shares) else FAR


def _low_factor(phases: tuple[Phase, ...], limits: Limits, _phase: int) -> bool:
    apparent = sum(phase.apparent_mva for phase in phases)
    active = abs(sum(phase.active_mw for phase in phases))
    return apparent > limits.low_factor_above_mva and active * 1000 < limits.low_factor * apparent


def _low_factor_quiet(segment: Segment, limits: Limits, _phase: int, at_ms: int) -> int:
    if not limits.low_factor or not any(segment.shares):
        return FAR
    good = segment.load.least_power_factor(limits.low_factor_above_mva) >= limits.low_factor
    return FAR if good else below_until(segment, at_ms, limits.low_factor_above_mva, 1000)


def _over_load(phases: tuple[Phase, ...], limits: Limits, _phase: int) -> bool:
    return sum(phase.active_mw for phase in phases) > limits.over_load_mw


def over_load_quiet(segment: Segment, over_load_mw: int, at_ms: int) -> int:
    """Until when the imported power surely stays within a limit."""
    return below_until(segment, at_ms, over_load_mw, sum(segment.shares)) if any(segment.shares) else FAR


def _over_load_quiet(segment: Segment, limits: Limits, _phase: int, at_ms: int) -> int:
    return over_load_quiet(segment, limits.over_load_mw, at_ms) if limits.over_load_mw else FAR


_MISSING: Final = Rule(
    lambda phases, limits, phase: phases[phase].voltage_mv < limits.missing_mv,
    _missing_quiet,
)
RULES: Final = {
    "missing_voltage_l1": _MISSING,
    "missing_voltage_l2": _MISSING,
    "missing_voltage_l3": _MISSING,
    "over_voltage": Rule(
        lambda phases, limits, _phase: any(phase.voltage_mv > limits.over_mv for phase in phases),
        _over_voltage_quiet,
    ),
    "low_voltage": Rule(
        lambda phases, limits, _phase: any(limits.missing_mv <= phase.voltage_mv < limits.low_mv for phase in phases),
        _low_voltage_quiet,
    ),
    "voltage_unbalance": Rule(_voltage_unbalance, _voltage_unbalance_quiet),
    "over_current": Rule(_over_current, _over_current_quiet),
    "current_unbalance": Rule(_current_unbalance, _current_unbalance_quiet),
    "low_power_factor": Rule(_low_factor, _low_factor_quiet),
    "over_load": Rule(_over_load, _over_load_quiet),
}
"""How what is not an input is judged."""
