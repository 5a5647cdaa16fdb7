"""What opens the load switch from inside: the load limiter (class 71) and the switch's own over-current trip.

Both wait until their limit has been exceeded for as long as the model says, then disconnect locally; what happens
next is the load switch's matter. The limiter never touches a switch that somebody else has opened.
"""

from typing import NamedTuple

from emulator.event.rule import over_current_quiet, over_load_quiet
from emulator.event.watch import FAR, Watch
from emulator.mains.scene import next_change, steady_phases
from emulator.metering.energy import Segment
from emulator.relay import Action, Cause, ControlState, LoadSwitch
from emulator.timing.clock import STANDS_STILL, MeterClock
from protocols.model.physics import Physics


class EmergencyProfile(NamedTuple):
    """Attribute 8 of class 71: a group, and when (meter time) and how long its threshold is in force."""

    group: int
    activation_ms: int
    duration_s: int


class _OverLoad(NamedTuple):
    """Imported power above a limit."""

    segment: Segment
    limit_mw: int

    def holds(self, at_ms: int) -> bool:
        """Judge the steady scene."""
        return sum(phase.active_mw for phase in steady_phases(self.segment, at_ms)) > self.limit_mw

    def next_change(self, at_ms: int) -> int:
        """When the scene may change."""
        return next_change(self.segment, at_ms)

    def quiet_until(self, at_ms: int) -> int:
        """What the load's bounds say."""
        return over_load_quiet(self.segment, self.limit_mw, at_ms)


class _OverCurrent(NamedTuple):
    """A phase's current above a limit."""

    segment: Segment
    limit_ma: int

    def holds(self, at_ms: int) -> bool:
        """Judge the steady scene."""
        return any(phase.current_ma > self.limit_ma for phase in steady_phases(self.segment, at_ms))

    def next_change(self, at_ms: int) -> int:
        """When the scene may change."""
        return next_change(self.segment, at_ms)

    def quiet_until(self, at_ms: int) -> int:
        """What the load's bounds say."""
        return over_current_quiet(self.segment, self.limit_ma, at_ms)


class LoadLimiter:
    """The limits of one meter.

    Args:
        physics: the model's `[limiter]` and `[relay]`.
        relay: what it opens.
    """

    __slots__ = (
        "_current",
        "_over_current_ma",
        "_power",
        "_relay",
        "emergency",
        "emergency_active",
        "groups",
        "over_s",
        "threshold_emergency_w",
        "threshold_normal_w",
        "under_s",
    )

    def __init__(self, physics: Physics, relay: LoadSwitch) -> None:
        model = physics.limiter
        fitted = physics.relay.fitted
        self._relay = relay
        self._over_current_ma = physics.relay.over_current_a * 1000 if fitted else 0
        self.threshold_normal_w = model.threshold_normal_w if model.fitted and fitted else 0
        self.threshold_emergency_w = model.threshold_emergency_w
        self.over_s = model.min_over_threshold_duration_s
        self.under_s = model.min_under_threshold_duration_s
        self.emergency: EmergencyProfile | None = None
        self.emergency_active = False
        self.groups: tuple[int, ...] = ()
        self._power: Watch | None = None
        self._current: Watch | None = None

    @property
    def threshold_active_w(self) -> int:
        """Attribute 3 of class 71."""
        return self.threshold_emergency_w if self.emergency_active else self.threshold_normal_w

    def due_ms(self) -> int:
        """When `fire` wants to be called."""
        due_ms = self._power.due_ms if self._power else FAR
        return min(due_ms, self._current.due_ms) if self._current else due_ms

    def settle(self, segment: Segment, at_ms: int) -> None:
        """Note what has been so up to a happening, under the segment that it ends."""
        if self._power:
            self._power.settle(_OverLoad(segment, self.threshold_active_w * 1000), at_ms)
        if self._current:
            self._current.settle(_OverCurrent(segment, self._over_current_ma), at_ms)

    def plan(self, segment: Segment, at_ms: int) -> None:
        """Find what is due from a happening on; nothing is, unless the switch may be opened."""
        relay = self._relay
        armed = relay.state is ControlState.CONNECTED and relay.target(Action.LOCAL_DISCONNECT) is not None
        limit_mw = self.threshold_active_w * 1000
        over_load, over_current = _OverLoad(segment, limit_mw), _OverCurrent(segment, self._over_current_ma)
        self._power = self._planned(self._power, over_load, self.over_s, at_ms) if armed and limit_mw else None
        self._current = (
            self._planned(self._current, over_current, relay.model.over_current_s, at_ms)
            if armed and self._over_current_ma
            else None
        )

    @staticmethod
    def _planned(watch: Watch | None, judge: _OverLoad | _OverCurrent, over_s: int, at_ms: int) -> Watch | None:
        if watch is None and judge.quiet_until(at_ms) >= FAR:
            return None
        planned = watch or Watch(over_s * 1000, 0, at_ms)
        planned.occurrence_ms = over_s * 1000
        planned.plan(judge)
        return planned

    def forget(self) -> None:
        """A power failure: what had not lasted long enough is forgotten."""
        self._power = self._current = None

    def fire(self, segment: Segment, at_ms: int) -> None:
        """Do what is due: disconnect, or search on."""
        trips = [
            cause
            for watch, cause in ((self._current, Cause.OVER_CURRENT), (self._power, Cause.LOAD_LIMIT))
            if watch is not None and watch.due_ms <= at_ms and watch.flips
        ]
        self.settle(segment, at_ms)
        if trips:
            # The next trip needs the limit to be exceeded as long again.
            self.forget()
            self._relay.local_disconnect(at_ms, trips[0], self.under_s)
        self.plan(segment, at_ms)

    # The emergency profile

    def set_emergency(self, profile: EmergencyProfile | None) -> None:
        """Attribute 8; one of a group that is not ours has no effect."""
        self.emergency = profile
        self.emergency_active = False

    def emergency_due_ms(self, clock: MeterClock, at_ms: int) -> int:
        """When the emergency threshold comes into force or ends, by the meter's clock."""
        profile = self.emergency
        if profile is None or (self.groups and profile.group not in self.groups):
            return FAR
        segment = clock.segment(at_ms)
        if segment.ppb == STANDS_STILL:
            return FAR
        end_ms = profile.activation_ms + profile.duration_s * 1000
        return max(at_ms, segment.true_ms(end_ms if self.emergency_active else profile.activation_ms))

    def turn_emergency(self) -> None:
        """It has come into force, or has ended and is used up."""
        self.emergency_active = not self.emergency_active
        if not self.emergency_active:
            self.emergency = None
