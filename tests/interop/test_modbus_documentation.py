"""`docs/modbus.md` is run as it stands: its files written, its programs started, its Python executed."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker import free_port
from tests.interop.modbus_wall import required
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.interop

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "modbus.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[tuple[str, str]]:
    """The page's code blocks of a kind: the file's name, if it has one, and the text."""
    return [(name, text) for found, name, text in BLOCK.findall(PAGE) if found == kind]


def environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120"}


def test_a_meter_is_added_in_the_steps_that_the_page_tells(tmp_path: Path) -> None:
    required("mbpoll")
    for name, text in blocks("toml") + blocks("csv"):
        if name:
            (tmp_path / name).write_text(text)
    port = str(free_port())
    [(_, start)], [(_, read)], [(_, printed)] = blocks("console"), blocks("sh"), blocks("text")
    emulator = subprocess.Popen(
        [*shlex.split(start.replace("5020", port)), "--until-stdin-closes"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert emulator.stdout is not None
    try:
        assert json.loads(emulator.stdout.readline())["ready"]
        done = subprocess.run(
            ["sh", "-e", "-c", read.replace("5020", port)],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        emulator.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    for line in printed.splitlines():
        name, unit, *rest = line.split()
        assert re.search(rf"^{name}\s+[\d.]+ {unit}\s+{' '.join(rest)}$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^\[22\]:\s+2\d\d\d$", done.stdout, re.MULTILINE)


def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in blocks("toml") + blocks("csv"):
        if name:
            (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    found = blocks("python")
    assert len(found) == 2
    for _, text in found:
        exec(compile(text, "docs/modbus.md", "exec"), scope)  # noqa: S102 (our own page)


def test_what_the_page_adds_to_the_head_saves_the_requests_it_says(tmp_path: Path) -> None:
    from protocols.modbus.plan import plan
    from protocols.model import load_file

    (name, text), (_, gap), *_ = blocks("toml")
    path = tmp_path / name
    path.write_text(text.replace("baud = 1200\n", "baud = 1200\n" + gap))
    registers = load_file(path).modbus
    assert registers is not None
    assert len(plan(registers, registers.registers)) == 1
