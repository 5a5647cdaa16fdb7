"""`meter-gateway scan` and `meter-gateway model`: the real program, against the wall and lines of a real bench."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.configuration.config import ConfigError
from gateway.desk.scan import Found, Search, scan, search_of
from protocols.address import ModbusAddress, SerialLine, Tcp
from tests.emulator.program import emulator
from tests.interop.modbus_wall import MODELS, wall
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.interop

ROOT = Path(__file__).resolve().parents[2]
TWINS = {"abb-b23": "abb-b24", "abb-b24": "abb-b23"}
"""Meters that differ in phases only look alike in every register."""

BENCH = """
seed = 42
[clock]
rate = 0
[[line]]
on = "{path}"
strict_baud = true
[[meter]]
id = "EA0001"
model = "sdm120"
count = 2
listen = ["modbus+rtu://pty?path={path}&baud=2400&unit=7"]
[[meter]]
id = "EB0001"
model = "dds238"
listen = ["modbus+rtu://pty?path={path}&baud=2400&unit=40"]
"""


def program(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "meterbench", "gateway", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"},
    )


def ran(*arguments: str) -> tuple[int, str, str]:
    process = program(*arguments)
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_model_is_found_and_recognised(tmp_path: Path, carrier: str) -> None:
    async with wall(tmp_path) as here:
        line = Tcp(host=here.host, port=here.port) if carrier == "tcp" else SerialLine(device=here.device, baud=9600)
        search = Search(
            address=ModbusAddress(scheme=f"modbus+{carrier}", carrier=line),
            units=range(1, len(MODELS) + 3),
            timeout_ms=500,
        )
        found: list[Found] = []
        progress: list[Any] = []
        await scan(search, found.append, progress.append)
    assert [each.unit for each in found] == list(range(1, len(MODELS) + 1))
    for each, model in zip(found, MODELS, strict=True):
        assert model in {each.model, *each.others}, each
    assert sum(each.model == model for each, model in zip(found, MODELS, strict=True)) >= len(MODELS) - len(TWINS)
    assert progress[-1].done == progress[-1].most == len(MODELS) + 2


def test_the_program_finds_the_speed_of_a_line_and_the_units_on_it(tmp_path: Path) -> None:
    path = f"{tmp_path}/line"
    (tmp_path / "bench.toml").write_text(BENCH.format(path=path))
    with emulator("bench.toml", cwd=tmp_path):
        options = ("--units", "7-9,40", "--timeout", "200ms")
        status, out, err = ran("scan", f"modbus+rtu://{path}", *options, "--json", "--progress")
        assert status == 0, err
        said = json.loads(out)
        assert said["complete"] is True
        assert [(each["unit"], each["model"]) for each in said["found"]] == [
            (7, "sdm120"),
            (8, "sdm120"),
            (40, "dds238"),
        ]
        assert all("baud=2400" in each["url"] for each in said["found"])
        assert all(json.loads(line)["most"] == 4 * 8 for line in err.splitlines())

        status, out, err = ran("scan", f"modbus+rtu://{path}?baud=2400", *options)
        assert status == 0, err
        assert out.splitlines()[0].startswith("unit 7: sdm120  modbus+rtu://")

        status, _, err = ran("scan", f"modbus+rtu://{path}", "--baud", "9600", "--units", "7")
        assert status == 3
        assert "nobody answers" in err


def test_what_was_found_survives_ctrl_c(tmp_path: Path) -> None:
    path = f"{tmp_path}/line"
    (tmp_path / "bench.toml").write_text(BENCH.format(path=path))
    with emulator("bench.toml", cwd=tmp_path):
        options = ("--units", "7,100-247", "--timeout", "2s", "--json", "--progress")
        process = program("scan", f"modbus+rtu://{path}?baud=2400", *options)
        assert process.stderr is not None
        assert json.loads(process.stderr.readline())["done"] == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, err
    said = json.loads(out)
    assert said["complete"] is False
    assert [each["unit"] for each in said["found"]] == [7]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("dlms+tcp://127.0.0.1:1",), "begins with modbus+"),
        (("modbus+tcp://127.0.0.1:1", "--units", "0-9"), "units are 1 to 247"),
        (("modbus+tcp://127.0.0.1:1", "--units", "a"), "no whole number"),
        (("modbus+rtu:///dev/null", "--baud", "9601"), "each is one of 300"),
        (("modbus+rtu:///dev/null", "--parity", "M"), "each is one of N, E, O"),
    ],
)
def test_a_search_that_cannot_be_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    url, *options = arguments
    said = {"--units": "1-247", "--baud": None, "--parity": None} | dict(zip(options[::2], options[1::2], strict=True))
    with pytest.raises(ConfigError, match=sentence):
        search_of(url, str(said["--units"]), said["--baud"], said["--parity"], 300)


def test_real_devices_are_tried_at_every_parity() -> None:
    search = search_of("modbus+rtu:///dev/ttyUSB0", "1", None, None, 300)
    tried = [
        (each.carrier.parity, each.carrier.baud) for each in search.settings() if isinstance(each.carrier, SerialLine)
    ]
    assert len(tried) == 24
    assert tried[0] == ("N", 9600)
    said = search_of("modbus+rtu:///dev/ttyUSB0?baud=19200&parity=E", "1", None, None, 300)
    assert [str(each) for each in said.settings()] == ["modbus+rtu:///dev/ttyUSB0?baud=19200&parity=E&unit=1"]


def test_a_sheet_becomes_a_model_that_both_programs_take(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text(
        "address;type;unit;scale;quantity\n40021;uint16;V;0,1;voltage_l1\n40037;int32;W;1;active_power\n"
    )
    status, out, err = ran(
        "model", str(tmp_path / "map.csv"), "--base", "40001", "--title", "A meter", "--maker", "ACME"
    )
    assert status == 0, err
    (tmp_path / "meter.toml").write_text(out)
    with emulator("--model", "meter.toml", "--listen", "modbus+tcp://127.0.0.1:0?unit=3", cwd=tmp_path) as bench:
        url = bench.ready["meters"][0]["urls"][0]
        status, out, err = ran("read", "--model", str(tmp_path / "meter.toml"), url)
    assert status == 0, err
    assert [line.split()[0] for line in out.splitlines()] == ["voltage_l1", "active_power"]

    (tmp_path / "bad.csv").write_text("address;type\nx;uint16\n")
    status, _, err = ran("model", str(tmp_path / "bad.csv"))
    assert (status, err) == (2, "bad.csv: line 2: address is 'x'; it must be a whole number\n")
