"""The ways that pushes come to a gateway besides its ports: its own lines, its own connections, those of meters."""

import asyncio
import functools
import json
import socket
from pathlib import Path
from typing import Any, Self

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import check as check_bench
from emulator.bench.running import RunningBench
from gateway.configuration.config import ConfigError, check
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.dlms.notification import DataNotification, DataNotificationConfirm, EventNotificationRequest
from protocols.dlms.server import AssociationServer
from protocols.dlms.value import Tag, encode
from protocols.transport.pump import link_time_us
from protocols.wrapper import encode as wrapped
from tests.emulator.living import octets
from tests.gateway.live import Live, bench, client_48, running
from tests.gateway.push.test_listener import EU_POWER, POWER_CELLS, clear
from tests.patience import PATIENCE_S, until

NO_BROKER = "mqtt://127.0.0.1:1"
FAST = {"rate": 6000}
"""A block of fifteen minutes passes in 150 ms."""


def bodies(live: Live, end: str) -> list[dict[str, Any]]:
    wanted = "SELECT body FROM outbox WHERE topic LIKE ? ORDER BY id"
    return [json.loads(body) for (body,) in live.gateway.core.store.sql.execute(wanted, (f"%{end}",))]


def gateway(folder: Path, meter: dict[str, Any]) -> Any:
    return running(folder, NO_BROKER, [{"read": {}} | meter], metrics={"listen": "off"})


@pytest.mark.parametrize("listen", ["dlms+hdlc+tcp://127.0.0.1:0?physical=17", "dlms+hdlc://pty?path={path}"])
async def test_frames_on_an_hdlc_line_are_heard_between_conversations(tmp_path: Path, listen: str) -> None:
    listen = listen.format(path=tmp_path / "line")
    meter = {"id": "MB0001", "model": "is15959-d1", "listen": [listen], "push": {"to": "hdlc", "random": 0}}
    async with bench(meter, clock=FAST) as urls:
        config = {"id": "MB0001", "url": urls["MB0001"][0], "model": "is15959-d1", "pushes": True}
        async with gateway(tmp_path, config) as live:
            [block] = (await until(lambda: bodies(live, "MB0001/reading/block_load")))[:1]
            assert not bodies(live, "MB0001/status"), "nobody has spoken with the meter"
    assert "block_active_energy_import" in {each["name"] for each in block["rows"][0]["values"]}


async def test_a_conversation_on_the_line_hears_too_and_gives_it_back(tmp_path: Path) -> None:
    listen = ["dlms+hdlc+tcp://127.0.0.1:0"]
    meter = {"id": "MB0001", "model": "is15959-d1", "listen": listen, "push": {"to": "hdlc", "random": 0}}
    async with bench(meter, clock=FAST) as urls:
        url = urls["MB0001"][0].replace("client=16", "client=32")
        config = {"id": "MB0001", "url": url, "model": "is15959-d1", "auth": "lls", "pushes": True}
        reads = {"read": {"nameplate": "1s"}, "association": "drop"}
        async with gateway(tmp_path, config | reads) as live:
            await until(lambda: len(bodies(live, "MB0001/reading/nameplate")) > 1)
            await until(lambda: len(bodies(live, "MB0001/reading/block_load")) > 1)


@pytest.mark.parametrize("dials_in", [False, True])
async def test_connections_that_stand_carry_pushes(tmp_path: Path, *, dials_in: bool) -> None:
    """In an association with a client of its own, and at any time where the meter has dialled in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    listen = [f"dlms+tcp+listen://127.0.0.1:{port}" if dials_in else "dlms+tcp://127.0.0.1:0"]
    meter = {"id": "MB0001", "model": "is15959-d1", "listen": listen, "push": {"to": "connection", "random": 0}}
    async with bench(meter, clock=FAST) as urls:
        config = {"id": "MB0001", "url": client_48(urls["MB0001"]), "model": "is15959-d1", "auth": "hls"}
        if dials_in:
            config["url"] = f"{listen[0]}?client=48&server=1"
        async with gateway(tmp_path, config | {"read": {} if dials_in else {"nameplate": "1s"}}) as live:
            await until(lambda: bodies(live, "MB0001/reading/block_load"))
            assert (
                live.gateway.health.registry.get_sample_value("gateway_errors_total", {"kind": "push_refused"}) is None
            )


@pytest.mark.parametrize("listen", ["dlms+tcp://127.0.0.1:0", "dlms+hdlc+tcp://127.0.0.1:0"])
async def test_a_confirmed_push_of_an_emulated_meter_is_confirmed_on_its_line(tmp_path: Path, listen: str) -> None:
    to = "hdlc" if "hdlc" in listen else "connection"
    push = {"to": to, "random": 0, "retries": 0, "confirmed": True}
    said = {
        "seed": 7,
        "clock": FAST,
        "meter": [{"id": "EU0001", "model": "eu-three-phase", "listen": [listen], "push": push}],
    }
    household = assemble(check_bench(said, "test"), "test", Path())
    async with RunningBench(household) as emulator:
        url = emulator.ready()["meters"][0]["urls"][0]
        async with gateway(tmp_path, {"id": "EU0001", "url": url, "model": "eu-three-phase", "pushes": True}) as live:
            await until(lambda: bodies(live, "EU0001/reading/block_load"))
            errands = household.members[0].resident.errands
            assert errands is not None
            await until(lambda: errands.pusher.confirmed_ms)


async def test_what_an_association_opens_is_told_and_confirmed_in_it(tmp_path: Path) -> None:
    """Ciphered for the client that is associated: only its association can tell a push from an answer."""
    number = 9 | 1 << 30
    push = DataNotification.decode(clear("0.9.25.9.0.255", *POWER_CELLS, long_invoke=number)[8:]).encode()
    voltage = AttributeDescriptor(3, octets("1.0.12.7.0.255"), 2)
    event = EventNotificationRequest(None, voltage, encode((int(Tag.LONG_UNSIGNED), 2301))).encode()
    meter = {"id": "MB0001", "model": "is15959-d1", "listen": ["dlms+tcp://127.0.0.1:0"]}
    household = assemble(check_bench({"seed": 7, "meter": [meter]}, "test"), "test", Path())
    resident = household.members[0].resident
    confirmed: list[int] = []
    resident.awaited = {number: lambda: confirmed.append(number)}
    async with RunningBench(household) as emulator:
        url = client_48(emulator.ready()["meters"][0]["urls"])
        config = {"id": "MB0001", "url": url, "model": "is15959-d1", "auth": "hls", "read": {"nameplate": "1s"}}
        async with gateway(tmp_path, config) as live:
            await until(lambda: bodies(live, "MB0001/reading/nameplate"))
            [line] = emulator.endpoint.lines_of(resident)
            for apdu in (push, event):
                said = functools.partial(AssociationServer.notify, client=48, server=1, apdu=apdu)
                line.push(resident, "wrapper", lambda it, said=said: said(it, now_us=link_time_us()), link_time_us())  # type: ignore[misc]  # bound at once
            events = await until(lambda: len(found := bodies(live, "MB0001/event")) == 2 and found)
            await until(lambda: confirmed)
    assert [each["kind"] for each in events] == ["push", "event_notification"]
    assert events[1]["name"] == "voltage"


class Meter:
    """A meter of a few lines that says unasked what a test wants, on the connection that the gateway has opened."""

    def __init__(self) -> None:
        self.heard = asyncio.Queue[bytes]()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"dlms+tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while data := await reader.read(1000):
            self.heard.put_nowait(data)

    async def say(self, data: bytes) -> None:
        await until(lambda: self._writers)  # the gateway comes by itself
        self._writers[-1].write(data)


EU = {"id": "EU1", "model": "eu-three-phase", "device_id": "EU-1", "pushes": True}


async def test_a_push_that_is_sent_again_is_confirmed_again_and_told_once(tmp_path: Path) -> None:
    push = clear(EU_POWER, *POWER_CELLS, long_invoke=7 | 1 << 30)
    other = clear(EU_POWER, *POWER_CELLS, long_invoke=8 | 1 << 30)
    for _restart in range(2):  # what was told is known after a restart, too
        async with Meter() as meter, gateway(tmp_path, EU | {"url": meter.url}) as live:
            for frame in (push, push, other):
                await meter.say(frame)
                async with asyncio.timeout(PATIENCE_S):
                    answer = await meter.heard.get()
                asked = DataNotification.decode(frame[8:]).long_invoke
                assert DataNotificationConfirm.decode(answer[8:]).long_invoke == asked
            assert [each["kind"] for each in bodies(live, "EU1/event")] == ["last_gasp", "last_gasp"]


async def test_the_only_meter_of_a_line_need_not_name_itself(tmp_path: Path) -> None:
    voltage = AttributeDescriptor(3, octets("1.0.32.7.0.255"), 2)
    event = EventNotificationRequest(None, voltage, encode((int(Tag.LONG_UNSIGNED), 2301)))
    unnamed = clear(EU_POWER, *POWER_CELLS, device="whoever")
    async with Meter() as meter, gateway(tmp_path, EU | {"url": meter.url}) as live:
        await meter.say(wrapped(1, 16, event.encode()) + unnamed + wrapped(1, 102, b"\xc2\x00\x03"))
        events = await until(lambda: len(found := bodies(live, "EU1/event")) == 2 and found)
        await until(
            lambda: live.gateway.health.registry.get_sample_value("gateway_errors_total", {"kind": "push_refused"})
        )
    assert (events[0]["kind"], events[0]["values"][0]["value"]) == ("event_notification", "230.1")
    assert events[0]["values"][0]["unit"] == "V"
    assert events[1]["kind"] == "last_gasp"


@pytest.mark.parametrize("url", ["dlms+mode-e:///dev/ttyUSB0", "dlms+udp://127.0.0.1:1", "dlms+tcp+listen://0.0.0.0:1"])
def test_a_line_to_hear_must_be_one_that_can_be_held_open(url: str) -> None:
    with pytest.raises(ConfigError, match="pushes = true holds a line open"):
        check({"id": "gw1", "meter": [{"id": "M1", "url": url, "pushes": True}]}, "", "test")
