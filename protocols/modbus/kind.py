"""What the bytes of a register's value are: integers, floats, BCD, bits, text and dates.

A kind turns a raw value into big-endian bytes and back; scale, unit and sentinel are the register's matter. Raw values
are int for integers, BCD and bits, float for floats, str for text, and a naive date and time of the meter's own clock
for dates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from struct import Struct
from typing import Final

Raw = int | float | str | datetime

INTEGER_WORDS_MAX: Final = 4


class NotInRange(ValueError):  # noqa: N818 (says what is wrong with the value)
    """A value that the kind has no bytes for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to write a value.

    Attributes:
        name: as a model's `type` has it.
        words: registers that it takes, or None where the register says how many.
        encode: raw value and bytes to fill; raises `NotInRange`.
        decode: bytes to raw value; raises ValueError for bytes that are no value of this kind.
        numeric: whether scale and unit mean something.
    """

    name: str
    words: int | None
    encode: Callable[[Raw, int], bytes]
    decode: Callable[[bytes], Raw]
    numeric: bool = True


def _encode_integer(signed: bool) -> Callable[[Raw, int], bytes]:  # noqa: FBT001 (a table's column)
    def encode(raw: Raw, size: int) -> bytes:
        try:
            return int(raw).to_bytes(size, "big", signed=signed)  # type: ignore[arg-type]  # numeric kinds get numbers
        except OverflowError:
            msg = f"{raw} does not fit into {size} bytes"
            raise NotInRange(msg) from None

    return encode


def _integer(name: str, words: int, *, signed: bool) -> Kind:
    return Kind(name, words, _encode_integer(signed), lambda data: int.from_bytes(data, "big", signed=signed))


def _float(name: str, words: int, layout: Struct) -> Kind:
    def encode(raw: Raw, _size: int) -> bytes:
        try:
            return layout.pack(raw)
        except OverflowError:
            return layout.pack(math.copysign(math.inf, float(raw)))  # type: ignore[arg-type]  # a number
    def decode(data: bytes) -> Raw:
        value: float = layout.unpack(data)[0]
        return value

    return Kind(name, words, encode, decode)


def _encode_bcd(raw: Raw, size: int) -> bytes:
    digits = f"{raw:0{2 * size}d}"
    if len(digits) > 2 * size or not digits.isdecimal():
        msg = f"{raw} does not fit into {2 * size} digits"
        raise NotInRange(msg)
    return bytes.fromhex(digits)


def _decode_bcd(data: bytes) -> Raw:
    digits = data.hex()
    if not digits.isdecimal():
        msg = f"{digits} is no BCD"
        raise ValueError(msg)
    return int(digits)


def _encode_text(raw: Raw, size: int) -> bytes:
    data = str(raw).encode("ascii", "replace")
    if len(data) > size:
        msg = f"{raw!r} is longer than {size} characters"
        raise NotInRange(msg)
    return data.ljust(size, b"\0")


def _decode_text(data: bytes) -> Raw:
    return data.rstrip(b"\0 ").decode("latin-1")


def _encode_date(raw: Raw, size: int) -> bytes:
    """Seconds, minutes, hours, day, month, year of the century: one BCD byte each, highest unit first."""
    if not isinstance(raw, datetime):
        msg = f"{raw!r} is no date"
        raise NotInRange(msg)
    return bytes.fromhex(raw.strftime("%y%m%d%H%M%S")).rjust(size, b"\0")


def _decode_date(data: bytes) -> Raw:
    return datetime.strptime("20" + data[-6:].hex(), "%Y%m%d%H%M%S")  # noqa: DTZ007 (the meter's own clock has no zone)


def _encode_epoch(raw: Raw, size: int) -> bytes: ...
