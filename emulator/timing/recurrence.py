"""When a date and time with wildcards comes round: schedules, communication windows.

A field that is not specified stands for every value, a day may be counted from the month's end. All is about the
meter's own time, in the zone where it hangs.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Final, NamedTuple, Protocol

from emulator.timing.zone import Zone, date_of, day_of
from protocols.dlms.date_time import LAST_DAY, SECOND_LAST_DAY, Date, DateTime, Time

DAYS_MAX: Final = 8 * 366
"""How far a search goes: 29 February is at most eight years away."""


class Comes(Protocol):
    """Something that comes at certain meter times."""

    def next_after(self, utc_ms: int, zone: Zone) -> int | None:
        """The first instant behind a meter time; None where there is none."""

    def last_until(self, utc_ms: int, zone: Zone) -> int | None:
        """The last instant at or before a meter time; None where there is none."""


class Recurrence(NamedTuple):
    """A date and a time of day, either with wildcards; seconds and hundredths that are not specified are zero."""

    date: Date
    time: Time

    @property
    def single(self) -> bool:
        """Whether it comes exactly once."""
        return self.date.calendar_day() is not None and self.time.hour is not None and self.time.minute is not None

    @property
    def unspecified(self) -> bool:
        """Whether it says nothing at all."""
        return self.time == Time() and self.date == Date()

    def next_after(self, utc_ms: int, zone: Zone) -> int | None:
        """The first instant behind a meter time; None where there is none."""
        return next_after(self._days(zone.day(utc_ms), 1), times_of(self.time), utc_ms, zone)

    def last_until(self, utc_ms: int, zone: Zone) -> int | None:
        """The last instant at or before a meter time; None where there is none."""
        return last_until(self._days(zone.day(utc_ms), -1), times_of(self.time), utc_ms, zone)

    def _days(self, day: int, step: int) -> Iterator[int]:
        fixed = self.date.calendar_day()
        if fixed is None:
            yield from days_of(lambda each: matches(self.date, each), day, step)
        elif (day_of(fixed) - day) * step >= 0 and matches(self.date, fixed):
            yield day_of(fixed)


def days_of(comes: Callable[[date], bool], day: int, step: int) -> Iterator[int]:
    """Local days, from one on in one direction, on which something comes."""
    for number in range(day, day + step * DAYS_MAX, step):
        if comes(date_of(number)):
            yield number


def times_of(time: Time) -> list[int]:
    """Times of a day that a time with wildcards means, rising, in milliseconds."""
    hours: Iterable[int] = range(24) if time.hour is None else (time.hour,)
    minutes: Iterable[int] = range(60) if time.minute is None else (time.minute,)
    rest = (time.second or 0) * 1000 + (time.hundredths or 0) * 10
    return [(hour * 60 + minute) * 60_000 + rest for hour in hours for minute in minutes]


def next_after(days: Iterable[int], times: list[int], utc_ms: int, zone: Zone) -> int | None:
    """The first of some times of some days, in rising order, that is behind a meter time."""
    for day in days:
        for of_day_ms in times:
            instant = zone.instant(day, of_day_ms)
            if instant > utc_ms:
                return instant
    return None


def last_until(days: Iterable[int], times: list[int], utc_ms: int, zone: Zone) -> int | None:
    """The first of some times of some days, in falling order, that is at or before a meter time."""
    for day in days:
        for of_day_ms in reversed(times):
            instant = zone.instant(day, of_day_ms)
            if instant <= utc_ms:
                return instant
    return None


def matches(pattern: Date, day: date) -> bool:
    """Whether a calendar day is one that a date with wildcards means."""
    if pattern.year not in {None, day.year} or pattern.month not in {None, day.month}:
        return False
    if pattern.weekday not in {None, day.isoweekday()}:
        return False
    if pattern.day in {LAST_DAY, SECOND_LAST_DAY}:
        return day.day == monthrange(day.year, day.month)[1] - (pattern.day == SECOND_LAST_DAY)
    return pattern.day in {None, day.day}


class Window(NamedTuple):
    """A time in which something may begin, from one recurrence to another; an end that says nothing is none."""

    start: Recurrence
    end: Recurrence

    @classmethod
    def of(cls, start: DateTime, end: DateTime) -> "Window":
        """The window between two date-times."""
        return cls(Recurrence(start.date, start.time), Recurrence(end.date, end.time))

    def is_open(self, utc_ms: int, zone: Zone) -> bool:
        """Whether it is open at a meter time."""
        begun = 0 if self.start.unspecified else self.start.last_until(utc_ms, zone)
        if begun is None:
            return False
        ended = None if self.end.unspecified else self.end.last_until(utc_ms, zone)
        return ended is None or begun >= ended

    def next_open(self, utc_ms: int, zone: Zone) -> int | None:
        """The first meter time from one on at which it is open; None where it never is again."""
        return utc_ms if self.is_open(utc_ms, zone) else self.start.next_after(utc_ms, zone)


def first_open(windows: Iterable[Window], utc_ms: int, zone: Zone) -> int | None:
    """The first meter time at which one of several windows is open; None where none ever is again."""
    opens = [at_ms for window in windows if (at_ms := window.next_open(utc_ms, zone)) is not None]
    return min(opens, default=None)
