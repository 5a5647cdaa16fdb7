"""From what was on the wire to values that are published: names, exact decimals, units, and how far to trust them.

Raw integer and scaler become one `Decimal` here and nowhere else; a float32 becomes the shortest decimal that means it.
What has no value is published as None with the reason, never as a number.
"""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any, Final, NamedTuple

from protocols.cosem.obis import LogicalName
from protocols.cosem.unit import ScalerUnit, unit_symbol
from protocols.dlms.date_time import DATE_TIME_OCTETS, DateTime
from protocols.dlms.value import Tag
from protocols.dlms.value import Value as CosemValue
from protocols.errors import RemoteProtocolError
from protocols.message.reading import Quality, Value
from protocols.modbus.kind import shortest_decimal
from protocols.model.cosem_object import Identified, Measured, Parameter, State
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel

CLOCK: Final = (8, LogicalName.parse("0.0.1.0.0.255").octets, 2)
BILLING_DATE: Final = LogicalName.parse("0.0.0.1.2.255").octets

NAMING_MODELS: Final = ("is15959-d1", "is15959-d2")
"""A DLMS meter whose model is not said is taken for one of these, as far as names go."""

_INTEGERS: Final = frozenset(
    {
        Tag.DOUBLE_LONG, Tag.DOUBLE_LONG_UNSIGNED, Tag.BCD, Tag.INTEGER, Tag.LONG, Tag.UNSIGNED, Tag.LONG_UNSIGNED,
        Tag.LONG64, Tag.LONG64_UNSIGNED, Tag.ENUM,
    }
)  # fmt: skip
_TEXTS: Final = frozenset({Tag.VISIBLE_STRING, Tag.UTF8_STRING, Tag.BIT_STRING})
_FLOATS: Final = {int(Tag.FLOAT32): False, int(Tag.FLOAT64): True}


class Column(NamedTuple):
    """An attribute of a COSEM object, as a profile captures it."""

    class_id: int
    instance: bytes
    attribute: int
    data_index: int = 0

    @property
    def obis(self) -> str:
        """The logical name."""
        return str(LogicalName(self.instance))

    @property
    def is_clock(self) -> bool:
        """Whether a row's time stands here: the clock, or the date of a billing row."""
        return (self.class_id, self.instance, self.attribute) == CLOCK or self.instance == BILLING_DATE


@cache
def names_of(model: MeterModel | None) -> dict[tuple[int, bytes, int], str]:
    """What the objects of a model measure; without a model, what those of Indian meters do."""
    names: dict[tuple[int, bytes, int], str] = {}
    for each in (model,) if model is not None else map(load, NAMING_MODELS):
        for (class_id, logical_name), described in each.objects.items():
            for attribute, source in described.attributes.items():
                match source:
                    case Measured(quantity=name):
                        names.setdefault((class_id, logical_name.octets, attribute), name)
                    case Parameter(name=name) | Identified(name=name) | State(name=name):
                        names.setdefault((class_id, logical_name.octets, attribute), name)
    return names


def name_of(column: Column, model: MeterModel | None = None) -> str:
    """The quantity's name where it is known, else the logical name, with the attribute where it is not the value."""
    if (column.class_id, column.instance, column.attribute) == CLOCK:
        return "clock"
    key = (column.class_id, column.instance, column.attribute)
    known = (names_of(model).get(key) if model is not None else None) or names_of(None).get(key)
    if known is not None:
        return known
    return column.obis if column.attribute == 2 else f"{column.obis}:{column.attribute}"


def value_of(
    column: Column, cell: CosemValue, scaler_unit: ScalerUnit | None, zone: tzinfo, model: MeterModel | None = None
) -> Value:
    """One cell, ready to be published."""
    text, reason = written(cell, scaler_unit.scaler if scaler_unit is not None else 0, zone)
    return Value(
        name=name_of(column, model),
        obis=column.obis,
        attribute=None if column.attribute == 2 else column.attribute,
        value=text,
        unit=(unit_symbol(scaler_unit.unit) or None) if scaler_unit is not None else None,
        quality=Quality.GOOD if reason is None else Quality.ERROR,
        reason=reason,
    )


def written(cell: CosemValue, scaler: int, zone: tzinfo) -> tuple[str | None, str | None]:
    """A COSEM value as text, or None and why there is none."""
    tag, value = cell
    if tag in _INTEGERS:
        return plain(Decimal(value).scaleb(scaler)), None
    if tag in _FLOATS:
        if not isfinite(value):
            return None, f"the meter sent {value}"
        return plain(shortest_decimal(value, double=_FLOATS[tag]).scaleb(scaler)), None
    if tag == Tag.BOOLEAN:
        return ("1" if value else "0"), None
    if tag in _TEXTS:
        return printable(value), None
    if tag in {Tag.OCTET_STRING, Tag.DATE_TIME}:
        return _octets(value, zone), None
    if tag == Tag.NULL_DATA:
        return None, "the meter sent no value"
    return _structured(cell, zone), None


def plain(number: Decimal) -> str:
    """A decimal without exponent; its digits are kept, since they show the meter's resolution.

    >>> plain(Decimal("1.230E+3")), plain(Decimal("230.00")), plain(Decimal("-0"))
    ('1230', '230.00', '0')
    """
    return f"{number or abs(number):f}"


def printable(text: str) -> str:
    """Text without what a meter put behind it: zeros and other control characters."""
    return "".join(each if each.isprintable() else "?" for each in text.rstrip("\0"))


def _octets(octets: bytes, zone: tzinfo) -> str:
    if len(octets) == DATE_TIME_OCTETS:
        instant = instant_of(octets, zone)
        if instant is not None:
            return instant.isoformat()
    if octets and all(0x20 <= each < 0x7F for each in octets):
        return octets.decode("ascii")
    return octets.hex()


def _structured(cell: CosemValue, zone: tzinfo) -> str:
    """Arrays and structures have no decimal; they are shown, so that a person sees what is there."""
    _, value = cell
    if isinstance(value, list):
        return "[" + ", ".join(written(each, 0, zone)[0] or "null" for each in value) + "]"
    return str(value)


def instant_of(octets: Any, zone: tzinfo) -> datetime | None:
    """The instant that twelve octets are, or None where they are none."""
    if not isinstance(octets, bytes):
        return None
    try:
        return DateTime.decode(octets).instant(zone)
    except (RemoteProtocolError, OverflowError):
        return None


def utc(at_ms: int) -> datetime:
    """Milliseconds as an aware instant."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def utc_ms(instant: datetime) -> int:
    """An aware instant as milliseconds."""
    return round(instant.timestamp() * 1000)
