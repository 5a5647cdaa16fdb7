"""The watch over a meter's conditions: they count once they have lasted, and end once they have been gone as long.

What cannot happen costs nothing: only what is given or could be has a watch.
"""

from functools import lru_cache
from typing import NamedTuple

from emulator.event.condition import CONDITIONS, INPUTS, Condition
from emulator.event.rule import RULES, Limits, Rule, limits_of
from emulator.event.watch import FAR, Watch
from emulator.mains.scene import next_change, steady_phases
from emulator.metering.energy import Segment
from protocols.model.physics import Physics


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

    def holds(self, at_ms: int) -> bool:
        """As it is set."""
        return self.given

    def next_change(self, at_ms: int) -> int:
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
