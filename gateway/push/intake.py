"""What becomes of a push, whichever way it came: opened, made durable, told, and only then confirmed.

Whatever arrives comes from anybody: what is not understood is counted and dropped, never an exception. A push that is
sent again because its confirmation was lost is confirmed again and told once.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import tzinfo
from hashlib import blake2b
from typing import Final

from gateway.outbox.store import StoreError
from gateway.polling.bus import Job
from gateway.polling.poll import RELAY
from gateway.polling.schedule import Priority
from gateway.push.payload import MalformedPushError, Pushed, split_payload, understand, understand_event
from gateway.push.sender import Counted, Letter, Senders
from gateway.push.tap import Heard, Notification
from gateway.service.fleet import Fleet
from gateway.service.runner import Shared
from protocols.cosem.status_word import FIRST_BREATH, LAST_GASP, SWITCH, bits_of, name_of
from protocols.dlms.notification import EventNotificationRequest
from protocols.dlms.security.refused import Refused
from protocols.errors import LocalProtocolError
from protocols.message.reading import Quality, Row
from protocols.message.reading import Value as Published
from protocols.transport.pump import link_time_us

UNSTORED_MAX: Final = 10_000
"""Pushes that wait for the disk; beyond them a push is not taken, and not confirmed."""

REMEMBERED: Final = 8
"""Confirmed pushes of a meter that are known again: a meter tries few setups at once."""

POWER_EVENTS: Final = {101: "last_gasp", 102: "first_breath"}

_TOLD: Final = "pushes told"

_log = logging.getLogger(__name__)


class PushIntake:
    """All pushes of one gateway.

    Args:
        shared: what the gateway's lines use.
        fleet: the meters.
        title: the gateway's system title.
        zone: where the meters' clocks stand, when they do not say.
        refuse_replayed: whether a counter that was used before is refused.
    """

    def __init__(self, shared: Shared, fleet: Fleet, title: bytes, zone: tzinfo, *, refuse_replayed: bool) -> None:
        self.senders = Senders(title, refuse_replayed=refuse_replayed)
        self._refuse_replayed = refuse_replayed
        self._shared = shared
        self._fleet = fleet
        self._zone = zone
        self._unstored = 0
        self._words: dict[str, set[int]] = {}
        """The bits of each meter's status word as it was last pushed."""

    def take(self, heard: Heard) -> None:
        """Take a push off the wire."""
        letter = self.senders.open(heard.apdu, heard.meter)
        if isinstance(letter, Refused):
            self._shared.health.error("push_refused")
            _log.info("a push from %s is not taken: %s", heard.where, letter.reason)
            return

        def confirm() -> None:
            heard.reply(self.senders.confirmation(letter), link_time_us())

        self._store(letter, confirm)

    def indicated(self, meter: str, notification: Notification, confirm: Callable[[], None]) -> None:
        """Take a push that an association with its meter has opened.

        Args:
            meter: whose association it is.
            notification: what was pushed.
            confirm: confirms it within that association.
        """
        unit = self.senders.unit(meter)
        if unit is not None:
            self._store(Letter(unit, notification, 0), confirm)

    # Durable first

    def _store(self, letter: Letter, confirm: Callable[[], None]) -> None:
        if self._unstored >= UNSTORED_MAX:
            self._shared.health.error("push_dropped")
            return
        self._unstored += 1
        future = self._shared.commit.submit(lambda: self.tell(letter))
        future.add_done_callback(lambda done: self._stored(done, letter, confirm))

    def _stored(self, done: "asyncio.Future[bool]", letter: Letter, confirm: Callable[[], None]) -> None:
        self._unstored -= 1
        error = None if done.cancelled() else done.exception()
        if isinstance(error, StoreError):
            _log.error("a push of %s can't be stored: %s", letter.unit.id, error)
        elif error is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a push could not be told", "exception": error}
            )
        elif letter.wants_confirmation and not done.cancelled() and done.result():
            try:
                confirm()
            except LocalProtocolError as fault:
                _log.warning("a push of %s can't be confirmed: %s", letter.unit.id, fault)

    def tell(self, letter: Letter) -> bool:
        """Write what was pushed into the outbox, within a transaction; whether it may be confirmed."""
        unit, now_ms = letter.unit, self._shared.clock.now_ms()
        told = letter.wants_confirmation and self._is_told(letter)
        if letter.counted is not None and not self._counts(unit.id, letter.counted) and not told:
            self._shared.health.error("push_refused")
            _log.info("a push of %s is not taken: its counter was used before", unit.id)
            return False
        unit.last_seen_ms = now_ms
        if told:
            self._shared.health.error("push_repeated")
            return True
        self._remember(letter)
        if isinstance(letter.notification, EventNotificationRequest):
            name, row = understand_event(letter.notification, unit.model, self._zone)
            self._shared.report.event(unit.id, "event_notification", name, now_ms, row=row)
        else:
            self._tell(letter, letter.notification.body, now_ms)
        return True

    def _counts(self, meter: str, counted: Counted) -> bool:
        """Whether a counter is new, also over restarts; it is remembered."""
        store = self._shared.commit.store
        kept = store.recall(meter, counted.name)
        if self._refuse_replayed and kept is not None and counted.counter <= int(kept):
            return False
        store.remember(meter, counted.name, str(counted.counter))
        return True

    def _is_told(self, letter: Letter) -> bool:
        """Whether the very same push was told before: its confirmation was lost.

        The number of a push alone would not do: it begins anew when a meter restarts.
        """
        return _digest(letter) in self._told(letter.unit.id)

    def _told(self, meter: str) -> list[str]:
        return (self._shared.commit.store.recall(meter, _TOLD) or "").split()

    def _remember(self, letter: Letter) -> None:
        """Know a push again that asks for a confirmation."""
        if letter.wants_confirmation:
            told = [*self._told(letter.unit.id), _digest(letter)][-REMEMBERED:]
            self._shared.commit.store.remember(letter.unit.id, _TOLD, " ".join(told))

    # What it says

    def _tell(self, letter: Letter, body: bytes, now_ms: int) -> None:
        unit, report = letter.unit, self._shared.report
        try:
            pushed = understand(split_payload(body), unit.model, self._zone)
        except MalformedPushError as error:
            self._shared.health.error("push_malformed")
            reason = Published(name="payload", value=None, quality=Quality.ERROR, reason=str(error))
            report.event(unit.id, "gateway", "push_refused", now_ms, row=Row(values=(reason,)))
            return
        form = pushed.form
        if form is not None and form.profile is not None:
            report.reading(unit.id, form.profile, (pushed.row,), now_ms)
        elif pushed.code in POWER_EVENTS:
            kind = POWER_EVENTS[pushed.code]
            report.event(unit.id, kind, kind, now_ms, row=pushed.row, code=pushed.code, log="power")
        elif pushed.word is not None:
            self._tell_word(letter, pushed, now_ms)
        else:
            report.event(unit.id, "push", pushed.setup or "push", now_ms, row=pushed.row, code=pushed.code)

    def _tell_word(self, letter: Letter, pushed: Pushed, now_ms: int) -> None:
        """An event status word: what is new in it says what kind of event it is."""
        meter = letter.unit.id
        bits = set(bits_of(pushed.word or ""))
        risen = bits - self._words.get(meter, set())
        self._words[meter] = bits
        kind = "status_word"
        if FIRST_BREATH in risen:
            kind = "first_breath"
        elif LAST_GASP in risen:
            kind = "last_gasp"
        names = tuple(name_of(bit) for bit in sorted(bits))
        self._shared.report.event(meter, kind, kind, now_ms, row=pushed.row, bits=names)
        runner = self._fleet.line_of.get(meter)
        if SWITCH in risen and runner is not None and letter.unit.has_relay:
            # The bit says only that the switch has moved: its state is read, never inferred.
            runner.add(Job(meter, Priority.EVENT, RELAY, now_ms))


def _digest(letter: Letter) -> str:
    return blake2b(letter.notification.encode(), digest_size=8, person=b"pushed").hexdigest()
