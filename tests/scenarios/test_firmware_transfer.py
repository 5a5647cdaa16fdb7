"""200 KB of firmware over a real loopback, ciphered, while connections break and the bench is started again.

A proxy stands between the tool and the meter. At seeded points it breaks the connection, before or behind the request
that is on its way, or the whole bench ends and another one begins with what it has kept.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import check
from emulator.bench.running import RunningBench
from emulator.event.event_log import Code
from emulator.meter import Meter
from gateway.desk.firmware import install, transfer_of
from gateway.desk.reach import meter_config
from gateway.meter.firmware import Next, Stage
from protocols.firmware_image import HEADER_OCTETS, FirmwareImage
from protocols.transport.pump import link_time_us

OCTETS = 200_000
POINTS = 8
PATIENCE_S = 60.0
BENCH = {
    "seed": 7,
    "clock": {"rate": 60},
    "meter": [
        {
            "id": "MB0001",
            "model": "is15959-d1",
            "listen": ["dlms+tcp://127.0.0.1:0"],
            "load": {"constant": 500},
            "supply": {"constant": 230},
        }
    ],
}


class TroubledBench:
    """A bench behind a proxy that makes trouble at some of the octets on their way to the meter."""

    def __init__(self, state: Path, rng: Random) -> None:
        self._state = state
        self._rng = rng
        self._points = sorted(rng.randrange(OCTETS) for _ in range(POINTS))
        self._octets = 0
        self._port = 0
        self._restarts: set[asyncio.Task[None]] = set()
        self._bench = contextlib.AsyncExitStack()
        self.running: RunningBench | None = None
        self.cuts = 0
        self.starts = 0

    async def start(self) -> None:
        """Begin, or begin again, with what was kept."""
        await self._bench.aclose()
        bench = RunningBench(assemble(check(BENCH, "test"), "test", Path(), self._state))
        self.running = await self._bench.enter_async_context(bench)
        [url] = bench.ready()["meters"][0]["urls"]
        self._port = int(url.partition("?")[0].rpartition(":")[2])
        self.starts += 1

    async def close(self) -> None:
        await asyncio.gather(*self._restarts)
        await self._bench.aclose()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the tool."""
        try:
            from_meter, to_meter = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        back = asyncio.create_task(self._back(from_meter, writer))
        try:
            while data := await reader.read(4096):
                if self._trouble(len(data)):
                    if self._rng.random() < 0.5:
                        to_meter.write(data)  # it takes effect, and nobody hears of it
                    break
                to_meter.write(data)
        except OSError:
            pass
        back.cancel()
        for each in (to_meter, writer):
            each.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()

    def _trouble(self, octets: int) -> bool:
        """Whether this is one of the points; every second one or so takes the bench down as well."""
        self._octets += octets
        if not self._points or self._octets < self._points[0]:
            return False
        self._points.pop(0)
        self.cuts += 1
        if self._rng.random() < 0.5 and all(each.done() for each in self._restarts):
            self._restarts.add(asyncio.create_task(self.start()))
        return True


@contextlib.asynccontextmanager
async def troubled(state: Path, seed: int) -> AsyncIterator[tuple[TroubledBench, int]]:
    bench = TroubledBench(state, Random(seed))
    await bench.start()
    server = await asyncio.start_server(bench.serve, "127.0.0.1", 0)
    try:
        yield bench, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await bench.close()


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 9))])
async def test_200_kb_arrive_whatever_breaks_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("gateway.desk.firmware.RETRY_S", 0.02)
    monkeypatch.setattr("gateway.desk.firmware.POLL_MS", 50)
    body = Random(seed).randbytes(OCTETS - HEADER_OCTETS)
    file = tmp_path / "image.bin"
    file.write_bytes(FirmwareImage(hardware="MTB/D1", version="MTB-02.00", body=body).encode())
    told: list[Stage] = []
    async with troubled(tmp_path / "state", seed) as (bench, port):
        config = meter_config(f"dlms+tcp://127.0.0.1:{port}?client=80", "hls", None, {"model": "is15959-d1"})
        transfer = transfer_of(file, None, activate=True)
        stage = await install(config, transfer, lambda: link_time_us() // 1000, told.append, PATIENCE_S)
        assert stage.next is Next.DONE
        assert bench.cuts == POINTS
        assert bench.running is not None
        [resident] = bench.running.residents
        meter = resident.meter
        assert isinstance(meter, Meter)
        assert meter.firmware_version == "MTB-02.00"
        now_ms = bench.running.household.clock.true_ms(link_time_us())
        codes = [each.code for each in meter.event_log.rows("transaction", now_ms, 1, 99)]
        assert codes.count(Code.FIRMWARE_ACTIVATED) == 1
    progress = [each.have for each in told if each.blocks and each.next is Next.MORE]
    assert progress == sorted(progress), "nothing that had arrived was sent again"
