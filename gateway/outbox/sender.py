"""From the outbox to the broker: within the window, in the order of `seq`, each number durable before it leaves.

The sender closes every group of the store's: it marks what was acknowledged and takes what may leave, in the same
transaction as the rows that were just stored, and publishes once that is durable. Between two sessions it does nothing.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from gateway.outbox.outbox import Outbox, Outgoing, Reply

TAKE_MAX: Final = 256
"""Rows taken in one transaction, however large the window is."""


class Publisher(Protocol):
    """The part of a broker's session that the sender uses."""

    @property
    def window(self) -> int:
        """How many messages may be in flight."""

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        expiry_s: int | None = None,
    ) -> int:
        """Hand a message over; gives the number that its PUBACK will name."""


class _Held(NamedTuple):
    """A message, or the copy of a result that was asked for, that has not left."""

    message: Outgoing
    reply: Reply | None = None


class Sender:
    """See the module; `wake` asks for a group.

    Args:
        outbox: what is to be sent.
        wake: called when there is something to do and no group may be coming.
        now_ms: the clock.
        failed: is told what goes wrong with publishing: the session is gone, or the broker will not take a topic.
    """

    def __init__(
        self, outbox: Outbox, wake: Callable[[], None], now_ms: Callable[[], int], failed: Callable[[str], None]
    ) -> None:
        self.rejected = 0
        """Messages that the broker would not take; they are sent again with the next session."""
        self.status_body: Callable[[int], bytes] | None = None
        """Makes the body of the gateway's status when one is due."""
        self.status_topic = ""
        self.readings_expire_s: int | None = None
        """How long the broker keeps readings for a head-end that is away; the shelf keeps them longer."""
        self._outbox = outbox
        self._wake = wake
        self._now_ms = now_ms
        self._failed = failed
        self._session: Publisher | None = None
        self._held: deque[_Held] = deque()
        """What is durable and waits for room in the window; with the session it is forgotten, and taken again."""
        self._in_flight: dict[int, _Held] = {}
        self._acked: list[int] = []
        self._refusals: set[str] = set()

    @property
    def in_flight(self) -> int:
        """How many messages wait for their PUBACK, or to be sent at all."""
        return len(self._in_flight) + len(self._held)

    def begin(self, session: Publisher) -> None:
        """A session stands, and `Outbox.begin_session` has been called for it."""
        self.end()
        self._session = session
        self._wake()

    def end(self) -> None:
        """The session is gone; what was in flight is not known to have arrived."""
        self._session = None
        self._in_flight.clear()
        self._held.clear()
        self._refusals.clear()

    def on_puback(self, mid: int, refusal: str | None) -> None:
        """The broker has a message, or will not take it, and says why."""
        arrived = self._in_flight.pop(mid, None)
        if arrived is None:
            return
        if refusal is not None:
            self._rejected(arrived, refusal)
        elif arrived.reply is None and arrived.message.seq:
            self._acked.append(arrived.message.seq)
        if self._held:
            self._send()
        if not self._outbox.idle or len(self._acked) >= TAKE_MAX or not self._in_flight:
            self._wake()

    def _rejected(self, refused: _Held, refusal: str) -> None:
        self.rejected += 1
        topic = refused.message.topic if refused.reply is None else refused.reply.topic
        if refusal not in self._refusals:  # the first of a session says it; there may be thousands
            self._refusals.add(refusal)
            self._failed(f"the broker does not take {topic}: {refusal}; look at its ACLs")

    def collect(self) -> list[Outgoing]:
        """Within a transaction of the store: what leaves when it is durable."""
        if self._acked:
            acked, self._acked = self._acked, []
            self._outbox.puback(acked)
        if self._session is None:
            return []
        out: list[Outgoing] = []
        if self.status_body is not None:
            make, self.status_body = self.status_body, None
            out.append(self._outbox.status(self.status_topic, make, self._now_ms()))
        room = min(self._session.window - self.in_flight - len(out), TAKE_MAX)
        if room > 0 and not self._outbox.idle:
            out += self._outbox.take(room, self._now_ms())
        return out

    def deliver(self, collected: list[Outgoing]) -> None:
        """It is durable: it leaves, as far as the window has room; a copy of a result takes a place in it too."""
        if self._session is None:
            return
        for message in collected:
            self._held.append(_Held(message))
            if message.reply is not None:
                self._held.append(_Held(message, message.reply))
        self._send()

    def _send(self) -> None:
        session, in_flight, held = self._session, self._in_flight, self._held
        if session is None:
            return
        try:
            while held and len(in_flight) < session.window:
                each = held.popleft()
                message, reply = each
                if reply is None:
                    expiry_s = self.readings_expire_s if "/reading/" in message.topic else None
                    mid = session.publish(message.topic, message.payload, retain=message.retain, expiry_s=expiry_s)
                else:
                    mid = session.publish(reply.topic, message.payload, correlation=reply.correlation)
                in_flight[mid] = each
        except ConnectionError as error:
            self.end()
            self._failed(f"publishing stopped: {error}")

    def undone(self) -> None:
        """The disk had no room: what was taken is still in the outbox, and is taken again with a new beginning."""
        if self._session is not None:
            self._outbox.take_again()
