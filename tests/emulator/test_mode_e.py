"""The optical head on a pty: a sign-on that gives the line to HDLC, and a read-out in mode C."""

import asyncio
from pathlib import Path

from emulator.bench.assembly import assemble
from emulator.bench.file import check
from emulator.bench.running import RunningBench
from protocols.address import SerialLine, parse
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.framer import HdlcFramer
from protocols.iec62056_21.message import Request
from protocols.iec62056_21.reader import ModeEReader, ReadOut, ReadOutReader
from protocols.link import Apdu, LinkConnect, LinkUp
from protocols.machine import Answered, Stack
from protocols.transport.conversation import converse
from protocols.transport.dial import dial
from protocols.transport.pump import link_time_us
from tests.patience import PATIENCE_S

AARQ = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF")


def bench(tmp_path: Path) -> RunningBench:
    meter = {
        "id": "MB0001",
        "model": "is15959-d1",
        "load": {"constant": 1000},
        "listen": [f"dlms+mode-e://pty?path={tmp_path}/head"],
    }
    return RunningBench(assemble(check({"meter": [meter]}, "test"), "test", tmp_path))


async def test_a_meter_is_read_out_in_mode_c(tmp_path: Path) -> None:
    async with bench(tmp_path) as running:
        [url] = running.endpoint.urls(running.residents[0])
        carrier = parse(url).carrier
        assert isinstance(carrier, SerialLine)
        assert (carrier.baud, carrier.data_bits, carrier.parity) == (300, 7, "E")
        reader = ReadOutReader()
        talk = converse(await dial(carrier, lambda _peer: Stack([reader])))
        answer = await asyncio.wait_for(talk.ask(lambda now_us: reader.request(Request(), now_us)), PATIENCE_S)
        await talk.aclose()
    assert isinstance(answer, Answered)
    read_out: ReadOut = answer.response
    values = {each.address: each.values[0] for each in read_out.data_sets}
    assert values["0.0.0"].text == "MB0001"
    assert values["1.8.0"].unit == "kWh"
    assert float(values["1.8.0"].text) > 0
    assert read_out.identification.offers_hdlc


async def test_mode_e_opens_the_line_for_hdlc(tmp_path: Path) -> None:
    async with bench(tmp_path) as running:
        [url] = running.endpoint.urls(running.residents[0])
        link = HdlcClient()
        stack = Stack([ModeEReader(), HdlcFramer(), link])
        pump = await dial(parse(url).carrier, lambda _peer: stack)
        came: asyncio.Queue[object] = asyncio.Queue()
        pump.listen(came.put_nowait, came.put_nowait)
        link.from_above(LinkConnect(16, 1), link_time_us())
        pump.turn(link_time_us())
        assert await asyncio.wait_for(came.get(), PATIENCE_S) == LinkUp(16, 1)
        link.from_above(Apdu(16, 1, AARQ), link_time_us())
        pump.turn(link_time_us())
        answer = await asyncio.wait_for(came.get(), PATIENCE_S)
        pump.abort("done")
    assert isinstance(answer, Apdu)
    assert answer.data[0] == 0x61
