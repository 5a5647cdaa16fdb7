"""Registers as a person names them on the command line."""

import json
import re
from pathlib import Path

import pytest

from gateway.desk.registers import is_address, wanted_of
from gateway.meter.modbus import ModbusScripts
from protocols.message.args import ReadArgs
from protocols.modbus.order import ORDERS
from protocols.modbus.register import RegisterSpec
from protocols.model.loader import load
from tests.emulator.program import emulator
from tests.interop.test_modbus_scan import ran

KNOWN = ModbusScripts(load("sdm120").modbus)
UNKNOWN = ModbusScripts(None)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("4:12:float32", (4, 12, 2, "float32", "ABCD")),
        ("4:0x0C:int64:CDAB", (4, 12, 4, "int64", "CDAB")),
        ("100:string8", (3, 100, 8, "string", "ABCD")),
        ("65535:uint16", (3, 65535, 1, "uint16", "ABCD")),
    ],
)
def test_a_value_is_named_by_its_place_and_type(text: str, place: tuple[int, int, int, str, str]) -> None:
    wanted = wanted_of(text, UNKNOWN)
    assert isinstance(wanted, RegisterSpec)
    function, address, words, kind, order = place
    assert (wanted.read, wanted.address, wanted.words, wanted.kind.name) == ((function,), address, words, kind)
    assert wanted.order == ORDERS[order]
    assert is_address(text)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("12", {"register": 12, "function": 3}),
        ("0x0C", {"register": 12, "function": 3}),
        ("4:12:10", {"register": 12, "function": 4, "count": 10}),
        ("1:0:8", {"coil": 0, "function": 1, "count": 8}),
    ],
)
def test_registers_and_bits_as_they_stand(text: str, args: dict[str, int]) -> None:
    assert wanted_of(text, UNKNOWN) == ReadArgs.model_validate(args)


def test_a_model_knows_names_and_groups() -> None:
    voltage = wanted_of("voltage", KNOWN)
    assert isinstance(voltage, RegisterSpec)
    assert voltage.address == 0
    assert wanted_of("energy", KNOWN) == ReadArgs(profile="energy")
    assert not is_address("voltage")


@pytest.mark.parametrize(
    ("text", "scripts", "sentence"),
    [
        ("voltag", KNOWN, "did you mean voltage?"),
        ("1.0.1.8.0.255", KNOWN, "its groups are instantaneous"),
        ("voltage", UNKNOWN, "name one with --model"),
        ("4:12:float33", KNOWN, "float33 is no type; types are bcd16"),
        ("4:12:float32:ACBD", KNOWN, "ACBD is no order; orders are AB, BA, ABCD"),
        ("4:12:string0", KNOWN, "string0 is no type"),
        ("1:12:float32", KNOWN, "which have no type"),
        ("4:12:0", KNOWN, "at most 125"),
        ("4:12:126", KNOWN, "at most 125"),
        ("70000", KNOWN, "addresses are 0 to 65535"),
        ("70000:uint16", KNOWN, "outside 0 to 65535"),
        ("65535:uint32", KNOWN, "outside 0 to 65535"),
    ],
)
def test_what_is_nothing_is_told_with_what_would_be_something(text: str, scripts: ModbusScripts, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        wanted_of(text, scripts)


def test_the_program_reads_registers_by_name_and_by_address(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(
        """
        seed = 42
        [clock]
        rate = 0
        [[meter]]
        id = "EA0001"
        model = "sunspec-203"
        load = { constant = 500 }
        supply = { constant = 230 }
        listen = ["modbus+tcp://127.0.0.1:0?shared=a&unit=1", "modbus+tcp://127.0.0.1:0?shared=a&unit=40"]
        """
    )
    with emulator("bench.toml", cwd=tmp_path) as bench:
        urls = bench.ready["meters"][0]["urls"]
        assert [url.rpartition("=")[2] for url in urls] == ["1", "40"], "one unit that answers for two ids"
        for url in urls:
            status, out, err = ran("read", url, "voltage_l1", "3:40070", "40000:string2", "--json")
            assert status == 0, err
            values = {value["name"]: value["value"] for value in json.loads(out)["rows"][0]["values"]}
            assert values == {"voltage_l1": "230.0", "raw_40070": "203", "40000:string2": "SunS"}

        status, out, err = ran("read", urls[0], "4:40000:uint16")
        assert (status, out) == (1, "")
        assert err == "the meter refuses 4:40000:uint16: illegal function\n"
        nobody = urls[0].replace("unit=1", "unit=9")
        status, _, err = ran("read", nobody)
        assert status == 3
        assert "did not answer" in err
        status, _, err = ran("read", urls[0], "voltage_l9")
        assert status == 2
        assert "did you mean voltage_l" in err
