"""The emulator's command line as whoever types it, or starts it from a script, meets it."""

import json
import signal
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.commands import app
from tests.emulator import peers
from tests.emulator.program import emulator, once

BENCH = """
seed = 7
[clock]
start = "2024-10-28T00:00:00+05:30"
[[meter]]
id = "MB0001"
model = "is15959-d1"
count = 2
load = { constant = 500 }
listen = ["dlms+tcp://127.0.0.1:0", "dlms+hdlc://pty?path=line1&physical=17"]
[[meter]]
id = "EA0001"
model = "sdm120"
listen = ["modbus+tcp://127.0.0.1:0?unit=3"]
"""


def test_models_are_listed_for_people_and_for_programs() -> None:
    table = CliRunner().invoke(app, ["models"])
    assert table.exit_code == 0
    assert "is15959-d1" in table.stdout
    rows = {row["id"]: row for row in json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)}
    assert rows["is15959-d1"]["objects"] > 50
    assert rows["sdm120"]["registers"] > 20


def test_some_days_of_a_meter_are_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "meter.png"
    done = CliRunner().invoke(app, ["plot", "is15959-d1", "--days", "1", "-o", str(picture)])
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    wrong = CliRunner().invoke(app, ["plot", "is15959-d1", "--days", "1", "-o", str(tmp_path / "meter.doc")])
    assert wrong.exit_code == 2


def test_the_ready_line_names_every_meter_and_where_to_dial_it(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(BENCH)
    with emulator("bench.toml", "--journal", "journal.jsonl", cwd=tmp_path) as running:
        assert set(running.ready) == {"ready", "seed", "meters", "control"}
        assert (running.ready["ready"], running.ready["seed"]) == (True, 7)
        assert [(meter["id"], meter["model"]) for meter in running.ready["meters"]] == [
            ("MB0001", "is15959-d1"),
            ("MB0002", "is15959-d1"),
            ("EA0001", "sdm120"),
        ]
        tcp, pty = running.urls("MB0002")
        assert tcp.startswith("dlms+tcp://127.0.0.1:")
        assert tcp.endswith("?client=16&server=1")
        assert pty == f"dlms+hdlc://{tmp_path}/line1?baud=9600&client=16&server=1&physical=18"
        assert (tmp_path / "line1").is_symlink()
        assert running.end() == 0
        assert "public bench keys" in running.errors
    assert not (tmp_path / "line1").is_symlink()
    assert (tmp_path / "journal.jsonl").exists()


def test_a_control_section_is_not_taken_in_silence(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(BENCH + '[control]\nlisten = "127.0.0.1:0"\n')
    with emulator("bench.toml", cwd=tmp_path) as running:
        assert running.ready["control"] is None
        assert running.end() == 0
        assert "no control API yet" in running.errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    listen = f"dlms+hdlc://pty?path={tmp_path}/line&physical=17"
    with emulator("--model", "is15959-d1", "--count", "3", "--seed", "42", "--listen", listen) as running:
        assert len(running.ready["meters"]) == 3
        assert running.end(number) == 0
    assert not (tmp_path / "line").is_symlink()


def test_a_killed_emulator_leaves_a_link_that_the_next_one_replaces(tmp_path: Path) -> None:
    arguments = ("--model", "sdm120", "--id", "EA0001", "--listen", f"modbus+rtu://pty?path={tmp_path}/line&unit=1")
    with emulator(*arguments) as running:
        running.end(signal.SIGKILL)
    assert (tmp_path / "line").is_symlink()
    with emulator(*arguments) as running:
        assert running.end() == 0
    assert not (tmp_path / "line").is_symlink()


def test_what_a_meter_keeps_survives_a_kill(tmp_path: Path) -> None:
    arguments = ("--model", "dds238", "--id", "DD0001", "--listen", "modbus+tcp://127.0.0.1:0", "--state", "kept")
    off = bytes.fromhex("10001A0001020000")
    with emulator(*arguments, cwd=tmp_path) as running:
        assert peers.exchange_tcp(running.urls("DD0001")[0], off)[0] == 0x10
        running.end(signal.SIGKILL)
    with emulator(*arguments, cwd=tmp_path) as running:
        assert peers.exchange_tcp(running.urls("DD0001")[0], bytes.fromhex("03001A0001")) == bytes.fromhex("03020000")
        assert running.end() == 0
    other = once("run", *arguments, "--seed", "7", cwd=tmp_path)
    assert other.returncode == 2
    assert "was kept for a meter with another seed" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run",), "name a bench file, or --model"),
        (("run", "none.toml"), "none.toml: can't be read"),
        (("run", "--model", "is15959-d1"), "--model needs --listen"),
        (("run", "bench.toml", "--model", "x"), "not both"),
        (("run", "--model", "is15959-d9", "--listen", "dlms+tcp://127.0.0.1:0"), "is15959-d1"),
        (("run", "--model", "sdm120", "--listen", "dlms+tcp://127.0.0.1:0"), "its model has no DLMS objects"),
        (("run", "--model", "is15959-d1", "--listen", "dlms+tpc://127.0.0.1:0"), "did you mean dlms+tcp://"),
        (("run", "--model", "is15959-d1", "--listen", "dlms+tcp://127.0.0.1:0", "--rate", "-1"), "rate is 0 to"),
        (("run", "--model", "is15959-d1", "--listen", "dlms+tcp://127.0.0.1:0", "--journal", "no/x"), "--journal no/x"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 2
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_wrong_bench_keys_are_told_with_the_meter(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(BENCH.replace("constant = 500", "constant = 'much'"))
    ended = once("run", "b.toml", cwd=tmp_path)
    assert ended.returncode == 2
    assert 'b.toml: meter "MB0001": load: constant' in ended.stderr


def test_init_writes_an_example_that_is_right_and_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    text = (tmp_path / "bench.toml").read_text()
    assert [meter["id"] for meter in tomllib.loads(text)["meter"]] == ["MB0001", "EA0001"]
    again = CliRunner().invoke(app, ["init"])
    assert again.exit_code == 2
    assert "already there" in again.stderr
    (tmp_path / "bench.toml").write_text(text.replace(":4059", ":0").replace(":5020", ":0"))
    with emulator("bench.toml", cwd=tmp_path) as running:
        assert len(running.ready["meters"]) == 4
