"""What a metering element makes of the load behind it: its error, and what is too small for it to start.

An element stands for the load wherever the meter looks, so instruments, registers, demands and limits agree. Like any
load it is exact and needs no walking where nothing is lost; what passes below the starting current is added up day by
day, once, and taken off.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from emulator.load.base import MILLION, Energies, Load, Power
from emulator.timing.zone import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOTHING: Final[Energies] = (0, 0, 0, 0, 0, 0, 0, 0)

CACHED_DAYS: Final = 512
"""Days whose standstills are kept, for all meters together."""


class _Standstill(NamedTuple):
    """A stretch of a day in which the load is below the start, and what has passed unnoticed before it that day."""

    from_ms: int
    until_ms: int
    before: Energies


class Element:
    """A load as the metering element sees it.

    Args:
        load: what is there.
        error_ppm: millionths by which current, and so every power and energy, is measured too high.
        start_mva: apparent power of the load below which nothing is measured; 0 for none. As limits are, it is judged
            by the quarter of an hour, without what flickers.
        since_ms: true time from which on it is asked; no part of what it is.
    """

    __slots__ = ("_first_day", "_lost", "error_ppm", "load", "start_mva")

    def __init__(self, load: Load, error_ppm: int, start_mva: int, since_ms: int) -> None:
        self.load = load
        self.error_ppm = error_ppm
        self.start_mva = start_mva
        self._first_day = since_ms // DAY_MS
        self._lost: list[Energies] = [_NOTHING]
        """What has passed unnoticed before each day, from the first."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Element):
            return NotImplemented
        return (self.load, self.error_ppm, self.start_mva) == (other.load, other.error_ppm, other.start_mva)

    def __hash__(self) -> int:
        return hash((self.load, self.error_ppm, self.start_mva))

    @property
    def shares(self) -> tuple[int, ...]:
        """The load's."""
        return self.load.shares

    @property
    def leading(self) -> bool:
        """The load's."""
        return self.load.leading

    def cumulative(self, at_ms: int) -> Energies:
        """The load's, less what was too small to start, and wrong by the error."""
        return self._measured(self.load.cumulative(at_ms), at_ms)

    def cumulatives(self, instants: Sequence[int]) -> list[Energies]:
        """To each of many instants."""
        return list(map(self._measured, self.load.cumulatives(instants), instants))

    def power(self, at_ms: int) -> Power:
        """The load's power by the error, or nothing."""
        return self._shown(self.load.power(at_ms), at_ms)

    def steady(self, at_ms: int) -> Power:
        """The same without what flickers."""
        return self._shown(self.load.steady(at_ms), at_ms)

    def next_change(self, at_ms: int) -> int | None:
        """The load's."""
        return self.load.next_change(at_ms)

    def ceiling(self, at_ms: int) -> tuple[int, int | None]:
        """The load's by the error."""
        ceiling, until_ms = self.load.ceiling(at_ms)
        return self._at_most(ceiling), until_ms

    def peak_mva(self) -> int:
        """The load's by the error."""
        return self._at_most(self.load.peak_mva())

    def least_power_factor(self, above_mva: int) -> int:
        """The load's, and a thousandth for rounding."""
        return self.load.least_power_factor(above_mva * MILLION // (MILLION + self.error_ppm)) - 1

    def _at_most(self, apparent_mva: int) -> int:
        return -(-apparent_mva * (MILLION + self.error_ppm) // MILLION)

    def _measured(self, energies: Energies, at_ms: int) -> Energies:
        if self.start_mva:
            energies = _less(energies, self._unnoticed(at_ms))
        if not self.error_ppm:
            return energies
        gain = MILLION + self.error_ppm
        first, second, third, fourth, fifth, sixth, seventh, eighth = [each * gain // MILLION for each in energies]
        return first, second, third, fourth, fifth, sixth, seventh, eighth

    def _shown(self, power: Power, at_ms: int) -> Power:
        if self.start_mva and self.load.steady(at_ms).apparent_mva < self.start_mva:
            return Power(0, 0, 0)
        gain = MILLION + self.error_ppm
        active, reactive, apparent = power
        # Towards zero, so that a power and its opposite show the same digits.
        return Power(
            active * gain // MILLION if active >= 0 else -(-active * gain // MILLION),
            reactive * gain // MILLION if reactive >= 0 else -(-reactive * gain // MILLION),
            apparent * gain // MILLION,
        )

    def _unnoticed(self, at_ms: int) -> Energies:
        """What has passed below the start, from the first day on."""
        day = at_ms // DAY_MS
        lost = self._lost
        while len(lost) <= day - self._first_day:
            each = self._first_day + len(lost) - 1
            lost.append(_more(lost[-1], self._of_day(each, (each + 1) * DAY_MS)))
        return _more(lost[max(0, day - self._first_day)], self._of_day(day, at_ms))

    def _of_day(self, day: int, at_ms: int) -> Energies:
        """What has passed below the start from the beginning of a day to an instant of it."""
        standstills = _standstills(self.load, self.start_mva, day)
        index = bisect_right(standstills, at_ms, key=_from_ms) - 1
        if index < 0:
            return _NOTHING
        from_ms, until_ms, before = standstills[index]
        passed = _less(self.load.cumulative(min(at_ms, until_ms)), self.load.cumulative(from_ms))
        return _more(before, passed)


def _less(one: Energies, other: Energies) -> Energies:
    first, second, third, fourth, fifth, sixth, seventh, eighth = map(int.__sub__, one, other)
    return first, second, third, fourth, fifth, sixth, seventh, eighth


def _more(one: Energies, other: Energies) -> Energies:
    first, second, third, fourth, fifth, sixth, seventh, eighth = map(int.__add__, one, other)
    return first, second, third, fourth, fifth, sixth, seventh, eighth


def _from_ms(standstill: _Standstill) -> int:
    return standstill.from_ms


@lru_cache(maxsize=CACHED_DAYS)
def _standstills(load: Load, start_mva: int, day: int) -> tuple[_Standstill, ...]:
    """A day's stretches below the start, in order."""
    found: list[_Standstill] = []
    at_ms, end_ms = day * DAY_MS, (day + 1) * DAY_MS
    before = _NOTHING
    while at_ms < end_ms:
        change_ms = load.next_change(at_ms)
        until_ms = end_ms if change_ms is None else min(change_ms, end_ms)
        if load.steady(at_ms).apparent_mva < start_mva:
            if found and found[-1].until_ms == at_ms:
                found[-1] = found[-1]._replace(until_ms=until_ms)
            else:
                if found:
                    last = found[-1]
                    before = _more(before, _less(load.cumulative(last.until_ms), load.cumulative(last.from_ms)))
                found.append(_Standstill(at_ms, until_ms, before))
        at_ms = until_ms
    return tuple(found)
