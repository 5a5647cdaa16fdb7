"""The gateway between emulated meters and mosquitto: what the contract promises, over real sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from protocols.message.schema import CHANNELS, json_schema
from protocols.message.topic import parse
from tests.broker import mosquitto
from tests.gateway.live import Listener, bench, client_48, dlms, listener, running
from tests.patience import until

pytestmark = pytest.mark.interop

SCHEMAS = {kind: json_schema(kind) for kind in CHANNELS}
READ = {"instantaneous": "500ms"}


def meters(urls: dict[str, list[str]], read: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return [
        {"id": name, "url": client_48(each), "auth": "hls", "read": read or READ, "observe_after": "200ms"}
        for name, each in urls.items()
    ]


def holds_to_the_contract(ear: Listener) -> None:
    """Every message fits its schema; every number of the stream came once, with one payload."""
    known: dict[int, bytes] = {}
    for message in ear.seen:
        address = parse(message.topic)
        assert address is not None, message.topic
        payload = json.loads(message.payload)
        jsonschema.validate(payload, SCHEMAS[address.kind])
        if CHANNELS[address.kind].by_gateway:
            assert known.setdefault(payload["seq"], message.payload) == message.payload
    assert sorted(known) == list(range(min(known), max(known) + 1))


async def test_everything_of_the_contract_is_seen_and_fits_its_schema(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms(2)) as urls, listener(broker.url) as ear:
            read = {"instantaneous": "500ms", "block_load": {"every": "5s", "depth": "1d"}, "nameplate": "5s",
                    "balance": "5s", "events": "5s", "daily_load": {"every": "5s", "depth": "3d"}}  # fmt: skip
            async with running(tmp_path, broker.url, meters(urls, read)) as live:
                assert live.ready["ready"] is True
                assert [each["id"] for each in live.ready["meters"]] == ["MB0001", "MB0002"]
                for topic in ("instantaneous", "block_load", "nameplate", "daily_load"):
                    await ear.first(f"MB0002/reading/{topic}")
                await ear.first("MB0001/relay", output_state=True)
                await ear.first("MB0001/status", status="online")
                await ear.first("MB0001/balance")
                ear.send("MB0001", "disconnect", cause="maintenance")
                await ear.first("MB0001/result", rung="observed")
                await ear.first("MB0001/relay", output_state=False, cause="maintenance", command="c1")
            await ear.first("gw1/status", status="offline")
            holds_to_the_contract(ear)
            rungs = [each["rung"] for each in ear.payloads("/result")]
            assert rungs == ["accepted", "sent", "acknowledged", "confirmed", "observed"]


async def test_a_response_topic_gets_every_rung_with_its_correlation(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url, ("answers/#", "meters/v1/#")) as ear:
            async with running(tmp_path, broker.url, meters(urls)):
                await ear.first("MB0001/relay")
                payload = json.dumps({"id": "c1", "verb": "read", "args": {"profile": "nameplate"}}).encode()
                ear.session.publish(
                    "meters/v1/gw1/MB0001/command", payload, response_topic="answers/7", correlation=b"\x07\x08"
                )
                await ear.first("answers/7", rung="confirmed")
            answers = [each for each in ear.seen if each.topic == "answers/7"]
            assert {each.correlation for each in answers} == {b"\x07\x08"}
            results = [each.payload for each in ear.seen if each.topic.endswith("/result")]
            assert [each.payload for each in answers] == results


async def test_a_dead_broker_loses_nothing_and_what_waited_says_so(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls:
            async with running(tmp_path, broker.url, meters(urls)) as live:
                async with listener(broker.url) as ear:
                    await ear.first("MB0001/relay")
                    before = [
                        json.loads(each.payload)["seq"] for each in ear.seen if each.topic.startswith("meters/v1/gw1/")
                    ]
                broker.kill()
                outbox = live.gateway.core.outbox
                waiting = outbox.totals.queued
                await until(lambda: outbox.totals.queued >= waiting + 3)
                broker.start()
                async with listener(broker.url) as ear:
                    await ear.until(lambda: any(each.get("historical") for each in ear.payloads("/instantaneous")))
                    relay = await ear.first("MB0001/relay")
                    await ear.first("gw1/status", status="online")
                    await until(lambda: outbox.idle)
            assert relay["seq"] in before, "what is retained is published again, unchanged, to a broker that forgot it"


async def test_a_hole_is_filled_when_it_is_asked_for(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, running(tmp_path, broker.url, meters(urls)) as live:
            async with listener(broker.url) as ear:
                await ear.first("MB0001/reading/instantaneous")
                await until(lambda: live.gateway.core.outbox.sent_through >= 4)
            async with listener(broker.url) as ear:
                asked = {"stream": live.gateway.core.outbox.stream, "from": 1, "to": 4}
                ear.session.publish("meters/v1/gw1/replay", json.dumps(asked).encode())
                ear.session.publish("meters/v1/gw1/replay", b"nonsense")
                await ear.until(lambda: {1, 2, 3, 4} <= {each.get("seq") for each in ear.payloads()})


async def test_commands_that_wait_at_the_broker_are_taken_when_the_gateway_is_back(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url) as ear:
            async with running(tmp_path, broker.url, meters(urls)):
                await ear.first("MB0001/relay")
            ear.send("MB0001", "reconnect", "waited")
            async with running(tmp_path, broker.url, meters(urls)):
                await ear.first("/result", id="waited", rung="confirmed")


async def test_a_retained_or_bad_command_is_refused_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url) as ear, running(tmp_path, broker.url, meters(urls)):
            await ear.first("MB0001/relay")
            topic = "meters/v1/gw1/MB0001/command"
            ear.session.publish(topic, b'{"id":"old","verb":"reconnect"}', retain=True)
            ear.session.publish(topic, b"\x00\xff" * 1000)
            ear.session.publish("meters/v1/gw1/MB9999/command", b'{"id":"lost","verb":"reconnect"}')
            ear.send("MB0001", "reconnect", "good")
            assert (await ear.first("/result", id="old"))["rule"] == "retained"
            assert (await ear.first("/result", rule="malformed"))["rung"] == "refused"
            assert (await ear.first("MB9999/result", id="lost"))["rule"] == "unknown-meter"
            await ear.first("/result", id="good", rung="confirmed")


async def test_a_silent_meter_does_not_slow_its_neighbours(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url) as ear:
            silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
            port = silent.sockets[0].getsockname()[1]
            dead = {"id": "DEAD", "url": f"dlms+tcp://127.0.0.1:{port}?client=48", "read": READ, "timeout": "500ms"}
            async with running(tmp_path, broker.url, [*meters(urls), dead]):
                await ear.first("DEAD/status", status="offline")
                await ear.until(lambda: len(ear.payloads("MB0001/reading/instantaneous")) >= 4)
            silent.close()


@contextlib.asynccontextmanager
async def counted(url: str) -> AsyncIterator[tuple[str, list[int]]]:
    """A way to a meter on which connections are counted."""
    port = int(url.split("?", maxsplit=1)[0].rsplit(":", 1)[1])
    connections: list[int] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(port)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield url.replace(str(port), str(server.sockets[0].getsockname()[1])), connections
    finally:
        server.close()


@pytest.mark.parametrize("association", ["keep", "drop"])
async def test_an_association_is_kept_or_dropped_as_configured(tmp_path: Path, association: str) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, counted(client_48(urls["MB0001"])) as (url, connections):
            meter = {"id": "MB0001", "url": url, "auth": "hls", "association": association,
                     "read": {"instantaneous": "300ms"}}  # fmt: skip
            async with listener(broker.url) as ear, running(tmp_path, broker.url, [meter]):
                await ear.until(lambda: len(ear.payloads("/reading/instantaneous")) >= 4)
                # The first of two may be the public client, for the invocation counter.
                assert (len(connections) <= 2) is (association == "keep")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_both_versions_of_mqtt_carry_the_contract(tmp_path: Path, version: str) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url, version=version) as ear:
            async with running(tmp_path, broker.url, meters(urls), broker={"version": version}):
                await ear.first("MB0001/relay")
                ear.send("MB0001", "disconnect", cause="safety")
                await ear.first("MB0001/result", rung="confirmed")
            holds_to_the_contract(ear)


async def test_another_configuration_comes_into_force_without_touching_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"

    def write(urls: dict[str, list[str]], names: list[str], every: str = "500ms", guard: str = "") -> None:
        lines = [
            f'id = "gw1"\n[broker]\nurl = "{broker.url}"\nbackoff_max = "300ms"\n[metrics]\nlisten = "off"\n{guard}\n'
        ]
        lines += [
            f'[[meter]]\nid = "{name}"\nurl = "{client_48(urls[name])}"\nauth = "hls"\n'
            f'read = {{ instantaneous = "{every}" }}\n'
            for name in names
        ]
        file.write_text("".join(lines), encoding="utf-8")

    with mosquitto(tmp_path) as broker:
        async with bench(dlms(3)) as urls, listener(broker.url) as ear:
            write(urls, ["MB0001", "MB0002"])
            read = [
                each | {"observe_after": "2s"} for each in meters({name: urls[name] for name in ("MB0001", "MB0002")})
            ]
            async with running(tmp_path, broker.url, read, metrics={"listen": "off"}) as live:
                await ear.first("MB0002/relay")
                kept = live.gateway.fleet.line_of["MB0001"]
                unit = kept.units["MB0001"]
                hold = '[[guard.rule]]\nkind = "safety_hold"\nname = "line work"\nreason = "men on the line"'
                write(urls, ["MB0001", "MB0003"], guard=hold)
                await live.gateway.reload()
                await ear.first("MB0003/relay")
                assert live.gateway.fleet.line_of["MB0001"].units["MB0001"] is unit
                assert "MB0002" not in live.gateway.fleet.line_of
                ear.send("MB0001", "reconnect", "held")
                assert (await ear.first("/result", id="held"))["rule"] == "line work"
                file.write_text("id = 5", encoding="utf-8")
                await live.gateway.reload()
                status = await ear.until(
                    lambda: next((e for e in ear.payloads("gw1/status") if e.get("remarks")), None)
                )
                assert "the file is wrong" in status["remarks"][0]
                assert "MB0003" in live.gateway.fleet.line_of


async def test_health_says_whether_the_gateway_is_alive_and_ready(tmp_path: Path) -> None:
    async def get(url: str, path: str) -> tuple[str, str]:
        host, port = url.removeprefix("http://").removesuffix("/metrics").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        return head.split(" ")[1], body

    with mosquitto(tmp_path) as broker:
        async with (
            bench(dlms()) as urls,
            listener(broker.url) as ear,
            running(tmp_path, broker.url, meters(urls)) as live,
        ):
            await ear.first("MB0001/relay")
            metrics = live.ready["metrics"]
            assert (await get(metrics, "/healthz"))[0] == "200"
            assert (await get(metrics, "/readyz"))[0] == "200"
            status, body = await get(metrics, "/metrics")
            assert status == "200"
            for name in ("gateway_reads_total", "gateway_queue_rows", "gateway_ladder_seconds", "gateway_meters 1.0"):
                assert name in body
            assert (await get(metrics, "/secret"))[0] == "404"
            broker.kill()
            await until(lambda: not live.gateway.uplink.up)
            assert (await get(metrics, "/readyz"))[0] == "503"
            assert (await get(metrics, "/healthz"))[0] == "200"
