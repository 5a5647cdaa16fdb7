"""The gateway's clock, and whether it is to be trusted.

A clock that was never set, that has jumped, or that stands before what is already in the store says nothing about when
a command expires: what can end supply is then refused. The clock is read at the program's edge; here it is judged.
"""

from collections.abc import Callable
from math import ceil
from typing import Final, NamedTuple

EPOCH_MS: Final = 1_735_689_600_000
"""Before 2025-01-01 this program did not exist."""
JUMP_DISTRUST_US: Final = 600_000_000
"""So long after a jump the clock is not trusted: whoever set it may set it again."""
BEHIND_MS: Final = 300_000
"""The clock may stand so far before the newest row of the store, not more."""


class Clock:
    """Now, from the system's clock or, on a bench, from a start and a rate.

    Args:
        system_ms: the system's clock, milliseconds UTC.
        monotonic_us: link time.
        start_ms: where a bench's clock starts; None for the system's clock.
        rate: how much faster it runs than link time.
    """

    __slots__ = ("_begun_us", "_rate", "_start_ms", "_system_ms", "monotonic_us")

    def __init__(
        self,
        system_ms: Callable[[], int],
        monotonic_us: Callable[[], int],
        start_ms: int | None = None,
        rate: float = 1,
    ) -> None:
        self._system_ms = system_ms
        self.monotonic_us = monotonic_us
        self._begun_us = monotonic_us()
        self._start_ms = start_ms if start_ms is not None or rate == 1 else system_ms()
        self._rate = rate

    def now_ms(self) -> int:
        """Milliseconds UTC."""
        if self._start_ms is None:
            return self._system_ms()
        return self._start_ms + int((self.monotonic_us() - self._begun_us) * self._rate / 1000)

    def real_ms(self, span_ms: int) -> int:
        """How long a span of this clock takes in reality, rounded up."""
        return ceil(span_ms / self._rate)

    @property
    def is_bench(self) -> bool:
        """Whether it is a bench's own."""
        return self._start_ms is not None


class Trust(NamedTuple):
    """What is known of a clock; `distrust` says what is wrong with it, None when it is to be trusted."""

    offset_ms: int
    """Clock less link time, when it was last looked at."""
    distrust: str | None = None
    until_us: int = 0
    """In link time: for so long a jump is held against it."""


def judge_clock(
    before: Trust | None, now_ms: int, monotonic_us: int, newest_row_ms: int, jump_max_ms: int, *, synchronized: bool
) -> Trust:
    """Look at a clock again.

    Args:
        before: what was known.
        now_ms: the clock.
        monotonic_us: link time.
        newest_row_ms: the latest instant that the store knows, 0 for none.
        jump_max_ms: how far it may move against link time between two looks.
        synchronized: whether the system says that its clock is right.
    """
    offset_ms = now_ms - monotonic_us // 1000
    if not synchronized:
        return Trust(offset_ms, "the system does not say that its clock is synchronized")
    if now_ms < EPOCH_MS:
        return Trust(offset_ms, "the clock stands before this program existed")
    if newest_row_ms and now_ms < newest_row_ms - BEHIND_MS:
        return Trust(offset_ms, "the clock stands before what is already stored")
    if before is None:
        return Trust(offset_ms)
    if abs(offset_ms - before.offset_ms) > jump_max_ms:
        jumped = f"the clock has jumped by {(offset_ms - before.offset_ms) / 1000:.0f} s"
        return Trust(offset_ms, jumped, monotonic_us + JUMP_DISTRUST_US)
    if monotonic_us < before.until_us:
        return Trust(offset_ms, before.distrust, before.until_us)
    return Trust(offset_ms)


class Pace:
    """At most so many a second, evenly: each gets the instant at which it may begin.

    Args:
        per_second: how many.
    """

    __slots__ = ("_free_ms", "_step_ms")

    def __init__(self, per_second: float) -> None:
        self._step_ms = 1000 / per_second
        self._free_ms = 0.0

    def next_ms(self, now_ms: int) -> int:
        """When one more may begin."""
        at_ms = max(float(now_ms), self._free_ms)
        self._free_ms = at_ms + self._step_ms
        return int(at_ms)
