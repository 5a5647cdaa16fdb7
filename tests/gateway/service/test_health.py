"""Health: numbers for Prometheus, and a small server that answers what is asked properly and nothing else."""

import asyncio

import pytest

from gateway.polling.bus import Job
from gateway.polling.schedule import Priority
from gateway.service.health import Health
from gateway.service.health_server import CONNECTIONS_MAX, REQUEST_BYTES_MAX, HealthServer
from protocols.message.command import Rung


def numbers(health: Health) -> dict[str, float]:
    lines = health.metrics().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}


def test_what_happens_is_counted() -> None:
    health = Health()
    job = Job("MB1", Priority.BLOCK, "block_load", 0)
    health.begun(job)
    assert numbers(health)["gateway_lines_busy"] == 1
    health.ended(job)
    health.ended(job)
    health.error("no_answer")
    health.rung(Rung.CONFIRMED, 40)
    health.session()
    health.gauge("gateway_depth", "Depth.", lambda: 7)
    shown = numbers(health)
    assert shown["gateway_lines_busy"] == 0
    assert shown['gateway_reads_total{profile="block_load"}'] == 1
    assert shown['gateway_errors_total{kind="no_answer"}'] == 1
    assert shown['gateway_ladder_seconds_bucket{le="0.05",rung="confirmed"}'] == 1
    assert shown['gateway_ladder_seconds_bucket{le="0.02",rung="confirmed"}'] == 0
    assert shown["gateway_job_seconds_count"] == 1
    assert shown["gateway_broker_sessions_total"] == 1
    assert shown["gateway_depth"] == 7


def test_what_is_counted_elsewhere_is_read_when_it_is_asked_for() -> None:
    health, counts = Health(), dict[tuple[str, ...], float]()
    health.counter("gateway_decisions_total", "Decisions.", ("effect", "decision"), lambda: counts)
    health.counter("gateway_ignored_total", "Ignored.", (), lambda: {(): 3})
    counts["cut", "refused"] = 5
    shown = numbers(health)
    assert shown['gateway_decisions_total{decision="refused",effect="cut"}'] == 5
    assert shown["gateway_ignored_total"] == 3


def test_a_command_is_no_read() -> None:
    health = Health()
    health.begun(Job("MB1", Priority.COMMAND, "command:c1", 0, work="c1"))
    assert not [name for name in numbers(health) if name.startswith("gateway_reads_total")]
    assert numbers(health)["gateway_lines_busy"] == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\n\r\n", 200),
        (b"GET /metrics?name=x HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /readyz HTTP/1.1\r\n\r\n", 503),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"\x16\x03\x01\r\n\r\n", 405),
    ],
)
def test_each_request_has_its_answer(head: bytes, status: int) -> None:
    answer = HealthServer(Health()).answer(head)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    lines, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in lines


def test_whoever_is_not_ready_says_why() -> None:
    health = Health()
    health.ready = lambda: "no session with the broker"
    assert HealthServer(health).answer(b"GET /readyz HTTP/1.1\r\n\r\n").endswith(b"no session with the broker\n")
    health.ready = lambda: None
    assert b" 200 OK" in HealthServer(health).answer(b"GET /readyz HTTP/1.1\r\n\r\n")


async def test_what_is_too_long_or_ends_early_gets_nothing_and_others_are_served() -> None:
    server = HealthServer(Health())
    url = await server.start("127.0.0.1:0")
    port = int(url.rsplit(":", 1)[1].split("/")[0])

    async def ask(request: bytes, *, end: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        if end:
            writer.write_eof()
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    try:
        assert await ask(b"x" * (REQUEST_BYTES_MAX * 2), end=False) == b""
        assert await ask(b"GET /healthz HTT", end=True) == b""
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
        assert await ask(b"GET /healthz HTTP/1.1\r\n\r\n", end=False) == b""
        for _, writer in idle:
            writer.close()
        while not (await ask(b"GET /healthz HTTP/1.1\r\n\r\n", end=False)).startswith(b"HTTP/1.1 200"):
            pass  # until the idle ones are seen to be gone
    finally:
        await server.stop()
