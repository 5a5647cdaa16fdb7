"""GET as the client asks it: one attribute or several, with the blocks of a long answer."""

from collections.abc import Sequence
from typing import Any

from protocols.dlms.ask.outcome import Failure, Malformed, ServiceRefused
from protocols.dlms.ask.request import Done, Request
from protocols.dlms.axdr import Reader
from protocols.dlms.descriptor import AttributeDescriptor, read_data_result
from protocols.dlms.get import (
    GET_RESPONSE,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithDatablock,
    decode_response,
)
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Value, decode
from protocols.errors import RemoteProtocolError


def value_of(encoded: bytes | DataAccessResult) -> Value | DataAccessResult | Malformed:
    """The decoded value, why there is none, or what is wrong with it."""
    if isinstance(encoded, DataAccessResult):
        return encoded
    try:
        return decode(encoded)
    except RemoteProtocolError as error:
        return Malformed(f"the value is malformed: {error}")


class Get(Request):
    """Attributes to be read.

    Args:
        attributes: each whole or in part.
        single: whether the response is the one result, and not a list.
    """

    __slots__ = ("_attributes", "_one_by_one")

    def __init__(self, attributes: Sequence[AttributeDescriptor], *, single: bool) -> None:
        super().__init__(len(attributes), single=single, idempotent=True)
        self._attributes = attributes
        self._one_by_one = False

    def measure(self, index: int) -> int:
        """How many octets an attribute adds to a request with list."""
        selection = self._attributes[index].selection
        return 10 if selection is None else 11 + len(selection.parameter)

    def encode_group(self) -> bytes:
        """The request for the group under way."""
        invoke = self.terms.next_invoke()
        if self.end - self.start == 1 or self._one_by_one:
            self.end = self.start + 1
            class_id, instance, number, selection = self._attributes[self.start]
            return GetRequestNormal(invoke, class_id, instance, number, selection).encode()
        return GetRequestWithList(invoke, list(self._attributes[self.start : self.end])).encode()

    def repeat(self) -> bytes | None:
        """Ask for the next block again."""
        if self.blocks_in is None:
            return None
        return GetRequestNext(self.terms.invoke | 0xC0, self.blocks_in.number).encode()

    def fail_group(self, failure: Failure) -> bytes | Done:
        """A list that the meter refuses as a whole is asked for one by one."""
        if isinstance(failure, ServiceRefused) and self.end - self.start > 1:
            self._one_by_one = True
            return self.again()
        return super().fail_group(failure)

    def take(self, apdu: bytes) -> bytes | Done | None:
        """Take a GET response."""
        if apdu[0] != GET_RESPONSE:
            return None
        response = decode_response(apdu)
        if self.terms.is_late(response.invoke):
            return None
        if isinstance(response, GetResponseWithDatablock):
            return self._take_block(response)
        if self.blocks_in is not None:
            return None  # a late first answer, where blocks have begun
        results: list[Any]
        if isinstance(response, GetResponseNormal):
            results = [value_of(response.result)] * (self.end - self.start)
        else:
            results = [value_of(result) for result in response.results]
        return self._whole(results)

    def _whole(self, results: list[Any]) -> bytes | Done:
        asked = self.end - self.start
        if len(results) != asked:
            raise RemoteProtocolError(f"{len(results)} results for {asked} attributes")
        return self.finish_group(results)

    def _take_block(self, response: GetResponseWithDatablock) -> bytes | Done | None:
        raw = response.result
        if isinstance(raw, DataAccessResult):
            return self.finish_group([raw] * (self.end - self.start))
        blocks = self.take_block(response.block_number, raw)
        if blocks is None:
            return None
        if not response.last:
            return GetRequestNext(response.invoke, response.block_number).encode()
        whole = blocks.whole()
        if self.end - self.start == 1:
            return self.finish_group([value_of(whole)])
        reader = Reader(whole)
        results = [read_data_result(reader) for _ in range(reader.length())]
        return self._whole([value_of(result) for result in reader.end(results)])
