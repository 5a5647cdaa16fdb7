"""The bench clock and the meter's clock, both ways."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.timing.clock import STATUS_DAYLIGHT, BenchClock, ClockSegment, MeterClock
from emulator.timing.zone import DAY_MS, Zone, date_of, day_of, zone
from tests.emulator.meters import START_MS

KOLKATA = zone("Asia/Kolkata")
BERLIN = zone("Europe/Berlin")
RATES = st.sampled_from([Fraction(1), Fraction(60), Fraction(1, 3), Fraction(86_400), Fraction(7, 1000)])


@given(rate=RATES, start_us=st.integers(0, 10**12), ahead_ms=st.integers(1, 10**11))
def test_link_time_reaches_an_instant_and_not_a_microsecond_earlier(
    rate: Fraction, start_us: int, ahead_ms: int
) -> None:
    clock = BenchClock(START_MS, KOLKATA, rate, start_us)
    at_us = clock.link_us(START_MS + ahead_ms)
    assert at_us is not None
    assert clock.true_ms(at_us) >= START_MS + ahead_ms
    assert clock.true_ms(at_us - 1) < START_MS + ahead_ms


def test_a_frozen_bench_never_gets_there() -> None:
    clock = BenchClock(START_MS, KOLKATA, 0)
    assert clock.true_ms(10**12) == START_MS
    assert clock.link_us(START_MS + 1) is None
    assert clock.link_us(START_MS) is not None


def test_a_change_of_rate_and_a_jump_go_on_from_where_it_was() -> None:
    clock = BenchClock(START_MS, KOLKATA, 1, 0)
    clock.set_rate(1_000_000, 60)
    assert clock.true_ms(1_000_000) == START_MS + 1000
    assert clock.true_ms(2_000_000) == START_MS + 61_000
    clock.jump(2_000_000, START_MS + DAY_MS)
    assert clock.true_ms(2_000_000) == START_MS + DAY_MS
    assert clock.true_ms(3_000_000) == START_MS + DAY_MS + 60_000


def test_true_time_does_not_go_back() -> None:
    clock = BenchClock(START_MS, KOLKATA, 1, 0)
    with pytest.raises(ValueError, match="does not go back"):
        clock.jump(1_000_000, START_MS)
    with pytest.raises(ValueError, match="0"):
        clock.set_rate(0, -1)


@given(ppb=st.integers(-10_000_000, 10_000_000), ahead_ms=st.integers(0, 10**10))
def test_a_drifting_clock_is_exact_both_ways(ppb: int, ahead_ms: int) -> None:
    segment = ClockSegment(START_MS, START_MS + 12_345, ppb)
    at_ms = segment.true_ms(START_MS + 12_345 + ahead_ms)
    assert segment.meter_ms(at_ms) >= START_MS + 12_345 + ahead_ms
    if ahead_ms:
        assert segment.meter_ms(at_ms - 1) < START_MS + 12_345 + ahead_ms


def test_a_clock_keeps_its_whole_course() -> None:
    clock = MeterClock(KOLKATA, START_MS)
    clock.begin(ClockSegment(START_MS + 1000, START_MS + 61_000))
    assert clock.meter_ms(START_MS + 500) == START_MS + 500
    assert clock.meter_ms(START_MS + 1000) == START_MS + 61_000
    assert clock.reading(START_MS + 1000).offset_minutes == 330


def test_daylight_saving_shows_in_offset_and_status() -> None:
    clock = MeterClock(BERLIN, START_MS)
    winter, summer = 1_730_000_000_000 + 30 * DAY_MS, 1_720_000_000_000
    assert clock.reading(winter)[1:3] == (60, False)
    reading = MeterClock(BERLIN, summer).reading(summer)
    assert reading[1:3] == (120, True)
    assert reading.status & STATUS_DAYLIGHT


@given(at_ms=st.integers(1_500_000_000_000, 2_000_000_000_000), name=st.sampled_from(["Asia/Kolkata", "Europe/Berlin"]))
def test_an_instant_lies_within_its_local_day(at_ms: int, name: str) -> None:
    local = zone(name)
    day = local.day(at_ms)
    assert local.instant(day) <= at_ms < local.instant(day + 1)
    assert day_of(date_of(day)) == day


def test_days_of_a_change_are_an_hour_shorter_and_longer() -> None:
    lengths = {BERLIN.instant(day + 1) - BERLIN.instant(day) for day in range(19_700, 20_100)}
    assert {length - DAY_MS for length in lengths} == {-3_600_000, 0, 3_600_000}


def test_an_unknown_zone_is_told_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="Asia/Kolkata"):
        zone("Mars/Olympus")


def test_a_zone_knows_its_standard_offset() -> None:
    assert Zone("Europe/Berlin").standard_ms == 3_600_000
    assert KOLKATA.standard_ms == 19_800_000
