"""Billing periods, demands and tariff zones."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from emulator.event.happening import Happening, Kind
from emulator.meter import Meter
from emulator.metering.tariff import Calendar
from emulator.timing.zone import zone
from protocols.model.physics import Physics
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, codes, make

MONTH_END_MS = START_MS + 4 * DAY_MS
"""Midnight of the first of November 2024, local time."""
COLUMNS = ["billing_date", "active_energy_import", "billing_tamper_count"]


def bills(meter: Meter, at_ms: int, columns: list[str] = COLUMNS) -> list[tuple[int, ...]]:
    return meter.history.rows("billing", at_ms, 1, meter.history.entries("billing", at_ms), columns)


def test_a_year_in_service_has_twelve_bills_and_the_period_that_runs() -> None:
    meter = make({"physics": {"history_days": 400}})
    found = bills(meter, START_MS)
    assert len(found) == 13
    assert meter.value("billing_count", START_MS) == 13
    dates = [datetime.fromtimestamp((row[0] + 19_800_000) / 1000, UTC) for row in found[:-1]]
    assert {(date.day, date.hour) for date in dates} == {(1, 0)}
    assert found[-1][0] == START_MS
    differences = {later[1] - earlier[1] for earlier, later in pairwise(found[:-1])}
    assert differences == {24_000_000 * days for days in (29, 30, 31)}


def test_the_end_of_a_month_closes_a_period() -> None:
    meter = make()
    told: list[Happening] = []
    meter.subscribe(told.append)
    assert len(bills(meter, MONTH_END_MS - 1)) == 1
    found = bills(meter, MONTH_END_MS)
    assert [row[0] for row in found] == [MONTH_END_MS, MONTH_END_MS]
    assert meter.value("billing_date", MONTH_END_MS) == MONTH_END_MS
    assert [each.at_ms for each in told if each.kind is Kind.BILL] == [MONTH_END_MS]
    assert meter.event_status_word(MONTH_END_MS) >> (127 - 87) & 1


def test_a_reset_by_command_closes_one_too_and_is_logged() -> None:
    meter = make()
    meter.billing_reset(START_MS + HOUR_MS)
    found = bills(meter, START_MS + 2 * HOUR_MS)
    assert [row[0] for row in found] == [START_MS + HOUR_MS, START_MS + 2 * HOUR_MS]
    assert codes(meter, "transaction", START_MS + 2 * HOUR_MS) == [166]
    assert meter.value("max_demand_active_import", START_MS + HOUR_MS + 1) == 0


def test_a_small_correction_does_not_close_a_period_twice() -> None:
    meter = make()
    meter.set_clock(MONTH_END_MS + 5000, MONTH_END_MS - 60_000)
    assert len(bills(meter, MONTH_END_MS + HOUR_MS)) == 2
    assert len(bills(meter, MONTH_END_MS + 40 * DAY_MS)) == 3


def test_a_clock_set_over_the_date_closes_the_period_then() -> None:
    meter = make()
    meter.set_clock(START_MS + HOUR_MS, MONTH_END_MS + 5 * DAY_MS)
    found = bills(meter, START_MS + HOUR_MS)
    assert [row[0] for row in found] == [MONTH_END_MS, MONTH_END_MS + 5 * DAY_MS]


def test_a_clock_that_was_far_ahead_and_comes_back_bills_again() -> None:
    meter = make()
    meter.set_clock(START_MS, START_MS + 4000 * DAY_MS)
    meter.set_clock(START_MS + HOUR_MS, START_MS + HOUR_MS)
    assert [row[0] for row in bills(meter, MONTH_END_MS)][-2:] == [MONTH_END_MS, MONTH_END_MS]


@pytest.mark.parametrize(("day", "expected"), [(31, (2024, 10, 31)), (5, (2024, 11, 5)), (30, (2024, 10, 30))])
def test_another_billing_day_counts_from_now(day: int, expected: tuple[int, int, int]) -> None:
    meter = make()
    assert meter.configure("billing_day", day, START_MS)
    stamp = bills(meter, START_MS + 20 * DAY_MS)[0][0]
    when = datetime.fromtimestamp((stamp + 19_800_000) / 1000, UTC)
    assert (when.year, when.month, when.day) == expected
    assert codes(meter, "transaction", START_MS) == [154]


def test_another_billing_hour_ends_the_period_then_and_is_logged_as_a_date() -> None:
    meter = make()
    assert meter.configure("billing_hour", 6, START_MS)
    assert meter.configure("billing_day", 5, START_MS)
    stamp = bills(meter, START_MS + 20 * DAY_MS)[0][0]
    when = datetime.fromtimestamp((stamp + 19_800_000) / 1000, UTC)
    assert (when.day, when.hour, when.minute) == (5, 6, 0)
    assert codes(meter, "transaction", START_MS) == [154, 154]
    assert not meter.configure("billing_hour", 24, START_MS)


def test_without_a_day_only_commands_close_periods() -> None:
    meter = make({"profiles": {"billing": {"day": 0}}})
    assert len(bills(meter, START_MS + 100 * DAY_MS)) == 1


def test_tampers_are_counted_by_period() -> None:
    meter = make()
    meter.set_input(START_MS, "magnet")
    meter.set_input(MONTH_END_MS + DAY_MS, "cover_open")
    found = bills(meter, MONTH_END_MS + 2 * DAY_MS)
    assert [row[2] for row in found] == [1, 1]
    assert meter.value("tamper_count", MONTH_END_MS + 2 * DAY_MS) == 2


def test_only_so_many_bills_are_kept_and_the_oldest_knows_its_beginning() -> None:
    meter = make({"profiles": {"billing": {"entries": 3}}, "physics": {"history_days": 200}})
    found = bills(meter, START_MS, ["billing_date", "billing_power_on_minutes"])
    assert [row[1] for row in found] == [31 * 1440, 30 * 1440, 27 * 1440]


# Demand


def test_maximum_demand_has_its_time_and_starts_again_with_the_period() -> None:
    meter = make({"physics": {"demand_period_s": 1800, "history_days": 0}}, load={"constant": 1000})
    meter.set_load(START_MS + HOUR_MS, {"constant": 3000, "power_factor": 0.75})
    meter.set_load(START_MS + 2 * HOUR_MS, {"constant": 200})
    at_ms = START_MS + 3 * HOUR_MS
    assert meter.value("max_demand_active_import", at_ms) == 3_000_000
    assert meter.value("max_demand_apparent_import", at_ms) == pytest.approx(4_000_000, abs=10)
    assert meter.value("max_demand_active_import_at", at_ms) == START_MS + HOUR_MS + 1_800_000
    assert meter.value("demand_active_import", at_ms) == 200_000
    later = MONTH_END_MS + HOUR_MS
    assert meter.value("max_demand_active_import", later) == 200_000
    row = bills(meter, later, ["max_demand_active_import", "max_demand_active_import_at"])[0]
    assert row == (3_000_000, START_MS + HOUR_MS + 1_800_000)


def test_a_sliding_demand_is_the_mean_of_several_periods() -> None:
    table = {"physics": {"demand_period_s": 300, "demand_periods": 3, "history_days": 0}}
    meter = make(table, load={"constant": 900})
    meter.set_load(START_MS + HOUR_MS, {"constant": 3000})
    demands = [meter.value("demand_active_import", START_MS + HOUR_MS + minutes * 60_000) for minutes in (0, 5, 10, 15)]
    assert demands == [900_000, 1_600_000, 2_300_000, 3_000_000]


def test_looking_in_the_middle_of_a_period_does_not_split_it() -> None:
    meter = make({"physics": {"demand_period_s": 1800, "history_days": 0}}, load={"constant": 100})
    meter.set_load(START_MS + HOUR_MS, {"constant": 4000})
    meter.value("max_demand_active_import", START_MS + HOUR_MS + 1_000_000)
    meter.set_load(START_MS + HOUR_MS + 1_800_000, {"constant": 100})
    assert meter.value("max_demand_active_import", START_MS + 3 * HOUR_MS) == 4_000_000


def test_demand_of_currents_and_of_export() -> None:
    meter = make({"physics": {"history_days": 0}}, load={"constant": -480})
    at_ms = START_MS + HOUR_MS
    assert meter.value("max_demand_active_export", at_ms) == 480_000
    assert meter.value("max_demand_active_import", at_ms) == 0
    assert meter.value("demand_current", at_ms) == 2000
    assert meter.value("max_demand_current_l1", at_ms) == 2000
    assert meter.value("max_demand_active", at_ms) == 480_000


def test_looking_often_finds_the_same_maximum_as_looking_once() -> None:
    often, once = (make(load={"household": "urban"}) for _ in range(2))
    for hour in range(0, 24 * 8, 5):
        often.value("max_demand_active_import", START_MS + hour * HOUR_MS)
    at_ms = START_MS + 8 * DAY_MS
    for name in ("max_demand_active_import", "max_demand_active_import_at", "max_demand_apparent_import"):
        assert often.value(name, at_ms) == once.value(name, at_ms)


# Tariff

TIME_OF_USE = {"tariff": {"days": {"1": ["00:00 1", "06:00 2", "18:00 3", "22:00 1"]}}}


def test_zones_share_the_register_out() -> None:
    meter = make({**TIME_OF_USE, "physics": {"history_days": 0}})
    at_ms = START_MS + DAY_MS
    assert [meter.value(f"active_energy_import_t{zone}", at_ms) for zone in (1, 2, 3, 4)] == [
        8_000_000,
        12_000_000,
        4_000_000,
        0,
    ]
    assert meter.value("tariff_zone", START_MS + 19 * HOUR_MS) == 3


def test_zones_have_maxima_of_their_own() -> None:
    meter = make({**TIME_OF_USE, "physics": {"history_days": 0}}, load={"constant": 100})
    meter.set_load(START_MS + 19 * HOUR_MS, {"constant": 700})
    meter.set_load(START_MS + 20 * HOUR_MS, {"constant": 100})
    at_ms = START_MS + DAY_MS
    found = [meter.value(f"max_demand_active_import_t{zone}", at_ms) for zone in (1, 2, 3, 4)]
    assert found == [100_000, 100_000, 700_000, 0]
    assert meter.value("max_demand_active_import_t3_at", at_ms) == START_MS + 19 * HOUR_MS + 1_800_000


def test_a_passive_calendar_becomes_active_at_its_time_or_on_command() -> None:
    meter = make({"physics": {"history_days": 0}})
    night = Calendar(name="night", days={1: ((0, 4),)})
    meter.set_passive_calendar(START_MS, night, START_MS + HOUR_MS)
    assert meter.value("tariff_zone", START_MS + HOUR_MS - 1) == 1
    assert meter.value("tariff_zone", START_MS + HOUR_MS) == 4
    assert meter.value("active_energy_import_t1", START_MS + 2 * HOUR_MS) == 1_000_000
    assert meter.value("active_energy_import_t4", START_MS + 2 * HOUR_MS) == 1_000_000
    assert codes(meter, "transaction", START_MS + 2 * HOUR_MS) == [155]
    other = make()
    assert not other.activate_calendar(START_MS)
    other.set_passive_calendar(START_MS, night)
    assert other.activate_calendar(START_MS)
    assert other.value("tariff_zone", START_MS) == 4


def test_seasons_weeks_and_special_days_choose_the_day() -> None:
    tariff = Physics.from_table(
        {
            "tariff": {
                "days": {"1": ["00:00 1"], "2": ["00:00 2"], "3": ["00:00 3"]},
                "weeks": {"summer": [1, 1, 1, 1, 1, 1, 2], "winter": [2, 2, 2, 2, 2, 2, 2]},
                "seasons": [
                    {"name": "s", "start": "04-01", "week": "summer"},
                    {"name": "w", "start": "10-01", "week": "winter"},
                ],
                "special_days": [{"date": "01-26", "day": 3}, {"date": "2024-08-15", "day": 3}],
            }
        }
    ).tariff
    calendar = Calendar.from_model(tariff)
    local = zone("Asia/Kolkata")

    def at(text: str) -> int:
        return calendar.zone(round(datetime.fromisoformat(f"{text}T12:00+05:30").timestamp() * 1000), local)

    expected = {"2024-05-04": 1, "2024-05-05": 2, "2024-12-02": 2, "2025-01-26": 3, "2024-08-15": 3, "2025-08-15": 1}
    assert {text: at(text) for text in expected} == expected


@pytest.mark.parametrize(
    ("tariff", "told"),
    [
        ({"days": {"1": ["06:00 2"]}}, "00:00"),
        ({"days": {"1": ["00:00 9"]}}, "1 to 8"),
        ({"days": {"1": ["24:00 1"]}}, "06:00"),
        ({"days": {"one": ["00:00 1"]}}, "whole number"),
        ({"weeks": {"w": [1, 1]}}, "seven"),
        ({"seasons": [{"name": "s", "start": "04-01", "week": "x"}]}, "season"),
        ({"weeks": {"w": [1] * 7}, "seasons": [{"name": "s", "start": "4.1.", "week": "w"}]}, "04-01"),
        ({"special_days": [{"date": "01-26", "day": 7}]}, "special day"),
    ],
)
def test_a_wrong_calendar_is_told_in_a_sentence(tariff: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Calendar.from_model(Physics.from_table({"tariff": tariff}).tariff)
