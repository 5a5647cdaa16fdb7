"""What the bytes of a register's value are: integers, floats, BCD, bits, text and dates.

A kind turns a raw value into big-endian bytes and back; scale, unit and sentinel are the register's matter. Raw values
are int for integers, BCD and bits, float for floats, str for text, and a naive date and time of the meter's own clock
for dates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from struct import Struct
from typing import Final

Raw = int | float | str | datetime

INTEGER_WORDS_MAX: Final = 4

FLOAT32_DIGITS_MAX: Final = 9
"""Significant digits that tell any two float32 apart."""

_FLOAT32: Final = Struct(">f")


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


def _encode_integer(*, signed: bool) -> Callable[[Raw, int], bytes]:
    def encode(raw: Raw, size: int) -> bytes:
        try:
            return int(raw).to_bytes(size, "big", signed=signed)  # type: ignore[arg-type]  # numeric kinds get numbers
        except OverflowError:
            msg = f"{raw} does not fit into {size} bytes"
            raise NotInRange(msg) from None

    return encode


def _integer(name: str, words: int, *, signed: bool) -> Kind:
    return Kind(name, words, _encode_integer(signed=signed), lambda data: int.from_bytes(data, "big", signed=signed))


def _unsigned(data: bytes) -> Raw:
    return int.from_bytes(data, "big")


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


def _clock(raw: Raw) -> datetime:
    if not isinstance(raw, datetime):
        msg = f"{raw!r} is no date and time"
        raise NotInRange(msg)
    return raw


def _encode_date_bcd(raw: Raw, _size: int) -> bytes:
    return bytes.fromhex(_clock(raw).strftime("%y%m%d%H%M%S"))


def _decode_date_bcd(data: bytes) -> Raw:
    return datetime.strptime("20" + data.hex(), "%Y%m%d%H%M%S")  # noqa: DTZ007 (a meter's own clock has no zone)


def _encode_date_words(raw: Raw, _size: int) -> bytes:
    at = _clock(raw)
    return _DATE_WORDS.pack(at.year, at.month, at.day, at.hour, at.minute, at.second)


def _decode_date_words(data: bytes) -> Raw:
    return datetime(*_DATE_WORDS.unpack(data))  # noqa: DTZ001 (a meter's own clock has no zone)


def _encode_date_epoch(raw: Raw, _size: int) -> bytes:
    seconds = (_clock(raw) - EPOCH) // timedelta(seconds=1)
    try:
        return seconds.to_bytes(4, "big")
    except OverflowError:
        msg = f"{raw} is before 1970 or after 2106"
        raise NotInRange(msg) from None


def _decode_date_epoch(data: bytes) -> Raw:
    return EPOCH + timedelta(seconds=int.from_bytes(data, "big"))


_DATE_WORDS: Final = Struct(">6H")
EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 (a meter's own clock has no zone)

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        *(_integer(f"int{16 * words}", words, signed=True) for words in range(1, INTEGER_WORDS_MAX + 1)),
        *(_integer(f"uint{16 * words}", words, signed=False) for words in range(1, INTEGER_WORDS_MAX + 1)),
        *(Kind(f"bcd{16 * words}", words, _encode_bcd, _decode_bcd) for words in range(1, INTEGER_WORDS_MAX + 1)),
        *(
            Kind(f"bits{16 * words}", words, _encode_integer(signed=False), _unsigned, numeric=False)
            for words in range(1, INTEGER_WORDS_MAX + 1)
        ),
        _float("float32", 2, Struct(">f")),
        _float("float64", 4, Struct(">d")),
        Kind("string", None, _encode_text, _decode_text, numeric=False),
        Kind("date_bcd", 3, _encode_date_bcd, _decode_date_bcd, numeric=False),
        Kind("date_words", 6, _encode_date_words, _decode_date_words, numeric=False),
        Kind("date_epoch", 2, _encode_date_epoch, _decode_date_epoch, numeric=False),
    )
}
"""Every kind by the name that a model's `type` gives it.

`date_bcd` is year, month, day, hour, minute and second as one BCD byte each; `date_words` the same as one register each
with the whole year; `date_epoch` is seconds since 1970 of the meter's own clock.
"""


def shortest_decimal(value: float, *, double: bool) -> Decimal:
    """The shortest decimal that stands for this float of the wire, as one would print it.

    A float32 register that shows 230.123 holds 230.1230010986328125; no shorter number than 230.123 means that float.

    >>> shortest_decimal(230.1230010986328125, double=False)
    Decimal('230.123')
    """
    text = repr(value) if double else _shortest_text(value)
    shown = Decimal(text)
    return Decimal(int(shown)) if shown == shown.to_integral_value() else shown  # 230, not 2.3E+2


def _shortest_text(value: float) -> str:
    pattern = _FLOAT32.pack(value)
    for digits in range(1, FLOAT32_DIGITS_MAX):
        text = f"{value:.{digits}g}"
        if _is_float32(text, pattern):
            return text
    return f"{value:.{FLOAT32_DIGITS_MAX}g}"


def _is_float32(text: str, pattern: bytes) -> bool:
    """Whether a number as printed is the float32 of these bytes; rounded up, the greatest of them is none any more."""
    try:
        return _FLOAT32.pack(float(text)) == pattern
    except OverflowError:
        return False
