"""From the wire to values: exact decimals, names, units, and what has no value says why."""

from datetime import UTC
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.polling.reading import Column, name_of, plain, printable, utc, value_of, written
from protocols.cosem.obis import LogicalName
from protocols.cosem.unit import ScalerUnit
from protocols.dlms.date_time import DateTime
from protocols.dlms.value import Tag, Value
from protocols.message.reading import Quality
from tests.gateway.cores import NOW_MS
from tests.gateway.fake_meter import IST


def column(name: str, class_id: int = 3, attribute: int = 2) -> Column:
    return Column(class_id, LogicalName.parse(name).octets, attribute)


@given(st.integers(-(2**63), 2**64 - 1), st.integers(-20, 20))
def test_an_integer_and_its_scaler_are_one_exact_decimal(raw: int, scaler: int) -> None:
    text, reason = written((Tag.LONG64, raw), scaler, UTC)
    assert reason is None
    assert text is not None
    assert "E" not in text
    assert Decimal(text) == Decimal(raw) * Decimal(10) ** scaler


@pytest.mark.parametrize(
    ("cell", "scaler", "text"),
    [
        ((Tag.FLOAT32, 0.30000001192092896), 3, "300"),
        ((Tag.FLOAT32, 230.1230010986328), 0, "230.123"),
        ((Tag.FLOAT64, 0.1), 0, "0.1"),
        ((Tag.LONG_UNSIGNED, 23012), -2, "230.12"),
        ((Tag.LONG_UNSIGNED, 23000), -2, "230.00"),
        ((Tag.BOOLEAN, True), 0, "1"),
        ((Tag.ENUM, 2), 0, "2"),
        ((Tag.VISIBLE_STRING, "MB0001\0\0"), 0, "MB0001"),
        ((Tag.OCTET_STRING, b"MTB"), 0, "MTB"),
        ((Tag.OCTET_STRING, b"\x00\xff"), 0, "00ff"),
        ((Tag.BIT_STRING, "0101"), 0, "0101"),
        ((Tag.STRUCTURE, [(Tag.INTEGER, 1), (0, None)]), 0, "[1, null]"),
        (
            (Tag.OCTET_STRING, DateTime.from_instant(utc(NOW_MS).astimezone(IST)).encode()),
            0,
            "2027-01-15T13:30:00+05:30",
        ),
    ],
)
def test_each_type_has_its_text(cell: Value, scaler: int, text: str) -> None:
    assert written(cell, scaler, IST) == (text, None)


@pytest.mark.parametrize("cell", [(0, None), (Tag.FLOAT32, float("nan")), (Tag.FLOAT32, float("inf"))])
def test_what_has_no_value_says_why_and_is_never_a_number(cell: Value) -> None:
    value = value_of(column("1.0.12.7.0.255"), cell, ScalerUnit(0, 35), IST)
    assert (value.value, value.quality, value.unit) == (None, Quality.ERROR, "V")
    assert "the meter sent" in (value.reason or "")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (column("1.0.12.7.0.255"), "voltage"),
        (column("1.0.1.8.0.255"), "active_energy_import"),
        (column("0.0.1.0.0.255", 8), "clock"),
        (column("0.0.96.3.10.255", 70), "output_state"),
        (column("1.0.99.88.0.255"), "1.0.99.88.0.255"),
        (column("1.0.99.88.0.255", attribute=5), "1.0.99.88.0.255:5"),
    ],
)
def test_what_is_known_has_its_name_and_the_rest_its_logical_name(place: Column, name: str) -> None:
    assert name_of(place) == name


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_written_decimal_is_the_same_number(number: Decimal) -> None:
    assert Decimal(plain(number)) == number
    assert plain(number) != "-0"


@given(st.text(max_size=20))
def test_text_is_printable(text: str) -> None:
    assert printable(text).isprintable()
