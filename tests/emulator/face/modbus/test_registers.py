"""Every register of every model shows the meter's physical state, to the last digit that it has."""

import re
from decimal import Decimal
from fractions import Fraction
from struct import pack, unpack
from typing import Any

import pytest

from emulator.face.modbus.image import RegisterImage
from emulator.meter import Meter
from protocols.machine import Stack
from protocols.modbus.access import ReadRegisters, Registers, WriteMultipleRegisters, Written
from protocols.modbus.code import ExceptionCode
from protocols.modbus.pdu import ExceptionResponse, encode_request
from protocols.modbus.plan import plan
from protocols.modbus.register import RegisterSpec, unit_factor
from protocols.modbus.register_map import RegisterMap
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import HEADER, TcpFramer
from protocols.modbus.tcp_server import ModbusTcpServer
from protocols.model.table import ModelError
from protocols.quantity import PHASES
from tests.emulator.face.modbus.desk import MODELS, SWITCHING, Desk


def canonical(meter: Meter, register: RegisterSpec, at_ms: int) -> Fraction:
    """What the register should show, as the canonical integer of its quantity."""
    quantity = register.quantity
    assert quantity is not None
    if register.over is not None:
        values = [meter.value(f"{quantity.name}_{phase}", at_ms) for phase in PHASES]
        return Fraction(round(Fraction(sum(values), 3 if register.over == "mean" else 1)))
    value = meter.value(quantity.name, at_ms)
    if register.minus is not None:
        value -= meter.value(register.minus.name, at_ms)
    if register.signed_by is not None:
        value = abs(value) if meter.value(register.signed_by.name, at_ms) >= 0 else -abs(value)
    return Fraction(value)


def shown(register: RegisterSpec, exponent: int, canonical_value: Fraction) -> Fraction:
    """What the register should show of it, in the quantity's unit: energy is cut to its last digit, the rest rounded.

    Energy was counted in full; halves of what is measured go away from zero; a float32 is the nearest that there is.
    """
    quantity = register.quantity
    assert quantity is not None
    exact = canonical_value * Fraction(10) ** quantity.exponent
    if register.four_quadrant and exact < 0:
        exact += 2
    digit = register.scale * unit_factor(register.unit, quantity.unit) * Fraction(10) ** exponent
    if register.kind.name == "float32":
        return Fraction(unpack(">f", pack(">f", float(exact / digit)))[0])
    steps = abs(exact) / digit if quantity.kind == "register" else abs(exact) / digit + Fraction(1, 2)
    return (int(steps) if exact >= 0 else -int(steps)) * digit


@pytest.mark.parametrize("name", MODELS)
def test_registers_agree_with_the_physical_state(name: str) -> None:
    desk = Desk(name, watts=777)
    desk.wait(1234.5)
    compared = 0
    for planned in plan(desk.map, desk.map.registers):
        response = desk.ask(planned.request)
        assert isinstance(response, Registers), (planned.request, response)
        for register in planned.registers:
            if register.quantity is None:
                continue
            scale = desk.map.by_name(register.scale_register or "")
            exponent = scale.value if scale is not None and isinstance(scale.value, int) else 0
            raw = register.decode(planned.part(response.registers, register))
            assert isinstance(raw, int | float), register.name
            value = Fraction(raw)
            if register.kind.name != "float32":
                value *= register.scale * unit_factor(register.unit, register.quantity.unit) * Fraction(10) ** exponent
            assert value == shown(register, exponent, canonical(desk.meter, register, desk.at_ms)), register.name
            compared += 1
    assert compared >= 9


@pytest.mark.parametrize("name", MODELS)
def test_what_is_answered_at_once_is_what_the_long_way_gives(name: str) -> None:
    desk = Desk(name, watts=777)
    long = Stack([TcpFramer(), ModbusServer({9: desk.face})])
    short = ModbusTcpServer({9: desk.face})
    requests = [
        HEADER.pack(at, 0, 6, 9) + encode_request(planned.request)
        for at, planned in enumerate(plan(desk.map, desk.map.registers))
    ]
    for request in requests:
        short.receive_data(request, desk.now_us)
    for watts in (777, 0, 1500):
        desk.meter.set_load(desk.at_ms, {"constant": watts})
        desk.wait(3600.5)
        for request in requests:
            long.receive_data(request, desk.now_us)
            assert long.data_to_send(desk.now_us) == [short.at_once(request, desk.now_us)]
    desk.meter.outage(desk.at_ms)
    assert {short.at_once(request, desk.now_us) for request in requests} == {None}


@pytest.mark.parametrize("name", MODELS)
def test_a_cut_shows_in_every_register(name: str) -> None:
    desk = Desk(name)
    if name in SWITCHING:
        assert desk.meter.relay.remote_disconnect(desk.at_ms)
    else:
        desk.meter.set_load(desk.at_ms, {"constant": 0})  # somebody else's switch
    desk.wait(2)
    for register in desk.map.registers:
        quantity = register.quantity
        if quantity is not None and quantity.name.startswith(("current_l", "active_power", "apparent_power")):
            assert Decimal(desk.read(register.name)) == 0, register.name


def test_a_meter_without_supply_is_silent_and_comes_back() -> None:
    desk = Desk("sdm120")
    desk.meter.outage(desk.at_ms)
    assert desk.ask(ReadRegisters(4, 0, 2)) is None
    desk.meter.restore(desk.at_ms)
    assert desk.ask(ReadRegisters(4, 0, 2)) is None
    desk.wait(10)
    assert desk.read("voltage") == "230"


def test_a_tamper_shows() -> None:
    desk = Desk("dds238")
    desk.meter.set_input(desk.at_ms, "reverse_current_l1", 1000)
    before = desk.read("active_energy_export")
    desk.wait(36_000)
    assert Decimal(desk.read("active_energy_export")) > Decimal(before)


@pytest.mark.parametrize("name", ["sunspec-203", "sunspec-213"])
def test_what_is_the_case_shows_in_the_bits_that_the_maker_has_for_it(name: str) -> None:
    desk = Desk(name, volts=150)
    assert desk.read("events") == ""
    desk.meter.set_input(desk.at_ms, "magnet")
    desk.meter.set_input(desk.at_ms, "ct_open_l2")
    desk.wait(3600)
    assert desk.read("events") == "M_EVENT_Under_Voltage, M_EVENT_Missing_Sensor, M_EVENT_OEM02"
    desk.meter.set_input(desk.at_ms, "magnet", 0)
    desk.wait(3600)
    assert desk.read("events") == "M_EVENT_Under_Voltage, M_EVENT_Missing_Sensor"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"name": "a", "flags": {"3": ["low_volt"]}, "type": "bits16"}, "'low_volt' is no condition; conditions are"),
        ({"name": "a", "setting": "nonsense", "type": "uint16"}, "'nonsense' is no setting; settings are"),
        ({"name": "a", "flags": {"16": ["magnet"]}, "type": "bits16"}, "16 is no bit of a bits16"),
        (
            {"name": "a", "flags": {"1": "magnet"}, "type": "bits16"},
            "model: registers: 3:0: flags: 1 is 'magnet'; it must be a list",
        ),
    ],
)
def test_a_row_that_names_what_no_meter_has_is_told_of(row: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelError, match=re.escape(sentence)):
        RegisterImage(RegisterMap.from_table({"modbus": {}, "registers": {"3:0": row}}))


def test_gaps_answer_as_the_maker_has_it() -> None:
    assert Desk("sdm120").ask(ReadRegisters(4, 2, 2)) == Registers(4, bytes(4))
    assert Desk("pm5350").ask(ReadRegisters(3, 3005, 1)) == Registers(3, b"\xff\xff")
    refused = ExceptionResponse(3, ExceptionCode.ILLEGAL_DATA_ADDRESS)
    assert Desk("abb-b23").ask(ReadRegisters(3, 0x5B06, 2)) == refused
    assert Desk("sdm120").ask(ReadRegisters(3, 0x1000, 2)) == refused
    assert Desk("abb-b23").ask(ReadRegisters(4, 0x5B00, 2)) == ExceptionResponse(4, ExceptionCode.ILLEGAL_FUNCTION)


def test_more_registers_than_the_maker_allows_are_refused() -> None:
    assert isinstance(Desk("sdm630").ask(ReadRegisters(4, 0, 80)), Registers)
    assert Desk("sdm630").ask(ReadRegisters(4, 0, 82)) == ExceptionResponse(4, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert isinstance(Desk("em24").ask(ReadRegisters(4, 12, 10)), Registers)
    assert Desk("em24").ask(ReadRegisters(4, 12, 12)) == ExceptionResponse(4, ExceptionCode.ILLEGAL_DATA_VALUE)


def test_half_a_value_is_its_half() -> None:
    desk = Desk("sdm120")
    whole = desk.ask(ReadRegisters(4, 0, 2))
    half = desk.ask(ReadRegisters(4, 1, 1))
    assert isinstance(whole, Registers)
    assert half == Registers(4, whole.registers[2:])


def test_a_code_under_another_value_answers_alone() -> None:
    desk = Desk("em24-ethernet")
    assert desk.ask(ReadRegisters(4, 0x0B, 1)) == Registers(4, (1648).to_bytes(2, "big"))
    assert desk.read("voltage_l3_l1") == str(
        Decimal(round(desk.meter.value("voltage_l3_l1", 0), -2)).scaleb(-3).normalize()
    )
    assert desk.ask(ReadRegisters(3, 0x0B, 1)) == Registers(3, (1648).to_bytes(2, "big"))


def test_sunspec_is_discovered_model_by_model() -> None:
    desk = Desk("sunspec-203")
    base = desk.map.sunspec
    assert base == 40000
    assert desk.ask(ReadRegisters(3, base, 2)) == Registers(3, b"SunS")
    at, seen = base + 2, []
    while True:
        head = desk.ask(ReadRegisters(3, at, 2))
        assert isinstance(head, Registers)
        number, length = (int.from_bytes(head.registers[part : part + 2], "big") for part in (0, 2))
        if number == 0xFFFF:
            break
        seen.append((number, length))
        at += 2 + length
    assert seen == [(1, 66), (203, 105)]
    assert desk.read("serial") == "MB0001"
    assert desk.read("manufacturer") == "meterbench"


def test_identity_becomes_what_the_register_can_show() -> None:
    assert Desk("sdm120").read("serial") == "1"
    assert Desk("sdm120").read("firmware_version") == "2.11"
    assert Desk("abb-b23").read("firmware_version") == "B1.19.0"


def test_settings_are_written_and_kept() -> None:
    desk = Desk("sdm120")
    write = WriteMultipleRegisters(0x0C, bytes.fromhex("43480000"))  # 200 ms
    assert desk.read("relay_pulse_width") == "100"
    assert desk.ask(write) == Written(16, 0x0C, 2)
    assert desk.read("relay_pulse_width") == "200"


def test_the_demand_period_is_the_meters_own() -> None:
    desk = Desk("sdm120")
    assert desk.read("demand_period") == "3600"
    assert desk.ask(WriteMultipleRegisters(2, bytes.fromhex("41700000"))) == Written(16, 2, 2)  # 15 minutes
    assert desk.meter.parameter("demand_period_s") == 900
    refused = ExceptionResponse(16, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert desk.ask(WriteMultipleRegisters(2, bytes.fromhex("40E00000"))) == refused  # 7 minutes
    assert desk.ask(WriteMultipleRegisters(2, bytes.fromhex("41780000"))) == refused  # 15.5 minutes
    assert desk.meter.parameter("demand_period_s") == 900


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (WriteMultipleRegisters(0x0C, bytes.fromhex("447A0000")), 3),  # 1000 ms: outside the maker's range
        (WriteMultipleRegisters(0x0C, bytes.fromhex("7FC00000")), 3),  # NaN
        (WriteMultipleRegisters(0x0C, bytes.fromhex("4348")), 2),  # half a value
        (WriteMultipleRegisters(0x0D, bytes.fromhex("0000")), 2),
        (WriteMultipleRegisters(0x00, bytes.fromhex("3F800000")), 2),  # read only
        (WriteMultipleRegisters(0x4000, bytes.fromhex("3F800000")), 2),
    ],
)
def test_what_may_not_be_written_is_refused(request_: WriteMultipleRegisters, code: int) -> None:
    assert Desk("sdm120").ask(request_) == ExceptionResponse(16, code)


def test_one_value_to_a_message_where_the_maker_says_so() -> None:
    desk = Desk("sdm630")
    pulse_width = bytes.fromhex("43480000")
    assert desk.ask(WriteMultipleRegisters(0x0C, pulse_width)) == Written(16, 0x0C, 2)
    both = WriteMultipleRegisters(0x12, bytes.fromhex("3F80000040A00000"))
    assert desk.ask(both) == ExceptionResponse(16, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert desk.read("network_parity_stop") == "0"
