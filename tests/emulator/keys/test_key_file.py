"""The bench's keys as the gateway's key file."""

from pathlib import Path

import pytest

from emulator.bench.file import check
from emulator.keys.key_file import rows, text_of, write
from gateway.configuration.fleet_keys import keys_for, parse_fleet_keys
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load
from protocols.secret import Secret
from tests.emulator.program import once

BENCH = """
[[meter]]
id = "MB0001"
model = "is15959-d1"
count = 2
keys = { hls = { env = "BENCH_HLS" } }
[[meter]]
id = "EA0001"
model = "sdm120"
"""


@pytest.mark.parametrize("as_csv", [False, True])
def test_a_gateway_reads_what_a_bench_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_csv: bool) -> None:
    monkeypatch.setenv("BENCH_HLS", "the secret of it")
    meters = [
        {"id": "MB0001", "model": "is15959-d1", "count": 2, "keys": {"hls": {"env": "BENCH_HLS"}}},
        {"id": "EA0001", "model": "sdm120"},
    ]
    found = rows(check({"meter": meters}, "test"), tmp_path)
    assert [row.meter for row in found] == ["MB0001", "MB0002"]
    fleet = parse_fleet_keys(text_of(found, as_csv=as_csv))
    for meter in ("MB0001", "MB0002"):
        keys = keys_for(fleet, meter)
        expected = {**SECRETS_DEFAULT, "hls": Secret("the secret of it")}
        del expected["token"]
        assert keys.secrets == expected, "all but the key that makes tokens"
        assert keys.system_title == load("is15959-d1").identity.system_title(meter)


def test_only_the_owner_reads_it_and_none_is_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "keys.toml", "")
    assert (tmp_path / "keys.toml").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write(tmp_path / "keys.toml", "")


def test_the_command_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bench.toml").write_text(BENCH)
    monkeypatch.setenv("BENCH_HLS", "the secret of it")
    ended = once("keys", "bench.toml", "--out", "keys.csv", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "keys.csv written, for 2 meters; readable by its owner only\n"
    assert (tmp_path / "keys.csv").read_text().startswith("meter,system_title,lls,hls,block,authentication,master\n")
    again = once("keys", "bench.toml", "--out", "keys.csv", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (2, "keys.csv is already there; name another file\n")
    monkeypatch.delenv("BENCH_HLS")
    missing = once("keys", "bench.toml", "--out", "other.toml", cwd=tmp_path)
    assert missing.returncode == 2
    assert "BENCH_HLS is not set" in missing.stderr
