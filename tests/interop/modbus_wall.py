"""A wall of meters: every Modbus model once, on one TCP port and on one pty, time standing still."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from decimal import Decimal
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
from protocols.modbus.access import (
    COIL_ON,
    ReadRegisters,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from protocols.modbus.plan import PlannedRead, plan
from protocols.modbus.register_map import RegisterMap
from protocols.model.loader import load, model_ids
from protocols.transport.pump import link_time_us
from tests.patience import PATIENCE_S

ILLEGAL_FUNCTION, ILLEGAL_DATA_ADDRESS = 1, 2
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


class Writing(NamedTuple):
    """Something that is written to a model.

    Attributes:
        request: what is written.
        refusal: the exception code that the maker's limits ask for, or 0.
        kept: where the same can be read back afterwards.
    """

    request: WriteMultipleRegisters | WriteSingleCoil | WriteSingleRegister
    refusal: int = 0
    kept: ReadRegisters | None = None

    @property
    def words(self) -> list[int]:
        """The values as registers, or a coil's as 1 or 0."""
        match self.request:
            case WriteMultipleRegisters(_, data):
                return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]
            case WriteSingleCoil(_, value):
                return [int(value == COIL_ON)]
            case WriteSingleRegister(_, value):
                return [value]


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

    def writings(self) -> list[Writing]:
        """Every setting of the model with functions 16 and 6, a measured value, and last its load switch opened."""
        found: list[Writing] = []
        for spec in self.map.registers:
            lock = self.map.unlock is not None and spec.name == self.map.unlock.register
            if not spec.write or spec.locked or lock:
                continue
            raw = spec.value if spec.minimum is None else spec.minimum / Decimal(str(spec.scale))
            data = spec.encode(float(raw) if spec.kind.name == "float32" else int(raw))  # type: ignore[arg-type]  # numbers
            kept = ReadRegisters(3, spec.address, spec.words)
            found.append(Writing(WriteMultipleRegisters(spec.address, data), kept=kept))
            if spec.words == 1:
                single = WriteSingleRegister(spec.address, int.from_bytes(data))
                found.append(Writing(single, 0 if 6 in spec.write else ILLEGAL_FUNCTION, kept))
        measured = next(each for each in self.map.registers if each.quantity is not None and each.name != "relay")
        one = WriteMultipleRegisters(measured.address, bytes(2 * measured.words))
        found.append(Writing(one, ILLEGAL_DATA_ADDRESS if 16 in self.map.write else ILLEGAL_FUNCTION))
        for request in self.map.relay.requests(closed=False) if self.map.relay is not None else ():
            assert isinstance(request, WriteMultipleRegisters | WriteSingleCoil | WriteSingleRegister)
            found.append(Writing(request))
        return found


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
