"""Store and forward: what is durable, what goes on the wire next, and what the head-end may ask for again.

A row is stored before anything else happens to it. It gets its `seq` when it is first taken for the wire, in the
order of sending, and keeps it with its payload for ever: a PUBACK only says that the broker has it, so the row stays
on the shelf. Everything here runs inside a transaction of the store; `now_ms` is an argument.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, Final, NamedTuple

from gateway.outbox.hole import Holes
from gateway.outbox.store import Store
from protocols.message.envelope import seal

REPLAYS_MAX: Final = 256
"""Ranges that may wait to be sent again; a head-end that asks for more asks again later."""

# What a row takes: its payload, its topic and about 64 bytes of SQLite's own.
_MEASURE: Final = (
    "SELECT COALESCE(SUM(length(body) + length(topic) + 64), 0),"
    " COALESCE(SUM(acked * (length(body) + length(topic) + 64)), 0), COALESCE(SUM(seq IS NULL), 0) FROM outbox"
)
ROW_OVERHEAD_BYTES: Final = 64

_SHELVED: Final = (
    "SELECT o.seq, o.topic, o.body, o.historical, r.id IS NOT NULL, o.reply_to, o.correlation FROM outbox o"
    " LEFT JOIN retained r ON r.topic = o.topic AND r.id = o.id"
    " WHERE seq BETWEEN ? AND ? AND acked <= ? ORDER BY seq LIMIT ?"
)


class RowKind(IntEnum):
    """What a row carries, as far as giving up goes: readings first, events and results last."""

    READING = 0
    STATE = 1
    EVENT = 2
    RESULT = 3


class Reply(NamedTuple):
    """Where a copy of a result goes that was asked for with a response topic: the same `stream` and `seq`."""

    topic: str
    correlation: bytes | None


class Outgoing(NamedTuple):
    """One message for the wire; `again` says that it was sent before."""

    seq: int
    topic: str
    payload: bytes
    retain: bool
    again: bool = False
    reply: Reply | None = None


class Totals(NamedTuple):
    """What the outbox knows by heart; restored when a piece of work is undone."""

    next_seq: int
    confirmed: int
    """The head-end has everything up to here."""
    bytes_all: int
    bytes_shelf: int
    queued: int


class Outbox:
    """The rules, over one store.

    Args:
        store: where the rows are.
        historical_after_ms: a row that waited so long is `historical`, even within a session.
    """

    def __init__(self, store: Store, historical_after_ms: int = 30_000) -> None:
        self.holes = Holes(store)
        self.totals = self._load(store)
        self._store = store
        self._sql = store.sql
        self._historical_after_ms = historical_after_ms
        self._again: deque[int] = deque()
        self._retained: deque[str] = deque()
        self._new = False
        self._replays: deque[tuple[int, int]] = deque()
        self._live_after = self._last_id()
        store.join(self)

    def save(self) -> Any:
        """For the store, before a piece of work."""
        return self.totals

    def restore(self, state: Any) -> None:
        """For the store, when a piece of work is undone."""
        self.totals = state

    @staticmethod
    def _load(store: Store) -> Totals:
        everything, shelf, queued = store.sql.execute(_MEASURE).fetchone()
        return Totals(int(store.meta("next_seq") or 1), int(store.meta("confirmed") or 0), everything, shelf, queued)

    def _last_id(self) -> int:
        (last,) = self._sql.execute("SELECT COALESCE(MAX(id), 0) FROM outbox").fetchone()
        return int(last)

    @property
    def stream(self) -> str:
        """The stream that `seq` counts in."""
        return self._store.stream

    @property
    def sent_through(self) -> int:
        """The highest `seq` ever taken for the wire."""
        return self.totals.next_seq - 1

    @property
    def idle(self) -> bool:
        """Whether `take` would give nothing."""
        return not (self.totals.queued or self._again or self._retained or self._replays)

    def oldest_queued_ms(self) -> int | None:
        """When the row that waits longest was stored."""
        row = self._sql.execute("SELECT at_ms FROM outbox WHERE seq IS NULL ORDER BY id LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    def put(
        self,
        topic: str,
        meter: str,
        kind: RowKind,
        body: bytes,
        now_ms: int,
        *,
        retain: bool = False,
        reply: Reply | None = None,
    ) -> int:
        """Store a message's body; it will be sent once there is a session."""
        reply_to, correlation = reply if reply is not None else (None, None)
        cursor = self._sql.execute(
            "INSERT INTO outbox (topic, meter, kind, retain, body, at_ms, reply_to, correlation)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (topic, meter, int(kind), int(retain), body, now_ms, reply_to, correlation),
        )
        totals = self.totals
        size = len(body) + len(topic.encode()) + ROW_OVERHEAD_BYTES
        self.totals = totals._replace(bytes_all=totals.bytes_all + size, queued=totals.queued + 1)
        return int(cursor.lastrowid or 0)

    def begin_session(self, *, new: bool) -> None:
        """A session with the broker stands: what is not known to have arrived there is sent again.

        Args:
            new: the broker knew nothing of us, so its retained messages may be gone too.
        """
        self._live_after = self._last_id()
        self._new = new
        self.take_again()

    def take_again(self) -> None:
        """What is not known to have arrived is taken once more, within the same session too."""
        rows = self._sql.execute("SELECT seq FROM outbox WHERE seq IS NOT NULL AND acked = 0 ORDER BY seq")
        self._again = deque(seq for (seq,) in rows)
        topics = self._sql.execute("SELECT topic FROM retained ORDER BY topic") if self._new else ()
        self._retained = deque(topic for (topic,) in topics)

    def take(self, limit: int, now_ms: int) -> list[Outgoing]:
        """The next messages for the wire, at most `limit`.

        First what may have been lost on the way, then what is live, then the retained topics of a new session, then
        the backlog in its order, then what the head-end asked for again.
        """
        out: list[Outgoing] = []
        while self._again and len(out) < limit:
            seq = self._again.popleft()
            out += self._shelved(seq, seq, 1, unacked_only=True)
        if len(out) < limit and self.totals.queued:
            out += self._first_time(self._live_after, 2**62, limit - len(out), now_ms, waited=False)
        while self._retained and len(out) < limit:
            out += self._from_retained(self._retained.popleft())
        if len(out) < limit and self.totals.queued:
            out += self._first_time(0, self._live_after, limit - len(out), now_ms, waited=True)
        while self._replays and len(out) < limit:
            out += self._replayed(limit - len(out))
        return out

    def _shelved(self, first: int, last: int, limit: int, *, unacked_only: bool) -> list[Outgoing]:
        rows = self._sql.execute(_SHELVED, (first, last, 0 if unacked_only else 1, limit))
        return [
            Outgoing(
                seq,
                topic,
                seal(body, self.stream, seq, historical=bool(waited)),
                retain=bool(newest) and unacked_only,
                again=True,
                reply=_reply(reply_to, correlation),
            )
            for seq, topic, body, waited, newest, reply_to, correlation in rows
        ]

    def _first_time(self, after: int, through: int, limit: int, now_ms: int, *, waited: bool) -> list[Outgoing]:
        rows = self._sql.execute(
            "SELECT id, topic, body, retain, at_ms, reply_to, correlation FROM outbox"
            " WHERE seq IS NULL AND id > ? AND id <= ? ORDER BY id LIMIT ?",
            (after, through, limit),
        ).fetchall()
        if not rows:
            return []
        out: list[Outgoing] = []
        marks: list[tuple[int, bool, int]] = []
        for seq, row in enumerate(rows, start=self.totals.next_seq):
            row_id, topic, body, retain, at_ms, reply_to, correlation = row
            historical = waited or now_ms - at_ms >= self._historical_after_ms
            payload = seal(body, self.stream, seq, historical=historical)
            newest = bool(retain) and self._keep_retained(topic, row_id, payload)
            out.append(Outgoing(seq, topic, payload, newest, reply=_reply(reply_to, correlation)))
            marks.append((seq, historical, row_id))
        self._sql.executemany("UPDATE outbox SET seq = ?, historical = ? WHERE id = ?", marks)
        self._count(len(rows))
        return out

    def _count(self, taken: int) -> None:
        totals = self.totals
        self.totals = totals._replace(next_seq=totals.next_seq + taken, queued=totals.queued - taken)
        self._store.set_meta("next_seq", str(self.totals.next_seq))

    def _keep_retained(self, topic: str, row_id: int, payload: bytes) -> bool:
        """Whether the row is the newest of its topic; an older one must not replace it at the broker."""
        known = self._sql.execute("SELECT id FROM retained WHERE topic = ?", (topic,)).fetchone()
        if known is not None and known[0] > row_id:
            return False
        self._sql.execute("INSERT OR REPLACE INTO retained VALUES (?, ?, ?)", (topic, row_id, payload))
        return True

    def _from_retained(self, topic: str) -> list[Outgoing]:
        row = self._sql.execute(
            "SELECT r.payload, o.seq FROM retained r LEFT JOIN outbox o ON o.id = r.id WHERE r.topic = ?", (topic,)
        ).fetchone()
        return [] if row is None else [Outgoing(row[1] or 0, topic, row[0], retain=True, again=True)]

    def status(self, topic: str, body_of: Callable[[int], bytes], now_ms: int) -> Outgoing:
        """Store and take the gateway's own status at once, since it says what has been sent: itself included."""
        seq = self.totals.next_seq
        body = body_of(seq)
        row_id = self.put(topic, "", RowKind.STATE, body, now_ms, retain=True)
        payload = seal(body, self.stream, seq, historical=False)
        self._sql.execute("UPDATE outbox SET seq = ? WHERE id = ?", (seq, row_id))
        self._keep_retained(topic, row_id, payload)
        self._count(1)
        return Outgoing(seq, topic, payload, retain=True)

    def puback(self, seqs: Iterable[int]) -> None:
        """The broker has these: they go on the shelf."""
        moved = 0
        for first, last in runs(sorted(seqs)):
            (size,) = self._sql.execute(
                "SELECT COALESCE(SUM(length(body) + length(topic) + 64), 0) FROM outbox"
                " WHERE seq BETWEEN ? AND ? AND acked = 0",
                (first, last),
            ).fetchone()
            self._sql.execute("UPDATE outbox SET acked = 1 WHERE seq BETWEEN ? AND ? AND acked = 0", (first, last))
            moved += size
        self.totals = self.totals._replace(bytes_shelf=self.totals.bytes_shelf + moved)

    def ack(self, stream: str, seq: int) -> str | None:
        """The head-end has everything up to `seq`; the reason when that can't be."""
        if stream != self.stream:
            return f"the stream is {self.stream}, not {stream}"
        if seq > self.sent_through:
            return f"seq {seq} was never sent; sent through {self.sent_through}"
        if seq > self.totals.confirmed:
            self._store.set_meta("confirmed", str(seq))
            self.totals = self.totals._replace(confirmed=seq)
        return None

    def replay(self, stream: str, first: int, last: int, now_ms: int) -> str | None:
        """Queue a range to be sent again; what is no longer kept becomes a hole. The reason when it can't be."""
        if stream != self.stream:
            return f"the stream is {self.stream}, not {stream}"
        if first > last or last > self.sent_through:
            return f"{first} to {last} is no range within 1 to {self.sent_through}"
        if len(self._replays) >= REPLAYS_MAX:
            return "too many ranges wait to be sent again; ask again later"
        if (first, last) not in self._replays:
            self._replays.append((first, last))
        rows = self._sql.execute("SELECT seq FROM outbox WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last))
        expected = first
        for (seq,) in itertools.chain(rows, [(last + 1,)]):
            if seq > expected:
                self.holes.note("no longer kept", seq - expected, now_ms, now_ms, (expected, seq - 1))
            expected = seq + 1
        return None

    def _replayed(self, limit: int) -> list[Outgoing]:
        first, last = self._replays.popleft()
        out = self._shelved(first, last, limit, unacked_only=False)
        if len(out) == limit and out[-1].seq < last:
            self._replays.appendleft((out[-1].seq + 1, last))
        return out


def _reply(topic: str | None, correlation: bytes | None) -> Reply | None:
    return None if topic is None else Reply(topic, correlation)


def runs(numbers: list[int]) -> Iterable[tuple[int, int]]:
    """Ascending numbers as closed ranges.

    >>> list(runs([1, 2, 3, 7]))
    [(1, 3), (7, 7)]
    """
    start = 0
    for index in range(1, len(numbers) + 1):
        if index == len(numbers) or numbers[index] != numbers[index - 1] + 1:
            yield numbers[start], numbers[index - 1]
            start = index
