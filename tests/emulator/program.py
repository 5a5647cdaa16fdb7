"""The emulator as the real program, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S

COMMAND = (sys.executable, "-c", "from emulator.commands import app; app()")


def once(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "COLUMNS": "120"}
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=cwd,
        env=environment,
    )


class Running:
    """A running emulator: its ready line, and how it ended."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.errors = ""

    def urls(self, meter_id: str) -> list[str]:
        """Where a meter is dialled."""
        return next(list(meter["urls"]) for meter in self.ready["meters"] if meter["id"] == meter_id)

    def end(self, number: int | None = None) -> int:
        """Close its standard input, or send it a signal; its exit status."""
        if number is not None:
            self.process.send_signal(number)
        _, self.errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


@contextmanager
def emulator(*arguments: str, cwd: Path | None = None) -> Iterator[Running]:
    """`meter-emulator run ...` until the block ends."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen(
        [*COMMAND, "run", *arguments, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            _, errors = process.communicate(timeout=PATIENCE_S)
            raise AssertionError(f"the emulator ended with {process.returncode}: {errors}")
        yield Running(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
