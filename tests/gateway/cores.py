"""A store in memory with the cores on it, for tests that need more than one of them."""

from dataclasses import dataclass, field
from typing import Any

from gateway.command.command import Commands
from gateway.command.door import Delivery, Door
from gateway.command.guard_rule import GuardConfig
from gateway.command.judgement import Surroundings
from gateway.outbox.outbox import Outbox
from gateway.outbox.retention import Limits, Retention
from gateway.outbox.store import Store, open_store
from gateway.polling.report import Report
from protocols.message.command import Result
from protocols.message.topic import Topics

NOW_MS = 1_800_000_000_000
"""2027-01-15, some time of day: what tests call now."""


def memory_store() -> Store:
    """A store that ends with the test."""
    return open_store(None, NOW_MS, lambda count: bytes(range(count))).store


@dataclass(slots=True)
class Cores:
    """The cores of one gateway with two meters."""

    store: Store = field(default_factory=memory_store)
    guard: GuardConfig = field(default_factory=GuardConfig)
    topics: Topics = field(default_factory=lambda: Topics("gw1"))
    outbox: Outbox = field(init=False)
    retention: Retention = field(init=False)
    around: Surroundings = field(init=False)
    commands: Commands = field(init=False)
    door: Door = field(init=False)
    report: Report = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.store)
        self.retention = Retention(self.store, self.outbox, Limits())
        self.around = Surroundings(guard=self.guard, groups={"MB1": (), "MB2": ("north",)}, headend_seen_ms=NOW_MS)
        self.commands = Commands(self.store, self.outbox, self.topics, self.around)
        self.door = Door(self.commands)
        self.report = Report(self.store, self.outbox, self.topics)

    def results(self, after: int = 0) -> list[Result]:
        """Every result in the outbox, in order; those of rows after one."""
        rows = self.store.sql.execute(
            "SELECT body FROM outbox WHERE id > ? AND topic LIKE '%/result' ORDER BY id", (after,)
        )
        return [Result.from_json(body) for (body,) in rows]

    def bodies(self, topic_end: str) -> list[bytes]:
        """Every body on topics with that end, in order."""
        rows = self.store.sql.execute("SELECT body FROM outbox WHERE topic LIKE ? ORDER BY id", (f"%{topic_end}",))
        return [body for (body,) in rows]


def delivery(payload: bytes, **more: Any) -> Delivery:
    """A command as it comes."""
    return Delivery(payload, **more)
