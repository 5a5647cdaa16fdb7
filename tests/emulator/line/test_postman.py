"""Pushes on real carriers: TCP and UDP to whoever listens, UI frames on a pty, confirmed where it is asked for."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import BenchError, check
from emulator.bench.journal import Journal
from emulator.bench.running import RunningBench
from emulator.errand.push import PushState
from emulator.meter import Meter
from protocols.dlms.ciphered import GeneralGloCiphering
from protocols.dlms.notification import DataNotification, DataNotificationConfirm
from protocols.dlms.security.envelope import unprotect
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.opened import Opened
from protocols.dlms.value import decode
from protocols.hdlc import llc
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.window import UnnumberedReceiver
from protocols.machine import Stack
from protocols.model.association import SECRETS_DEFAULT
from protocols.transport.pump import link_time_us
from tests.emulator.living import ALERT, BLOCK, bits, octets
from tests.patience import PATIENCE_S, until

KEYS = Keys(title=b"MBG00000", block=SECRETS_DEFAULT["block"], authentication=SECRETS_DEFAULT["authentication"])


@contextlib.asynccontextmanager
async def bench(
    push: dict[str, Any], notes: Path | None = None, rate: int = 1, **meter: Any
) -> AsyncIterator[RunningBench]:
    said = {"id": "MB0001", "model": "is15959-d1", "load": {"constant": 500}, "supply": {"constant": 230}} | meter
    file = check({"seed": 7, "clock": {"rate": rate}, "meter": [said | {"push": push}]}, "test")
    household = assemble(file, "test", Path())
    journal = None if notes is None else Journal(notes.open("w"), household.clock.true_ms)
    async with RunningBench(household, journal) as running:
        yield running


def noted(notes: Path) -> list[str]:
    """What became of pushes, as the journal says."""
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    return [line["how"] for line in lines if line["what"] == "push"]


def cut(running: RunningBench) -> None:
    """Work the load switch, which is alerted."""
    [resident] = running.residents
    meter = resident.meter
    assert isinstance(meter, Meter)
    meter.relay.remote_disconnect(running.household.clock.true_ms(link_time_us()))


class Sink:
    """A port that takes what is pushed; `answer` makes what it says to it."""

    def __init__(self) -> None:
        self.apdus: asyncio.Queue[bytes] = asyncio.Queue()
        self.heads: list[bytes] = []
        self.answer: Callable[[bytes], bytes | None] = lambda _apdu: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(8)
                apdu = await reader.readexactly(int.from_bytes(head[6:], "big"))
                self.heads.append(head)
                answer = self.answer(apdu)
                if answer is not None:
                    back = head[:2] + head[4:6] + head[2:4] + len(answer).to_bytes(2, "big")
                    writer.write(back + answer)
                self.apdus.put_nowait(apdu)
        writer.close()

    async def next(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.apdus.get()


@contextlib.asynccontextmanager
async def sink() -> AsyncIterator[tuple[Sink, int]]:
    taking = Sink()
    server = await asyncio.start_server(taking.serve, "127.0.0.1", 0)
    async with server:
        yield taking, server.sockets[0].getsockname()[1]


def opened(apdu: bytes) -> list[Any]:
    """The values of a ciphered push."""
    envelope = GeneralGloCiphering.decode(apdu)
    assert envelope.content[0] == 0x20, "encrypted only, as meters in the field push"
    plain = unprotect(apdu, KEYS, envelope.system_title)
    assert isinstance(plain, Opened)
    return [content for _, content in decode(DataNotification.decode(plain.apdu).body)[1]]


async def test_an_alert_leaves_by_tcp_ciphered_and_from_the_push_client() -> None:
    async with sink() as (taking, port), bench({"to": f"dlms+tcp://127.0.0.1:{port}", "random": 0}) as running:
        cut(running)
        values = opened(await taking.next())
        assert values[0] == "MTBMB0001"
        assert values[1] == octets(ALERT)
        assert bits(values[3]) == [84, 124]
        assert taking.heads[0][:6] == bytes.fromhex("000100010040")


async def test_an_alert_leaves_by_udp_as_one_datagram() -> None:
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Taking(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            if not received.done():
                received.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Taking, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    async with bench({"to": f"dlms+udp://127.0.0.1:{port}", "random": 0}) as running:
        cut(running)
        async with asyncio.timeout(PATIENCE_S):
            data = await received
        assert int.from_bytes(data[6:8], "big") == len(data) - 8
        assert bits(opened(data[8:])[3]) == [84, 124]
    transport.close()


async def test_an_alert_leaves_in_ui_frames_on_a_serial_line(tmp_path: Path) -> None:
    listen = [f"dlms+hdlc://pty?path={tmp_path}/line&physical=17"]
    async with bench({"to": "hdlc", "random": 0}, listen=listen) as running:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        file = Path(tmp_path / "line").open("rb", buffering=0)  # noqa: ASYNC230, SIM115 (a pty, closed below)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        cut(running)
        framer, unnumbered, message = HdlcFramer(), UnnumberedReceiver(), None
        stack = Stack([framer])
        async with asyncio.timeout(PATIENCE_S):
            while message is None:
                stack.receive_data(await reader.read(256), 0)
                while (frame := stack.next_event()) is not None:
                    assert frame.control & 0xEF == 0x03, "unnumbered information"
                    assert frame.destination == b"\x81", "client 64"
                    pair = (frame.destination, frame.source)
                    message = unnumbered.take(pair, frame.information, llc.RESPONSE, segmented=frame.segmented)
        apdu = llc.strip(message, llc.RESPONSE)
        assert apdu is not None
        assert bits(opened(apdu)[3]) == [84, 124]
        transport.close()


async def test_a_confirmed_push_is_over_once_it_is_confirmed_and_said_so(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    async with sink() as (taking, port):
        taking.answer = lambda apdu: DataNotificationConfirm(DataNotification.decode(apdu).long_invoke, b"").encode()
        push = {"to": f"dlms+tcp://127.0.0.1:{port}", "random": 0}
        async with bench(push, notes, rate=20, model="eu-three-phase") as running:
            [resident] = running.residents
            meter, errands = resident.meter, resident.errands
            assert isinstance(meter, Meter)
            assert errands is not None
            meter.outage(running.household.clock.true_ms(link_time_us()))
            gasp = DataNotification.decode(await taking.next())
            assert not gasp.long_invoke & 0x40000000
            meter.restore(running.household.clock.true_ms(link_time_us()))
            breath = DataNotification.decode(await taking.next())
            assert breath.long_invoke & 0x40000000
            assert taking.heads[1][:6] == bytes.fromhex("000100010066")
            await until(lambda: bool(errands.pusher.confirmed_ms))
    assert noted(notes)[-2:] == ["sent", "delivered"]


async def test_a_push_that_nobody_takes_is_noted_and_the_meter_goes_on(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    async with sink() as (_, port):
        pass  # nobody is there any more
    async with bench({"to": f"dlms+tcp://127.0.0.1:{port}", "random": 0, "retries": 0}, notes) as running:
        cut(running)
        [resident] = running.residents
        errands = resident.errands
        assert errands is not None
        await until(lambda: list(errands.pusher.states.values()) == [PushState.IDLE])
        assert resident.up
    assert noted(notes) == ["sent", "given up"]


async def test_blocks_are_pushed_while_bench_time_runs_fast() -> None:
    async with sink() as (taking, port):
        push = {"to": f"dlms+tcp://127.0.0.1:{port}", "random": 0}
        file = check(
            {"clock": {"rate": 3600}, "meter": [{"id": "MB0001", "model": "is15959-d1", "push": push, "count": 3}]}, "t"
        )
        async with RunningBench(assemble(file, "t", Path())):
            seen = [opened(await taking.next()) for _ in range(9)]
    assert {values[0] for values in seen} == {"MTBMB0001", "MTBMB0002", "MTBMB0003"}
    assert {values[1] for values in seen} == {octets(BLOCK)}


@pytest.mark.parametrize(
    ("push", "says"),
    [
        ({"to": "dlms+hdlc:///dev/ttyUSB0"}, "is nowhere to push to; write dlms\\+tcp://HOST:PORT"),
        ({"to": "dlms+tcp://127.0.0.1:0"}, "is nowhere to push to"),
        ({"to": "hdlc", "every": 7}, "7 is no such period"),
        ({"to": "hdlc", "evry": 60}, "did you mean `every`"),
        ({}, "is missing"),
    ],
)
def test_a_bench_says_what_is_wrong_with_its_pushes(push: dict[str, Any], says: str) -> None:
    with pytest.raises(BenchError, match=says):
        check({"meter": [{"id": "MB0001", "model": "is15959-d1", "push": push}]}, "test")
