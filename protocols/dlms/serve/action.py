"""ACTION: one method or a list of them; parameters in blocks, return parameters in blocks.

What goes back in blocks is what would stand after the invoke octet: an Action-Response-With-Optional-Data, or the list
of them. Nothing is invoked before the last block of the parameters is there.
"""

from typing import Final

from protocols.dlms.action import (
    ActionRequestNextPblock,
    ActionRequestNormal,
    ActionRequestWithFirstPblock,
    ActionRequestWithList,
    ActionRequestWithListAndFirstPblock,
    ActionRequestWithPblock,
    ActionResponseNextPblock,
    ActionResponseNormal,
    ActionResponseWithList,
    ActionResponseWithPblock,
    decode_request,
)
from protocols.dlms.association import ServerEvent
from protocols.dlms.axdr import Reader
from protocols.dlms.block import BlocksIn, BlocksOut, Taken
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import (
    ActionResponseWithOptionalData,
    DataBlock,
    MethodDescriptor,
    encode_list,
    read_values,
)
from protocols.dlms.invoke import CONFIRMED
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.serve.served import REFERENCES_MAX, Served
from protocols.dlms.serve.set import one_value
from protocols.errors import RemoteProtocolError

BLOCK_HEADER_OCTETS: Final = 11
"""Tag, kind, invoke, last, number (4), and at most three octets of length."""

_NULL: Final = b"\x00"


def serve(served: Served, apdu: bytes, now_us: int) -> bytes | None:
    """Serve one ACTION request; an unconfirmed one is served and not answered.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    request = decode_request(apdu)
    if isinstance(request, ActionRequestNextPblock):
        return _next(served, request)
    if isinstance(request, ActionRequestWithPblock):
        return _another(served, request.invoke, request.block, apdu, now_us)
    if isinstance(request, ActionRequestNormal):
        served.begin()
        method = MethodDescriptor(request.class_id, request.instance, request.method)
        if request.parameter is not None and not one_value(request.parameter):
            response = ActionResponseWithOptionalData(ActionResult.TYPE_UNMATCHED)
        else:
            response = ActionResponseWithOptionalData(*served.invoke(method, request.parameter, now_us))
        return _answer(served, request.invoke, response)
    if isinstance(request, ActionRequestWithList):
        served.begin()
        return _answer(served, request.invoke, _invoke_all(served, request.methods, request.parameters, now_us))
    return _first(served, request, apdu, now_us)


def _invoke_all(
    served: Served, methods: list[MethodDescriptor], parameters: list[bytes], now_us: int
) -> list[ActionResponseWithOptionalData]:
    if not served.offers(Conformance.MULTIPLE_REFERENCES) or len(methods) > REFERENCES_MAX:
        return [ActionResponseWithOptionalData(ActionResult.SCOPE_OF_ACCESS_VIOLATED)] * len(methods)
    return [
        ActionResponseWithOptionalData(*served.invoke(method, None if parameter == _NULL else parameter, now_us))
        for method, parameter in zip(methods, parameters, strict=True)
    ]


def _answer(
    served: Served, invoke: int, response: ActionResponseWithOptionalData | list[ActionResponseWithOptionalData]
) -> bytes | None:
    if not invoke & CONFIRMED:
        return None
    if isinstance(response, list):
        raw = encode_list([each.encode() for each in response])
        plain = ActionResponseWithList(invoke, response).encode()
    else:
        raw = response.encode()
        plain = ActionResponseNormal(invoke, *response).encode()
    if not served.in_service_blocks(len(plain), Conformance.BLOCK_TRANSFER_WITH_ACTION):
        lost = len(plain) > served.room and not served.in_general_blocks
        if lost and not served.offers(Conformance.GENERAL_BLOCK_TRANSFER) and not isinstance(response, list):
            # It has been invoked: an exception-response would say the opposite.
            return ActionResponseNormal(invoke, response.result, DataAccessResult.DATA_BLOCK_UNAVAILABLE).encode()
        return plain
    served.step(ServerEvent.ANSWER_ACTION_IN_BLOCKS)
    served.blocks_out = BlocksOut(raw, served.room - BLOCK_HEADER_OCTETS)
    return _block(served.blocks_out, invoke)


def _block(blocks: BlocksOut, invoke: int) -> bytes:
    return ActionResponseWithPblock(invoke, DataBlock(*blocks.current())).encode()


def _next(served: Served, request: ActionRequestNextPblock) -> bytes:
    blocks = served.blocks_out
    if not served.step(ServerEvent.ACTION_NEXT) or blocks is None:
        return ActionResponseNormal(request.invoke, ActionResult.NO_LONG_ACTION_IN_PROGRESS).encode()
    if blocks.acknowledge(request.block_number) is None:
        served.step(ServerEvent.FINISH)
        return ActionResponseNormal(request.invoke, ActionResult.LONG_ACTION_ABORTED).encode()
    return _block(blocks, request.invoke)


def _first(
    served: Served,
    request: ActionRequestWithFirstPblock | ActionRequestWithListAndFirstPblock,
    apdu: bytes,
    now_us: int,
) -> bytes | None:
    if not served.offers(Conformance.BLOCK_TRANSFER_WITH_ACTION):
        served.begin()
        return ActionResponseNormal(request.invoke, ActionResult.LONG_ACTION_ABORTED).encode()
    served.step(ServerEvent.ACTION_FIRST_BLOCK)
    served.done = None
    served.blocks_in = BlocksIn()
    served.pending = request
    return _take(served, request.invoke, request.block, apdu, now_us)


def _another(served: Served, invoke: int, block: DataBlock, apdu: bytes, now_us: int) -> bytes | None:
    if served.done is not None and served.done[0] == apdu:
        return served.done[1]  # its answer was lost: what it asked for has been done, once
    if served.step(ServerEvent.ACTION_BLOCK):
        return _take(served, invoke, block, apdu, now_us)
    return ActionResponseNormal(invoke, ActionResult.NO_LONG_ACTION_IN_PROGRESS).encode()


def _take(served: Served, invoke: int, block: DataBlock, apdu: bytes, now_us: int) -> bytes | None:
    blocks, pending = served.blocks_in, served.pending
    taken = Taken.WRONG if blocks is None else blocks.take(block.number, block.raw)
    if taken is Taken.WRONG or taken is Taken.TOO_LONG or blocks is None:
        served.step(ServerEvent.FINISH)
        return ActionResponseNormal(invoke, ActionResult.LONG_ACTION_ABORTED).encode()
    if taken is Taken.AGAIN or not block.last:
        return ActionResponseNextPblock(invoke, block.number).encode()
    served.step(ServerEvent.FINISH)
    answer = _answer(served, invoke, _execute(served, pending, blocks.whole(), now_us))
    served.done = (apdu, answer)
    return answer


def _execute(
    served: Served, pending: object, raw: bytes, now_us: int
) -> ActionResponseWithOptionalData | list[ActionResponseWithOptionalData]:
    if isinstance(pending, ActionRequestWithListAndFirstPblock):
        methods = pending.methods
        try:
            reader = Reader(raw)
            parameters = reader.end(read_values(reader))
        except RemoteProtocolError:
            parameters = []
        if len(parameters) != len(methods):
            return [ActionResponseWithOptionalData(ActionResult.TYPE_UNMATCHED)] * len(methods)
        return _invoke_all(served, methods, parameters, now_us)
    if isinstance(pending, ActionRequestWithFirstPblock) and one_value(raw):
        return ActionResponseWithOptionalData(*served.invoke(pending.method, raw, now_us))
    return ActionResponseWithOptionalData(ActionResult.TYPE_UNMATCHED)
