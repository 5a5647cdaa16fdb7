"""The limiter and the load-switch logic: trips, attempts, lock-out, and what they never do."""

from typing import Any

import pytest

from emulator.limiter import EmergencyProfile
from emulator.meter import Meter
from emulator.relay import ControlState
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, events, make


def limited(watts: int, *, relay: dict[str, Any] | None = None, **limiter: int) -> Meter:
    table = {
        "relay": relay or {},
        "limiter": {"threshold_normal_w": 5000, "min_over_threshold_duration_s": 60, **limiter},
    }
    return make(table, load={"constant": watts})


def switchings(meter: Meter, until_ms: int) -> list[tuple[int, int, str]]:
    """(seconds after the start, code, cause) of the control log."""
    return [((row.utc_ms - START_MS) // 1000, row.code, row.cause) for row in events(meter, "control", until_ms)]


def test_a_load_over_the_limit_trips_after_its_time() -> None:
    meter = limited(5001)
    assert switchings(meter, START_MS + 59_999) == []
    assert switchings(meter, START_MS + 60_000) == [(60, 301, "load_limit")]
    assert meter.value("active_power", START_MS + 61_000) == 0


def test_a_load_at_the_limit_does_not() -> None:
    assert switchings(limited(5000), START_MS + DAY_MS) == []


def test_attempts_and_lock_out_follow_the_model() -> None:
    meter = limited(9000, relay={"auto_reconnect_attempts": 2})
    rows = switchings(meter, START_MS + 2600_000)
    # Tripped after 60 s, two attempts after 300 s each, the lock-out of 1800 s after the third trip; then from anew.
    assert rows == [
        (60, 301, "load_limit"),
        (360, 302, "auto_reconnect"),
        (420, 301, "load_limit"),
        (720, 302, "auto_reconnect"),
        (780, 301, "load_limit"),
        (2580, 302, "auto_reconnect"),
    ]


def test_a_meter_that_waits_after_its_lock_out_stays_open_until_somebody_comes() -> None:
    meter = limited(9000, relay={"auto_reconnect_attempts": 0, "after_lock_out": "wait"})
    assert switchings(meter, START_MS + DAY_MS) == [(60, 301, "load_limit")]
    assert meter.relay.locked_out
    meter.set_load(START_MS + DAY_MS, {"constant": 100})
    assert meter.relay.remote_reconnect(START_MS + DAY_MS)
    assert meter.value("active_power", START_MS + DAY_MS + 1000) == 100_000
    assert not meter.relay.locked_out


def test_a_load_that_is_gone_ends_the_attempts() -> None:
    meter = limited(9000)
    meter.set_load(START_MS + 100_000, {"constant": 800})
    rows = switchings(meter, START_MS + DAY_MS)
    assert rows == [(60, 301, "load_limit"), (360, 302, "auto_reconnect")]
    assert meter.value("active_power", START_MS + DAY_MS) == 800_000


def test_without_the_deviation_a_mode_with_h_reconnects_when_under_for_long_enough() -> None:
    meter = limited(9000, relay={"auto_reconnect": False, "control_mode": 6}, min_under_threshold_duration_s=120)
    assert switchings(meter, START_MS + 180_000) == [(60, 301, "load_limit"), (180, 302, "auto_reconnect")]


def test_without_the_deviation_mode_4_stays_open() -> None:
    meter = limited(9000, relay={"auto_reconnect": False, "control_mode": 4})
    assert switchings(meter, START_MS + DAY_MS) == [(60, 301, "load_limit")]
    assert not meter.relay.remote_reconnect(START_MS + DAY_MS)
    assert meter.relay.manual_reconnect(START_MS + DAY_MS)


def test_the_limiter_never_reconnects_a_remote_cut() -> None:
    meter = limited(9000)
    meter.relay.remote_disconnect(START_MS + 30_000)
    assert switchings(meter, START_MS + DAY_MS) == [(30, 301, "remote")]
    tripped = limited(9000)
    tripped.relay.remote_disconnect(START_MS + 100_000)
    assert switchings(tripped, START_MS + DAY_MS) == [(60, 301, "load_limit")]
    assert tripped.relay.state is ControlState.DISCONNECTED


def test_over_current_trips_by_itself() -> None:
    meter = make(
        {"relay": {"over_current_a": 63, "over_current_s": 5}, "limiter": {"threshold_normal_w": 0}},
        load={"constant": 15_200},
    )
    assert switchings(meter, START_MS + 5000) == [(5, 301, "over_current")]


def test_mode_0_has_nothing_to_trip() -> None:
    meter = limited(9000, relay={"control_mode": 0})
    assert switchings(meter, START_MS + DAY_MS) == []
    assert meter.value("active_power", START_MS + DAY_MS) == 9_000_000


def test_writing_a_limit_takes_effect_at_once() -> None:
    meter = limited(3000)
    assert meter.configure("load_limit_w", 2000, START_MS + HOUR_MS)
    assert switchings(meter, START_MS + HOUR_MS + 60_000) == [(3660, 301, "load_limit")]
    assert meter.configure("over_threshold_duration_s", 10, START_MS + 2 * HOUR_MS)
    assert meter.parameter("over_threshold_duration_s") == 10


def test_the_emergency_threshold_comes_and_goes_by_the_clock() -> None:
    meter = limited(3000, threshold_emergency_w=1000)
    meter.set_emergency(START_MS, EmergencyProfile(7, START_MS + HOUR_MS, 1800))
    assert meter.value("load_limit", START_MS + HOUR_MS - 1) == 5_000_000
    assert meter.value("load_limit", START_MS + HOUR_MS) == 1_000_000
    assert switchings(meter, START_MS + HOUR_MS + 60_000)[0] == (3660, 301, "load_limit")
    assert meter.value("load_limit", START_MS + HOUR_MS + 1800_000) == 5_000_000


def test_a_trip_comes_even_when_the_threshold_changes_at_that_instant() -> None:
    meter = limited(9000, threshold_emergency_w=20_000)
    meter.set_emergency(START_MS, EmergencyProfile(0, START_MS + 60_000, 600))
    assert switchings(meter, START_MS + 60_000) == [(60, 301, "load_limit")]


def test_an_emergency_of_another_group_has_no_effect() -> None:
    meter = limited(3000, threshold_emergency_w=1000)
    meter.set_emergency(START_MS, EmergencyProfile(7, START_MS + HOUR_MS, 1800), (1, 2))
    assert meter.value("load_limit", START_MS + HOUR_MS + 1000) == 5_000_000
    meter.set_emergency(START_MS + 2 * HOUR_MS, None)
    assert meter.value("load_limit", START_MS + 3 * HOUR_MS) == 5_000_000


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_trips_come_at_the_same_instants_in_one_jump_and_in_many_steps(steps: int) -> None:
    meter = make({"limiter": {"threshold_normal_w": 900}}, load={"household": "urban"})
    end_ms = START_MS + 5 * DAY_MS
    for step in range(1, steps + 1):
        meter.advance(START_MS + 5 * DAY_MS * step // steps)
    other = make({"limiter": {"threshold_normal_w": 900}}, load={"household": "urban"})
    assert switchings(meter, end_ms) == switchings(other, end_ms)
    assert len(switchings(other, end_ms)) > 4
