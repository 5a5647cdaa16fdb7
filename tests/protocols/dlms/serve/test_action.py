"""ACTION as the server takes it, block by block."""

from typing import Any

from protocols.dlms.action import (
    ActionRequestNextPblock,
    ActionRequestNormal,
    ActionRequestWithFirstPblock,
    ActionRequestWithList,
    ActionRequestWithListAndFirstPblock,
    ActionRequestWithPblock,
    ActionResponseNextPblock,
    ActionResponseNormal,
    ActionResponseWithPblock,
)
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import DataBlock, MethodDescriptor, encode_list
from protocols.dlms.results import ActionResult
from protocols.dlms.value import Tag, encode
from tests.protocols.dlms.logical_device import ECHO, LN, SWITCH
from tests.protocols.dlms.meter import Meter

LONG = encode((Tag.OCTET_STRING, bytes(range(200)) * 2))
METHOD = MethodDescriptor(9, ECHO, 1)


def associated(conformance: int = LN) -> Meter:
    meter = Meter()
    meter.associate(conformance=conformance)
    return meter


def blocks(raw: bytes, octets: int = 200) -> list[DataBlock]:
    pieces = [raw[at : at + octets] for at in range(0, len(raw), octets)]
    return [DataBlock(number == len(pieces), number, piece) for number, piece in enumerate(pieces, 1)]


def collect(meter: Meter, answer: Any) -> bytes:
    """What comes back in blocks, each of them asked for twice."""
    raw = b""
    while True:
        assert isinstance(answer, ActionResponseWithPblock)
        assert len(answer.encode()) <= 256
        raw += answer.block.raw
        if answer.block.last:
            return raw
        following = meter.ask(ActionRequestNextPblock(0xC1, answer.block.number))
        assert meter.ask(ActionRequestNextPblock(0xC1, answer.block.number)) == following
        answer = following


def test_parameters_and_what_returns_go_in_blocks_and_the_method_is_invoked_once() -> None:
    meter = associated()
    first, *rest = blocks(LONG)
    assert meter.ask(ActionRequestWithFirstPblock(0xC1, METHOD, first)) == ActionResponseNextPblock(0xC1, 1)
    for block in rest[:-1]:
        for _ in range(2):
            answer = meter.ask(ActionRequestWithPblock(0xC1, block))
            assert answer == ActionResponseNextPblock(0xC1, block.number)
    assert meter.device.done == []
    last = ActionRequestWithPblock(0xC1, rest[-1])
    answer = meter.ask(last)
    assert meter.ask(last) == answer
    assert collect(meter, answer) == b"\x00\x01\x00" + LONG
    assert meter.device.done == [("action", ECHO, 1, LONG)]


def test_a_list_comes_and_goes_in_blocks() -> None:
    meter = associated()
    first, *rest = blocks(encode_list([LONG, b"\x00"]))
    meter.ask(ActionRequestWithListAndFirstPblock(0xC1, [METHOD, METHOD], first))
    for block in rest:
        answer = meter.ask(ActionRequestWithPblock(0xC1, block))
    assert collect(meter, answer) == b"\x02\x00\x01\x00" + LONG + b"\x00\x00"
    assert [parameter for *_, parameter in meter.device.done] == [LONG, None]


def test_blocks_out_of_order_end_the_transfer_and_nothing_is_invoked() -> None:
    meter = associated()
    first, second, third = blocks(LONG, 150)
    aborted = ActionResponseNormal(0xC1, ActionResult.LONG_ACTION_ABORTED)
    meter.ask(ActionRequestWithFirstPblock(0xC1, METHOD, first))
    assert meter.ask(ActionRequestWithPblock(0xC1, third)) == aborted
    assert meter.ask(ActionRequestWithPblock(0xC1, second)).result == ActionResult.NO_LONG_ACTION_IN_PROGRESS
    answer = meter.ask(ActionRequestNormal(0xC1, 9, ECHO, 1, LONG[:0] + encode((Tag.OCTET_STRING, bytes(230)))))
    assert isinstance(answer, ActionResponseNormal)
    meter.device.done.clear()
    meter.associate(max_pdu=100)
    meter.ask(ActionRequestNormal(0xC1, 9, ECHO, 1, encode((Tag.OCTET_STRING, bytes(200)))))
    assert meter.ask(ActionRequestNextPblock(0xC1, 9)) == aborted
    assert meter.ask(ActionRequestNextPblock(0xC1, 1)).result == ActionResult.NO_LONG_ACTION_IN_PROGRESS


def test_parameters_that_are_malformed_once_put_together_invoke_nothing() -> None:
    meter = associated()
    answer = meter.ask(ActionRequestWithFirstPblock(0xC1, METHOD, DataBlock(True, 1, b"\x09\x10")))
    assert answer == ActionResponseNormal(0xC1, ActionResult.TYPE_UNMATCHED)
    for raw in (b"\x02\x00", encode_list([b"\x00"])):
        request = ActionRequestWithListAndFirstPblock(0xC1, [METHOD, METHOD], DataBlock(True, 1, raw))
        answer = meter.ask(request)
        assert [each.result for each in answer.responses] == [ActionResult.TYPE_UNMATCHED] * 2
    assert meter.device.done == []


def test_lists_and_blocks_that_were_not_agreed_on_are_refused() -> None:
    meter = associated(Conformance.ACTION)
    answer = meter.ask(ActionRequestWithList(0xC1, [MethodDescriptor(70, SWITCH, 1)], [b"\x00"]))
    assert answer.responses[0].result == ActionResult.SCOPE_OF_ACCESS_VIOLATED
    answer = meter.ask(ActionRequestWithFirstPblock(0xC1, METHOD, DataBlock(False, 1, b"")))
    assert answer == ActionResponseNormal(0xC1, ActionResult.LONG_ACTION_ABORTED)
    assert meter.device.done == []


def test_a_long_unconfirmed_action_is_done_in_silence() -> None:
    meter = associated()
    first, *rest = blocks(LONG)
    meter.ask(ActionRequestWithFirstPblock(0x81, METHOD, first))
    for block in rest[:-1]:
        meter.ask(ActionRequestWithPblock(0x81, block))
    last = ActionRequestWithPblock(0x81, rest[-1]).encode()
    assert meter.send(last) == []
    assert meter.send(last) == []
    assert len(meter.device.done) == 1
