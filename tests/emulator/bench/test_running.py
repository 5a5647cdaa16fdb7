"""A bench that runs: supply on the lines, time that moves, happenings in the journal."""

import asyncio
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import BenchError, check
from emulator.bench.journal import Journal
from emulator.bench.resident import Resident
from emulator.bench.running import RunningBench
from emulator.meter import Meter
from protocols.address import Tcp, parse
from protocols.dlms.value import decode
from protocols.transport.pump import link_time_us
from tests.emulator import peers
from tests.patience import PATIENCE_S

START = "2024-10-28T12:00:00+05:30"
DAY_MS = 86_400_000
FLEET = 300
METER: dict[str, Any] = {
    "id": "MB0001",
    "model": "is15959-d1",
    "load": {"constant": 1000},
    "supply": {"constant": 230},
    "listen": ["dlms+tcp://127.0.0.1:0"],
}


def running(*meters: dict[str, Any], rate: int = 0, file: io.StringIO | None = None) -> RunningBench:
    household = assemble(
        check({"clock": {"start": START, "rate": rate}, "meter": list(meters)}, "bench.toml"), "bench.toml", Path()
    )
    return RunningBench(household, Journal(file, household.clock.true_ms) if file else None)


def meter_of(resident: Resident) -> Meter:
    assert isinstance(resident.meter, Meter)
    return resident.meter


def now_ms(bench: RunningBench) -> int:
    return bench.household.clock.true_ms(link_time_us())


def clock_of(url: str) -> bytes:
    with peers.dlms_client(url) as client:
        value: bytes = decode(peers.get(client, 8, "0.0.1.0.0.255", 2))[1]
        return value


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    carrier = parse(url).carrier
    assert isinstance(carrier, Tcp)
    return await asyncio.open_connection(carrier.host, carrier.port)


async def test_an_outage_breaks_connections_and_the_meter_answers_again_once_it_has_booted() -> None:
    file = Kept()
    async with running(METER, file=file) as bench:
        [resident] = bench.residents
        [url] = bench.endpoint.urls(resident)
        meter = meter_of(resident)
        reader, writer = await connect(url)
        await asyncio.sleep(0)
        meter.outage(now_ms(bench))
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await connect(url)
        meter.restore(now_ms(bench))
        boot_ms = meter.physics.power_failure.boot_ms
        if boot_ms:
            await asyncio.sleep(0)
            with pytest.raises(ConnectionRefusedError):
                await connect(url)
        bench.jump(now_ms(bench) + boot_ms)
        assert (await asyncio.to_thread(clock_of, url))[:2] == bytes.fromhex("07e8")
    happened = [json.loads(line)["what"] for line in file.kept.splitlines() if '"hex"' not in line]
    assert [what for what in happened if what.startswith(("power", "ready"))] == [
        "power_failed",
        "power_restored",
        "ready",
    ]


class Kept(io.StringIO):
    """Text that outlives its file."""

    kept = ""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


async def test_an_outage_that_is_over_before_anybody_looks_still_breaks_connections() -> None:
    async with running(METER) as bench:
        [resident] = bench.residents
        meter = meter_of(resident)
        reader, writer = await connect(bench.endpoint.urls(resident)[0])
        await asyncio.sleep(0)
        begin = now_ms(bench)
        meter.outage(begin)
        meter.restore(begin + 60_000)
        bench.jump(begin + 600_000)
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()
        assert await asyncio.to_thread(clock_of, bench.endpoint.urls(resident)[0])


async def test_a_month_goes_by_at_once_for_a_hundred_meters_and_their_rows_make_their_registers() -> None:
    many = {"load": {"household": "urban"}, "supply": {"grid": "rural", "outages_per_month": 3}}
    sections = [
        METER | many | {"id": f"{model[-2:]}0001", "model": model, "count": count}
        for model, count in (("is15959-d1", 70), ("is15959-d2", 30))
    ]
    async with running(*sections) as bench:
        bench.jump(now_ms(bench) + 31 * DAY_MS + DAY_MS // 2)
        at_ms, months, dark = now_ms(bench), set[int](), 0
        for meter in map(meter_of, bench.residents):
            register = meter.value("active_energy_import", at_ms)
            days = meter.history.rows("daily_load", at_ms, 40, 70, ["clock", "active_energy_import"])
            blocks = meter.history.rows("block_load", at_ms, 1, 3360, ["clock", "block_active_energy_import"])
            (begin_ms, before), (end_ms, after) = days[0], days[-1]
            assert (end_ms, after) == (at_ms, register)
            assert sum(energy for stamp, energy in blocks if stamp > begin_ms) == after - before > 0
            dark += meter.value("power_off_minutes", at_ms)
            months.add(after - before)
        assert len(months) > 90
        assert dark > 100 * 3 * 10


async def test_another_meter_of_a_fleet_costs_little_memory() -> None:
    def fleet(first: str, count: int) -> list[dict[str, Any]]:
        return [METER | {"id": f"{first}001", "count": count, "load": {"household": "urban"}, "supply": None}]

    async with running(*fleet("A", 2)):  # what all meters of a model share is there
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            async with running(*fleet("B", FLEET)) as bench:
                each = (tracemalloc.get_traced_memory()[0] - before) / FLEET
                assert each < 7500, each
                assert all(resident.up for resident in bench.residents)
        finally:
            tracemalloc.stop()


async def test_recordings_out_of_the_ordinary_are_told_once_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ("00:00:00+05:30,100", "00:15:00+05:30,100", "00:30:00+05:30,100", "04:00:00+05:30,-7", "")
    (tmp_path / "load.csv").write_text("start,wh\n" + "\n".join(f"2024-10-28T{line}" for line in lines if line) + "\n")
    (tmp_path / "good.csv").write_text("start,wh\n" + "\n".join(f"2024-10-28T{line}" for line in lines[:3]) + "\n")
    sections = [
        METER | {"id": f"{letter}1", "count": 3, "load": {"recorded": file}}
        for letter, file in (("A", "load.csv"), ("B", "load.csv"), ("C", "good.csv"))
    ]
    assemble(check({"meter": sections}, "bench.toml"), "bench.toml", tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "load.csv: line 4: a gap of 3:15:00 follows this interval, without load",
        "load.csv: 1 negative values are taken as energy fed",
    ]


async def test_time_jumps_and_runs_at_another_rate() -> None:
    async with running(METER) as bench:
        [url] = bench.endpoint.urls(bench.residents[0])
        assert (await asyncio.to_thread(clock_of, url))[5:8] == bytes((12, 0, 0))
        bench.jump(now_ms(bench) + 3_600_000)
        assert (await asyncio.to_thread(clock_of, url))[5:8] == bytes((13, 0, 0))
        bench.set_rate(100_000)
        before = await asyncio.to_thread(clock_of, url)
        bench.set_rate(0)
        assert await asyncio.to_thread(clock_of, url) > before
        with pytest.raises(ValueError, match="does not go back"):
            bench.jump(0)


async def test_what_happens_by_itself_is_found_without_a_request() -> None:
    file = Kept()
    grid = METER | {"supply": {"grid": "rural", "outages_per_month": 30}}
    async with running(grid, file=file) as bench:
        bench.jump(now_ms(bench) + 7 * 86_400_000)
    assert '"what":"power_failed"' in file.kept


async def test_public_keys_are_known_and_named_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_SECRET", "0123456789abcdef")
    names = ("lls", "hls", "block", "authentication", "master")
    named = METER | {"id": "MB0002", "keys": {name: {"env": "BENCH_SECRET"} for name in names}}
    bench = running(METER, named)
    assert [member.public_keys for member in bench.household.members] == [True, False]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "is15959-d9"}, 'bench.toml: meter "MB0001": .*is15959-d1'),
        ({"model": "mine.toml"}, "mine.toml"),
        ({"load": {"household": "castle"}}, 'bench.toml: meter "MB0001": load household'),
        ({"load": {"recorded": "none.csv"}}, "none.csv"),
        ({"supply": {"constant": -1}}, "supply: constant"),
        ({"keys": {"lls": {"env": "BENCH_NOT_SET"}}}, "BENCH_NOT_SET is not set"),
    ],
)
def test_what_the_parts_refuse_is_told_with_file_and_meter(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BenchError, match=says):
        running(METER | change)
