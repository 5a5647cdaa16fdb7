"""A power failure: what survives, what is lost, and when the meter answers again."""

import pytest

from emulator.event.happening import Happening, Kind
from emulator.timing.clock import STATUS_DOUBTFUL
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, codes, events, make


def test_registers_and_logs_survive_and_the_meter_boots() -> None:
    meter = make({"power_failure": {"boot_ms": 4000}})
    before = meter.value("active_energy_import", START_MS + HOUR_MS)
    meter.outage(START_MS + HOUR_MS)
    assert not meter.answers(START_MS + HOUR_MS)
    for name in ("voltage", "current", "active_power", "frequency"):
        assert meter.value(name, START_MS + 2 * HOUR_MS) == 0
    assert meter.value("active_energy_import", START_MS + 2 * HOUR_MS) == before
    meter.restore(START_MS + 3 * HOUR_MS)
    assert not meter.answers(START_MS + 3 * HOUR_MS + 3999)
    assert meter.answers(START_MS + 3 * HOUR_MS + 4000)
    assert [row.code for row in events(meter, "power", START_MS + 4 * HOUR_MS)] == [101, 102]
    assert meter.value("power_failure_count", START_MS + 4 * HOUR_MS) == 1
    # Supply is back before the meter answers: what flows while it boots is counted.
    assert meter.value("active_energy_import", START_MS + 4 * HOUR_MS) == before + 1_000_000


def test_time_with_and_without_supply_adds_up() -> None:
    meter = make()
    meter.outage(START_MS + HOUR_MS)
    meter.restore(START_MS + 3 * HOUR_MS)
    at_ms = START_MS + DAY_MS
    assert meter.value("power_off_minutes", at_ms) == 120
    assert meter.value("power_on_minutes", at_ms) + 120 == (at_ms - meter.installed_ms) // 60_000
    assert meter.history.rows("billing", at_ms, 1, 1, ["billing_power_on_minutes"]) == [(4 * 24 * 60 - 120,)]


def test_last_gasp_and_first_breath_show_and_are_told() -> None:
    meter = make()
    told: list[Happening] = []
    meter.subscribe(told.append)
    meter.outage(START_MS)
    assert meter.event_status_word(START_MS) >> (127 - 85) & 1
    meter.restore(START_MS + HOUR_MS)
    assert meter.event_status_word(START_MS + HOUR_MS) >> (127 - 86) & 1
    meter.advance(START_MS + 2 * HOUR_MS)
    assert [each.kind for each in told if each.kind is not Kind.EVENT] == [
        Kind.POWER_FAILED,
        Kind.POWER_RESTORED,
        Kind.READY,
    ]


def test_a_clock_with_a_battery_runs_on() -> None:
    meter = make()
    meter.outage(START_MS)
    meter.restore(START_MS + HOUR_MS)
    assert meter.clock.reading(START_MS + HOUR_MS) == (START_MS + HOUR_MS, 330, False, 0)


def test_a_clock_without_a_battery_stands_still_and_says_so_until_it_is_set() -> None:
    meter = make({"clock": {"backup": "none"}})
    meter.outage(START_MS + 60_000)
    meter.restore(START_MS + HOUR_MS)
    reading = meter.clock.reading(START_MS + HOUR_MS + 5000)
    assert reading.utc_ms == START_MS + 65_000
    assert reading.status & STATUS_DOUBTFUL
    meter.set_clock(START_MS + 2 * HOUR_MS, START_MS + 2 * HOUR_MS)
    assert meter.clock.reading(START_MS + 2 * HOUR_MS).status == 0


def test_a_three_phase_meter_runs_on_one_phase() -> None:
    meter = make({"physics": {"phases": 3, "history_days": 1}})
    meter.set_voltage(START_MS, 0, phase=1)
    meter.set_voltage(START_MS, 0, phase=2)
    assert meter.answers(START_MS)
    meter.set_voltage(START_MS, 0, phase=3)
    assert not meter.answers(START_MS)
    assert codes(meter, "power", START_MS) == [101]


def test_an_outage_of_an_outage_changes_nothing() -> None:
    meter = make()
    meter.outage(START_MS)
    meter.outage(START_MS + 1000)
    meter.restore(START_MS + 2000)
    meter.restore(START_MS + 3000)
    assert codes(meter, "power", START_MS + HOUR_MS) == [101, 102]


def test_a_grid_has_outages_of_its_own_and_the_same_ones_always() -> None:
    def failures(steps: int) -> list[int]:
        meter = make(supply={"grid": "rural", "outages_per_month": 20})
        for step in range(1, steps + 1):
            meter.advance(START_MS + 30 * DAY_MS * step // steps)
        return [row.utc_ms for row in events(meter, "power", START_MS + 30 * DAY_MS)]

    found = failures(1)
    assert len(found) > 10
    assert found == failures(31)
    assert found == sorted(found)


def test_what_was_due_while_dark_is_done_after_booting() -> None:
    meter = make({"limiter": {"threshold_normal_w": 500}})
    meter.advance(START_MS + 61_000)
    assert codes(meter, "control", START_MS + 61_000) == [301]
    meter.outage(START_MS + 120_000)
    meter.restore(START_MS + HOUR_MS)
    assert codes(meter, "control", START_MS + HOUR_MS + 2999) == [301]
    assert codes(meter, "control", START_MS + HOUR_MS + 3000) == [301, 302]


@pytest.mark.parametrize("load", [{"household": "urban"}, {"constant": 1234}])
def test_an_outage_takes_exactly_its_energy(load: dict[str, object]) -> None:
    dark, lit = (
        make({"physics": {"register_resolution_mwh": 1}}, load=load),
        make({"physics": {"register_resolution_mwh": 1}}, load=load),
    )
    begin_ms, end_ms = START_MS + 7 * HOUR_MS, START_MS + 9 * HOUR_MS
    dark.outage(begin_ms)
    dark.restore(end_ms)
    missing = lit.value("active_energy_import", end_ms) - lit.value("active_energy_import", begin_ms)
    at_ms = START_MS + DAY_MS
    difference = lit.value("active_energy_import", at_ms) - dark.value("active_energy_import", at_ms)
    assert abs(difference - missing) <= 2
