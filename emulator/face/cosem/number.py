"""From a canonical integer to octets: one small function for each quantity, wire type and scaler.

Registers and counts are cut to the wire's step, as a meter's display is, and roll over; everything else is rounded to
the nearest step and stops at the type's limits. A float32 is the one nearest to the exact decimal: the division of two
integers is the nearest float64, and rounding that once more cannot go wrong for numbers below 2**53 and twelve
decimal places, since no such quotient lies closer to the middle between two float32 than a float64 can tell.
"""

import struct
from collections.abc import Callable
from typing import Final

from protocols.cosem.data_type import FLOATS, RANGES, DataType
from protocols.cosem.status_word import BITS
from protocols.dlms.value import Tag, encode
from protocols.quantity import Quantity

Encoder = Callable[[int], bytes]
"""From a canonical integer to an encoded value."""

FLOORED_KINDS: Final = frozenset({"register", "count"})

_LAYOUTS: Final[dict[int, str]] = {
    Tag.DOUBLE_LONG: ">Bi",
    Tag.DOUBLE_LONG_UNSIGNED: ">BI",
    Tag.INTEGER: ">Bb",
    Tag.LONG: ">Bh",
    Tag.UNSIGNED: ">BB",
    Tag.LONG_UNSIGNED: ">BH",
    Tag.LONG64: ">Bq",
    Tag.LONG64_UNSIGNED: ">BQ",
    Tag.ENUM: ">BB",
    Tag.FLOAT32: ">Bf",
    Tag.FLOAT64: ">Bd",
}


def steps(exponent: int, scaler: int) -> tuple[int, int]:
    """Numerator and denominator of what turns a canonical integer into one of that scaler."""
    places = scaler - exponent
    return (1, 10**places) if places >= 0 else (10**-places, 1)


def number_encoder(quantity: Quantity, kind: DataType, scaler: int) -> Encoder:
    """The encoder of a quantity as a number, a boolean or an enumeration.

    Raises:
        ValueError: no number is of that type.
    """
    tag = kind.tag
    if tag == Tag.BOOLEAN:
        return _boolean
    if tag is None or tag not in _LAYOUTS:
        raise ValueError(f"{quantity.name} cannot be sent as {kind}")
    pack = struct.Struct(_LAYOUTS[tag]).pack
    up, down = steps(quantity.exponent, scaler)
    if tag in FLOATS:
        if up == 1:
            return lambda integer: pack(tag, integer / down)
        return lambda integer: pack(tag, integer * up)
    wire = wire_integer(quantity, tag, scaler)
    return lambda integer: pack(tag, wire(integer))


def wire_integer(quantity: Quantity, tag: int, scaler: int) -> Callable[[int], int]:
    """From a canonical integer to the integer that stands on the wire."""
    low, high = RANGES[tag]
    up, down = steps(quantity.exponent, scaler)
    if quantity.kind in FLOORED_KINDS:
        modulus = high + 1
        return lambda integer: integer * up // down % modulus
    half = down // 2

    def nearest(integer: int) -> int:
        rounded = (abs(integer) * up + half) // down
        return min(max(rounded if integer >= 0 else -rounded, low), high)

    return nearest


def _boolean(integer: int) -> bytes:
    return b"\x03\x01" if integer else b"\x03\x00"


def plain_encoder(kind: DataType) -> Encoder:
    """The encoder of an integer that has no scale: a parameter, a state, a word of bits.

    Raises:
        ValueError: no integer is of that type.
    """
    tag = kind.tag
    if tag == Tag.BOOLEAN:
        return _boolean
    if tag is None or tag not in _LAYOUTS:
        raise ValueError(f"an integer cannot be sent as {kind}")
    pack = struct.Struct(_LAYOUTS[tag]).pack
    return lambda integer: pack(tag, integer)


def word_encoder(kind: DataType) -> Encoder:
    """The encoder of an integer without a scale, or, as a bit-string, of the event status word."""
    return bits_encoder(BITS) if kind.tag == Tag.BIT_STRING else plain_encoder(kind)


def bits_encoder(width: int) -> Encoder:
    """The encoder of a word as a bit-string, bit 0 (the highest of the integer) first."""
    head = encode((int(Tag.BIT_STRING), "0" * width))[: -(width // 8)]
    return lambda integer: head + integer.to_bytes(width // 8, "big")
