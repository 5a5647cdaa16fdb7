"""A thousand Modbus meters behind five TCP ports in one process: what each of them holds, at most 10 KB.

Measured after every meter was read whole, so that whatever a meter keeps of its own is there. Caches that all meters
share are filled before, by meters that are thrown away.
"""

import asyncio
import gc
import sys
import tracemalloc

from emulator.bench.resident import Resident
from emulator.face.modbus.face import ModbusFace
from emulator.line.endpoint import Endpoint
from emulator.meter import Meter
from emulator.timing.clock import BenchClock
from emulator.timing.zone import zone
from protocols.address import parse
from protocols.modbus.plan import plan
from protocols.modbus.register_map import RegisterMap
from protocols.model.loader import load

METERS = 1000
PORTS = 5
BYTES_MAX = 10_240
START_MS = 1_730_097_000_000
HOUR_US = 3_600_000_000


def make(index: int, clock: BenchClock, registers: RegisterMap) -> Resident:
    """A meter with a household behind it, read whole once."""
    model = load("sdm120")
    meter = Meter(f"MB{index:05}", model, 42, {"household": "urban"}, None, START_MS)
    face = ModbusFace(meter, registers, clock)
    for each in plan(registers, registers.registers):
        request = each.request
        face.read_registers(request.function, request.address, request.quantity, HOUR_US)
    return Resident(meter, clock, bytes, modbus=face)


async def measure(registers: RegisterMap) -> float:
    """Bytes a meter."""
    clock = BenchClock(START_MS, zone("Asia/Kolkata"))
    tracemalloc.start()
    for index in range(METERS):
        make(METERS + index, clock, registers)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    residents = [make(index, clock, registers) for index in range(METERS)]
    endpoint = Endpoint()
    url = "modbus+tcp://127.0.0.1:0?unit={}&shared=port{}"
    await endpoint.open(
        (each, [parse(url.format(1 + index // PORTS, index % PORTS), listen=True)])
        for index, each in enumerate(residents)
    )
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    await endpoint.close()
    return held / METERS


def main() -> int:
    """Print it; 1 when it is beyond its bound."""
    registers = load("sdm120").modbus
    if registers is None:
        raise ValueError("the model has no registers")
    each = asyncio.run(measure(registers))
    print(f"modbus_fleet: {METERS} meters behind {PORTS} ports hold {each / 1024:.1f} KB each, at most 10")
    return int(each > BYTES_MAX)


if __name__ == "__main__":
    sys.exit(main())
