"""Real brokers for tests: mosquitto on a free port, ended with the test; where it is missing its tests say so."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

MOSQUITTO: Final = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
START_S: Final = 10.0


def require_mosquitto() -> str:
    """The program's path; a visible skip without it, a failure where CI promises it."""
    if MOSQUITTO is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is missing")
        pytest.skip("mosquitto is not installed")
    return MOSQUITTO


PORTS: Final = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections: a broker that was killed finds its port free again."""


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    draw = Random()
    while True:
        port = draw.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """One broker process; it can be killed and started again on the same port and with the same files.

    Args:
        folder: for its configuration, log and persistence.
        options: lines of its configuration besides listener and persistence; with them, say who may come in.
        listener: lines that belong to the listener, such as certificates.
        persistence: keep sessions and retained messages in a file, at the broker's default pace.
    """

    def __init__(
        self,
        folder: Path,
        options: tuple[str, ...] = ("allow_anonymous true",),
        listener: tuple[str, ...] = (),
        *,
        persistence: bool = False,
    ) -> None:
        self.port = free_port()
        self.folder = folder
        self._file = folder / "mosquitto.conf"
        kept = ("persistence true", f"persistence_location {folder}/") if persistence else ("persistence false",)
        user = ("user root",) if os.geteuid() == 0 else ()
        lines = (f"listener {self.port} 127.0.0.1", *listener, *options, *kept, *user, "max_queued_messages 0")
        self._file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """To connect to it in clear."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [require_mosquitto(), "-c", str(self._file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + START_S  # noqa: TID251 (a real process starts in real time)
        while time.monotonic() < end:  # noqa: TID251
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=0.2):
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        pytest.fail("mosquitto did not start: " + (self.folder / "mosquitto.log").read_text(encoding="utf-8"))

    def kill(self) -> None:
        """As a power cut would: nothing is saved."""
        self._end(hard=True)

    def stop(self) -> None:
        """In good order: what is persistent is saved."""
        self._end(hard=False)

    def _end(self, *, hard: bool) -> None:
        if self._process is None:
            return
        self._process.kill() if hard else self._process.terminate()
        self._process.wait(10)
        self._process = None


@contextlib.contextmanager
def mosquitto(
    folder: Path,
    options: tuple[str, ...] = ("allow_anonymous true",),
    listener: tuple[str, ...] = (),
    *,
    persistence: bool = False,
) -> Iterator[Mosquitto]:
    """A broker for the length of a block."""
    require_mosquitto()
    broker = Mosquitto(folder, options, listener, persistence=persistence)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
