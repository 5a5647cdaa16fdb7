"""From the outbox to the broker: within the window, in the order of `seq`, each number durable before it leaves.

The sender closes every group of the store's: it marks what was acknowledged and takes what may leave, in the same
transaction as the rows that were just stored, and publishes once that is durable. Between two sessions it does nothing.
"""

from collections.abc import Callable
from typing import Final, Protocol

from gateway.outbox.outbox import Outbox, Outgoing

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


class Sender:
    """See the module; `wake` asks for a group.

    Args:
        outbox: what is to be sent.
        wake: called when there is something to do and no group may be coming.
        now_ms: the clock.
        lost: called when publishing finds the session gone.
    """

    def __init__(
        self, outbox: Outbox, wake: Callable[[], None], now_ms: Callable[[], int], lost: Callable[[str], None]
    ) -> None:
        self.sent = 0
        """Messages handed to the broker since the program started."""
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
        self._lost = lost
        self._session: Publisher | None = None
        self._in_flight: dict[int, int] = {}
        self._acked: list[int] = []

    @property
    def in_flight(self) -> int:
        """How many messages wait for their PUBACK."""
        return len(self._in_flight)

    def begin(self, session: Publisher) -> None:
        """A session stands, and `Outbox.begin_session` has been called for it."""
        self._session = session
        self._in_flight.clear()
        self._wake()

    def end(self) -> None:
        """The session is gone; what was in flight is not known to have arrived."""
        self._session = None
        self._in_flight.clear()

    def on_puback(self, mid: int, ok: bool) -> None:  # noqa: FBT001 (a callback)
        """The broker has a message, or will not take it."""
        seq = self._in_flight.pop(mid, None)
        if seq is None:
            return
        if not ok:
            self.rejected += 1
        elif seq:
            self._acked.append(seq)
        if not self._outbox.idle or len(self._acked) >= TAKE_MAX or not self._in_flight:
            self._wake()

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
        room = min(self._session.window - len(self._in_flight) - len(out), TAKE_MAX)
        if room > 0 and not self._outbox.idle:
            out += self._outbox.take(room, self._now_ms())
        return out

    def deliver(self, collected: list[Outgoing]) -> None:
        """It is durable: it leaves."""
        session = self._session
        if session is None or not collected:
            return
        try:
            for message in collected:
                expiry_s = self.readings_expire_s if "/reading/" in message.topic else None
                mid = session.publish(message.topic, message.payload, retain=message.retain, expiry_s=expiry_s)
                self._in_flight[mid] = message.seq  # 0 for what needs no mark, but takes its place in the window
                if message.reply is not None:
                    reply = message.reply
                    self._in_flight[session.publish(reply.topic, message.payload, correlation=reply.correlation)] = 0
                self.sent += 1
        except ConnectionError as error:
            self.end()
            self._lost(str(error))

    def undone(self) -> None:
        """The disk had no room: what was taken is still in the outbox, and is taken again with a new beginning."""
        if self._session is not None:
            self._outbox.begin_session(new=False)
