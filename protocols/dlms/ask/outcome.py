"""What a client's request comes to: the values and the refusals that `Answered.response` holds.

A value is `(tag, content)`; a `DataAccessResult` says why an attribute was not read or written, or that it was. The
classes here are all else. A time-out is an event of its own (`protocols.machine.TimedOut`), since it says nothing
about what the meter did.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from protocols.dlms.results import (
    ActionResult,
    AssociationResult,
    DataAccessResult,
    ProviderDiagnostic,
    ServiceError,
    UserDiagnostic,
)
from protocols.dlms.service_error import ConfirmedServiceError, ExceptionResponse
from protocols.dlms.value import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Associated:
    """The association stands.

    Attributes:
        conformance: the services agreed on.
        max_pdu: the longest APDU that the server takes.
        server_title: its system title, or empty.
    """

    conformance: int
    max_pdu: int
    server_title: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRefused:
    """The server does not want this association, or could not prove itself.

    Attributes:
        result: permanent or transient.
        diagnostic: the server's reason.
        error: what it said of the InitiateRequest, where that was the reason.
        sentence: all of it, for people.
    """

    result: AssociationResult
    diagnostic: UserDiagnostic | ProviderDiagnostic
    error: ConfirmedServiceError | None = None
    sentence: str


class Released(NamedTuple):
    """The association has ended as asked; `sentence` says what was irregular about it, if anything."""

    sentence: str = ""


class Invoked(NamedTuple):
    """What came of a method: its result, and the value it returned, or why that could not be had, or None."""

    result: ActionResult
    returned: "Value | DataAccessResult | Failure | None" = None


class Accessed(NamedTuple):
    """What came of one specification of an ACCESS: its result, and the value that stands with it (or null-data)."""

    result: DataAccessResult | ActionResult
    value: Value


@dataclass(frozen=True, slots=True)
class ServiceRefused:
    """The server could not serve the request at all: an exception-response or a confirmed-service-error."""

    error: ExceptionResponse | ConfirmedServiceError

    @property
    def sentence(self) -> str:
        """The refusal, for people."""
        error = self.error
        if isinstance(error, ConfirmedServiceError):
            return f"the meter refuses the service: {error.title}"
        if error.service_error == ServiceError.INVOCATION_COUNTER_ERROR and error.invocation_counter is not None:
            return f"the meter refuses the invocation counter and names {error.invocation_counter}"
        return f"the meter refuses the service: {error.state_error.title}, {error.service_error.title}"


@dataclass(frozen=True, slots=True)
class Malformed:
    """What came breaks the standard, so its content cannot be had."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Aborted:
    """The request was given up before it came to an end; whether it took effect is not known."""

    sentence: str


Failure = ServiceRefused | Malformed | Aborted
"""What may stand in place of any result."""


def is_failure(response: Any) -> bool:
    """Whether a response, or one of a list, is a failure and not a result of the service."""
    return isinstance(response, ServiceRefused | Malformed | Aborted)
