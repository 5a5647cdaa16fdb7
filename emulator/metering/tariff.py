"""The activity calendar: which tariff zone is in force by the meter's clock, and what each zone's registers hold.

A calendar is a frozen value (seasons, weeks, day profiles, special days) as class 20 has it; a meter keeps which one
was active since when. Zone registers are sums of differences between switching instants, walked day by day on request.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final, Self

from emulator.timing.zone import Zone, date_of
from protocols.model.activation import TARIFFS
from protocols.model.physics import Tariff

ZONES: Final = TARIFFS
_MINUTE_MS: Final = 60_000


def _minutes(text: str) -> int:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal()) or int(hour) > 23 or int(minute) > 59:
        msg = f"[tariff.days] {text!r}: a time such as 06:00 is right"
        raise ValueError(msg)
    return int(hour) * 60 + int(minute)


def _switch(text: str) -> tuple[int, int]:
    time, _, zone = text.strip().partition(" ")
    if not zone.strip().isdecimal() or not 1 <= int(zone) <= ZONES:
        msg = f"[tariff.days] {text!r}: a time and a zone from 1 to {ZONES}, such as '06:00 2', are right"
        raise ValueError(msg)
    return _minutes(time), int(zone)


def _month_day(text: str) -> tuple[int, int]:
    try:
        when = date.fromisoformat(f"2000-{text}")
    except ValueError:
        msg = f"[tariff.seasons] start {text!r}: a day of the year such as 04-01 is right"
        raise ValueError(msg) from None
    return when.month, when.day


def _special(text: str) -> tuple[int | None, int, int]:
    year, month_day = (text[:4], text[5:]) if len(text) == 10 else (None, text)
    if year is not None and not year.isdecimal():
        year, month_day = None, text[2:]
    month, day = _month_day(month_day)
    return (None if year is None else int(year)), month, day


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """An activity calendar.

    Attributes:
        name: as class 20 has it.
        days: by number, (minute of the day, zone), ascending; the first begins at minute 0.
        weeks: by name, seven day numbers, Monday first.
        seasons: (month, day, week name), ascending; the last one is in force until the first.
        special_days: (year or None for each year, month, day, day number).
    """

    name: str
    days: Mapping[int, tuple[tuple[int, int], ...]]
    weeks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seasons: tuple[tuple[int, int, str], ...] = ()
    special_days: tuple[tuple[int | None, int, int, int], ...] = ()

    def __post_init__(self) -> None:
        for number, switches in self.days.items():
            if not switches or switches[0][0] != 0 or list(switches) != sorted(set(switches)):
                msg = f"day profile {number}: switches from 00:00 on, in order, are right"
                raise ValueError(msg)
        for name, week in self.weeks.items():
            if len(week) != 7 or any(day not in self.days for day in week):
                msg = f"week {name!r}: seven numbers of day profiles, Monday first, are right"
                raise ValueError(msg)
        for _, _, week_name in self.seasons:
            if week_name not in self.weeks:
                msg = f"season with week {week_name!r}: one of {', '.join(self.weeks) or 'the weeks'} is right"
                raise ValueError(msg)
        for *_, day in self.special_days:
            if day not in self.days:
                msg = f"special day with day profile {day}: one of {', '.join(map(str, self.days))} is right"
                raise ValueError(msg)

    @classmethod
    @lru_cache(maxsize=256)
    def from_model(cls, tariff: Tariff) -> Self:
        """The calendar that a model's meters are delivered with; they share it."""
        return cls(
            name=tariff.name,
            days={number: tuple(sorted(map(_switch, switches))) for number, switches in tariff.days.items()},
            weeks=tariff.weeks,
            seasons=tuple(sorted((*_month_day(season.start), season.week) for season in tariff.seasons)),
            special_days=tuple((*_special(special.date), special.day) for special in tariff.special_days),
        )

    def single(self) -> int | None:
        """The zone, when there is but one."""
        zones = {zone for switches in self.days.values() for _, zone in switches}
        return zones.pop() if len(zones) == 1 else None

    def day_number(self, when: date) -> int:
        """The day profile of a date."""
        for year, month, day, number in self.special_days:
            if (year is None or year == when.year) and (month, day) == (when.month, when.day):
                return number
        if not self.weeks:
            return min(self.days)
        week = next(iter(self.weeks))
        if self.seasons:
            begun = [season for season in self.seasons if season[:2] <= (when.month, when.day)]
            week = (begun or self.seasons)[-1][2]
        return self.weeks[week][when.weekday()]

    def zone(self, utc_ms: int, zone: Zone) -> int:
        """The tariff zone in force at a meter time."""
        day = zone.day(utc_ms)
        current = 1
        for at_ms, number in self.switches(day, zone):
            if at_ms > utc_ms:
                break
            current = number
        return current

    def last_switch(self, utc_ms: int, zone: Zone) -> int:
        """The last switching instant at or before a meter time; there is one each midnight."""
        return max(at_ms for at_ms, _ in self.switches(zone.day(utc_ms), zone) if at_ms <= utc_ms)

    def switches(self, day: int, zone: Zone) -> Iterator[tuple[int, int]]:
        """The switching instants (meter time) of a local day and the zone that begins with each."""
        for minute, number in self.days[self.day_number(date_of(day))]:
            yield zone.instant(day, minute * _MINUTE_MS), number


class ActiveCalendar:
    """Which calendar has been active since when, and the one that waits.

    Args:
        calendar: the first.
        at_ms: since when, in true time.
    """

    __slots__ = ("_since", "passive", "passive_ms")

    def __init__(self, calendar: Calendar, at_ms: int) -> None:
        self._since: list[tuple[int, Calendar]] = [(at_ms, calendar)]
        self.passive: Calendar | None = None
        self.passive_ms: int | None = None
        """When the passive one becomes active, in meter time; None for not planned."""

    @property
    def history(self) -> list[tuple[int, Calendar]]:
        """(true time, calendar), oldest first."""
        return self._since

    def at(self, at_ms: int) -> Calendar:
        """The calendar that is active at an instant."""
        return self._since[max(0, bisect_right(self._since, at_ms, key=_start) - 1)][1]

    def drop_before(self, at_ms: int) -> None:
        """Forget calendars that nobody asks about any more."""
        del self._since[: max(0, bisect_right(self._since, at_ms, key=_start) - 1)]

    def activate(self, at_ms: int) -> bool:
        """Make the passive calendar the active one; False when there is none."""
        if self.passive is None:
            return False
        if self._since[-1][0] == at_ms:
            self._since.pop()
        self._since.append((at_ms, self.passive))
        self.passive_ms = None
        return True


def _start(entry: tuple[int, Calendar]) -> int:
    return entry[0]
