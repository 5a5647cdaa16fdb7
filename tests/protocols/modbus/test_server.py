"""The server: every function code, exceptions in their order, broadcasts, counters, silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.machine import Bus, Stack
from protocols.modbus import access, service
from protocols.modbus.adu import Adu, Noise, route_by_unit
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import ExceptionCode
from protocols.modbus.pdu import ExceptionResponse, Request, Response, decode_response, encode_request
from protocols.modbus.rtu import RtuFramer, encode_frame
from protocols.modbus.server import DISPATCH, ModbusServer
from tests.protocols.modbus.memory import Memory
from tests.protocols.modbus.strategies import requests


def ask(application: ModbusApplication, request: Request | bytes, *, serial: bool = True) -> Response | None:
    server = Stack([ModbusServer({1: application}, serial=serial)])
    pdu = request if isinstance(request, bytes) else encode_request(request)
    server.receive_data(Adu(1, pdu, 7), 0)
    out = server.data_to_send(0)
    if not out:
        return None
    (answer,) = out
    assert (answer.unit, answer.transaction) == (1, 7)
    return decode_response(answer.pdu)


def test_registers_are_written_and_read() -> None:
    memory = Memory()
    assert ask(memory, access.WriteMultipleRegisters(10, b"abcd")) == access.Written(16, 10, 2)
    assert ask(memory, access.WriteSingleRegister(12, 0x6566)) == access.WriteSingleRegister(12, 0x6566)
    assert ask(memory, access.ReadRegisters(3, 10, 3)) == access.Registers(3, b"abcdef")
    assert ask(memory, access.ReadRegisters(4, 11, 1)) == access.Registers(4, b"cd")


def test_the_mask_of_the_specification() -> None:
    memory = Memory()
    memory.words[8:10] = b"\x00\x12"
    assert ask(memory, access.MaskWriteRegister(4, 0xF2, 0x25)) == access.MaskWriteRegister(4, 0xF2, 0x25)
    assert memory.words[8:10] == b"\x00\x17"


def test_the_write_of_function_23_comes_first() -> None:
    request = access.ReadWriteMultipleRegisters(20, 2, 20, b"wxyz")
    assert ask(Memory(), request) == access.Registers(23, b"wxyz")


def test_coils_are_written_and_read() -> None:
    memory = Memory()
    assert ask(memory, access.WriteSingleCoil(3, 0xFF00)) == access.WriteSingleCoil(3, 0xFF00)
    assert ask(memory, access.WriteMultipleCoils(4, 10, b"\xcd\x01")) == access.Written(15, 4, 10)
    assert ask(memory, access.ReadBits(1, 3, 11)) == access.Bits(1, b"\x9b\x03")
    assert ask(memory, access.ReadBits(2, 3, 1)) == access.Bits(2, b"\x01")


def test_files_and_queues() -> None:
    memory = Memory()
    write = service.WriteFileRecord((service.FileRecord(4, 7, b"abcd"),))
    assert ask(memory, write) == write
    read = service.ReadFileRecord((service.FileReference(4, 7, 2), service.FileReference(4, 8, 1)))
    assert ask(memory, read) == service.FileRecords((b"abcd", b"\0\0"))
    assert ask(memory, service.ReadFifoQueue(1)) == service.FifoQueue(b"\x01\xb8\x12\x84")
    memory.queue = bytes(64)
    assert ask(memory, service.ReadFifoQueue(1)) == ExceptionResponse(24, 3)


def test_who_the_device_is_comes_in_parts() -> None:
    memory = Memory()
    assert ask(memory, service.Enquiry(17)) == service.ServerId(b"\x11\xff")
    assert ask(memory, service.Enquiry(7)) == service.ExceptionStatus(0x6D)
    basic = ask(memory, service.ReadDeviceIdentification(1, 0))
    assert basic == service.DeviceIdentification(1, 0x83, None, ((0, b"meterbench"), (1, b"memory"), (2, b"1.0")))
    first = ask(memory, service.ReadDeviceIdentification(3, 0))
    assert isinstance(first, service.DeviceIdentification)
    assert first.next_object == 4
    rest = ask(memory, service.ReadDeviceIdentification(3, 4))
    assert isinstance(rest, service.DeviceIdentification)
    assert rest.next_object is None
    assert [number for number, _ in first.objects + rest.objects] == [0, 1, 2, 3, 4, 0x80]
    assert ask(memory, service.ReadDeviceIdentification(4, 0x80)) == service.DeviceIdentification(
        4, 0x83, None, ((0x80, b"own"),)
    )
    assert ask(memory, service.ReadDeviceIdentification(4, 0x77)) == ExceptionResponse(43, 2)
    assert ask(memory, service.ReadDeviceIdentification(5, 0)) == ExceptionResponse(43, 3)
    assert ask(memory, bytes.fromhex("2B0D00")) == ExceptionResponse(43, 1)


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("41", 1), ("1400", 3), ("150100", 3), ("0300000000", 3), ("030000007E", 3), ("03FFFF0002", 2), ("03", 3),
        ("01000007D1", 3), ("01FFFF0002", 2), ("0100", 3), ("050000FF01", 3), ("0500", 3), ("06", 3),
        ("0F0000000A02CD", 3), ("0F0000000000", 3), ("0FFFFF000A02CD01", 2),
        ("100000000000", 3), ("10000000010100", 3), ("10FFFF000204000A0102", 2), ("1600", 3),
        ("17000000000000000102000A", 3), ("17FFFF00020000000102000A", 2), ("17", 3), ("18", 3), ("0700", 3),
        ("0B00", 3), ("0C00", 3), ("1100", 3), ("08", 3), ("0800010001", 3), ("080002AAAA", 3), ("0800630000", 1),
        ("080001", 3), ("140706000127100001", 2), ("15090600012710000101FF", 2), ("2B", 1), ("2B0E01", 3),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_exception(pdu: str, code: int) -> None:
    answer = ask(Memory(), bytes.fromhex(pdu))
    assert isinstance(answer, ExceptionResponse)
    assert answer.code == code


@pytest.mark.parametrize("function", sorted(set(DISPATCH) - {8, 11, 12}))
def test_what_a_device_does_not_have_is_an_illegal_function(function: int) -> None:
    examples: dict[int, bytes] = {
        1: b"\0\0\0\1", 2: b"\0\0\0\1", 3: b"\0\0\0\1", 4: b"\0\0\0\1", 5: b"\0\0\0\0", 6: b"\0\0\0\0", 7: b"",
        15: b"\0\0\0\1\1\1", 16: b"\0\0\0\1\2\0\0", 17: b"", 20: bytes.fromhex("0706000100010001"),
        21: bytes.fromhex("0906000100010001AAAA"), 22: bytes(6), 23: b"\0\0\0\1\0\0\0\1\2\0\0", 24: b"\0\0",
        43: b"\x0e\1\0",
    }  # fmt: skip
    assert ask(ModbusApplication(), bytes((function,)) + examples[function]) == ExceptionResponse(function, 1)


@given(st.binary(min_size=1, max_size=253))
def test_any_request_is_answered_with_a_response_of_its_function(pdu: bytes) -> None:
    memory = Memory()
    server = Stack([ModbusServer({1: memory}, serial=True)])
    server.receive_data(Adu(1, pdu), 0)
    for answer in server.data_to_send(0):
        assert answer.pdu[0] & 0x7F == pdu[0] & 0x7F
        assert len(answer.pdu) <= 253
    assert server.closed is None


@given(requests)
def test_a_dark_device_is_silent(request: Request) -> None:
    memory = Memory()
    memory.awake = False
    assert ask(memory, request) is None


def test_a_broadcast_is_done_by_all_and_answered_by_none() -> None:
    first, second = Memory(), Memory()
    server = Stack([ModbusServer({1: first, 2: second, 3: second}, serial=True)])
    server.receive_data(Adu(0, encode_request(access.WriteSingleRegister(5, 0x4142))), 0)
    server.receive_data(Adu(0, encode_request(access.ReadRegisters(3, 5, 1))), 0)
    assert not server.data_to_send(0)
    assert first.words[10:12] == second.words[10:12] == b"AB"
    assert second.communication.bus_messages == 2


def test_on_tcp_unit_zero_is_a_unit_and_an_unknown_one_may_be_told_so() -> None:
    server = Stack([ModbusServer({0: Memory()}, unknown_unit=ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND)])
    server.receive_data(Adu(0, b"\x03\0\0\0\1", 1), 0)
    server.receive_data(Adu(9, b"\x03\0\0\0\1", 2), 0)
    assert server.data_to_send(0) == [Adu(0, b"\x03\x02\0\0", 1), Adu(9, b"\x83\x0b", 2)]
    silent = Stack([ModbusServer({1: Memory()})])
    silent.receive_data(Adu(9, b"\x03\0\0\0\1", 2), 0)
    assert not silent.data_to_send(0)


def test_a_unit_may_answer_for_two() -> None:
    memory = Memory()
    station = Stack([ModbusServer({1: memory, 5: memory}, serial=True)])
    bus = Bus(RtuFramer("server"), route_by_unit({5: 1}), {1: station, 2: Stack([ModbusServer({2: Memory()})])})
    for unit in (1, 5, 2, 9):
        bus.receive_data(encode_frame(unit, b"\x03\0\0\0\1"), 0)
        sent = bus.data_to_send(0)
        assert sent == ([] if unit == 9 else [encode_frame(unit, b"\x03\x02\0\0")])
    bus.receive_data(encode_frame(0, b"\x06\0\0\0\1"), 0)
    assert not bus.data_to_send(0)
    assert memory.words[:2] == b"\0\1"


def test_the_counters_of_function_8() -> None:
    memory = Memory()
    ask(memory, access.ReadRegisters(3, 0, 1))
    ask(memory, b"\x41")
    memory.busy = 1
    ask(memory, access.ReadRegisters(3, 0, 1))
    server = Stack([ModbusServer({1: memory}, serial=True)])
    server.receive_data(Noise("checksum"), 0)

    def counter(sub_function: int) -> int:
        answer = ask(memory, service.Diagnostics(sub_function, b"\0\0"))
        assert isinstance(answer, service.Diagnostics)
        return int.from_bytes(answer.data, "big")

    assert [counter(each) for each in (11, 12, 13, 14, 15, 16, 17, 18)] == [4, 1, 2, 7, 0, 0, 1, 0]
    assert ask(memory, service.Diagnostics(2, b"\0\0")) == service.Diagnostics(2, b"\x12\x34")
    assert ask(memory, service.Enquiry(11)) == service.CommEventCounter(0, 10)
    log = ask(memory, service.Enquiry(12))
    assert isinstance(log, service.CommEventLog)
    assert log.event_count == 10
    assert log.events[-6:] == bytes((0x44, 0x80, 0x41, 0x80, 0x40, 0x80))
    assert ask(memory, service.Diagnostics(20, b"\0\0")) == service.Diagnostics(20, b"\0\0")
    assert ask(memory, service.Diagnostics(10, b"\0\0")) == service.Diagnostics(10, b"\0\0")
    assert counter(13) == 0


def test_a_unit_that_only_listens_hears_nothing_but_a_restart() -> None:
    memory = Memory()
    assert ask(memory, service.Diagnostics(4, b"\0\0")) is None
    assert ask(memory, access.WriteSingleRegister(0, 1)) is None
    assert memory.words[:2] == b"\0\0"
    assert ask(memory, service.Diagnostics(1, b"\xff\0")) is None
    assert ask(memory, service.Diagnostics(1, b"\0\0")) == service.Diagnostics(1, b"\0\0")
    assert ask(memory, access.WriteSingleRegister(0, 1)) == access.WriteSingleRegister(0, 1)


def test_a_device_that_fails_says_so() -> None:
    for request in (
        access.WriteMultipleRegisters(666, b"ab"),
        access.WriteSingleRegister(666, 1),
        access.MaskWriteRegister(666, 0, 1),
        access.ReadWriteMultipleRegisters(0, 1, 666, b"ab"),
    ):
        assert ask(Memory(), request) == ExceptionResponse(request.function, 4)
