"""ConfirmedServiceError and ExceptionResponse: the two ways of saying that a service could not be served at all."""

from dataclasses import dataclass
from typing import Final

from protocols.dlms.axdr import Reader
from protocols.dlms.results import Code, ServiceError, StateError
from protocols.errors import RemoteProtocolError

CONFIRMED_SERVICE_ERROR: Final = 0x0E
EXCEPTION_RESPONSE: Final = 0xD8


class ConfirmedService(Code):
    """The service that a confirmed-service-error is about."""

    INITIATE_ERROR = 1
    GET_STATUS = 2
    GET_NAME_LIST = 3
    GET_VARIABLE_ATTRIBUTE = 4
    READ = 5
    WRITE = 6
    GET_DATA_SET_ATTRIBUTE = 7
    GET_TI_ATTRIBUTE = 8
    CHANGE_SCOPE = 9
    START = 10
    STOP = 11
    RESUME = 12
    MAKE_USABLE = 13
    INITIATE_LOAD = 14
    LOAD_SEGMENT = 15
    TERMINATE_LOAD = 16
    INITIATE_UP_LOAD = 17
    UP_LOAD_SEGMENT = 18
    TERMINATE_UP_LOAD = 19


class ErrorClass(Code):
    """Which part of the server a confirmed-service-error blames."""

    APPLICATION_REFERENCE = 0
    HARDWARE_RESOURCE = 1
    VDE_STATE_ERROR = 2
    SERVICE = 3
    DEFINITION = 4
    ACCESS = 5
    INITIATE = 6
    LOAD_DATA_SET = 7
    CHANGE_SCOPE = 8
    TASK = 9
    OTHER = 10


_REASONS: Final[dict[int, tuple[str, ...]]] = {
    ErrorClass.APPLICATION_REFERENCE: (
        "other",
        "time-elapsed",
        "application-unreachable",
        "application-reference-invalid",
        "application-context-unsupported",
        "provider-communication-error",
        "deciphering-error",
    ),
    ErrorClass.HARDWARE_RESOURCE: (
        "other",
        "memory-unavailable",
        "processor-resource-unavailable",
        "mass-storage-unavailable",
        "other-resource-unavailable",
    ),
    ErrorClass.VDE_STATE_ERROR: (
        "other",
        "no-dlms-context",
        "loading-data-set",
        "status-nochange",
        "status-inoperable",
    ),
    ErrorClass.SERVICE: ("other", "pdu-size", "service-unsupported"),
    ErrorClass.DEFINITION: (
        "other",
        "object-undefined",
        "object-class-inconsistent",
        "object-attribute-inconsistent",
    ),
    ErrorClass.ACCESS: (
        "other",
        "scope-of-access-violated",
        "object-access-violated",
        "hardware-fault",
        "object-unavailable",
    ),
    ErrorClass.INITIATE: (
        "other",
        "dlms-version-too-low",
        "incompatible-conformance",
        "pdu-size-too-short",
        "refused-by-the-VDE-handler",
    ),
    ErrorClass.LOAD_DATA_SET: (
        "other",
        "primitive-out-of-sequence",
        "not-loadable",
        "dataset-size-too-large",
        "not-awaited-segment",
        "interpretation-failure",
        "storage-failure",
        "data-set-not-ready",
    ),
    ErrorClass.TASK: ("other", "no-remote-control", "ti-stopped", "ti-running", "ti-unusable"),
    ErrorClass.OTHER: ("other",),
}

DLMS_VERSION_TOO_LOW: Final = 1
INCOMPATIBLE_CONFORMANCE: Final = 2
PDU_SIZE_TOO_SHORT: Final = 3
REFUSED_BY_THE_VDE_HANDLER: Final = 4
"""Reasons of the class `INITIATE`, which every server needs; `ConfirmedServiceError.title` knows the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedServiceError:
    """What stands in an AARE in place of an InitiateResponse, and what answers a Read or Write that can't be served."""

    service: ConfirmedService = ConfirmedService.INITIATE_ERROR
    error_class: ErrorClass = ErrorClass.INITIATE
    reason: int

    @property
    def title(self) -> str:
        """The error as the standard writes it, for sentences."""
        reasons = _REASONS.get(self.error_class, ())
        reason = reasons[self.reason] if self.reason < len(reasons) else f"unknown-{self.reason}"
        return f"{self.error_class.title}: {reason}"

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((CONFIRMED_SERVICE_ERROR, self.service, self.error_class, self.reason))

    @classmethod
    def decode(cls, data: bytes) -> "ConfirmedServiceError":
        """The confirmed-service-error that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        if len(data) != 4 or data[0] != CONFIRMED_SERVICE_ERROR:
            raise RemoteProtocolError("no confirmed-service-error")
        return cls(service=ConfirmedService(data[1]), error_class=ErrorClass(data[2]), reason=data[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionResponse:
    """What answers a request that can't be served, in every association.

    Attributes:
        state_error: whether the service is unknown, or known and not allowed.
        service_error: why it was not served.
        invocation_counter: with `INVOCATION_COUNTER_ERROR` alone: the counter that the server expects.
    """

    state_error: StateError
    service_error: ServiceError
    invocation_counter: int | None = None

    def encode(self) -> bytes:
        """The octets of the APDU."""
        counter = self.invocation_counter
        octets = bytes((EXCEPTION_RESPONSE, self.state_error, self.service_error))
        return octets if counter is None else octets + counter.to_bytes(4, "big")

    @classmethod
    def decode(cls, data: bytes) -> "ExceptionResponse":
        """The exception-response that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        if reader.u8() != EXCEPTION_RESPONSE:
            raise RemoteProtocolError("no exception-response")
        state_error, service_error = StateError(reader.u8()), ServiceError(reader.u8())
        # The counter was added to the standard late; a server from before then leaves it out.
        counted = service_error == ServiceError.INVOCATION_COUNTER_ERROR and len(data) > 3
        counter = reader.u32() if counted else None
        return reader.end(cls(state_error=state_error, service_error=service_error, invocation_counter=counter))
