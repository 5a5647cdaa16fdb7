"""What is given up when there is no room, in which order, and that every loss is named."""

import json

import pytest

from gateway.outbox.outbox import Outbox, RowKind
from gateway.outbox.retention import Limits, Retention
from gateway.outbox.store import Store
from tests.gateway.cores import NOW_MS, memory_store

DAY_MS = 86_400_000
BODY = json.dumps({"filler": "x" * 400}).encode()


def cores(limits: Limits) -> tuple[Store, Outbox, Retention]:
    store = memory_store()
    outbox = Outbox(store)
    outbox.begin_session(new=True)
    return store, outbox, Retention(store, outbox, limits)


def fill(outbox: Outbox, kind: RowKind, count: int, at_ms: int = NOW_MS) -> None:
    for _ in range(count):
        outbox.put(f"meters/v1/gw1/MB1/{kind.name.lower()}", "MB1", kind, BODY, at_ms)


def kinds(store: Store) -> dict[str, int]:
    rows = store.sql.execute("SELECT kind, COUNT(*) FROM outbox GROUP BY kind")
    return {RowKind(kind).name: count for kind, count in rows}


def trim(retention: Retention, now_ms: int = NOW_MS) -> None:
    while retention.trim(now_ms):
        pass


def test_the_shelf_goes_by_age_and_that_is_no_loss() -> None:
    store, outbox, retention = cores(Limits(shelf_age_ms=7 * DAY_MS))
    fill(outbox, RowKind.READING, 5, NOW_MS - 8 * DAY_MS)
    fill(outbox, RowKind.READING, 2)
    outbox.take(5, NOW_MS)
    outbox.puback(range(1, 6))
    trim(retention)
    assert kinds(store) == {"READING": 2}
    assert outbox.holes.all() == ()


def test_the_shelf_goes_by_size_oldest_first() -> None:
    store, outbox, retention = cores(Limits(shelf_bytes=3_000))
    fill(outbox, RowKind.READING, 20)
    outbox.take(20, NOW_MS)
    outbox.puback(range(1, 21))
    trim(retention)
    (oldest, newest) = store.sql.execute("SELECT MIN(seq), MAX(seq) FROM outbox").fetchone()
    assert newest == 20
    assert outbox.totals.bytes_shelf <= 3_000
    assert oldest > 10


def test_rows_stay_until_the_head_end_confirms_them_when_it_says_so() -> None:
    store, outbox, retention = cores(Limits(until_headend=True, shelf_bytes=0, shelf_age_ms=0))
    fill(outbox, RowKind.READING, 6)
    outbox.take(6, NOW_MS)
    outbox.puback(range(1, 7))
    trim(retention, NOW_MS + 30 * DAY_MS)
    assert kinds(store) == {"READING": 6}
    outbox.ack(outbox.stream, 4)
    trim(retention, NOW_MS + 30 * DAY_MS)
    assert [seq for (seq,) in store.sql.execute("SELECT seq FROM outbox ORDER BY seq")] == [5, 6]


def test_at_the_bound_the_oldest_readings_go_first_and_are_named() -> None:
    store, outbox, retention = cores(Limits(bytes_max=10_000))
    fill(outbox, RowKind.READING, 15)
    fill(outbox, RowKind.EVENT, 5)
    fill(outbox, RowKind.RESULT, 5)
    trim(retention)
    assert outbox.totals.bytes_all <= 10_000
    left = kinds(store)
    assert (left["EVENT"], left["RESULT"]) == (5, 5)
    lost = 15 - left["READING"]
    (hole,) = outbox.holes.all()
    assert (hole.rows, hole.from_seq, hole.reason) == (lost, None, "the store reached its size")
    assert retention.dropped["reading"] == lost
    assert not retention.full


def test_what_was_numbered_and_not_yet_acknowledged_is_named_by_number() -> None:
    _, outbox, retention = cores(Limits(bytes_max=5_000))
    fill(outbox, RowKind.READING, 20)
    outbox.take(20, NOW_MS)
    trim(retention)
    (hole,) = outbox.holes.all()
    assert hole.from_seq == 1
    assert hole.to_seq == hole.rows


def test_when_events_and_results_alone_fill_the_bound_commands_are_refused_and_the_oldest_go_last() -> None:
    store, outbox, retention = cores(Limits(bytes_max=10_000))
    fill(outbox, RowKind.READING, 5)
    fill(outbox, RowKind.EVENT, 40)
    trim(retention)
    assert retention.full
    assert "READING" not in kinds(store)
    assert 10_000 < outbox.totals.bytes_all <= 10_500
    store.sql.execute("DELETE FROM outbox")
    outbox.totals = outbox.totals._replace(bytes_all=0, queued=0)
    trim(retention)
    assert not retention.full


def test_what_is_older_than_the_store_keeps_goes_and_is_named_with_its_times() -> None:
    store, outbox, retention = cores(Limits(age_max_ms=60 * DAY_MS))
    fill(outbox, RowKind.READING, 3, NOW_MS - 61 * DAY_MS)
    fill(outbox, RowKind.EVENT, 1)
    trim(retention)
    assert kinds(store) == {"EVENT": 1}
    (hole,) = outbox.holes.all()
    assert hole.rows == 3
    assert hole.first_at is not None
    assert round(hole.first_at.timestamp() * 1000) == NOW_MS - 61 * DAY_MS


def test_many_losses_are_merged_from_the_oldest_and_their_sum_is_kept() -> None:
    _, outbox, _ = cores(Limits())
    for number in range(1, 300, 3):
        outbox.holes.note("no longer kept", 1, NOW_MS, NOW_MS, (number, number))
    holes = outbox.holes.all()
    assert len(holes) == 64
    assert sum(hole.rows for hole in holes) == 100
    merged = min(holes, key=lambda hole: hole.from_seq or 0)
    assert (merged.from_seq, merged.reason) == (1, "several losses within")


@pytest.mark.parametrize("until_headend", [False, True])
def test_the_sums_agree_with_the_store_whatever_was_trimmed(*, until_headend: bool) -> None:
    store, outbox, retention = cores(Limits(bytes_max=12_000, shelf_bytes=2_000, until_headend=until_headend))
    for turn in range(12):
        fill(outbox, RowKind(turn % 4), 7)
        outbox.take(4, NOW_MS)
        outbox.puback(range(max(1, outbox.sent_through - 2), outbox.sent_through + 1))
        outbox.ack(outbox.stream, outbox.sent_through // 2)
        retention.trim(NOW_MS)
    assert Outbox(store).totals == outbox.totals
