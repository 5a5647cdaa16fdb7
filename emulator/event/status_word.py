"""The event status word: 128 bits that say what is the case, as far as its filter lets them show.

Bit 0 is the first on the wire, so as an integer it is the highest of 128.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from emulator.event.condition import CONDITIONS

BITS: Final = 128

SWITCH: Final = 84
LAST_GASP: Final = 85
FIRST_BREATH: Final = 86
BILLING: Final = 87
"""Bits of what passes: they stay up for the model's `transient_s`."""


@lru_cache(maxsize=256)
def mask(bits: tuple[int, ...]) -> int:
    """The word in which these bits are set.

    >>> hex(mask((0,)))
    '0x80000000000000000000000000000000'
    """
    word = 0
    for bit in bits:
        word |= 1 << (BITS - 1 - bit)
    return word


_CONDITION_BITS: Final = tuple(
    (1 << index, mask((condition.bit,))) for index, condition in enumerate(CONDITIONS) if condition.bit is not None
)


def word(active: int, passing: Iterable[tuple[int, int]], at_ms: int, word_filter: int) -> int:
    """The word at an instant.

    Args:
        active: conditions that are logged as given (`Monitor.active`).
        passing: bits that are up until an instant.
        at_ms: true time.
        word_filter: bits that may show.
    """
    bits = mask(tuple(bit for bit, until_ms in passing if at_ms < until_ms))
    for condition, shown in _CONDITION_BITS:
        if active & condition:
            bits |= shown
    return bits & word_filter
