"""Group commit: pieces of work run one after the other in a transaction, and one wait for the disk serves them all.

Statements run where the cores run; only COMMIT, which waits for the disk, runs on a thread of its own, and while it
does the next group gathers.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from gateway.outbox.store import Store, StoreError, StoreFullError

T = TypeVar("T")

GROUP_MAX: Final = 512
"""Pieces of work in one commit: large enough that the disk's pace does not matter, small enough to answer soon."""


class Tail(Protocol):
    """What closes every group: it may add to the transaction, and acts once that is durable."""

    def collect(self) -> Any:
        """Within the transaction, after all pieces of work."""

    def deliver(self, collected: Any) -> None:
        """After the commit."""

    def undone(self) -> None:
        """Instead of `deliver`: nothing of the group was written."""


class GroupCommit:
    """Runs pieces of work in groups, one transaction and one wait for the disk a group.

    Args:
        store: owned from now on; nothing else may use it while `serve` runs.

    Attributes:
        full: there was no room on the disk, and nothing has been written since.
        on_full: called when a group did not find room, with how many pieces of work that cost, to make some.
        tail: closes every group; the sender, so that what was just stored leaves with the same wait for the disk.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.full = False
        self.on_full: Callable[[int], None] = lambda _lost: None
        self.tail: Tail | None = None
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._awake = False
        self._stopping = False

    def wake(self) -> None:
        """Have a group run even if no work waits: the tail has something to do."""
        self._awake = True
        self._wake.set()

    def submit(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Queue a piece of work; the future is done once it is durable, with what it returned or raised."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self._wake.set()
        return future

    async def run(self, work: Callable[[], T]) -> T:
        """The same, waited for; it is done even when who waits is cancelled."""
        return await asyncio.shield(self.submit(work))

    def stop(self) -> None:
        """End `serve` once everything that waits is durable."""
        self._stopping = True
        self._wake.set()

    async def serve(self) -> None:
        """Write group after group until stopped."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="store") as disk:
            while not (self._stopping and not self._waiting):
                await self._wake.wait()
                self._wake.clear()
                while self._waiting or self._awake:
                    await self._group(loop, disk)

    async def _group(self, loop: asyncio.AbstractEventLoop, disk: ThreadPoolExecutor) -> None:
        store, done = self.store, list[_Done]()
        failure: Exception | None = None
        collected: Any = None
        self._awake = False
        changes = store.sql.total_changes
        try:
            store.begin()
        except StoreFullError as error:
            self._settle([_Done(future, None, None) for _, future in self._waiting], error)
            self._waiting.clear()
            return
        while self._waiting and len(done) < GROUP_MAX and failure is None:
            work, future = self._waiting.popleft()
            try:
                with store.savepoint():
                    done.append(_Done(future, work(), None))
            except Exception as error:  # noqa: BLE001 (it is the caller's, and is raised there)
                done.append(_Done(future, None, error))
                if not store.sql.in_transaction:  # SQLite gave up the whole group
                    failure = error
        try:
            if failure is None and self.tail is not None:
                with store.savepoint():
                    collected = self.tail.collect()
            if failure is None:
                await loop.run_in_executor(disk, store.commit)
        except StoreError as error:
            store.rollback()
            failure = error
        if failure is None and store.sql.total_changes != changes:
            self.full = False
        self._settle(done, failure)
        if self.tail is not None:
            self.tail.undone() if failure is not None else self.tail.deliver(collected)

    def _settle(self, done: list["_Done"], failure: Exception | None) -> None:
        lost = sum(isinstance(failure or each.error, StoreFullError) for each in done)
        if lost or isinstance(failure, StoreFullError):
            self.full = True
            self.on_full(lost)
        for future, result, error in done:
            reason = failure or error
            if future.cancelled():
                continue
            if reason is not None:
                future.set_exception(reason)
            else:
                future.set_result(result)


class _Done(NamedTuple):
    future: "asyncio.Future[Any]"
    result: Any
    error: Exception | None
