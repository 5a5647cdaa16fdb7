"""date-time, date and time of the Blue Book (4.1.6.1): fields that may be wildcards, a deviation, a clock status.

The deviation says, in minutes, how far the written local time is behind UTC: UTC = local + deviation, so India's clocks
carry -330. A field that is not specified is None here; it stands for every value where a schedule or a range is
described, and for "not known" where an instant is.
"""

import struct
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import IntFlag
from functools import lru_cache
from typing import Final

from protocols.errors import RemoteProtocolError

DATE_TIME_OCTETS: Final = 12
DATE_OCTETS: Final = 5
TIME_OCTETS: Final = 4

DAYLIGHT_SAVINGS_END: Final = 0xFD
DAYLIGHT_SAVINGS_BEGIN: Final = 0xFE
"""Months that stand for the change of the clocks."""
SECOND_LAST_DAY: Final = 0xFD
LAST_DAY: Final = 0xFE
"""Days that are counted from the month's end."""

DEVIATION_NOT_SPECIFIED: Final = -0x8000
DEVIATION_MAX: Final = 840
"""Fourteen hours: no zone is farther from UTC, either way."""

_ANY_OCTET: Final = 0xFF
_ANY_YEAR: Final = 0xFFFF
_DATE: Final = struct.Struct(">HBBB")
_pack_time = struct.Struct(">BBBBhB").pack
_DAYS_KEPT: Final = 128  # of a quarter's profile, and not all that a client may ask for
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_HUNDREDTHS: Final = 24 * 60 * 60 * 100
_MILLISECOND: Final = timedelta(milliseconds=1)


class ClockStatus(IntFlag):
    """What a clock says about itself."""

    INVALID = 0x01
    """The value could not be recovered, for instance after the reserve ran out."""
    DOUBTFUL = 0x02
    """The value could be recovered, but is not sure."""
    DIFFERENT_BASE = 0x04
    INVALID_STATUS = 0x08
    """At least one of the status bits is not to be believed."""
    DAYLIGHT_SAVING = 0x80


STATUS_NOT_SPECIFIED: Final = 0xFF


@dataclass(frozen=True, slots=True)
class Date:
    """A date: `month` may be a change of the clocks, `day` may count from the month's end, `weekday` is 1 on Monday."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None

    def __post_init__(self) -> None:
        _check("year", self.year, 0, 0xFFFE)
        if self.month not in {DAYLIGHT_SAVINGS_END, DAYLIGHT_SAVINGS_BEGIN}:
            _check("month", self.month, 1, 12)
        if self.day not in {SECOND_LAST_DAY, LAST_DAY}:
            _check("day", self.day, 1, 31)
        _check("weekday", self.weekday, 1, 7)
        day = self.calendar_day()
        if day is None and None not in {self.year, self.month, self.day} and _plain(self.month) and _plain(self.day):
            raise ValueError(f"there is no {self.year}-{self.month:02}-{self.day:02}")

    def calendar_day(self) -> date | None:
        """The day that this is, if it is exactly one."""
        year, month, day = self.year, self.month, self.day
        if year is None or month is None or day is None or month > 12 or not 1 <= year <= 9999:
            return None
        last = monthrange(year, month)[1]
        if day in {SECOND_LAST_DAY, LAST_DAY}:
            day = last - (day == SECOND_LAST_DAY)
        return date(year, month, day) if day <= last else None

    def encode(self) -> bytes:
        """The five octets."""
        year = _ANY_YEAR if self.year is None else self.year
        return year.to_bytes(2, "big") + bytes((_octet(self.month), _octet(self.day), _octet(self.weekday)))

    @classmethod
    def decode(cls, octets: bytes) -> "Date":
        """The date that five octets say.

        Raises:
            RemoteProtocolError: they say none.
        """
        if len(octets) != DATE_OCTETS:
            raise RemoteProtocolError(f"a date of {len(octets)} octets")
        year = int.from_bytes(octets[:2], "big")
        try:
            return cls(None if year == _ANY_YEAR else year, *map(_field, octets[2:]))
        except ValueError as error:
            raise RemoteProtocolError(f"not a date: {error}") from None


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day."""

    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    hundredths: int | None = None

    def __post_init__(self) -> None:
        _check("hour", self.hour, 0, 23)
        _check("minute", self.minute, 0, 59)
        _check("second", self.second, 0, 59)
        _check("hundredths", self.hundredths, 0, 99)

    def encode(self) -> bytes:
        """The four octets."""
        return bytes((_octet(self.hour), _octet(self.minute), _octet(self.second), _octet(self.hundredths)))

    @classmethod
    def decode(cls, octets: bytes) -> "Time":
        """The time that four octets say.

        Raises:
            RemoteProtocolError: they say none.
        """
        if len(octets) != TIME_OCTETS:
            raise RemoteProtocolError(f"a time of {len(octets)} octets")
        try:
            return cls(*map(_field, octets))
        except ValueError as error:
            raise RemoteProtocolError(f"not a time: {error}") from None


@dataclass(frozen=True, slots=True)
class DateTime:
    """A date and time with deviation (minutes, None where not specified) and clock status.

    `status` is bits of `ClockStatus`, or `STATUS_NOT_SPECIFIED`.
    """

    date: Date
    time: Time
    deviation: int | None = None
    status: int = STATUS_NOT_SPECIFIED

    def __post_init__(self) -> None:
        _check("deviation", self.deviation, -DEVIATION_MAX, DEVIATION_MAX)
        _check("status", self.status, 0, 0xFF)

    def encode(self) -> bytes:
        """The twelve octets."""
        deviation = DEVIATION_NOT_SPECIFIED if self.deviation is None else self.deviation
        return b"%b%b%b%c" % (
            self.date.encode(),
            self.time.encode(),
            deviation.to_bytes(2, "big", signed=True),
            self.status,
        )

    @classmethod
    def decode(cls, octets: bytes) -> "DateTime":
        """The date-time that twelve octets say.

        Raises:
            RemoteProtocolError: they say none.
        """
        if len(octets) != DATE_TIME_OCTETS:
            raise RemoteProtocolError(f"a date-time of {len(octets)} octets")
        deviation = int.from_bytes(octets[9:11], "big", signed=True)
        day, time = Date.decode(octets[:5]), Time.decode(octets[5:9])
        try:
            return cls(day, time, None if deviation == DEVIATION_NOT_SPECIFIED else deviation, octets[11])
        except ValueError as error:
            raise RemoteProtocolError(f"not a date-time: {error}") from None

    def instant(self, zone: tzinfo | None = None) -> datetime | None:
        """The aware instant that this is, to the hundredth, or None where it is not one.

        Args:
            zone: where the clock stands, for when the deviation is not specified.
        """
        day, time = self.date.calendar_day(), self.time
        if self.deviation is not None:
            zone = timezone(timedelta(minutes=-self.deviation))
        if day is None or time.hour is None or time.minute is None or zone is None:
            return None
        second, hundredths = time.second or 0, time.hundredths or 0
        return datetime(day.year, day.month, day.day, time.hour, time.minute, second, hundredths * 10_000, zone)

    def utc_ms(self, zone: tzinfo | None = None) -> int | None:
        """The instant in milliseconds UTC, as `instant` finds it."""
        instant = self.instant(zone)
        return None if instant is None else (instant - _EPOCH) // _MILLISECOND

    @classmethod
    def from_instant(cls, instant: datetime, status: int = 0) -> "DateTime":
        """The date-time of an aware instant, with the deviation of its zone."""
        offset = instant.utcoffset()
        if offset is None:
            raise ValueError("an instant without a zone is none")
        day = Date(instant.year, instant.month, instant.day, instant.isoweekday())
        time = Time(instant.hour, instant.minute, instant.second, instant.microsecond // 10_000)
        return cls(day, time, -int(offset.total_seconds() // 60), status)


def encode_utc_ms(at_ms: int, deviation: int, status: int = 0, *, deviation_written: int | None = None) -> bytes:
    """The twelve octets of an instant: what every row's clock column is made with, hence without any object.

    Args:
        at_ms: milliseconds UTC.
        deviation: minutes; local time is UTC less this.
        status: bits of `ClockStatus`.
        deviation_written: what to write in its place, for meters that write something else (0x8000 as -0x8000).
    """
    days, rest = divmod(at_ms // 10 - deviation * 6000, _DAY_HUNDREDTHS)
    seconds = rest // 100
    minutes = seconds // 60
    return _day(days) + _pack_time(
        minutes // 60,
        minutes % 60,
        seconds % 60,
        rest % 100,
        deviation if deviation_written is None else deviation_written,
        status,
    )


@lru_cache(maxsize=_DAYS_KEPT)
def _day(days: int) -> bytes:
    """The first five octets, which all rows of a day have."""
    day = date.fromordinal(_EPOCH_DAY + days)
    return _DATE.pack(day.year, day.month, day.day, day.isoweekday())


def _check(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise ValueError(f"{name} {value} is not {low} to {high}")


def _plain(field: int | None) -> bool:
    return field is not None and field < SECOND_LAST_DAY


def _octet(field: int | None) -> int:
    return _ANY_OCTET if field is None else field


def _field(octet: int) -> int | None:
    return None if octet == _ANY_OCTET else octet
