"""Invocation counters: one a key and direction, never back, and safe over a kill.

What is used is below a limit that was kept durably before; after a restart counting goes on at the limit. So a counter
may skip values but never repeats one, and only one use in `AHEAD` waits for a disk.
"""

from collections.abc import Callable
from typing import Final

from protocols.dlms.security.control import COUNTER_MAX

AHEAD: Final = 1024
"""Values that one durable write reserves: few are lost of four thousand million, and the disk is not felt."""


class InvocationCounter:
    """One counter.

    Args:
        lowest: the lowest value that was not used yet.
        keep: keeps, durably before it returns, the value to go on with after a restart; without it nothing is kept.

    Attributes:
        lowest: as above, now.
        limit: values below it may be used without anything being kept first.
    """

    __slots__ = ("_keep", "limit", "lowest")

    def __init__(self, lowest: int = 0, keep: Callable[[int], None] | None = None) -> None:
        self.lowest = lowest
        self._keep = keep
        self.limit = COUNTER_MAX + 1 if keep is None else lowest

    def __repr__(self) -> str:
        return f"InvocationCounter({self.lowest})"

    @property
    def left(self) -> int:
        """How many values may be used before something is kept."""
        return self.limit - self.lowest

    def allow(self, limit: int) -> None:
        """Everything below `limit` may be used: that was kept beforehand."""
        self.limit = min(limit, COUNTER_MAX + 1)

    @property
    def used_up(self) -> bool:
        """Whether no value is left: the key must be changed."""
        return self.lowest > COUNTER_MAX

    def use(self, value: int) -> None:
        """A value not below `lowest` was used."""
        if value >= self.limit:
            self._reserve(value)
        self.lowest = value + 1

    def take(self) -> int:
        """The next value, now used."""
        value = self.lowest
        self.use(value)
        return value

    def raise_to(self, lowest: int) -> None:
        """Let nothing below be used from now on; never goes back."""
        if lowest > self.lowest:
            self.use(lowest - 1)

    def _reserve(self, value: int) -> None:
        limit = min(value + AHEAD, COUNTER_MAX + 1)
        if self._keep is not None:
            self._keep(limit)
        self.limit = limit
