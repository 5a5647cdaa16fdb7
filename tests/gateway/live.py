"""The gateway running in the test's own loop, emulated meters beside it, and a head-end that listens.

Only the broker is a process of its own; meters and gateway talk over real sockets.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

from emulator.bench.assembly import assemble
from emulator.bench.file import check as check_bench
from emulator.bench.running import RunningBench
from gateway.configuration.config import check
from gateway.service.supervisor import Edge, Gateway
from protocols.transport.mqtt.broker import Broker, Delivered
from protocols.transport.mqtt.connect import connect
from protocols.transport.mqtt.session import Session
from protocols.transport.pump import link_time_us
from tests.patience import PATIENCE_S


@contextlib.asynccontextmanager
async def bench(*meters: dict[str, Any], **more: Any) -> AsyncIterator[dict[str, list[str]]]:
    """Emulated meters; gives where each is dialled."""
    defaults = {"load": {"constant": 1000}, "supply": {"constant": 230}}
    said = {"seed": 7, "meter": [defaults | meter for meter in meters]} | more
    running = RunningBench(assemble(check_bench(said, "test"), "test", Path()))
    async with running:
        yield {meter["id"]: meter["urls"] for meter in running.ready()["meters"]}


def dlms(count: int = 1, first: str = "MB0001", **more: Any) -> dict[str, Any]:
    """A section of Indian meters on TCP."""
    listen = ["dlms+tcp://127.0.0.1:0"]
    return {"id": first, "model": "is15959-d1", "count": count, "listen": listen} | more


def client_48(urls: list[str]) -> str:
    """Where a meter is dialled by the utility."""
    return urls[0].replace("client=16", "client=48")


def edge(file: Path) -> Edge:
    """What a test's gateway takes from the world."""
    return Edge(
        system_ms=lambda: time.time_ns() // 1_000_000,
        monotonic_us=link_time_us,
        entropy=os.urandom,  # noqa: TID251 (the test is the program's edge)
        rng=Random(7),
        file=file,
    )


class Live:
    """A gateway that runs."""

    def __init__(self, gateway: Gateway, ready: dict[str, Any], stop: asyncio.Event) -> None:
        self.gateway = gateway
        self.ready = ready
        self.stop = stop


@contextlib.asynccontextmanager
async def running(folder: Path, url: str, meters: list[dict[str, Any]], /, **more: Any) -> AsyncIterator[Live]:
    """A gateway for the length of a block; its files are in `folder`."""
    more.setdefault("broker", {}).setdefault("url", url)
    more["broker"].setdefault("backoff_max", "300ms")
    config = check({"id": "gw1", "meter": meters} | more, "", "test")
    gateway = Gateway(config, edge(folder / "gateway.toml"))
    ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(gateway.run(ready.set_result, stop))
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield Live(gateway, ready.result(), stop)
    finally:
        stop.set()
        await task


class Listener:
    """A head-end that keeps all it sees."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.seen: list[Delivered] = []
        self._news = asyncio.Condition()

    async def listen(self) -> None:
        """Take what comes, for ever."""
        async for message in self.session.messages():
            self.session.acknowledge(message)
            async with self._news:
                self.seen.append(message)
                self._news.notify_all()

    def payloads(self, topic_end: str = "") -> list[dict[str, Any]]:
        """Everything on topics with that end, in order."""
        return [
            data for each in self.seen if each.topic.endswith(topic_end) if (data := _json(each.payload)) is not None
        ]

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait for messages until a condition holds; gives what it gave."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(condition)
        return condition()

    async def first(self, topic_end: str, **fields: Any) -> dict[str, Any]:
        """The first message with that end of its topic and these fields."""

        def found() -> dict[str, Any] | None:
            return next(
                (
                    each
                    for each in self.payloads(topic_end)
                    if all(each.get(name) == value for name, value in fields.items())
                ),
                None,
            )

        message: dict[str, Any] = await self.until(found)
        return message

    def send(self, meter: str, verb: str, command_id: str = "c1", **more: Any) -> None:
        """Publish a command with a minute to live."""
        expires = time.gmtime(time.time() + 60)  # noqa: TID251 (real programs live in real time)
        data = {"id": command_id, "verb": verb, "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", expires)} | more
        self.session.publish(f"meters/v1/gw1/{meter}/command", json.dumps(data).encode())


def _json(payload: bytes) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = json.loads(payload)
    except ValueError:
        return None
    return data


@contextlib.asynccontextmanager
async def listener(broker: str, topics: tuple[str, ...] = ("meters/v1/#",), **more: Any) -> AsyncIterator[Listener]:
    """A head-end for the length of a block."""
    client_id = f"listener-{os.urandom(4).hex()}"  # noqa: TID251 (a name of its own)
    async with connect(Broker(url=broker, client_id=client_id, clean=True, **more)) as session:
        await session.subscribe(topics)
        ear = Listener(session)
        task = asyncio.create_task(ear.listen())
        try:
            yield ear
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
