"""Whether an AARQ is accepted, on what terms, and what the AARE says.

The order of the checks is the order in which a server can know: ACSE version, client, application context,
authentication mechanism, then (deciphered where need be) the InitiateRequest, and the password last, so that a wrong
one is only counted where everything else was right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from protocols.dlms.acse import ApplicationContext, AssociationRequest, AssociationResponse, Mechanism
from protocols.dlms.application import Refusal
from protocols.dlms.association import ServerEvent
from protocols.dlms.conformance import Conformance
from protocols.dlms.initiate import (
    DLMS_VERSION,
    VAA_LOGICAL_NAME,
    VAA_SHORT_NAME,
    InitiateRequest,
    InitiateResponse,
)
from protocols.dlms.results import AssociationResult, ProviderDiagnostic, UserDiagnostic
from protocols.dlms.service_error import (
    DLMS_VERSION_TOO_LOW,
    INCOMPATIBLE_CONFORMANCE,
    PDU_SIZE_TOO_SHORT,
    ConfirmedServiceError,
    ErrorClass,
)
from protocols.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.dlms.application import Association, AssociationProfile, Authenticator, Protection

PDU_OCTETS_MIN: Final = 12
"""The shortest receive size that a client may name: an InitiateResponse takes as much."""

APDU_OCTETS_MAX: Final = 0xFFFF
"""The longest APDU that a wrapper frame holds, and that an InitiateRequest can name."""

CHALLENGE_OCTETS_MIN: Final = 8
CHALLENGE_OCTETS_MAX: Final = 64
"""The length of an HLS challenge by the standard."""

DECIPHERING_ERROR: Final = 6
"""The reason of class application-reference that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of an AARQ.

    Attributes:
        event: `ACCEPT`, `CHALLENGE` or `REFUSE`.
        response: the AARE, or None where the client wants none.
        reason: one sentence for the journal; empty when accepted.
        wrong_password: whether it was refused for the password alone.
    """

    event: ServerEvent
    response: AssociationResponse | None
    reason: str = ""
    wrong_password: bool = False


def refuse(
    context: ApplicationContext | bytes,
    diagnostic: UserDiagnostic | ProviderDiagnostic,
    reason: str,
    *,
    result: AssociationResult = AssociationResult.REJECTED_PERMANENT,
    error: ConfirmedServiceError | None = None,
    wrong_password: bool = False,
) -> Verdict:
    """A refusal, with the confirmed-service-error in place of an InitiateResponse where there is one."""
    response = AssociationResponse(
        application_context=context,
        result=result,
        diagnostic=diagnostic,
        user_information=None if error is None else error.encode(),
    )
    return Verdict(event=ServerEvent.REFUSE, response=response, reason=reason, wrong_password=wrong_password)


def admit(
    request: AssociationRequest,
    association: Association,
    *,
    protection: Protection | None,
    authenticator: Authenticator | None,
    entropy: Callable[[int], bytes],
    now_us: int,
) -> Verdict:
    """Judge an AARQ for the profile of `association`, and write what is agreed into `association`.

    Args:
        request: the AARQ.
        association: with its profile, server title and client title.
        protection: ciphering, for a profile whose context asks for it; None where there is none to be had.
        authenticator: for an HLS profile; None where its mechanism is not to be had.
        entropy: where a challenge comes from.
        now_us: link time.
    """
    profile = association.profile
    context = ApplicationContext(profile.context)
    if not request.version_1:
        return refuse(context, ProviderDiagnostic.NO_COMMON_ACSE_VERSION, "ACSE version 1 was not proposed")
    if request.application_context != context or (profile.ciphered and protection is None):
        return refuse(
            context,
            UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
            f"another application context than {context.name} was proposed",
        )
    diagnostic = _mechanism_diagnostic(request, profile, authenticator)
    if diagnostic is not None:
        return refuse(
            context, diagnostic, f"client {profile.client} has to authenticate by mechanism {profile.mechanism}"
        )
    association.user_id = request.calling_ae_invocation_id
    if profile.users and association.user_id not in profile.users:
        return refuse(
            context,
            UserDiagnostic.CALLING_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED,
            f"client {profile.client} has to say which of its users it is",
        )
    terms = _terms(request, association, protection, context, now_us)
    if isinstance(terms, Verdict):
        return terms
    return _authenticate(request, terms, association, authenticator, entropy)


def _mechanism_diagnostic(
    request: AssociationRequest, profile: AssociationProfile, authenticator: Authenticator | None
) -> UserDiagnostic | None:
    offered = request.mechanism
    if profile.mechanism == Mechanism.LOWEST:
        known = offered is None or offered == Mechanism.LOWEST
        return None if known else UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
    if offered is None:
        return (
            UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_REQUIRED
            if request.authentication
            else UserDiagnostic.AUTHENTICATION_REQUIRED
        )
    if offered != profile.mechanism or (profile.mechanism >= Mechanism.HIGH and authenticator is None):
        return UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
    return None


def _terms(
    request: AssociationRequest,
    association: Association,
    protection: Protection | None,
    context: ApplicationContext,
    now_us: int,
) -> InitiateRequest | Verdict:
    """Read the InitiateRequest and agree on its terms."""
    information = request.user_information
    if information is None:
        return refuse(context, UserDiagnostic.NO_REASON_GIVEN, "the AARQ has no InitiateRequest")
    if protection is not None:
        plain = protection.unprotect(information, association, now_us)
        if isinstance(plain, Refusal):
            error = ConfirmedServiceError(error_class=ErrorClass.APPLICATION_REFERENCE, reason=DECIPHERING_ERROR)
            return refuse(context, UserDiagnostic.NO_REASON_GIVEN, plain.reason, error=error)
        information = plain
    try:
        terms = InitiateRequest.decode(information)
    except RemoteProtocolError as wrong:
        return refuse(context, UserDiagnostic.NO_REASON_GIVEN, f"the InitiateRequest is malformed: {wrong}")
    profile = association.profile
    agreed = terms.conformance & profile.conformance
    refusals = (
        (terms.dlms_version < DLMS_VERSION, DLMS_VERSION_TOO_LOW, f"DLMS version {terms.dlms_version} is too low"),
        (not agreed, INCOMPATIBLE_CONFORMANCE, "no service proposed is offered"),
        (0 < terms.max_pdu < PDU_OCTETS_MIN, PDU_SIZE_TOO_SHORT, f"APDUs of {terms.max_pdu} octets are too short"),
    )
    for holds, code, reason in refusals:
        if holds:
            error = ConfirmedServiceError(reason=code)
            return refuse(context, UserDiagnostic.NO_REASON_GIVEN, reason, error=error)
    association.conformance = agreed
    association.peer_max_pdu = _answer_octets_max(terms.max_pdu, profile.max_pdu, agreed)
    association.own_max_pdu = profile.max_pdu
    association.dedicated_key = terms.dedicated_key
    association.protection = protection
    return terms


def _answer_octets_max(client_takes: int, we_take: int, agreed: int) -> int:
    """The longest APDU that we send: what the client takes, which 0 leaves open.

    Our own number limits what we take and not what we send; but where long answers can leave in blocks, these are no
    longer than that either, as with meters that have one buffer for both.
    """
    in_blocks = agreed & (Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ | Conformance.GENERAL_BLOCK_TRANSFER)
    return min(client_takes or APDU_OCTETS_MAX, we_take if in_blocks else APDU_OCTETS_MAX)


def _authenticate(
    request: AssociationRequest,
    terms: InitiateRequest,
    association: Association,
    authenticator: Authenticator | None,
    entropy: Callable[[int], bytes],
) -> Verdict:
    profile = association.profile
    context = ApplicationContext(profile.context)
    value = request.calling_authentication_value or b""
    titled = profile.ciphered or profile.mechanism >= Mechanism.HIGH_GMAC
    accepted = AssociationResponse(
        application_context=context,
        responding_ap_title=association.server_title if titled and association.server_title else None,
        user_information=InitiateResponse(
            conformance=association.conformance,
            max_pdu=profile.max_pdu,
            vaa_name=VAA_SHORT_NAME if profile.short_names else VAA_LOGICAL_NAME,
        ).encode(),
    )
    if authenticator is not None and profile.mechanism >= Mechanism.HIGH:
        if not CHALLENGE_OCTETS_MIN <= len(value) <= CHALLENGE_OCTETS_MAX:
            return refuse(
                context,
                UserDiagnostic.AUTHENTICATION_FAILURE,
                f"a challenge of {len(value)} octets, where 8 to 64 are asked",
            )
        association.client_challenge = value
        association.server_challenge = entropy(authenticator.challenge_octets)
        challenge = replace(
            accepted,
            responding_ae_qualifier=authenticator.certificate(association),
            diagnostic=UserDiagnostic.AUTHENTICATION_REQUIRED,
            authentication=True,
            mechanism=Mechanism(profile.mechanism),
            responding_authentication_value=association.server_challenge,
        )
        return Verdict(event=ServerEvent.CHALLENGE, response=challenge)
    if profile.mechanism == Mechanism.LOW:
        secret = profile.secrets.get("lls")
        if secret is None or not secret.matches(value):
            return refuse(
                context,
                UserDiagnostic.AUTHENTICATION_FAILURE,
                f"the password of client {profile.client} is wrong",
                wrong_password=True,
            )
    association.authenticated = True
    return Verdict(event=ServerEvent.ACCEPT, response=accepted if terms.response_allowed else None)


class PasswordTries:
    """Wrong passwords in a row, for each client of each logical device of one meter, whatever the connection.

    One object a meter, handed to the `AssociationServer` of every connection to it.
    """

    __slots__ = ("_count", "_wait_until_us")

    def __init__(self) -> None:
        # Only clients that a profile knows are entered, so neither grows without bound.
        self._count: dict[tuple[int, int], int] = {}
        self._wait_until_us: dict[tuple[int, int], int] = {}

    def wait_until_us(self, profile: AssociationProfile, server: int) -> int:
        """When the next AARQ of this client may be judged; 0 is at once."""
        return self._wait_until_us.get((profile.client, server), 0)

    def wrong(self, profile: AssociationProfile, server: int, now_us: int) -> None:
        """Count a wrong password or a proof that does not hold."""
        key = (profile.client, server)
        self._count[key] = self._count.get(key, 0) + 1
        if 0 < profile.wrong_passwords_max <= self._count[key]:
            self._wait_until_us[key] = now_us + profile.slow_down_us

    def right(self, profile: AssociationProfile, server: int) -> None:
        """Forget them: the client has authenticated."""
        key = (profile.client, server)
        self._count.pop(key, None)
        self._wait_until_us.pop(key, None)
