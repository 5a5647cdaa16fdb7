"""The physical sections of a model: defaults, choices, and what is wrong told in a sentence."""

from dataclasses import fields
from typing import Any

import pytest

from protocols.model.physics import SECTIONS, BlockProfile, Events, Physics
from protocols.model.tariff import Season, SpecialDay


def test_an_empty_model_is_an_indian_single_phase_meter() -> None:
    physics = Physics.from_table({})
    assert physics.metering.phases == 1
    assert (physics.relay.control_mode, physics.relay.auto_reconnect, physics.relay.over_current_a) == (4, True, 63)
    assert physics.limiter.threshold_normal_w == 15_120 == 240 * 60 * 105 // 100
    assert physics.profiles.block_load == BlockProfile(period_s=900, entries=3360, outage="fill")
    assert (physics.events.occurrence_s, physics.events.restoration_s) == (180, 180)


def test_every_section_is_read() -> None:
    physics = Physics.from_table(
        {
            "physics": {"phases": 3, "rollover_kwh": 100_000},
            "relay": {"fitted": False},
            "limiter": {"fitted": False},
            "profiles": {
                "block_load": {"period_s": 1800},
                "daily_load": {"entries": 90},
                "billing": {"day": 5, "hour": 6},
            },
            "events": {"esw_filter": [0, 84]},
            "clock": {"zone": "Europe/Berlin", "deviation": "minus"},
            "tariff": {
                "name": "summer",
                "days": {"1": ["00:00 1", "06:00 2"]},
                "weeks": {"w": [1, 1, 1, 1, 1, 1, 1]},
                "seasons": [{"name": "s", "start": "04-01", "week": "w"}],
                "special_days": [{"date": "01-26", "day": 1}],
            },
            "power_failure": {"boot_ms": 0},
            "objects": {"anything": "else is not looked at"},
        }
    )
    assert physics.metering.phases == 3
    assert physics.profiles.billing.hour == 6
    assert physics.events.esw_filter == (0, 84)
    assert physics.tariff.days == {1: ("00:00 1", "06:00 2")}
    assert physics.tariff.seasons == (Season(name="s", start="04-01", week="w"),)
    assert physics.tariff.special_days == (SpecialDay(date="01-26", day=1),)


def test_sections_are_those_that_are_read() -> None:
    names = {each.name for each in fields(Physics)} - {"metering", "activations"} | {"physics"}
    assert set(SECTIONS) == names


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"relay": {"controlmode": 4}}, r"\[relay\] controlmode .* did you mean control_mode"),
        ({"relay": {"zzz": 4}}, r"known keys are fitted"),
        ({"relay": {"control_mode": 9}}, r"control_mode = 9: one of 0, 1"),
        ({"relay": {"fitted": 1}}, "true or false"),
        ({"relay": {"operating_ms": -1}}, "from 0 to 60000"),
        ({"relay": 4}, "table of keys"),
        ({"physics": {"phases": 2}}, "one of 1, 3"),
        ({"physics": {"demand_period_s": 700}}, "one of 60"),
        ({"physics": {"history_days": True}}, "whole number"),
        ({"profiles": {"block": {}}}, "did you mean block_load"),
        ({"profiles": {"block_load": {"outage": "forget"}}}, "'fill', 'skip'"),
        ({"profiles": {"billing": {"day": 32}}}, "from 0 to 31"),
        ({"events": {"esw_filter": [1, "a"]}}, "a list"),
        ({"events": {"esw_filter": [200]}}, "from 0 to 127"),
        ({"clock": {"zone": 5}}, "text"),
        ({"clock": {"drift_ppb": 10**9}}, "drift_ppb"),
        ({"tariff": {"days": {"1": "00:00 1"}}}, "a list"),
        ({"clock": {"zone": "Asia/Kolkatta"}}, r"\[clock\] zone = 'Asia/Kolkatta'"),
        ({"tariff": {"days": {"1": ["06:00 1"]}}}, r"\[tariff\] day profile 1: switches from 00:00 on"),
        ({"tariff": {"days": {"1": ["00:00 1", "25:00 2"]}}}, r"\[tariff.days\] '25:00'"),
        ({"tariff": {"days": {"1": [5]}}}, r"\[tariff.days\] 5: a time and a zone"),
        ({"tariff": {"weeks": {"w": [1, 1, 1, 1, 1, 1, 2]}}}, r"\[tariff\] week 'w': seven numbers"),
        ({"tariff": {"special_days": [{"date": "13-45", "day": 1}]}}, "a day of the year such as 04-01"),
        ({"tariff": {"seasons": [{"name": "s"}]}}, "needs the key start"),
        ({"tariff": {"seasons": [{"name": "s", "start": "04-01", "week": "w", "wek": 1}]}}, "did you mean week"),
        ({"power_failure": {"boot_ms": 10**9}}, "boot_ms"),
        ({"limiter": {"threshold_normal_w": -5}}, "from 0"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(table: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Physics.from_table(table)


def test_a_value_is_checked_however_it_is_made() -> None:
    with pytest.raises(ValueError, match="entries"):
        Events(entries=0)
