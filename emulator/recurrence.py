"""When a date and time with wildcards comes round: schedules, communication windows.

A recurrence is what class 22 writes as time and date, and what class 40 writes as the ends of a window: a field that is
not specified stands for every value, a day may be counted from the month's end. It is about the meter's own time, in
the zone where the meter hangs.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, NamedTuple

from emulator.zone import Zone, date_of
from protocols.dlms.date_time import LAST_DAY, SECOND_LAST_DAY, Date, DateTime, Time

DAYS_MAX: Final = 8 * 366
"""How far a search goes: 29 February is at most eight years away."""


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
        for day in self._days(zone.day(utc_ms), 1):
            for of_day_ms in self._times():
                instant = zone.instant(day, of_day_ms)
                if instant > utc_ms:
                    return instant
        return None

    def last_until(self, utc_ms: int, zone: Zone) -> int | None:
        """The last instant at or before a meter time; None where there is none."""
        for day in self._days(zone.day(utc_ms), -1):
            for of_day_ms in reversed(list(self._times())):
                instant = zone.instant(day, of_day_ms)
                if instant <= utc_ms:
                    return instant
        return None

    def _days(self, day: int, step: int) -> Iterator[int]:
        """Local days on which it comes, from one on in one direction."""
        fixed = self.date.calendar_day()
        if fixed is not None:
            number = (fixed - date_of(0)).days
            if (number - day) * step >= 0 and matches(self.date, fixed):
                yield number
            return
        for number in range(day, day + step * DAYS_MAX, step):
            if number >= 0 and matches(self.date, date_of(number)):
                yield number

    def _times(self) -> Iterator[int]:
        """Times of a day, rising, in milliseconds."""
        time = self.time
        hours: Iterable[int] = range(24) if time.hour is None else (time.hour,)
        minutes: Iterable[int] = range(60) if time.minute is None else (time.minute,)
        rest = (time.second or 0) * 1000 + (time.hundredths or 0) * 10
        for hour in hours:
            for minute in minutes:
                yield (hour * 60 + minute) * 60_000 + rest


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
    """The first meter time at which one of several windows is open; without any it is now."""
    windows = tuple(windows)
    if not windows:
        return utc_ms
    opens = [at_ms for window in windows if (at_ms := window.next_open(utc_ms, zone)) is not None]
    return min(opens, default=None)
