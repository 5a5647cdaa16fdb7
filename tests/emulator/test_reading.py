"""What a meter shows at an instant: every quantity, consistent with every other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.metering.quantities import QUANTITY_READERS
from emulator.parameter import PARAMETERS
from protocols.quantity import QUANTITIES
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, codes, make

THREE = {"physics": {"phases": 3, "history_days": 2}}


@pytest.mark.parametrize("phases", [1, 3])
def test_every_quantity_of_the_table_that_a_meter_can_have_is_an_integer(phases: int) -> None:
    meter = make(
        {"physics": {"phases": phases, "history_days": 2}}, load={"household": "urban"}, supply={"grid": "urban"}
    )
    for name in QUANTITY_READERS[phases]:
        assert isinstance(meter.value(name, START_MS + 5 * HOUR_MS), int), name
    missing = set(QUANTITIES) - set(QUANTITY_READERS[phases])
    assert all(phases == 1 and ("l2" in name or "l3" in name or name == "voltage_line") for name in missing)


def test_a_voltage_of_the_only_phase_is_the_voltage() -> None:
    meter = make(supply={"grid": "rural"})
    assert meter.value("voltage", START_MS) == meter.value("voltage_l1", START_MS)


@given(watts=st.integers(0, 14_000), factor=st.integers(300, 1000), lead=st.booleans(), phases=st.sampled_from([1, 3]))
def test_powers_currents_and_factors_agree(watts: int, factor: int, lead: bool, phases: int) -> None:  # noqa: FBT001 (drawn by name)
    load = {"constant": watts, "power_factor": factor / 1000, "lead": lead}
    meter = make({"physics": {"phases": phases, "history_days": 0}}, load=load)
    shown = {
        name: meter.value(name, START_MS)
        for name in ("active_power", "reactive_power", "apparent_power", "power_factor", "current", "voltage")
    }
    assert shown["active_power"] == pytest.approx(watts * 1000, abs=3)
    assert shown["apparent_power"] == pytest.approx(watts * 1_000_000 / factor, abs=20)
    square = math.hypot(shown["active_power"], shown["reactive_power"])
    assert square == pytest.approx(shown["apparent_power"], rel=1e-5, abs=10)
    if watts:
        # A watt over three phases is 333 mW each: the last digit of its factor is that of the rounded powers.
        step = 1 if watts < 10 else 0
        assert shown["power_factor"] == pytest.approx(-factor if lead and factor < 1000 else factor, abs=step)
    currents = [meter.value(f"current_l{phase}", START_MS) for phase in range(1, phases + 1)]
    assert sum(currents) * 240 == pytest.approx(shown["apparent_power"], abs=240 * phases)
    assert meter.value("load_limit", START_MS) == 15_120_000


def test_line_voltages_are_those_of_a_triangle() -> None:
    meter = make(THREE)
    assert meter.value("voltage_l1_l2", START_MS) == pytest.approx(240_000 * math.sqrt(3), abs=2)
    assert meter.value("voltage_line", START_MS) == pytest.approx(240_000 * math.sqrt(3), abs=2)


def test_phases_add_up_to_the_whole() -> None:
    meter = make(THREE, load={"household": "urban"}, supply={"grid": "urban"})
    for name in ("active_power", "reactive_power", "apparent_power"):
        parts = [meter.value(f"{name}_l{phase}", START_MS + HOUR_MS) for phase in (1, 2, 3)]
        assert sum(parts) == meter.value(name, START_MS + HOUR_MS)
    parts = [meter.value(f"active_energy_import_l{phase}", START_MS) for phase in (1, 2, 3)]
    assert 0 <= meter.value("active_energy_import", START_MS) - sum(parts) <= 300


def test_angles_follow_the_quadrant() -> None:
    def angle(watts: int, *, lead: bool) -> int:
        meter = make(load={"constant": watts, "power_factor": 0.8, "lead": lead})
        return meter.value("phase_angle", START_MS)

    assert angle(100, lead=False) == pytest.approx(36_870, abs=10)
    assert angle(100, lead=True) == pytest.approx(-36_870, abs=10)
    assert angle(-100, lead=False) == pytest.approx(143_130, abs=10)


def test_registers_start_again_from_zero() -> None:
    meter = make({"physics": {"rollover_kwh": 100, "history_days": 0}}, load={"constant": 10_000})
    assert meter.value("active_energy_import", START_MS + 9 * HOUR_MS) == 90_000_000
    assert meter.value("active_energy_import", START_MS + 10 * HOUR_MS) == 0
    blocks = meter.history.rows("block_load", START_MS + 11 * HOUR_MS, 40, 40, ["block_active_energy_import"])
    assert blocks == [(2_500_000,)]


def test_registers_move_in_steps() -> None:
    meter = make({"physics": {"register_resolution_mwh": 10_000, "history_days": 0}})
    assert {meter.value("active_energy_import", START_MS + second * 1000) for second in range(90)} == {
        0,
        10_000,
        20_000,
    }


@pytest.mark.parametrize(("method", "expected"), [("lag_lead", 1_250_000), ("lag", 1_000_000)])
def test_apparent_energy_follows_its_method(method: str, expected: int) -> None:
    lead = {"constant": 1000, "power_factor": 0.8, "lead": True}
    meter = make({"physics": {"apparent_energy": method, "history_days": 0}}, load=lead)
    assert meter.value("apparent_energy_import", START_MS + HOUR_MS) == expected
    assert meter.value("reactive_energy_q4", START_MS + HOUR_MS) == pytest.approx(750_000, abs=100)


def test_frequency_may_be_fixed() -> None:
    meter = make(supply={"grid": "urban"})
    assert 49_900 <= meter.value("frequency", START_MS) <= 50_100
    meter.set_frequency(START_MS, 48_750)
    assert meter.value("frequency", START_MS + HOUR_MS) == 48_750
    meter.set_frequency(START_MS + HOUR_MS, None)
    assert meter.value("frequency", START_MS + HOUR_MS) != 48_750


def test_a_flickering_household_is_not_the_same_for_a_quarter_of_an_hour() -> None:
    meter = make(load={"household": "urban"}, supply={"grid": "urban"})
    shown = {meter.value("active_power", START_MS + 19 * HOUR_MS + minute * 60_000) for minute in range(15)}
    assert len(shown) == 15


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_is_written_logged_and_counted(name: str) -> None:
    meter = make()
    value = {"block_period_s": 1800, "demand_period_s": 900}.get(name, 1)
    before = meter.value("programming_count", START_MS)
    assert meter.configure(name, value, START_MS)
    assert meter.parameter(name) == value
    assert meter.value("programming_count", START_MS) == before + 1
    assert len(codes(meter, "transaction", START_MS) or codes(meter, "other", START_MS)) == 1
    assert not meter.configure(name, -1, START_MS)
    assert not meter.configure("mood", 1, START_MS)
    with pytest.raises(KeyError):
        meter.parameter("mood")


def test_a_meter_without_a_switch_has_no_mode() -> None:
    meter = make({"relay": {"fitted": False}})
    assert not meter.configure("control_mode", 4, START_MS)
    assert not meter.relay.remote_disconnect(START_MS)


def test_the_same_seed_is_the_same_meter_and_another_is_not() -> None:
    def shown(seed: int, meter_id: str) -> tuple[int, ...]:
        meter = make(load={"household": "urban"}, supply={"grid": "urban"}, seed=seed, meter_id=meter_id)
        return tuple(meter.value(name, START_MS + DAY_MS) for name in ("active_energy_import", "voltage", "current"))

    assert shown(1, "A") == shown(1, "A")
    assert len({shown(1, "A"), shown(2, "A"), shown(1, "B")}) == 3


def test_a_question_about_the_past_is_answered_from_the_past() -> None:
    meter = make()
    meter.relay.remote_disconnect(START_MS + HOUR_MS)
    meter.advance(START_MS + DAY_MS)
    assert (
        meter.value("active_energy_import", START_MS + HOUR_MS // 2)
        == meter.value("active_energy_import", START_MS) + 500_000
    )
