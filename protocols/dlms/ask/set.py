"""SET as the client asks it: one attribute or several, whole or in blocks."""

from collections.abc import Sequence

from protocols.dlms.ask.request import Done, Request
from protocols.dlms.block import BlocksOut
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, DataBlock, encode_list
from protocols.dlms.invoke import invoke_octet
from protocols.dlms.set import (
    SET_RESPONSE,
    SetRequestNormal,
    SetRequestWithDatablock,
    SetRequestWithFirstDatablock,
    SetRequestWithList,
    SetRequestWithListAndFirstDatablock,
    SetResponseDatablock,
    SetResponseLastDatablock,
    SetResponseNormal,
    decode_response,
)
from protocols.errors import RemoteProtocolError

BLOCK_HEADER_OCTETS = 11
"""Tag, kind, invoke, last, number (4), and at most three octets of length; in the first block also the attribute."""


class Set(Request):
    """Attributes to be written.

    Args:
        attributes: what to write to.
        values: one for each, encoded.
        single: whether the response is the one result, and not a list.
        together: all in one request, in blocks if need be.
    """

    __slots__ = ("_attributes", "_values")

    def __init__(
        self,
        attributes: Sequence[AttributeDescriptor],
        values: Sequence[bytes],
        *,
        single: bool,
        together: bool = False,
    ) -> None:
        super().__init__(len(attributes), single=single, idempotent=False)
        self.together = together
        self._attributes = attributes
        self._values = values

    def measure(self, index: int) -> int:
        """How many octets an attribute and its value add to a request with list."""
        return len(self._attributes[index].encode()) + len(self._values[index])

    def encode_group(self) -> bytes:
        """The request for the group under way, or its first block."""
        invoke = self.terms.next_invoke()
        attributes, values = self._attributes[self.start : self.end], self._values[self.start : self.end]
        if len(attributes) > 1:
            plain = SetRequestWithList(invoke, list(attributes), list(values)).encode()
            value, named = encode_list(list(values)), sum(len(attribute.encode()) for attribute in attributes) + 3
        else:
            plain = SetRequestNormal(invoke, *attributes[0], values[0]).encode()
            value, named = values[0], len(attributes[0].encode())
        if not self.terms.in_blocks(len(plain), Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE):
            return plain
        self.blocks_out = BlocksOut(value, self.terms.room - BLOCK_HEADER_OCTETS - named)
        return self._block(self.blocks_out, invoke)

    def _block(self, blocks: BlocksOut, invoke: int) -> bytes:
        block = DataBlock(*blocks.current())
        if block.number > 1:
            return SetRequestWithDatablock(invoke, block).encode()
        attributes = self._attributes[self.start : self.end]
        if len(attributes) > 1:
            return SetRequestWithListAndFirstDatablock(invoke, list(attributes), block).encode()
        return SetRequestWithFirstDatablock(invoke, attributes[0], block).encode()

    def repeat(self) -> bytes | None:
        """Send the block under way again; the first one begins anew, which is as safe."""
        return None if self.blocks_out is None else self._block(self.blocks_out, invoke_octet(self.terms.invoke))

    def take(self, apdu: bytes) -> bytes | Done | None:
        """Take a SET response."""
        if apdu[0] != SET_RESPONSE:
            return None
        response = decode_response(apdu)
        if self.terms.is_late(response.invoke):
            return None
        if isinstance(response, SetResponseDatablock):
            return self._another(response)
        if isinstance(response, SetResponseNormal | SetResponseLastDatablock):
            return self.finish_group([response.result] * (self.end - self.start))
        if len(response.results) != self.end - self.start:
            raise RemoteProtocolError(f"{len(response.results)} results for {self.end - self.start} attributes")
        return self.finish_group(response.results)

    def _another(self, response: SetResponseDatablock) -> bytes | None:
        blocks = self.follow(response.block_number)
        return None if blocks is None else self._block(blocks, response.invoke)
