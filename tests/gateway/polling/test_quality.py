"""Rows whose time can't be right are marked, and nothing else of them changes."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.polling.quality import OFF_MS, STANDS_MS, Shown, judged, shown_after
from gateway.polling.reading import utc
from protocols.message.reading import Quality, Row, Value
from tests.gateway.cores import NOW_MS

VALUES = (
    Value(name="voltage", value="230.1", unit="V"),
    Value(name="current", value=None, quality=Quality.ERROR, reason="the meter sent no value"),
)


def row(at_ms: int | None) -> Row:
    return Row(at=None if at_ms is None else utc(at_ms), values=VALUES)


def qualities(at_ms: int | None, shown: Shown | None = None, *, history: bool = False) -> list[Quality]:
    (out,) = judged((row(at_ms),), shown, NOW_MS, history=history)
    return [value.quality for value in out.values]


def test_a_row_of_about_now_is_good() -> None:
    for off_ms in (0, 300_000, -300_000, OFF_MS, -OFF_MS):
        assert qualities(NOW_MS + off_ms) == [Quality.GOOD, Quality.ERROR]
    assert qualities(None) == [Quality.GOOD, Quality.ERROR]


def test_a_clock_that_is_in_another_hour_makes_a_row_suspect_and_an_error_stays_one() -> None:
    for off_ms in (OFF_MS + 1, -OFF_MS - 1):
        assert qualities(NOW_MS + off_ms) == [Quality.SUSPECT, Quality.ERROR]


def test_rows_of_a_history_are_old_but_never_of_the_future() -> None:
    assert qualities(NOW_MS - 90 * 86_400_000, history=True) == [Quality.GOOD, Quality.ERROR]
    assert qualities(NOW_MS + OFF_MS + 1, history=True) == [Quality.SUSPECT, Quality.ERROR]


def test_a_row_that_is_shown_again_a_minute_later_is_stale() -> None:
    rows = (row(NOW_MS - STANDS_MS - 1),)
    shown = shown_after(None, rows, NOW_MS - STANDS_MS - 1)
    assert shown_after(shown, rows, NOW_MS) == shown
    (stale,) = judged(rows, shown, NOW_MS, history=False)
    assert stale.values[0].quality is Quality.STALE
    assert stale.values[0].reason == "the meter has shown this row for 1m"
    assert qualities(NOW_MS - STANDS_MS - 1, shown, history=True)[0] is Quality.GOOD
    newer = shown_after(shown, (row(NOW_MS),), NOW_MS)
    assert qualities(NOW_MS, newer)[0] is Quality.GOOD


@given(st.integers(-(10**12), 10**11), st.integers(0, 10**9), st.booleans())
def test_values_and_times_are_passed_on_as_they_were(off_ms: int, since_ms: int, history: bool) -> None:  # noqa: FBT001
    before = row(NOW_MS + off_ms)
    shown = Shown(NOW_MS + off_ms, NOW_MS - since_ms)
    (after,) = judged((before,), shown, NOW_MS, history=history)
    assert after.at == before.at
    assert [(each.name, each.value, each.unit) for each in after.values] == [
        (each.name, each.value, each.unit) for each in before.values
    ]
    assert all((each.reason is None) == (each.quality is Quality.GOOD) for each in after.values)
