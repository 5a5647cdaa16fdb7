"""Programs as processes of their own, that can be killed and started again."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.broker import Mosquitto
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


class Victim(Protocol):
    """What can be killed."""

    def start(self) -> None:
        """Run it, again or for the first time."""

    def kill(self) -> None:
        """`kill -9`."""

    def ended(self) -> str | None:
        """How it has ended by itself, if it has."""


class Program:
    """One of ours; it starts in its own time, and what it says goes to files.

    Args:
        name: of its files.
        folder: where it runs.
        command: what to run; `{run}` stands for how often it was started before.
    """

    def __init__(self, name: str, folder: Path, command: Sequence[str]) -> None:
        self.name = name
        self.starts = 0
        self._folder = folder
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it said on standard error."""
        return self._folder / f"{self.name}.log"

    def start(self) -> None:
        """Run it."""
        out = (self._folder / f"{self.name}.out").open("ab")
        with out, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [part.format(run=self.starts) for part in self._command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                cwd=self._folder,
                env=ENVIRONMENT,
            )
        self.starts += 1

    def kill(self) -> None:
        """`kill -9`."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE_S)

    def ended(self) -> str | None:
        """How it has ended by itself, if it has."""
        status = None if self._process is None else self._process.poll()
        if status is None:
            return None
        words = self.log.read_text(encoding="utf-8").strip().splitlines()[-1:]
        return f"{self.name} ended by itself with {status}; {self.log} ends with {words}"

    def stop(self) -> str | None:
        """SIGTERM; what is wrong, if it did not end well."""
        process, self._process = self._process, None
        if process is None:
            return f"{self.name} does not run"
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)
            return f"{self.name} did not end within {PATIENCE_S:g} s of SIGTERM; see {self.log}"
        return f"{self.name} ended with {status}; see {self.log}" if status else None


class Broker(Mosquitto):
    """Mosquitto with its default persistence: killed, it has lost what it acknowledged."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, persistence=True)

    def ended(self) -> str | None:
        """How it has ended by itself, if it has."""
        status = None if self._process is None else self._process.poll()
        return None if status is None else f"mosquitto ended by itself with {status}"
