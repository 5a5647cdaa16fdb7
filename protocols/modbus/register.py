"""One register of a map: where it stands, how its bytes are read, what they mean.

Addresses are zero-based, as on the wire; `document` keeps the maker's own number. A register has exactly one source of
its value: a quantity of `protocols/quantity.py`, a fixed value, the meter's identity, or a parameter that can be set.
The emulator turns a canonical integer into a raw value, the gateway turns bytes into an exact decimal, both from here.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final, Literal, NamedTuple

from protocols.modbus.kind import Kind, NotInRange, Raw, shortest_decimal
from protocols.modbus.order import ORDERS, Order
from protocols.quantity import Quantity

_PREFIXES: Final = {"k": Fraction(1000), "M": Fraction(1_000_000), "G": Fraction(1_000_000_000)}

NOT_AVAILABLE: Final = "not available"
OUT_OF_RANGE: Final = "out of range"
UNREADABLE: Final = "unreadable"


Over = Literal["sum", "mean"]


class Reading(NamedTuple):
    """What the gateway reads: a value in `unit`, or None and the reason for that."""

    value: Decimal | str | None
    unit: str
    reason: str | None = None


def unit_factor(unit: str, of: str) -> Fraction:
    """How many of unit `of` one `unit` is.

    >>> unit_factor("kWh", "Wh"), unit_factor("%", "")
    (Fraction(1000, 1), Fraction(1, 100))

    Raises:
        ValueError: the two do not measure the same.
    """
    if unit == of:
        return Fraction(1)
    if unit == "%" and not of:
        return Fraction(1, 100)
    factor = _PREFIXES.get(unit[:1])
    if factor is not None and unit[1:] == of:
        return factor
    msg = f"{unit!r} is no unit of what is measured in {of!r}"
    raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSpec:
    """A register, as a model's `[[register]]` describes it.

    Attributes:
        name: what readings call it; the quantity's name where it has one.
        address: zero-based wire address of the first register.
        words: how many registers it takes.
        kind: what its bytes are.
        order: word and byte order.
        read: function codes that read it.
        write: function codes that write it; empty for read-only registers.
        quantity: what it measures, or None.
        value: a fixed raw value, or a parameter's value when the meter leaves the works.
        identity: a name of the model's identity that it shows.
        parameter: the name of a setting that it shows and sets, which means nothing outside the register.
        setting: the name of one of the meter's own parameters, in whole numbers, that it shows and sets.
        flags: by bit, the conditions of the meter of which one at least is given while the bit is set.
        scale: value in `unit` = raw value times `scale`.
        scale_register: name of a register whose value is a power of ten that multiplies as well (SunSpec).
        unit: the register's own unit, such as kWh where the quantity is in Wh.
        minus: a quantity that is taken away, for registers that show a balance.
        over: what is shown of the quantity's three phases, their sum or their mean; None for the quantity itself.
        four_quadrant: a power factor in the -2 to +2 notation, where 2 minus the value is a leading one.
        signed_by: the quantity whose sign it carries, for makers who give a power factor the direction of the power.
        sentinel: the bit patterns that say "not available"; for floats NaN always says so.
        minimum: below this a value is not believed (and not accepted when written), in `unit`.
        maximum: above this, the same.
        alone: it answers only when read by itself, and may lie under another value (Carlo Gavazzi's codes).
        bits: names of bits, from the lowest.
        locked: it is written only after the map's unlock register has taken the password.
        document: the maker's own number or name for the address.
        title: what the maker calls it.
        source: where that is written.
    """

    name: str
    address: int
    words: int
    kind: Kind
    order: Order = ORDERS["ABCD"]
    read: tuple[int, ...] = (3,)
    write: tuple[int, ...] = ()
    quantity: Quantity | None = None
    value: Raw | None = None
    identity: str | None = None
    parameter: str | None = None
    setting: str | None = None
    flags: tuple[tuple[int, tuple[str, ...]], ...] = ()
    scale: Fraction = Fraction(1)
    scale_register: str | None = None
    unit: str = ""
    minus: Quantity | None = None
    over: Over | None = None
    four_quadrant: bool = False
    signed_by: Quantity | None = None
    sentinel: tuple[int, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    bits: tuple[str, ...] = ()
    locked: bool = False
    alone: bool = False
    document: str = ""
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 0xFFFF or self.address + self.words > 0x10000:
            msg = f"address {self.address} with {self.words} registers is outside 0 to 65535"
            raise ValueError(msg)
        if self.quantity is not None:
            unit_factor(self.unit, self.quantity.unit)

    @property
    def end(self) -> int:
        """The address behind its last register."""
        return self.address + self.words

    def factor(self) -> Fraction:
        """Raw value = canonical integer of the quantity times this."""
        if self.quantity is None:
            return Fraction(1)
        exponent = Fraction(10) ** self.quantity.exponent
        return exponent / unit_factor(self.unit, self.quantity.unit) / self.scale

    def encode(self, raw: Raw) -> bytes:
        """The bytes on the wire of a raw value; what does not fit becomes the sentinel, or the nearest that fits."""
        size = 2 * self.words
        try:
            return self.order.arrange(self.kind.encode(raw, size))
        except NotInRange:
            if self.sentinel:
                return self.unavailable()
            return self.order.arrange(self.kind.encode(self._nearest(raw), size))

    def _nearest(self, raw: Raw) -> Raw:
        """The value of an integer or BCD kind that is nearest; text and dates are cut or emptied."""
        if isinstance(raw, str):
            return raw[: 2 * self.words]
        if isinstance(raw, datetime):
            return datetime(2000, 1, 1)  # noqa: DTZ001 (a meter's own clock has no zone)
        top = 10 ** (4 * self.words) if self.kind.name.startswith("bcd") else 1 << (16 * self.words)
        if self.kind.name.startswith("int"):
            return min(max(int(raw), -top // 2), top // 2 - 1)
        return min(max(int(raw), 0), top - 1)

    def unavailable(self) -> bytes:
        """The bytes that say "not available"; zeros where the maker has no such pattern."""
        if self.sentinel:
            return self.order.arrange(self.sentinel[0].to_bytes(2 * self.words, "big"))
        return bytes(2 * self.words)

    def decode(self, data: bytes) -> Raw:
        """The raw value that bytes from the wire are.

        Raises:
            ValueError: they are no value of this kind.
        """
        return self.kind.decode(self.order.arrange(data))

    def reading(self, data: bytes, exponent: int = 0) -> Reading:
        """What the gateway makes of bytes from the wire: exact, in the quantity's unit where there is one.

        Args:
            data: as many bytes as the register has.
            exponent: the power of ten that `scale_register` holds.
        """
        unit = self.unit if self.quantity is None else self.quantity.unit
        pattern = self.order.arrange(data)
        if int.from_bytes(pattern, "big") in self.sentinel:
            return Reading(None, unit, NOT_AVAILABLE)
        try:
            raw = self.kind.decode(pattern)
        except ValueError:
            return Reading(None, unit, UNREADABLE)
        if isinstance(raw, datetime):
            return Reading(raw.isoformat(), unit)
        if isinstance(raw, int) and not self.kind.numeric:
            return Reading(self._bit_names(raw) if self.bits else str(raw), unit)
        if isinstance(raw, str):
            return Reading(raw, unit)
        if isinstance(raw, float):
            if not math.isfinite(raw):
                return Reading(None, unit, NOT_AVAILABLE)
            number = shortest_decimal(raw, double=self.words == 4)
        else:
            number = Decimal(raw)
        return self._judge(number, exponent, unit)

    def _bit_names(self, raw: int) -> str:
        """The names of the bits that are set, from the lowest; what the maker has not named is told by its number."""
        named = dict(enumerate(self.bits))
        return ", ".join(named.get(bit, f"bit {bit}") for bit in range(raw.bit_length()) if raw >> bit & 1)

    def _judge(self, number: Decimal, exponent: int, unit: str) -> Reading:
        if self.four_quadrant and abs(number) > 1:
            number = number - 2 if number > 0 else number + 2  # leading is negative in readings
        value = _times(number, self.scale).scaleb(exponent)  # in the register's own unit
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            return Reading(None, unit, OUT_OF_RANGE)
        if self.quantity is not None:
            value = _times(number, self.scale * unit_factor(self.unit, self.quantity.unit)).scaleb(exponent)
        return Reading(value, unit)


def _times(number: Decimal, factor: Fraction) -> Decimal:
    """Exact for every factor that is a finite decimal, which is what models hold; a power of ten only moves the point.

    So a reading has as many digits as the register: 2300 tenths of a volt are 230.0 V, and 2.5 kWh are 2500 Wh.
    """
    places = _places(factor)
    return number * factor.numerator / factor.denominator if places is None else number.scaleb(places)


@cache
def _places(factor: Fraction) -> int | None:
    """The exponent of a power of ten; None for anything else."""
    exponent = len(str(factor.numerator)) - len(str(factor.denominator))
    return exponent if factor == Fraction(10) ** exponent else None
