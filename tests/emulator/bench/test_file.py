"""Bench files: what they become, and what is said about wrong ones."""

from fractions import Fraction
from pathlib import Path

import pytest

from emulator.bench.file import BenchError, check, plans, read_bench
from protocols.secret import Secret
from protocols.settings.section import SecretSource

BENCH = """
seed = 7
[clock]
start = "2024-10-28T00:00:00+05:30"
rate = 60
[control]
listen = "127.0.0.1:0"
[[meter]]
id = "MB0001"
model = "is15959-d1"
count = 3
load = { household = "urban" }
listen = ["dlms+tcp://127.0.0.1:4059", "dlms+hdlc://pty?path=run/line1&physical=17"]
keys = { lls = { env = "BENCH_LLS" } }
[[meter]]
id = "EA0001"
model = "sdm120"
listen = ["modbus+tcp://127.0.0.1:0"]
"""


def test_a_bench_file_becomes_meters_that_count_up(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH)
    bench = read_bench(path)
    assert (bench.seed, bench.clock.rate, bench.clock.zone) == (7, Fraction(60), "Asia/Kolkata")
    assert bench.control is not None
    meters = list(plans(bench))
    assert [meter.id for meter in meters] == ["MB0001", "MB0002", "MB0003", "EA0001"]
    assert [str(address) for address in meters[2].addresses] == [
        "dlms+tcp://127.0.0.1:4061?client=16&server=1",
        "dlms+hdlc://pty?path=run/line1&client=16&server=1&physical=19",
    ]
    assert meters[3].section.model == "sdm120"


METER = {"id": "MB0001", "model": "is15959-d1"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, r"bench.toml: there is no \[\[meter\]\]"),
        ({"meter": []}, r"bench.toml: there is no \[\[meter\]\]"),
        ({"meter": [METER], "sede": 1}, "key sede: unknown key; did you mean `seed`"),
        ({"meter": [METER], "xyz": 1}, "key xyz: unknown key; known here are seed, clock"),
        ({"meter": [METER | {"lode": {}}]}, 'meter "MB0001", key lode: unknown key; did you mean `load`'),
        ({"meter": [{"model": "x"}]}, 'meter "1", key id: is missing'),
        ({"meter": [METER | {"id": "a b"}]}, "can't be a meter's id"),
        ({"meter": [METER | {"listen": ["dlms+tpc://h"]}]}, r"listen\[0\]: unknown scheme"),
        ({"meter": [METER | {"listen": [17]}]}, "a listen URL is text"),
        ({"meter": [METER | {"count": 0}]}, "count: .*greater than or equal to 1.*given: 0"),
        ({"meter": [METER | {"id": "MB", "count": 2}]}, "must end in digits"),
        ({"meter": [METER | {"count": 9, "listen": ["dlms+tcp://h:65530"]}]}, "use a smaller count"),
        ({"meter": [METER, METER]}, "'MB0001' is given twice"),
        ({"meter": [METER | {"keys": {"lsl": {"env": "X"}}}]}, "a name there is no key's; did you mean `lls`"),
        ({"meter": [METER | {"keys": {"lls": {}}}]}, "one of the two"),
        ({"meter": [METER], "clock": {"zone": "Asia/Calcuta"}}, "no time zone"),
        ({"meter": [METER], "clock": {"rate": -1}}, "clock.rate: rate is 0 to"),
        ({"meter": [METER], "clock": {"rate": "fast"}}, "rate is a number"),
        ({"meter": [METER], "clock": {"start": "2024-10-28T00:00:00"}}, "needs its offset"),
        ({"meter": [METER], "line": [{"on": "run/x"}]}, "no meter listens there; serial lines are: none"),
        (
            {"meter": [METER], "line": [{"on": "x", "local_eco": True}]},
            r"key line\[0\]: local_eco .*did you mean local_echo",
        ),
        ({"meter": [METER], "line": [{}]}, r"key line\[0\].on: is missing"),
        ({"meter": [METER], "control": {"listen": "here"}}, "control.listen"),
    ],
)
def test_a_wrong_bench_is_told_with_file_key_and_what_would_be_right(data: dict[str, object], says: str) -> None:
    with pytest.raises(BenchError, match=says):
        check(data, "bench.toml")


def test_a_file_is_told_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH.replace("count = 3", "count = 0").replace("rate = 60", 'rate = "fast"'))
    with pytest.raises(BenchError) as caught:
        read_bench(path)
    assert [fault.removeprefix(f"{path}, ").split(";")[0] for fault in caught.value.faults] == [
        "line 5: key clock.rate: rate is a number: 1 is real time, 0 frozen, 60 a minute a second",
        'line 11: meter "MB0001", key count: input should be greater than or equal to 1 (given: 0)',
    ]


def test_files_that_are_not_there_or_no_toml_are_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="can't be read"):
        read_bench(tmp_path / "none.toml")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("seed = ")
    with pytest.raises(BenchError, match="not TOML"):
        read_bench(wrong)


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_LLS", "not so public")
    (tmp_path / "key").write_text("000102030405060708090A0B0C0D0E0F\n")
    assert SecretSource(env="BENCH_LLS").read(tmp_path) == Secret("not so public")
    assert SecretSource(file="key").read(tmp_path) == Secret(bytes(range(16)))
    for source in (SecretSource(env="BENCH_NONE"), SecretSource(file="none")):
        with pytest.raises(ValueError, match=r"that it names|not set"):
            source.read(tmp_path)
