"""The activity calendar: which tariff zone is in force by the meter's clock, and what each zone's registers hold.

A calendar is a frozen value (seasons, weeks, day profiles, special days) as class 20 has it; a meter keeps which one
was active since when. Zone registers are sums of differences between switching instants, walked day by day on request.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final, Self

from emulator.timing.zone import Zone, date_of
from protocols.model.activation import TARIFFS
from protocols.model.tariff import Days, Seasons, SpecialDays, Tariff, Weeks, check_calendar

ZONES: Final = TARIFFS
_MINUTE_MS: Final = 60_000


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
    days: Days
    weeks: Weeks = field(default_factory=dict)
    seasons: Seasons = ()
    special_days: SpecialDays = ()

    def __post_init__(self) -> None:
        check_calendar(self.days, self.weeks, self.seasons, self.special_days)

    @classmethod
    @lru_cache(maxsize=256)
    def from_model(cls, tariff: Tariff) -> Self:
        """The calendar that a model's meters are delivered with; they share it."""
        return cls(
            name=tariff.name,
            days=tariff.switches(),
            weeks=tariff.weeks,
            seasons=tariff.starts(),
            special_days=tariff.specials(),
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
