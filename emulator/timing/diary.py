"""A diary: scripts that a meter runs at times of its own clock, and what becomes of those that it had no supply for.

Single action schedules (class 22) and schedules (class 10) put appointments into it. A clock that is set forward passes
over appointments without keeping them, one that is set back comes to them again, as rows of a profile do.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from emulator.event.watch import FAR
from emulator.timing.clock import STANDS_STILL, MeterClock
from emulator.timing.recurrence import Comes

ALWAYS_MS: Final = FAR
"""An appointment that is kept however late it has become."""


class Appointment(NamedTuple):
    """A script at recurring times.

    Attributes:
        comes: when, by the meter's clock.
        script, selector: logical name of the script table, and which of its scripts.
        late_ms: for how long after its time it is still kept when the meter had no supply then.
    """

    comes: Comes
    script: bytes
    selector: int
    late_ms: int = 0


class Diary:
    """The appointments of one meter.

    Args:
        clock: the meter's.
        at_ms: true time at which the meter begins to keep them.
    """

    __slots__ = ("_appointments", "_clock", "_next", "_through_ms", "due_ms")

    def __init__(self, clock: MeterClock, at_ms: int) -> None:
        self._clock = clock
        self._appointments: Sequence[Appointment] = ()
        self._through_ms = clock.meter_ms(at_ms)
        """Meter time up to which all has been kept."""
        self._next: list[int | None] = []
        self.due_ms = FAR

    def write(self, appointments: Sequence[Appointment], at_ms: int) -> None:
        """Other appointments from now on."""
        self._appointments = appointments
        self.clock_set(at_ms)

    def clock_set(self, at_ms: int) -> None:
        """The clock has been set: what it passed over is not kept."""
        self._through_ms = self._clock.meter_ms(at_ms)
        self._plan()

    def keep(self, at_ms: int) -> list[Appointment]:
        """The appointments that are due, earliest first and those of one instant in their order."""
        return self._until(at_ms, late=False)

    def resume(self, at_ms: int) -> list[Appointment]:
        """The supply is back: of each appointment the last that was missed, where it may be so late."""
        return self._until(at_ms, late=True)

    def _until(self, at_ms: int, *, late: bool) -> list[Appointment]:
        now_ms, zone = self._clock.meter_ms(at_ms), self._clock.zone
        kept: list[tuple[int, Appointment]] = []
        for next_ms, each in zip(self._next, self._appointments, strict=True):
            if next_ms is None or next_ms > now_ms:
                continue
            last_ms = each.comes.last_until(now_ms, zone) if late else next_ms
            if last_ms is not None and (not late or now_ms - last_ms <= each.late_ms):
                kept.append((last_ms, each))
        kept.sort(key=_instant)
        self._through_ms = max(self._through_ms, now_ms)
        self._plan()
        return [each for _, each in kept]

    def _plan(self) -> None:
        zone = self._clock.zone
        self._next = [each.comes.next_after(self._through_ms, zone) for each in self._appointments]
        due_ms = min((each for each in self._next if each is not None), default=None)
        segment = self._clock.segments[-1]
        self.due_ms = FAR if due_ms is None or segment.ppb == STANDS_STILL else segment.true_ms(due_ms)


def _instant(kept: tuple[int, Appointment]) -> int:
    return kept[0]
