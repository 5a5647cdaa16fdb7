"""A wall of meters: every Modbus model once, on one TCP port and on one pty, time standing still."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from emulator.bench.resident import Resident
from emulator.face.modbus.face import ModbusFace
from emulator.line.endpoint import Endpoint
from emulator.meter import Meter
from emulator.timing.clock import BenchClock
from emulator.timing.zone import zone
from protocols.address import SerialLine, Tcp, parse
from protocols.modbus.plan import PlannedRead, plan
from protocols.modbus.register_map import RegisterMap
from protocols.model.loader import load, model_ids
from protocols.transport.pump import link_time_us
from tests.patience import PATIENCE_S

START_MS = 1_730_097_000_000
MODELS = [name for name in model_ids() if load(name).modbus is not None]


def required(program: str) -> str:
    """The program's path; a visible skip without it, a failure where CI promises it."""
    path = shutil.which(program)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is missing")
        pytest.skip(f"{program} is not installed")
    return path


class Unit(NamedTuple):
    """One meter of the wall."""

    number: int
    name: str
    map: RegisterMap
    face: ModbusFace
    meter: Meter

    def expected(self, planned: PlannedRead) -> bytes:
        """What a read must bring: time stands still, so every client sees the same."""
        request = planned.request
        data = self.face.read_registers(request.function, request.address, request.quantity, 0)
        assert isinstance(data, bytes)
        return data

    def plan(self) -> tuple[PlannedRead, ...]:
        """How the whole model is read."""
        return plan(self.map, self.map.registers)


class Wall(NamedTuple):
    """All units, and where they are."""

    units: tuple[Unit, ...]
    host: str
    port: int
    device: str
    baud: int

    def unit(self, name: str) -> Unit:
        """The unit of a model."""
        return next(unit for unit in self.units if unit.name == name)

    def later(self, name: str, quantity: str) -> int:
        """What a meter measures a second later: contacts need their time, and the wall's own clock stands still."""
        return self.unit(name).meter.value(quantity, START_MS + 1000)


@contextlib.asynccontextmanager
async def wall(folder: Path) -> AsyncIterator[Wall]:
    """Open it, and close it at the end."""
    clock = BenchClock(START_MS, zone("Asia/Kolkata"), rate=0, link_start_us=link_time_us())
    units, residents = [], []
    for number, name in enumerate(MODELS, 1):
        model = load(name)
        assert model.modbus is not None
        meter = Meter(f"MB{number:04}", model, 42, {"constant": 500}, {"constant": 230}, START_MS)
        face = ModbusFace(meter, model.modbus, clock)
        units.append(Unit(number, name, model.modbus, face, meter))
        residents.append(Resident(meter, clock, bytes, modbus=face))
    endpoint = Endpoint()
    urls = "modbus+tcp://127.0.0.1:0?shared=a&unit={}", f"modbus+rtu://pty?path={folder}/wall&unit={{}}"
    await endpoint.open(
        (each, [parse(url.format(number), listen=True) for url in urls]) for number, each in enumerate(residents, 1)
    )
    tcp, rtu = (parse(url).carrier for url in endpoint.urls(residents[0]))
    assert isinstance(tcp, Tcp)
    assert isinstance(rtu, SerialLine)
    try:
        yield Wall(tuple(units), tcp.host, tcp.port, rtu.device, rtu.baud)
    finally:
        await endpoint.close()


async def run(*command: str, data: str = "") -> str:
    """A program's standard output, while the wall goes on answering."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate(data.encode())
    return out.decode()
