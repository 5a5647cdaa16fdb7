"""How much is kept: the shelf by age and size, the whole by age and size, and in which order things are given up.

When the bound is reached the shelf goes first, then the oldest readings, then states; events and results last. While
these alone fill the bound, new commands are refused. What anybody was promised and does not get is named as a hole.
"""

from typing import Final, NamedTuple

from gateway.outbox.outbox import Outbox, RowKind, runs
from gateway.outbox.store import Store

TRIM_CHUNK: Final = 500
"""Rows given up in one transaction, so that none takes long."""

_ALWAYS_MS: Final = 2**62
_FIND: Final = (
    "SELECT id, seq, at_ms, acked, length(body) + length(topic) + 64 FROM outbox"
    " WHERE acked >= ? AND kind <= ? AND at_ms < ? AND (? IS NULL OR seq <= ?) ORDER BY id LIMIT ?"
)


class Limits(NamedTuple):
    """Bytes count payload, topic and overhead; ages count from when a row was stored."""

    bytes_max: int = 1024**3
    age_max_ms: int = 60 * 86_400_000
    shelf_bytes: int = 256 * 1024**2
    shelf_age_ms: int = 7 * 86_400_000
    until_headend: bool = False
    """Rows stay until the head-end has confirmed them, not only until the broker has."""


class _Row(NamedTuple):
    id: int
    seq: int | None
    at_ms: int
    acked: int
    size: int


class Retention:
    """Keeps an outbox within its limits, a chunk at a time.

    Args:
        store: the outbox's own.
        outbox: what is kept within limits.
        limits: which.
    """

    def __init__(self, store: Store, outbox: Outbox, limits: Limits) -> None:
        self.limits = limits
        self.dropped: dict[str, int] = dict.fromkeys((kind.name.lower() for kind in RowKind), 0)
        """Rows that were given up though promised, since the program started."""
        self.full = False
        """Events and results alone fill the bound: new commands are refused."""
        self._sql = store.sql
        self._outbox = outbox

    def trim(self, now_ms: int) -> bool:
        """Give up what is due, at most a few chunks; whether there is more to do."""
        more = self._shelf(now_ms)
        more |= self._give_up("older than the store keeps", RowKind.RESULT, before_ms=now_ms - self.limits.age_max_ms)
        over = self._outbox.totals.bytes_all - self.limits.bytes_max
        if over <= 0:
            self.full = False
            return more
        if self._off_the_shelf(enough=over):
            return True
        for kind in (RowKind.READING, RowKind.STATE):
            if self._give_up("the store reached its size", kind, enough=over):
                return True
        self.full = True
        # Commands are refused from here on; events still come, so the oldest go once a twentieth more is reached.
        slack = self.limits.bytes_max // 20
        return over > slack and self._give_up("full of events and results", RowKind.RESULT, enough=over - slack)

    def _shelf(self, now_ms: int) -> bool:
        if self.limits.until_headend:
            return self._remove(through=self._outbox.totals.confirmed) == TRIM_CHUNK
        old = self._remove(acked=1, before_ms=now_ms - self.limits.shelf_age_ms) == TRIM_CHUNK
        excess = self._outbox.totals.bytes_shelf - self.limits.shelf_bytes
        return (excess > 0 and self._remove(acked=1, enough=excess) == TRIM_CHUNK) or old

    def _off_the_shelf(self, enough: int) -> bool:
        """Whether anything went that nobody was promised any more."""
        if self.limits.until_headend:
            return False
        return self._remove(acked=1, enough=enough) > 0

    def _remove(
        self, *, acked: int = 0, before_ms: int = _ALWAYS_MS, through: int | None = None, enough: int | None = None
    ) -> int:
        return len(self._delete(self._find(acked, RowKind.RESULT, before_ms, through), enough))

    def _give_up(self, reason: str, kind: RowKind, *, before_ms: int = _ALWAYS_MS, enough: int | None = None) -> bool:
        rows = self._delete(self._find(0, kind, before_ms, None), enough)
        lost = [row for row in rows if self.limits.until_headend or not row.acked]
        self.dropped[kind.name.lower()] += len(lost)
        for first, last in runs(sorted(row.seq for row in lost if row.seq is not None)):
            at_ms = [row.at_ms for row in lost if row.seq is not None and first <= row.seq <= last]
            self._outbox.holes.note(reason, len(at_ms), min(at_ms), max(at_ms), (first, last))
        unsent = [row.at_ms for row in lost if row.seq is None]
        if unsent:
            self._outbox.holes.note(reason, len(unsent), min(unsent), max(unsent))
        return bool(rows)

    def _find(self, acked: int, kind: RowKind, before_ms: int, through: int | None) -> list[_Row]:
        found = self._sql.execute(_FIND, (acked, int(kind), before_ms, through, through, TRIM_CHUNK))
        return [_Row(*row) for row in found]

    def _delete(self, rows: list[_Row], enough: int | None) -> list[_Row]:
        freed = shelf = queued = count = 0
        for row in rows:
            if enough is not None and freed >= enough:
                break
            freed += row.size
            shelf += row.size if row.acked else 0
            queued += row.seq is None
            count += 1
        self._sql.executemany("DELETE FROM outbox WHERE id = ?", [(row.id,) for row in rows[:count]])
        totals = self._outbox.totals
        self._outbox.totals = totals._replace(
            bytes_all=totals.bytes_all - freed, bytes_shelf=totals.bytes_shelf - shelf, queued=totals.queued - queued
        )
        return rows[:count]
