"""How the client associates: the AARQ, what the AARE says, and the two passes of HLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from protocols.dlms.acse import AARE, ApplicationContext, AssociationRequest, AssociationResponse, Mechanism
from protocols.dlms.action import ACTION_RESPONSE, ActionRequestNormal, ActionResponseNormal
from protocols.dlms.action import decode_response as decode_action_response
from protocols.dlms.application import Association, Refusal
from protocols.dlms.ask.outcome import Associated, AssociationRefused, Malformed, ServiceRefused
from protocols.dlms.ask.request import Done
from protocols.dlms.initiate import INITIATE_RESPONSE, InitiateRequest, InitiateResponse
from protocols.dlms.invoke import invoke_octet
from protocols.dlms.results import ActionResult, AssociationResult, UserDiagnostic
from protocols.dlms.selection import Selection
from protocols.dlms.service_error import (
    CONFIRMED_SERVICE_ERROR,
    EXCEPTION_RESPONSE,
    ConfirmedServiceError,
    ExceptionResponse,
)
from protocols.dlms.short_name import READ_RESPONSE, ParameterizedAccess, ReadRequest, ReadResponse
from protocols.dlms.value import Tag, decode, octet_string
from protocols.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.dlms.application import AssociationProfile, Authenticator, Protection
    from protocols.dlms.quirk import Quirks
    from protocols.machine import Peer

CURRENT_ASSOCIATION: Final = bytes((0, 0, 40, 0, 0, 255))
ASSOCIATION_LN: Final = 15
REPLY_TO_HLS: Final = 1
REPLY_TO_HLS_SHORT_NAME: Final = 0xFA58
"""The current association's base name, 0xFA00, and the offset of the method in class 12."""

ACCEPTED: Final = Done(None)
"""The association stands."""

_SENTENCES: Final = {
    UserDiagnostic.AUTHENTICATION_FAILURE: "wrong password or client address",
    UserDiagnostic.AUTHENTICATION_REQUIRED: "the meter asks for authentication",
    UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED: "the meter does not know this authentication",
    UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_REQUIRED: "the meter asks for an authentication mechanism",
    UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED: "the meter does not offer this application context"
    " (logical or short names, ciphered or not)",
    UserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED: "the meter does not know this client address or system title",
}


class Greeting:
    """One association as it is being made; the arguments are those of `AssociationClient`."""

    def __init__(
        self,
        profile: AssociationProfile,
        server: int,
        entropy: Callable[[int], bytes],
        peer: Peer,
        *,
        system_title: bytes,
        authenticator: Authenticator | None,
        protection: Callable[[Association], Protection | None] | None,
        quirks: Quirks,
        user_id: int | None,
    ) -> None:
        self._profile = profile
        self._server = server
        self._entropy = entropy
        self._peer = peer
        self._system_title = system_title
        self._authenticator = authenticator
        self._protection = protection
        self._quirks = quirks
        self._user_id = user_id
        self.association = self._new_association()

    def _new_association(self) -> Association:
        association = Association(self._profile, self._server, self._peer)
        association.client_title = self._system_title
        association.server_title = self._quirks.server_title
        association.own_max_pdu = self._profile.max_pdu
        return association

    def _cipher(self, association: Association) -> None:
        if self._profile.ciphered and self._protection is not None:
            association.protection = self._protection(association)

    def stand(self) -> None:
        """A pre-established association: what the profile says is what was agreed on."""
        association = self.association = self._new_association()
        association.conformance = self._profile.conformance
        association.peer_max_pdu = self._request_octets_max(self._profile.max_pdu)
        association.authenticated = True
        self._cipher(association)

    def initiate(self) -> InitiateRequest:
        """What is proposed."""
        return InitiateRequest(
            dedicated_key=self.association.dedicated_key,
            conformance=self._profile.conformance,
            max_pdu=self._profile.max_pdu,
        )

    def request(self, now_us: int) -> bytes:
        """The AARQ, of a new association each time."""
        profile = self._profile
        association = self.association = self._new_association()
        association.asked_us = now_us
        self._cipher(association)
        information = self.initiate().encode()
        if association.protection is not None:
            information = association.protection.protect(information, association, now_us)
        value = certificate = None
        if profile.mechanism == Mechanism.LOW:
            secret = profile.secrets.get("lls")
            value = b"" if secret is None else secret.reveal()
        elif profile.mechanism >= Mechanism.HIGH and self._authenticator is not None:
            value = association.client_challenge = self._entropy(self._authenticator.challenge_octets)
            certificate = self._authenticator.certificate(association)
        return AssociationRequest(
            application_context=ApplicationContext(profile.context),
            calling_ap_title=self._system_title or None,
            calling_ae_qualifier=certificate,
            calling_ae_invocation_id=self._user_id,
            authentication=profile.mechanism != Mechanism.LOWEST,
            mechanism=None if profile.mechanism == Mechanism.LOWEST else Mechanism(profile.mechanism),
            calling_authentication_value=value,
            user_information=information,
        ).encode()

    def answered(self, apdu: bytes, now_us: int) -> bytes | Done | None:
        """Take what answers the AARQ.

        Returns:
            `ACCEPTED`; the second pass of HLS to send; the refusal, as `Done`; or None for what is no answer to it.
        """
        if apdu[0] in {EXCEPTION_RESPONSE, CONFIRMED_SERVICE_ERROR}:
            return Done(_service_refused(apdu))
        if apdu[0] != AARE:
            return None
        try:
            response = AssociationResponse.decode(apdu)
            if response.result != AssociationResult.ACCEPTED:
                return Done(_refused(response))
            return self._agreed(response, now_us)
        except RemoteProtocolError as error:
            return Done(Malformed(f"the AARE is malformed: {error}"))

    def _agreed(self, response: AssociationResponse, now_us: int) -> bytes | Done:
        association = self.association
        if response.responding_ap_title:
            association.server_title = response.responding_ap_title
        association.other_certificate = response.responding_ae_qualifier or b""
        information = response.user_information or b""
        if association.protection is not None:
            plain = association.protection.unprotect(information, association, now_us)
            if isinstance(plain, Refusal):
                return Done(Malformed(plain.reason))
            information = plain
        if information[:1] != bytes((INITIATE_RESPONSE,)):
            raise RemoteProtocolError("it has no InitiateResponse")
        terms = InitiateResponse.decode(information)
        association.conformance = terms.conformance & self._profile.conformance
        association.peer_max_pdu = self._request_octets_max(terms.max_pdu)
        if self._profile.mechanism < Mechanism.HIGH:
            association.authenticated = True
            return ACCEPTED
        challenge = response.responding_authentication_value
        if self._authenticator is None or not challenge:
            raise RemoteProtocolError("it has no challenge, where HLS was asked for")
        association.server_challenge = challenge
        try:
            proof = self._authenticator.prove(association)
        except LocalProtocolError as error:
            return Done(_unproved(f"we can't prove who we are: {error}"))
        return self._proof(proof, now_us)

    def _proof(self, proof: bytes, now_us: int) -> bytes:
        parameter = octet_string(proof)
        if self._profile.short_names:
            plain = ReadRequest([ParameterizedAccess(REPLY_TO_HLS_SHORT_NAME, Selection(0, parameter))]).encode()
        else:
            plain = ActionRequestNormal(
                invoke_octet(0), ASSOCIATION_LN, CURRENT_ASSOCIATION, REPLY_TO_HLS, parameter
            ).encode()
        association = self.association
        if association.protection is None:
            return plain
        return association.protection.protect(plain, association, now_us)

    def proved(self, apdu: bytes, now_us: int) -> Done | None:
        """Take what answers our proof: `ACCEPTED`, the refusal as `Done`, or None for what is no answer to it."""
        association = self.association
        if association.protection is not None:
            plain = association.protection.unprotect(apdu, association, now_us)
            if isinstance(plain, Refusal):
                return Done(Malformed(plain.reason))
            apdu = plain
        if not apdu or apdu[0] not in {ACTION_RESPONSE, READ_RESPONSE, EXCEPTION_RESPONSE, CONFIRMED_SERVICE_ERROR}:
            return None
        if apdu[0] in {EXCEPTION_RESPONSE, CONFIRMED_SERVICE_ERROR}:
            return Done(_service_refused(apdu))
        try:
            returned = _returned(apdu)
        except RemoteProtocolError as error:
            return Done(Malformed(f"the answer to our proof is malformed: {error}"))
        if returned is None:
            return Done(_unproved("the meter refuses our proof: wrong key or password"))
        if self._authenticator is None or not self._authenticator.verify(returned, association):
            remark = association.remark or "it has another key, or is not that meter"
            return Done(_unproved(f"the meter's own proof does not hold: {remark}"))
        association.authenticated = True
        return ACCEPTED

    def outcome(self) -> Associated:
        """What the association came to."""
        association = self.association
        return Associated(
            conformance=association.conformance,
            max_pdu=association.peer_max_pdu,
            server_title=association.server_title,
        )

    def _request_octets_max(self, said: int) -> int:
        known = self._quirks.request_octets_max
        return min(said or known, known) if known else said


def _returned(apdu: bytes) -> bytes | None:
    """The meter's proof, or None where it refuses ours."""
    encoded: Any = None
    if apdu[0] == ACTION_RESPONSE:
        response = decode_action_response(apdu)
        if isinstance(response, ActionResponseNormal) and response.result == ActionResult.SUCCESS:
            encoded = response.returned
    else:
        results = ReadResponse.decode(apdu).results
        encoded = results[0] if len(results) == 1 else None
    if not isinstance(encoded, bytes):
        return None
    tag, octets = decode(encoded)
    return bytes(octets) if tag == Tag.OCTET_STRING else None


def _service_refused(apdu: bytes) -> ServiceRefused | Malformed:
    try:
        if apdu[0] == EXCEPTION_RESPONSE:
            return ServiceRefused(ExceptionResponse.decode(apdu))
        return ServiceRefused(ConfirmedServiceError.decode(apdu))
    except RemoteProtocolError as error:
        return Malformed(f"the refusal is malformed: {error}")


def _refused(response: AssociationResponse) -> AssociationRefused:
    error = None
    information = response.user_information or b""
    if information[:1] == bytes((CONFIRMED_SERVICE_ERROR,)):
        error = ConfirmedServiceError.decode(information)
    reason = response.diagnostic.title
    if isinstance(response.diagnostic, UserDiagnostic):
        reason = _SENTENCES.get(response.diagnostic, reason)
    if error is not None:
        reason = error.title
    return AssociationRefused(
        result=response.result, diagnostic=response.diagnostic, error=error, sentence=f"refused: {reason}"
    )


def _unproved(sentence: str) -> AssociationRefused:
    return AssociationRefused(
        result=AssociationResult.REJECTED_PERMANENT,
        diagnostic=UserDiagnostic.AUTHENTICATION_FAILURE,
        sentence=f"refused: {sentence}",
    )
