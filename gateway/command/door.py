"""The door: a command as the broker delivered it is read, known again, checked, judged and stored, or refused.

Everything here runs inside a transaction of the store: the command, the guard's decision and the row of the result that
tells of it are durable together or not at all. Whatever is wrong with a message ends in `refused` on `result`, never
in silence and never in an exception.
"""

import json
from hashlib import blake2b
from typing import Final, NamedTuple

from gateway.command.command import Commands, Entry, Open
from gateway.command.guard import Verdict
from gateway.outbox.outbox import Reply
from gateway.polling.reading import utc
from protocols.message.args import args_of
from protocols.message.command import Command, Result, Rung
from protocols.message.topic import parse

LIFETIME_MS: Final = 3_600_000
"""A command without `expires_at` is tried for so long; what can end supply must say so itself."""
REPLY_TOPIC_MAX: Final = 512


class Delivery(NamedTuple):
    """A command as the broker delivered it."""

    payload: bytes
    retained: bool = False
    expires_ms: int | None = None
    """By the message's own expiry."""
    reply: Reply | None = None


class Door:
    """Takes commands in for one gateway.

    Args:
        commands: where they go.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def receive(self, meter: str, delivery: Delivery, now_ms: int) -> Open | None:
        """Take a command in; gives it when there is something to do."""
        reply = delivery.reply if _may_reply(delivery.reply, self._commands.topics.prefix) else None
        try:
            command = Command.from_json(delivery.payload)
            args_of(command.verb, command.args)
        except ValueError as error:
            self._refuse(meter, _id_of(delivery.payload), None, "malformed", str(error)[:500], reply, now_ms)
            return None
        fingerprint = _fingerprint(meter, command)
        known = self._commands.known(command.id)
        if known is not None:
            self._repeat(meter, command, reply, now_ms, known.answer if known.fingerprint == fingerprint else None)
            return None
        entry = Entry(command, meter, fingerprint, _expiry(command, delivery.expires_ms, now_ms), reply, now_ms)
        verdict = self._judge(entry, delivery)
        if verdict.rule == "expired":
            self._commands.enter(entry, Rung.EXPIRED, verdict)
            return None
        return self._commands.enter(entry, Rung.ACCEPTED if verdict.allowed else Rung.REFUSED, verdict)

    def _judge(self, entry: Entry, delivery: Delivery) -> Verdict:
        meter, around = entry.meter, self._commands.judgement.around
        if delivery.retained:
            return Verdict(allowed=False, rule="retained", reason="a retained command is not a request of now")
        if meter not in around.groups:
            return Verdict(allowed=False, rule="unknown-meter", reason=f"{meter} is not a meter of this gateway")
        if delivery.reply is not None and entry.reply is None:
            return Verdict(allowed=False, rule="response-topic", reason=f"{delivery.reply.topic} can't be answered to")
        if entry.expires_ms <= entry.now_ms:
            return Verdict(allowed=False, rule="expired", reason="it had expired when it arrived")
        if around.full():
            return Verdict(allowed=False, rule="outbox-full", reason="the store is full of events and results")
        waiting = self._commands.count_waiting(meter)
        if waiting >= around.queue_per_meter:
            return Verdict(allowed=False, rule="queue-full", reason=f"{waiting} commands wait for this meter already")
        return self._commands.judgement.at_the_door(entry.command, meter, entry.now_ms)

    def _repeat(self, meter: str, command: Command, reply: Reply | None, now_ms: int, answer: bytes | None) -> None:
        """Known already: the answer as it stands now, which a head-end needs that has missed some rungs."""
        if answer is None:
            reason = "this id was used for another request; give each request its own"
            self._refuse(meter, command.id, command.verb, "id-reused", reason, reply, now_ms, repeated=True)
            return
        stands = Result.from_json(answer)
        self._commands.publish(stands.model_copy(update={"repeated": True, "read_at": utc(now_ms)}), reply, now_ms)

    def _refuse(
        self,
        meter: str,
        command_id: str,
        verb: str | None,
        rule: str,
        reason: str,
        reply: Reply | None,
        now_ms: int,
        *,
        repeated: bool = False,
    ) -> None:
        """Refuse what is not stored as a command: it can't be read, or its id belongs to another one."""
        self._commands.judgement.count_refusal(rule)
        refusal = Result(
            meter=meter,
            id=command_id,
            verb=verb,
            rung=Rung.REFUSED,
            final=True,
            read_at=utc(now_ms),
            reason=reason,
            rule=rule,
            repeated=repeated,
        )
        self._commands.publish(refusal, reply, now_ms)


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
