"""Through the outbox to mosquitto at QoS 1 with every row durable first, against aiomqtt alone with 100 in flight.

Both publish the same topic and payload to the same broker, one after the other, in turns; the median of the turns'
ratios is taken. Alone, a hundred tasks publish and wait for their PUBACK. Through the outbox, a hundred tasks store a
row and wait until it is durable; the rows are numbered, sent and marked as they are in the running gateway.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiomqtt
import uvloop

from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.outbox import Outbox, RowKind
from gateway.outbox.sender import Sender
from gateway.outbox.store import open_store
from protocols.transport.mqtt.broker import Broker
from protocols.transport.mqtt.connect import connect
from tests.broker import mosquitto

FLOOR: Final = 0.7
TURNS: Final = 5
MESSAGES: Final = 10_000
IN_FLIGHT: Final = 100
TOPIC: Final = "meters/v1/gw1/MB0001/reading/instantaneous"
BODY: Final = b'{"meter":"MB0001","profile":"instantaneous","rows":[' + b'"0123456789"' * 32 + b"]}"
OPTIONS: Final = ("allow_anonymous true", f"max_inflight_messages {IN_FLIGHT}")


async def alone(port: int) -> float:
    """Messages a second that aiomqtt reaches."""
    five = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client("127.0.0.1", port, protocol=five, max_inflight_messages=IN_FLIGHT) as client:
        client.pending_calls_threshold = 10 * IN_FLIGHT
        left = iter(range(MESSAGES))

        async def publish() -> None:
            for _ in left:
                await client.publish(TOPIC, BODY, qos=1)

        begun = time.perf_counter()
        await asyncio.gather(*(publish() for _ in range(IN_FLIGHT)))
        return MESSAGES / (time.perf_counter() - begun)


@asynccontextmanager
async def serving(commit: GroupCommit) -> AsyncIterator[None]:
    """The store writes for the length of a block."""
    task = asyncio.create_task(commit.serve())
    try:
        yield
    finally:
        commit.stop()
        await task


async def through(port: int, folder: Path, turn: int) -> float:
    """Messages a second from `put` to PUBACK, through a store on the disk."""
    store = open_store(folder / f"outbox-{turn}.db", _now_ms(), bytes).store
    outbox = Outbox(store)
    commit = GroupCommit(store)
    sender = Sender(outbox, commit.wake, _now_ms, _fail)
    commit.tail = sender
    broker = Broker(url=f"mqtt://127.0.0.1:{port}", client_id="outbox", in_flight=IN_FLIGHT, clean=True)
    async with connect(broker) as session, serving(commit):
        session.on_puback = sender.on_puback
        await commit.run(lambda: outbox.begin_session(new=True))
        sender.begin(session)
        left = iter(range(MESSAGES))

        async def put() -> None:
            for _ in left:
                await commit.run(lambda: outbox.put(TOPIC, "MB0001", RowKind.READING, BODY, _now_ms()))

        begun = time.perf_counter()
        await asyncio.gather(*(put() for _ in range(IN_FLIGHT)))
        while outbox.totals.queued or sender.in_flight:  # noqa: ASYNC110 (the last PUBACKs)
            await asyncio.sleep(0.0005)
        rate = MESSAGES / (time.perf_counter() - begun)
    store.close()
    return rate


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _fail(reason: str) -> None:
    raise ConnectionError(reason)


def measure(tell: Callable[[str], None]) -> float:
    """The median ratio."""
    ratios = []
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name), OPTIONS) as broker:
        for turn in range(TURNS):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                bare = runner.run(alone(broker.port))
                ours = runner.run(through(broker.port, Path(name), turn))
            tell(f"turn {turn + 1}: aiomqtt alone {bare:8.0f} messages/s, through the outbox {ours:8.0f}")
            ratios.append(ours / bare)
    return statistics.median(ratios)


def main() -> int:
    """Print the ratio; 1 when it is below its floor."""
    ratio = measure(print)
    print(f"outbox / aiomqtt alone: {ratio:.2f} (floor {FLOOR})")
    return 0 if ratio >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
