"""What was lost, named: ranges of the stream, or rows that were given up before they had a number."""

from datetime import UTC, datetime
from typing import Final

from gateway.outbox.store import Store
from protocols.message.status import Hole

HOLES_MAX: Final = 64
"""Named on the status; beyond that the oldest become one."""


class Holes:
    """The losses of one store."""

    def __init__(self, store: Store) -> None:
        self._sql = store.sql

    def note(self, reason: str, rows: int, first_ms: int, last_ms: int, seqs: tuple[int, int] | None = None) -> None:
        """Name a loss; neighbours with the same reason become one, what is named already is not named twice."""
        if seqs is None:
            known = self._sql.execute("SELECT id FROM hole WHERE reason = ? AND from_seq IS NULL", (reason,)).fetchone()
        else:
            within = "SELECT 1 FROM hole WHERE from_seq <= ? AND to_seq >= ?"
            if self._sql.execute(within, seqs).fetchone():
                return
            known = self._sql.execute(
                "SELECT id FROM hole WHERE reason = ? AND to_seq = ? - 1", (reason, seqs[0])
            ).fetchone()
        first, last = seqs if seqs is not None else (None, None)
        if known is not None:
            self._sql.execute(
                "UPDATE hole SET to_seq = ?, rows = rows + ?, first_ms = MIN(first_ms, ?), last_ms = MAX(last_ms, ?)"
                " WHERE id = ?",
                (last, rows, first_ms, last_ms, known[0]),
            )
            return
        self._sql.execute(
            "INSERT INTO hole (from_seq, to_seq, reason, rows, first_ms, last_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (first, last, reason, rows, first_ms, last_ms),
        )
        self._bound()

    def _bound(self) -> None:
        rows = self._sql.execute(
            "SELECT id, from_seq, to_seq, rows, first_ms, last_ms FROM hole"
            " WHERE from_seq IS NOT NULL ORDER BY from_seq"
        ).fetchall()
        if len(rows) <= HOLES_MAX:
            return
        one, two = rows[0], rows[1]
        self._sql.execute("DELETE FROM hole WHERE id = ?", (one[0],))
        self._sql.execute(
            "UPDATE hole SET from_seq = ?, to_seq = ?, rows = ?, first_ms = ?, last_ms = ?,"
            " reason = 'several losses within' WHERE id = ?",
            (one[1], max(one[2], two[2]), one[3] + two[3], min(one[4], two[4]), max(one[5], two[5]), two[0]),
        )

    def all(self) -> tuple[Hole, ...]:
        """Every loss, the oldest first."""
        rows = self._sql.execute("SELECT from_seq, to_seq, reason, rows, first_ms, last_ms FROM hole ORDER BY id")
        return tuple(
            Hole.model_validate(
                {"from": first, "to": last, "reason": reason, "rows": count}
                | {"first_at": _utc(first_ms), "last_at": _utc(last_ms)}
            )
            for first, last, reason, count, first_ms, last_ms in rows
        )


def _utc(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)
