"""SET: one attribute or a list of them, whole or in blocks. Nothing is written before the last block is there."""

from protocols.dlms.association import ServerEvent
from protocols.dlms.axdr import Reader
from protocols.dlms.block import BlocksIn, Taken
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, DataBlock, read_values
from protocols.dlms.invoke import CONFIRMED
from protocols.dlms.results import DataAccessResult
from protocols.dlms.serve.served import REFERENCES_MAX, Served
from protocols.dlms.set import (
    SetRequestNormal,
    SetRequestWithDatablock,
    SetRequestWithFirstDatablock,
    SetRequestWithList,
    SetRequestWithListAndFirstDatablock,
    SetResponseDatablock,
    SetResponseLastDatablock,
    SetResponseLastDatablockWithList,
    SetResponseNormal,
    SetResponseWithList,
    decode_request,
)
from protocols.dlms.value import skip
from protocols.errors import RemoteProtocolError


def serve(served: Served, apdu: bytes, now_us: int) -> bytes | None:
    """Serve one SET request; an unconfirmed one is served and not answered.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    request = decode_request(apdu)
    if isinstance(request, SetRequestWithDatablock):
        return _another(served, request.invoke, request.block, apdu, now_us)
    if isinstance(request, SetRequestNormal):
        served.begin()
        attribute = AttributeDescriptor(request.class_id, request.instance, request.attribute, request.selection)
        result = served.write(attribute, request.value, now_us)
        return _confirmed(request.invoke, SetResponseNormal(request.invoke, result).encode())
    if isinstance(request, SetRequestWithList):
        served.begin()
        results = _write_all(served, request.attributes, request.values, now_us)
        return _confirmed(request.invoke, SetResponseWithList(request.invoke, results).encode())
    return _first(served, request, apdu, now_us)


def _confirmed(invoke: int, response: bytes) -> bytes | None:
    return response if invoke & CONFIRMED else None


def _write_all(
    served: Served, attributes: list[AttributeDescriptor], values: list[bytes], now_us: int
) -> list[DataAccessResult]:
    if not served.offers(Conformance.MULTIPLE_REFERENCES) or len(attributes) > REFERENCES_MAX:
        return [DataAccessResult.SCOPE_OF_ACCESS_VIOLATED] * len(attributes)
    return [served.write(attribute, value, now_us) for attribute, value in zip(attributes, values, strict=True)]


def _first(
    served: Served,
    request: SetRequestWithFirstDatablock | SetRequestWithListAndFirstDatablock,
    apdu: bytes,
    now_us: int,
) -> bytes:
    if not served.offers(Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE):
        served.begin()
        return SetResponseLastDatablock(
            request.invoke, DataAccessResult.LONG_SET_ABORTED, request.block.number
        ).encode()
    served.step(ServerEvent.SET_FIRST_BLOCK)
    served.done = None
    served.blocks_in = BlocksIn()
    served.pending = request
    return _take(served, request.invoke, request.block, apdu, now_us)


def _another(served: Served, invoke: int, block: DataBlock, apdu: bytes, now_us: int) -> bytes:
    if served.step(ServerEvent.SET_BLOCK):
        return _take(served, invoke, block, apdu, now_us)
    if served.done is not None and served.done[0] == apdu and served.done[1] is not None:
        return served.done[1]  # its answer was lost: what it asked for has been done, once
    return SetResponseLastDatablock(invoke, DataAccessResult.NO_LONG_SET_IN_PROGRESS, block.number).encode()


def _take(served: Served, invoke: int, block: DataBlock, apdu: bytes, now_us: int) -> bytes:
    blocks, pending = served.blocks_in, served.pending
    taken = Taken.WRONG if blocks is None else blocks.take(block.number, block.raw)
    if taken is Taken.WRONG or taken is Taken.TOO_LONG or blocks is None:
        served.step(ServerEvent.FINISH)
        wrong = taken is Taken.WRONG
        reason = DataAccessResult.DATA_BLOCK_NUMBER_INVALID if wrong else DataAccessResult.LONG_SET_ABORTED
        return SetResponseLastDatablock(invoke, reason, block.number).encode()
    if taken is Taken.AGAIN or not block.last:
        return SetResponseDatablock(invoke, block.number).encode()
    served.step(ServerEvent.FINISH)
    answer = _execute(served, invoke, block.number, pending, blocks.whole(), now_us)
    served.done = (apdu, answer)
    return answer


def _execute(served: Served, invoke: int, number: int, pending: object, raw: bytes, now_us: int) -> bytes:
    if isinstance(pending, SetRequestWithListAndFirstDatablock):
        attributes = pending.attributes
        try:
            reader = Reader(raw)
            values = reader.end(read_values(reader))
        except RemoteProtocolError:
            values = []
        if len(values) != len(attributes):
            results = [DataAccessResult.TYPE_UNMATCHED] * len(attributes)
        else:
            results = _write_all(served, attributes, values, now_us)
        return SetResponseLastDatablockWithList(invoke, results, number).encode()
    result = DataAccessResult.TYPE_UNMATCHED
    if isinstance(pending, SetRequestWithFirstDatablock) and one_value(raw):
        result = served.write(pending.attribute, raw, now_us)
    return SetResponseLastDatablock(invoke, result, number).encode()


def one_value(raw: bytes) -> bool:
    """Whether these octets are exactly one well-formed value."""
    try:
        return skip(raw, 0) == len(raw)
    except RemoteProtocolError:
        return False
