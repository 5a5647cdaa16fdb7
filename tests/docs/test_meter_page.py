"""The model that docs/meter.md shows is a model, and does what it says."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.commands import app
from emulator.meter import Meter
from protocols.model.loader import load, load_file
from protocols.model.table import ModelError
from tests.emulator.program import emulator

PAGE = Path(__file__).parents[2] / "docs" / "meter.md"
NAME = "half-hourly.toml"
START_MS = 1_727_721_000_000
"""2024-10-01T00:00:00+05:30."""
DAY_MS = 86_400_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = re.search(rf"```toml {NAME}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) <= 10
    (tmp_path / NAME).write_text(found[1], encoding="utf-8")
    return tmp_path


def test_a_model_of_ten_lines_differs_from_its_base_in_what_it_says_alone(folder: Path) -> None:
    model, base = load_file(folder / NAME), load("is15959-d1")
    assert model.objects.keys() == base.objects.keys()
    assert model.identity.manufacturer == "ACME Meters"
    meter = Meter("MB0001", model, 42, {"constant": 6000}, {"constant": 240}, START_MS)
    meter.advance(START_MS + 30_000)
    assert meter.value("active_power", START_MS + 30_000) > 0
    meter.advance(START_MS + 70_000)
    assert meter.value("active_power", START_MS + 70_000) == 0
    at_ms = START_MS + 10 * DAY_MS
    meter.advance(at_ms)
    [[newest], [before]] = meter.history.rows("block_load", at_ms, 3359, 3360, ["clock"])[::-1]
    assert newest - before == 1_800_000
    entries = meter.history.entries("billing", at_ms)
    [[billed_ms]] = meter.history.rows("billing", at_ms, entries - 1, entries - 1, ["billing_date"])
    assert billed_ms == START_MS + 4 * DAY_MS + 6 * 3_600_000


def test_the_command_line_and_a_bench_file_take_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with emulator("--model", NAME, "--listen", "dlms+tcp://127.0.0.1:0", cwd=folder) as running:
        assert running.ready["meters"][0]["model"] == "half-hourly"
    meter = f'[[meter]]\nid = "MB0001"\nmodel = "{NAME}"\nlisten = ["dlms+tcp://127.0.0.1:0"]\n'
    (folder / "bench.toml").write_text(meter)
    with emulator(str(folder / "bench.toml"), cwd=folder.parent) as running:
        assert running.ready["meters"][0]["model"] == "half-hourly"
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(app, ["plot", NAME, "--days", "1", "-o", "meter.png"]).exit_code == 0


def test_a_key_that_no_section_knows_is_refused_with_its_name(folder: Path) -> None:
    with (folder / NAME).open("a", encoding="utf-8") as file:
        file.write("[relay]\nauto_reconect = true\n")
    with pytest.raises(ModelError, match="auto_reconect"):
        load_file(folder / NAME)
