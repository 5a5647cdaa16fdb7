"""COSEM date-times of a meter: its UTC milliseconds to twelve octets and back.

A meter shows local time. What its deviation field says is the model's matter (`[clock] deviation`): the blue book's
sign (UTC minus local time), the opposite that many meters send, or "not specified". What comes in is read leniently:
a deviation that is the meter's own offset with either sign means the meter's local time.
"""

from typing import Final

from emulator.timing.zone import DAY_MS, Zone, day_of
from protocols.dlms.date_time import (
    DATE_TIME_OCTETS,
    DEVIATION_NOT_SPECIFIED,
    STATUS_NOT_SPECIFIED,
    ClockStatus,
    Date,
    DateTime,
    Time,
    encode_utc_ms,
)
from protocols.dlms.value import Tag, octet_string
from protocols.model.physics import Clock

ENCODED_UNDEFINED: Final = octet_string(DateTime(Date(), Time(), None, STATUS_NOT_SPECIFIED).encode())
"""An encoded date-time in which nothing is specified."""

_HEAD: Final = octet_string(bytes(DATE_TIME_OCTETS))[:-DATE_TIME_OCTETS]


class Stamp:
    """How the meters of one model write instants.

    Args:
        clock: the model's `[clock]` section.
    """

    __slots__ = ("_deviation",)

    def __init__(self, clock: Clock) -> None:
        self._deviation = clock.deviation

    def encode(self, utc_ms: int, zone: Zone, status: int | None = None) -> bytes:
        """An encoded octet-string of twelve octets; 0 and below is an instant that never was.

        Args:
            utc_ms: meter time.
            zone: where the meter hangs.
            status: clock status octet; None for that of a clock that is right.
        """
        if utc_ms <= 0:
            return ENCODED_UNDEFINED
        minutes = zone.offset_ms(utc_ms) // 60_000
        if status is None:
            status = ClockStatus.DAYLIGHT_SAVING if zone.daylight(utc_ms) else 0
        written = minutes if self._deviation == "plus" else -minutes
        if self._deviation == "not_specified":
            written = DEVIATION_NOT_SPECIFIED
        return _HEAD + encode_utc_ms(utc_ms, -minutes, status, deviation_written=written)

    def encode_date_time(self, utc_ms: int, zone: Zone) -> bytes:
        """The same as the type date-time, which has neither the octet string's tag nor its length."""
        return bytes((Tag.DATE_TIME,)) + self.encode(utc_ms, zone)[-DATE_TIME_OCTETS:]

    def zone_minutes(self, zone: Zone) -> int:
        """The time_zone attribute of the clock: the standard offset, with this model's sign."""
        minutes = zone.standard_ms // 60_000
        return -minutes if self._deviation == "minus" else minutes

    def decode(self, octets: bytes, zone: Zone) -> int | None:
        """UTC milliseconds of a date-time from the wire; None where its date or hour is not specified.

        Raises:
            RemoteProtocolError: the octets are no date-time.
        """
        when = DateTime.decode(octets)
        day, time = when.date.calendar_day(), when.time
        if day is None or time.hour is None:
            return None
        of_day_ms = ((time.hour * 60 + (time.minute or 0)) * 60 + (time.second or 0)) * 1000
        of_day_ms += (time.hundredths or 0) * 10
        local = zone.instant(day_of(day), of_day_ms)
        deviation = when.deviation
        if deviation is None:
            return local
        sign = -1 if self._deviation == "plus" else 1
        instant = day_of(day) * DAY_MS + of_day_ms + sign * deviation * 60_000
        # An offset of the meter's own with the other sign is the other convention, not another zone.
        mirrored = -sign * deviation * 60_000 == -zone.offset_ms(local) and zone.offset_ms(local) != 0
        return local if mirrored else instant
