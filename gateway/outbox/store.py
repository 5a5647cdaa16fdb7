"""The one SQLite file and its one connection: opened, or set aside under another name when damaged, never emptied.

What the gateway decides (a message, a command's rung, the guard's verdict) is made by the cores inside one
transaction; `group_commit.py` makes transactions durable.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

APPLICATION_ID: Final = 0x4D425458  # "MBTX": tells this file from any other SQLite file
LAYOUT_VERSION: Final = 2
BALLAST_BYTES: Final = 1024 * 1024
"""Kept beside the store and given up when the disk is full, so that what makes room can itself be written."""
PAGE_BYTES: Final = 4096
WAL_BYTES_MAX: Final = 16 * 1024 * 1024

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_LAYOUT: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, meter TEXT NOT NULL, kind INTEGER NOT NULL,
    retain INTEGER NOT NULL, body BLOB NOT NULL, at_ms INTEGER NOT NULL,
    seq INTEGER, historical INTEGER NOT NULL DEFAULT 0, acked INTEGER NOT NULL DEFAULT 0,
    reply_to TEXT, correlation BLOB);
CREATE UNIQUE INDEX outbox_seq ON outbox (seq) WHERE seq IS NOT NULL;
CREATE INDEX outbox_queued ON outbox (id) WHERE seq IS NULL;
CREATE INDEX outbox_unacked ON outbox (seq) WHERE seq IS NOT NULL AND acked = 0;
CREATE TABLE retained (topic TEXT PRIMARY KEY, id INTEGER NOT NULL, payload BLOB) WITHOUT ROWID;
CREATE TABLE hole (
    id INTEGER PRIMARY KEY AUTOINCREMENT, from_seq INTEGER, to_seq INTEGER, reason TEXT NOT NULL,
    rows INTEGER NOT NULL, first_ms INTEGER, last_ms INTEGER);
CREATE TABLE command (
    id TEXT PRIMARY KEY, meter TEXT NOT NULL, verb TEXT NOT NULL, fingerprint BLOB NOT NULL, request BLOB NOT NULL,
    place INTEGER NOT NULL, rung TEXT NOT NULL, final INTEGER NOT NULL, received_ms INTEGER NOT NULL,
    expires_ms INTEGER, not_before_ms INTEGER NOT NULL, answer BLOB, reply_to TEXT, correlation BLOB,
    progress TEXT) WITHOUT ROWID;
CREATE INDEX command_open ON command (place) WHERE final = 0;
CREATE INDEX command_meter ON command (meter) WHERE final = 0;
CREATE INDEX command_received ON command (received_ms);
CREATE TABLE decision (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, meter TEXT NOT NULL, command TEXT NOT NULL,
    verb TEXT NOT NULL, effect TEXT NOT NULL, allowed INTEGER NOT NULL, rule TEXT, override TEXT);
CREATE INDEX decision_at ON decision (at_ms) WHERE allowed = 1;
CREATE INDEX decision_command ON decision (command);
CREATE TABLE balance (
    meter TEXT PRIMARY KEY, balance INTEGER NOT NULL, as_on_ms INTEGER NOT NULL, recharge_ms INTEGER,
    body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE payment (
    meter TEXT NOT NULL, payment TEXT NOT NULL, command TEXT NOT NULL, args TEXT NOT NULL, at_ms INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meter, payment)) WITHOUT ROWID;
CREATE TABLE relay (
    meter TEXT PRIMARY KEY, output_state INTEGER NOT NULL, control_state TEXT NOT NULL, since_ms INTEGER NOT NULL,
    cause TEXT, command TEXT) WITHOUT ROWID;
CREATE TABLE coverage (
    meter TEXT NOT NULL, profile TEXT NOT NULL, through_ms INTEGER, missing TEXT NOT NULL,
    PRIMARY KEY (meter, profile)) WITHOUT ROWID;
CREATE TABLE memory (
    meter TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (meter, key)) WITHOUT ROWID;
"""


class StoreError(Exception):
    """The store can't be used; the sentence says what to do."""


class StoreFullError(StoreError):
    """There is no room on the disk, or the file has reached its bound; nothing of the group was written."""


class Memory(Protocol):
    """What a core keeps in memory of what stands in the store: small, cheap to copy."""

    def save(self) -> Any:
        """A copy of it."""

    def restore(self, state: Any) -> None:
        """Be again as the copy says."""


class Opened(NamedTuple):
    """A store, and where the damaged file before it was set aside, if there was one."""

    store: "Store"
    set_aside: Path | None


class Store:
    """The connection and its transactions. Not thread-safe: one owner, `GroupCommit` or a simulation.

    Args:
        connection: in autocommit mode.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.sql = connection
        self._memories: list[Memory] = []
        self._before: list[Any] = []
        stream = self.meta("stream")
        if stream is None:
            raise StoreError("the store has no stream; it is not one of ours")
        self.stream: str = stream

    def join(self, memory: "Memory") -> None:
        """Have what a core keeps in memory restored whenever what it wrote is undone."""
        self._memories.append(memory)

    def _save(self) -> list[Any]:
        return [memory.save() for memory in self._memories]

    def _restore(self, saved: list[Any]) -> None:
        for memory, state in zip(self._memories, saved, strict=True):
            memory.restore(state)

    def meta(self, key: str) -> str | None:
        """A value that belongs to the whole store."""
        row = self.sql.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Keep a value that belongs to the whole store."""
        self.sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def recall(self, meter: str, key: str) -> str | None:
        """What was remembered of a meter."""
        row = self.sql.execute("SELECT value FROM memory WHERE meter = ? AND key = ?", (meter, key)).fetchone()
        return None if row is None else str(row[0])

    def remember(self, meter: str, key: str, value: str) -> None:
        """Remember something of a meter."""
        self.sql.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", (meter, key, value))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable at the end.

        Raises:
            StoreFullError: when there is no room; nothing was written.
        """
        self.begin()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def begin(self) -> None:
        """Start a transaction.

        Raises:
            StoreFullError: when there is no room even for that.
        """
        self._before = self._save()
        try:
            self.sql.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _named(error) from error

    def commit(self) -> None:
        """Make it durable.

        Raises:
            StoreFullError: when there is no room; the transaction is rolled back.
        """
        try:
            self.sql.execute("COMMIT")
        except sqlite3.Error as error:
            self.rollback()
            raise _named(error) from error

    def rollback(self) -> None:
        """Undo, in the file and in the cores' memory."""
        if self.sql.in_transaction:
            self.sql.execute("ROLLBACK")
        self._restore(self._before)

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """One piece of a group: when it fails, the others stand.

        Raises:
            StoreFullError: when there is no room.
        """
        self.sql.execute("SAVEPOINT piece")
        saved = self._save()
        try:
            yield
        except BaseException as error:
            if self.sql.in_transaction:
                self.sql.execute("ROLLBACK TO piece")
                self.sql.execute("RELEASE piece")
                self._restore(saved)
            else:
                self._restore(self._before)
            if isinstance(error, sqlite3.Error):
                raise _named(error) from error
            raise
        self.sql.execute("RELEASE piece")

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self.sql.close()


def _named(error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return StoreFullError(f"the store can't be written: {error}")
    return error


def ulid(at_ms: int, entropy: Callable[[int], bytes]) -> str:
    """A ULID: 48 bits of time, 80 of entropy, as 26 characters.

    >>> ulid(0, lambda count: bytes(count))
    '00000000000000000000000000'
    """
    number = at_ms << 80 | int.from_bytes(entropy(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def open_store(path: Path | None, at_ms: int, entropy: Callable[[int], bytes], pages_max: int | None = None) -> Opened:
    """Open the file, make it, or set a damaged one aside and make a new one.

    Args:
        path: the file, or None for one that lives in memory.
        at_ms: now, for the stream's name and the name of what is set aside.
        entropy: for the stream's name.
        pages_max: how many pages the file may have.

    Raises:
        StoreError: when another process has it open, it is of a later version, or its folder can't be written.
    """
    set_aside = None
    if path is not None and path.exists() and path.stat().st_size:
        try:
            return Opened(_connect(path, pages_max), None)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise StoreError(f"{path} can't be opened ({error}); is another gateway using it?") from error
            set_aside = _set_aside(path, at_ms)
    try:
        connection = _raw(path)
        connection.executescript("BEGIN;" + _LAYOUT + "COMMIT;")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {LAYOUT_VERSION}")
        connection.execute("INSERT INTO meta VALUES ('stream', ?)", (ulid(at_ms, entropy),))
    except sqlite3.Error as error:
        raise StoreError(f"{path} can't be made ({error}); is its folder there and writable?") from error
    connection.close() if path is not None else None
    return Opened(_connect(path, pages_max) if path is not None else Store(connection), set_aside)


def _raw(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=0.5
    )
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _connect(path: Path, pages_max: int | None) -> Store:
    connection = _raw(path)
    try:
        _inspect(connection, path)
        if pages_max is not None:
            connection.execute(f"PRAGMA max_page_count = {pages_max}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
        return Store(connection)
    except BaseException:
        connection.close()
        raise


def _inspect(connection: sqlite3.Connection, path: Path) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"malformed: {verdict}")
    (ours,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if ours != APPLICATION_ID:
        raise StoreError(f"{path} is an SQLite file, but not a gateway's store; name another path in [store]")
    if version != LAYOUT_VERSION:
        raise StoreError(f"{path} was written by another version (layout {version}); use that version or move it")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return "malformed" in str(error)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _set_aside(path: Path, at_ms: int) -> Path:
    target = path.with_name(f"{path.name}.damaged-{at_ms}")
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(target.with_name(target.name + suffix))
    return target
