"""The ports that meters push to: what comes of a push, in which order it is safe, and what strangers may send."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.configuration.config import ConfigError, check
from gateway.push.listener import IDLE_US
from gateway.push.tap import PushTap, Silence
from gateway.service.supervisor import Gateway
from protocols.dlms.general_block_transfer import GeneralBlockTransfer
from protocols.dlms.notification import DataNotification, DataNotificationConfirm
from protocols.dlms.value import Tag, Value, encode, structure
from protocols.machine import Stack
from protocols.wrapper import Role, Wrapper
from protocols.wrapper import encode as wrapped
from tests.emulator.living import ALERT, INSTANT, POWER, Living, octets
from tests.gateway.live import bench, edge
from tests.gateway.push.test_sender import ciphered
from tests.patience import PATIENCE_S, until

METERS = [
    {"id": "MB0001", "url": "dlms+tcp://127.0.0.1:1?client=32", "model": "is15959-d1", "auth": "lls", "read": {}},
    {"id": "EU1", "url": "dlms+tcp://127.0.0.1:1", "model": "eu-three-phase", "read": {}, "device_id": "EU-1"},
]
EU_POWER = "0.4.25.9.0.255"


class Running:
    """A gateway without a broker, and what is in its outbox."""

    def __init__(self, gateway: Gateway, ports: list[int]) -> None:
        self.gateway = gateway
        self.ports = ports

    def bodies(self, end: str) -> list[dict[str, Any]]:
        wanted = "SELECT body FROM outbox WHERE topic LIKE ? ORDER BY id"
        rows = self.gateway.core.store.sql.execute(wanted, (f"%{end}",))
        return [json.loads(body) for (body,) in rows]

    def errors(self, kind: str) -> float:
        value = self.gateway.health.registry.get_sample_value("gateway_errors_total", {"kind": kind})
        return 0 if value is None else value


@contextlib.asynccontextmanager
async def gateway(folder: Path, *listen: str, **more: Any) -> AsyncIterator[Running]:
    said = {
        "id": "gw1",
        "broker": {"url": "mqtt://127.0.0.1:1"},
        "metrics": {"listen": "off"},
        "push": {"listen": listen or ("dlms+tcp://127.0.0.1:0",)} | more,
        "meter": METERS,
    }
    made = Gateway(check(said, "", "test"), edge(folder / "gateway.toml"))
    ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(ready.set_result, stop))
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield Running(made, [int(url.rpartition(":")[2]) for url in (await ready)["push"]])
    finally:
        stop.set()
        await task


def clear(setup: str, *more: Value, device: str = "EU-1", long_invoke: int = 1) -> bytes:
    """A push in clear, as the European model has them, in a wrapper frame."""
    cells = [(int(Tag.OCTET_STRING), device.encode()), (int(Tag.OCTET_STRING), octets(setup)), *more]
    body = structure([encode(each) for each in cells])
    return wrapped(1, 102, DataNotification(long_invoke, b"", body).encode())


NULL: Value = (0, None)
POWER_CELLS: tuple[Value, ...] = (NULL, (int(Tag.LONG_UNSIGNED), 101), (int(Tag.LONG_UNSIGNED), 3))


def say(port: int, data: bytes) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    peer.sendall(data)
    return peer


@pytest.mark.parametrize("scheme", ["dlms+tcp", "dlms+udp"])
async def test_readings_and_events_come_of_what_emulated_meters_push(tmp_path: Path, scheme: str) -> None:
    async with gateway(tmp_path, f"{scheme}://127.0.0.1:0") as running:
        push = {"to": f"{scheme}://127.0.0.1:{running.ports[0]}", "every": 60, "random": 0}
        meter = {"id": "MB0001", "model": "is15959-d1", "push": push}
        async with bench(meter, clock={"rate": 600}):
            [instantaneous] = (await until(lambda: running.bodies("MB0001/reading/instantaneous")))[:1]
            [block] = (await until(lambda: running.bodies("MB0001/reading/block_load")))[:1]
    values = {each["name"]: each for each in instantaneous["rows"][0]["values"]}
    assert (values["voltage"]["value"], values["voltage"]["unit"]) == ("230", "V")
    assert "at" in instantaneous["rows"][0]
    assert "block_active_energy_import" in {each["name"] for each in block["rows"][0]["values"]}


async def test_an_alert_has_its_bits_and_has_the_switch_read(tmp_path: Path) -> None:
    living = Living()
    living.direct(ALERT)
    living.meter.relay.remote_disconnect(living.now_ms + 1)
    [alert] = living.go(living.now_ms + 2)
    async with gateway(tmp_path) as running:
        say(running.ports[0], wrapped(1, 64, ciphered(alert.push.apdu, 1))).close()
        [event] = await until(lambda: running.bodies("MB0001/event"))
        assert (event["kind"], event["bits"]) == ("status_word", ["load_switch", "relay_l1"])
        await until(lambda: running.bodies("MB0001/status"))  # the read was tried, and nobody was there


async def test_a_power_event_is_a_last_gasp_or_a_first_breath(tmp_path: Path) -> None:
    living = Living()
    living.direct(POWER, ALERT)
    living.meter.outage(living.now_ms + 1)
    living.go(living.now_ms + 2)
    living.meter.restore(living.now_ms + 10_000)
    living.go(living.now_ms + 60_000)
    async with gateway(tmp_path) as running:
        for counter, sent in enumerate(living.sent, 1):
            say(running.ports[0], wrapped(1, 64, ciphered(sent.push.apdu, counter))).close()
            await until(lambda count=counter: len(running.bodies("MB0001/event")) == count)  # type: ignore[misc]
        events = running.bodies("MB0001/event")
    assert [each["kind"] for each in events] == ["last_gasp", "last_gasp", "first_breath", "first_breath"]
    assert sorted(each["code"] for each in events if "code" in each) == [101, 102]


async def test_a_confirmed_push_is_confirmed_once_it_is_durable(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        peer = await asyncio.to_thread(say, running.ports[0], clear(EU_POWER, *POWER_CELLS, long_invoke=7 | 1 << 30))
        answer = await asyncio.to_thread(peer.recv, 100)
        peer.close()
        assert answer[:6] == bytes.fromhex("000100660001")
        assert DataNotificationConfirm.decode(answer[8:]).long_invoke == 7 | 1 << 30
        [event] = running.bodies("EU1/event")
    assert (event["kind"], event["code"]) == ("last_gasp", 101)


async def test_a_push_in_general_blocks_is_put_together(tmp_path: Path) -> None:
    apdu = clear(EU_POWER, *POWER_CELLS)[8:]
    blocks = GeneralBlockTransfer(requester=False).send_unconfirmed(apdu, 20)
    assert len(blocks) > 2
    async with gateway(tmp_path) as running:
        data = b"".join(wrapped(1, 102, block.encode()) for block in blocks)
        say(running.ports[0], data).close()
        await until(lambda: running.bodies("EU1/event"))


async def test_a_null_element_and_a_wrong_length_are_told_not_swallowed(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        peer = say(running.ports[0], clear(EU_POWER, NULL, NULL, NULL) + clear(EU_POWER, NULL))
        events = await until(lambda: len(found := running.bodies("EU1/event")) == 2 and found)
        peer.close()
    assert [value["quality"] for value in events[0]["values"]] == ["error", "error", "error"]
    assert (events[1]["kind"], events[1]["name"]) == ("gateway", "push_refused")
    assert "has 5 elements, the meter sent 3" in events[1]["values"][0]["reason"]


async def test_strangers_may_send_anything_and_meters_are_heard_all_the_same(tmp_path: Path) -> None:
    rng = Random(7)
    good = clear(EU_POWER, *POWER_CELLS)
    async with gateway(tmp_path, "dlms+tcp://127.0.0.1:0", "dlms+udp://127.0.0.1:0") as running:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(200):
                altered = bytearray(good if rng.random() < 0.5 else rng.randbytes(1 + rng.randrange(80)))
                for _ in range(rng.randrange(4)):
                    altered[rng.randrange(len(altered))] = rng.randrange(256)
                stranger.sendto(bytes(altered), ("127.0.0.1", running.ports[1]))
        lying_block = wrapped(1, 102, b"\xe0\xff" + bytes(4))
        for hostile in (b"\x00\x02" + bytes(6), b"\xff" * 100, good[:-3], lying_block, b""):
            say(running.ports[0], hostile).close()
        before = len(running.bodies("EU1/event"))
        say(running.ports[0], good).close()
        await until(lambda: len(running.bodies("EU1/event")) > before)
        assert await until(lambda: running.errors("push_refused") > 20)


async def test_a_replayed_push_is_refused_or_taken_as_configured(tmp_path: Path) -> None:
    living = Living()
    living.direct(INSTANT)
    living.act(40, INSTANT, 1)
    [sent] = living.go(living.now_ms + 1)
    frame = wrapped(1, 64, ciphered(sent.push.apdu, 5))
    for replayed, expected in (("refuse", 1), ("accept", 2)):
        folder = tmp_path / replayed
        folder.mkdir()
        async with gateway(folder, replayed=replayed) as running:
            peer = say(running.ports[0], frame + frame)
            await until(lambda: len(running.bodies("reading/instantaneous")) + running.errors("push_refused") == 2)
            peer.close()
            assert len(running.bodies("reading/instantaneous")) == expected


async def test_a_push_that_was_taken_before_a_restart_is_not_taken_again(tmp_path: Path) -> None:
    living = Living()
    living.direct(INSTANT)
    living.act(40, INSTANT, 1)
    [sent] = living.go(living.now_ms + 1)

    async def taken(counter: int) -> int:
        """How many readings there are once a gateway was given this push."""
        async with gateway(tmp_path) as running:
            before = len(running.bodies("reading/instantaneous"))
            say(running.ports[0], wrapped(1, 64, ciphered(sent.push.apdu, counter))).close()

            def settled() -> float:
                return len(running.bodies("reading/instantaneous")) - before + running.errors("push_refused")

            await until(settled)
            return len(running.bodies("reading/instantaneous"))

    assert [await taken(counter) for counter in (5, 5, 4, 6)] == [1, 1, 1, 2]


async def test_a_confirmed_push_in_the_very_same_octets_is_confirmed_again_and_told_once(tmp_path: Path) -> None:
    """A meter that tries again need not cipher again; also after a restart, and never what was not told."""
    push = DataNotification.decode(clear("0.9.25.9.0.255", *POWER_CELLS, long_invoke=7 | 1 << 30)[8:]).encode()
    frame = wrapped(1, 64, ciphered(push, 5))
    older = wrapped(1, 64, ciphered(push.replace(b"EU-1", b"EU-2"), 4))
    for restarted in (False, True):
        async with gateway(tmp_path) as running:
            if restarted:
                await refused_twice(running, older)
            for _ in range(3):
                peer = await asyncio.to_thread(say, running.ports[0], frame)
                assert (await asyncio.to_thread(peer.recv, 100))[8] == 0xDB
                peer.close()
            if not restarted:
                await refused_twice(running, older)
            assert len(running.bodies("MB0001/event")) == 1


async def refused_twice(running: Running, frame: bytes) -> None:
    for refused in (1, 2):
        say(running.ports[0], frame).close()
        await until(lambda refused=refused: running.errors("push_refused") == refused)  # type: ignore[misc]  # bound at once


def test_a_connection_that_stays_silent_is_ended() -> None:
    taken: list[bytes] = []
    stack = Stack([Wrapper(Role.CLIENT), Silence(IDLE_US), PushTap(None, lambda apdu, _reply: taken.append(apdu))])
    stack.receive_data(clear(EU_POWER), 1000)
    assert taken == [clear(EU_POWER)[8:]]
    assert stack.deadline_us() == 1000 + IDLE_US
    stack.on_deadline(1000 + IDLE_US - 1)
    assert stack.closed is None
    stack.on_deadline(1000 + IDLE_US)
    assert stack.closed is not None


@pytest.mark.parametrize("url", ["modbus+tcp://127.0.0.1:0", "dlms+hdlc:///dev/ttyUSB0", "dlms+tcp://", "x"])
def test_a_port_for_pushes_must_be_one(url: str) -> None:
    with pytest.raises(ConfigError, match=r"push\.listen"):
        check({"id": "gw1", "push": {"listen": [url]}}, "", "test")
