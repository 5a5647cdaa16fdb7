"""The four ways to work a load switch: what is sent, what is read back."""

import pytest

from protocols.modbus.access import (
    Bits,
    ReadBits,
    ReadRegisters,
    Registers,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from protocols.modbus.pdu import ExceptionResponse, Request, encode_request
from protocols.modbus.relay_control import RelayControl
from protocols.model.loader import load
from protocols.model.table import Table


def control(name: str) -> RelayControl:
    register_map = load(name).modbus
    assert register_map is not None
    assert register_map.relay is not None
    return register_map.relay


@pytest.mark.parametrize(
    ("name", "close", "open_", "state"),
    [
        (
            "dds238",
            (WriteMultipleRegisters(0x1A, b"\0\1"),),
            (WriteMultipleRegisters(0x1A, b"\0\0"),),
            ReadRegisters(3, 0x1A, 1),
        ),
        ("acurev2000", (WriteSingleCoil(0, 0xFF00),), (WriteSingleCoil(0, 0),), ReadBits(1, 0, 1)),
        (
            "pem533",
            (WriteSingleCoil(9100, 0xFF00), WriteSingleCoil(9101, 0xFF00)),
            (WriteSingleCoil(9102, 0xFF00), WriteSingleCoil(9103, 0xFF00)),
            ReadRegisters(3, 81, 1),
        ),
    ],
)
def test_what_a_model_is_sent(
    name: str, close: tuple[Request, ...], open_: tuple[Request, ...], state: Request
) -> None:
    relay = control(name)
    assert relay.requests(closed=True) == close
    assert relay.requests(closed=False) == open_
    assert relay.state_request() == state


def test_the_command_block_is_the_one_that_schneider_prints() -> None:
    (request,) = control("pm5350").requests(closed=True)
    assert encode_request(request).hex() == "101481000306177300000001"


def test_a_register_may_be_written_alone() -> None:
    table = {"way": "register", "function": 6, "address": 5, "close": [1], "open": [0], "state": {"address": 5}}
    assert RelayControl.from_table(Table(table, "x")).requests(closed=False) == (WriteSingleRegister(5, 0),)


def test_the_state_is_what_is_read_and_nothing_else() -> None:
    relay, coil = control("pem533"), control("acurev2000")
    assert relay.is_closed(Registers(3, b"\0\3")) is True
    assert relay.is_closed(Registers(3, b"\0\2")) is False
    assert relay.is_closed(Registers(3, b"")) is None
    assert control("dds238").is_closed(Registers(3, b"\0\2")) is None
    assert coil.is_closed(Bits(1, b"\x01")) is True
    assert coil.is_closed(Bits(1, b"\xfe")) is False
    assert coil.is_closed(Bits(1, b"")) is None
    assert coil.is_closed(ExceptionResponse(1, 2)) is None
    assert [relay.shown(closed=closed) for closed in (True, False)] == [1, 0]
