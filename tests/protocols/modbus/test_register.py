"""Typed values: they come back as they were, and what cannot be believed is no number."""

# ruff: noqa: DTZ001 (a meter's own clock has no zone)

import math
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.canonical import canonical_encoder
from protocols.modbus.kind import KINDS, Kind, NotInRange, Raw, shortest_decimal
from protocols.modbus.order import ORDERS
from protocols.modbus.register import Reading, RegisterSpec, unit_factor
from protocols.quantity import QUANTITIES, Quantity

orders = st.sampled_from(sorted(ORDERS)).map(lambda name: ORDERS[name])


def spec(kind: str, **more: object) -> RegisterSpec:
    made = KINDS[kind]
    words = more.pop("words", None) or made.words
    quantity = more.get("quantity")
    if isinstance(quantity, Quantity):
        more.setdefault("unit", quantity.unit)
    return RegisterSpec(name="x", address=0, kind=made, words=words, **more)  # type: ignore[arg-type]  # by keyword


def raw_values(kind: Kind) -> st.SearchStrategy[Raw]:
    bits = 16 * (kind.words or 1)
    if kind.name.startswith("int"):
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    if kind.name.startswith(("uint", "bits")):
        return st.integers(0, (1 << bits) - 1)
    if kind.name.startswith("bcd"):
        return st.integers(0, 10 ** (bits // 4) - 1)
    if kind.name.startswith("float"):
        return st.floats(width=32 if kind.name == "float32" else 64, allow_nan=False)
    if kind.name == "string":
        return st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)
    first, last = datetime(2000, 1, 1), datetime(2099, 12, 31)
    return st.datetimes(first, last).map(lambda at: at.replace(microsecond=0))


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@given(order=orders, data=st.data())
def test_every_type_in_every_order_comes_back_as_it_was(kind: Kind, order: object, data: st.DataObject) -> None:
    register = spec(kind.name, order=order, words=kind.words or 4)
    raw = data.draw(raw_values(kind))
    wire = register.encode(raw)
    assert len(wire) == 2 * register.words
    assert register.decode(wire) == raw


@given(st.sampled_from(sorted(KINDS)), st.binary(min_size=16, max_size=16))
def test_any_bytes_are_a_reading_or_a_reason(kind: str, data: bytes) -> None:
    register = spec(kind, words=KINDS[kind].words or 8)
    value, _, reason = register.reading(data[: 2 * register.words])
    assert (value is None) == (reason is not None)
    if isinstance(value, Decimal):
        assert value.is_finite()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_decimal_means_the_same_float(value: float) -> None:
    shown = shortest_decimal(value, double=False)
    assert pack(">f", float(shown)) == pack(">f", value + 0.0)  # minus zero is zero
    assert len(shown.normalize().as_tuple().digits) <= 9
    assert "E+" not in str(shown)


@given(st.integers(0, 99_999_999))
def test_energy_is_cut_and_never_shows_more_than_was_counted(milliwatt_hours: int) -> None:
    register = spec("uint32", quantity=QUANTITIES["active_energy_import"], unit="kWh", scale=Fraction(1, 100))
    value = register.reading(canonical_encoder(register)(milliwatt_hours)).value
    counted = Decimal(milliwatt_hours).scaleb(-3)
    assert isinstance(value, Decimal)
    assert 0 <= counted - value < 10


@given(st.integers(-10_000_000, 10_000_000))
def test_what_is_measured_is_rounded_to_the_nearest_step(milliwatts: int) -> None:
    register = spec("int32", quantity=QUANTITIES["active_power"], scale=Fraction(1, 10))
    value = register.reading(canonical_encoder(register)(milliwatts)).value
    assert isinstance(value, Decimal)
    assert abs(value - Decimal(milliwatts).scaleb(-3)) <= Decimal("0.05")


@given(st.integers(-100_000, 100_000), orders)
def test_floats_come_within_one_step_of_the_wire(milliamperes: int, order: object) -> None:
    register = spec("float32", quantity=QUANTITIES["current"], order=order)
    value = register.reading(canonical_encoder(register)(milliamperes)).value
    assert value == Decimal(milliamperes).scaleb(-3)


@given(st.integers(-1000, 1000).filter(bool))
def test_a_four_quadrant_power_factor_comes_back_with_its_sign(thousandths: int) -> None:
    register = spec("float32", quantity=QUANTITIES["power_factor"], four_quadrant=True)
    value = register.reading(canonical_encoder(register)(thousandths)).value
    assert isinstance(value, Decimal)
    if abs(thousandths) < 1000:
        assert abs(value - Decimal(thousandths).scaleb(-3)) < Decimal("0.0000002")
    else:
        assert abs(value) == 1


def test_scale_registers_multiply() -> None:
    register = spec("int16", quantity=QUANTITIES["voltage_l1"], scale_register="V_SF")
    wire = canonical_encoder(register, -1)(230_123)
    assert wire == (2301).to_bytes(2, "big")
    assert register.reading(wire, -1) == Reading(Decimal("230.1"), "V")


@pytest.mark.parametrize(
    ("register", "data", "reading"),
    [
        (spec("uint16", sentinel=(0xFFFF,)), b"\xff\xff", Reading(None, "", "not available")),
        (
            spec("int32", order=ORDERS["CDAB"], sentinel=(0x7FFFFFFF,)),
            b"\xff\xff\x7f\xff",
            Reading(None, "", "not available"),
        ),
        (spec("float32"), pack(">f", math.nan), Reading(None, "", "not available")),
        (spec("float32"), pack(">f", math.inf), Reading(None, "", "not available")),
        (spec("uint16", maximum=Decimal(250)), b"\x01\x00", Reading(None, "", "out of range")),
        (spec("int16", minimum=Decimal(0)), b"\xff\xff", Reading(None, "", "out of range")),
        (spec("bcd16"), b"\x0a\x00", Reading(None, "", "unreadable")),
        (spec("date_bcd"), bytes(6), Reading(None, "", "unreadable")),
        (spec("date_words"), bytes(12), Reading(None, "", "unreadable")),
        (spec("date_bcd"), bytes.fromhex("241028120000"), Reading("2024-10-28T12:00:00", "")),
        (spec("date_epoch"), bytes(4), Reading("1970-01-01T00:00:00", "")),
        (spec("string", words=3), b"ab\0\0\0\0", Reading("ab", "")),
        (spec("bits16"), b"\x00\x03", Reading("3", "")),
        (
            spec("bits16", bits=("over voltage", "phase loss")),
            b"\x00\x0b",
            Reading("over voltage, phase loss, bit 3", ""),
        ),
        (spec("bits32", bits=("a",)), bytes(4), Reading("", "")),
        (spec("uint16", unit="kW", quantity=QUANTITIES["active_power"]), b"\x00\x02", Reading(Decimal(2000), "W")),
        (spec("int16", unit="%", quantity=QUANTITIES["power_factor"]), b"\x00\x5f", Reading(Decimal("0.95"), "")),
    ],
)
def test_readings_and_the_reasons_for_none(register: RegisterSpec, data: bytes, reading: Reading) -> None:
    assert register.reading(data) == reading


@pytest.mark.parametrize(
    ("register", "raw", "wire"),
    [
        (spec("int16"), 40_000, b"\x7f\xff"),
        (spec("int16"), -40_000, b"\x80\x00"),
        (spec("uint16"), -1, b"\x00\x00"),
        (spec("uint16", sentinel=(0xFFFF,)), 70_000, b"\xff\xff"),
        (spec("bcd16"), 12_345, b"\x99\x99"),
        (spec("float32"), 1e300, pack(">f", math.inf)),
        (spec("string", words=1), "abc", b"ab"),
        (spec("date_bcd"), "no date", b"no date"[:6]),
    ],
)
def test_what_does_not_fit_is_the_sentinel_or_the_nearest(register: RegisterSpec, raw: Raw, wire: bytes) -> None:
    if register.kind.name == "date_bcd":
        with pytest.raises(NotInRange):
            register.kind.encode(raw, 6)
    else:
        assert register.encode(raw) == wire


def test_a_date_before_its_epoch_is_the_earliest_that_can_be_shown() -> None:
    register = spec("date_epoch")
    assert register.decode(register.encode(datetime(1960, 1, 1))) == datetime(2000, 1, 1)


def test_units_that_do_not_fit_their_quantity_are_refused() -> None:
    assert unit_factor("Mvar", "var") == 1_000_000
    with pytest.raises(ValueError, match="no unit of"):
        spec("uint16", quantity=QUANTITIES["voltage"], unit="A")


def test_addresses_beyond_the_last_are_refused() -> None:
    with pytest.raises(ValueError, match="outside 0 to 65535"):
        RegisterSpec(name="x", address=0xFFFF, words=2, kind=KINDS["uint32"])
