"""How a server refuses what it does not serve: in the way of the request's kind of referencing, or without a word."""

from typing import Final

from protocols.dlms.general_block_transfer import TAG as GENERAL_BLOCK_TRANSFER
from protocols.dlms.results import ServiceError, StateError
from protocols.dlms.service_error import ConfirmedService, ConfirmedServiceError, ErrorClass, ExceptionResponse

_SHORT_NAME_SERVICES: Final = {0x05: ConfirmedService.READ, 0x06: ConfirmedService.WRITE}

_REQUEST_OF: Final = {0x0C: b"\x05", 0x0D: b"\x06"}
"""The request of a response by short name, whose kind decides how it is refused."""

_NEVER_ANSWERED: Final = frozenset((0x08, 0x0C, 0x0D, 0x0E, 0x10, 0x16, 0x61, 0x63, 0xC4, 0xC5, 0xC7, 0xD8, 0xDA))
"""Responses and errors, which a server does not get, and the unconfirmed write: not worth a word in return."""

NO_DLMS_CONTEXT: Final = 1
SERVICE_UNSUPPORTED: Final = 2
PDU_SIZE: Final = 1
OTHER: Final = 0
"""Reasons of a confirmed-service-error: of the classes vde-state-error and, the others, service."""


def refuse(apdu: bytes, error: ServiceError, state_error: StateError = StateError.SERVICE_NOT_ALLOWED) -> bytes | None:
    """How the standard refuses a request that is not served: by its kind of referencing; None for what needs none."""
    tag = apdu[0]
    service = _SHORT_NAME_SERVICES.get(tag)
    if service is not None:
        reasons = {ServiceError.SERVICE_NOT_SUPPORTED: SERVICE_UNSUPPORTED, ServiceError.PDU_TOO_LONG: PDU_SIZE}
        return ConfirmedServiceError(
            service=service, error_class=ErrorClass.SERVICE, reason=reasons.get(error, OTHER)
        ).encode()
    if tag in _NEVER_ANSWERED:
        return None
    return ExceptionResponse(state_error=state_error, service_error=error).encode()


def refuse_aloud(apdu: bytes, error: ServiceError) -> bytes:
    """The same where somebody waits for an answer; of a response that can't be sent, by the request that it is of."""
    return (
        refuse(_REQUEST_OF.get(apdu[0], apdu), error)
        or ExceptionResponse(state_error=StateError.SERVICE_NOT_ALLOWED, service_error=error).encode()
    )


def refuse_unassociated(tag: int) -> bytes | None:
    """The answer to a request before the association; None for what is no request."""
    if tag in _SHORT_NAME_SERVICES:
        return ConfirmedServiceError(
            service=_SHORT_NAME_SERVICES[tag], error_class=ErrorClass.VDE_STATE_ERROR, reason=NO_DLMS_CONTEXT
        ).encode()
    if tag in {0xC0, 0xC1, 0xC3, 0xD9, GENERAL_BLOCK_TRANSFER} or 0xC8 <= tag <= 0xD7 or 0xDB <= tag <= 0xDF:
        return ExceptionResponse(
            state_error=StateError.SERVICE_NOT_ALLOWED, service_error=ServiceError.OPERATION_NOT_POSSIBLE
        ).encode()
    return None
