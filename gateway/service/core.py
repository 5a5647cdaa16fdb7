"""The cores of one gateway on its one store: made together, used by everything that runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.command.command import Commands
from gateway.command.door import Door
from gateway.command.judgement import Surroundings
from gateway.configuration.config import GatewayConfig
from gateway.outbox.ballast import Ballast
from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.outbox import Outbox
from gateway.outbox.retention import Limits, Retention
from gateway.outbox.store import open_store
from gateway.polling.report import Report
from gateway.service.clock import Clock
from protocols.message.topic import Topics

PAGE_BYTES: Final = 4096
HEADEND_SEEN: Final = "headend_seen_ms"


class Core:
    """See the module.

    Args:
        config: checked.
        beside: the folder that the store's path is relative to.
        clock: the gateway's.
        entropy: for the stream's name.

    Raises:
        StoreError: the store can't be used.
    """

    def __init__(self, config: GatewayConfig, beside: Path, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        now_ms = clock.now_ms()
        # Twice the bound: SQLite's own pages, and room to write while rows are being given up.
        pages = 2 * config.store.bytes_max // PAGE_BYTES
        path = beside / config.store.path
        opened = open_store(path, now_ms, entropy, pages)
        self.ballast = Ballast(path)
        self.ballast.lay()
        self.unstored = 0
        """Pieces of work that the disk had no room for, since there was room last."""
        self._full_since_ms = now_ms
        self._clock = clock
        self.set_aside: Path | None = opened.set_aside
        self.store = opened.store
        self.topics = Topics(config.id, config.prefix)
        self.commit = GroupCommit(self.store)
        self.outbox = Outbox(self.store, config.store.historical_after)
        self.retention = Retention(self.store, self.outbox, limits_of(config))
        self.around = Surroundings(
            guard=config.guard,
            headend_seen_ms=int(self.store.meta(HEADEND_SEEN) or now_ms),
            full=lambda: self.retention.full or self.commit.full,
            queue_per_meter=config.limits.queue_per_meter,
        )
        self.commit.on_full = self._make_room
        self.commands = Commands(self.store, self.outbox, self.topics, self.around)
        self.door = Door(self.commands)
        self.report = Report(self.store, self.outbox, self.topics)
        self.report.clock_trusted = lambda: self.around.clock_trusted

    def _make_room(self, lost: int) -> None:
        """A group found no room: give up the ballast, and rows with the next housekeeping."""
        if not self.unstored:
            self._full_since_ms = self._clock.now_ms()
        self.unstored += lost
        self.ballast.give_up()

    def name_unstored(self, now_ms: int) -> int:
        """Within a transaction, which succeeds only when there is room again: name what was lost meanwhile."""
        if self.unstored:
            self.outbox.holes.note("the disk was full", self.unstored, self._full_since_ms, now_ms)
        return self.unstored

    def has_room(self, named: int) -> None:
        """After that transaction: so much was named, and the ballast can be laid again."""
        self.unstored -= named
        self.ballast.lay()


def limits_of(config: GatewayConfig) -> Limits:
    """How much is kept, as configured."""
    store = config.store
    return Limits(
        bytes_max=store.bytes_max,
        age_max_ms=store.age_max,
        shelf_bytes=store.shelf_bytes,
        shelf_age_ms=store.shelf_age,
        until_headend=store.acknowledgement == "head-end",
    )
