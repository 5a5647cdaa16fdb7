"""Stateless draws: the same seed, purpose and index give the same bytes, on every machine and in any order."""

from hashlib import blake2b
from typing import Final

DRAW_BYTES_MAX: Final = 64
"""What one blake2b gives."""


def draw(seed: int, purpose: str, index: int, size: int = 8) -> bytes:
    """`size` bytes (at most 64) that depend on nothing but the three arguments.

    >>> draw(42, "MB0001/load", 7, 4) == draw(42, "MB0001/load", 7, 4)
    True
    """
    return blake2b(b"%d/%b/%d" % (seed, purpose.encode(), index), digest_size=size).digest()


def between(seed: int, purpose: str, index: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int.from_bytes(draw(seed, purpose, index), "big") % (high - low + 1)


def key(seed: int, purpose: str) -> bytes:
    """A 16-byte key for `keyed`, to draw many times for one purpose without naming it again."""
    return draw(seed, purpose, 0, 16)


def keyed(drawn_key: bytes, index: int, size: int) -> bytes:
    """As `draw`, for a purpose that `key` has named."""
    return blake2b(b"%d" % index, digest_size=size, key=drawn_key).digest()
