"""The mains: bounds, integrals, outages of its own, and what is wrong told in a sentence."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.mains.supply import GridSupply, Supply, supply_from_table
from emulator.timing.zone import zone
from tests.emulator.meters import DAY_MS, START_MS


def supply(table: dict[str, object], *, phases: int = 3) -> Supply:
    local = zone("Asia/Kolkata")
    return supply_from_table(table, seed=42, meter_id="A", phases=phases, nominal_v=240, nominal_hz=50, zone=local)


SUPPLIES = [supply({"constant": 230.5}), supply({"grid": "urban"}), supply({"grid": "rural", "outages_per_month": 9})]
INSTANTS = st.integers(START_MS - 400 * DAY_MS, START_MS + 400 * DAY_MS)


@given(supply=st.sampled_from(SUPPLIES), at_ms=INSTANTS, phase=st.integers(0, 2))
def test_voltages_stay_within_the_limits_that_are_told(supply: Supply, at_ms: int, phase: int) -> None:
    low, high = supply.limits()
    assert low <= supply.steady(phase, at_ms) <= high
    assert low <= supply.millivolts(phase, at_ms) <= high
    change_ms = supply.next_change(at_ms)
    if change_ms is not None:
        assert supply.steady(phase, change_ms - 1) == supply.steady(phase, at_ms)


@given(supply=st.sampled_from(SUPPLIES), at_ms=INSTANTS, span_ms=st.integers(1, 10 * DAY_MS))
def test_the_mean_of_the_integral_is_a_voltage(supply: Supply, at_ms: int, span_ms: int) -> None:
    low, high = supply.limits()
    mean = (supply.integral(0, at_ms + span_ms) - supply.integral(0, at_ms)) / span_ms
    assert low - 1 <= mean <= high + 1


@given(supply=st.sampled_from(SUPPLIES), at_ms=INSTANTS)
def test_phases_differ_by_no_more_than_is_told(supply: Supply, at_ms: int) -> None:
    volts = [supply.steady(phase, at_ms) for phase in range(3)]
    assert (max(volts) - min(volts)) * 1000 <= supply.spread() * min(volts) + 1000
    assert 49_900 <= supply.frequency_mhz(at_ms) <= 50_100


def test_outages_alternate_and_are_found_from_anywhere() -> None:
    grid = SUPPLIES[2]
    at_ms, found = START_MS, []
    while at_ms < START_MS + 60 * DAY_MS and (switch := grid.next_switch(at_ms)) is not None:
        found.append(switch)
        at_ms = switch.at_ms
    assert [switch.present for switch in found] == [bool(index % 2) for index in range(len(found))]
    assert 6 <= len(found) / 2 <= 40
    for before, after in itertools.pairwise(found):
        assert grid.next_switch((before.at_ms + after.at_ms) // 2) == after


def test_a_supply_without_outages_never_switches() -> None:
    assert all(each.next_switch(START_MS) is None for each in SUPPLIES[:2])


def test_a_single_phase_meter_has_one_curve() -> None:
    grid = supply({"grid": "urban"}, phases=1)
    assert isinstance(grid, GridSupply)
    assert len(grid.curves) == 1


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "no kind"),
        ({"constant": 230, "grid": "urban"}, "no kind"),
        ({"constant": 0}, "volts from 1"),
        ({"constant": "high"}, "volts from 1"),
        ({"grid": "moon"}, "urban, rural"),
        ({"grid": "urban", "outages_per_month": 99}, "0 to 30"),
        ({"grid": "urban", "outages": 1}, "outages"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(table: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        supply(table)
