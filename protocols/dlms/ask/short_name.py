"""Read and Write as the client asks them, for meters that refer to objects by short name.

These APDUs carry no invoke id: whoever lets one time out cannot tell its late answer from the next one, and whoever
repeats one is answered twice. So nothing is repeated, and a time-out takes the link down.
"""

from collections.abc import Sequence
from typing import Any, Final

from protocols.dlms.ask.get import value_of
from protocols.dlms.ask.request import Done, Request
from protocols.dlms.block import BlocksOut
from protocols.dlms.conformance import Conformance
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import Selection
from protocols.dlms.short_name import (
    READ_RESPONSE,
    WRITE_RESPONSE,
    BlockNumber,
    BlockNumberAccess,
    DataBlockResult,
    ParameterizedAccess,
    ReadRequest,
    ReadResponse,
    UnconfirmedWriteRequest,
    VariableName,
    WriteDataBlockAccess,
    WriteRequest,
    WriteResponse,
)
from protocols.dlms.value import octet_string
from protocols.errors import RemoteProtocolError

BLOCK_HEADER_OCTETS: Final = 11
"""Tag, count, choice, last, number (2), count, octet-string tag, and at most three octets of length."""


def _variable(name: int, selection: Selection | None) -> VariableName | ParameterizedAccess:
    return VariableName(name) if selection is None else ParameterizedAccess(name, selection)


class Read(Request):
    """Variables to be read, or methods to be invoked for what they return.

    Args:
        variables: short names, each with the access parameters or None.
        single: whether the response is the one result, and not a list.
    """

    __slots__ = ("_variables",)

    def __init__(self, variables: Sequence[tuple[int, Selection | None]], *, single: bool) -> None:
        super().__init__(len(variables), single=single, idempotent=False)
        self._variables = variables

    def measure(self, index: int) -> int:
        """How many octets a variable adds."""
        selection = self._variables[index][1]
        return 3 if selection is None else 4 + len(selection.parameter)

    def encode_group(self) -> bytes:
        """The request for the group under way."""
        return ReadRequest([_variable(*each) for each in self._variables[self.start : self.end]]).encode()

    def take(self, apdu: bytes) -> bytes | Done | None:
        """Take a ReadResponse."""
        if apdu[0] != READ_RESPONSE:
            return None
        results = ReadResponse.decode(apdu).results
        match results:
            case [DataBlockResult() as block]:
                return self._take_block(block)
            case [DataAccessResult() as refusal] if self.blocks_in is not None:
                return self.finish_group([refusal] * (self.end - self.start))
        return self._whole(results)

    def _take_block(self, block: DataBlockResult) -> bytes | Done | None:
        blocks = self.take_block(block.block_number, block.raw)
        if blocks is None:
            return None
        if not block.last:
            return ReadRequest([BlockNumberAccess(block.block_number)]).encode()
        return self._whole(ReadResponse.decode(bytes((READ_RESPONSE,)) + blocks.whole()).results)

    def _whole(self, results: Sequence[Any]) -> bytes | Done:
        asked = self.end - self.start
        if len(results) != asked or any(isinstance(result, DataBlockResult | BlockNumber) for result in results):
            raise RemoteProtocolError(f"{len(results)} results for {asked} variables, or blocks among them")
        return self.finish_group([value_of(result) for result in results])


class Write(Request):
    """Variables to be written, or methods to be invoked.

    Args:
        variables: short names, each with the access parameters or None.
        values: one for each, encoded.
        single: whether the response is the one result, and not a list.
    """

    __slots__ = ("_values", "_variables")

    def __init__(
        self, variables: Sequence[tuple[int, Selection | None]], values: Sequence[bytes], *, single: bool
    ) -> None:
        super().__init__(len(variables), single=single, idempotent=False)
        self._variables = variables
        self._values = values

    def measure(self, index: int) -> int:
        """How many octets a variable and its value add."""
        selection = self._variables[index][1]
        return (3 if selection is None else 4 + len(selection.parameter)) + len(self._values[index])

    def encode_group(self) -> bytes:
        """The request for the group under way, or its first block."""
        group = slice(self.start, self.end)
        request = WriteRequest([_variable(*each) for each in self._variables[group]], list(self._values[group]))
        plain = request.encode()
        if not self.terms.in_blocks(len(plain), Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE):
            return plain
        self.blocks_out = BlocksOut(plain[1:], self.terms.room - BLOCK_HEADER_OCTETS)
        return self._block(self.blocks_out)

    @staticmethod
    def _block(blocks: BlocksOut) -> bytes:
        last, number, raw = blocks.current()
        return WriteRequest([WriteDataBlockAccess(last, number)], [octet_string(raw)]).encode()

    def take(self, apdu: bytes) -> bytes | Done | None:
        """Take a WriteResponse."""
        if apdu[0] != WRITE_RESPONSE:
            return None
        results = WriteResponse.decode(apdu).results
        match results:
            case [BlockNumber(block_number=number)]:
                blocks = self.follow(number)
                return None if blocks is None else self._block(blocks)
            case [DataAccessResult() as result]:
                return self.finish_group([result] * (self.end - self.start))
        if len(results) != self.end - self.start:
            raise RemoteProtocolError(f"{len(results)} results for {self.end - self.start} variables")
        return self.finish_group(list(results))


def unconfirmed_write(variables: Sequence[tuple[int, Selection | None]], values: Sequence[bytes]) -> bytes:
    """An UnconfirmedWriteRequest, to which there is no answer."""
    return UnconfirmedWriteRequest([_variable(*each) for each in variables], list(values)).encode()
