"""ACTION as the client asks it: one method or several, in blocks what is long of their parameters and what returns."""

from collections.abc import Sequence
from typing import Final

from protocols.dlms.action import (
    ACTION_RESPONSE,
    ActionRequestNextPblock,
    ActionRequestNormal,
    ActionRequestWithFirstPblock,
    ActionRequestWithList,
    ActionRequestWithListAndFirstPblock,
    ActionRequestWithPblock,
    ActionResponseNextPblock,
    ActionResponseNormal,
    ActionResponseWithPblock,
    decode_response,
)
from protocols.dlms.ask.get import value_of
from protocols.dlms.ask.outcome import Invoked
from protocols.dlms.ask.request import Done, Request
from protocols.dlms.axdr import Reader
from protocols.dlms.block import BlocksOut
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import (
    ActionResponseWithOptionalData,
    DataBlock,
    MethodDescriptor,
    encode_list,
    read_action_response,
)
from protocols.dlms.invoke import invoke_octet
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.errors import RemoteProtocolError

BLOCK_HEADER_OCTETS: Final = 11
METHOD_OCTETS: Final = 9
_NULL: Final = b"\x00"


class Action(Request):
    """Methods to be invoked.

    Args:
        methods: which.
        parameters: one for each, encoded, or None.
        single: whether the response is the one result, and not a list.
        together: all in one request, in blocks if need be.
    """

    __slots__ = ("_methods", "_parameters")

    def __init__(
        self,
        methods: Sequence[MethodDescriptor],
        parameters: Sequence[bytes | None],
        *,
        single: bool,
        together: bool = False,
    ) -> None:
        super().__init__(len(methods), single=single, idempotent=False)
        self.together = together
        self._methods = methods
        self._parameters = parameters

    def measure(self, index: int) -> int:
        """How many octets a method and its parameter add to a request with list."""
        return METHOD_OCTETS + len(self._parameters[index] or _NULL)

    def encode_group(self) -> bytes:
        """The request for the group under way, or its first block."""
        invoke = self.terms.next_invoke()
        methods, parameters = self._methods[self.start : self.end], self._parameters[self.start : self.end]
        if len(methods) > 1:
            filled = [parameter or _NULL for parameter in parameters]
            plain = ActionRequestWithList(invoke, list(methods), filled).encode()
            long, named = encode_list(filled), METHOD_OCTETS * len(methods) + 3
        else:
            plain = ActionRequestNormal(invoke, *methods[0], parameters[0]).encode()
            long, named = parameters[0] or b"", METHOD_OCTETS
        if not self.terms.in_blocks(len(plain), Conformance.BLOCK_TRANSFER_WITH_ACTION):
            return plain
        self.blocks_out = BlocksOut(long, self.terms.room - BLOCK_HEADER_OCTETS - named)
        return self._block(self.blocks_out, invoke)

    def _block(self, blocks: BlocksOut, invoke: int) -> bytes:
        block = DataBlock(*blocks.current())
        if block.number > 1:
            return ActionRequestWithPblock(invoke, block).encode()
        methods = self._methods[self.start : self.end]
        if len(methods) > 1:
            return ActionRequestWithListAndFirstPblock(invoke, list(methods), block).encode()
        return ActionRequestWithFirstPblock(invoke, methods[0], block).encode()

    def repeat(self) -> bytes | None:
        """Say the last word of the block transfer again."""
        invoke = invoke_octet(self.terms.invoke)
        if self.blocks_in is not None:
            return ActionRequestNextPblock(invoke, self.blocks_in.number).encode()
        return None if self.blocks_out is None else self._block(self.blocks_out, invoke)

    def take(self, apdu: bytes) -> bytes | Done | None:
        """Take an ACTION response."""
        if apdu[0] != ACTION_RESPONSE:
            return None
        response = decode_response(apdu)
        if self.terms.is_late(response.invoke):
            return None
        if isinstance(response, ActionResponseNextPblock):
            return self._another(response)
        if isinstance(response, ActionResponseWithPblock):
            return self._take_block(response)
        if isinstance(response, ActionResponseNormal):
            one = ActionResponseWithOptionalData(response.result, response.returned)
            return self._whole([one] * (self.end - self.start))
        return self._whole(response.responses)

    def _another(self, response: ActionResponseNextPblock) -> bytes | None:
        blocks = self.follow(response.block_number)
        return None if blocks is None else self._block(blocks, response.invoke)

    def _take_block(self, response: ActionResponseWithPblock) -> bytes | Done | None:
        blocks = self.take_block(response.block.number, response.block.raw)
        if blocks is None:
            return None
        if not response.block.last:
            return ActionRequestNextPblock(response.invoke, response.block.number).encode()
        reader = Reader(blocks.whole())
        if self.end - self.start == 1:
            return self._whole([reader.end(read_action_response(reader))])
        responses = [read_action_response(reader) for _ in range(reader.length())]
        return self._whole(reader.end(responses))

    def _whole(self, responses: list[ActionResponseWithOptionalData]) -> bytes | Done:
        asked = self.end - self.start
        if len(responses) != asked:
            raise RemoteProtocolError(f"{len(responses)} results for {asked} methods")
        return self.finish_group([_invoked(*response) for response in responses])


def _invoked(result: ActionResult, returned: bytes | DataAccessResult | None) -> Invoked:
    return Invoked(result, None if returned is None else value_of(returned))
