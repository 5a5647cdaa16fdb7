"""What comes from the broker: acknowledged once what came of it is durable, and one bad message stops nothing."""

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gateway.command.command import Open
from gateway.command.inbox import Inbox, priority_of
from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.store import StoreError
from gateway.polling.reading import utc
from gateway.polling.schedule import Priority
from gateway.service.clock import Clock
from protocols.transport.mqtt.broker import Delivered
from tests.gateway.cores import NOW_MS, Cores

T = TypeVar("T")
CLOCK: Final = Clock(lambda: NOW_MS, lambda: 0)


class Bench:
    """An inbox on a store in memory; what it acknowledges and begins is kept."""

    def __init__(self) -> None:
        self.cores = Cores()
        self.acknowledged: list[Delivered] = []
        self.begun: list[str] = []
        self.full = False
        self.inbox = Inbox(
            _AtOnce(self),
            self.cores.door,
            self.cores.around,
            self.cores.outbox,
            self.cores.topics,
            CLOCK,
            self._begin,
        )

    def _begin(self, command: Open) -> None:
        self.begun.append(command.command.id)

    def acknowledge(self, message: Delivered) -> None:
        self.acknowledged.append(message)

    async def take(self, topic: str, data: Any, **more: Any) -> None:
        payload = data if isinstance(data, bytes) else json.dumps(data).encode()
        fields = {"retain": False, "qos": 1, "mid": 1} | more
        await self.inbox.take(Delivered(topic=f"meters/v1/{topic}", payload=payload, **fields), self)


class _AtOnce(GroupCommit):
    """Durable at once, or not at all."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.cores.store)
        self._bench = bench

    async def run(self, work: Callable[[], T]) -> T:
        if self._bench.full:
            raise StoreError("the disk is full")
        with self.store.transaction():
            return work()


def read(command_id: str) -> dict[str, Any]:
    return {"id": command_id, "verb": "read", "args": {"profile": "nameplate"}}


async def test_a_command_is_acknowledged_and_begun() -> None:
    bench = Bench()
    await bench.take("gw1/MB1/command", read("c1"))
    assert bench.begun == ["c1"]
    assert len(bench.acknowledged) == 1


async def test_what_could_not_be_stored_stays_with_the_broker() -> None:
    bench = Bench()
    bench.full = True
    await bench.take("gw1/MB1/command", read("c1"))
    assert bench.acknowledged == []
    assert bench.begun == []


async def test_bad_messages_are_acknowledged_counted_and_stop_nothing() -> None:
    bench = Bench()
    for topic, data in (
        ("gw1/replay", b"\x00\xff"),
        ("gw1/replay", {"stream": "another", "from": 1, "to": 2}),
        ("gw1/ack", {"seq": -1}),
        ("headend/status", b"[]"),
        ("gw1/MB1/command", b"{"),
        ("nowhere", b""),
    ):
        await bench.take(topic, data)
    await bench.take("gw1/replay", {"stream": bench.cores.outbox.stream, "from": 1, "to": 1}, retain=True)
    assert bench.inbox.ignored == 5
    assert len(bench.acknowledged) == 7
    await bench.take("gw1/MB1/command", read("c1"))
    assert bench.begun == ["c1"]


async def test_a_heartbeat_counts_from_now_and_a_retained_one_from_when_it_was() -> None:
    bench = Bench()
    bench.cores.around.headend_seen_ms = 0
    long_ago = {"status": "online", "at": utc(NOW_MS - 3_600_000).isoformat()}
    await bench.take("headend/status", long_ago, retain=True)
    assert bench.cores.around.headend_seen_ms == NOW_MS - 3_600_000
    await bench.take("headend/status", long_ago | {"status": "offline"})
    assert bench.cores.around.headend_seen_ms == NOW_MS - 3_600_000
    await bench.take("headend/status", long_ago)
    assert bench.cores.around.headend_seen_ms == NOW_MS


async def test_a_retained_heartbeat_of_the_future_does_not_reach_into_it() -> None:
    bench = Bench()
    bench.cores.around.headend_seen_ms = 0
    await bench.take("headend/status", {"status": "online", "at": utc(NOW_MS + 10**9).isoformat()}, retain=True)
    assert bench.cores.around.headend_seen_ms == NOW_MS


async def test_moving_a_meter_comes_before_reading_one() -> None:
    bench = Bench()
    urgent: list[Priority] = []
    bench.inbox = Inbox(
        _AtOnce(bench),
        bench.cores.door,
        bench.cores.around,
        bench.cores.outbox,
        bench.cores.topics,
        CLOCK,
        lambda command: urgent.append(priority_of(command)),
    )
    expires = utc(NOW_MS + 60_000).isoformat()
    await bench.take("gw1/MB1/command", read("c1"))
    await bench.take("gw1/MB1/command", {"id": "c2", "verb": "reconnect", "expires_at": expires})
    assert urgent == [Priority.ON_DEMAND, Priority.COMMAND]
