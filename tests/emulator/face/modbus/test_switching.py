"""The load switch over Modbus: each maker's way, and each refusal."""

import pytest

from protocols.modbus import access
from protocols.modbus.access import ReadBits, WriteMultipleRegisters, WriteSingleCoil, WriteSingleRegister, Written
from protocols.modbus.code import ExceptionCode
from protocols.modbus.pdu import ExceptionResponse
from protocols.modbus.service import DeviceIdentification, Enquiry, ReadDeviceIdentification
from tests.emulator.face.modbus.desk import SWITCHING, Desk


def work(desk: Desk, *, closed: bool) -> None:
    assert desk.map.relay is not None
    for request in desk.map.relay.requests(closed=closed):
        assert not isinstance(desk.ask(request), ExceptionResponse)


@pytest.mark.parametrize("name", SWITCHING)
def test_the_switch_opens_and_closes_and_the_current_with_it(name: str) -> None:
    desk = Desk(name)
    assert desk.closed() is True
    work(desk, closed=False)
    desk.wait(1)
    assert desk.closed() is False
    assert desk.meter.value("current_l1", desk.at_ms) == 0
    energy = desk.meter.value("active_energy_import", desk.at_ms)
    desk.wait(3600)
    assert desk.meter.value("active_energy_import", desk.at_ms) == energy
    work(desk, closed=True)
    desk.wait(1)
    assert desk.closed() is True
    assert desk.meter.value("current_l1", desk.at_ms) > 0


def test_function_6_is_not_understood_by_a_maker_who_knows_only_16() -> None:
    desk = Desk("dds238")
    assert desk.ask(WriteSingleRegister(0x1A, 0)) == ExceptionResponse(6, ExceptionCode.ILLEGAL_FUNCTION)
    desk.wait(1)
    assert desk.closed() is True
    assert desk.ask(WriteMultipleRegisters(0x1A, b"\0\2")) == ExceptionResponse(16, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert desk.ask(WriteSingleCoil(0x1A, 0)) == ExceptionResponse(5, ExceptionCode.ILLEGAL_FUNCTION)


def test_abb_takes_both_functions() -> None:
    desk = Desk("abb-b23")
    assert desk.ask(WriteSingleRegister(0x6300, 0)) == WriteSingleRegister(0x6300, 0)
    desk.wait(1)
    assert desk.closed() is False


def test_executing_without_arming_is_refused() -> None:
    desk = Desk("pem533")
    refused = ExceptionResponse(5, ExceptionCode.SERVER_DEVICE_FAILURE)
    assert desk.ask(WriteSingleCoil(9103, access.COIL_ON)) == refused
    assert desk.ask(WriteSingleCoil(9102, access.COIL_ON)) == WriteSingleCoil(9102, access.COIL_ON)
    assert desk.ask(WriteSingleCoil(9101, access.COIL_ON)) == refused  # armed to open, not to close
    assert desk.ask(WriteSingleCoil(9103, access.COIL_ON)) == refused  # and that has disarmed it
    desk.wait(1)
    assert desk.closed() is True


def test_an_arming_expires_after_fifteen_seconds() -> None:
    desk = Desk("pem533")
    desk.ask(WriteSingleCoil(9102, access.COIL_ON))
    desk.wait(14.9)
    assert desk.ask(WriteSingleCoil(9103, access.COIL_ON)) == WriteSingleCoil(9103, access.COIL_ON)
    desk.wait(1)
    assert desk.closed() is False
    desk.ask(WriteSingleCoil(9100, access.COIL_ON))
    desk.wait(15)
    assert desk.ask(WriteSingleCoil(9101, access.COIL_ON)) == ExceptionResponse(5, 4)
    assert desk.closed() is False


def test_an_execution_disarms() -> None:
    desk = Desk("pem533")
    desk.ask(WriteSingleCoil(9102, access.COIL_ON))
    desk.ask(WriteSingleCoil(9103, access.COIL_ON))
    assert desk.ask(WriteSingleCoil(9103, access.COIL_ON)) == ExceptionResponse(5, 4)


def test_arming_takes_only_ff00_and_only_its_coils() -> None:
    desk = Desk("pem533")
    assert desk.ask(WriteSingleCoil(9102, access.COIL_OFF)) == ExceptionResponse(5, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert desk.ask(WriteSingleCoil(9104, access.COIL_ON)) == ExceptionResponse(5, ExceptionCode.ILLEGAL_DATA_ADDRESS)
    assert desk.ask(ReadBits(1, 9100, 1)) == ExceptionResponse(1, ExceptionCode.ILLEGAL_FUNCTION)


def test_the_other_relays_switch_nothing_of_the_meters() -> None:
    desk = Desk("acurev2000")
    assert desk.ask(WriteSingleCoil(3, access.COIL_ON)) == WriteSingleCoil(3, access.COIL_ON)
    assert desk.ask(ReadBits(1, 0, 8)) == access.Bits(1, b"\x09")
    assert desk.ask(WriteSingleCoil(3, access.COIL_OFF)) == WriteSingleCoil(3, access.COIL_OFF)
    assert desk.ask(ReadBits(1, 1, 7)) == access.Bits(1, b"\x00")
    assert desk.ask(ReadBits(1, 1, 8)) == ExceptionResponse(1, ExceptionCode.ILLEGAL_DATA_ADDRESS)
    assert desk.ask(WriteSingleCoil(8, access.COIL_ON)) == ExceptionResponse(5, ExceptionCode.ILLEGAL_DATA_ADDRESS)
    assert desk.ask(access.WriteMultipleCoils(0, 1, b"\0")) == ExceptionResponse(15, ExceptionCode.ILLEGAL_FUNCTION)


def test_a_command_that_the_block_does_not_know_is_refused() -> None:
    desk = Desk("pm5350")
    refused = ExceptionResponse(16, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert desk.ask(WriteMultipleRegisters(5249, bytes.fromhex("177300000002"))) == refused
    assert desk.ask(WriteMultipleRegisters(5249, bytes.fromhex("1773"))) == refused
    assert desk.ask(WriteSingleRegister(5249, 6003)) == ExceptionResponse(6, ExceptionCode.ILLEGAL_FUNCTION)


def test_a_switch_that_may_not_move_says_so() -> None:
    desk = Desk("dds238")
    desk.meter.configure("control_mode", 0, desk.at_ms)
    refused = ExceptionResponse(16, ExceptionCode.SERVER_DEVICE_FAILURE)
    assert desk.ask(WriteMultipleRegisters(0x1A, b"\0\0")) == refused


def test_a_locked_setting_needs_the_password_and_only_for_a_minute() -> None:
    desk = Desk("sdm630")
    system_type = WriteMultipleRegisters(0x0A, bytes.fromhex("3F800000"))
    locked = ExceptionResponse(16, ExceptionCode.ILLEGAL_DATA_ADDRESS)
    assert desk.ask(system_type) == locked
    wrong = WriteMultipleRegisters(0x0E, bytes.fromhex("3F800000"))
    assert desk.ask(wrong) == ExceptionResponse(16, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert desk.read("authorisation") == "0"
    right = WriteMultipleRegisters(0x0E, bytes.fromhex("447A0000"))  # 1000
    assert desk.ask(right) == Written(16, 0x0E, 2)
    assert desk.read("authorisation") == "1"
    assert desk.ask(system_type) == Written(16, 0x0A, 2)
    assert desk.ask(WriteMultipleRegisters(0x18, bytes.fromhex("40000000"))) == Written(16, 0x18, 2)  # password 2
    desk.wait(60)
    assert desk.read("authorisation") == "0"
    assert desk.ask(system_type) == locked
    assert desk.ask(right) == ExceptionResponse(16, ExceptionCode.ILLEGAL_DATA_VALUE)
    assert desk.ask(WriteMultipleRegisters(0x0E, bytes.fromhex("40000000"))) == Written(16, 0x0E, 2)


def test_who_made_it_where_the_maker_answers_that() -> None:
    answer = Desk("pm5350").ask(ReadDeviceIdentification(1, 0))
    assert isinstance(answer, DeviceIdentification)
    assert dict(answer.objects)[1] == b"PM5350"
    assert Desk("sdm120").ask(ReadDeviceIdentification(1, 0)) == ExceptionResponse(43, ExceptionCode.ILLEGAL_FUNCTION)
    assert Desk("sdm120").ask(Enquiry(17)) == ExceptionResponse(17, ExceptionCode.ILLEGAL_FUNCTION)
