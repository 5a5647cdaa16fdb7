"""Two times: true time, which is never set, and what a meter's clock makes of it.

True time is integer milliseconds UTC; `BenchClock` maps link time to it and is what a fast-forward moves. A meter's
clock is a list of segments, begun by whatever changes its course (a set, a shift, a stand-still without battery): in a
segment meter time is true time times a rational rate, so it is exact in both directions.
"""

from bisect import bisect_right
from fractions import Fraction
from typing import Final, NamedTuple

from emulator.timing.zone import Zone

BILLION: Final = 1_000_000_000

STATUS_INVALID: Final = 0x01
STATUS_DOUBTFUL: Final = 0x02
STATUS_DAYLIGHT: Final = 0x80
"""Bits of the clock status octet of COSEM."""


class BenchClock:
    """Link time in, true time out.

    Args:
        start_ms: true time at `link_start_us`.
        zone: the bench's time zone, for meters whose model names none.
        rate: true time for each unit of link time; 0 frozen, 1 real, 60 a minute a second.
        link_start_us: link time when the bench begins.
    """

    __slots__ = ("_base_ms", "_base_us", "_per_ms", "_rate", "_up", "zone")

    def __init__(self, start_ms: int, zone: Zone, rate: Fraction | int = 1, link_start_us: int = 0) -> None:
        self.zone = zone
        self._base_ms = start_ms
        self._base_us = link_start_us
        self._take(_rate(rate))

    @property
    def rate(self) -> Fraction:
        """True time for each unit of link time."""
        return self._rate

    def true_ms(self, now_us: int) -> int:
        """True time at an instant of link time."""
        return self._base_ms + (now_us - self._base_us) * self._up // self._per_ms

    def link_us(self, true_ms: int) -> int | None:
        """The first instant of link time at which true time is `true_ms`, or None if it never is (frozen)."""
        ahead_ms = true_ms - self._base_ms
        if ahead_ms <= 0:
            return self._base_us
        rate = self._rate
        if rate == 0:
            return None
        return self._base_us - (-ahead_ms * 1000 * rate.denominator // rate.numerator)

    def set_rate(self, now_us: int, rate: Fraction | int) -> None:
        """Go on at another speed from now."""
        checked = _rate(rate)
        self._base_ms = self.true_ms(now_us)
        self._base_us = now_us
        self._take(checked)

    def _take(self, rate: Fraction) -> None:
        """The rate, and what every request reckons with: true milliseconds are microseconds times up, by per_ms."""
        self._rate = rate
        self._up, self._per_ms = rate.numerator, rate.denominator * 1000

    def jump(self, now_us: int, to_ms: int) -> None:
        """Make it `to_ms` now.

        Raises:
            ValueError: that is in the past.
        """
        if to_ms < self.true_ms(now_us):
            msg = "true time does not go back: name an instant from now on"
            raise ValueError(msg)
        self._base_ms = to_ms
        self._base_us = now_us


def _rate(rate: Fraction | int) -> Fraction:
    if rate < 0:
        msg = f"a rate of {rate}: 0 (frozen) or more is right"
        raise ValueError(msg)
    return Fraction(rate)


class ClockReading(NamedTuple):
    """What a meter's clock shows.

    `offset_minutes` is local time minus UTC (+330 in India); `status` is the COSEM clock status octet.
    """

    utc_ms: int
    offset_minutes: int
    daylight: bool
    status: int


class ClockSegment(NamedTuple):
    """From `start_ms` of true time on the clock shows `utc_ms` and runs `ppb` thousand-millionths fast."""

    start_ms: int
    utc_ms: int
    ppb: int = 0
    status: int = 0

    def meter_ms(self, true_ms: int) -> int:
        """What the clock shows at an instant of true time."""
        elapsed = true_ms - self.start_ms
        return self.utc_ms + elapsed + elapsed * self.ppb // BILLION

    def true_ms(self, meter_ms: int) -> int:
        """The first instant of true time at which the clock shows `meter_ms` or later; only while it runs."""
        ahead = meter_ms - self.utc_ms
        if not self.ppb:
            return self.start_ms + ahead
        return self.start_ms - (-ahead * BILLION // (BILLION + self.ppb))


STANDS_STILL: Final = -BILLION
"""The rate of a clock without battery while there is no supply."""


CLOCK_FROM_MS: Final = 946_684_800_000
CLOCK_UNTIL_MS: Final = 4_102_444_800_000
"""The years 2000 to 2099: two digits are what a meter's clock chip keeps."""


class MeterClock:
    """One meter's clock, with its whole course.

    Args:
        zone: where the meter hangs.
        true_ms: when it was set for the first time, rightly.
    """

    __slots__ = ("_segments", "zone")

    def __init__(self, zone: Zone, true_ms: int) -> None:
        self.zone = zone
        self._segments = [ClockSegment(true_ms, true_ms)]

    @property
    def segments(self) -> list[ClockSegment]:
        """The course of the clock, oldest first."""
        return self._segments

    def segment(self, true_ms: int) -> ClockSegment:
        """The segment in force at an instant."""
        last = self._segments[-1]
        if true_ms >= last.start_ms:
            return last
        return self._segments[max(0, bisect_right(self._segments, true_ms, key=_start_ms) - 1)]

    def meter_ms(self, true_ms: int) -> int:
        """What the clock shows, UTC, at an instant of true time."""
        return self.segment(true_ms).meter_ms(true_ms)

    def reading(self, at_ms: int) -> ClockReading:
        """What the clock shows, with offset and status."""
        segment = self.segment(at_ms)
        utc_ms = segment.meter_ms(at_ms)
        daylight = self.zone.daylight(utc_ms)
        status = segment.status | (STATUS_DAYLIGHT if daylight else 0)
        return ClockReading(utc_ms, self.zone.offset_ms(utc_ms) // 60_000, daylight, status)

    @staticmethod
    def accepts(utc_ms: int) -> bool:
        """Whether a meter's clock can be set to this."""
        return CLOCK_FROM_MS <= utc_ms < CLOCK_UNTIL_MS

    def begin(self, segment: ClockSegment) -> None:
        """Take another course; a segment that begins with the last one replaces it."""
        if segment.start_ms == self._segments[-1].start_ms and len(self._segments) > 1:
            self._segments.pop()
        self._segments.append(segment)

    def drop_before(self, true_ms: int) -> None:
        """Forget the course before an instant that nobody asks about any more."""
        index = max(0, bisect_right(self._segments, true_ms, key=_start_ms) - 1)
        del self._segments[:index]


def _start_ms(segment: ClockSegment) -> int:
    return segment.start_ms
