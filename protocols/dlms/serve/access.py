"""ACCESS: gets, sets and actions mixed in one request, served in order; a long answer goes in general blocks."""

from typing import Final

from protocols.dlms.access import (
    AccessAction,
    AccessGet,
    AccessRequest,
    AccessResponse,
    AccessResult,
    AccessSpecification,
    GetResult,
    MethodResult,
    SetResult,
)
from protocols.dlms.invoke import LONG_BREAK_ON_ERROR, LONG_CONFIRMED, LONG_SELF_DESCRIPTIVE
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.serve.served import REFERENCES_MAX, Served

_NULL: Final = b"\x00"


def serve(served: Served, apdu: bytes, now_us: int) -> bytes | None:
    """Serve one ACCESS request; an unconfirmed one is served and not answered.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    request = AccessRequest.decode(apdu)
    served.begin()
    values: list[bytes] = []
    results: list[AccessResult] = []
    refused = len(request.specifications) > REFERENCES_MAX
    for specification, value in zip(request.specifications, request.values, strict=True):
        returned, result = _NULL, _refusal(specification)
        if not refused:
            returned, result = _one(served, specification, value, now_us)
        values.append(returned)
        results.append(result)
        refused = refused or bool(request.long_invoke & LONG_BREAK_ON_ERROR and result.result)
    if not request.long_invoke & LONG_CONFIRMED:
        return None
    echoed = request.specifications if request.long_invoke & LONG_SELF_DESCRIPTIVE else None
    return AccessResponse(request.long_invoke, b"", echoed, values, results).encode()


def _one(served: Served, specification: AccessSpecification, value: bytes, now_us: int) -> tuple[bytes, AccessResult]:
    if isinstance(specification, AccessGet):
        got = served.read(specification.attribute, now_us)
        if isinstance(got, bytes):
            return got, GetResult(DataAccessResult.SUCCESS)
        return _NULL, GetResult(got)
    if isinstance(specification, AccessAction):
        parameter = None if value == _NULL else value
        result, returned = served.invoke(specification.method, parameter, now_us)
        return returned if isinstance(returned, bytes) else _NULL, MethodResult(result)
    return _NULL, SetResult(served.write(specification.attribute, value, now_us))


def _refusal(specification: AccessSpecification) -> AccessResult:
    """What stands for a specification that was not served: one before it failed, or there are too many."""
    if isinstance(specification, AccessGet):
        return GetResult(DataAccessResult.OTHER_REASON)
    if isinstance(specification, AccessAction):
        return MethodResult(ActionResult.OTHER_REASON)
    return SetResult(DataAccessResult.OTHER_REASON)
