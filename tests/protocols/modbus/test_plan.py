"""The planner: within every limit, over no forbidden address, and never a request more than needed."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.kind import KINDS
from protocols.modbus.plan import plan
from protocols.modbus.register import RegisterSpec
from protocols.modbus.register_map import RegisterMap, Window
from protocols.model.loader import load, model_ids

MODELS = [name for name in model_ids() if load(name).modbus is not None]


@st.composite
def maps(draw: st.DrawFn) -> RegisterMap:
    registers: list[RegisterSpec] = []
    address = draw(st.integers(0, 5))
    most = draw(st.integers(4, 20))
    for index in range(draw(st.integers(1, 14))):
        kind = KINDS[draw(st.sampled_from(["uint16", "float32", "uint64"]))]
        words = kind.words or 1
        registers.append(RegisterSpec(name=f"r{index}", address=address, words=words, kind=kind))
        address += words + draw(st.sampled_from([0, 0, 0, 1, 3, 9]))
    windows = draw(st.lists(st.tuples(st.integers(0, address), st.integers(0, 30)), max_size=2))
    return RegisterMap(
        registers=tuple(registers),
        read_registers_max=most,
        gap=draw(st.sampled_from(["exception", "value"])),
        windows=tuple(Window(3, first, first + length) for first, length in windows),
        single=draw(st.booleans()) and draw(st.booleans()),
    )


def allowed(register_map: RegisterMap, start: int, end: int) -> bool:
    within = end - start <= register_map.read_registers_max
    return within and all(register_map.answers(3, address) for address in range(start, end))


def fewest(register_map: RegisterMap, wanted: list[RegisterSpec]) -> int:
    """By trying every way to cut the sorted registers into runs."""
    if register_map.single:
        return len(wanted)
    best = [0]
    for upto in range(1, len(wanted) + 1):
        best.append(
            min(
                best[start] + 1
                for start in range(upto)
                if allowed(register_map, wanted[start].address, wanted[upto - 1].end)
            )
        )
    return best[-1]


@given(maps(), st.data())
def test_a_plan_keeps_every_limit_and_is_the_shortest(register_map: RegisterMap, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.sampled_from(register_map.registers), unique_by=lambda each: each.name, min_size=1))
    planned = plan(register_map, wanted)
    for each in planned:
        start, end = each.request.address, each.request.address + each.request.quantity
        assert allowed(register_map, start, end)
        assert not register_map.single or len(each.registers) == 1
        content = b"".join(address.to_bytes(2, "big") for address in range(start, end))
        for register in each.registers:
            part = each.part(content, register)
            assert int.from_bytes(part[:2], "big") == register.address
            assert len(part) == 2 * register.words
    assert sorted(register.name for each in planned for register in each.registers) == sorted(
        register.name for register in wanted
    )
    assert len(planned) == fewest(register_map, sorted(wanted, key=lambda each: each.address))


FEWEST = {
    "abb-b23": 12, "abb-b24": 12, "acurev2000": 1, "dds238": 1, "em24": 9, "em24-ethernet": 8, "em340": 6,
    "iem3155": 12, "pem533": 3, "pm5350": 4, "sdm120": 11, "sdm230": 10, "sdm630": 9, "sunspec-203": 2,
    "sunspec-213": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_read_whole_in_the_fewest_requests(name: str) -> None:
    register_map = load(name).modbus
    assert register_map is not None
    planned = plan(register_map, register_map.registers)
    alone = [each for each in register_map.registers if each.alone]
    joined = sorted((each for each in register_map.registers if not each.alone), key=lambda each: each.read)
    tables = groupby(joined, key=lambda each: each.read[0])
    counted = len(alone)
    for function, registers in tables:
        only = RegisterMap(
            registers=tuple(
                RegisterSpec(name=each.name, address=each.address, words=each.words, kind=each.kind)
                for each in registers
            ),
            read_registers_max=register_map.read_registers_max,
            gap=register_map.gap,
            windows=tuple(Window(3, *window[1:]) for window in register_map.windows if window.function == function),
        )
        counted += fewest(only, sorted(only.registers, key=lambda each: each.address))
    assert len(planned) == counted == FEWEST[name]


def test_registers_that_scale_are_read_along() -> None:
    register_map = load("sunspec-203").modbus
    assert register_map is not None
    voltage = register_map.by_name("voltage_l1")
    assert voltage is not None
    (only,) = plan(register_map, [voltage])
    assert {each.name for each in only.registers} == {"voltage_l1", "V_SF"}
