"""The association with one DLMS meter: dialled, let in, asked, and let go.

What the requests of `gateway.meter.dlms_profile` mean on the wire, and what every end of a request means to a script.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.configuration.credentials import Credentials
from gateway.meter.dlms_carrier import SILENCE, carrier_layers
from gateway.meter.dlms_profile import GetMany
from gateway.meter.quirk_match import Recognition
from gateway.meter.referencing import OBJECT_LIST, BaseNames, by_logical_name, by_short_name, checked
from gateway.meter.security import MARGIN, Shared, authenticator_of, public_profile
from gateway.push.tap import LinePushes, PushTap
from gateway.service.caller import Call
from gateway.service.script import NoAnswerError, NoConnectionError, NonsenseError, NotLetInError, RefusedError
from protocols.address import DlmsAddress
from protocols.cosem.obis import LogicalName
from protocols.dlms.application import AssociationProfile
from protocols.dlms.ask.dropped import Drop, Dropped
from protocols.dlms.ask.outcome import Associated, AssociationRefused, Malformed, ServiceRefused
from protocols.dlms.association import ClientState
from protocols.dlms.client import AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.dlms.notification import DataNotification, EventNotificationRequest
from protocols.dlms.quirk import Quirks
from protocols.dlms.results import DataAccessResult
from protocols.dlms.service_error import ErrorClass, ExceptionResponse
from protocols.errors import LocalProtocolError
from protocols.machine import Answered, Indication, Machine, Peer, Stack, TimedOut
from protocols.transport.conversation import ConnectionLostError, Conversation, converse
from protocols.transport.dial import dial
from protocols.transport.pump import link_time_us

_log = logging.getLogger(__name__)


USED_BEFORE: Final = "was used before"
REPLAYED: Final = (
    "; somebody sends what was recorded, or the meter has lost its counters or is another one: "
    'give it new keys, or configure replayed = "accept"'
)
"""What to do about a meter whose counters are older than those that it has used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How patient we are with a meter."""

    timeout_ms: int = 5_000
    retries: int = 1
    connect_ms: int = 10_000


class DlmsLink:
    """One association at a time with one meter.

    Args:
        address: where it is.
        credentials: how it lets us in.
        terms: how patient we are.
        entropy: for challenges.
        called: for a meter that dials in, its connection.
        recognition: what its maker does differently, or how that is found out.
        notice: is told what passes beside the answers: `Progress`, `Repeated`, `Dropped`.
        pushes: takes what the meter says unasked; without, nobody wants to know.
    """

    __slots__ = (
        "_address",
        "_called",
        "_client",
        "_conversation",
        "_credentials",
        "_entropy",
        "_names",
        "_notice",
        "_pushes",
        "_recognition",
        "_tap",
        "_terms",
    )

    def __init__(
        self,
        address: DlmsAddress,
        credentials: Credentials,
        terms: Terms,
        entropy: Callable[[int], bytes],
        called: Callable[[], Call | None] | None = None,
        recognition: Recognition | None = None,
        notice: Callable[[Any], None] | None = None,
        pushes: LinePushes | None = None,
        names: BaseNames | None = None,
    ) -> None:
        self._address = address
        self._pushes = pushes
        self._tap: PushTap | None = None
        self._credentials = credentials
        self._terms = terms
        self._entropy = entropy
        self._called = called
        self._recognition = Recognition() if recognition is None else recognition
        self._notice = notice
        self._names = BaseNames() if names is None else names
        self._client: AssociationClient | None = None
        self._conversation: Conversation | None = None

    @property
    def is_open(self) -> bool:
        """Whether the association stands, as far as we know."""
        conversation, client = self._conversation, self._client
        return conversation is not None and conversation.closed is None and client is not None and client.associated

    @property
    def quirks(self) -> Quirks:
        """What the meter does differently, as far as we know."""
        return self._recognition.quirks

    async def open(self) -> None:
        """Dial and associate; a ciphered meter is asked for its invocation counter first, as the public client.

        A meter that finds the counter out of step has it put right once. One that turns out to have quirks is
        associated with anew, the way that they ask for.

        Raises:
            NoConnectionError: nobody there.
            NotLetInError: the meter does not want us.
        """
        await self._open()
        client = self._client
        if self._recognition.settled or client is None:
            return
        if await self._recognition.look(client.association.server_title, self.ask):
            client.respect(self.quirks)
            await self._open()

    async def _open(self) -> None:
        profile, shared = self._credentials.profile, self._credentials.shared
        if shared is None:
            await self._enter(profile, None)
            return
        await shared.begin(self._read_counter)
        try:
            await self._enter(profile, shared)
        except _CounterRefusedError as refused:
            if not await shared.heal(self._read_counter, refused.named):
                raise
            await self._enter(profile, shared)

    async def reopen(self, credentials: Credentials) -> bool:
        """Be let in anew with other keys; where the meter does not take them, with the old ones again.

        Returns:
            Whether the meter took them.

        Raises:
            NoConnectionError: nobody there.
            NotLetInError: it takes neither.
        """
        before, self._credentials = self._credentials, credentials
        try:
            await self.open()
        except NotLetInError:
            self._credentials = before
            await self.open()
            return False
        except BaseException:
            self._credentials = before
            raise
        return True

    async def _enter(self, profile: AssociationProfile, shared: Shared | None) -> None:
        await self.close()
        self._conversation = await self._connect(lambda peer: self._machine(peer, profile, shared))
        try:
            await self._associate()
        except BaseException:
            await self.close()
            raise

    async def _connect(self, make: Callable[[Peer], Machine]) -> Conversation:
        if self._called is not None:
            call = self._called()
            if call is None:
                raise NoConnectionError("the meter has not dialled in")
            return self._heard(call.begin(make))
        try:
            pump = await dial(self._address.carrier, make, timeout_s=self._terms.connect_ms / 1000)
        except OSError as error:
            what = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise NoConnectionError(f"{self._address} can't be reached: {what}") from None
        return self._heard(converse(pump))

    def _heard(self, conversation: Conversation) -> Conversation:
        """Have what passes beside the answers go where it is wanted."""
        client = self._client
        if self._tap is not None:
            self._tap.pump = conversation.pump

        def beside(event: Any) -> None:
            if isinstance(event, Indication):
                self._indicated(event.apdu, conversation, client)
            else:
                self._beside(event)

        conversation.on_indication = beside
        return conversation

    def _indicated(self, pushed: Any, conversation: Conversation, client: AssociationClient | None) -> None:
        """The meter has said something unasked within the association."""

        def confirm() -> None:
            if conversation.closed is None and client is not None and client.associated:
                now_us = link_time_us()
                client.confirm(pushed, now_us)
                conversation.touch(now_us)

        if self._pushes is not None and isinstance(pushed, DataNotification | EventNotificationRequest):
            self._pushes.indicated(pushed, confirm)

    def _beside(self, event: Any) -> None:
        """What is dropped is told, since a late answer means too short a patience."""
        if isinstance(event, Dropped):
            late = event.drop is Drop.LATE
            hint = f" (the meter needs more than {self._terms.timeout_ms} ms)" if late else ""
            _log.log(logging.WARNING if late else logging.INFO, "%s: %s%s", self._address, event.sentence, hint)
        if self._notice is not None:
            self._notice(event)

    async def _read_counter(self) -> int | None:
        """The last counter that the meter took, as it shows it to the public client; None where it does not."""
        name = self._credentials.counter_object
        try:
            await self._enter(public_profile(short_names=self._credentials.profile.short_names), None)
            outcome = await self.ask(AttributeDescriptor(1, LogicalName.parse(name).octets, 2))
        except (NotLetInError, NoAnswerError, RefusedError, NonsenseError):
            return None
        finally:
            await self.close()
        return outcome[1] if isinstance(outcome, tuple) and isinstance(outcome[1], int) else None

    def _machine(self, peer: Peer, profile: AssociationProfile, shared: Shared | None) -> Machine:
        self._client = client = AssociationClient(
            profile,
            self._address.server,
            self._entropy,
            peer,
            system_title=shared.title if shared is not None else b"",
            authenticator=authenticator_of(profile, shared),
            protection=shared.protection if shared is not None and shared.security else None,
            quirks=self.quirks,
            timeout_us=self._terms.timeout_ms * 1000,
            retries=self._terms.retries,
        )
        layers = carrier_layers(self._address, self.quirks, self._terms.timeout_ms, self._terms.retries)
        if self._pushes is not None:
            self._tap = PushTap(profile.client, self._pushes.take)
            layers.append(self._tap)
        return Stack([*layers, client])

    async def _associate(self) -> None:
        client, shared = self._client, self._credentials.shared
        assert client is not None  # noqa: S101 (made by `_machine`)
        outcome = await self._turn(client.associate)
        match outcome:
            case Associated():
                return
            case AssociationRefused(sentence=sentence, error=error):
                sentence = sentence if sentence.startswith("refused") else f"refused: {sentence}"
                if shared is not None and error is not None and error.error_class == ErrorClass.APPLICATION_REFERENCE:
                    raise _CounterRefusedError(f"{sentence}: keys or system title are wrong, if the counter is not")
                raise NotLetInError(sentence)
            case TimedOut():
                raise NoConnectionError(f"{self._address} does not answer: {SILENCE[self._address.link]}")
            case ServiceRefused(error=ExceptionResponse() as error) if shared is not None:
                raise _CounterRefusedError(outcome.sentence, error.invocation_counter)
            case Malformed(sentence=sentence):
                hint = REPLAYED if USED_BEFORE in sentence else ""
                raise NotLetInError(f"{self._address}: {sentence}{hint}")
            case _:
                gone = self._conversation is None or self._conversation.closed is not None
                hint = f": {SILENCE[self._address.link]}" if gone else ""
                raise NoConnectionError(f"{self._address}: {getattr(outcome, 'sentence', outcome)}{hint}")

    async def _turn(self, request: Callable[[int], int]) -> Any:
        """One request: its response, or the `TimedOut`."""
        conversation, shared = self._conversation, self._credentials.shared
        if shared is not None and shared.counter.left < MARGIN:
            await shared.reserve()
        if conversation is None:
            raise NoConnectionError("there is no connection")
        try:
            ended = await conversation.ask(request)
        except (ConnectionLostError, LocalProtocolError) as error:
            raise NoConnectionError(f"{self._address}: {error}") from None
        return ended.response if isinstance(ended, Answered) else ended

    async def _read(self, request: Callable[[int], int]) -> Any:
        """A request that changes nothing: asked again, once, when somebody else has moved the counter meanwhile."""
        outcome = await self._turn(request)
        return await self._turn(request) if await self._counter_moved(outcome) else outcome

    async def _counter_moved(self, outcome: Any) -> bool:
        """Whether the meter has refused our counter and named its own, and ours is put right now."""
        shared = self._credentials.shared
        match outcome[0] if isinstance(outcome, list) and outcome else outcome:
            case ServiceRefused(error=ExceptionResponse(invocation_counter=int() as named)) if shared is not None:
                return await shared.heal(self._read_counter, named)
        return False

    async def ask(self, request: Any) -> Any:
        """Ask what a script asks."""
        client = self._client
        if client is None:
            raise NoConnectionError("there is no connection")
        if request == GetMany(()):
            return []
        if client.profile.short_names:
            asking = by_short_name(client, request, await self._names_of(client))
        else:
            asking = by_logical_name(client, request)
        if asking.ask is None:
            return asking.shape(None)
        return asking.shape(await (self._read if asking.reads else self._turn)(asking.ask))

    async def _names_of(self, client: AssociationClient) -> BaseNames:
        """The meter's short names, asked for once."""
        if not self._names:
            outcome = checked(await self._read(lambda now_us: client.read([(OBJECT_LIST, None)], now_us)))
            listed = checked(outcome[0])
            if isinstance(listed, DataAccessResult):
                raise RefusedError(f"the meter does not show its list of short names: {listed.title}")
            self._names.learn(listed)
        return self._names

    async def close(self) -> None:
        """Release the association, as far as the meter is still there, and end the connection."""
        conversation, client = self._conversation, self._client
        self._conversation = self._client = None
        if conversation is None:
            return
        # Who breaks off in the middle of a question does not wait for its answer, only to say good-bye after it.
        stays = self._called is not None
        if conversation.closed is None and client is not None and (stays or client.state is ClientState.ASSOCIATED):
            with contextlib.suppress(ConnectionLostError, LocalProtocolError):
                ended = await conversation.ask(client.release)
                if isinstance(ended, Answered) and ended.response.sentence:
                    _log.info("%s: released, but %s", self._address, ended.response.sentence)
        if self._called is None:
            await conversation.aclose()  # the connection of a meter that has called is its own


class _CounterRefusedError(NotLetInError):
    """The meter does not take what we have ciphered: keys, titles or counter; `named` is the counter it wants."""

    def __init__(self, text: str, named: int | None = None) -> None:
        super().__init__(text)
        self.named = named
