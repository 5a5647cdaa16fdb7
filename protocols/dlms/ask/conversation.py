"""The requests of the client's association, one under way at a time: sent, answered, repeated where that is safe."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocols.dlms.application import Refusal
from protocols.dlms.ask.dropped import Drop, Dropped, answer_dropped
from protocols.dlms.ask.outcome import Aborted, Malformed, ServiceRefused
from protocols.dlms.ask.session import GREETING, UNDER_WAY, AssociationEnded, Repeated, Session
from protocols.dlms.association import ClientEvent, ClientState
from protocols.dlms.general_block_transfer import TAG as GENERAL_BLOCK_TRANSFER
from protocols.dlms.general_block_transfer import GbtState, GeneralBlockTransfer, decode_general_block
from protocols.dlms.notification import (
    DATA_NOTIFICATION,
    EVENT_NOTIFICATION_REQUEST,
    INFORMATION_REPORT_REQUEST,
    DataNotification,
    EventNotificationRequest,
    InformationReportRequest,
)
from protocols.dlms.service_error import (
    CONFIRMED_SERVICE_ERROR,
    EXCEPTION_RESPONSE,
    ConfirmedServiceError,
    ExceptionResponse,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import LinkDisconnect
from protocols.machine import Answered, Indication, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.dlms.ask.request import Done, Request

QUEUE_MAX: Final = 1024
"""Requests that wait: one for each attribute of a large object list, and no more memory than that."""

_INDICATIONS: Final[dict[int, Callable[[bytes], Any]]] = {
    DATA_NOTIFICATION: DataNotification.decode,
    EVENT_NOTIFICATION_REQUEST: EventNotificationRequest.decode,
    INFORMATION_REPORT_REQUEST: InformationReportRequest.decode,
}


class Progress(NamedTuple):
    """How many octets of a long answer have come, or of a long request have been taken."""

    ticket: int
    octets: int


class _Waiting:
    """A request and what its caller allows; one without a request is a release."""

    __slots__ = ("request", "retries", "ticket", "timeout_us", "tries")

    def __init__(self, ticket: int, request: Request | None, timeout_us: int, retries: int | None) -> None:
        self.ticket = ticket
        self.request = request
        self.timeout_us = timeout_us
        self.retries = retries
        self.tries = 1


class Conversation(Session):
    """Requests within a session; the arguments are those of `AssociationClient`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pushed = GeneralBlockTransfer(requester=True, window=self._general.window)
        self._waiting: deque[_Waiting] = deque()
        self._current: _Waiting | None = None
        self._beginning = False

    def _enqueue(self, request: Request | None, now_us: int, timeout_us: int | None, retries: int | None) -> int:
        if not self.associated and self.state not in GREETING:
            raise LocalProtocolError(f"no association to ask in: {self.state.value}")
        if len(self._waiting) >= QUEUE_MAX:
            raise LocalProtocolError(f"{QUEUE_MAX} requests wait already")
        waiting = _Waiting(self._new_ticket(), request, timeout_us or self._timeout_us, retries)
        self._waiting.append(waiting)
        self._next(now_us)
        return waiting.ticket

    def _next(self, now_us: int) -> None:
        if self._beginning:
            return  # one that ended at once: the loop below goes on by itself
        self._beginning = True
        while self.state is ClientState.ASSOCIATED and self._waiting:
            self._current = waiting = self._waiting.popleft()
            if waiting.request is None:
                self._begin_release(now_us)
                break
            first = waiting.request.begin(self._terms)
            self._step(ClientEvent.REQUEST if waiting.request.blocks_out is None else ClientEvent.REQUEST_BLOCK)
            self._proceed(waiting, waiting.request, first, now_us)
        self._beginning = False

    def _proceed(self, waiting: _Waiting, request: Request, step: bytes | Done, now_us: int) -> None:
        """Send what comes next for the request under way, or give up a group that cannot be sent, or end it."""
        while isinstance(step, bytes):
            obstacle = self._transmit(step, now_us)
            if not obstacle:
                self._deadline_at_us = now_us + waiting.timeout_us
                return
            step = request.fail_group(Aborted(obstacle))
        self._answer(step.response, now_us)

    def _answer(self, response: Any, now_us: int) -> None:
        waiting, self._current = self._current, None
        self._deadline_at_us = None
        if self.state in UNDER_WAY:
            self._step(ClientEvent.ANSWER)
        if waiting is not None:
            self.above(Answered(waiting.ticket, response), now_us)
        self._next(now_us)

    def _abort(self, reason: str, now_us: int) -> None:
        waiting = list(self._waiting) if self._current is None else [self._current, *self._waiting]
        self._current = None
        self._waiting.clear()
        for each in waiting:
            self.above(Answered(each.ticket, Aborted(reason)), now_us)

    # What comes.

    def _take(self, data: bytes, now_us: int) -> None:
        if data[0] == GENERAL_BLOCK_TRANSFER:
            self._take_general_block(data, now_us)
        else:
            self._take_whole(data, now_us)

    def _take_general_block(self, data: bytes, now_us: int) -> None:
        waiting = self._current if self.state in UNDER_WAY else None
        general = self._pushed if waiting is None else self._general
        try:
            block = decode_general_block(data)
            if waiting is None and block.number == 1:
                general.reset()
            before = general.progress
            whole, blocks = general.receive(block)
        except RemoteProtocolError as error:
            self._fail(Malformed(f"a general block is malformed: {error}"), data[0], now_us)
            return
        if whole:
            self._take_whole(whole, now_us)
        elif waiting is not None:  # a push in blocks is not acknowledged
            if general.progress > before:
                self._deadline_at_us = now_us + waiting.timeout_us
                waiting.tries = 1
                self.above(Progress(waiting.ticket, general.received_octets), now_us)
            for each in blocks:
                self._send(each.encode(), now_us)
            if block.streaming:
                self._send(b"", now_us)  # where the link has turns, the meter gets another one

    def _take_whole(self, data: bytes, now_us: int) -> None:
        association = self.association
        if association.protection is not None:
            plain = association.protection.unprotect(data, association, now_us)
            if isinstance(plain, Refusal):
                self._fail(Malformed(plain.reason), data[0], now_us)
                return
            data = plain
        indication = _INDICATIONS.get(data[0]) if data else None
        waiting = self._current if self.state in UNDER_WAY else None
        if indication is not None:
            self._indicate(indication, data, now_us)
        elif waiting is None or waiting.request is None or not data:
            self._drop(answer_dropped(data, None), now_us)
        else:
            self._take_response(waiting, waiting.request, data, now_us)

    def _indicate(self, indication: Callable[[bytes], Any], data: bytes, now_us: int) -> None:
        try:
            apdu = indication(data)
        except RemoteProtocolError:
            self._drop(Dropped(Drop.UNREADABLE, data[0]), now_us)
        else:
            self.above(Indication(apdu), now_us)

    def _take_response(self, waiting: _Waiting, request: Request, data: bytes, now_us: int) -> None:
        step: bytes | Done | None
        try:
            if data[0] == EXCEPTION_RESPONSE:
                step = request.fail_group(ServiceRefused(ExceptionResponse.decode(data)))
            elif data[0] == CONFIRMED_SERVICE_ERROR:
                step = request.fail_group(ServiceRefused(ConfirmedServiceError.decode(data)))
            else:
                step = request.take(data)
        except RemoteProtocolError as error:
            step = request.fail_group(Malformed(f"the answer is malformed: {error}"))
        if step is None:
            self._drop(answer_dropped(data, self._terms.invoke), now_us)
        else:
            self._go_on(waiting, request, step, now_us)

    def _fail(self, failure: Malformed, tag: int, now_us: int) -> None:
        """What came cannot be read: the group under way cannot be had."""
        waiting = self._current if self.state in UNDER_WAY else None
        if waiting is None or waiting.request is None:
            self._drop(Dropped(Drop.UNREADABLE, tag), now_us)
        else:
            self._go_on(waiting, waiting.request, waiting.request.fail_group(failure), now_us)

    def _go_on(self, waiting: _Waiting, request: Request, step: bytes | Done, now_us: int) -> None:
        """The next block, the next group, or the end."""
        if isinstance(step, bytes):
            waiting.tries = 1
            if request.blocks_in is not None:
                self._step(ClientEvent.ANSWER_BLOCK)
            elif request.blocks_out is not None and request.blocks_out.number > 1:
                self._step(ClientEvent.BLOCK_ACKNOWLEDGED)
            else:
                self._step(ClientEvent.ANSWER)
                self._step(ClientEvent.REQUEST if request.blocks_out is None else ClientEvent.REQUEST_BLOCK)
            if request.octets:
                self.above(Progress(waiting.ticket, request.octets), now_us)
        self._proceed(waiting, request, step, now_us)

    # What does not come.

    def _overdue(self, now_us: int) -> None:
        waiting = self._current
        if waiting is None or waiting.request is None:
            return
        # Two answers to one short-name request could not be told from an answer to the next one: it is said once.
        word = None if self.profile.short_names else self._word(waiting, waiting.request)
        if word is None:
            self._give_up(waiting, now_us)
            return
        waiting.tries += 1
        self.above(Repeated(waiting.ticket, waiting.tries), now_us)
        if isinstance(word, bytes):
            self._proceed(waiting, waiting.request, word, now_us)
            return
        self._deadline_at_us = now_us + waiting.timeout_us
        for block in word:
            self._send(block, now_us)

    def _word(self, waiting: _Waiting, request: Request) -> bytes | list[bytes] | None:
        """What is said again: general blocks, a service block, or the request as a new one; None to give up."""
        if waiting.tries > (self._retries if waiting.retries is None else waiting.retries):
            return None
        if self._general.state is not GbtState.IDLE:
            blocks = self._general.repeat()
            if blocks:
                return [block.encode() for block in blocks]
        block = request.repeat()
        if block is not None:
            return block
        return request.again() if request.idempotent or waiting.retries is not None else None

    def _give_up(self, waiting: _Waiting, now_us: int) -> None:
        self._current = None
        self._general.reset()
        self._step(ClientEvent.GIVE_UP)
        self.above(TimedOut(waiting.ticket), now_us)
        if not self.profile.short_names:
            self._next(now_us)
            return
        # Nothing in a late answer tells it from the next one: only a new link can be trusted again.
        self._step(ClientEvent.LINK_DOWN)
        reason = "no answer in time, and short-name answers cannot be told apart"
        self.above(AssociationEnded(reason), now_us)
        self._abort(reason, now_us)
        self.below(LinkDisconnect(self.profile.client, self.server), now_us)
