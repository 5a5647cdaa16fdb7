"""Recognising a model by what it answers."""

from struct import pack

import pytest

from protocols.modbus.access import ReadRegisters, Registers
from protocols.modbus.pdu import ExceptionResponse, Response
from protocols.modbus.recognise import Recognition, recognised
from protocols.model.loader import load


def of(name: str) -> tuple[Recognition, ...]:
    register_map = load(name).modbus
    assert register_map is not None
    return register_map.recognitions


@pytest.mark.parametrize(
    ("name", "answers", "certainty"),
    [
        ("sdm120", [Registers(3, b"\0\x20")], 20),
        ("sdm120", [Registers(3, b"\0\x21")], 0),
        ("sdm120", [ExceptionResponse(3, 2)], 0),
        ("sdm120", [None], 0),
        ("abb-b23", [Registers(3, b"B23 112-100\0")], 10),
        ("abb-b23", [Registers(3, b"B24 112-100\0")], 0),
        ("em24", [Registers(4, b"\x08\xfc\0\0"), Registers(4, b"\x01\xf4")], 2),
        ("em24", [Registers(4, b"\x08\xfc\0\0"), Registers(4, b"\x00\x00")], 0),
        ("acurev2000", [Registers(3, pack(">f", 50.0)), Registers(3, pack(">f", 230.0))], 2),
        ("acurev2000", [Registers(3, pack(">f", float("nan"))), Registers(3, pack(">f", 230.0))], 0),
        ("em24", [Registers(4, b"\x08\xfc"), Registers(4, b"\x01\xf4")], 0),
    ],
)
def test_a_model_is_known_when_all_its_reads_hold(name: str, answers: list[Response | None], certainty: int) -> None:
    assert recognised(of(name), answers) == certainty


def test_the_reads_are_ordinary_requests() -> None:
    assert [each.request() for each in of("sunspec-213")] == [ReadRegisters(3, 40000, 2), ReadRegisters(3, 40070, 1)]
    assert recognised((), []) == 0
