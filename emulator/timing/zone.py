"""Local time: offsets, days and midnights of a time zone, in integer milliseconds.

A zone that keeps one offset (such as Asia/Kolkata) costs an addition; one with daylight saving asks the time zone
database, once for each quarter of an hour.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MS: Final = 86_400_000
_QUARTER_MS: Final = 900_000
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_FIXED_FROM, _FIXED_TO = 2010, 2060
"""Years whose months are looked at to see whether a zone has one offset."""


class Zone:
    """A named time zone; get one by `zone(name)`, which keeps it."""

    __slots__ = ("_fixed_ms", "_info", "name", "standard_ms")

    def __init__(self, name: str) -> None:
        self.name = name
        self._info = ZoneInfo(name)
        months = [
            datetime(year, month, 1, tzinfo=UTC) for year in range(_FIXED_FROM, _FIXED_TO) for month in range(1, 13)
        ]
        offsets = {self._offset(month) for month in months}
        self._fixed_ms = offsets.pop() if len(offsets) == 1 else None
        self.standard_ms = self._fixed_ms if self._fixed_ms is not None else self._standard(months[0])
        """The offset without daylight saving."""

    def _offset(self, at: datetime) -> int:
        return (at.astimezone(self._info).utcoffset() or timedelta()) // timedelta(milliseconds=1)

    def _standard(self, at: datetime) -> int:
        saving = at.astimezone(self._info).dst() or timedelta()
        return self._offset(at) - saving // timedelta(milliseconds=1)

    def offset_ms(self, utc_ms: int) -> int:
        """Local time minus UTC at an instant."""
        if self._fixed_ms is not None:
            return self._fixed_ms
        return _offset_ms(self.name, utc_ms // _QUARTER_MS)

    def daylight(self, utc_ms: int) -> bool:
        """Whether daylight saving is in force."""
        return self._fixed_ms is None and self.offset_ms(utc_ms) != self.standard_ms

    def day(self, utc_ms: int) -> int:
        """The local day of an instant, counted from 1970-01-01."""
        return (utc_ms + self.offset_ms(utc_ms)) // DAY_MS

    def instant(self, day: int, of_day_ms: int = 0) -> int:
        """The UTC milliseconds of a local wall time; one that daylight saving skips is moved as the clocks are."""
        local_ms = day * DAY_MS + of_day_ms
        if self._fixed_ms is not None:
            return local_ms - self._fixed_ms
        first = local_ms - self.offset_ms(local_ms - self.standard_ms)
        return local_ms - self.offset_ms(first)


@cache
def zone(name: str) -> Zone:
    """The zone of that name.

    Raises:
        ValueError: the time zone database has no such zone.
    """
    try:
        return Zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"{name!r} is not a time zone: a name such as Asia/Kolkata or Europe/Berlin is right"
        raise ValueError(msg) from error


@lru_cache(maxsize=65_536)
def _offset_ms(name: str, quarter: int) -> int:
    return zone(name)._offset(datetime.fromtimestamp(quarter * (_QUARTER_MS // 1000), UTC))  # noqa: SLF001 (own class)


def date_of(day: int) -> date:
    """The calendar date of a local day."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def day_of(when: date) -> int:
    """The local day of a calendar date."""
    return when.toordinal() - _EPOCH_ORDINAL
