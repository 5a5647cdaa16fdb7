"""A history is read whole, in stretches, and nothing twice that need not be."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.polling.coverage import SETTLED_MS, STRETCHES_MAX, Coverage, Stretch
from tests.gateway.cores import NOW_MS

STEP_MS = 900_000
DEPTH_MS = 35 * 86_400_000
Order = Literal["oldest", "newest"]


class Meter:
    """A meter that has made a row at each step while it was fed."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows
        self.asked: list[Stretch] = []

    def read(self, stretch: Stretch, now_ms: int) -> list[int]:
        self.asked.append(stretch)
        return [at for at in self.rows if stretch.first_ms <= at <= stretch.last_ms and at <= now_ms]


def catch_up(
    coverage: Coverage, meter: Meter, now_ms: int, order: Order, span_steps: int = 10
) -> tuple[Coverage, list[int]]:
    got: list[int] = []
    for _ in range(1000):
        wanted = coverage.want(now_ms, span_steps * STEP_MS, DEPTH_MS, order, STEP_MS)
        if wanted is None:
            break
        rows = meter.read(wanted, now_ms)
        got += rows
        following = coverage.received(wanted, max(rows, default=None), now_ms)
        if following._replace(asked_ms=0) == coverage._replace(asked_ms=0) and not rows and not coverage.missing:
            break
        coverage = following
    return coverage, got


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_an_outage_is_caught_up_without_asking_twice(order: Order) -> None:
    base = NOW_MS // STEP_MS * STEP_MS
    meter = Meter([base + index * STEP_MS for index in range(500)])
    coverage, first = catch_up(Coverage.begin(base, 0), meter, base + STEP_MS, order)
    assert first
    later = base + 300 * STEP_MS
    coverage, got = catch_up(coverage, meter, later, order)
    expected = [at for at in meter.rows if first[-1] < at <= later]
    assert sorted(got) == expected
    assert got == (sorted(got) if order == "oldest" else got)
    if order == "newest":
        assert got[0] > expected[-11]


def test_what_is_missing_before_and_what_comes_meanwhile_are_both_read() -> None:
    base = NOW_MS // STEP_MS * STEP_MS
    coverage = Coverage(base)
    now_ms = base + 100 * STEP_MS
    wanted = coverage.want(now_ms, 10 * STEP_MS, DEPTH_MS, "newest")
    assert wanted == Stretch(now_ms - 10 * STEP_MS + 1, now_ms)
    coverage = coverage.received(wanted, now_ms, now_ms)
    assert coverage.missing == (Stretch(base + 1, now_ms - 10 * STEP_MS),)
    later = now_ms + STEP_MS
    assert coverage.want(later, 10 * STEP_MS, DEPTH_MS, "newest") == Stretch(now_ms + 1, later)


def test_a_row_from_the_future_hides_nothing() -> None:
    coverage = Coverage(NOW_MS)
    asked = Stretch(NOW_MS + 1, NOW_MS + STEP_MS)
    after = coverage.received(asked, NOW_MS + 365 * 86_400_000, NOW_MS + STEP_MS)
    assert after.through_ms == NOW_MS + STEP_MS


def test_an_empty_answer_for_the_present_is_asked_again_and_for_the_past_is_believed() -> None:
    coverage = Coverage(NOW_MS)
    now_ms = NOW_MS + STEP_MS
    assert coverage.received(Stretch(NOW_MS + 1, now_ms), None, now_ms).through_ms == NOW_MS
    much_later = NOW_MS + 10 * SETTLED_MS
    assert coverage.received(Stretch(NOW_MS + 1, now_ms), None, much_later).through_ms == now_ms


def test_what_the_meter_no_longer_keeps_is_not_asked_for() -> None:
    coverage = Coverage(NOW_MS, (Stretch(NOW_MS - 90 * 86_400_000, NOW_MS - 50 * 86_400_000),))
    assert coverage.want(NOW_MS, STEP_MS, DEPTH_MS, "oldest") is None
    late = NOW_MS + 100 * 86_400_000
    wanted = coverage.want(late, STEP_MS, DEPTH_MS, "oldest")
    assert wanted is not None
    assert wanted.first_ms == late - DEPTH_MS


def test_without_catching_up_only_the_newest_is_asked_for() -> None:
    coverage = Coverage(NOW_MS)
    late = NOW_MS + 100 * STEP_MS
    assert coverage.want(late, 10 * STEP_MS, DEPTH_MS, "off") == Stretch(late - 10 * STEP_MS + 1, late)


def test_very_many_gaps_become_wider_ones_so_that_none_is_lost() -> None:
    coverage = Coverage(NOW_MS)
    now_ms = NOW_MS
    for _ in range(STRETCHES_MAX * 2):
        now_ms += 20 * STEP_MS
        coverage = coverage.received(Stretch(now_ms - STEP_MS, now_ms), now_ms, now_ms)
    assert len(coverage.missing) == STRETCHES_MAX
    assert coverage.missing[0].first_ms == NOW_MS + 1


def test_a_coverage_survives_the_store() -> None:
    coverage = Coverage(NOW_MS, (Stretch(1, 2), Stretch(5, 9)))
    assert Coverage.from_store(coverage.through_ms, coverage.to_json()) == coverage


@settings(max_examples=60, deadline=None)
@given(
    order=st.sampled_from(["oldest", "newest"]),
    visits=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 4)), min_size=1, max_size=12),
    dark=st.sets(st.integers(0, 700), max_size=100),
)
def test_after_any_outages_every_row_was_read_at_least_once(
    order: Order, visits: list[tuple[int, int]], dark: set[int]
) -> None:
    base = NOW_MS // STEP_MS * STEP_MS
    meter = Meter([base + index * STEP_MS for index in range(1, 800) if index not in dark])
    coverage, got, now_ms = Coverage(base), set[int](), base
    for steps, requests in visits:
        now_ms += steps * STEP_MS
        for _ in range(requests):  # an outage may begin before all is caught up
            wanted = coverage.want(now_ms, 7 * STEP_MS, DEPTH_MS, order, STEP_MS)
            if wanted is None:
                break
            rows = meter.read(wanted, now_ms)
            got |= set(rows)
            coverage = coverage.received(wanted, max(rows, default=None), now_ms)
    coverage, rest = catch_up(coverage, meter, now_ms, order, 7)
    assert got | set(rest) == {at for at in meter.rows if at <= now_ms}
