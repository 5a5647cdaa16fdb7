"""What the head-end has, read from its ledger."""

import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.witness import BASE


class Entry(NamedTuple):
    """One message."""

    seq: int
    topic: str
    payload: bytes

    @property
    def said(self) -> dict[str, Any]:
        """What it says."""
        data: dict[str, Any] = json.loads(self.payload)
        return data


class Ledger:
    """The head-end's file, looked at from beside.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def _rows(self, query: str, *parameters: Any) -> list[Any]:
        if not self._path.exists():
            return []
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # the head-end was killed before it made one
                return []
            raise
        finally:
            connection.close()

    def streams(self) -> list[str]:
        """Every stream it knows."""
        return [stream for (stream,) in self._rows("SELECT DISTINCT stream FROM message")]

    def count(self) -> int:
        """How many messages there are."""
        return next((int(count) for (count,) in self._rows("SELECT COUNT(*) FROM message")), 0)

    def newest(self) -> int:
        """The highest number."""
        return next((int(seq or 0) for (seq,) in self._rows("SELECT MAX(seq) FROM message")), 0)

    def entries(self, topic_end: str = "") -> list[Entry]:
        """Messages on topics with that end, in the order of their numbers."""
        rows = self._rows(
            "SELECT seq, topic, payload FROM message WHERE topic LIKE ? ORDER BY seq", f"{BASE}%{topic_end}"
        )
        return [Entry(*row) for row in rows]

    def last_status(self) -> dict[str, Any] | None:
        """The gateway's latest status."""
        rows = self._rows("SELECT payload FROM message WHERE topic = ? ORDER BY seq DESC LIMIT 1", f"{BASE}/status")
        return json.loads(rows[0][0]) if rows else None

    def missing(self, through: int) -> list[int]:
        """Numbers up to there that are not in it."""
        have = {seq for (seq,) in self._rows("SELECT seq FROM message WHERE seq <= ?", through)}
        return [seq for seq in range(1, through + 1) if seq not in have]
