"""Read and Write as the server takes them, block by block."""

from typing import Any

import pytest

from protocols.dlms.acse import ApplicationContext
from protocols.dlms.conformance import Conformance
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import EntryDescriptor, Selection
from protocols.dlms.service_error import ConfirmedServiceError
from protocols.dlms.short_name import (
    BlockNumber,
    BlockNumberAccess,
    DataBlockResult,
    ParameterizedAccess,
    ReadDataBlockAccess,
    ReadRequest,
    ReadResponse,
    UnconfirmedWriteRequest,
    VariableAccess,
    VariableName,
    WriteDataBlockAccess,
    WriteRequest,
    WriteResponse,
)
from protocols.dlms.value import Tag, encode, octet_string
from tests.protocols.dlms.logical_device import LONG, PROFILE, SERIAL, SN, WRITABLE, LogicalDevice, profiles
from tests.protocols.dlms.meter import Meter

SERIAL_NUMBER = encode((Tag.VISIBLE_STRING, "MB0001"))
SEVEN = encode((Tag.UNSIGNED, 7))


def meter(conformance: int = SN, max_pdu: int = 256) -> Meter:
    device = LogicalDevice(profiles(context=2, conformance=conformance, max_pdu=max_pdu))
    one = Meter(device, names={1: device})
    one.associate(application_context=ApplicationContext.SHORT_NAME, conformance=SN)
    return one


def name(one: Meter, instance: bytes, class_id: int = 1) -> int:
    return one.device.name_of(class_id, instance, 2)


def read(one: Meter, *variables: VariableAccess) -> Any:
    answer = one.ask(ReadRequest(list(variables)))
    assert isinstance(answer, ReadResponse)
    return answer.results


def write(one: Meter, variables: list[VariableAccess], values: list[bytes]) -> Any:
    answer = one.ask(WriteRequest(variables, values))
    assert isinstance(answer, WriteResponse)
    return answer.results


def test_a_long_answer_is_fetched_block_by_block_and_a_lost_one_again() -> None:
    one = meter()
    (block,) = read(one, VariableName(name(one, LONG)))
    raw = b""
    while True:
        assert isinstance(block, DataBlockResult)
        assert len(ReadResponse([block]).encode()) <= 256
        raw += block.raw
        if block.last:
            break
        (following,) = read(one, BlockNumberAccess(block.block_number))
        assert read(one, BlockNumberAccess(block.block_number)) == [following]
        block = following
    assert raw == b"\x01\x00" + one.device.values[1, LONG, 2]
    assert read(one, BlockNumberAccess(77)) == [DataAccessResult.DATA_BLOCK_NUMBER_INVALID]
    assert read(one, BlockNumberAccess(1)) == [DataAccessResult.NO_LONG_GET_IN_PROGRESS]


def test_a_list_to_read_may_come_in_blocks_of_which_the_last_counts_once() -> None:
    one = meter()
    wanted = ReadRequest([VariableName(name(one, SERIAL)), VariableName(0x0F00)]).encode()[1:]
    first, last = ReadDataBlockAccess(False, 1, wanted[:3]), ReadDataBlockAccess(True, 2, wanted[3:])
    assert read(one, first) == [BlockNumber(1)]
    assert read(one, first) == [BlockNumber(1)]
    answer = read(one, last)
    assert answer == [SERIAL_NUMBER, DataAccessResult.OBJECT_UNDEFINED]
    assert read(one, last) == answer
    assert one.device.reads == 1
    assert read(one, VariableName(name(one, SERIAL))) == [SERIAL_NUMBER]
    assert read(one, last) == [DataAccessResult.NO_LONG_SET_IN_PROGRESS]


def test_a_list_to_write_may_come_in_blocks_of_which_the_last_counts_once() -> None:
    one = meter()
    variables: list[VariableAccess] = [VariableName(name(one, WRITABLE))]
    wanted = WriteRequest(variables, [SEVEN]).encode()[1:]
    blocks = [([WriteDataBlockAccess(False, 1)], wanted[:2]), ([WriteDataBlockAccess(True, 2)], wanted[2:])]
    assert write(one, list(blocks[0][0]), [octet_string(blocks[0][1])]) == [BlockNumber(1)]
    assert one.device.done == []
    for _ in range(2):
        assert write(one, list(blocks[1][0]), [octet_string(blocks[1][1])]) == [DataAccessResult.SUCCESS]
    assert one.device.done == [("set", WRITABLE, 2, SEVEN)]


def test_blocks_out_of_order_or_not_agreed_on_do_nothing() -> None:
    one = meter()
    read(one, ReadDataBlockAccess(False, 1, b"\x01"))
    assert read(one, ReadDataBlockAccess(True, 3, b"")) == [DataAccessResult.DATA_BLOCK_NUMBER_INVALID]
    assert read(one, ReadDataBlockAccess(True, 2, b"")) == [DataAccessResult.NO_LONG_SET_IN_PROGRESS]
    plain = meter(Conformance.READ | Conformance.WRITE)
    assert read(plain, ReadDataBlockAccess(False, 1, b"")) == [DataAccessResult.LONG_SET_ABORTED]
    assert write(plain, [WriteDataBlockAccess(False, 1)], [octet_string(b"")]) == [DataAccessResult.LONG_SET_ABORTED]


@pytest.mark.parametrize("raw", [b"", b"\x01\x02\x10", b"\x01\x02\x10\x00\x00"])
def test_a_list_in_blocks_that_is_malformed_is_refused(raw: bytes) -> None:
    one = meter()
    refusal = one.ask(ReadRequest([ReadDataBlockAccess(True, 1, raw)]))
    assert isinstance(refusal, ConfirmedServiceError)
    assert refusal.title == "service: other"
    refusal = one.ask(WriteRequest([WriteDataBlockAccess(True, 1)], [octet_string(raw)]))
    assert isinstance(refusal, ConfirmedServiceError)
    refusal = one.ask(WriteRequest([WriteDataBlockAccess(True, 1)], [SEVEN]))
    assert isinstance(refusal, ConfirmedServiceError)


def test_blocks_among_variables_are_not_variables() -> None:
    one = meter()
    assert read(one, BlockNumberAccess(1), VariableName(name(one, SERIAL)))[0] == DataAccessResult.OTHER_REASON
    results = write(one, [WriteDataBlockAccess(True, 1), VariableName(name(one, WRITABLE))], [SEVEN, SEVEN])
    assert results == [DataAccessResult.OTHER_REASON, DataAccessResult.SUCCESS]


def test_what_was_not_agreed_on_is_out_of_scope() -> None:
    one = meter(Conformance.READ | Conformance.WRITE)
    serial = VariableName(name(one, SERIAL))
    refused = DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    assert read(one, serial, serial) == [refused, refused]
    assert write(one, [serial, serial], [SEVEN, SEVEN]) == [refused, refused]
    part = ParameterizedAccess(name(one, PROFILE, 7), EntryDescriptor(to_entry=1).selection())
    assert read(one, part) == [refused]
    assert write(one, [part], [SEVEN]) == [refused]
    (too_long,) = one.send(ReadRequest([VariableName(name(one, LONG))]).encode())
    assert too_long.title == "service: pdu-size"


def test_methods_are_invoked_by_reading_and_by_writing() -> None:
    one = meter()
    assert read(one, VariableName(0x2000)) == [b"\x00"]
    assert read(one, ParameterizedAccess(0x2008, Selection(0, SEVEN))) == [SEVEN]
    assert write(one, [VariableName(0x2000)], [b"\x00"]) == [DataAccessResult.SUCCESS]
    assert [parameter for *_, parameter in one.device.done] == [None, SEVEN, None]


def test_a_method_that_fails_says_why() -> None:
    one = meter()
    assert read(one, VariableName(0xFA58)) == [DataAccessResult.OBJECT_UNDEFINED]
    assert write(one, [VariableName(0x0F00)], [SEVEN]) == [DataAccessResult.OBJECT_UNDEFINED]


def test_an_unconfirmed_write_says_nothing_even_when_malformed() -> None:
    one = meter()
    assert one.send(UnconfirmedWriteRequest([VariableName(name(one, WRITABLE))], [SEVEN]).encode()) == []
    assert one.send(b"\x16\x01") == []
    assert len(one.device.done) == 1


def test_without_short_names_nothing_is_mapped() -> None:
    device = LogicalDevice(profiles(context=2, conformance=SN))
    one = Meter(device)
    one.associate(application_context=ApplicationContext.SHORT_NAME, conformance=SN)
    assert read(one, VariableName(name(one, SERIAL))) == [DataAccessResult.OBJECT_UNDEFINED]


def test_an_answer_of_more_blocks_than_can_be_counted_is_given_up() -> None:
    one = meter(max_pdu=64)
    one.associate(application_context=ApplicationContext.SHORT_NAME, conformance=SN, max_pdu=12)
    one.device.values[1, LONG, 2] = encode((Tag.OCTET_STRING, bytes(0xFFFF * 3)))
    assert read(one, VariableName(name(one, LONG))) == [DataAccessResult.LONG_GET_ABORTED]
