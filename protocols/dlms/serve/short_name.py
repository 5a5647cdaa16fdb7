"""Read, Write and UnconfirmedWrite: variables by short name, mapped to the application's attributes and methods.

A method is invoked by writing its parameter to its name, or by reading its name with the parameter as the access
parameter, which also brings back what it returns. Long lists of variables come in blocks, long answers leave in them.
"""

from typing import Final

from protocols.dlms.association import ServerEvent
from protocols.dlms.axdr import Reader
from protocols.dlms.block import BlocksIn, BlocksOut, Taken
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor, read_values
from protocols.dlms.results import DataAccessResult
from protocols.dlms.serve.served import REFERENCES_MAX, Served
from protocols.dlms.short_name import (
    BlockNumber,
    BlockNumberAccess,
    DataBlockResult,
    ParameterizedAccess,
    ReadDataBlockAccess,
    ReadRequest,
    ReadResponse,
    ReadResult,
    UnconfirmedWriteRequest,
    VariableAccess,
    VariableName,
    WriteDataBlockAccess,
    WriteRequest,
    WriteResponse,
    WriteResult,
    read_variable_accesses,
)
from protocols.dlms.value import Tag, decode
from protocols.errors import RemoteProtocolError

BLOCK_HEADER_OCTETS: Final = 9
"""Tag, count, choice, last, number (2), and at most three octets of length."""

BLOCK_NUMBER_MAX: Final = 0xFFFF
"""Block numbers are Unsigned16 in SN referencing."""

_NULL: Final = b"\x00"


def serve_read(served: Served, apdu: bytes, now_us: int) -> bytes | None:
    """Answer one ReadRequest.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    variables = ReadRequest.decode(apdu).variables
    match variables:
        case [BlockNumberAccess(block_number=number)]:
            return _next(served, number)
        case [ReadDataBlockAccess(last=last, block_number=number, raw=raw)]:
            if served.done is not None and served.done[0] == apdu:
                return served.done[1]
            taken = _take(served, number, raw, Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ)
            if isinstance(taken, DataAccessResult):
                return ReadResponse([taken]).encode()
            if not last:
                return ReadResponse([BlockNumber(number)]).encode()
            reader = Reader(taken.whole())
            served.step(ServerEvent.FINISH)
            answer = _read_all(served, reader.end(read_variable_accesses(reader)), now_us)
            served.done = (apdu, answer)
            return answer
    served.begin()
    return _read_all(served, variables, now_us)


def serve_write(served: Served, apdu: bytes, now_us: int) -> bytes | None:
    """Serve one WriteRequest.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    request = WriteRequest.decode(apdu)
    match request.variables:
        case [WriteDataBlockAccess(last=last, block_number=number)]:
            if served.done is not None and served.done[0] == apdu:
                return served.done[1]
            tag, raw = decode(request.values[0])
            if tag != Tag.OCTET_STRING:
                raise RemoteProtocolError("a block of a WriteRequest is no octet-string")
            taken = _take(served, number, raw, Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE)
            if isinstance(taken, DataAccessResult):
                return WriteResponse([taken]).encode()
            if not last:
                return WriteResponse([BlockNumber(number)]).encode()
            reader = Reader(taken.whole())
            served.step(ServerEvent.FINISH)
            variables, values = read_variable_accesses(reader), read_values(reader)
            if len(variables) != len(values):
                raise RemoteProtocolError(f"{len(values)} values for {len(variables)} variables")
            answer = WriteResponse(_write_all(served, reader.end(variables), values, now_us)).encode()
            served.done = (apdu, answer)
            return answer
    served.begin()
    return WriteResponse(_write_all(served, request.variables, request.values, now_us)).encode()


def serve_unconfirmed_write(served: Served, apdu: bytes, now_us: int) -> bytes | None:
    """Serve one UnconfirmedWriteRequest, which is never answered.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    request = UnconfirmedWriteRequest.decode(apdu)
    served.begin()
    _write_all(served, request.variables, request.values, now_us)
    return None


def _read_all(served: Served, variables: list[VariableAccess], now_us: int) -> bytes:
    refused = len(variables) > REFERENCES_MAX or (
        len(variables) > 1 and not served.offers(Conformance.MULTIPLE_REFERENCES)
    )
    results: list[ReadResult] = [
        DataAccessResult.SCOPE_OF_ACCESS_VIOLATED if refused else _read(served, variable, now_us)
        for variable in variables
    ]
    plain = ReadResponse(results).encode()
    if not served.in_service_blocks(len(plain), Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ):
        return plain
    blocks = BlocksOut(plain[1:], served.room - BLOCK_HEADER_OCTETS)
    if len(blocks) > BLOCK_NUMBER_MAX:
        return ReadResponse([DataAccessResult.LONG_GET_ABORTED]).encode()
    served.step(ServerEvent.ANSWER_GET_IN_BLOCKS)
    served.blocks_out = blocks
    return _block(blocks)


def _read(served: Served, variable: VariableAccess, now_us: int) -> ReadResult:
    if not isinstance(variable, VariableName | ParameterizedAccess):
        return DataAccessResult.OTHER_REASON  # a block among variables
    selection = variable.selection if isinstance(variable, ParameterizedAccess) else None
    if selection is not None and not served.offers(Conformance.PARAMETERIZED_ACCESS):
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    meant = None if served.names is None else served.names.resolve(variable.name, served.association)
    if meant is None:
        return DataAccessResult.OBJECT_UNDEFINED
    if not meant.method:
        return served.read(AttributeDescriptor(*meant[:3], selection), now_us)
    parameter = None if selection is None or selection.parameter == _NULL else selection.parameter
    result, returned = served.invoke(MethodDescriptor(*meant[:3]), parameter, now_us)
    if result:
        return DataAccessResult(result)
    return _NULL if returned is None else returned


def _write_all(served: Served, variables: list[VariableAccess], values: list[bytes], now_us: int) -> list[WriteResult]:
    refused = len(variables) > REFERENCES_MAX or (
        len(variables) > 1 and not served.offers(Conformance.MULTIPLE_REFERENCES)
    )
    if refused:
        return [DataAccessResult.SCOPE_OF_ACCESS_VIOLATED] * len(variables)
    return [_write(served, variable, value, now_us) for variable, value in zip(variables, values, strict=True)]


def _write(served: Served, variable: VariableAccess, value: bytes, now_us: int) -> DataAccessResult:
    if not isinstance(variable, VariableName | ParameterizedAccess):
        return DataAccessResult.OTHER_REASON  # a block among variables
    meant = None if served.names is None else served.names.resolve(variable.name, served.association)
    if meant is None:
        return DataAccessResult.OBJECT_UNDEFINED
    if meant.method:
        parameter = None if value == _NULL else value
        return DataAccessResult(served.invoke(MethodDescriptor(*meant[:3]), parameter, now_us)[0])
    selection = variable.selection if isinstance(variable, ParameterizedAccess) else None
    return served.write(AttributeDescriptor(*meant[:3], selection), value, now_us)


def _next(served: Served, number: int) -> bytes:
    blocks = served.blocks_out
    if not served.step(ServerEvent.GET_NEXT) or blocks is None:
        return ReadResponse([DataAccessResult.NO_LONG_GET_IN_PROGRESS]).encode()
    if blocks.acknowledge(number) is None:
        served.step(ServerEvent.FINISH)
        return ReadResponse([DataAccessResult.DATA_BLOCK_NUMBER_INVALID]).encode()
    return _block(blocks)


def _block(blocks: BlocksOut) -> bytes:
    return ReadResponse([DataBlockResult(*blocks.current())]).encode()


def _take(served: Served, number: int, raw: bytes, service: Conformance) -> BlocksIn | DataAccessResult:
    """Take one block of a long list; the first one begins a transfer."""
    if not served.offers(service):
        served.begin()
        return DataAccessResult.LONG_SET_ABORTED
    if number == 1 and (served.blocks_in is None or served.blocks_in.number != 1):
        served.step(ServerEvent.SET_FIRST_BLOCK)
        served.done = None
        served.blocks_in = BlocksIn()
    elif not served.step(ServerEvent.SET_BLOCK):
        return DataAccessResult.NO_LONG_SET_IN_PROGRESS
    blocks = served.blocks_in
    taken = Taken.WRONG if blocks is None else blocks.take(number, raw)
    if taken is Taken.WRONG or taken is Taken.TOO_LONG or blocks is None:
        served.step(ServerEvent.FINISH)
        wrong = taken is Taken.WRONG
        return DataAccessResult.DATA_BLOCK_NUMBER_INVALID if wrong else DataAccessResult.LONG_SET_ABORTED
    return blocks
