"""Amounts of STS tokens: 16 bits, two of them a power of ten and fourteen a mantissa.

Each power begins where the one below ends, so no two codes mean the same. An amount between two codes is rounded up:
the customer is given a little rather than denied it.
"""

from bisect import bisect_right
from typing import Final

MANTISSA_BITS: Final = 14
MANTISSAS: Final = 1 << MANTISSA_BITS

_STEPS: Final = (1, 10, 100, 1000)
_BEGINS: Final = tuple(MANTISSAS * sum(_STEPS[:power]) for power in range(len(_STEPS)))
"""For each power what a mantissa counts, and the least amount: 0, 16384, 180224, 1818624."""

LARGEST: Final = _BEGINS[-1] + (MANTISSAS - 1) * _STEPS[-1]


def decode_amount(code: int) -> int:
    """The amount of a code, in the unit that the kind of token has."""
    power, mantissa = divmod(code, MANTISSAS)
    return _BEGINS[power] + mantissa * _STEPS[power]


def encode_amount(amount: int) -> int:
    """The code of an amount, or of the next larger one that has a code.

    Raises:
        ValueError: no code means as much.
    """
    if not 0 <= amount <= LARGEST:
        raise ValueError(f"an amount of {amount}: 0 to {LARGEST} are right")
    power = bisect_right(_BEGINS, amount) - 1
    mantissa = -(-(amount - _BEGINS[power]) // _STEPS[power])
    # Just below the next power there is no code: what is rounded up is the next power's first.
    return power * MANTISSAS + mantissa
