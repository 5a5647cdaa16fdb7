"""The gateway's clock, whether it is trusted, and how fast things may begin."""

import pytest

from gateway.service.clock import BEHIND_MS, EPOCH_MS, JUMP_DISTRUST_US, Clock, Pace, Trust, judge_clock
from tests.gateway.cores import NOW_MS


def look(before: Trust | None, now_ms: int, at_s: float, newest_ms: int = 0, *, synchronized: bool = True) -> Trust:
    return judge_clock(before, now_ms, int(at_s * 1e6), newest_ms, 60_000, synchronized=synchronized)


def test_a_clock_that_goes_on_is_trusted() -> None:
    trust = look(None, NOW_MS, 0)
    for second in range(1, 100):
        trust = look(trust, NOW_MS + second * 1000 + 300, second)
        assert trust.distrust is None


def test_a_clock_that_jumps_is_distrusted_for_a_while_either_way() -> None:
    for jump_ms in (120_000, -120_000):
        trust = look(look(None, NOW_MS, 0), NOW_MS + jump_ms, 1)
        assert "jumped" in (trust.distrust or "")
        later_s = JUMP_DISTRUST_US / 1e6
        assert look(trust, NOW_MS + jump_ms + 1000, 2).distrust is not None
        assert look(trust, NOW_MS + jump_ms + round(later_s * 1000) + 1000, later_s + 2).distrust is None


@pytest.mark.parametrize(
    ("now_ms", "newest_ms", "synchronized", "said"),
    [
        (EPOCH_MS - 1, 0, True, "before this program existed"),
        (NOW_MS, NOW_MS + BEHIND_MS + 1, True, "before what is already stored"),
        (NOW_MS, NOW_MS + BEHIND_MS, True, None),
        (NOW_MS, 0, False, "synchronized"),
    ],
)
def test_a_clock_that_has_lost_the_time_is_distrusted(
    *, now_ms: int, newest_ms: int, synchronized: bool, said: str | None
) -> None:
    distrust = look(None, now_ms, 0, newest_ms, synchronized=synchronized).distrust
    assert (distrust is None) is (said is None)
    assert said is None or said in (distrust or "")


def test_a_bench_s_clock_begins_where_it_is_told_and_runs_at_its_rate() -> None:
    at_us = [5_000_000]
    clock = Clock(lambda: 1, lambda: at_us[0], NOW_MS, 60)
    at_us[0] += 1_000_000
    assert (clock.now_ms(), clock.is_bench) == (NOW_MS + 60_000, True)
    assert clock.real_ms(60_000) == 1_000
    assert not Clock(lambda: 7, lambda: 0).is_bench


def test_a_pace_spreads_what_begins_evenly() -> None:
    pace = Pace(10)
    assert [pace.next_ms(NOW_MS) - NOW_MS for _ in range(4)] == [0, 100, 200, 300]
    assert pace.next_ms(NOW_MS + 5_000) == NOW_MS + 5_000
