"""High level security in an association, in both roles: which challenge is whose, and with which credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.dlms.acse import Mechanism
from protocols.dlms.security.challenge import Credentials, Exchange, check, proof_counter, prove
from protocols.dlms.security.keys import KeyUse
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.dlms.application import Association
    from protocols.dlms.security.context import KeySet, SecurityContext

HLS_MECHANISMS: Final = (
    Mechanism.HIGH,
    Mechanism.HIGH_MD5,
    Mechanism.HIGH_SHA1,
    Mechanism.HIGH_GMAC,
    Mechanism.HIGH_SHA256,
    Mechanism.HIGH_ECDSA,
)


class Hls:
    """One mechanism in one role: see `protocols.dlms.application.Authenticator`.

    Args:
        mechanism: 2 to 7.
        context: the keys that an association shares with its other side, or None where there are none.
        server: which role.
        challenge_octets: how long a challenge of ours is.
    """

    def __init__(
        self,
        mechanism: Mechanism,
        context: Callable[[Association], SecurityContext | None],
        *,
        server: bool,
        challenge_octets: int = 16,
    ) -> None:
        self.challenge_octets = challenge_octets
        self._mechanism = mechanism
        self._context = context
        self._server = server

    def certificate(self, association: Association) -> bytes | None:
        """Ours, with mechanism 7, where we have one."""
        context = self._context(association) if self._mechanism is Mechanism.HIGH_ECDSA else None
        return None if context is None else context.certificate or None

    def prove(self, association: Association) -> bytes:
        """Our answer to the other side's challenge; a server without a key or a counter for it has none.

        Raises:
            LocalProtocolError: a client has no key or no counter left.
        """
        context = self._context(association)
        keyset = None if context is None else context.current
        counter = 0
        if self._mechanism is Mechanism.HIGH_GMAC and keyset is not None:
            counter = keyset.sent[KeyUse.UNICAST].take()
        exchange = self._exchange(association, ours=True)
        try:
            return prove(self._mechanism, exchange, _credentials(association, keyset), counter)
        except LocalProtocolError:
            if not self._server:
                raise
            return b""

    def verify(self, proof: bytes, association: Association) -> bool:
        """Whether the other side's answer to our challenge holds; why not stands in `association.remark`."""
        context = self._context(association)
        refused = self._check(proof, association, None if context is None else context.current)
        if refused is not None and context is not None and context.pending is not None:
            again = self._check(proof, association, context.pending)
            if again is None:
                context.confirm()
                refused = None
        lacking = "" if context is None or refused is None or refused.kind is not RefusalKind.KEY else context.lacking
        association.remark = "" if refused is None else lacking or refused.reason
        return refused is None

    def _check(self, proof: bytes, association: Association, keyset: KeySet | None) -> Refused | None:
        # The counter of a proof that came ciphered is not looked at: the APDU around it has been, and the challenge is
        # new. Some sides take it before that APDU's, some use that one again.
        lowest = 0 if keyset is None or association.security else keyset.received[KeyUse.UNICAST].lowest
        exchange = self._exchange(association, ours=False)
        try:
            refused = check(self._mechanism, exchange, proof, _credentials(association, keyset), lowest)
        except LocalProtocolError as error:
            return Refused(RefusalKind.KEY, str(error))
        if refused is None and self._mechanism is Mechanism.HIGH_GMAC and keyset is not None:
            keyset.received[KeyUse.UNICAST].raise_to(proof_counter(proof) + 1)
        return refused

    def _exchange(self, association: Association, *, ours: bool) -> Exchange:
        """The challenges seen from who proves itself: us, or the other side."""
        client = association.client_title, association.client_challenge
        server = association.server_title, association.server_challenge
        prover, verifier = (server, client) if self._server == ours else (client, server)
        return Exchange(
            prover_title=prover[0], verifier_title=verifier[0], challenge=verifier[1], own_challenge=prover[1]
        )


def _credentials(association: Association, keyset: KeySet | None) -> Credentials:
    secret = association.profile.secrets.get("hls")
    if keyset is None:
        return Credentials(secret=secret)
    keys = keyset.keys
    return Credentials(
        secret=secret,
        cipher=keys.ciphers[KeyUse.UNICAST],
        suite=keys.suite,
        signing_key=keys.signing_key,
        other_key=keys.other_signing_key,
    )


def authenticators(context: Callable[[Association], SecurityContext | None], *, server: bool) -> dict[int, Hls]:
    """One for each mechanism, by its id."""
    return {int(each): Hls(each, context, server=server) for each in HLS_MECHANISMS}
