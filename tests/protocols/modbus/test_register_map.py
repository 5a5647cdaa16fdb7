"""Register maps: what a model file says, what is wrong with one, and what every model of ours must have."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from protocols.modbus.csv_map import Base, read_csv, tables
from protocols.modbus.kind import KINDS
from protocols.modbus.register_map import RegisterMap
from protocols.model.loader import load, model_ids
from protocols.model.table import ModelError

VOLTAGE = {"quantity": "voltage", "type": "float32"}
MODELS = [name for name in model_ids() if load(name).modbus is not None]


def read(registers: Mapping[str, Any], **modbus: Any) -> RegisterMap:
    return RegisterMap.from_table({"modbus": modbus, "registers": registers}, "x.toml")


def test_what_rows_do_not_say_comes_from_the_head() -> None:
    made = read(
        {"4:0x10": {"quantity": "voltage"}, "3:2": {"parameter": "p", "value": 7, "type": "uint16", "writable": True}},
        type="int32", order="CDAB", write=[6], sentinels={"int32": [0x7FFFFFFF]}, base_address=100,
    )  # fmt: skip
    voltage, parameter = made.by_name("voltage"), made.by_name("p")
    assert voltage is not None
    assert parameter is not None
    assert (voltage.address, voltage.read, voltage.kind, voltage.sentinel) == (116, (4,), KINDS["int32"], (0x7FFFFFFF,))
    assert voltage.order.low_word_first
    assert (parameter.write, parameter.value, voltage.write) == ((6,), 7, ())
    assert made.answers(4, 116)
    assert not made.answers(4, 118)


def test_one_table_is_read_by_both_functions() -> None:
    made = read({"4:0": VOLTAGE}, one_table=True)
    assert made.registers[0].read == (4, 3)
    assert made.of(3) == made.of(4) == made.registers


@pytest.mark.parametrize(
    ("registers", "modbus", "says"),
    [
        ({"5:0": VOLTAGE}, {}, "function 5 reads no registers; it must be 3 or 4"),
        ({"x": VOLTAGE}, {}, 'the key must be a function and a wire address, such as "4:0x0048"'),
        ({"4:0": {"quantity": "voltag", "type": "uint16"}}, {}, "quantity 'voltag' is none; did you mean voltage?"),
        ({"4:0": {"quantity": "voltage"}}, {}, "type is missing"),
        ({"4:0": {"type": "uint16"}}, {}, "it must say one of quantity, value"),
        ({"4:0": VOLTAGE | {"identity": "serial"}}, {}, "it must say one of quantity, value"),
        ({"4:0": {"parameter": "p", "type": "uint16"}}, {}, "value is missing"),
        ({"4:0": {"value": 1, "type": "uint16"}}, {}, "name is missing"),
        ({"4:0": VOLTAGE | {"unit": "A"}}, {}, "'A' is no unit of what is measured in 'V'"),
        ({"4:0": VOLTAGE | {"scale": 0}}, {}, "scale is 0.0; it must be above zero"),
        ({"4:0": VOLTAGE | {"sentinel": ["a"]}}, {}, "it must be a list of bit patterns"),
        ({"4:0": VOLTAGE | {"orde": "AB"}}, {}, "orde is no key of this table; did you mean order?"),
        ({"4:0": VOLTAGE | {"scale_register": "sf"}}, {}, "scale_register 'sf' is no register of the model"),
        ({"4:0": VOLTAGE, "4:2": VOLTAGE}, {}, "voltage stands twice"),
        ({"4:0": VOLTAGE}, {"read_registers_max": 1}, "2 registers are more than one read takes"),
        ({"4:0": VOLTAGE}, {"read_registers_max": 126}, "read_registers_max is 126; it must be from 1 to 125"),
        ({"4:0": VOLTAGE}, {"write": [3]}, "it must be a list of function codes out of"),
        ({"4:0": VOLTAGE}, {"ranges": {"voltage": [0]}}, "the least and the most of a quantity"),
        ({"4:0": VOLTAGE}, {"ranges": {"volts": [0, 1]}}, "the least and the most of a quantity"),
        ({"4:0": VOLTAGE}, {"gab": "value"}, "gab is no key of this table; did you mean gap?"),
        ({"4:0": VOLTAGE}, {"sentinels": {"int17": [1]}}, "int17 is no key of this table; did you mean"),
        ({"4:0": VOLTAGE}, {"unlock": {"register": "a", "password": "b", "expires_s": 1}}, "names a register that"),
        ({"4:0": VOLTAGE}, {"identification": {"x": "y"}}, "it must be a number from 0 to 255"),
        ({"4:0": VOLTAGE}, {"recognise": [{"address": 1, "codes": ["a"]}]}, "it must be a list of numbers"),
        ({"4:0": VOLTAGE}, {"relay": {"way": "button", "state": {"address": 1}}}, "way is 'button'; it must be one of"),
        (
            {"4:0": VOLTAGE},
            {"relay": {"way": "arm", "close": [1], "open": [1, 2], "state": {"address": 1}}},
            "that arms",
        ),
        (
            {"4:0": VOLTAGE},
            {"relay": {"way": "register", "close": [], "open": [0], "state": {"address": 1}}},
            "a list of",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(registers: Any, modbus: Any, says: str) -> None:
    with pytest.raises(ModelError) as raised:
        read(registers, **modbus)
    assert str(raised.value).startswith("x.toml: ")
    assert says in str(raised.value)


def test_ranges_hold_for_all_phases_in_the_unit_of_each_register() -> None:
    rows = {
        "3:0": {"quantity": "voltage_l1_l2", "type": "uint16", "unit": "kV"},
        "3:1": {"quantity": "voltage_l1", "type": "uint16", "maximum": 300},
        "3:2": {"quantity": "power_factor", "type": "int16", "unit": "%"},
        "3:3": {"quantity": "current_l1", "type": "uint16"},
    }
    made = read(rows, ranges={"voltage": [0, 600], "power_factor": [-1, 1]})
    assert [(each.minimum, each.maximum) for each in made.registers] == [
        (Decimal(0), Decimal("0.6")), (Decimal(0), Decimal("300.0")), (Decimal(-100), Decimal(100)), (None, None)
    ]  # fmt: skip
    assert made.registers[0].reading(b"\0\1").reason == "out of range"


@pytest.mark.parametrize("name", MODELS)
def test_every_row_of_our_models_has_its_source(name: str) -> None:
    model = load(name)
    assert model.modbus is not None
    for register in model.modbus.registers:
        assert register.source, register.name
        assert register.document, register.name
        assert register.title, register.name
        assert set(register.source.split()) <= set(model.sources), register.name
    assert model.modbus.recognitions


@pytest.mark.parametrize("name", MODELS)
def test_no_two_registers_of_our_models_overlap(name: str) -> None:
    register_map = load(name).modbus
    assert register_map is not None
    taken: set[tuple[int, int]] = set()
    for register in register_map.registers:
        if not register.alone:
            places = {(register.read[0], address) for address in range(register.address, register.end)}
            assert not places & taken, register.name
            taken |= places


SHEET = """\ufeffAddress;Function;Name;Type;Unit;Scale;Quantity;Sentinel;Words;Title;Extra
40001;3;;uint16;V;0,1;voltage_l1;0xFFFF;;Phase 1;x

40002;;active_power;int32;kW;0.001;;;;;
40004;3;label;string;;;;;4;;
40010;3;mystery;uint16;;;;;;;
"""


def test_a_sheet_becomes_a_map() -> None:
    made = read_csv(SHEET, base=40001, limits={"read_registers_max": 20})
    assert [(each.name, each.address, each.words) for each in made.registers] == [
        ("voltage_l1", 0, 1), ("active_power", 1, 2), ("label", 3, 4), ("mystery", 9, 1)
    ]  # fmt: skip
    voltage = made.registers[0]
    assert voltage.sentinel == (0xFFFF,)
    assert str(voltage.reading((2301).to_bytes(2, "big")).value) == "230.1"
    assert str(made.registers[1].reading((1500).to_bytes(4, "big")).value) == "1500"


def test_a_sheet_of_makers_numbers_says_by_them_which_function_reads() -> None:
    made = read_csv("address;type;name\n30001;uint16;a\n40021;uint16;b\n300073;uint32;c\n", base="modicon")
    assert [(each.name, each.read, each.address, each.document) for each in made.registers] == [
        ("b", (3,), 20, "40021"), ("a", (4,), 0, "30001"), ("c", (4,), 72, "300073")
    ]  # fmt: skip
    assert read_csv("address,type,name\n40021,uint16,a\n", base=40001).registers[0].document == "40021"


@pytest.mark.parametrize(
    ("row", "base", "says"),
    [
        ("20,", "modicon", "line 2: address is '20'; with base modicon it is a number such as 30001 or 400001"),
        ("10001,", "modicon", "address is '10001'; with base modicon"),
        ("40000,", "modicon", "address is '40000'; with base modicon"),
        ("30001,3", "modicon", "function is 3; 30001 is read by function 4"),
        ("30001,", 40001, "address is 30001, which is below the base of 40001"),
    ],
)
def test_a_number_that_is_none_of_the_makers_is_told_where(row: str, base: Base, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_csv(f"address,function,type,name\n{row},uint16,a\n", base=base)


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        ("", "the sheet is empty"),
        ("name,type\n", "there is no column 'address'"),
        ("address,type\nx,uint16\n", "line 2: address is 'x'; it must be a whole number"),
        ("address,type,name,scale\n1,uint16,a,b\n", "line 2: scale is 'b'; it must be a number"),
        ("address,type,name\n1,uint16,a\n1,uint16,b\n", "line 3: address 3:1 stands twice"),
        ("address,type,name\n1,uint17,a\n", "type is 'uint17'"),
    ],
)
def test_a_wrong_sheet_is_told_where(sheet: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_csv(sheet, where="map.csv")


def test_a_sheet_can_be_written_into_a_model_file() -> None:
    assert tables("address,type,quantity\n0x10,uint16,voltage\n") == {"3:16": {"quantity": "voltage", "type": "uint16"}}
