"""The coming and going of the client's association: link, AARQ, HLS, release, and what a lost link means."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocols.dlms.ask.dropped import Drop, Dropped, answer_dropped
from protocols.dlms.ask.greeting import Greeting
from protocols.dlms.ask.outcome import Aborted, Released
from protocols.dlms.ask.request import Done, Terms
from protocols.dlms.association import CLIENT, ClientEvent, ClientState
from protocols.dlms.conformance import Conformance
from protocols.dlms.general_block_transfer import GeneralBlockTransfer
from protocols.dlms.release import RLRE, ReleaseRequest, ReleaseResponse
from protocols.dlms.results import ReleaseRequestReason
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Answered, Layer, Peer, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.dlms.application import Association, AssociationProfile, Authenticator, Protection
    from protocols.dlms.ask.outcome import AssociationRefused, Failure
    from protocols.dlms.quirk import Quirks

UNDER_WAY: Final = frozenset((ClientState.REQUESTING, ClientState.RECEIVING_BLOCKS, ClientState.SENDING_BLOCKS))
"""The states in which a request has no end yet."""

GREETING: Final = frozenset((ClientState.CONNECTING, ClientState.ASSOCIATING, ClientState.AUTHENTICATING))
"""The states in which the association is being made."""


class Repeated(NamedTuple):
    """Something was sent again because no answer came; `tries` counts this one too."""

    ticket: int
    tries: int


class AssociationEnded(NamedTuple):
    """The association is gone without being asked to go."""

    reason: str


class Session(Layer[Apdu | LinkUp | LinkDown, Any]):
    """One association at a time; the arguments are those of `AssociationClient`."""

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
        timeout_us: int,
        retries: int,
        general_blocks: bool,
        general_block_window: int,
        user_id: int | None,
    ) -> None:
        self.profile = profile
        self.server = server
        self.peer = peer
        self.state = ClientState.IDLE
        self.dropped: Counter[Drop] = Counter()
        """APDUs that belonged to nothing under way; each was also an event, `Dropped`."""
        self._greeting = Greeting(
            profile,
            server,
            entropy,
            peer,
            system_title=system_title,
            authenticator=authenticator,
            protection=protection,
            quirks=quirks,
            user_id=user_id,
        )
        self._quirks = quirks
        self._timeout_us = timeout_us
        self._retries = retries
        self._general_blocks = general_blocks
        self._general = GeneralBlockTransfer(requester=True, window=general_block_window)
        self._terms = Terms(0, 0, quirks)
        self._tickets = 0
        self._association_ticket = 0
        self._tries = 0
        self._disconnect = True
        self._released = Released()
        self._deadline_at_us: int | None = None

    @property
    def association(self) -> Association:
        """What was agreed on, once the association stands."""
        return self._greeting.association

    @property
    def associated(self) -> bool:
        """Whether requests are served now."""
        return self.state is ClientState.ASSOCIATED or self.state in UNDER_WAY

    def associate(self, now_us: int) -> int:
        """Bring the link and the association up; the response is `Associated`, `AssociationRefused` or a failure.

        Raises:
            LocalProtocolError: there is one already, or one on its way.
        """
        self._step(ClientEvent.CONNECT)
        self._association_ticket = self._new_ticket()
        self._tries = 1
        self._deadline_at_us = None  # bringing the link up is the link's matter, and so is giving up
        self.below(LinkConnect(self.profile.client, self.server), now_us)
        return self._association_ticket

    def respect(self, quirks: Quirks) -> None:
        """The meter turns out to have these, from now on; what was agreed on before stays agreed."""
        self._quirks = self._terms.quirks = quirks

    # What the conversation adds.

    @abstractmethod
    def _next(self, now_us: int) -> None:
        """Begin the next request, if it is its turn."""

    @abstractmethod
    def _take(self, data: bytes, now_us: int) -> None:
        """Take an APDU within the association."""

    @abstractmethod
    def _overdue(self, now_us: int) -> None:
        """The answer to the request under way is too late."""

    @abstractmethod
    def _abort(self, reason: str, now_us: int) -> None:
        """Nothing that is under way or waits will be answered."""

    @abstractmethod
    def _answer(self, response: Any, now_us: int) -> None:
        """What is under way has come to its end."""

    # To the link.

    def _new_ticket(self) -> int:
        self._tickets += 1
        return self._tickets

    def _step(self, event: ClientEvent) -> None:
        state = CLIENT.get((self.state, event))
        if state is None:
            raise LocalProtocolError(f"{event.value}: not while {self.state.value}")
        self.state = state

    def _send(self, data: bytes, now_us: int) -> None:
        self.below(Apdu(self.profile.client, self.server, data), now_us)

    def _transmit(self, plain: bytes, now_us: int) -> str:
        """Send a plain APDU, ciphered, in general blocks where it is too long; or say why that cannot be done."""
        association = self.association
        apdu = plain
        try:
            if association.protection is not None:
                apdu = association.protection.protect(plain, association, now_us)
            self._general.reset()
            limit = association.peer_max_pdu
            if not limit or len(apdu) <= limit:
                self._send(apdu, now_us)
                return ""
            if not association.conformance & Conformance.GENERAL_BLOCK_TRANSFER:
                return (
                    f"a request of {len(apdu)} octets, where the meter takes {limit} and no way to cut it was agreed on"
                )
            blocks = self._general.send(apdu, limit)
        except LocalProtocolError as error:  # no key or counter to cipher with, or more blocks than can be counted
            return str(error)
        for block in blocks:
            self._send(block.encode(), now_us)
        return ""

    def _send_alone(self, plain: bytes, now_us: int) -> None:
        """Send what has no answer, ciphered, without disturbing what is under way."""
        association = self.association
        apdu = plain
        if association.protection is not None:
            apdu = association.protection.protect(plain, association, now_us)
        if 0 < association.peer_max_pdu < len(apdu):
            raise LocalProtocolError(f"{len(apdu)} octets, where the meter takes {association.peer_max_pdu}")
        self._send(apdu, now_us)

    # From the link.

    def _drop(self, dropped: Dropped, now_us: int) -> None:
        """Pass over an APDU, and say so."""
        self.dropped[dropped.drop] += 1
        self.above(dropped, now_us)

    def from_below(self, item: Apdu | LinkUp | LinkDown, now_us: int) -> None:
        """Take an APDU, or the news that the link came or went."""
        if isinstance(item, Apdu):
            data = item.data
            if item.client != self.profile.client or item.server != self.server or not data:
                self._drop(Dropped(Drop.NOT_OURS if data else Drop.UNREADABLE, data[0] if data else None), now_us)
            elif self.state is ClientState.ASSOCIATING or self.state is ClientState.AUTHENTICATING:
                self._take_greeting(data, now_us)
            elif self.state is ClientState.RELEASING and data[0] == RLRE:
                self._take_release(data, now_us)
            else:
                self._take(data, now_us)
        elif isinstance(item, LinkDown):
            self._down(item.reason, now_us)
        elif self.state is ClientState.CONNECTING:
            self._greet(now_us)

    def eof(self, reason: str, now_us: int) -> None:
        """The carrier has ended."""
        self._down(reason, now_us)

    def _greet(self, now_us: int) -> None:
        if self.profile.pre_established:
            self._greeting.stand()
            self._step(ClientEvent.PRE_ESTABLISHED)
            self._associated(now_us)
            return
        self._step(ClientEvent.LINK_UP)
        self._send_greeting(now_us)

    def _send_greeting(self, now_us: int) -> None:
        try:
            request = self._greeting.request(now_us)
        except LocalProtocolError as error:  # no key or counter to cipher it with
            self._refused(Aborted(str(error)), now_us)
            return
        self._send(request, now_us)
        self._deadline_at_us = now_us + self._timeout_us

    def _refused(self, response: AssociationRefused | Failure, now_us: int) -> None:
        """There will be no association: what waits for it ends too, and the link goes."""
        self._step(ClientEvent.REFUSED)
        self._deadline_at_us = None
        self.above(Answered(self._association_ticket, response), now_us)
        self._abort(f"no association: {response.sentence}", now_us)
        self.below(LinkDisconnect(self.profile.client, self.server), now_us)

    def _take_greeting(self, data: bytes, now_us: int) -> None:
        authenticating = self.state is ClientState.AUTHENTICATING
        try:
            step = self._greeting.proved(data, now_us) if authenticating else self._greeting.answered(data, now_us)
        except LocalProtocolError as error:  # no key or counter to prove ourselves with
            step = Done(Aborted(str(error)))
        if step is None:
            self._drop(answer_dropped(data, None), now_us)
        elif isinstance(step, bytes):
            self._step(ClientEvent.CHALLENGED)
            self._deadline_at_us = now_us + self._timeout_us
            self._send(step, now_us)
        elif step.response is None:
            self._step(ClientEvent.PROVED if authenticating else ClientEvent.ACCEPTED)
            self._associated(now_us)
        else:
            self._refused(step.response, now_us)

    def _associated(self, now_us: int) -> None:
        self._deadline_at_us = None
        association = self.association
        overhead = 0 if association.protection is None else association.protection.overhead
        room = (association.peer_max_pdu or 0xFFFF) - overhead
        self._terms = Terms(association.conformance, room, self._quirks, general_blocks=self._general_blocks)
        self.above(Answered(self._association_ticket, self._greeting.outcome()), now_us)
        self._next(now_us)

    def _begin_release(self, now_us: int) -> None:
        self._released = Released()
        if self.profile.pre_established or self._quirks.no_release:
            self._step(ClientEvent.RELEASED)
            self._take_down(now_us)
            return
        self._step(ClientEvent.RELEASE)
        association = self.association
        information = None
        if association.protection is not None:
            with suppress(LocalProtocolError):  # without a key or counter it goes without
                information = association.protection.protect(self._greeting.initiate().encode(), association, now_us)
        release = ReleaseRequest(reason=ReleaseRequestReason.NORMAL, user_information=information)
        self._send(release.encode(), now_us)
        self._deadline_at_us = now_us + self._timeout_us

    def _take_release(self, data: bytes, now_us: int) -> None:
        try:
            ReleaseResponse.decode(data, exact=not self._quirks.release_length_wrong)
        except RemoteProtocolError as error:
            self._released = Released(f"the RLRE is malformed: {error}")
        self._step(ClientEvent.RELEASED)
        self._take_down(now_us)

    def _take_down(self, now_us: int) -> None:
        """The association has ended; the link goes too, unless it is to stay."""
        if self._disconnect:
            self._deadline_at_us = now_us + self._timeout_us
            self.below(LinkDisconnect(self.profile.client, self.server), now_us)
        else:
            self._gone(now_us)

    def _gone(self, now_us: int) -> None:
        self._step(ClientEvent.GIVE_UP)
        self._answer(self._released, now_us)
        self._abort("the association was released before it", now_us)

    def _down(self, reason: str, now_us: int) -> None:
        state = self.state
        if state is ClientState.DISCONNECTING:
            self._gone(now_us)
            return
        self._step(ClientEvent.LINK_DOWN)
        self._deadline_at_us = None
        self._general.reset()
        if state in GREETING:
            self.above(Answered(self._association_ticket, Aborted(reason)), now_us)
        elif state is not ClientState.IDLE:
            self.above(AssociationEnded(reason), now_us)
        self._abort(reason, now_us)

    # Time.

    def deadline_us(self) -> int | None:
        """When the answer under way is too late."""
        return self._deadline_at_us

    def on_deadline(self, now_us: int) -> None:
        """No answer in time: say again what may be said again, or give up."""
        if self._deadline_at_us is None or now_us < self._deadline_at_us:
            return
        self._deadline_at_us = None
        if self.state in UNDER_WAY:
            self._overdue(now_us)
        elif self.state is ClientState.ASSOCIATING and self._tries <= self._retries:
            self._tries += 1
            self.above(Repeated(self._association_ticket, self._tries), now_us)
            self._send_greeting(now_us)
        elif self.state in GREETING:
            self._step(ClientEvent.GIVE_UP)
            self.above(TimedOut(self._association_ticket), now_us)
            self._abort("no association: the meter did not answer", now_us)
            self.below(LinkDisconnect(self.profile.client, self.server), now_us)
        elif self.state is ClientState.RELEASING:
            self._released = Released("the meter did not answer the RLRQ")
            self._step(ClientEvent.GIVE_UP)
            self._take_down(now_us)
        elif self.state is ClientState.DISCONNECTING:
            self._gone(now_us)
