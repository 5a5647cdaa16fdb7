"""A meter's jumps, rows and size: a year ahead, 35 days of rows, ten thousand meters in one process.

Each figure stands beside a floor of the same run: an addition for each hour of the year, tuples of nothing, bare
listeners. Times of a meter are CPU time of this process, the median of many meters, each asked for the first time; the
fleet is the real program, from its start to its ready line.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from emulator.meter import Meter
from protocols.model import MeterModel, load

MODEL = "is15959-d1"
START_MS = 1_730_053_800_000
YEAR_MS = 365 * 86_400_000
METERS = 25
FLEET = 10_000
COLUMNS = [
    "clock",
    "average_voltage",
    "block_active_energy_import",
    "block_apparent_energy_import",
    "block_active_energy_export",
    "block_apparent_energy_export",
    "average_current",
    "average_current_neutral",
]
THREE_PHASES = "is15959-d2"
THREE_PHASE_COLUMNS = [
    "clock",
    *(f"average_{name}_l{phase}" for name in ("current", "voltage") for phase in (1, 2, 3)),
    *COLUMNS[2:6],
    "meter_health",
    "average_power_factor",
]
REGISTERS = (
    "active_energy_import",
    "apparent_energy_import",
    "active_energy_export",
    "apparent_energy_export",
    "power_on_minutes",
    "billing_count",
    "voltage",
    "current",
    "active_power",
)
EMULATOR = Path(sys.executable).parent / "meter-emulator"


class Row(NamedTuple):
    """One figure: what, how much, in what, its floor in the same run, and the bound that it must not exceed."""

    name: str
    value: float
    unit: str
    floor: float
    bound: float | None

    @property
    def beyond(self) -> bool:
        """Whether the bound is exceeded."""
        return self.bound is not None and self.value > self.bound


def cpu_ms(work: Callable[[], object]) -> float:
    """The CPU time of some work."""
    begun = time.process_time_ns()
    work()
    return (time.process_time_ns() - begun) / 1e6


def make(model: MeterModel, index: int) -> Meter:
    """Another meter, so that nothing of it is known yet."""
    return Meter(f"MB{index:04}", model, 42, {"household": "urban"}, None, START_MS)


def read_registers(meter: Meter, at_ms: int) -> None:
    """Go there and read."""
    meter.advance(at_ms)
    for name in REGISTERS:
        meter.value(name, at_ms)


def rows_ms(meter: Meter, end_ms: int, columns: list[str]) -> float:
    """What the rows of 35 days cost."""
    count = meter.history.entries("block_load", end_ms)
    return cpu_ms(partial(meter.history.rows, "block_load", end_ms, 1, count, columns))


def jump(model: MeterModel) -> list[Row]:
    """A year in one step, with and without the maximum demand of the month that it ends in; the rows of 35 days."""
    end_ms = START_MS + YEAR_MS
    jumps, demands, rows, wide_rows = [], [], [], []
    three_phases = load(THREE_PHASES)
    for index in range(METERS):
        meter = make(model, index)

        jumps.append(cpu_ms(partial(read_registers, meter, end_ms)))
        demands.append(cpu_ms(partial(meter.value, "max_demand_active_import", end_ms)))
        rows.append(rows_ms(meter, end_ms, COLUMNS))
        wide_rows.append(rows_ms(make(three_phases, index), end_ms, THREE_PHASE_COLUMNS))
    hours = statistics.median(cpu_ms(lambda: sum(hour for hour in range(365 * 24))) for _ in range(METERS))
    tuples = statistics.median(
        cpu_ms(lambda: [(row, row, row, row, row, row, row, row) for row in range(3360)]) for _ in range(METERS)
    )
    return [
        Row("a year's jump, all registers read", statistics.median(jumps), "ms", hours, 10),
        Row("  its month's maximum demand, asked first", statistics.median(demands), "ms", hours, None),
        Row("3,360 rows of eight columns", statistics.median(rows), "ms", tuples, 40),
        Row("3,360 rows of thirteen, three phases", statistics.median(wide_rows), "ms", tuples, 40),
    ]


def listeners(count: int) -> tuple[float, float]:
    """Bytes for each of many bare listeners, and the seconds until all are open, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.meter_jump", "--bare", str(count)]
    size, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(size), float(seconds)


async def bare(count: int) -> None:
    """Open listeners and print what each has cost, and how long it took."""
    begun, before = time.perf_counter(), resident_bytes(os.getpid())
    loop = asyncio.get_running_loop()
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    servers = [await loop.create_server(asyncio.Protocol, sock=each) for each in sockets]
    print((resident_bytes(os.getpid()) - before) / count, time.perf_counter() - begun)
    for server in servers:
        server.close()


def resident_bytes(pid: int) -> int:
    """What a process holds in memory, as the kernel says."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def program(count: int) -> tuple[float, int]:
    """Seconds until the real program says that it is ready, and its resident bytes then."""
    begun = time.perf_counter()
    arguments = ["run", "--model", MODEL, "--count", str(count), "--listen", "dlms+tcp://127.0.0.1:0"]
    child = subprocess.Popen(
        [EMULATOR, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        if child.stdout is None or not child.stdout.readline():
            msg = f"meter-emulator did not start {count} meters: are there as many open files (ulimit -n)?"
            raise SystemExit(msg)
        return time.perf_counter() - begun, resident_bytes(child.pid)
    finally:
        child.terminate()
        child.communicate()


def fleet(count: int) -> list[Row]:
    """Many meters in one process, above a process with one."""
    _, empty = program(1)
    seconds, full = program(count)
    floor_bytes, floor_seconds = listeners(count)
    return [
        Row(f"{count} meters, each above the process", (full - empty) / (count - 1), "bytes", floor_bytes, 10_240),
        Row(f"{count} meters up", seconds, "s", floor_seconds, 4 if count == FLEET else None),
    ]


def run(count: int = FLEET) -> list[Row]:
    """All figures."""
    return [*jump(load(MODEL)), *fleet(count)]


def main() -> int:
    """Print the figures; 1 when one of them is beyond its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=FLEET, help="how many make the fleet")
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        asyncio.run(bare(arguments.bare))
        return 0
    rows = run(arguments.meters)
    for row in rows:
        bound = f"bound {row.bound:g}" if row.bound is not None else ""
        verdict = "BEYOND" if row.beyond else "within" if bound else ""
        print(f"{row.name:42} {row.value:9.2f} {row.unit:5} floor {row.floor:8.2f}  {bound:11} {verdict}")
    return int(any(row.beyond for row in rows))


if __name__ == "__main__":
    sys.exit(main())
