"""The file: durable in groups, restored in memory when undone, set aside when damaged, survived when full."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.outbox import Outbox, RowKind
from gateway.outbox.store import Store, StoreError, StoreFullError, open_store, ulid
from tests.gateway.cores import NOW_MS


def opened(path: Path, pages_max: int | None = None) -> Store:
    return open_store(path, NOW_MS, lambda count: b"\x07" * count, pages_max).store


def put(outbox: Outbox, size: int = 100) -> int:
    return outbox.put("meters/v1/gw1/MB1/event", "MB1", RowKind.EVENT, b"{" + b"x" * size, NOW_MS)


def test_a_new_file_has_a_stream_and_keeps_it(tmp_path: Path) -> None:
    first = opened(tmp_path / "gw.db")
    stream = first.stream
    first.close()
    again = open_store(tmp_path / "gw.db", NOW_MS + 1, lambda count: b"\x09" * count)
    assert (again.store.stream, again.set_aside) == (stream, None)
    again.store.close()


def test_a_ulid_tells_its_time_and_sorts_by_it() -> None:
    earlier, later = (ulid(at_ms, bytes) for at_ms in (NOW_MS, NOW_MS + 1))
    assert len(earlier) == 26
    assert earlier < later


@pytest.mark.parametrize("damage", ["head", "middle", "all"])
def test_a_damaged_file_is_set_aside_and_never_emptied(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "gw.db"
    store = opened(path)
    outbox = Outbox(store)
    with store.transaction():
        for _ in range(200):
            put(outbox)
    store.sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    content = bytearray(path.read_bytes())
    where = {"head": slice(0, 100), "middle": slice(4096, len(content) - 4096), "all": slice(0, len(content))}[damage]
    content[where] = b"\xa5" * len(content[where])
    path.write_bytes(content)
    again = open_store(path, NOW_MS, lambda count: b"\x09" * count)
    assert again.set_aside is not None
    assert again.set_aside.read_bytes() == bytes(content)
    assert again.store.stream != store.stream
    again.store.close()


def test_a_file_that_is_not_ours_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE things (name)")
    other.close()
    with pytest.raises(StoreError, match="not a gateway's store"):
        opened(path)


def test_a_file_of_another_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db")
    store.sql.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreError, match="another version"):
        opened(tmp_path / "gw.db")


def test_two_gateways_can_t_have_one_file(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db")
    with store.transaction():
        store.set_meta("key", "value")
    with pytest.raises(StoreError, match="another gateway"):
        opened(tmp_path / "gw.db")
    store.close()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder"):
        opened(tmp_path / "nowhere" / "gw.db")


def test_what_was_committed_is_there_after_a_kill(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db")
    outbox = Outbox(store)
    with store.transaction():
        put(outbox)
    store.sql.execute("BEGIN")
    put(outbox)
    copy = tmp_path / "copy.db"
    for suffix in ("", "-wal"):  # what a power cut would leave on the disk
        copy.with_name(copy.name + suffix).write_bytes((tmp_path / f"gw.db{suffix}").read_bytes())
    survivor = opened(copy)
    assert survivor.sql.execute("SELECT COUNT(*) FROM outbox").fetchone() == (1,)
    survivor.close()
    store.sql.execute("ROLLBACK")
    store.close()


def test_no_room_undoes_all_of_a_transaction_and_is_said_by_name(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db", pages_max=30)
    outbox = Outbox(store)
    before = outbox.totals

    def much() -> None:
        with store.transaction():
            for _ in range(200):
                put(outbox, 4000)

    with pytest.raises((StoreFullError, sqlite3.OperationalError)):
        much()
    assert outbox.totals == before
    with store.transaction():
        put(outbox)
    store.close()


class Commits:
    """A group commit that runs for the length of a block."""

    def __init__(self, store: Store) -> None:
        self.group = GroupCommit(store)

    async def __aenter__(self) -> GroupCommit:
        self._task = asyncio.create_task(self.group.serve())
        return self.group

    async def __aexit__(self, *_: object) -> None:
        self.group.stop()
        await self._task


async def test_pieces_of_one_group_fail_alone(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db")
    outbox = Outbox(store)

    def fail() -> None:
        put(outbox)
        raise ValueError("not mine")

    async with Commits(store) as group:
        outcomes = await asyncio.gather(
            group.run(lambda: put(outbox)), group.run(fail), group.run(lambda: put(outbox)), return_exceptions=True
        )
    assert [type(each) for each in outcomes] == [int, ValueError, int]
    assert outbox.totals.queued == 2
    assert store.sql.execute("SELECT COUNT(*) FROM outbox").fetchone() == (2,)
    store.close()


async def test_many_pieces_share_one_wait_for_the_disk(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db")
    outbox = Outbox(store)
    commits = 0
    commit = store.commit

    def counted() -> None:
        nonlocal commits
        commits += 1
        commit()

    store.commit = counted  # type: ignore[method-assign]
    async with Commits(store) as group:
        await asyncio.gather(*(group.run(lambda: put(outbox)) for _ in range(300)))
    assert outbox.totals.queued == 300
    assert commits < 10
    store.close()


async def test_no_room_fails_every_piece_of_its_group_and_asks_for_room(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db", pages_max=40)
    outbox = Outbox(store)
    lost: list[int] = []
    async with Commits(store) as group:
        group.on_full = lost.append

        def much() -> None:
            for _ in range(100):
                put(outbox, 4000)

        with pytest.raises(StoreFullError):
            await group.run(much)
        assert group.full
        assert lost == [1]
        await group.run(lambda: store.meta("stream"))
        assert group.full, "what only reads says nothing about room"
        await group.run(lambda: put(outbox))
        assert not group.full
    assert outbox.totals.queued == 1
    store.close()


async def test_the_tail_closes_every_group_within_its_transaction(tmp_path: Path) -> None:
    store = opened(tmp_path / "gw.db")
    outbox = Outbox(store)
    outbox.begin_session(new=True)
    delivered: list[list[int]] = []

    class Tail:
        def collect(self) -> Any:
            return outbox.take(10, NOW_MS)

        def deliver(self, collected: Any) -> None:
            delivered.append([message.seq for message in collected])

        def undone(self) -> None:
            raise AssertionError

    async with Commits(store) as group:
        group.tail = Tail()
        await group.run(lambda: put(outbox))
    assert [1] in delivered
    assert store.sql.execute("SELECT seq FROM outbox").fetchone() == (1,)
    store.close()
