"""What is due when, in simulated time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.polling.schedule import DAY_MS, Priority, ReadPlan, Schedule, window_of
from tests.gateway.cores import NOW_MS

MINUTE_MS = 60_000
IST_MS = 19_800_000


def plan(**said: object) -> ReadPlan:
    return ReadPlan.model_validate(said)


def run(schedule: Schedule, from_ms: int, to_ms: int) -> list[tuple[int, str, str]]:
    """Everything due in a stretch, when it was due."""
    out = []
    while (wake := schedule.wake_ms()) is not None and wake <= to_ms:
        out += [(due.at_ms, due.meter, due.profile) for due in schedule.due(max(wake, from_ms))]
    return out


def test_a_period_alone_is_a_plan() -> None:
    assert ReadPlan.model_validate("15m") == plan(every="15m")


@pytest.mark.parametrize("wrong", [{"every": "0s"}, {"every": 15}, {"every": "1m", "window": "25:00-26:00"}, {}])
def test_a_wrong_plan_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        plan(**wrong)


def test_everything_is_read_soon_after_the_start_and_then_once_a_period() -> None:
    schedule = Schedule("gw1")
    schedule.put("MB1", {"instantaneous": plan(every="1m")}, NOW_MS)
    times = [at_ms for at_ms, _, _ in run(schedule, NOW_MS, NOW_MS + 60 * MINUTE_MS)]
    assert times[0] - NOW_MS < 6_000
    assert 59 <= len(times) <= 61
    assert {at_ms % MINUTE_MS for at_ms in times[1:]} == {times[1] % MINUTE_MS}


def test_a_history_is_read_soon_after_its_rows_are_made() -> None:
    schedule = Schedule("gw1")
    schedule.put("MB1", {"block_load": plan(every="15m")}, NOW_MS)
    times = [at_ms for at_ms, _, _ in run(schedule, NOW_MS, NOW_MS + 600 * MINUTE_MS)]
    assert all(at_ms % (15 * MINUTE_MS) < 90_000 for at_ms in times[1:])
    assert len({at_ms % (15 * MINUTE_MS) for at_ms in times[1:]}) > 20


def test_what_is_of_now_is_spread_over_the_whole_period() -> None:
    schedule = Schedule("gw1")
    for number in range(600):
        schedule.put(f"MB{number}", {"instantaneous": plan(every="1m")}, NOW_MS)
    run(schedule, NOW_MS, NOW_MS + 10_000)
    times = [at_ms for at_ms, _, _ in run(schedule, NOW_MS, NOW_MS + 10 * MINUTE_MS) if at_ms > NOW_MS + 5 * MINUTE_MS]
    seconds = [sum(1 for at_ms in times if at_ms // 1000 % 60 == second) for second in range(60)]
    assert min(seconds) > 0
    assert max(seconds) < 5 * len(times) / 60


def test_meters_do_not_ask_at_the_same_instant_and_each_asks_at_its_own() -> None:
    def times() -> list[tuple[int, str, str]]:
        schedule = Schedule("gw1")
        for number in range(100):
            schedule.put(f"MB{number}", {"block_load": plan(every="15m")}, NOW_MS)
        return run(schedule, NOW_MS, NOW_MS + 20 * MINUTE_MS)

    first = times()
    assert first == times()
    assert len({at_ms for at_ms, _, _ in first}) > 150


def test_what_was_missed_comes_once() -> None:
    schedule = Schedule("gw1")
    schedule.put("MB1", {"instantaneous": plan(every="1m")}, NOW_MS)
    due = schedule.due(NOW_MS + DAY_MS)
    assert len(due) == 1
    assert (schedule.wake_ms() or 0) > NOW_MS + DAY_MS


def test_a_read_past_its_deadline_is_left_out() -> None:
    schedule = Schedule("gw1")
    schedule.put("MB1", {"instantaneous": plan(every="1m", deadline="30s")}, NOW_MS)
    assert schedule.due(NOW_MS + 10 * MINUTE_MS) == []
    wake = schedule.wake_ms()
    assert wake is not None
    (due,) = schedule.due(wake + 1_000)
    assert due.deadline_ms == due.at_ms + 30_000


def test_outside_its_window_a_read_waits_for_the_next_one() -> None:
    schedule = Schedule("gw1", IST_MS)
    schedule.put("MB1", {"daily_load": plan(every="1d", window="00:10-06:00")}, NOW_MS)
    for at_ms, _, _ in run(schedule, NOW_MS, NOW_MS + 10 * DAY_MS):
        local = datetime.fromtimestamp((at_ms + IST_MS) / 1000, UTC)
        assert (0, 10) <= (local.hour, local.minute) < (6, 0)


def test_days_begin_at_midnight_of_the_meter() -> None:
    schedule = Schedule("gw1", IST_MS)
    schedule.put("MB1", {"daily_load": plan(every="1d", jitter="0s")}, NOW_MS)
    times = [at_ms for at_ms, _, _ in run(schedule, NOW_MS, NOW_MS + 3 * DAY_MS)]
    assert all((at_ms + IST_MS) % DAY_MS == 0 for at_ms in times[1:])


def test_priorities_are_those_of_the_profiles() -> None:
    schedule = Schedule("gw1")
    profiles = ("instantaneous", "block_load", "daily_load", "events", "nameplate")
    schedule.put("MB1", {name: plan(every="1m", jitter="0s") for name in profiles}, NOW_MS)
    found = {due.profile: due.priority for due in schedule.due(NOW_MS + 10_000)}
    assert sorted(found, key=lambda name: (found[name], name)) == [
        "events", "daily_load", "block_load", "instantaneous", "nameplate",
    ]  # fmt: skip
    assert max(Priority.COMMAND, Priority.ON_DEMAND) < min(found.values())


def test_a_meter_whose_plan_did_not_change_keeps_its_next_read_and_a_removed_one_has_none() -> None:
    schedule = Schedule("gw1")
    plans = {"instantaneous": plan(every="1m")}
    schedule.put("MB1", plans, NOW_MS)
    schedule.due(NOW_MS + 30_000)
    wake = schedule.wake_ms()
    schedule.put("MB1", plans, NOW_MS + 31_000)
    assert schedule.wake_ms() == wake
    schedule.remove("MB1")
    assert schedule.due(NOW_MS + DAY_MS) == []
    schedule.put("MB1", plans, NOW_MS + DAY_MS)
    schedule.put("MB1", {}, NOW_MS + DAY_MS)
    assert schedule.due(NOW_MS + 2 * DAY_MS) == []


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59))
def test_a_window_has_a_beginning_and_a_length_within_a_day(h1: int, m1: int, h2: int, m2: int) -> None:
    start, length = window_of(f"{h1:02}:{m1:02}-{h2:02}:{m2:02}")
    assert 0 <= start < DAY_MS
    assert 0 < length <= DAY_MS
    assert (start + length) % DAY_MS == (h2 * 60 + m2) * MINUTE_MS % DAY_MS
