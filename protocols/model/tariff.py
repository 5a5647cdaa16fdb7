"""The `[tariff]` section of a model: the activity calendar that its meters leave the works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from protocols.model.activation import TARIFFS
from protocols.model.section import keyed, read

Days = Mapping[int, tuple[tuple[int, int], ...]]
"""By day profile: minute of the day and the zone that begins then."""
Weeks = Mapping[str, tuple[int, ...]]
"""By name: seven day profiles, Monday first."""
Seasons = tuple[tuple[int, int, str], ...]
"""Month and day on which each begins, and the name of its week."""
SpecialDays = tuple[tuple[int | None, int, int, int], ...]
"""Year (None for each), month, day, day profile."""


def _minutes(text: str) -> int:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal()) or int(hour) > 23 or int(minute) > 59:
        msg = f"[tariff.days] {text!r}: a time such as 06:00 is right"
        raise ValueError(msg)
    return int(hour) * 60 + int(minute)


def _switch(text: object) -> tuple[int, int]:
    time, _, zone = str(text).strip().partition(" ")
    if not zone.strip().isdecimal() or not 1 <= int(zone) <= TARIFFS:
        msg = f"[tariff.days] {text!r}: a time and a zone from 1 to {TARIFFS}, such as '06:00 2', are right"
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


def check_calendar(days: Days, weeks: Weeks, seasons: Seasons, special_days: SpecialDays) -> None:
    """A calendar whose parts fit together, or a ValueError."""
    for number, switches in days.items():
        if not switches or switches[0][0] != 0 or list(switches) != sorted(set(switches)):
            msg = f"day profile {number}: switches from 00:00 on, in order, are right"
            raise ValueError(msg)
    for name, week in weeks.items():
        if len(week) != 7 or any(day not in days for day in week):
            msg = f"week {name!r}: seven numbers of day profiles, Monday first, are right"
            raise ValueError(msg)
    for _, _, week_name in seasons:
        if week_name not in weeks:
            msg = f"season with week {week_name!r}: one of {', '.join(weeks) or 'the weeks'} is right"
            raise ValueError(msg)
    for *_, day in special_days:
        if day not in days:
            msg = f"special day with day profile {day}: one of {', '.join(map(str, days))} is right"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A season of the activity calendar: from a day of the year ("MM-DD") on, weeks of that name."""

    name: str
    start: str
    week: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDay:
    """A special day: "MM-DD" each year or "YYYY-MM-DD" once, with the day profile that is in force then."""

    date: str
    day: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tariff:
    """`[tariff]`: the activity calendar a meter leaves the works with; shared, so compared and hashed by identity.

    `days` maps a day profile's number to its switches, "HH:MM zone"; `weeks` a name to seven day numbers, Monday
    first. Where weeks are not given every day is day 1; where seasons are not given the first week is always in force.
    """

    days: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: {1: ("00:00 1",)})
    weeks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seasons: tuple[Season, ...] = ()
    special_days: tuple[SpecialDay, ...] = ()
    name: str = "works"

    def __post_init__(self) -> None:
        try:
            check_calendar(self.switches(), self.weeks, self.starts(), self.specials())
        except ValueError as error:
            told = str(error)
            raise ValueError(told if told.startswith("[") else f"[tariff] {told}") from None

    def switches(self) -> dict[int, tuple[tuple[int, int], ...]]:
        """By day profile: minute of the day and the zone that begins then."""
        return {number: tuple(sorted(map(_switch, switches))) for number, switches in self.days.items()}

    def starts(self) -> Seasons:
        """Month and day on which each season begins, and its week."""
        return tuple(sorted((*_month_day(season.start), season.week) for season in self.seasons))

    def specials(self) -> SpecialDays:
        """Year (None for each), month, day and day profile of the special days."""
        return tuple((*_special(special.date), special.day) for special in self.special_days)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Read `[tariff]`, whose tables have keys of their own."""
        taken = read(cls, "tariff", {key: table[key] for key in table if key not in {"seasons", "special_days"}})
        if "days" in taken:
            taken["days"] = keyed("tariff.days", taken["days"], _day_number)
        if "weeks" in taken:
            taken["weeks"] = keyed("tariff.weeks", taken["weeks"], str)
        for name, kind in (("seasons", Season), ("special_days", SpecialDay)):
            if name in table:
                taken[name] = tuple(kind(**read(kind, f"tariff.{name}", each)) for each in table[name])
        return cls(**taken)


def _day_number(key: object) -> int:
    if not str(key).isdecimal():
        msg = f"[tariff.days] {key} is not a day profile's number: a whole number is right"
        raise ValueError(msg)
    return int(str(key))
