"""Who comes in: AARQs judged and answered, the second pass of HLS, releases, and associations that stand by themselves.

The layer above the link keeps the associations; the doorkeeper makes them, from the profiles that the applications
offer and from the ciphering and authentication that the meter has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from protocols.dlms.acse import ApplicationContext, AssociationRequest
from protocols.dlms.admission import PasswordTries, Verdict, admit, refuse
from protocols.dlms.application import Association, Refusal
from protocols.dlms.association import ServerEvent
from protocols.dlms.initiate import VAA_LOGICAL_NAME, VAA_SHORT_NAME, InitiateResponse
from protocols.dlms.release import ReleaseRequest, ReleaseResponse
from protocols.dlms.results import AssociationResult, ReleaseResponseReason, UserDiagnostic
from protocols.dlms.serve import authentication
from protocols.dlms.serve.served import Served
from protocols.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from protocols.dlms.application import Application, AssociationProfile, Authenticator, Protection, ShortNames
    from protocols.machine import Peer


class Doorkeeper:
    """The door of one connection to one meter; the arguments are those of `AssociationServer`."""

    __slots__ = (
        "_applications",
        "_authenticators",
        "_entropy",
        "_names",
        "_peer",
        "_protection",
        "_system_title",
        "_tries",
    )

    def __init__(
        self,
        applications: Mapping[int, Application],
        entropy: Callable[[int], bytes],
        peer: Peer,
        *,
        system_title: bytes,
        names: Mapping[int, ShortNames],
        protection: Callable[[Association], Protection | None] | None,
        authenticators: Mapping[int, Authenticator],
        tries: PasswordTries,
    ) -> None:
        self._applications = applications
        self._entropy = entropy
        self._peer = peer
        self._system_title = system_title
        self._names = names
        self._protection = protection
        self._authenticators = authenticators
        self._tries = tries

    def profile(self, client: int, server: int) -> AssociationProfile | None:
        """What this logical device offers this client."""
        application = self._applications.get(server)
        return None if application is None else application.associations().get(client)

    def wait_until_us(self, client: int, server: int) -> int:
        """When an AARQ of this client may be judged; 0 is at once."""
        profile = self.profile(client, server)
        return 0 if profile is None else self._tries.wait_until_us(profile, server)

    def pre_established(self, client: int, server: int) -> Served | None:
        """The association that stands without an AARQ, if the profile says so and its keys are there."""
        profile = self.profile(client, server)
        if profile is None or not profile.pre_established:
            return None
        served = self._served(profile, server)
        association = served.association
        association.conformance = profile.conformance
        association.peer_max_pdu = profile.max_pdu
        association.authenticated = True
        if profile.ciphered:
            association.protection = self._ciphering(association)
            if association.protection is None:
                return None
        served.step(ServerEvent.ACCEPT)
        return served

    def judge(
        self, client: int, server: int, apdu: bytes, now_us: int, *, room: bool
    ) -> tuple[Served | None, bytes | None, str]:
        """Judge an AARQ.

        Args:
            client: the client SAP.
            server: the server SAP; a logical device is there.
            apdu: the AARQ.
            now_us: link time.
            room: whether this connection can take another association.

        Returns:
            The association or, where it is refused, None; the AARE, or None where the client wants none; and the
            reason of a refusal, one sentence.
        """
        profile = self.profile(client, server)
        served = None
        try:
            request = AssociationRequest.decode(apdu)
        except RemoteProtocolError as error:
            verdict = _refused(profile, f"the AARQ is malformed: {error}")
        else:
            if profile is None:
                diagnostic = UserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED
                verdict = _refused(None, f"client {client} is offered no association", diagnostic)
            elif profile.pre_established:
                verdict = _refused(profile, f"the association of client {client} is pre-established")
            elif not room:
                transient = AssociationResult.REJECTED_TRANSIENT
                verdict = _refused(profile, "this connection has too many associations", result=transient)
            else:
                served = self._served(profile, server)
                verdict = self._admit(request, served.association, now_us)
        if served is None or verdict.event is ServerEvent.REFUSE:
            if verdict.wrong_password and profile is not None:
                self._tries.wrong(profile, server, now_us)
            return None, None if verdict.response is None else verdict.response.encode(), verdict.reason
        if verdict.event is ServerEvent.ACCEPT:
            self._tries.right(served.association.profile, server)
        served.step(verdict.event)
        return served, _accepted(verdict, served.association, now_us), ""

    def second_pass(self, served: Served, apdu: bytes, now_us: int) -> tuple[bytes | None, bool | None]:
        """Take one request of a client that has not proved itself; see `authentication.serve`.

        Raises:
            RemoteProtocolError: the request is malformed.
        """
        association = served.association
        profile = association.profile
        answer, holds = authentication.serve(served, self._authenticators[profile.mechanism], apdu)
        if holds is not None:
            association.authenticated = holds
            served.step(ServerEvent.PROVE if holds else ServerEvent.FAIL)
            if holds:
                self._tries.right(profile, association.server)
            else:
                self._tries.wrong(profile, association.server, now_us)
        return answer, holds

    def release(self, client: int, server: int, apdu: bytes, served: Served | None, now_us: int) -> bytes | None:
        """The RLRE to an RLRQ, or None where it is to be dropped.

        One without user information is taken in a ciphered association too, unless the profile says otherwise: by the
        Green Book it has the ciphered InitiateRequest there, and many clients leave it out. The same RLRQ again, after
        its answer was lost, is answered again.
        """
        try:
            request = ReleaseRequest.decode(apdu)
        except RemoteProtocolError:
            return None
        profile = self.profile(client, server)
        if profile is None or profile.pre_established:
            return None  # nothing there that could be released
        ciphered = served is not None and served.association.protection is not None
        if ciphered and profile.protected_release and request.user_information is None:
            return None
        information = None
        if served is not None and request.user_information is not None:
            association = served.association
            information = InitiateResponse(
                conformance=association.conformance,
                max_pdu=association.own_max_pdu,
                vaa_name=VAA_SHORT_NAME if profile.short_names else VAA_LOGICAL_NAME,
            ).encode()
            if association.protection is not None:
                plain = association.protection.unprotect(request.user_information, association, now_us)
                if isinstance(plain, Refusal):
                    return None
                information = association.protection.protect(information, association, now_us)
        return ReleaseResponse(reason=ReleaseResponseReason.NORMAL, user_information=information).encode()

    def _served(self, profile: AssociationProfile, server: int) -> Served:
        association = Association(profile, server, self._peer)
        association.server_title = self._system_title
        return Served(association, self._applications[server], self._names.get(server))

    def _ciphering(self, association: Association) -> Protection | None:
        return None if self._protection is None else self._protection(association)

    def _admit(self, request: AssociationRequest, association: Association, now_us: int) -> Verdict:
        profile = association.profile
        association.client_title = request.calling_ap_title or b""
        association.other_certificate = request.calling_ae_qualifier or b""
        association.asked_us = now_us
        return admit(
            request,
            association,
            protection=self._ciphering(association) if profile.ciphered else None,
            authenticator=self._authenticators.get(profile.mechanism),
            entropy=self._entropy,
            now_us=now_us,
        )


def _refused(
    profile: AssociationProfile | None,
    reason: str,
    diagnostic: UserDiagnostic = UserDiagnostic.NO_REASON_GIVEN,
    result: AssociationResult = AssociationResult.REJECTED_PERMANENT,
) -> Verdict:
    context = ApplicationContext.LOGICAL_NAME if profile is None else ApplicationContext(profile.context)
    return refuse(context, diagnostic, reason, result=result)


def _accepted(verdict: Verdict, association: Association, now_us: int) -> bytes | None:
    """The AARE of an association that stands, its InitiateResponse ciphered where the association is."""
    response = verdict.response
    if response is None:
        return None
    if association.protection is not None and response.user_information is not None:
        information = association.protection.protect(response.user_information, association, now_us)
        response = replace(response, user_information=information)
    return response.encode()
