"""Commands: taken in, stored, judged, and followed rung by rung; each happens once.

Everything here runs inside a transaction of the store: a command's rung, the guard's decision and the row of the
result that tells of it are durable together or not at all. The same `id` again gets the first answer; whatever is wrong
with a message ends in `refused` on `result`, never in silence and never in an exception.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from gateway.command import ladder
from gateway.command.effect import Effect, effect_of
from gateway.command.guard import Case, KnownBalance, Verdict, judge
from gateway.command.guard_rule import GuardConfig, Rule
from gateway.outbox.outbox import Outbox, Reply, RowKind
from gateway.outbox.store import Store
from protocols.message.args import args_of
from protocols.message.command import ENDS, Command, Result, Rung
from protocols.message.reading import Row
from protocols.message.topic import Kind, Topics, parse

LIFETIME_MS: Final = 3_600_000
"""A command without `expires_at` is tried for so long; what can end supply must say so itself."""
KEPT_MS: Final = 400 * 86_400_000
KEPT_MAX: Final = 200_000
"""How long and how many ids are remembered, so that a repeat moves nothing."""
QUEUE_PER_METER: Final = 32
REPLY_TOPIC_MAX: Final = 512


class Delivery(NamedTuple):
    """A command as the broker delivered it."""

    payload: bytes
    retained: bool = False
    expires_ms: int | None = None
    """By the message's own expiry."""
    reply: Reply | None = None


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What commands are judged by and the gateway keeps up to date."""

    guard: GuardConfig
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By meter; a meter that is not here is not ours."""
    relay_registers: dict[str, Mapping[int, Mapping[int, Effect]]] = field(default_factory=dict)
    clock_trusted: bool = True
    headend_seen_ms: int = 0
    full: Callable[[], bool] = lambda: False
    """Whether events and results alone fill the outbox."""
    queue_per_meter: int = QUEUE_PER_METER


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
        self._topics = topics
        self.around = around
        self.refused: dict[str, int] = {}
        """How often each rule refused, since the program started."""
        self.decisions: dict[tuple[str, str], int] = {}
        """How often the guard let each effect pass, overrode or refused it, since the program started."""
        self.climbed: Callable[[Rung, int], None] = lambda _rung, _after_ms: None
        """Is told of every rung after `accepted`, and how long after its arrival a command reached it."""

    # ---- in

    def receive(self, meter: str, delivery: Delivery, now_ms: int) -> Open | None:
        """Take a command in; gives it when there is something to do."""
        reply = delivery.reply if _may_reply(delivery.reply, self._topics.prefix) else None
        try:
            command = Command.from_json(delivery.payload)
            args_of(command.verb, command.args)
        except ValueError as error:
            self._refuse_unread(meter, delivery.payload, str(error), reply, now_ms)
            return None
        fingerprint = _fingerprint(meter, command)
        known = self._sql.execute("SELECT fingerprint, answer FROM command WHERE id = ?", (command.id,)).fetchone()
        if known is not None:
            self._repeat(meter, command, reply, now_ms, known[1] if known[0] == fingerprint else None)
            return None
        expires_ms = _expiry(command, delivery.expires_ms, now_ms)
        entry = _Entry(command, meter, fingerprint, expires_ms, reply, now_ms)
        verdict = self._at_the_door(entry, delivery)
        if verdict.rule == "expired":
            self._settle(entry, Rung.EXPIRED, verdict)
        elif not verdict.allowed:
            self._settle(entry, Rung.REFUSED, verdict)
        else:
            self._settle(entry, Rung.ACCEPTED, verdict)
            return Open(command, meter, Rung.ACCEPTED, expires_ms, now_ms + verdict.delay_ms, now_ms, {})
        return None

    def _at_the_door(self, entry: "_Entry", delivery: Delivery) -> Verdict:
        command, meter, now_ms = entry.command, entry.meter, entry.now_ms
        if delivery.retained:
            return Verdict(allowed=False, rule="retained", reason="a retained command is not a request of now")
        if meter not in self.around.groups:
            return Verdict(allowed=False, rule="unknown-meter", reason=f"{meter} is not a meter of this gateway")
        if delivery.reply is not None and entry.reply is None:
            return Verdict(allowed=False, rule="response-topic", reason=f"{delivery.reply.topic} can't be answered to")
        if entry.expires_ms <= now_ms:
            return Verdict(allowed=False, rule="expired", reason="it had expired when it arrived")
        if self.around.full():
            return Verdict(allowed=False, rule="outbox-full", reason="the store is full of events and results")
        (waiting,) = self._sql.execute(
            "SELECT COUNT(*) FROM command WHERE final = 0 AND meter = ?", (meter,)
        ).fetchone()
        if waiting >= self.around.queue_per_meter:
            return Verdict(allowed=False, rule="queue-full", reason=f"{waiting} commands wait for this meter already")
        return self._judge(command, meter, now_ms, at_wire=False)

    def _judge(self, command: Command, meter: str, now_ms: int, *, at_wire: bool) -> Verdict:
        effect = effect_of(command, self.around.relay_registers.get(meter))
        row = self._sql.execute("SELECT balance, as_on_ms, recharge_ms FROM balance WHERE meter = ?", (meter,))
        found = row.fetchone()
        case = Case(
            command=command,
            meter=meter,
            groups=self.around.groups.get(meter, ()),
            effect=effect,
            now_ms=now_ms,
            clock_trusted=self.around.clock_trusted,
            headend_seen_ms=self.around.headend_seen_ms,
            balance=None if found is None else KnownBalance(*found),
            fleet=lambda rule: sum(rule.concerns(*each) for each in self.around.groups.items()),
            cuts_since=lambda since_ms, rule: self._decided(Effect.CUT, since_ms, rule),
            restores_since=lambda since_ms, rule: self._decided(Effect.RESTORE, since_ms, rule),
            at_wire=at_wire,
        )
        verdict = judge(self.around.guard, case)
        if effect is not Effect.NONE and not (at_wire and verdict.allowed):
            decision = "refused" if not verdict.allowed else "allowed" if verdict.override is None else "overridden"
            self.decisions[effect.value, decision] = self.decisions.get((effect.value, decision), 0) + 1
            self._sql.execute(
                "INSERT INTO decision (at_ms, meter, command, verb, effect, allowed, rule, override)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (now_ms, meter, command.id, command.verb, effect, verdict.allowed, verdict.rule, verdict.override),
            )
        return verdict

    def _decided(self, effect: Effect, since_ms: int, rule: Rule) -> int:
        rows = self._sql.execute(
            "SELECT meter, COUNT(*) FROM decision WHERE allowed = 1 AND effect = ? AND at_ms > ? GROUP BY meter",
            (effect, since_ms),
        )
        return sum(count for meter, count in rows if rule.concerns(meter, self.around.groups.get(meter, ())))

    def _settle(self, entry: "_Entry", rung: Rung, verdict: Verdict) -> None:
        """Store the command as it comes out of the door, and say so."""
        if not verdict.allowed and verdict.rule is not None:
            self.refused[verdict.rule] = self.refused.get(verdict.rule, 0) + 1
        final = rung is not Rung.ACCEPTED
        result = Result(
            meter=entry.meter,
            id=entry.command.id,
            verb=entry.command.verb,
            rung=rung,
            final=final,
            read_at=_utc(entry.now_ms),
            reason=verdict.reason,
            rule=None if verdict.allowed or rung is Rung.EXPIRED else verdict.rule,
            override=verdict.override,
        )
        (place,) = self._sql.execute("SELECT COALESCE(MAX(place), 0) + 1 FROM command WHERE final = 0").fetchone()
        reply_to, correlation = entry.reply if entry.reply is not None else (None, None)
        self._sql.execute(
            "INSERT INTO command (id, meter, verb, fingerprint, request, place, rung, final, received_ms, expires_ms,"
            " answer, reply_to, correlation, progress) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.command.id, entry.meter, entry.command.verb, entry.fingerprint, entry.command.to_json(), place,
                rung, final, entry.now_ms, entry.expires_ms, result.to_json(), reply_to, correlation,
                json.dumps({"not_before_ms": entry.now_ms + verdict.delay_ms}),
            ),
        )  # fmt: skip
        self._publish(result, entry.reply, entry.now_ms)

    def _refuse_unread(self, meter: str, payload: bytes, reason: str, reply: Reply | None, now_ms: int) -> None:
        self.refused["malformed"] = self.refused.get("malformed", 0) + 1
        self._publish(
            Result(
                meter=meter,
                id=_id_of(payload),
                rung=Rung.REFUSED,
                final=True,
                read_at=_utc(now_ms),
                reason=reason[:500],
                rule="malformed",
            ),
            reply,
            now_ms,
        )

    def _repeat(self, meter: str, command: Command, reply: Reply | None, now_ms: int, answer: bytes | None) -> None:
        if answer is not None:
            first = Result.from_json(answer)
            self._publish(first.model_copy(update={"repeated": True, "read_at": _utc(now_ms)}), reply, now_ms)
            return
        self.refused["id-reused"] = self.refused.get("id-reused", 0) + 1
        reason = "this id was used for another request; give each request its own"
        self._publish(
            Result(
                meter=meter,
                id=command.id,
                verb=command.verb,
                rung=Rung.REFUSED,
                final=True,
                read_at=_utc(now_ms),
                reason=reason,
                rule="id-reused",
                repeated=True,
            ),
            reply,
            now_ms,
        )

    # ---- on the way

    def waiting(self) -> list[Open]:
        """Every command that has not come to its end, in the order of arrival; after a restart, what is left to do."""
        rows = self._sql.execute(
            "SELECT request, meter, rung, expires_ms, received_ms, progress FROM command WHERE final = 0 ORDER BY place"
        )
        return [_open(*row) for row in rows]

    def find(self, command_id: str) -> Open | None:
        """A command that has not come to its end."""
        row = self._sql.execute(
            "SELECT request, meter, rung, expires_ms, received_ms, progress FROM command WHERE final = 0 AND id = ?",
            (command_id,),
        ).fetchone()
        return None if row is None else _open(*row)

    def begin(self, command_id: str, now_ms: int) -> bool:
        """Just before the wire: whether it may go; `sent` is durable with this transaction, before a byte leaves."""
        waiting = self.find(command_id)
        if waiting is None or waiting.rung is not Rung.ACCEPTED:
            return False
        if waiting.expires_ms <= now_ms:
            self.rung(command_id, Rung.EXPIRED, now_ms, reason="it expired before it could be sent")
            return False
        verdict = self._judge(waiting.command, waiting.meter, now_ms, at_wire=True)
        if not verdict.allowed:
            self.refused[verdict.rule or ""] = self.refused.get(verdict.rule or "", 0) + 1
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
            read_at=_utc(now_ms),
            reason=reason,
            rule=rule,
            rows=rows,
            detail=detail,
        )
        self._sql.execute(
            "UPDATE command SET rung = ?, final = ?, answer = ? WHERE id = ?",
            (rung, over, result.to_json(), command_id),
        )
        self._publish(result, None if row[3] is None else Reply(row[3], row[4]), now_ms)
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
        self._sql.execute(
            "DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE at_ms < ? LIMIT 500)", (now_ms - KEPT_MS,)
        )

    def _publish(self, result: Result, reply: Reply | None, now_ms: int) -> None:
        topic = self._topics.of_meter(Kind.RESULT, result.meter)
        self._outbox.put(topic, result.meter, RowKind.RESULT, result.to_body(), now_ms, reply=reply)


class _Entry(NamedTuple):
    command: Command
    meter: str
    fingerprint: bytes
    expires_ms: int
    reply: Reply | None
    now_ms: int


def _open(request: bytes, meter: str, rung: str, expires_ms: int, received_ms: int, progress: str | None) -> Open:
    kept = json.loads(progress or "{}")
    not_before = int(kept.pop("not_before_ms", 0))
    return Open(Command.from_json(request), meter, Rung(rung), expires_ms, not_before, received_ms, kept)


def _fingerprint(meter: str, command: Command) -> bytes:
    """What makes two requests the same: all they say, to the same meter."""
    content = json.dumps([meter, json.loads(command.to_json())], sort_keys=True)
    return blake2b(content.encode(), digest_size=16).digest()


def _expiry(command: Command, message_expires_ms: int | None, now_ms: int) -> int:
    stated = None if command.expires_at is None else int(command.expires_at.timestamp() * 1000)
    bounds = [each for each in (stated, message_expires_ms) if each is not None]
    return min(bounds) if bounds else now_ms + LIFETIME_MS


def _may_reply(reply: Reply | None, prefix: str) -> bool:
    """A response topic that reaches a gateway would let an answer act as a request."""
    if reply is None or not reply.topic or len(reply.topic) > REPLY_TOPIC_MAX:
        return False
    if reply.topic.startswith("$") or any(sign in reply.topic for sign in "+#\0"):
        return False
    address = parse(reply.topic, prefix)
    return address is None and not reply.topic.endswith(("/command", "/replay", "/ack"))


def _id_of(payload: bytes) -> str:
    """The id of a message that can't be read as a command, as far as there is one."""
    try:
        data = json.loads(payload[:65536])
    except (ValueError, RecursionError):
        return ""
    found = data.get("id") if isinstance(data, dict) else None
    return found[:64] if isinstance(found, str) else ""


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
