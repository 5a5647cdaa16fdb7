"""Conditions: occurrence, restoration, persistence, codes, logs, status bits; all from one table."""

import pytest

from emulator.event.condition import CONDITIONS, INPUTS
from emulator.event.status_word import BITS, mask
from emulator.meter import Meter
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, codes, events, make

PERSISTENCE_MS = 180_000


def bit(meter: Meter, number: int, at_ms: int) -> bool:
    return bool(meter.event_status_word(at_ms) >> (BITS - 1 - number) & 1)


@pytest.mark.parametrize(
    "condition",
    [each for each in CONDITIONS if each.name in INPUTS and each.name != "switch_weld"],
    ids=lambda c: c.name,
)
def test_every_input_occurs_and_restores_after_its_persistence(condition: object) -> None:
    assert isinstance(condition, type(CONDITIONS[0]))
    meter = make({"physics": {"phases": condition.phases or 3, "history_days": 1}})
    meter.set_input(START_MS + 1000, condition.name)
    assert codes(meter, condition.log, START_MS + 1000 + PERSISTENCE_MS - 1) == []
    row = events(meter, condition.log, START_MS + 1000 + PERSISTENCE_MS)[0]
    assert (row.code, row.utc_ms) == (condition.occurrence, START_MS + 1000 + PERSISTENCE_MS)
    assert meter.value("tamper_count", START_MS + HOUR_MS) == int(condition.tamper)
    filtered = condition.bit is not None and bool(meter.esw_filter & mask((condition.bit,)))
    assert condition.bit is None or bit(meter, condition.bit, START_MS + HOUR_MS) is filtered
    meter.set_input(START_MS + HOUR_MS, condition.name, 0)
    expected = (
        [condition.occurrence] if condition.restoration is None else [condition.occurrence, condition.restoration]
    )
    assert codes(meter, condition.log, START_MS + HOUR_MS + PERSISTENCE_MS - 1) == [condition.occurrence]
    assert codes(meter, condition.log, START_MS + HOUR_MS + PERSISTENCE_MS) == expected
    if condition.restoration is not None and condition.bit is not None:
        assert not bit(meter, condition.bit, START_MS + HOUR_MS + PERSISTENCE_MS)


def test_what_does_not_last_is_not_logged() -> None:
    meter = make()
    for start_ms in range(START_MS, START_MS + HOUR_MS, 200_000):
        meter.set_input(start_ms, "magnet")
        meter.set_input(start_ms + PERSISTENCE_MS - 1, "magnet", 0)
    assert codes(meter, "other", START_MS + DAY_MS) == []


def test_a_restoration_that_does_not_last_is_not_logged() -> None:
    meter = make()
    meter.set_input(START_MS, "magnet")
    meter.set_input(START_MS + HOUR_MS, "magnet", 0)
    meter.set_input(START_MS + HOUR_MS + 100_000, "magnet")
    assert codes(meter, "other", START_MS + DAY_MS) == [201]


def test_another_happening_does_not_begin_a_persistence_anew() -> None:
    meter = make()
    meter.set_input(START_MS, "magnet")
    meter.set_voltage(START_MS + 50_000, 700)
    meter.set_load(START_MS + 100_000, {"constant": 500})
    meter.advance(START_MS + 150_000)
    assert codes(meter, "other", START_MS + PERSISTENCE_MS) == [201]
    assert codes(meter, "voltage", START_MS + 50_000 + PERSISTENCE_MS - 1) == []
    assert codes(meter, "voltage", START_MS + 50_000 + PERSISTENCE_MS) == [9]


def test_what_has_lasted_long_enough_counts_even_when_something_else_happens_at_that_instant() -> None:
    meter = make({"relay": {"operating_ms": 200}})
    meter.set_input(START_MS, "magnet")
    meter.relay.remote_disconnect(START_MS + PERSISTENCE_MS - 200)
    assert codes(meter, "other", START_MS + HOUR_MS) == [201]
    assert meter.value("tamper_count", START_MS + HOUR_MS) == 1


def test_codes_and_bits_are_each_used_once() -> None:
    occurrences = [condition.occurrence for condition in CONDITIONS]
    bits = [condition.bit for condition in CONDITIONS if condition.bit is not None]
    assert len(set(occurrences)) == len(occurrences)
    assert len(set(bits)) == len(bits)
    assert all(each.restoration in {None, each.occurrence + 1} for each in CONDITIONS)


@pytest.mark.parametrize(
    ("permille", "code", "back", "number"), [(1200, 7, 8, 3), (700, 9, 10, 4)], ids=["swell", "sag"]
)
def test_sag_and_swell_are_logged_with_what_was_measured(permille: int, code: int, back: int, number: int) -> None:
    meter = make()
    meter.set_voltage(START_MS, permille)
    row = events(meter, "voltage", START_MS + PERSISTENCE_MS)[0]
    assert row.code == code
    assert row.values["voltage"] == 240 * permille
    assert row.values["current"] == pytest.approx(1_000_000 * 1000 // (240 * permille), abs=1)
    assert row.values["power_factor"] == 1000
    assert row.values["active_energy_import"] == meter.value("active_energy_import", START_MS + PERSISTENCE_MS)
    assert bit(meter, number, START_MS + PERSISTENCE_MS)
    meter.set_voltage(START_MS + HOUR_MS, 1000)
    assert codes(meter, "voltage", START_MS + HOUR_MS + PERSISTENCE_MS) == [code, back]


def test_a_lost_phase_is_missing_and_not_low() -> None:
    meter = make({"physics": {"phases": 3, "history_days": 1}}, load={"constant": 3000, "shares": [400, 300, 300]})
    meter.set_voltage(START_MS, 0, phase=2)
    assert codes(meter, "voltage", START_MS + HOUR_MS) == [3]
    assert meter.value("active_power", START_MS + HOUR_MS) == 2_100_000
    assert meter.value("current_l2", START_MS + HOUR_MS) == 0
    assert meter.answers(START_MS + HOUR_MS)
    meter.set_voltage(START_MS + 2 * HOUR_MS, 1000, phase=2)
    assert codes(meter, "voltage", START_MS + 3 * HOUR_MS) == [3, 4]


def test_unbalanced_voltages_are_told() -> None:
    meter = make({"physics": {"phases": 3, "history_days": 1}})
    meter.set_voltage(START_MS, 850, phase=1)
    assert codes(meter, "voltage", START_MS + HOUR_MS) == [11]


def test_a_lost_phase_lets_the_neutral_current_grow() -> None:
    meter = make({"physics": {"phases": 3, "history_days": 1}}, load={"constant": 3000, "shares": [334, 333, 333]})
    assert meter.value("current_neutral", START_MS) < 20
    meter.set_voltage(START_MS, 0, phase=1)
    assert meter.value("current_neutral", START_MS) == pytest.approx(meter.value("current_l2", START_MS), rel=0.01)


def test_over_load_over_current_and_a_low_power_factor_are_judged_from_the_scene() -> None:
    quiet = {"relay": {"control_mode": 0}, "limiter": {"threshold_normal_w": 5000}}
    over = make(quiet, load={"constant": 17_000})
    assert codes(over, "current", START_MS + HOUR_MS) == [67]
    assert codes(over, "other", START_MS + HOUR_MS) == [215]
    low = make(quiet, load={"constant": 400, "power_factor": 0.4})
    assert codes(low, "other", START_MS + HOUR_MS) == [205]
    standby = make(quiet, load={"constant": 20, "power_factor": 0.3})
    assert codes(standby, "other", START_MS + HOUR_MS) == []


def test_current_unbalance_is_told_where_the_model_asks_for_it() -> None:
    table = {"physics": {"phases": 3, "history_days": 1}, "events": {"current_unbalance_permille": 300}}
    meter = make(table, load={"constant": 3000, "shares": [600, 200, 200]})
    assert codes(meter, "current", START_MS + HOUR_MS) == [63]


def test_a_bypass_takes_its_part_past_the_meter() -> None:
    meter = make()
    meter.set_input(START_MS, "bypass", 400)
    assert meter.value("active_power", START_MS) == 600_000
    before = meter.value("active_energy_import", START_MS)
    assert meter.value("active_energy_import", START_MS + HOUR_MS) - before == 600_000


def test_earth_load_and_a_missing_neutral_show_in_the_neutral_current() -> None:
    meter = make()
    assert meter.value("current_neutral", START_MS) == meter.value("current", START_MS)
    meter.set_input(START_MS, "earth_load", 250)
    assert meter.value("current_neutral", START_MS) == meter.value("current", START_MS) * 750 // 1000
    meter.set_input(START_MS + 1, "neutral_missing")
    assert meter.value("current_neutral", START_MS + 1) == 0


def test_a_reversed_current_counts_as_export_or_as_import_by_the_mode() -> None:
    both = make()
    both.set_input(START_MS, "reverse_current_l1")
    assert both.value("active_power", START_MS) == -1_000_000
    assert both.value("active_energy_export", START_MS + HOUR_MS) == 1_000_000
    forwarded = make({"physics": {"history_days": 0, "metering_mode": "forwarded_only"}}, load={"constant": -500})
    assert forwarded.value("active_power", START_MS) == 500_000
    assert forwarded.value("active_energy_import", START_MS + HOUR_MS) == 500_000
    assert forwarded.value("active_energy_export", START_MS + HOUR_MS) == 0


def test_a_power_failure_forgets_what_had_not_lasted_and_keeps_what_is_logged() -> None:
    meter = make()
    meter.set_input(START_MS, "magnet")
    meter.set_input(START_MS, "neutral_disturbance")
    meter.set_input(START_MS + 170_000, "neutral_disturbance", 0)
    meter.outage(START_MS + 175_000)
    meter.restore(START_MS + 176_000)
    ready_ms = START_MS + 176_000 + 3000
    assert codes(meter, "other", ready_ms + PERSISTENCE_MS - 1) == []
    assert codes(meter, "other", ready_ms + PERSISTENCE_MS) == [201]
    meter.outage(START_MS + HOUR_MS)
    meter.set_input(START_MS + HOUR_MS + 1000, "magnet", 0)
    meter.restore(START_MS + 2 * HOUR_MS)
    assert codes(meter, "other", START_MS + 3 * HOUR_MS) == [201, 202]


def test_logs_roll_over_and_one_does_not() -> None:
    meter = make({"events": {"entries": 3, "non_rollover_entries": 1}, "relay": {"auto_reconnect": False}})
    for index in range(4):
        meter.relay.remote_disconnect(START_MS + index * 10_000)
        meter.relay.remote_reconnect(START_MS + index * 10_000 + 5000)
    rows = events(meter, "control", START_MS + HOUR_MS)
    assert [row.sequence for row in rows] == [6, 7, 8]
    meter.set_input(START_MS + HOUR_MS, "cover_open")
    meter.relay.set_weld(START_MS + 2 * HOUR_MS, "closed")
    meter.relay.remote_disconnect(START_MS + 2 * HOUR_MS)
    assert codes(meter, "non_rollover", START_MS + 3 * HOUR_MS) == [251]
    assert meter.event_log.sequence("non_rollover") == 2


def test_the_filter_decides_what_shows() -> None:
    meter = make()
    meter.set_input(START_MS, "magnet")
    at_ms = START_MS + HOUR_MS
    assert bit(meter, 81, at_ms)
    assert meter.configure("esw_filter", 0, at_ms)
    assert meter.event_status_word(at_ms) == 0
    assert codes(meter, "transaction", at_ms) == [165]


def test_an_unknown_input_is_told_in_a_sentence() -> None:
    meter = make()
    with pytest.raises(ValueError, match="magnet"):
        meter.set_input(START_MS, "hammer")
    with pytest.raises(ValueError, match="0 to 1000"):
        meter.set_input(START_MS, "bypass", 2000)
    with pytest.raises(ValueError, match="phase 1 to 1"):
        meter.set_voltage(START_MS, 500, phase=2)
