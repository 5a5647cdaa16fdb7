"""Dates and times with wildcards: they come when the calendar says, both ways, and windows open where they begin."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.timing.recurrence import Recurrence, Window, first_open
from emulator.timing.zone import zone
from protocols.dlms.date_time import LAST_DAY, SECOND_LAST_DAY, Date, DateTime, Time

INDIA = zone("Asia/Kolkata")
BERLIN = zone("Europe/Berlin")
START_MS = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30, a Monday."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

hours = st.none() | st.integers(0, 23)
minutes = st.none() | st.integers(0, 59)
times = st.builds(Time, hours, minutes, st.none() | st.integers(0, 59), st.none() | st.integers(0, 99))
dates = st.builds(
    Date,
    st.none() | st.integers(2024, 2026),
    st.none() | st.integers(1, 12),
    st.none() | st.integers(1, 28) | st.sampled_from((LAST_DAY, SECOND_LAST_DAY)),
    st.none() | st.integers(1, 7),
)
instants = st.integers(START_MS, START_MS + 400 * DAY_MS)


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def said(instant: int | None) -> str | None:
    return None if instant is None else datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        (Date(), Time(0, 0, 0, 0), "2024-10-28 18:30"),
        (Date(), Time(None, 15, 0, 0), "2024-10-27 18:45"),
        (Date(day=1), Time(0, 0, 0, 0), "2024-10-31 18:30"),
        (Date(day=LAST_DAY), Time(23, 0), "2024-10-31 17:30"),
        (Date(day=SECOND_LAST_DAY), Time(23, 0), "2024-10-30 17:30"),
        (Date(weekday=7), Time(6, 0), "2024-11-03 00:30"),
        (Date(month=2, day=29), Time(0, 0), "2028-02-28 18:30"),
        (Date(2025, 1, 26), Time(0, 0), "2025-01-25 18:30"),
        (Date(2023, 1, 26), Time(0, 0), None),
        (Date(2025, 1, 26, 1), Time(0, 0), None),  # that is a Sunday
    ],
)
def test_the_next_time_is_what_the_calendar_says(date: Date, time: Time, expected: str | None) -> None:
    assert said(Recurrence(date, time).next_after(START_MS, INDIA)) == expected


@given(date=dates, time=times, utc_ms=instants)
def test_next_and_last_meet_and_leave_nothing_between(date: Date, time: Time, utc_ms: int) -> None:
    recurrence = Recurrence(date, time)
    following = recurrence.next_after(utc_ms, INDIA)
    if following is None:
        return
    assert following > utc_ms
    assert recurrence.last_until(following, INDIA) == following
    before = recurrence.last_until(following - 1, INDIA)
    assert before is None or before <= utc_ms
    if before is not None:
        assert recurrence.next_after(before, INDIA) == following


def test_a_time_that_daylight_saving_skips_comes_as_clocks_go() -> None:
    skipped = Recurrence(Date(), Time(2, 30))
    assert said(skipped.next_after(at("2025-03-29T12:00:00+01:00"), BERLIN)) == "2025-03-30 01:30"


@given(st.builds(Date, st.integers(2024, 2026), st.integers(1, 12), st.integers(1, 28)), times)
def test_only_what_names_its_day_and_minute_is_single(date: Date, time: Time) -> None:
    assert Recurrence(date, time).single == (time.hour is not None and time.minute is not None)
    assert not Recurrence(Date(), time).single


def daily(start: int, end: int) -> Window:
    return Window.of(DateTime(Date(), Time(start, 0, 0, 0)), DateTime(Date(), Time(end, 0, 0, 0)))


@given(st.integers(0, 23), st.integers(0, 23), instants)
def test_a_daily_window_is_open_between_its_hours_over_midnight_too(start: int, end: int, utc_ms: int) -> None:
    window = daily(start, end)
    hour = (utc_ms + INDIA.standard_ms) // HOUR_MS % 24
    inside = start <= hour < end if start < end else hour >= start or hour < end
    assert window.is_open(utc_ms, INDIA) == (start == end or inside)
    opens = window.next_open(utc_ms, INDIA)
    assert opens is not None
    assert window.is_open(opens, INDIA)
    assert opens == utc_ms or (opens > utc_ms and not window.is_open(opens - 1, INDIA))


def test_a_window_without_ends_is_always_open_and_one_of_the_past_never() -> None:
    nothing = DateTime(Date(), Time())
    assert Window.of(nothing, nothing).is_open(START_MS, INDIA)
    past = Window.of(DateTime(Date(2020, 1, 1), Time(0, 0)), DateTime(Date(2020, 2, 1), Time(0, 0)))
    assert past.next_open(START_MS, INDIA) is None
    assert first_open([past], START_MS, INDIA) is None
    assert first_open([past, daily(3, 4)], START_MS, INDIA) == START_MS + 3 * HOUR_MS


def test_a_window_of_some_weeks_is_open_in_its_middle() -> None:
    window = Window.of(DateTime(Date(2024, 10, 20), Time(0, 0)), DateTime(Date(2024, 11, 20), Time(0, 0)))
    assert window.is_open(START_MS, INDIA)
    assert not window.is_open(START_MS + 30 * DAY_MS, INDIA)
