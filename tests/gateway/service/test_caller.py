"""Meters that dial in: known by who they say they are, spoken to on the connection that they opened."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.broker import free_port, mosquitto
from tests.gateway.live import bench, dlms, listener, running
from tests.patience import until

pytestmark = pytest.mark.interop


def dialling(port: int, name: str = "MB0001") -> dict[str, Any]:
    return dlms(1, name) | {"listen": [f"dlms+tcp+listen://127.0.0.1:{port}"]}


def meters(port: int, *names: str) -> list[dict[str, Any]]:
    url = f"dlms+tcp+listen://127.0.0.1:{port}?client=48&server=1"
    return [{"id": name, "url": url, "auth": "hls", "read": {"instantaneous": "500ms"}} for name in names]


async def test_meters_that_call_are_told_apart_read_and_switched(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(tmp_path) as broker:
        async with listener(broker.url) as ear, running(tmp_path, broker.url, meters(port, "MB0001", "MB0002")):
            await ear.first("MB0001/status", status="offline")
            async with bench(dialling(port), dialling(port, "MB0002")):
                for name in ("MB0001", "MB0002"):
                    await ear.first(f"{name}/status", status="online")
                    await ear.first(f"{name}/relay", output_state=True)
                serial = {each["meter"] for each in ear.payloads("/reading/instantaneous")}
                assert serial == {"MB0001", "MB0002"}
                ear.send("MB0002", "disconnect", cause="maintenance", command_id="c9")
                await ear.first("MB0002/result", id="c9", rung="confirmed")


async def test_a_meter_that_is_not_ours_is_turned_away(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(tmp_path) as broker:
        async with running(tmp_path, broker.url, meters(port, "OTHER1")) as live, bench(dialling(port)):
            await until(lambda: live.gateway.callers.turned_away > 0)
            assert live.gateway.callers.call_of("OTHER1") is None


async def test_a_call_that_says_nothing_useful_is_let_go_and_hurts_nobody(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(tmp_path) as broker:
        async with running(tmp_path, broker.url, meters(port, "MB0001")) as live:
            for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01\x00\x01\x00\x10\x00\x02\x61\x00"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(noise)
                writer.write_eof()
                await reader.read()
                writer.close()
            await until(lambda: live.gateway.callers.turned_away == 3)
            async with bench(dialling(port)):
                await until(lambda: live.gateway.callers.call_of("MB0001") is not None)
