"""The random curve: its integral is that of its values, at any instant and without walking."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.mains.curve import SLOT_MS, Curve, Noise, Shape
from emulator.mains.draw import between, draw, key
from tests.emulator.meters import DAY_MS, START_MS

FULL = Noise(60, 60, 20, 20, 20, 10, 40)
SHAPE = Shape(
    ([100 + index * 7 % 300 for index in range(96)], [200] * 96),
    lambda when: int(when.weekday() == 6),
    lambda when: 800 + when.timetuple().tm_yday,
    FULL,
    19_800_000,
)
CURVE = Curve(SHAPE, 1000, key(42, "test"))
HALF_MINUTE_MS = 30_000
YEARS = st.integers(-20 * 365 * DAY_MS, 20 * 365 * DAY_MS)


@given(offset_ms=YEARS, halves=st.integers(1, 200))
def test_the_integral_is_the_sum_of_the_values(offset_ms: int, halves: int) -> None:
    begin_ms = START_MS + offset_ms - (START_MS + offset_ms) % HALF_MINUTE_MS
    total = sum(CURVE.value(begin_ms + index * HALF_MINUTE_MS) for index in range(halves)) * HALF_MINUTE_MS
    assert CURVE.integral(begin_ms + halves * HALF_MINUTE_MS) - CURVE.integral(begin_ms) == total


@given(offset_ms=YEARS, span_ms=st.integers(0, 3 * DAY_MS))
def test_the_integral_never_falls(offset_ms: int, span_ms: int) -> None:
    assert CURVE.integral(START_MS + offset_ms + span_ms) >= CURVE.integral(START_MS + offset_ms)


@given(offset_ms=YEARS)
def test_a_value_is_positive_and_within_its_bounds(offset_ms: int) -> None:
    at_ms = START_MS + offset_ms
    peak, until_ms = CURVE.peak_of_day(at_ms)
    assert CURVE.value(at_ms) > 0
    assert 0 < CURVE.steady(at_ms) <= peak <= CURVE.peak
    assert at_ms < until_ms <= at_ms + DAY_MS


@given(offset_ms=YEARS)
@settings(max_examples=30)
def test_a_slot_is_steady_on_average(offset_ms: int) -> None:
    begin_ms = (START_MS + offset_ms) // SLOT_MS * SLOT_MS
    assert CURVE.integral(begin_ms + SLOT_MS) - CURVE.integral(begin_ms) == CURVE.steady(begin_ms) * SLOT_MS


def test_no_two_days_are_alike() -> None:
    totals = {
        CURVE.integral(START_MS + (day + 1) * DAY_MS) - CURVE.integral(START_MS + day * DAY_MS) for day in range(99)
    }
    assert len(totals) == 99


def test_two_meters_differ_and_one_is_always_the_same() -> None:
    other = Curve(SHAPE, 1000, key(42, "other"))
    again = Curve(SHAPE, 1000, key(42, "test"))
    assert other.integral(START_MS) != CURVE.integral(START_MS) == again.integral(START_MS)


def test_draws_are_the_same_on_every_machine() -> None:
    assert draw(42, "MB0001/load", 7, 4).hex() == "fc7029b7"
    assert between(42, "x", 0, 5, 5) == 5


def test_noise_that_could_make_values_negative_is_refused() -> None:
    with pytest.raises(ValueError, match="255"):
        Shape(([1] * 96,), lambda _when: 0, lambda _when: 1, Noise(200, 100), 0)


def test_a_season_and_the_kind_of_day_show() -> None:
    flat = Shape(
        ([1000] * 96, [2000] * 96),
        lambda when: int(when.weekday() >= 5),
        lambda when: 500 if when.month < 7 else 1500,
        Noise(),
        0,
    )
    curve = Curve(flat, 1000, key(1, "flat"))
    for when, expected in ((date(2024, 3, 4), 500), (date(2024, 3, 9), 1000), (date(2024, 9, 2), 1500)):
        at_ms = (when.toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS
        assert curve.value(at_ms) == expected * 1_000_000
