"""What comes from the broker: stored and judged, then acknowledged; one bad message never stops the next."""

import logging
from collections.abc import Callable
from typing import Final, Protocol

from gateway.command.command import Open
from gateway.command.door import Delivery, Door
from gateway.command.judgement import Surroundings
from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.outbox import Outbox, Reply
from gateway.outbox.store import Store, StoreError
from gateway.polling.reading import utc_ms
from gateway.polling.schedule import Priority
from gateway.service.clock import Clock
from gateway.service.core import HEADEND_SEEN
from protocols.message.command import READS, Ack, Replay
from protocols.message.status import GatewayState, HeadendStatus
from protocols.message.topic import Address, Kind, Topics, parse
from protocols.transport.mqtt.broker import Delivered

HEARD_EVERY_MS: Final = 10_000
"""The head-end's heartbeat is written down at most so often."""


_log = logging.getLogger(__name__)


class Acknowledger(Protocol):
    """The part of a session that says that a message is safe."""

    def acknowledge(self, message: Delivered) -> None:
        """Tell the broker."""


class Inbox:
    """Takes messages for one gateway.

    Args:
        commit: where what came is made durable.
        door: takes commands.
        around: learns when the head-end was heard.
        outbox: takes replays and acknowledgements.
        topics: the gateway's.
        clock: the gateway's.
        begin: is told of each command that was accepted.
    """

    def __init__(
        self,
        commit: GroupCommit,
        door: Door,
        around: Surroundings,
        outbox: Outbox,
        topics: Topics,
        clock: Clock,
        begin: Callable[[Open], None],
    ) -> None:
        self.ignored = 0
        """Messages that were neither commands nor of use."""
        self._commit = commit
        self._door = door
        self._around = around
        self._outbox = outbox
        self._topics = topics
        self._clock = clock
        self._begin = begin

    async def take(self, message: Delivered, session: Acknowledger) -> None:
        """Take one message; it is acknowledged once what came of it is durable."""
        address = parse(message.topic, self._topics.prefix)
        try:
            if address is not None and address.kind is Kind.COMMAND:
                await self._command(address.meter, message)
            elif address is not None:
                await self._commit.run(lambda: self._other(address, message))
        except StoreError as error:
            _log.error("a message on %s stays with the broker: %s", message.topic, error)
            return
        session.acknowledge(message)

    async def _command(self, meter: str, message: Delivered) -> None:
        now_ms = self._clock.now_ms()
        expires_ms = None if message.expiry_s is None else now_ms + message.expiry_s * 1000
        reply = None if message.reply_topic is None else Reply(message.reply_topic, message.correlation)
        delivery = Delivery(message.payload, message.retain, expires_ms, reply)
        accepted = await self._commit.run(lambda: self._door.receive(meter, delivery, now_ms))
        if accepted is not None:
            self._begin(accepted)

    def _other(self, address: Address, message: Delivered) -> None:
        now_ms = self._clock.now_ms()
        try:
            match address.kind:
                case Kind.HEADEND_STATUS:
                    self._heard(HeadendStatus.from_json(message.payload), message.retain, now_ms)
                    return
                case Kind.REPLAY if not message.retain:
                    asked = Replay.from_json(message.payload)
                    refusal = self._outbox.replay(asked.stream, asked.from_seq, asked.to_seq, now_ms)
                case Kind.ACK if not message.retain:
                    said = Ack.from_json(message.payload)
                    refusal = self._outbox.ack(said.stream, said.seq)
                case _:
                    refusal = "a retained message is no request of now"
        except ValueError as error:
            refusal = str(error)
        if refusal is not None:
            self.ignored += 1
            _log.warning("ignored on %s: %s", message.topic, refusal)

    def _heard(self, status: HeadendStatus, retained: bool, now_ms: int) -> None:  # noqa: FBT001 (as it was delivered)
        """A heartbeat; a retained one says when it was, not that it is now."""
        if status.status is not GatewayState.ONLINE:
            return
        heard_ms = min(utc_ms(status.at), now_ms) if retained else now_ms
        before_ms = self._around.headend_seen_ms
        self._around.headend_seen_ms = max(before_ms, heard_ms)
        if heard_ms - before_ms >= HEARD_EVERY_MS:
            self._store.set_meta(HEADEND_SEEN, str(heard_ms))

    @property
    def _store(self) -> Store:
        return self._commit.store


def priority_of(command: Open) -> Priority:
    """How urgent a command is on its line."""
    return Priority.ON_DEMAND if command.command.verb in READS else Priority.COMMAND
