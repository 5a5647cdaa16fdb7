"""A random curve with an exact integral that needs no walking.

The curve is a shape (a value for each quarter of an hour, by kind of day and by season) plus noise that comes in
pairs: what is added in the first half of a pair is taken away in the second. So every finished pair sums to zero, and
the integral from 1970 to any instant is a table look-up for the whole days, the sum of one day's slots, and what the
unfinished pairs have added: it costs the same for a minute and for ten years. Pairs exist at seven lengths, from a
minute to 32 days, so that no two days, evenings or minutes look alike. Everything is an integer.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from emulator.mains.draw import keyed
from emulator.timing.zone import DAY_MS, date_of, day_of

SLOT_MS: Final = 900_000
SLOTS: Final = 96
"""Slots of a day; every zone's standard offset is a multiple of a slot."""

CYCLE_DAYS: Final = 10_227
"""28 years: after that, dates fall on the same weekdays again (from 1901 to 2099)."""

SCALE: Final = 1_000_000
"""Values are integers in millionths: a size in thousandths times a season in thousandths."""

_CYCLE_START: Final = day_of(date(2001, 1, 1))
_RIPPLE_MS: Final = 60_000
_RIPPLE_HALF_MS: Final = _RIPPLE_MS // 2
_SHIFT: Final = 15
"""A drawn byte (-128 to 127) times a share in 256ths is a fraction of 2**15."""

_OF_DAY, _OF_SLOT, _OF_MONTH, _DRAWS = 0, 1, 2, 3
"""What is drawn with a curve's key, told apart by the remainder of the index."""

_DAY_PAIRS: Final = ((1, 0), (4, 16), (16, 20))
"""Pairs of days: half length in days, and where their bytes begin in the 21 that are drawn for 32 days."""
_DAYS_DRAWN: Final = 32

CACHED_DAYS: Final = 512
"""Days kept for all meters together: a block profile of 35 days for some, the current day for many."""


class Noise(NamedTuple):
    """How much noise, in 256ths of the smaller half of a pair; together at most 255, so that no value is negative."""

    half_hour: int = 0
    two_hours: int = 0
    half_day: int = 0
    two_days: int = 0
    eight_days: int = 0
    month: int = 0
    ripple: int = 0


class Shape:
    """What many curves share: the day, the season, and how much noise there is.

    Args:
        days: values of 96 slots of local time for each kind of day.
        kind_of_day: the kind of a calendar date, an index of `days`.
        season: thousandths for a calendar date.
        noise: the shares of the noise.
        offset_ms: local standard time minus UTC.
    """

    __slots__ = (
        "_kinds",
        "_prefix",
        "_seasons",
        "common",
        "common_sum",
        "days",
        "noise",
        "offset_ms",
        "pairs",
        "peaks",
    )

    def __init__(
        self,
        days: Sequence[Sequence[int]],
        kind_of_day: Callable[[date], int],
        season: Callable[[date], int],
        noise: Noise,
        offset_ms: int,
    ) -> None:
        if sum(noise) > 255:
            msg = "the shares of the noise exceed 255/256"
            raise ValueError(msg)
        self.days = [tuple(day) for day in days]
        self.noise = noise
        self.offset_ms = offset_ms - offset_ms % SLOT_MS
        dates = [date_of(_CYCLE_START + index) for index in range(CYCLE_DAYS)]
        self._kinds = bytes(kind_of_day(each) for each in dates)
        self._seasons = [season(each) for each in dates]
        sums = [sum(day) for day in self.days]
        self._prefix = [
            0,
            *accumulate(factor * sums[kind] for kind, factor in zip(self._kinds, self._seasons, strict=True)),
        ]
        least = min(self._seasons)
        self.common = tuple(least * min(values) >> 8 for values in zip(*self.days, strict=True))
        """A 256th of the part of each slot that every day has; noise over days moves only this."""
        self.common_sum = sum(self.common)
        self.pairs = [(_least(day, 1), _least(day, 4), _least(day, 24)) for day in self.days]
        self.peaks = max(self._seasons) * max(max(day) for day in self.days)

    def of_day(self, day: int) -> tuple[int, int]:
        """The kind of a local day and its season."""
        index = (day - _CYCLE_START) % CYCLE_DAYS
        return self._kinds[index], self._seasons[index]

    def before(self, day: int) -> int:
        """The sum of all slots of all days before a local day."""
        cycles, index = divmod(day - _CYCLE_START, CYCLE_DAYS)
        return cycles * self._prefix[-1] + self._prefix[index]


def _least(day: Sequence[int], half: int) -> tuple[int, ...]:
    """The smallest value of each pair of halves."""
    return tuple(min(day[start : start + 2 * half]) for start in range(0, SLOTS, 2 * half))


class Day(NamedTuple):
    """One local day of a curve: each slot's value, the sum of the slots before it, and the largest."""

    values: tuple[int, ...]
    before: tuple[int, ...]
    peak: int


class Curve:
    """One meter's curve of a shape.

    Args:
        shape: shared.
        size: thousandths of the shape.
        key: 16 bytes from `draw.key`.
    """

    __slots__ = ("_key", "peak", "shape", "size")

    def __init__(self, shape: Shape, size: int, key: bytes) -> None:
        self.shape = shape
        self.size = size
        self._key = key
        self.peak = shape.peaks * size * 2
        """Nothing on the curve exceeds this, in millionths: noise at most doubles a value."""

    def value(self, at_ms: int) -> int:
        """The value at an instant, with ripple, in millionths."""
        day, of_day_ms = divmod(at_ms + self.shape.offset_ms, DAY_MS)
        slot, rest_ms = divmod(of_day_ms, SLOT_MS)
        steady = _day(self, day).values[slot]
        if not self.shape.noise.ripple:
            return steady
        pair, within_ms = divmod(rest_ms, _RIPPLE_MS)
        amplitude = self._ripple(day, slot, pair, steady)
        return steady + amplitude if within_ms < _RIPPLE_HALF_MS else steady - amplitude

    def steady(self, at_ms: int) -> int:
        """The value of the slot, which is the mean over its minutes, in millionths."""
        day, of_day_ms = divmod(at_ms + self.shape.offset_ms, DAY_MS)
        return _day(self, day).values[of_day_ms // SLOT_MS]

    def integral(self, at_ms: int) -> int:
        """The integral from an instant long ago to `at_ms`, in millionths times milliseconds."""
        day, of_day_ms = divmod(at_ms + self.shape.offset_ms, DAY_MS)
        slot, rest_ms = divmod(of_day_ms, SLOT_MS)
        values, before, _ = _day(self, day)
        whole = before[slot] * SLOT_MS
        if rest_ms:
            steady = values[slot]
            whole += steady * rest_ms
            if self.shape.noise.ripple:
                pair, within_ms = divmod(rest_ms, _RIPPLE_MS)
                if within_ms:
                    ramp_ms = min(within_ms, _RIPPLE_MS - within_ms)
                    whole += self._ripple(day, slot, pair, steady) * ramp_ms
        return whole

    def integrals(self, instants: Sequence[int]) -> list[int]:
        """The integrals to many instants; those that begin a slot, as the ends of blocks do, cost least."""
        found: list[int] = []
        offset_ms = self.shape.offset_ms
        known: int | None = None
        before: tuple[int, ...] = ()
        for at_ms in instants:
            day, of_day_ms = divmod(at_ms + offset_ms, DAY_MS)
            slot, rest_ms = divmod(of_day_ms, SLOT_MS)
            if rest_ms:
                found.append(self.integral(at_ms))
                continue
            if day != known:
                known, before = day, _day(self, day).before
            found.append(before[slot] * SLOT_MS)
        return found

    def peak_of_day(self, at_ms: int) -> tuple[int, int]:
        """The largest steady value of the local day of an instant, and when that day ends."""
        day = (at_ms + self.shape.offset_ms) // DAY_MS
        return _day(self, day).peak, (day + 1) * DAY_MS - self.shape.offset_ms

    def _ripple(self, day: int, slot: int, pair: int, steady: int) -> int:
        drawn = keyed(self._key, (day * SLOTS + slot) * _DRAWS + _OF_SLOT, 15)[pair] - 128
        return steady * drawn * self.shape.noise.ripple >> _SHIFT

    def _day_noise(self, day: int) -> tuple[int, int]:
        """The noise over days: this day's, and the sum of all days' before it, in 256ths of `common`."""
        block, within = divmod(day, _DAYS_DRAWN)
        drawn = keyed(self._key, block * _DRAWS + _OF_MONTH, 21)
        noise = self.shape.noise
        today = before = 0
        for (half, first), share in zip(_DAY_PAIRS, (noise.two_days, noise.eight_days, noise.month), strict=True):
            pair, place = divmod(within, 2 * half)
            amplitude = (drawn[first + pair] - 128) * share >> 7
            today += amplitude if place < half else -amplitude
            before += amplitude * min(place, 2 * half - place)
        return today, before

    def compute_day(self, day: int) -> Day:
        """Make one local day's slots."""
        shape, size = self.shape, self.size
        kind, season = shape.of_day(day)
        factor = size * season
        today, earlier = self._day_noise(day)
        day_part = size * today
        values = tuple(
            factor * base + day_part * common + extra
            for base, common, extra in zip(
                shape.days[kind], shape.common, self._day_pairs(day, kind, factor), strict=True
            )
        )
        start = size * (shape.before(day) + earlier * shape.common_sum)
        return Day(values, tuple(accumulate(values, initial=start)), max(values))

    def _day_pairs(self, day: int, kind: int, factor: int) -> list[int]:
        """The noise of a day's slots from the pairs within the day."""
        noise = self.shape.noise
        drawn = keyed(self._key, day * _DRAWS + _OF_DAY, 62)
        half_hour, two_hours, half_day = (
            [factor * least * (byte - 128) * share >> _SHIFT for least, byte in zip(pairs, part, strict=True)]
            for pairs, part, share in zip(
                self.shape.pairs[kind],
                (drawn[:48], drawn[48:60], drawn[60:]),
                (noise.half_hour, noise.two_hours, noise.half_day),
                strict=True,
            )
        )
        sums: list[int] = []
        for half_hours, quick in enumerate(half_hour):
            slow = two_hours[half_hours // 4] if half_hours % 4 < 2 else -two_hours[half_hours // 4]
            slow += half_day[half_hours // 24] if half_hours % 24 < 12 else -half_day[half_hours // 24]
            sums += (slow + quick, slow - quick)
        return sums


@lru_cache(maxsize=CACHED_DAYS)
def _day(curve: Curve, day: int) -> Day:
    return curve.compute_day(day)
