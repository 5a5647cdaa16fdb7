"""What each request says again after a time-out, and what of an answer it does not take."""

from collections.abc import Callable
from typing import Any

import pytest

from protocols.dlms.access import AccessAction, AccessGet, AccessRequest, AccessResponse, GetResult, MethodResult
from protocols.dlms.action import (
    ActionRequestNextPblock,
    ActionRequestWithFirstPblock,
    ActionRequestWithPblock,
    ActionResponseNextPblock,
    ActionResponseNormal,
    ActionResponseWithList,
    ActionResponseWithPblock,
)
from protocols.dlms.ask.dropped import Drop
from protocols.dlms.ask.outcome import Invoked, Malformed
from protocols.dlms.association import ClientState
from protocols.dlms.client import AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor, DataBlock, MethodDescriptor
from protocols.dlms.general_block_transfer import GeneralBlock
from protocols.dlms.get import GetRequestNormal, GetResponseWithDatablock, GetResponseWithList
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.set import SetResponseDatablock, SetResponseWithList
from protocols.dlms.short_name import (
    BlockNumber,
    BlockNumberAccess,
    DataBlockResult,
    ReadRequest,
    ReadResponse,
    WriteDataBlockAccess,
    WriteRequest,
    WriteResponse,
)
from protocols.dlms.value import Tag, Value, encode
from protocols.machine import TimedOut
from tests.protocols.dlms.alone import Alone
from tests.protocols.dlms.apdu import decode as decode_apdu
from tests.protocols.dlms.bench import proposal
from tests.protocols.dlms.logical_device import ECHO, LONG, SN, WRITABLE

METHOD = MethodDescriptor(9, ECHO, 1)
ATTRIBUTE = AttributeDescriptor(1, WRITABLE, 2)
LONG_VALUE: Value = (Tag.OCTET_STRING, bytes(range(250)) * 2)
BYTE: Value = (Tag.UNSIGNED, 7)
NULL: Value = (Tag.NULL_DATA, None)


def alone(**settings: Any) -> Alone:
    bench = Alone(timeout_us=1_000_000, **settings)
    bench.accept()
    return bench


def only(items: list[Any]) -> Any:
    (item,) = items
    return decode_apdu(item.data)


def say(bench: Alone, apdu: Any) -> Any:
    """The meter's APDU; what the client answers to it, if anything."""
    answer = bench.say(apdu.encode())
    return only(answer) if answer else None


def test_an_action_in_blocks_repeats_its_block_and_then_asks_again_for_the_answers() -> None:
    bench = alone()
    ticket = bench.client.action(METHOD, LONG_VALUE, 0)
    first = only(bench.settle())
    assert isinstance(first, ActionRequestWithFirstPblock)
    assert only(bench.pass_time()) == first
    assert say(bench, ActionResponseNextPblock(first.invoke, 7)) is None
    second = say(bench, ActionResponseNextPblock(first.invoke, 1))
    assert isinstance(second, ActionRequestWithPblock)
    assert only(bench.pass_time()) == second
    assert say(bench, ActionResponseNextPblock(first.invoke, 1)) is None
    third = say(bench, ActionResponseNextPblock(first.invoke, 2))
    assert third.block.last
    raw = b"\x00\x01\x00" + encode(LONG_VALUE)
    asked = say(bench, ActionResponseWithPblock(first.invoke, DataBlock(False, 1, raw[:300])))
    assert asked == ActionRequestNextPblock(first.invoke, 1)
    assert only(bench.pass_time()) == asked
    assert say(bench, ActionResponseWithPblock(first.invoke, DataBlock(False, 1, raw[:300]))) is None
    assert say(bench, ActionResponseWithPblock(first.invoke ^ 1, DataBlock(True, 2, raw[300:]))) is None
    assert bench.client.state is ClientState.RECEIVING_BLOCKS
    say(bench, ActionResponseWithPblock(first.invoke, DataBlock(True, 2, raw[300:])))
    assert bench.response(ticket) == Invoked(ActionResult.SUCCESS, LONG_VALUE)


def test_blocks_are_given_up_after_the_tries_that_were_allowed() -> None:
    bench = alone(retries=1)
    tickets = [bench.client.set(ATTRIBUTE, LONG_VALUE, 0), bench.client.get(ATTRIBUTE, 0)]
    bench.settle()
    bench.pass_time()
    following = only(bench.pass_time())
    assert bench.ends(tickets[0]) == [TimedOut(tickets[0])]
    assert isinstance(following, GetRequestNormal)


@pytest.mark.parametrize(
    ("ask", "acknowledge"),
    [
        (lambda client: client.set(ATTRIBUTE, LONG_VALUE, 0), SetResponseDatablock),
        (lambda client: client.action(METHOD, LONG_VALUE, 0), ActionResponseNextPblock),
    ],
)
def test_a_meter_that_asks_for_more_than_there_is_is_malformed(
    ask: Callable[[AssociationClient], int], acknowledge: Callable[[int, int], Any]
) -> None:
    bench = alone()
    ticket = ask(bench.client)
    request = only(bench.settle())
    while not request.block.last:
        request = say(bench, acknowledge(request.invoke, request.block.number))
    say(bench, acknowledge(request.invoke, request.block.number))
    assert isinstance(bench.response(ticket), Malformed)
    assert bench.client.associated


def test_lists_with_another_number_of_results_are_malformed() -> None:
    bench = alone()
    tickets = [
        bench.client.set_list([ATTRIBUTE] * 2, [BYTE] * 2, 0),
        bench.client.action_list([METHOD] * 2, [BYTE] * 2, 0),
        bench.client.get_list([ATTRIBUTE] * 2, 0),
        bench.client.access([AccessGet(ATTRIBUTE), AccessAction(METHOD)], [NULL, BYTE], 0),
    ]
    request = only(bench.settle())
    request = say(bench, SetResponseWithList(request.invoke, [DataAccessResult.SUCCESS]))
    request = say(bench, ActionResponseWithList(request.invoke, []))
    request = say(bench, GetResponseWithList(request.invoke, [b"\x00"] * 3))
    assert isinstance(request, AccessRequest)
    say(bench, AccessResponse(request.long_invoke, b"", None, [b"\x00"], [GetResult(DataAccessResult.SUCCESS)]))
    for ticket in tickets[:3]:
        assert [type(each) for each in bench.response(ticket)] == [Malformed, Malformed]
    assert isinstance(bench.response(tickets[3]), Malformed)


def test_an_access_takes_only_the_answer_that_carries_its_name() -> None:
    bench = alone()
    ticket = bench.client.access([AccessAction(METHOD)], [BYTE], 0)
    request = only(bench.settle())
    answer = AccessResponse(request.long_invoke + 1, b"", None, [b"\x00"], [MethodResult(ActionResult.SUCCESS)])
    say(bench, answer)
    say(bench, ActionResponseNormal(request.long_invoke & 0xF, ActionResult.SUCCESS))
    late = bench.events[-2:]
    assert [each.drop for each in late] == [Drop.LATE, Drop.OUT_OF_TURN]
    assert late[0].sentence == (
        f"ACCESS response to invoke id {answer.long_invoke & 0xFFFFFF} dropped: it answers a request that has come to "
        "its end"
    )
    answer.long_invoke = request.long_invoke
    say(bench, answer)
    assert bench.response(ticket)[0].result == ActionResult.SUCCESS


def test_a_list_that_comes_in_blocks_is_taken_apart_when_it_is_whole() -> None:
    bench = alone()
    ticket = bench.client.get_list([ATTRIBUTE] * 2, 0)
    request = only(bench.settle())
    say(bench, GetResponseWithDatablock(request.invoke, False, 1, b"\x02\x00\x11"))
    say(bench, GetResponseWithDatablock(request.invoke, True, 2, b"\x07\x01\x04"))
    assert bench.response(ticket) == [BYTE, DataAccessResult.OBJECT_UNDEFINED]


def short_names(**settings: Any) -> Alone:
    bench = Alone(proposal(context=2), timeout_us=1_000_000, **settings)
    bench.accept(conformance=SN)
    return bench


def test_a_read_by_short_name_takes_each_block_once() -> None:
    bench = short_names()
    ticket = bench.client.read([(0x1000, None)], 0)
    assert isinstance(only(bench.settle()), ReadRequest)
    raw = b"\x01\x00" + encode(LONG_VALUE)
    asked = say(bench, ReadResponse([DataBlockResult(False, 1, raw[:300])]))
    assert asked == ReadRequest([BlockNumberAccess(1)])
    assert say(bench, ReadResponse([DataBlockResult(False, 1, raw[:300])])) is None
    say(bench, ReadResponse([DataBlockResult(True, 2, raw[300:])]))
    assert bench.response(ticket) == [LONG_VALUE]


def test_a_read_by_short_name_that_the_meter_breaks_off_gives_its_reason() -> None:
    bench = short_names()
    ticket = bench.client.read([(0x1000, None), (0x1008, None)], 0)
    bench.settle()
    say(bench, ReadResponse([DataBlockResult(False, 1, b"abc")]))
    say(bench, ReadResponse([DataAccessResult.LONG_GET_ABORTED]))
    assert bench.response(ticket) == [DataAccessResult.LONG_GET_ABORTED] * 2
    ticket = bench.client.read([(0x1000, None)], bench.now_us)
    bench.settle()
    say(bench, ReadResponse([BlockNumber(1)]))
    assert isinstance(bench.response(ticket)[0], Malformed)


def test_a_write_by_short_name_goes_on_when_its_block_is_acknowledged() -> None:
    bench = short_names()
    ticket = bench.client.write([(0x1000, None)], [LONG_VALUE], 0)
    first = only(bench.settle())
    assert first.variables == [WriteDataBlockAccess(False, 1)]
    second = say(bench, WriteResponse([BlockNumber(1)]))
    assert second.variables == [WriteDataBlockAccess(False, 2)]
    assert say(bench, WriteResponse([BlockNumber(1)])) is None
    assert say(bench, ReadResponse([])) is None
    third = say(bench, WriteResponse([BlockNumber(2)]))
    assert third.variables == [WriteDataBlockAccess(True, 3)]
    say(bench, WriteResponse([BlockNumber(3)]))
    assert isinstance(bench.response(ticket)[0], Malformed)
    ticket = bench.client.write([(0x1000, None)] * 2, [BYTE] * 2, bench.now_us)
    request = only(bench.settle())
    assert isinstance(request, WriteRequest)
    say(bench, WriteResponse([DataAccessResult.SUCCESS] * 3))
    assert [type(each) for each in bench.response(ticket)] == [Malformed, Malformed]


def test_general_blocks_are_asked_for_again_and_given_up_without_progress() -> None:
    bench = alone(retries=1)
    ticket = bench.client.get(AttributeDescriptor(1, LONG, 2), 0)
    bench.settle()
    word = only(bench.say(GeneralBlock(False, False, 8, 1, 0, b"\xc4\x01").encode()))
    assert (word.acknowledged, word.data) == (1, b"")
    assert only(bench.pass_time()) == word
    assert bench.say(GeneralBlock(False, False, 8, 1, 0, b"\xc4\x01").encode()) == []
    bench.pass_time()
    assert bench.ends(ticket) == [TimedOut(ticket)]


def test_a_request_in_general_blocks_repeats_its_last_block() -> None:
    bench = alone(general_blocks=True)
    bench.client.set(ATTRIBUTE, LONG_VALUE, 0)
    first = only(bench.settle())
    assert only(bench.pass_time()) == first
    burst = bench.say(GeneralBlock(False, False, 5, 1, 1, b"").encode())
    assert [decode_apdu(item.data) for item in bench.pass_time()] == [decode_apdu(burst[-1].data)]


def test_a_malformed_general_block_fails_what_is_under_way_alone() -> None:
    bench = alone()
    first, second = bench.client.get(ATTRIBUTE, 0), bench.client.get_list([ATTRIBUTE] * 2, 0)
    bench.settle()
    bench.say(b"\xe0\x80")
    assert isinstance(bench.response(first), Malformed)
    bench.say(b"\xe0\x80")
    assert [type(each) for each in bench.response(second)] == [Malformed, Malformed]
    assert bench.client.associated
