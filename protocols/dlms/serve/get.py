"""GET: one attribute or a list of them, and the blocks of an answer that does not fit one APDU."""

from typing import Final

from protocols.dlms.association import ServerEvent
from protocols.dlms.block import BlocksOut
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, encode_data_result, encode_list
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetResponseNormal,
    GetResponseWithDatablock,
    GetResponseWithList,
    decode_request,
)
from protocols.dlms.results import DataAccessResult
from protocols.dlms.serve.served import REFERENCES_MAX, Served

BLOCK_HEADER_OCTETS: Final = 12
"""Tag, kind, invoke, last, number (4), choice, and at most three octets of length."""


def serve(served: Served, apdu: bytes, now_us: int) -> bytes | None:
    """Answer one GET request.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    request = decode_request(apdu)
    if isinstance(request, GetRequestNext):
        return _next(served, request)
    served.begin()
    if isinstance(request, GetRequestNormal):
        attribute = AttributeDescriptor(request.class_id, request.instance, request.attribute, request.selection)
        return answer_normal(served, request.invoke, served.read(attribute, now_us))
    attributes = request.attributes
    if not served.offers(Conformance.MULTIPLE_REFERENCES) or len(attributes) > REFERENCES_MAX:
        results: list[bytes | DataAccessResult] = [DataAccessResult.SCOPE_OF_ACCESS_VIOLATED] * len(attributes)
    else:
        results = [served.read(attribute, now_us) for attribute in attributes]
    plain = GetResponseWithList(request.invoke, results).encode()
    if served.in_service_blocks(len(plain), Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ):
        return _begin(served, request.invoke, encode_list([encode_data_result(result) for result in results]))
    return plain


def answer_normal(served: Served, invoke: int, result: bytes | DataAccessResult) -> bytes:
    """The response to a GET-request-normal, or its first block."""
    plain = GetResponseNormal(invoke, result).encode()
    if isinstance(result, bytes) and served.in_service_blocks(len(plain), Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ):
        return _begin(served, invoke, result)
    return plain


def _begin(served: Served, invoke: int, raw: bytes) -> bytes:
    served.step(ServerEvent.ANSWER_GET_IN_BLOCKS)
    served.blocks_out = BlocksOut(raw, served.room - BLOCK_HEADER_OCTETS)
    return _block(served.blocks_out, invoke)


def _block(blocks: BlocksOut, invoke: int) -> bytes:
    last, number, data = blocks.current()
    return GetResponseWithDatablock(invoke, last, number, data).encode()


def _next(served: Served, request: GetRequestNext) -> bytes:
    """The block after the one named; the transfer stays until a new request, in case this answer is lost."""
    blocks = served.blocks_out
    if not served.step(ServerEvent.GET_NEXT) or blocks is None:
        return _abort(request, DataAccessResult.NO_LONG_GET_IN_PROGRESS)
    if blocks.acknowledge(request.block_number) is None:
        served.step(ServerEvent.FINISH)
        return _abort(request, DataAccessResult.DATA_BLOCK_NUMBER_INVALID)
    return _block(blocks, request.invoke)


def _abort(request: GetRequestNext, reason: DataAccessResult) -> bytes:
    return GetResponseWithDatablock(request.invoke, True, request.block_number, reason).encode()
