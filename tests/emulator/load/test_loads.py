"""Loads: exact, monotonic, consistent with their own power, and told in a bench file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.load import Load, load_from_table
from emulator.load.base import PowerFactor
from emulator.load.constant import ConstantLoad
from emulator.timing.zone import zone
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS

KOLKATA = zone("Asia/Kolkata")


def load(**table: object) -> Load:
    return load_from_table(table, seed=42, meter_id="MB0001", phases=1, zone=KOLKATA)


LOADS = [
    load(constant=750, power_factor=0.9),
    load(constant=-2000, power_factor=0.95, lead=True),
    load(household="urban"),
    load(household="rural", size=3000),
    load(commercial="shop"),
    load(commercial="works"),
    load(solar="rooftop"),
]
INSTANTS = st.integers(START_MS - 400 * DAY_MS, START_MS + 400 * DAY_MS)


@given(load=st.sampled_from(LOADS), at_ms=INSTANTS, span_ms=st.integers(0, 40 * DAY_MS))
def test_no_energy_ever_falls(load: Load, at_ms: int, span_ms: int) -> None:
    before, after = load.cumulative(at_ms), load.cumulative(at_ms + span_ms)
    assert all(new >= old for old, new in zip(before, after, strict=True))


@given(load=st.sampled_from(LOADS), at_ms=INSTANTS)
def test_power_is_the_slope_of_energy(load: Load, at_ms: int) -> None:
    half_minute_ms = at_ms - at_ms % 30_000
    before, after = load.cumulative(half_minute_ms), load.cumulative(half_minute_ms + 30_000)
    power = load.power(half_minute_ms)
    net = (after[0] - before[0]) - (after[1] - before[1])
    assert abs(net - power.active_mw * 30) <= 60
    reactive = sum(new - old for old, new in zip(before[4:], after[4:], strict=True))
    assert abs(reactive - abs(power.reactive_mvar) * 30) <= 200


@given(load=st.sampled_from(LOADS), at_ms=INSTANTS)
def test_apparent_power_is_never_below_the_other_two(load: Load, at_ms: int) -> None:
    active, reactive, apparent = load.power(at_ms)
    assert (apparent + 2) ** 2 >= active**2 + reactive**2


@given(load=st.sampled_from(LOADS), at_ms=INSTANTS)
def test_what_is_steady_stays_until_the_next_change_and_below_the_ceiling(load: Load, at_ms: int) -> None:
    steady, change_ms = load.steady(at_ms), load.next_change(at_ms)
    if change_ms is not None:
        assert change_ms > at_ms
        assert load.steady(change_ms - 1) == steady
    ceiling, until_ms = load.ceiling(at_ms)
    assert steady.apparent_mva <= ceiling <= load.peak_mva()
    assert until_ms is None or until_ms > at_ms
    if until_ms is not None:
        assert load.steady(until_ms - 1).apparent_mva <= ceiling


def test_a_constant_load_of_500_watts_makes_half_a_kilowatt_hour_in_an_hour() -> None:
    before, after = (ConstantLoad(500).cumulative(at_ms) for at_ms in (START_MS, START_MS + HOUR_MS))
    assert [(new - old) / 3_600_000 for old, new in zip(before, after, strict=True)] == [500, 0, 500, 0, 0, 0, 0, 0]


def test_quadrants_follow_direction_and_lead() -> None:
    def moved(watts: int, *, lead: bool) -> list[int]:
        load = ConstantLoad(watts, PowerFactor.from_permille(800, leading=lead))
        energies = zip(load.cumulative(0), load.cumulative(HOUR_MS), strict=True)
        return [index for index, (old, new) in enumerate(energies) if new > old]

    assert moved(100, lead=False) == [0, 2, 4]
    assert moved(-100, lead=False) == [1, 3, 5]
    assert moved(-100, lead=True) == [1, 3, 6]
    assert moved(100, lead=True) == [0, 2, 7]


def test_a_roof_feeds_at_noon_and_draws_at_night() -> None:
    roof = load(solar="rooftop")
    assert roof.power(START_MS + 12 * HOUR_MS).active_mw < 0
    assert roof.power(START_MS + 21 * HOUR_MS).active_mw > 0


def test_a_small_load_has_the_worse_power_factor() -> None:
    household = load(household="urban")
    factors = sorted(
        (power.active_mw, power.active_mw * 1000 // power.apparent_mva)
        for power in (household.power(START_MS + hour * HOUR_MS) for hour in range(48))
    )
    assert factors[0][1] < factors[-1][1]
    assert household.least_power_factor(household.power(START_MS).apparent_mva) <= 1000


def test_three_phases_share_the_load() -> None:
    three = load_from_table({"commercial": "works"}, seed=42, meter_id="A", phases=3, zone=KOLKATA)
    assert len(three.shares) == 3
    assert sum(three.shares) == 1000
    given_shares = load_from_table(
        {"constant": 900, "shares": [500, 300, 200]}, seed=42, meter_id="A", phases=3, zone=KOLKATA
    )
    assert given_shares.shares == (500, 300, 200)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "one of constant"),
        ({"constant": 1, "household": "urban"}, "2 kinds"),
        ({"constant": 1, "watts": 3}, "watts is not a key"),
        ({"constant": "much"}, "whole watts"),
        ({"constant": True}, "whole watts"),
        ({"constant": 10, "power_factor": 1.5}, "at most 1"),
        ({"constant": 10, "lead": True}, "needs a power_factor"),
        ({"constant": 10, "power_factor": 0.9, "lead": "yes"}, "true or false"),
        ({"constant": 10, "shares": [500, 500]}, "make 1000"),
        ({"household": "palace"}, "urban, rural"),
        ({"household": "urban", "size": 0}, "thousandths"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(table: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_from_table(table, seed=42, meter_id="A", phases=1, zone=KOLKATA)


def test_a_recording_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.csv: can't be read"):
        load_from_table({"recorded": "none.csv"}, seed=1, meter_id="A", phases=1, zone=KOLKATA, directory=tmp_path)
