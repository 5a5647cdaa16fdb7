"""The metering element: wrong by its error, and blind below its starting current, exactly."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.load import load_from_table
from emulator.load.base import MILLION, Energies, Load
from emulator.load.element import Element
from emulator.timing.zone import zone
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, make

LOADS: list[dict[str, Any]] = [
    {"household": "rural"},
    {"solar": "rooftop"},
    {"constant": 300, "power_factor": 0.8, "lead": True},
    {"constant": -300},
]
SINCE_MS = START_MS - 3 * DAY_MS
MINUTE_MS = 60_000


def loaded(table: dict[str, Any]) -> Load:
    return load_from_table(table, seed=7, meter_id="MB0001", phases=1, zone=zone("Asia/Kolkata"))


def gained(load: Load, from_ms: int, to_ms: int) -> Energies:
    first, second, third, fourth, fifth, sixth, seventh, eighth = (
        after - before for before, after in zip(load.cumulative(from_ms), load.cumulative(to_ms), strict=True)
    )
    return first, second, third, fourth, fifth, sixth, seventh, eighth


@given(
    table=st.sampled_from(LOADS),
    start_w=st.sampled_from([60, 299, 400, 5000]),
    from_ms=st.integers(0, DAY_MS),
    span_ms=st.integers(0, 2 * DAY_MS),
)
@settings(max_examples=40, deadline=None)
def test_what_is_measured_is_what_passes_while_the_load_is_above_the_start(
    table: dict[str, Any], start_w: int, from_ms: int, span_ms: int
) -> None:
    load = loaded(table)
    element = Element(load, 0, start_w * 1000, SINCE_MS)
    at_ms, end_ms = SINCE_MS + from_ms, SINCE_MS + from_ms + span_ms
    expected = [0] * 8
    while at_ms < end_ms:  # a walk by minutes, which every change of a load falls on
        next_ms = min(end_ms, at_ms - at_ms % MINUTE_MS + MINUTE_MS)
        if load.steady(at_ms).apparent_mva >= start_w * 1000:
            expected = [have + more for have, more in zip(expected, gained(load, at_ms, next_ms), strict=True)]
        at_ms = next_ms
    assert gained(element, SINCE_MS + from_ms, end_ms) == tuple(expected)


@given(table=st.sampled_from(LOADS), error_ppm=st.integers(-200_000, 200_000), at_ms=st.integers(0, 2 * DAY_MS))
@settings(max_examples=40, deadline=None)
def test_the_error_is_a_gain_of_power_and_energy_alike(table: dict[str, Any], error_ppm: int, at_ms: int) -> None:
    load = loaded(table)
    element = Element(load, error_ppm, 0, SINCE_MS)
    now_ms = SINCE_MS + at_ms
    for true, measured in (
        *zip(load.power(now_ms), element.power(now_ms), strict=True),
        *zip(load.cumulative(now_ms), element.cumulative(now_ms), strict=True),
    ):
        assert abs(measured * MILLION - true * (MILLION + error_ppm)) < MILLION
    assert element.steady(now_ms).apparent_mva <= min(element.ceiling(now_ms)[0], element.peak_mva())
    assert element.cumulatives([now_ms, now_ms + 1]) == [element.cumulative(now_ms), element.cumulative(now_ms + 1)]


@pytest.mark.parametrize(("watts", "counted"), [(9, 0), (10, 240_000)])
def test_a_meter_counts_from_its_starting_current_on(watts: int, counted: int) -> None:
    """40 mA at 240 V are 9.6 W: what a meter of class 1 with a basic current of 10 A must start at."""
    meter = make({"physics": {"starting_current_ma": 40, "history_days": 0}}, load={"constant": watts})
    assert meter.value("active_energy_import", START_MS + DAY_MS) == counted
    assert (meter.value("active_power", START_MS + DAY_MS) > 0) is (counted > 0)
    assert meter.value("average_current", START_MS + DAY_MS) == (41 if counted else 0)


def test_three_phases_start_together_when_the_load_is_balanced() -> None:
    table = {"physics": {"phases": 3, "starting_current_ma": 40, "history_days": 0}}
    for watts, starts in ((28, False), (29, True)):
        meter = make(table, load={"constant": watts, "shares": [334, 333, 333]})
        assert (meter.value("active_energy_import", START_MS + DAY_MS) > 0) is starts


def test_a_bypass_leaves_a_part_that_may_be_too_small_to_start() -> None:
    meter = make({"physics": {"starting_current_ma": 40, "history_days": 0}}, load={"constant": 15})
    meter.set_input(START_MS + 10 * HOUR_MS, "bypass", 500)
    meter.set_input(START_MS + 20 * HOUR_MS, "bypass", 0)
    assert meter.value("active_energy_import", START_MS + DAY_MS) == 15 * 14 * 1000


def test_meters_of_a_model_differ_by_their_drawn_errors_and_keep_them() -> None:
    table = {"physics": {"error_ppm": 1000, "error_spread_ppm": 10_000, "history_days": 0}}
    errors = [make(table, meter_id=f"MB{number:04}").error_ppm for number in range(40)]
    assert len(set(errors)) > 30
    assert all(-9000 <= error <= 11_000 for error in errors)
    one, again = make(table), make(table)
    assert one.value("active_energy_import", START_MS + DAY_MS) == again.value(
        "active_energy_import", START_MS + DAY_MS
    )
    energy = one.value("active_energy_import", START_MS + DAY_MS)
    assert energy == 24_000_000 * (MILLION + one.error_ppm) // MILLION // 100 * 100
