"""The second pass of HLS: reply_to_HLS_authentication on the current association, the only thing served before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.dlms.action import ACTION_REQUEST, ActionRequestNormal, ActionResponseNormal, decode_request
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.short_name import (
    READ_REQUEST,
    ParameterizedAccess,
    ReadRequest,
    ReadResponse,
)
from protocols.dlms.value import Tag, decode, octet_string

if TYPE_CHECKING:
    from protocols.dlms.application import Association, Authenticator
    from protocols.dlms.serve.served import Served

ASSOCIATION_LN: Final = 15
REPLY_TO_HLS_LN: Final = 1
ASSOCIATION_SN: Final = 12
REPLY_TO_HLS_SN: Final = 8
CURRENT_ASSOCIATION: Final = bytes((0, 0, 40, 0, 0, 255))


def serve(served: Served, authenticator: Authenticator, apdu: bytes) -> tuple[bytes | None, bool | None]:
    """Take one request of a client that has not yet proved itself.

    Returns:
        The response, and whether the proof holds; (None, None) where the request is something else.

    Raises:
        RemoteProtocolError: the request is malformed.
    """
    if apdu[0] == ACTION_REQUEST:
        request = decode_request(apdu)
        if isinstance(request, ActionRequestNormal) and _is_reply(served.association, request):
            proof = _octets(request.parameter)
            if authenticator.verify(proof, served.association):
                answer = octet_string(authenticator.prove(served.association))
                return ActionResponseNormal(request.invoke, ActionResult.SUCCESS, answer).encode(), True
            return ActionResponseNormal(request.invoke, ActionResult.OTHER_REASON).encode(), False
    elif apdu[0] == READ_REQUEST:
        match ReadRequest.decode(apdu).variables:
            case [ParameterizedAccess(name=name, selection=selection)] if _is_short_reply(served, name):
                if authenticator.verify(_octets(selection.parameter), served.association):
                    return ReadResponse([octet_string(authenticator.prove(served.association))]).encode(), True
                return ReadResponse([DataAccessResult.OTHER_REASON]).encode(), False
    return None, None


def _is_reply(association: Association, request: ActionRequestNormal) -> bool:
    return (
        request.class_id == ASSOCIATION_LN
        and request.method == REPLY_TO_HLS_LN
        and request.instance in {CURRENT_ASSOCIATION, association.profile.logical_name}
    )


def _is_short_reply(served: Served, name: int) -> bool:
    meant = None if served.names is None else served.names.resolve(name, served.association)
    return meant is not None and meant.method and meant.class_id == ASSOCIATION_SN and meant.number == REPLY_TO_HLS_SN


def _octets(parameter: bytes | None) -> bytes:
    """The proof: an octet-string, or nothing that could hold."""
    tag, octets = decode(parameter or b"\x00")
    return bytes(octets) if tag == Tag.OCTET_STRING else b""
