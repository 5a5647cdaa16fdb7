"""Conditions that a meter logs: what they are, when they are given, and how long they must last.

One table tells code, log, status bit and whether it counts as tamper. A condition is either an input that the bench
sets (a magnet, a cover, a missing neutral) or is judged from the electrical scene; both count only after the model's
persistence time, and again when they have been gone for as long.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from emulator.event.watch import FAR, Watch
from emulator.mains.scene import Phase, next_change, steady_phases
from emulator.metering.energy import Segment
from protocols.model.physics import Events, Metering, Physics


class Condition(NamedTuple):
    """One row of the table of conditions.

    `occurrence` and `restoration` are event codes (None: never restored, latched); `bit` is that of the event status
    word; `phases` is 1 or 3 for what only such a meter has, 0 for any; `phase` counts from 0.
    """

    name: str
    log: str
    occurrence: int
    restoration: int | None
    bit: int | None
    tamper: bool
    phases: int = 0
    phase: int = 0


def _by_phase(stem: str, log: str, first_code: int, bits: tuple[int | None, ...]) -> Iterator[Condition]:
    for phase, bit in enumerate(bits):
        code = first_code + 2 * phase
        phases = 3 if phase or stem != "reverse_current" else 0
        yield Condition(f"{stem}_l{phase + 1}", log, code, code + 1, bit, tamper=True, phases=phases, phase=phase)


CONDITIONS: Final = (
    *_by_phase("missing_voltage", "voltage", 1, (0, 1, 2)),
    Condition("over_voltage", "voltage", 7, 8, 3, tamper=False),
    Condition("low_voltage", "voltage", 9, 10, 4, tamper=False),
    Condition("voltage_unbalance", "voltage", 11, 12, 5, tamper=False, phases=3),
    *_by_phase("reverse_current", "current", 51, (6, 7, 8)),
    *_by_phase("ct_open", "current", 57, (None, None, None)),
    Condition("current_unbalance", "current", 63, 64, 9, tamper=False, phases=3),
    Condition("bypass", "current", 65, 66, 10, tamper=True),
    Condition("over_current", "current", 67, 68, 11, tamper=False),
    Condition("earth_load", "current", 69, 70, 51, tamper=True, phases=1),
    Condition("magnet", "other", 201, 202, 81, tamper=True),
    Condition("neutral_disturbance", "other", 203, 204, 82, tamper=True),
    Condition("low_power_factor", "other", 205, 206, 12, tamper=False),
    Condition("neutral_missing", "other", 207, 208, 89, tamper=True, phases=1),
    Condition("module_removed", "other", 209, 210, 110, tamper=False),
    Condition("over_load", "other", 215, 216, 111, tamper=False),
    Condition("cover_open", "non_rollover", 251, None, 83, tamper=True),
    Condition("switch_weld", "non_rollover", 253, None, None, tamper=False),
)
"""Every condition, in the order of its code within its log."""

INDEX: Final = {condition.name: index for index, condition in enumerate(CONDITIONS)}

INPUTS: Final = frozenset(
    {
        *(f"{stem}_l{phase}" for stem in ("reverse_current", "ct_open") for phase in (1, 2, 3)),
        "bypass",
        "earth_load",
        "magnet",
        "neutral_disturbance",
        "neutral_missing",
        "module_removed",
        "cover_open",
        "switch_weld",
    }
)
"""Conditions that are given because somebody says so."""

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


class _SceneJudge(NamedTuple):
    """A rule applied to a segment."""

    rule: Rule
    segment: Segment
    limits: Limits
    phase: int

    def holds(self, at_ms: int) -> bool:
        """Judge the steady scene."""
        return self.rule.holds(steady_phases(self.segment, at_ms), self.limits, self.phase)

    def next_change(self, at_ms: int) -> int:
        """When the scene may change."""
        return next_change(self.segment, at_ms)

    def quiet_until(self, at_ms: int) -> int:
        """What the rule's bounds say."""
        return self.rule.quiet_until(self.segment, self.limits, self.phase, at_ms)


class _InputJudge(NamedTuple):
    """An input as it stands."""

    given: bool

    def holds(self, at_ms: int) -> bool:  # noqa: ARG002 (the contract's signature)
        """As it is set."""
        return self.given

    def next_change(self, at_ms: int) -> int:  # noqa: ARG002 (the contract's signature)
        """Only by another happening."""
        return FAR

    def quiet_until(self, at_ms: int) -> int:
        """For ever, when it is not set."""
        return at_ms if self.given else FAR


class Flip(NamedTuple):
    """A condition has lasted (`occurred`), or has been gone as long."""

    condition: Condition
    occurred: bool


@lru_cache(maxsize=2)
def _of_phases(phases: int) -> tuple[int, ...]:
    return tuple(index for index, condition in enumerate(CONDITIONS) if condition.phases in {0, phases})


class Monitor:
    """All conditions of one meter. What cannot happen costs nothing: only what is given or could be has a watch.

    Args:
        physics: the model's.
    """

    __slots__ = ("_physics", "_watches", "active", "levels", "over_load_w", "tamper_count")

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        self._watches: dict[int, Watch] = {}
        self.active = 0
        """Conditions that are logged as given, a bit each by their place in the table."""
        self.levels: dict[str, int] = {}
        """Inputs that are set; a number says how strongly, in thousandths."""
        self.over_load_w = physics.limiter.threshold_normal_w
        self.tamper_count = 0

    def _judge(self, index: int, segment: Segment) -> _SceneJudge | _InputJudge:
        condition = CONDITIONS[index]
        if condition.name in INPUTS:
            return _InputJudge(condition.name in self.levels)
        limits = limits_of(self._physics.events, self._physics.metering, self.over_load_w)
        return _SceneJudge(RULES[condition.name], segment, limits, condition.phase)

    def settle(self, segment: Segment, at_ms: int) -> None:
        """Note what has been so up to a happening, under the segment that it ends."""
        for index, watch in self._watches.items():
            watch.settle(self._judge(index, segment), at_ms)

    def plan(self, segment: Segment, at_ms: int) -> None:
        """Find what is due from a happening on."""
        events = self._physics.events
        for index in _of_phases(self._physics.metering.phases):
            watch = self._watches.get(index)
            judge = self._judge(index, segment)
            if watch is None:
                if judge.quiet_until(at_ms) >= FAR:
                    continue
                restoration_ms = FAR if CONDITIONS[index].restoration is None else events.restoration_s * 1000
                watch = self._watches[index] = Watch(events.occurrence_s * 1000, restoration_ms, at_ms)
            watch.plan(judge)
            if watch.due_ms == FAR and not watch.active and judge.quiet_until(at_ms) >= FAR:
                del self._watches[index]

    def suspend(self, at_ms: int) -> None:
        """The meter has lost its supply: what had not lasted long enough is forgotten, what is logged is not."""
        for watch in self._watches.values():
            watch.forget(at_ms)

    def resume(self, segment: Segment, at_ms: int) -> None:
        """The meter runs again."""
        for watch in self._watches.values():
            watch.forget(at_ms)
        self.plan(segment, at_ms)

    def due_ms(self) -> int:
        """When `fire` wants to be called."""
        return min((watch.due_ms for watch in self._watches.values()), default=FAR)

    def fire(self, segment: Segment, at_ms: int) -> list[Flip]:
        """Do what is due; the conditions that have flipped, in the order of the table."""
        flips: list[Flip] = []
        for index in sorted(self._watches):
            watch = self._watches[index]
            if watch.due_ms > at_ms:
                continue
            before = watch.active
            judge = self._judge(index, segment)
            watch.settle(judge, at_ms)
            watch.plan(judge)
            if watch.active is not before:
                condition = CONDITIONS[index]
                self.active ^= 1 << index
                self.tamper_count += watch.active and condition.tamper
                flips.append(Flip(condition, watch.active))
        return flips
