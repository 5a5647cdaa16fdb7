"""Commands in the store: each followed rung by rung to its end, and remembered, so that it happens once.

Everything here runs inside a transaction of the store: a command's rung, the guard's decision and the row of the
result that tells of it are durable together or not at all.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from gateway.command import ladder
from gateway.command.guard import Verdict
from gateway.command.judgement import Judgement, Surroundings
from gateway.outbox.outbox import Outbox, Reply, RowKind
from gateway.outbox.store import Store
from gateway.polling.reading import utc
from protocols.message.command import ENDS, READS, Command, Result, Rung
from protocols.message.reading import Row
from protocols.message.topic import Kind, Topics

KEPT_MS: Final = 400 * 86_400_000
KEPT_MAX: Final = 200_000
"""How long and how many ids are remembered, so that a repeat moves nothing."""

_OPEN: Final = "SELECT request, meter, rung, expires_ms, not_before_ms, received_ms, progress FROM command"


class Open(NamedTuple):
    """A command that has not come to its end."""

    command: Command
    meter: str
    rung: Rung
    expires_ms: int
    not_before_ms: int
    received_ms: int
    progress: dict[str, Any]

    @property
    def may_have_moved(self) -> bool:
        """It was sent before: it is read back, not executed."""
        return self.rung in ladder.MAY_HAVE_MOVED


class Entry(NamedTuple):
    """A command that is to be stored, and to whom a copy of its results goes."""

    command: Command
    meter: str
    fingerprint: bytes
    expires_ms: int
    reply: Reply | None
    now_ms: int


class Known(NamedTuple):
    """What is remembered of an id: its request's fingerprint, and its answer as it stands."""

    fingerprint: bytes
    answer: bytes


class Commands:
    """All commands of one gateway.

    Args:
        store: where they are kept.
        outbox: where results go.
        topics: the gateway's.
        around: what they are judged by.
    """

    def __init__(self, store: Store, outbox: Outbox, topics: Topics, around: Surroundings) -> None:
        self._sql = store.sql
        self._outbox = outbox
        self.topics = topics
        self.judgement = Judgement(store, around)
        self.climbed: Callable[[Rung, int], None] = lambda _rung, _after_ms: None
        """Is told of every rung after `accepted`, and how long after its arrival a command reached it."""

    # ---- in

    def known(self, command_id: str) -> Known | None:
        """Whether an id was used before, and for what."""
        row = self._sql.execute("SELECT fingerprint, answer FROM command WHERE id = ?", (command_id,)).fetchone()
        return None if row is None else Known(*row)

    def count_waiting(self, meter: str) -> int:
        """How many commands for a meter have not come to their end."""
        (count,) = self._sql.execute("SELECT COUNT(*) FROM command WHERE final = 0 AND meter = ?", (meter,)).fetchone()
        return int(count)

    def enter(self, entry: Entry, rung: Rung, verdict: Verdict) -> Open | None:
        """Store a command as it comes out of the door, and say so; gives it when there is something to do."""
        if not verdict.allowed:
            self.judgement.count_refusal(verdict.rule)
        accepted = rung is Rung.ACCEPTED
        result = Result(
            meter=entry.meter,
            id=entry.command.id,
            verb=entry.command.verb,
            rung=rung,
            final=not accepted,
            read_at=utc(entry.now_ms),
            reason=verdict.reason,
            rule=verdict.rule if rung is Rung.REFUSED else None,
            override=verdict.override,
        )
        not_before_ms = self._not_before_ms(entry, verdict.delay_ms)
        (place,) = self._sql.execute("SELECT COALESCE(MAX(place), 0) + 1 FROM command WHERE final = 0").fetchone()
        reply_to, correlation = entry.reply if entry.reply is not None else (None, None)
        self._sql.execute(
            "INSERT INTO command (id, meter, verb, fingerprint, request, place, rung, final, received_ms, expires_ms,"
            " not_before_ms, answer, reply_to, correlation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.command.id, entry.meter, entry.command.verb, entry.fingerprint, entry.command.to_json(), place,
                rung, not accepted, entry.now_ms, entry.expires_ms, not_before_ms, result.to_json(), reply_to,
                correlation,
            ),
        )  # fmt: skip
        self.publish(result, entry.reply, entry.now_ms)
        if not accepted:
            return None
        return Open(entry.command, entry.meter, rung, entry.expires_ms, not_before_ms, entry.now_ms, {})

    def _not_before_ms(self, entry: Entry, delay_ms: int) -> int:
        """When it may begin: not before what came earlier for its meter, so that a delayed reconnect stays in front."""
        at_ms = entry.now_ms + delay_ms
        if entry.command.verb in READS:
            return at_ms
        (earlier_ms,) = self._sql.execute(
            "SELECT MAX(not_before_ms) FROM command WHERE final = 0 AND rung = ? AND meter = ? AND verb NOT IN (?, ?)",
            (Rung.ACCEPTED, entry.meter, *READS),
        ).fetchone()
        return max(at_ms, earlier_ms or 0)

    # ---- on the way

    def waiting(self) -> list[Open]:
        """Every command that has not come to its end, in the order of arrival; after a restart, what is left to do."""
        rows = self._sql.execute(f"{_OPEN} WHERE final = 0 ORDER BY place")
        return [_open(*row) for row in rows]

    def find(self, command_id: str) -> Open | None:
        """A command that has not come to its end."""
        row = self._sql.execute(f"{_OPEN} WHERE final = 0 AND id = ?", (command_id,)).fetchone()
        return None if row is None else _open(*row)

    def begin(self, command_id: str, now_ms: int) -> bool:
        """Just before the wire: whether it may go; `sent` is durable with this transaction, before a byte leaves."""
        waiting = self.find(command_id)
        if waiting is None or waiting.rung is not Rung.ACCEPTED:
            return False
        if waiting.expires_ms <= now_ms:
            self.rung(command_id, Rung.EXPIRED, now_ms, reason="it expired before it could be sent")
            return False
        verdict = self.judgement.at_the_wire(waiting.command, waiting.meter, now_ms)
        if not verdict.allowed:
            self.rung(command_id, Rung.REFUSED, now_ms, reason=verdict.reason, rule=verdict.rule)
            return False
        self.rung(command_id, Rung.SENT, now_ms)
        return True

    def expire(self, now_ms: int) -> list[str]:
        """End what waited too long without having been sent; gives the ids."""
        rows = self._sql.execute(
            "SELECT id FROM command WHERE final = 0 AND rung = ? AND expires_ms <= ?", (Rung.ACCEPTED, now_ms)
        ).fetchall()
        for (command_id,) in rows:
            self.rung(command_id, Rung.EXPIRED, now_ms, reason="it expired in the queue")
        return [command_id for (command_id,) in rows]

    def rung(
        self,
        command_id: str,
        rung: Rung,
        now_ms: int,
        *,
        final: bool = True,
        reason: str | None = None,
        rule: str | None = None,
        rows: tuple[Row, ...] | None = None,
        detail: dict[str, Any] | None = None,
    ) -> bool:
        """A command has come further: store it and say so; False when it can't have, and nothing is changed.

        Args:
            command_id: which.
            rung: where it stands now.
            now_ms: now.
            final: for `confirmed`, whether nothing more will follow.
            reason: one sentence.
            rule: the guard's, when refused.
            rows: what was read.
            detail: what the meter said, by name.
        """
        row = self._sql.execute(
            "SELECT meter, verb, rung, reply_to, correlation, received_ms FROM command WHERE id = ? AND final = 0",
            (command_id,),
        ).fetchone()
        if row is None or not ladder.allowed(Rung(row[2]), rung):
            return False
        over = rung in ENDS or (rung is Rung.CONFIRMED and final)
        result = Result(
            meter=row[0],
            id=command_id,
            verb=row[1],
            rung=rung,
            final=over,
            read_at=utc(now_ms),
            reason=reason,
            rule=rule,
            rows=rows,
            detail=detail,
        )
        self._sql.execute(
            "UPDATE command SET rung = ?, final = ?, answer = ? WHERE id = ?",
            (rung, over, result.to_json(), command_id),
        )
        self.publish(result, None if row[3] is None else Reply(row[3], row[4]), now_ms)
        self.climbed(rung, now_ms - row[5])
        return True

    def set_progress(self, command_id: str, progress: Mapping[str, Any]) -> None:
        """How far a long job has come, so that it is resumed there."""
        self._sql.execute("UPDATE command SET progress = ? WHERE id = ?", (json.dumps(progress), command_id))

    def forget_old(self, now_ms: int) -> None:
        """Keep the memory of ids, and of decisions, within its bounds."""
        self._sql.execute(
            "DELETE FROM command WHERE final = 1 AND id IN (SELECT id FROM command WHERE received_ms < ? LIMIT 500)",
            (now_ms - KEPT_MS,),
        )
        (count,) = self._sql.execute("SELECT COUNT(*) FROM command").fetchone()
        if count > KEPT_MAX:
            self._sql.execute(
                "DELETE FROM command WHERE id IN"
                " (SELECT id FROM command WHERE final = 1 ORDER BY received_ms LIMIT MIN(?, 500))",
                (count - KEPT_MAX,),
            )
        self.judgement.forget(now_ms - KEPT_MS)

    def publish(self, result: Result, reply: Reply | None, now_ms: int) -> None:
        """Have a result told, and a copy of it sent to whoever asked for one."""
        topic = self.topics.of_meter(Kind.RESULT, result.meter)
        self._outbox.put(topic, result.meter, RowKind.RESULT, result.to_body(), now_ms, reply=reply)


def _open(
    request: bytes,
    meter: str,
    rung: str,
    expires_ms: int,
    not_before_ms: int,
    received_ms: int,
    progress: str | None,
) -> Open:
    kept = json.loads(progress or "{}")
    return Open(Command.from_json(request), meter, Rung(rung), expires_ms, not_before_ms, received_ms, kept)
