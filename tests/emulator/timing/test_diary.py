"""The diary keeps its appointments by the meter's clock, and after a time without supply those that may be so late."""

from hypothesis import given
from hypothesis import strategies as st

from emulator.event.watch import FAR
from emulator.timing.clock import STANDS_STILL, ClockSegment, MeterClock
from emulator.timing.diary import ALWAYS_MS, Appointment, Diary
from emulator.timing.recurrence import Recurrence
from emulator.timing.zone import zone
from protocols.dlms.date_time import Date, Time

START_MS = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SCRIPT = bytes((0, 0, 10, 0, 108, 255))


def clock() -> MeterClock:
    return MeterClock(zone("Asia/Kolkata"), START_MS)


def hourly(selector: int = 1, late_ms: int = 0) -> Appointment:
    return Appointment(Recurrence(Date(), Time(None, 0, 0, 0)), SCRIPT, selector, late_ms)


def at(hour: int, selector: int = 1, late_ms: int = 0) -> Appointment:
    return Appointment(Recurrence(Date(), Time(hour, 0, 0, 0)), SCRIPT, selector, late_ms)


def diary(*appointments: Appointment, of: MeterClock | None = None) -> Diary:
    made = Diary(of or clock(), START_MS)
    made.write(appointments, START_MS)
    return made


def test_without_appointments_nothing_is_ever_due() -> None:
    assert diary().due_ms == FAR


def test_appointments_are_kept_at_their_instant_and_once() -> None:
    kept = diary(hourly())
    assert kept.due_ms == START_MS + HOUR_MS
    assert not kept.keep(START_MS + HOUR_MS - 1)
    assert kept.keep(START_MS + HOUR_MS) == [hourly()]
    assert not kept.keep(START_MS + HOUR_MS)
    assert kept.due_ms == START_MS + 2 * HOUR_MS


def test_those_of_one_instant_are_kept_in_their_order() -> None:
    kept = diary(at(1, 1), at(2, 2), at(1, 3))
    assert [each.selector for each in kept.keep(START_MS + HOUR_MS)] == [1, 3]
    assert kept.due_ms == START_MS + 2 * HOUR_MS


def test_after_an_outage_the_last_of_each_is_kept_if_it_may_be_so_late() -> None:
    kept = diary(at(1, 1, late_ms=ALWAYS_MS), at(2, 2, late_ms=30 * 60_000), at(3, 3), hourly(4, late_ms=45 * 60_000))
    back_ms = START_MS + 4 * HOUR_MS + 40 * 60_000
    assert [each.selector for each in kept.resume(back_ms)] == [1, 4]
    assert kept.due_ms == START_MS + 5 * HOUR_MS


def test_a_clock_set_forward_passes_appointments_over_and_one_set_back_comes_to_them_again() -> None:
    own = clock()
    kept = diary(at(1), of=own)
    own.begin(ClockSegment(START_MS + 1000, START_MS + 2 * HOUR_MS))
    kept.clock_set(START_MS + 1000)
    assert not kept.keep(START_MS + 1000)
    assert kept.due_ms == START_MS + 1000 + 23 * HOUR_MS
    own.begin(ClockSegment(START_MS + 2000, START_MS))
    kept.clock_set(START_MS + 2000)
    assert kept.due_ms == START_MS + 2000 + HOUR_MS


def test_a_clock_that_stands_still_comes_to_nothing() -> None:
    own = clock()
    kept = diary(at(1), of=own)
    own.begin(ClockSegment(START_MS + 1000, START_MS + 1000, STANDS_STILL))
    kept.clock_set(START_MS + 1000)
    assert kept.due_ms == FAR


def test_a_clock_that_runs_fast_comes_to_them_sooner() -> None:
    own = clock()
    own.begin(ClockSegment(START_MS, START_MS, 100_000_000))
    kept = diary(at(1), of=own)
    assert kept.due_ms == START_MS - (-HOUR_MS * 10 // 11)
    assert kept.keep(kept.due_ms) == [at(1)]


@given(st.lists(st.integers(0, 23), min_size=1, max_size=6), st.lists(st.integers(1, DAY_MS), min_size=1, max_size=8))
def test_steps_and_one_walk_keep_the_same(hours: list[int], steps: list[int]) -> None:
    def walk(stops: list[int]) -> list[tuple[int, int]]:
        kept = diary(*(at(hour, place) for place, hour in enumerate(hours)))
        done = []
        for stop in stops:
            while kept.due_ms <= stop:
                now_ms = kept.due_ms
                done += [(now_ms, each.selector) for each in kept.keep(now_ms)]
        return done

    stops = [START_MS + sum(steps[: count + 1]) for count in range(len(steps))]
    assert walk(stops) == walk(stops[-1:])
