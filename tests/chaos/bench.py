"""The bench of a run: meters with a day of rows every minute, a gateway, a head-end, mosquitto; each a process."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.desk.reach import meter_config, reach
from gateway.polling.coverage import Stretch
from tests.broker import free_port
from tests.chaos.ledger import Ledger
from tests.chaos.plan import BROKER, CLEAR, EMULATOR, GATEWAY, HEADEND, METERS
from tests.chaos.program import ENVIRONMENT, ROOT, Broker, Program, Victim
from tests.patience import PATIENCE_S

MINUTES = """base = "is15959-d1"
title = "a row a minute"
[profiles.block_load]
period_s = 60
"""
IN_CLEAR = """base = "minutes"
title = "a row a minute, and the utility comes in clear"
[[association]]
client = 48
context = "ln"
security = []
"""
METER = """[[meter]]
id = "{id}"
model = "{model}"
load = {{ household = "urban" }}
supply = {{ constant = 230 }}
listen = ["dlms+tcp://127.0.0.1:{port}"]
"""
GATEWAY_FILE = """id = "gw1"
status_every = "2s"
[broker]
url = "{broker}"
backoff_max = "1s"
[metrics]
listen = "off"
[[guard.rule]]
kind = "blast_radius"
per_minute = 100000
[defaults]
auth = "hls"
timeout = "2s"
backoff_max = "2s"
observe_after = "500ms"
[defaults.read]
instantaneous = "1s"
block_load = {{ every = "5s", depth = "1d", rows = 10 }}
daily_load = {{ every = "10s", depth = "2d" }}
"""
PROGRAM = (sys.executable, "-m", "meterbench")
EMULATOR_COMMAND = (*PROGRAM, "emulator", "run", "bench.toml", "--state", "state")
NEWEST_FIRST = """[meter.read]
instantaneous = "1s"
block_load = { every = "5s", depth = "1d", rows = 10, catch_up = "newest" }
daily_load = { every = "10s", depth = "2d" }
"""
DEPTH_MS = 86_400_000
"""So much of the minutes' history is caught up with, ten rows at a time: there is something to do when things die."""
PAST = timedelta(hours=26)
"""The meters were made so long ago; there is a midnight in it."""


class Bench:
    """See the module.

    Args:
        folder: for everything; empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "ledger.db")
        self.ports: dict[str, int] = {}
        while len(self.ports) < len(METERS):
            port = free_port()
            if port not in self.ports.values():
                self.ports[METERS[len(self.ports)]] = port
        self.broker = Broker(folder)
        self.emulator = Program(EMULATOR, folder, (*EMULATOR_COMMAND, "--journal", "journal-{run}.jsonl"))
        self.gateway = Program(GATEWAY, folder, (*PROGRAM, "gateway", "run", "gateway.toml"))
        headend = (sys.executable, str(ROOT / "examples" / "headend.py"))
        self.headend = Program(HEADEND, folder, (*headend, "127.0.0.1", str(self.broker.port), "gw1", "ledger.db"))
        self.victims: dict[str, Victim] = {
            GATEWAY: self.gateway,
            BROKER: self.broker,
            EMULATOR: self.emulator,
            HEADEND: self.headend,
        }
        self._write()

    def _write(self) -> None:
        meters = [
            METER.format(id=each, port=port, model="clear.toml" if each == CLEAR else "minutes.toml")
            for each, port in self.ports.items()
        ]
        dialled = [
            f'[[meter]]\nid = "{each}"\nurl = "dlms+tcp://127.0.0.1:{port}?client=48&server=1"\n'
            + ('security = "none"\n' if each == CLEAR else NEWEST_FIRST if each == METERS[1] else "")
            for each, port in self.ports.items()
        ]
        files = {
            "minutes.toml": MINUTES,
            "clear.toml": IN_CLEAR,
            "bench.toml": "seed = 42\n" + "".join(meters),
            "gateway.toml": GATEWAY_FILE.format(broker=self.broker.url) + "".join(dialled),
        }
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")

    def give_a_past(self) -> None:
        """Run the meters once as they were made, and end them; from then on they live now."""
        start = (datetime.now(UTC) - PAST).isoformat()  # noqa: TID251 (real programs live in real time)
        with self.emulator.log.open("ab") as log:
            process = subprocess.Popen(
                (*EMULATOR_COMMAND, "--start", start, "--until-stdin-closes"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env=ENVIRONMENT,
            )
        assert process.stdout is not None
        ready = process.stdout.readline()
        process.communicate(timeout=PATIENCE_S)
        assert ready, self.emulator.log.read_text(encoding="utf-8")

    async def rows(self, meter: str, profile: str, first_ms: int, last_ms: int) -> list[dict[str, Any]]:
        """The rows that a meter shows between two instants, read past the gateway by the meter reader."""
        url = f"dlms+tcp://127.0.0.1:{self.ports[meter]}?client=32&server=1"
        async with reach(meter_config(url, "lls", None, {}), lambda: last_ms) as desk:
            table = await desk.run(desk.unit.scripts.read(profile, Stretch(first_ms, last_ms)))
        return [row.model_dump(mode="json", exclude_none=True) for row in table.rows]

    def journals(self) -> list[Path]:
        """The emulator's journals, one for each time it was started."""
        return sorted(self.folder.glob("journal-*.jsonl"), key=lambda path: int(path.stem.partition("-")[2]))

    def state(self, meter: str) -> Path:
        """What a meter keeps."""
        return self.folder / "state" / f"{meter}.state"

    def end(self) -> None:
        """Whatever still runs is killed."""
        for victim in self.victims.values():
            victim.kill()
