"""From a command on MQTT to `confirmed`, while 200 meters are read: DLMS on loopback, mosquitto, durability on.

The emulator is a process of its own and its contacts move at once, so what is measured is the gateway's part: taking
the command in, storing it, judging it, storing `sent`, the ACTION, the read-back, and telling of it. A second figure is
the memory of the gateway's process with 5,000 meters configured.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import uvloop

from protocols.transport.mqtt.broker import Broker
from protocols.transport.mqtt.connect import connect
from protocols.transport.mqtt.session import Session
from tests.broker import mosquitto

MEDIAN_MS: Final = 15.0
P99_MS: Final = 60.0
MEMORY_MB: Final = 250.0
METERS: Final = 200
COMMANDS: Final = 400
CONFIGURED: Final = 5_000
MODEL: Final = (
    'base = "is15959-d1"\ntitle = "a contact that moves at once"\n[relay]\noperating_ms = 0\nread_back_lag_ms = 0\n'
)
GUARD: Final = '[[guard.rule]]\nkind = "blast_radius"\n'


@contextmanager
def program(*arguments: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """One of the two programs, and its ready line."""
    command = [sys.executable, "-m", "meterbench", *arguments, "--until-stdin-closes"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    with (folder / f"{arguments[0]}.log").open("w") as log:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True, cwd=folder, env=environment)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise SystemExit((folder / f"{arguments[0]}.log").read_text())
        yield process, json.loads(line)
    finally:
        process.stdin.close()
        process.wait(20)


def gateway_file(folder: Path, broker: str, meters: list[tuple[str, str]], read: str, store: str) -> Path:
    """A configuration."""
    head = f'id = "gw1"\n[broker]\nurl = "{broker}"\n[store]\npath = "{store}"\n[limits]\ncommands_per_second = 10000\n'
    defaults = f'[defaults]\nauth = "hls"\nobserve_after = "0ms"\nread = {{ instantaneous = "{read}" }}\n'
    each = "".join(f'[[meter]]\nid = "{name}"\nurl = "{url}"\n' for name, url in meters)
    file = folder / f"{store}.toml"
    file.write_text(head + GUARD + defaults + each)
    return file


async def latencies(broker: str, meters: list[str]) -> list[float]:
    """Milliseconds from publishing a command to seeing `confirmed`."""
    rng = random.Random(1)  # noqa: S311 (which meter is next)
    async with connect(Broker(url=broker, client_id="headend", clean=True)) as session:
        await session.subscribe(("meters/v1/gw1/+/result", "meters/v1/gw1/+/relay"))
        waiting: dict[str, asyncio.Future[float]] = {}
        seen: set[str] = set()
        listening = asyncio.create_task(_listen(session, waiting, seen))
        while len(seen) < len(meters):  # noqa: ASYNC110 (every meter was met)
            await asyncio.sleep(0.1)
        out = []
        for number in range(COMMANDS):
            out.append(await _one(session, rng.choice(meters), number, waiting))
            await asyncio.sleep(0.01)
        listening.cancel()
    return out


async def _listen(session: Session, waiting: dict[str, "asyncio.Future[float]"], seen: set[str]) -> None:
    async for message in session.messages():
        session.acknowledge(message)
        seen.add(message.topic.split("/")[3])
        data = json.loads(message.payload)
        if data.get("rung") in {"confirmed", "failed", "refused", "unknown"}:
            if data["rung"] != "confirmed":
                raise SystemExit(f"a command came to {data['rung']}: {data.get('reason')}")
            future = waiting.get(data["id"])
            if future is not None and not future.done():
                future.set_result(time.perf_counter())


async def _one(session: Session, meter: str, number: int, waiting: dict[str, "asyncio.Future[float]"]) -> float:
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    verb = ("disconnect", "reconnect")[number % 2]
    data = {"id": f"c{number}", "verb": verb, "cause": "maintenance", "expires_at": expires}
    waiting[f"c{number}"] = asyncio.get_running_loop().create_future()
    begun = time.perf_counter()
    session.publish(f"meters/v1/gw1/{meter}/command", json.dumps(data).encode())
    async with asyncio.timeout(10):
        return (await waiting[f"c{number}"] - begun) * 1000


def command_ms(folder: Path, broker: str) -> list[float]:
    """Sorted latencies."""
    (folder / "quick.toml").write_text(MODEL)
    meter = {"id": "MB0001", "model": "quick.toml", "count": METERS, "listen": ["dlms+tcp://127.0.0.1:0"]}
    lines = [f"{key} = {json.dumps(value)}" for key, value in meter.items()]
    (folder / "bench.toml").write_text("seed = 1\n[[meter]]\n" + "\n".join(lines) + "\n")
    with program("emulator", "run", "bench.toml", folder=folder) as (_, ready):
        meters = [(each["id"], each["urls"][0].replace("client=16", "client=48")) for each in ready["meters"]]
        file = gateway_file(folder, broker, meters, "1s", "commands.db")
        with (
            program("gateway", "run", file.name, folder=folder),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            return sorted(runner.run(latencies(broker, [name for name, _ in meters])))


def memory_mb(folder: Path) -> float:
    """The gateway's resident memory with all meters configured, each tried once."""
    meters = [
        (f"MB{number:05}", f"dlms+tcp://127.{1 + number // 250}.0.{1 + number % 250}:9?client=48&server=1")
        for number in range(CONFIGURED)
    ]
    file = gateway_file(folder, "mqtt://127.0.0.1:9", meters, "1m", "memory.db")
    with program("gateway", "run", file.name, folder=folder) as (process, _):
        time.sleep(15)
        return float(psutil.Process(process.pid).memory_info().rss) / 1e6


def main() -> int:
    """Print the figures; 1 when one is beyond its bound."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        folder = Path(name)
        found = command_ms(folder, broker.url)
        memory = memory_mb(folder)
    median, p99 = statistics.median(found), found[int(len(found) * 0.99)]
    print(f"command to confirmed, {METERS} meters read every second: median {median:.1f} ms (at most {MEDIAN_MS:.0f})")
    print(f"command to confirmed, the slowest of a hundred: {p99:.1f} ms (at most {P99_MS:.0f})")
    print(f"memory with {CONFIGURED} meters configured: {memory:.0f} MB (at most {MEMORY_MB:.0f})")
    return 0 if median <= MEDIAN_MS and p99 <= P99_MS and memory <= MEMORY_MB else 1


if __name__ == "__main__":
    sys.exit(main())
