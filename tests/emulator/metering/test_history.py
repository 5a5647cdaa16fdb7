"""Profiles: depth, stamps, ranges, what clock changes, outages and other periods do to rows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.meter import Meter
from emulator.metering.history import CLOCK_CHANGED, NO_SUPPLY, SWITCH_OPEN
from tests.emulator.meters import BLOCK, DAY_MS, HOUR_MS, START_MS, make

QUARTER_MS = 900_000


def rows(meter: Meter, profile: str, at_ms: int, columns: list[str]) -> list[tuple[int, ...]]:
    return meter.history.rows(profile, at_ms, 1, meter.history.entries(profile, at_ms), columns)


def stamps(meter: Meter, profile: str, at_ms: int) -> list[int]:
    return [row[0] for row in rows(meter, profile, at_ms, ["clock"])]


def test_a_meter_in_service_for_long_holds_as_many_rows_as_its_profiles_are_deep() -> None:
    meter = make({"physics": {"history_days": 100}})
    assert meter.history.entries("block_load", START_MS) == 3360
    assert meter.history.entries("daily_load", START_MS) == 70
    first, last = meter.history.rows("block_load", START_MS, 1, 1, ["clock"]), stamps(meter, "block_load", START_MS)[-1]
    assert first == [(START_MS - 3359 * QUARTER_MS,)]
    assert last == START_MS


def test_rows_are_stamped_at_the_end_of_their_interval() -> None:
    meter = make()
    assert stamps(meter, "block_load", START_MS + QUARTER_MS - 1)[-1] == START_MS
    assert stamps(meter, "block_load", START_MS + QUARTER_MS)[-1] == START_MS + QUARTER_MS
    assert stamps(meter, "daily_load", START_MS + DAY_MS)[-1] == START_MS + DAY_MS
    assert (START_MS + 19_800_000) % DAY_MS == 0


def test_a_constant_load_makes_equal_blocks() -> None:
    meter = make(load={"constant": 800, "power_factor": 0.8})
    columns = [
        "block_active_energy_import",
        "block_apparent_energy_import",
        "block_active_energy_export",
        "average_voltage",
        "average_current",
        "average_current_neutral",
        "average_power_factor",
        "block_reactive_energy_q1",
        "meter_health",
    ]
    expected = (200_000, 250_000, 0, 240_000, 4166, 4166, 800, 150_000, 0)
    for row in rows(meter, "block_load", START_MS, columns):
        assert row == pytest.approx(expected, abs=100)


def test_a_row_says_what_was_so_for_a_part_of_it() -> None:
    meter = make()
    meter.outage(START_MS + 60_000)
    meter.restore(START_MS + 120_000)
    meter.relay.remote_disconnect(START_MS + QUARTER_MS + 60_000)
    meter.relay.remote_reconnect(START_MS + QUARTER_MS + 120_000)
    meter.set_clock(START_MS + 2 * QUARTER_MS + 60_000, START_MS + 2 * QUARTER_MS + 61_000)
    health = [row[0] for row in rows(meter, "block_load", START_MS + 4 * QUARTER_MS, ["meter_health"])]
    assert health[-4:] == [NO_SUPPLY, SWITCH_OPEN, CLOCK_CHANGED, 0]


def test_voltage_is_the_mean_over_the_time_with_supply() -> None:
    meter = make()
    meter.outage(START_MS)
    meter.restore(START_MS + QUARTER_MS // 2)
    assert rows(meter, "block_load", START_MS + QUARTER_MS, ["average_voltage"])[-1] == (240_000,)
    meter.set_voltage(START_MS + QUARTER_MS, 900)
    assert rows(meter, "block_load", START_MS + 2 * QUARTER_MS, ["average_voltage"])[-1] == (216_000,)


@pytest.mark.parametrize(("outage", "made"), [("fill", 8), ("skip", 4)])
def test_intervals_without_supply_leave_a_row_or_none(outage: str, made: int) -> None:
    meter = make({"profiles": {"block_load": {"outage": outage}}})
    before = meter.history.entries("block_load", START_MS)
    meter.outage(START_MS + 1000)
    meter.restore(START_MS + HOUR_MS + 1000)
    found = rows(meter, "block_load", START_MS + 2 * HOUR_MS, BLOCK)[before:]
    assert len(found) == made
    assert sum(row[1] for row in found) == pytest.approx(1_000_000, abs=1000)
    if outage == "fill":
        assert [row[1] for row in found[1:4]] == [0, 0, 0]


def test_a_clock_set_back_passes_stamps_again_and_rows_still_add_up() -> None:
    meter = make()
    before = meter.history.entries("block_load", START_MS)
    meter.set_clock(START_MS + HOUR_MS + 60_000, START_MS + 60_000)
    found = rows(meter, "block_load", START_MS + 2 * HOUR_MS + 1, BLOCK)[before:]
    offsets = [(row[0] - START_MS) // QUARTER_MS for row in found]
    assert offsets == [1, 2, 3, 4, 1, 2, 3, 4]
    # The block that was running goes on to the next instant passed: its minute, and the fourteen that follow.
    assert found[4][1] == 250_000
    assert sum(row[1] for row in found) == 2_000_000


def test_a_clock_set_forward_leaves_stamps_out_and_loses_nothing() -> None:
    meter = make()
    before = meter.history.entries("block_load", START_MS)
    meter.set_clock(START_MS + 60_000, START_MS + DAY_MS + 60_000)
    found = rows(meter, "block_load", START_MS + QUARTER_MS, BLOCK)[before:]
    assert [row[0] for row in found] == [START_MS + DAY_MS + QUARTER_MS]
    assert found[0][1] == 250_000
    assert stamps(meter, "daily_load", START_MS + HOUR_MS)[-1] == START_MS


def test_a_clock_set_exactly_to_an_instant_passes_it() -> None:
    meter = make()
    meter.set_clock(START_MS + 60_000, START_MS + HOUR_MS)
    assert stamps(meter, "block_load", START_MS + 60_000)[-1] == START_MS + HOUR_MS


def test_find_gives_rows_by_their_stamps() -> None:
    meter = make()
    history = meter.history
    count = history.entries("block_load", START_MS)
    assert history.find("block_load", START_MS, START_MS - HOUR_MS, START_MS) == (count - 4, count)
    assert history.find("block_load", START_MS, START_MS - HOUR_MS + 1, START_MS - 1) == (count - 3, count - 1)
    assert history.find("block_load", START_MS, START_MS + 1, START_MS + DAY_MS) == (1, 0)
    assert history.find("block_load", START_MS, 0, START_MS - 100 * DAY_MS) == (1, 0)
    assert history.find("daily_load", START_MS, START_MS - DAY_MS, START_MS) == (2, 3)
    assert history.find("billing", START_MS, START_MS, START_MS) == (1, 1)


@given(low=st.integers(-400, 100), span=st.integers(0, 500))
def test_find_agrees_with_looking_at_every_row(low: int, span: int) -> None:
    meter = make({"profiles": {"block_load": {"entries": 200}}})
    at_ms = START_MS + 777_000
    from_ms, to_ms = START_MS + low * 300_000, START_MS + (low + span) * 300_000
    within = [
        number for number, stamp in enumerate(stamps(meter, "block_load", at_ms), start=1) if from_ms <= stamp <= to_ms
    ]
    assert meter.history.find("block_load", at_ms, from_ms, to_ms) == ((within[0], within[-1]) if within else (1, 0))


@given(first=st.integers(1, 250), length=st.integers(0, 60))
def test_some_rows_are_those_of_all_rows(first: int, length: int) -> None:
    meter = make({"profiles": {"block_load": {"entries": 200}}}, load={"household": "urban"})
    every = rows(meter, "block_load", START_MS, BLOCK)
    assert (
        meter.history.rows("block_load", START_MS, first, first + length - 1, BLOCK)
        == every[first - 1 : first + length - 1]
    )


def test_a_range_may_be_all_of_time() -> None:
    for local in ("Asia/Kolkata", "Europe/Berlin"):
        meter = make({"clock": {"zone": local}})
        for profile in ("block_load", "daily_load"):
            count = meter.history.entries(profile, START_MS)
            assert meter.history.find(profile, START_MS, -(10**14), 10**15) == (1, count)
            assert meter.history.find(profile, START_MS, 10**15, 10**16) == (1, 0)


@pytest.mark.parametrize("utc_ms", [-(10**14), 0, 10**15])
def test_a_time_that_no_clock_can_show_is_refused(utc_ms: int) -> None:
    meter = make()
    assert not meter.clock.accepts(utc_ms)
    meter.set_clock(START_MS, utc_ms)
    assert meter.value("clock", START_MS) == START_MS
    assert meter.value("programming_count", START_MS) == 0


@pytest.mark.parametrize("utc_ms", [946_684_800_000, 4_102_444_799_999])
def test_the_first_and_the_last_instant_of_a_clock_are_lived_through(utc_ms: int) -> None:
    meter = make({"tariff": {"days": {"1": ["00:00 1", "12:00 2"]}}})
    meter.set_clock(START_MS, utc_ms)
    assert meter.value("active_energy_import_t1", START_MS + 100 * DAY_MS) > 0
    assert meter.history.entries("billing", START_MS + 100 * DAY_MS) > 3


def test_another_capture_period_begins_now_and_rewrites_nothing() -> None:
    meter = make()
    old = rows(meter, "block_load", START_MS + HOUR_MS, BLOCK)
    assert meter.configure("block_period_s", 3600, START_MS + HOUR_MS + 1000)
    new = rows(meter, "block_load", START_MS + 4 * HOUR_MS, BLOCK)
    assert new[: len(old)] == old
    assert [(row[0] - START_MS) // HOUR_MS for row in new[len(old) :]] == [2, 3, 4]
    assert not meter.configure("block_period_s", 1234, START_MS + 4 * HOUR_MS)


def test_a_new_load_rewrites_nothing() -> None:
    meter = make(load={"household": "urban"})
    old = rows(meter, "block_load", START_MS + HOUR_MS, BLOCK)
    meter.set_load(START_MS + HOUR_MS, {"constant": 5000})
    assert rows(meter, "block_load", START_MS + 2 * HOUR_MS, BLOCK)[: len(old)] == old


def test_a_cleared_profile_begins_anew() -> None:
    meter = make()
    meter.clear_profile("block_load", START_MS + 1000)
    assert meter.history.entries("block_load", START_MS + 1000) == 0
    assert stamps(meter, "block_load", START_MS + HOUR_MS) == [START_MS + index * QUARTER_MS for index in (1, 2, 3, 4)]
    assert meter.history.entries("daily_load", START_MS + HOUR_MS) == 3


def test_daily_rows_hold_registers_and_the_days_maximum() -> None:
    meter = make(load={"household": "urban"})
    found = rows(meter, "daily_load", START_MS, ["clock", "active_energy_import", "max_demand_active_import"])
    assert [row[1] for row in found] == sorted(row[1] for row in found)
    assert all(0 < row[2] < 5_000_000 for row in found)


def test_a_drifting_clock_makes_its_own_quarters_of_an_hour() -> None:
    meter = make({"clock": {"drift_ppb": -1_000_000}})
    at_ms = START_MS + 10 * DAY_MS
    last = rows(meter, "block_load", at_ms, BLOCK)[-1]
    assert last[0] % QUARTER_MS == 0
    assert meter.clock.meter_ms(at_ms) == at_ms - 864_000
    assert last[1] == pytest.approx(250_250, abs=100)


def test_a_column_that_is_not_held_is_a_key_error() -> None:
    meter = make()
    with pytest.raises(KeyError):
        meter.history.rows("block_load", START_MS, 1, 1, ["average_mood"])
    with pytest.raises(KeyError):
        meter.value("mood", START_MS)


def test_midnight_follows_daylight_saving() -> None:
    meter = make({"clock": {"zone": "Europe/Berlin"}}, start_ms=1_730_160_000_000)
    found = stamps(meter, "daily_load", 1_730_160_000_000)
    assert [later - earlier for earlier, later in pairwise(found)] == [DAY_MS + HOUR_MS, DAY_MS]


def test_a_meter_with_too_much_to_remember_forgets_the_oldest_and_keeps_its_registers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {"tariff": {"days": {"1": ["00:00 1", "06:00 2"]}}}
    remembers, forgets = make(table), make(table)
    for meter, most in ((remembers, 20_000), (forgets, 40)):
        monkeypatch.setattr("emulator.memory.SCENES_MAX", most)
        for index in range(60):
            meter.set_voltage(START_MS + index * HOUR_MS, 900 + index % 2)
        meter.billing_reset(START_MS + 59 * HOUR_MS + 1)
    at_ms = START_MS + 60 * HOUR_MS
    assert len(forgets.ledger.segments) <= 40 < len(remembers.ledger.segments)
    for name in ("active_energy_import", "active_energy_import_t1", "active_energy_import_t2", "power_on_minutes"):
        assert forgets.value(name, at_ms) == remembers.value(name, at_ms)
    columns = ["clock", "block_active_energy_import", "average_voltage"]
    kept = rows(forgets, "block_load", at_ms, columns)
    assert kept[1:] == rows(remembers, "block_load", at_ms, columns)[-len(kept) + 1 :]
    assert len(kept) < len(rows(remembers, "block_load", at_ms, columns))
    assert rows(forgets, "billing", at_ms, ["active_energy_import"]) == rows(
        remembers, "billing", at_ms, ["active_energy_import"]
    )


def test_a_clock_that_is_set_for_ever_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"tariff": {"days": {"1": ["00:00 1", "06:00 2"]}}}
    remembers, forgets = make(table), make(table)
    for meter, most in ((remembers, 20_000), (forgets, 40)):
        monkeypatch.setattr("emulator.memory.COURSES_MAX", most)
        for index in range(60):
            at_ms = START_MS + index * HOUR_MS
            meter.shift_clock(at_ms, 1000 if index % 2 else -1000)
            meter.configure("block_period_s", (900, 1800)[index % 2], at_ms + 1)
    at_ms = START_MS + 60 * HOUR_MS
    assert max(len(forgets.clock.segments), len(forgets.block_periods)) <= 40 < len(remembers.clock.segments)
    for name in ("active_energy_import", "active_energy_import_t1", "active_energy_import_t2", "clock"):
        assert forgets.value(name, at_ms) == remembers.value(name, at_ms)
    columns = ["clock", "block_active_energy_import", "average_voltage"]
    kept = rows(forgets, "block_load", at_ms, columns)
    assert kept[1:] == rows(remembers, "block_load", at_ms, columns)[-len(kept) + 1 :]
