"""The gateway reads an emulated optical head: sign-on, HDLC, sign-off, and the next reader finds it as before."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.emulator.program import emulator
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]


def read(url: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "meterbench", "gateway", "read", url, *more, "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment)


def test_an_optical_head_is_read_again_and_again(tmp_path: Path) -> None:
    head = tmp_path / "head"
    with emulator("--model", "is15959-d1", "--listen", f"dlms+mode-e://pty?path={head}", cwd=tmp_path) as running:
        (url,) = running.urls("MB0001")
        for _ in range(2):
            done = read(url, "1:0.0.96.1.0.255")
            assert done.returncode == 0, done.stderr
            assert "MB0001" in json.dumps(json.loads(done.stdout))
