"""The demo: broker, emulator and gateway as the real programs, shown live, with one meter cut and restored over MQTT.

`python -m meterbench.demo` shows the meters until Ctrl-C; `--for SECONDS` ends by itself, with exit status 0 only if
every meter was read and the relay cycle was confirmed by read-back. What is shown comes from the broker alone.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import tomllib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiomqtt
import tomli_w

from meterbench.demo.board import Board
from meterbench.demo.cycle import RelayCycle

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples" / "demo"
START_TIMEOUT_S: Final = 60


class DemoError(Exception):
    """The demo could not do its work; the sentence says what failed."""


@contextlib.asynccontextmanager
async def program(name: str, *command: str, log: Path) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """Run one of the programs until the block ends: closing its standard input ends it, and it cleans up itself.

    Yields:
        The process and its ready line. What it says on standard error goes to `log`.
    """
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, stdin=PIPE, stdout=PIPE, stderr=errors, start_new_session=True
        )
        try:
            yield process, await _ready(name, process, log)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ready(name: str, process: Process, log: Path) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 (PIPE was asked for)
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
    except TimeoutError:
        raise DemoError(f"the {name} did not come up within {START_TIMEOUT_S} s: {_tail(log)}") from None
    if not line:
        raise DemoError(f"the {name} ended before it was ready: {_tail(log)}")
    ready: dict[str, Any] = json.loads(line)
    return ready


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def bench_file(folder: Path) -> Path:
    """The demo's bench file with every port free, so that it never meets what else listens on this machine."""
    bench = tomllib.loads((EXAMPLES / "bench.toml").read_text())
    for meter in bench["meter"]:
        meter["listen"] = [_free_port(url) for url in meter["listen"]]
    path = folder / "bench.toml"
    path.write_bytes(tomli_w.dumps(bench).encode())
    return path


def _free_port(url: str) -> str:
    port = urlsplit(url).port
    return url if port is None else url.replace(f":{port}", ":0", 1)


def gateway_file(folder: Path, broker: str, emulator: dict[str, Any]) -> Path:
    """The demo's gateway file, pointed at this run's broker and at where its meters really listen."""
    gateway = tomllib.loads((EXAMPLES / "gateway.toml").read_text())
    gateway["broker"]["url"] = broker
    gateway["store"] = {"path": str(folder / "gateway.db")}
    urls = {meter["id"]: meter["urls"] for meter in emulator["meters"]}
    for meter in gateway["meter"]:
        if meter["id"] not in urls:
            raise DemoError(f"examples/demo/gateway.toml names {meter['id']}, which examples/demo/bench.toml does not")
        meter["url"] = _dial(meter["url"], urls[meter["id"]])
    path = folder / "gateway.toml"
    path.write_bytes(tomli_w.dumps(gateway).encode())
    return path


def _dial(written: str, offered: list[str]) -> str:
    """The URL that this run's meter offers, with the client that the gateway file asks for."""
    wanted = urlsplit(written)
    for url in offered:
        if urlsplit(url).scheme == wanted.scheme:
            place = url.partition("?")
            asked = dict(parse_qsl(place[2]))
            asked.update({key: value for key, value in parse_qsl(wanted.query) if key == "client"})
            return f"{place[0]}?{urlencode(asked)}"
    raise DemoError(f"no meter listens for {written}: {', '.join(offered)}")


async def watch(broker: str, gateway_id: str, board: Board, cycle: RelayCycle) -> None:
    """Follow every message of the gateway, show it, and send the relay cycle's commands when their time has come."""
    place = urlsplit(broker)
    async with aiomqtt.Client(
        place.hostname or "127.0.0.1", place.port or 1883, identifier="meterbench-demo"
    ) as client:
        await client.subscribe(f"meters/v1/{gateway_id}/#", qos=1)
        async for message in client.messages:
            topic, payload = str(message.topic), json.loads(message.payload or b"{}")
            board.take(topic, payload)
            for place_of, command in cycle.take(topic, payload):
                await client.publish(place_of, json.dumps(command), qos=1)
                board.say(f"command    {command['verb']} {place_of.split('/')[-2]}")


async def run(seconds: float | None, broker: str | None) -> int:
    """Run the demo; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="meterbench-demo-") as name:
        folder = Path(name)
        async with contextlib.AsyncExitStack() as stack:
            if broker is None:
                _, ready = await stack.enter_async_context(
                    program("broker", "meterbench.demo.broker", log=folder / "broker.log")
                )
                broker = str(ready["url"])
            bench = bench_file(folder)
            _, emulator = await stack.enter_async_context(
                program(
                    "emulator",
                    "meterbench",
                    "emulator",
                    "run",
                    str(bench),
                    "--until-stdin-closes",
                    log=folder / "emulator.log",
                )
            )
            config = gateway_file(folder, broker, emulator)
            _, gateway = await stack.enter_async_context(
                program(
                    "gateway",
                    "meterbench",
                    "gateway",
                    "run",
                    str(config),
                    "--until-stdin-closes",
                    log=folder / "gateway.service.log",
                )
            )
            meters = [meter["id"] for meter in tomllib.loads(config.read_text())["meter"]]
            cycle = RelayCycle(gateway["id"], meters)
            board = Board(meters, broker, {meter["id"]: meter["model"] for meter in emulator["meters"]})
            with board:
                watching = asyncio.ensure_future(watch(broker, gateway["id"], board, cycle))
                await _until(seconds, watching)
        return _verdict(cycle, seconds, folder)


async def _until(seconds: float | None, watching: "asyncio.Future[None]") -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((watching, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


def _verdict(cycle: RelayCycle, seconds: float | None, folder: Path) -> int:
    missing = cycle.missing()
    if not missing:
        print("the demo is complete: every meter was read, and one was cut and restored with read-back")
        return 0
    if seconds is None:
        return 0
    print(f"the demo failed: {missing}", file=sys.stderr)
    for program_name in ("emulator", "gateway"):
        print(f"last words of the {program_name}: {_tail(folder / f'{program_name}.log')}", file=sys.stderr)
    return 1


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="make demo", description="Emulated meters, read by the gateway into MQTT.")
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="end by itself, and judge")
    parser.add_argument("--broker", metavar="URL", help="mqtt://HOST:PORT of a broker that is already there")
    options = parser.parse_args()
    if not EXAMPLES.is_dir():
        print("the demo runs from a checkout: its files are in examples/demo/", file=sys.stderr)
        return 2
    try:
        return asyncio.run(run(options.seconds, options.broker))
    except (DemoError, aiomqtt.MqttError) as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
