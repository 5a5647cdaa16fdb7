"""Numbers on the wire: the nearest float32, the nearest step, a register's rollover."""

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.face.cosem.number import bits_encoder, number_encoder, plain_encoder, wire_integer
from protocols.cosem.data_type import RANGES, parse
from protocols.dlms.value import Tag, decode
from protocols.quantity import QUANTITIES

ENERGY = QUANTITIES["active_energy_import"]
VOLTAGE = QUANTITIES["voltage"]
FLOAT = parse("float32")


def neighbours(number: float) -> tuple[float, float]:
    """The float32 next below and next above."""
    bits = struct.unpack(">i", struct.pack(">f", number))[0]
    if bits == 0:
        tiny = struct.unpack(">f", b"\x00\x00\x00\x01")[0]
        return -tiny, tiny
    below, above = (struct.unpack(">f", struct.pack(">i", bits + step))[0] for step in (-1, 1))
    return (below, above) if number > 0 else (above, below)


@given(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(-3, 6))
def test_a_float32_is_the_nearest_to_the_exact_decimal(integer: int, scaler: int) -> None:
    exact = Fraction(integer) * Fraction(10) ** (ENERGY.exponent - scaler)
    (tag, sent) = decode(number_encoder(ENERGY, FLOAT, scaler)(integer))
    assert tag == Tag.FLOAT32
    distance = abs(Fraction(sent) - exact)
    assert all(distance <= abs(Fraction(each) - exact) for each in neighbours(sent))


@given(st.integers(0, 2**50), st.integers(-3, 3))
def test_a_register_is_cut_and_rolls_over(integer: int, scaler: int) -> None:
    sent = wire_integer(ENERGY, Tag.DOUBLE_LONG_UNSIGNED, scaler)(integer)
    assert sent == integer // 10 ** (scaler + 3) % 2**32


@given(
    st.integers(-(10**9), 10**9), st.integers(-2, 1), st.sampled_from([Tag.LONG, Tag.LONG_UNSIGNED, Tag.DOUBLE_LONG])
)
def test_a_gauge_is_rounded_and_stops_at_its_limits(integer: int, scaler: int, tag: int) -> None:
    sent = wire_integer(VOLTAGE, tag, scaler)(integer)
    low, high = RANGES[tag]
    exact = Fraction(integer, 10 ** (scaler + 3))
    if low < sent < high:
        assert abs(sent - exact) <= Fraction(1, 2)
    else:
        assert sent == (low if exact < 0 else high) or abs(sent - exact) <= Fraction(1, 2)


def test_a_scale_finer_than_the_meters_own_multiplies() -> None:
    assert wire_integer(VOLTAGE, Tag.DOUBLE_LONG_UNSIGNED, -4)(230_123) == 2_301_230
    assert decode(number_encoder(VOLTAGE, FLOAT, -4)(230_123)) == (Tag.FLOAT32, 2_301_230.0)


def test_states_are_sent_as_booleans_enumerations_and_bits() -> None:
    state = QUANTITIES["output_state"]
    assert number_encoder(state, parse("boolean"), 0)(1) == b"\x03\x01"
    assert number_encoder(state, parse("enum"), 0)(2) == b"\x16\x02"
    assert decode(bits_encoder(128)(1 << 127 | 1)) == (Tag.BIT_STRING, "1" + "0" * 126 + "1")
    assert decode(plain_encoder(parse("float32"))(7)) == (Tag.FLOAT32, 7.0)


def test_no_number_is_sent_as_text() -> None:
    with pytest.raises(ValueError, match="cannot be sent as visible-string"):
        number_encoder(VOLTAGE, parse("visible-string"), 0)
    with pytest.raises(ValueError, match="cannot be sent as any"):
        plain_encoder(parse("any"))
