"""Invoke-Id-And-Priority: one octet that pairs a response with its request, kept as an int; and its long form."""

from typing import Final

INVOKE_ID_MASK: Final = 0x0F
CONFIRMED: Final = 0x40
"""Service class: the request wants a response."""
HIGH_PRIORITY: Final = 0x80

LONG_INVOKE_ID_MASK: Final = 0xFFFFFF
LONG_SELF_DESCRIPTIVE: Final = 1 << 28
LONG_BREAK_ON_ERROR: Final = 1 << 29
"""Processing option of ACCESS: stop at the first request of the list that fails."""
LONG_CONFIRMED: Final = 1 << 30
LONG_HIGH_PRIORITY: Final = 1 << 31


def invoke_octet(invoke_id: int, *, confirmed: bool = True, high_priority: bool = True) -> int:
    """The Invoke-Id-And-Priority of an invoke id from 0 to 15."""
    return invoke_id & INVOKE_ID_MASK | CONFIRMED * confirmed | HIGH_PRIORITY * high_priority


def long_invoke(
    invoke_id: int,
    *,
    self_descriptive: bool = False,
    break_on_error: bool = False,
    confirmed: bool = True,
    high_priority: bool = True,
) -> int:
    """The Long-Invoke-Id-And-Priority of an invoke id of 24 bits."""
    return (
        invoke_id & LONG_INVOKE_ID_MASK
        | LONG_SELF_DESCRIPTIVE * self_descriptive
        | LONG_BREAK_ON_ERROR * break_on_error
        | LONG_CONFIRMED * confirmed
        | LONG_HIGH_PRIORITY * high_priority
    )
