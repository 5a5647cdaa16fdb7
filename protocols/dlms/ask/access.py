"""ACCESS as the client asks it: gets, sets and actions mixed, in one request; long ones go in general blocks."""

from collections.abc import Sequence
from typing import Any

from protocols.dlms.access import ACCESS_RESPONSE, AccessGet, AccessRequest, AccessResponse, AccessSpecification
from protocols.dlms.ask.outcome import Accessed
from protocols.dlms.ask.request import Done, Request
from protocols.dlms.invoke import long_invoke
from protocols.dlms.value import decode
from protocols.errors import RemoteProtocolError


class Access(Request):
    """Specifications to be served in order, as one item: there is no way to send half of them.

    Args:
        specifications: what to do.
        values: one for each, encoded; null-data for a get.
        break_on_error: whether the meter stops at the first that fails.
    """

    __slots__ = ("_break_on_error", "_specifications", "_values")

    def __init__(
        self, specifications: Sequence[AccessSpecification], values: Sequence[bytes], *, break_on_error: bool
    ) -> None:
        reads = all(isinstance(specification, AccessGet) for specification in specifications)
        super().__init__(1, single=True, idempotent=reads)
        self._specifications = specifications
        self._values = values
        self._break_on_error = break_on_error

    def measure(self, index: int) -> int:
        """There is one item."""
        return 0

    def encode_group(self) -> bytes:
        """The request."""
        self.terms.next_invoke()
        invoke = long_invoke(self.terms.invoke, break_on_error=self._break_on_error)
        return AccessRequest(invoke, b"", list(self._specifications), list(self._values)).encode()

    def take(self, apdu: bytes) -> bytes | Done | None:
        """Take an ACCESS response."""
        if apdu[0] != ACCESS_RESPONSE:
            return None
        response = AccessResponse.decode(apdu)
        if self.terms.is_late(response.long_invoke):
            return None
        asked = len(self._specifications)
        if len(response.values) != asked or len(response.results) != asked:
            raise RemoteProtocolError(f"{len(response.results)} results for {asked} specifications")
        results: list[Any] = [
            Accessed(result.result, decode(value))
            for result, value in zip(response.results, response.values, strict=True)
        ]
        return self.finish_group([results])
