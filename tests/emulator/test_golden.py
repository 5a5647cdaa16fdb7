"""A month of an Indian single-phase meter, the same on every machine and in every run.

`python -m tests.emulator.test_golden` writes the files again after a change that is meant to change them.
"""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from emulator.event.event_log import LOGS
from emulator.meter import Meter
from protocols.model import load
from tests.emulator.meters import DAY_MS, HOUR_MS, events

FOLDER = Path(__file__).parent / "golden"
ROOT = FOLDER.parents[2]
SEEDS = (1, 42, 2024)
BEGIN_MS = 1_727_721_000_000
"""2024-10-01T00:00:00+05:30."""
END_MS = BEGIN_MS + 31 * DAY_MS + 2 * HOUR_MS
BLOCK = [
    "clock",
    "average_voltage",
    "block_active_energy_import",
    "block_apparent_energy_import",
    "block_active_energy_export",
    "block_apparent_energy_export",
    "average_current",
    "average_current_neutral",
]
DAILY = ["clock", "active_energy_import", "apparent_energy_import", "active_energy_export", "apparent_energy_export"]
BILLING = [
    "billing_date",
    "billing_power_factor",
    "active_energy_import",
    "apparent_energy_import",
    "max_demand_active_import",
    "max_demand_active_import_at",
    "max_demand_apparent_import",
    "max_demand_apparent_import_at",
    "billing_power_on_minutes",
    "billing_tamper_count",
]


def a_month(seed: int) -> Meter:
    """A month with all that a prepaid meter in the country meets."""
    supply = {"grid": "rural", "outages_per_month": 9}
    meter = Meter("MB0001", load("is15959-d1"), seed, {"household": "urban"}, supply, BEGIN_MS)
    day = BEGIN_MS
    meter.set_input(day + 3 * DAY_MS + 11 * HOUR_MS, "magnet")
    meter.set_input(day + 3 * DAY_MS + 14 * HOUR_MS, "magnet", 0)
    meter.set_voltage(day + 6 * DAY_MS + 19 * HOUR_MS, 760)
    meter.set_voltage(day + 6 * DAY_MS + 21 * HOUR_MS, 1000)
    meter.relay.remote_disconnect(day + 9 * DAY_MS + 10 * HOUR_MS, "non_payment")
    meter.relay.remote_reconnect(day + 10 * DAY_MS + 16 * HOUR_MS)
    meter.set_clock(day + 14 * DAY_MS + HOUR_MS, day + 14 * DAY_MS + HOUR_MS + 42_000)
    meter.configure("load_limit_w", 500, day + 18 * DAY_MS + 19 * HOUR_MS)
    meter.configure("load_limit_w", 15_120, day + 18 * DAY_MS + 20 * HOUR_MS)
    meter.outage(day + 23 * DAY_MS + 23 * HOUR_MS)
    meter.restore(day + 24 * DAY_MS + 3 * HOUR_MS)
    meter.set_load(day + 27 * DAY_MS, {"constant": 16_000, "power_factor": 0.97})
    meter.set_load(day + 27 * DAY_MS + 2 * HOUR_MS, {"household": "urban"})
    meter.set_input(day + 29 * DAY_MS, "cover_open")
    meter.advance(END_MS)
    return meter


def told(meter: Meter) -> dict[str, Any]:
    """What the month has left in the meter."""
    history = meter.history
    blocks = history.rows("block_load", END_MS, 1, history.entries("block_load", END_MS), BLOCK)
    return {
        "block_load": {
            "rows": len(blocks),
            "sha256": sha256(json.dumps(blocks).encode()).hexdigest(),
            "first": blocks[0],
            "last": blocks[-1],
        },
        "daily_load": history.rows("daily_load", END_MS, 39, 70, DAILY),
        "billing": history.rows("billing", END_MS, 10, history.entries("billing", END_MS), BILLING),
        "events": {
            log: [[row.utc_ms, row.code, row.cause, list(row.values.values())] for row in events(meter, log, END_MS)]
            for log in LOGS
        },
        "status_word": f"{meter.event_status_word(END_MS):032x}",
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_month_is_as_it_always_was(seed: int) -> None:
    golden = json.loads((FOLDER / f"month-{seed}.json").read_text(encoding="utf-8"))
    now = json.loads(json.dumps(told(a_month(seed))))
    for part, expected in golden.items():
        assert now[part] == expected, part


@pytest.mark.parametrize("hash_seed", ["1", "4321"])
def test_another_process_that_hashes_otherwise_tells_the_same(hash_seed: str) -> None:
    command = "import json; from tests.emulator.test_golden import a_month, told; print(json.dumps(told(a_month(42))))"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": "America/New_York", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads((FOLDER / "month-42.json").read_text(encoding="utf-8"))


def test_the_month_shows_what_was_done_to_the_meter() -> None:
    golden = json.loads((FOLDER / "month-42.json").read_text(encoding="utf-8"))
    codes = {log: [row[1] for row in rows] for log, rows in golden["events"].items()}
    assert codes["voltage"][:1] == [9]
    assert codes["other"][:2] == [201, 202]
    assert codes["non_rollover"] == [251]
    assert {101, 102} == set(codes["power"])
    assert {301, 302} == set(codes["control"])
    assert codes["transaction"] == [151, 158, 158]
    causes = {row[2] for row in golden["events"]["control"]}
    assert causes == {"non_payment", "remote", "load_limit", "over_current", "auto_reconnect"}


def write() -> None:
    """Write the files again."""
    FOLDER.mkdir(exist_ok=True)
    for seed in SEEDS:
        lines = ",\n".join(f"{json.dumps(part)}: {json.dumps(value)}" for part, value in told(a_month(seed)).items())
        (FOLDER / f"month-{seed}.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
