"""Pushes: what a meter sends unasked, when it begins, how often it tries, and when it gives up.

A pure core: it is told what is to be pushed and how a try has ended, and says what is to be sent now and when it wants
to be woken. Each push setup (class 40) has a queue of notifications, made at the instant of what they tell of; the one
at its head walks through the table. A loss of supply empties the queues, since the module's memory is gone with it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from emulator.event.watch import FAR
from emulator.line.destination import Service
from emulator.mains import draw
from emulator.timing.clock import STANDS_STILL
from emulator.timing.recurrence import Window, first_open
from protocols.dlms.notification import DataNotification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.timing.clock import MeterClock

QUEUE_MAX: Final = 16
"""Notifications that wait in one setup: a module has little memory; the oldest one makes room."""

REPORTS_MAX: Final = 256
"""What became of pushes is forgotten where nobody wants to know it."""

LONG_INVOKE_MASK: Final = 0xFFFFFF
CONFIRMED_BIT: Final = 1 << 30
"""Of long-invoke-id-and-priority: the number, and the service class that asks for a confirmation."""


class PushState(Enum):
    """Where the notification at the head of a setup's queue stands."""

    IDLE = "nothing is to be pushed"
    DELAYED = "waits for its random delay and its window"
    SENDING = "is on its way"
    WAITING = "waits to be tried again"


class PushEvent(Enum):
    """What happens to it."""

    TRIGGER = "something is to be pushed"
    BEGIN = "its time has come and the window is open"
    DELIVERED = "it was sent and, where asked for, confirmed"
    FAILED = "it was not, and there are tries left"
    GIVEN_UP = "it was not, and there is no try left"
    CANCEL = "the setup was disabled, or the supply is gone"


PUSH: Final = {
    (PushState.IDLE, PushEvent.TRIGGER): PushState.DELAYED,
    (PushState.DELAYED, PushEvent.BEGIN): PushState.SENDING,
    (PushState.SENDING, PushEvent.DELIVERED): PushState.IDLE,
    (PushState.SENDING, PushEvent.FAILED): PushState.WAITING,
    (PushState.SENDING, PushEvent.GIVEN_UP): PushState.IDLE,
    (PushState.WAITING, PushEvent.BEGIN): PushState.SENDING,
} | {(state, PushEvent.CANCEL): PushState.IDLE for state in PushState}
"""(state, event) -> state; a pair that is missing is not possible and changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """What a push setup says.

    Attributes:
        service, destination: how and where to; an empty destination is a setup that is disabled.
        windows: when a push may begin; none is always.
        random_ms: the most by which a push is delayed, so that a feeder's meters do not all speak at once.
        retries: how often it is tried again.
        delay_s, delay_exponent, delay_max_s: before the first retry, by how many hundredths that grows, up to what.
        confirmed: whether the receiver is to confirm it.
        client: the client SAP that it is for.
    """

    service: int = Service.TCP
    destination: bytes = b""
    windows: tuple[Window, ...] = ()
    random_ms: int = 0
    retries: int = 0
    delay_s: int = 0
    delay_exponent: int = 100
    delay_max_s: int = 0xFFFF
    confirmed: bool = False
    client: int = 64

    def wait_ms(self, tries: int) -> int:
        """How long after so many tries the next one comes."""
        wait_ms, most_ms = self.delay_s * 1000, max(self.delay_max_s, self.delay_s) * 1000
        for _ in range(1, tries):
            wait_ms = min(wait_ms * self.delay_exponent // 100, most_ms)
        return wait_ms


class Push(NamedTuple):
    """One try to send a notification, for whoever has a carrier.

    Attributes:
        token: to name it by in `Pusher.ended`.
        setup: logical name of the push setup.
        client: the client SAP that it is for.
        service, destination: how and where to.
        apdu: the plain DataNotification.
        confirmed: whether to wait for its confirmation.
        dying: the meter has no supply any more: there is no time to open anything twice.
    """

    token: int
    setup: bytes
    client: int
    service: int
    destination: bytes
    apdu: bytes
    confirmed: bool
    dying: bool = False

    @property
    def long_invoke(self) -> int:
        """What its confirmation repeats."""
        return int.from_bytes(self.apdu[1:5], "big")


class Report(NamedTuple):
    """What became of a push, for the journal: `word` is sent, delivered, failed, given up, dropped, lost."""

    at_ms: int
    setup: bytes
    word: str
    tries: int


class Pushing(Protocol):
    """What the pusher asks of its meter."""

    @property
    def id(self) -> str:
        """Its serial number."""

    @property
    def seed(self) -> int:
        """Of the bench."""

    @property
    def clock(self) -> MeterClock:
        """Its clock."""


class _Item:
    """One notification in a queue."""

    __slots__ = ("apdu", "confirmed", "due_ms", "tries")

    def __init__(self, apdu: bytes, due_ms: int, *, confirmed: bool) -> None:
        self.apdu = apdu
        self.due_ms = due_ms
        self.confirmed = confirmed
        self.tries = 0


class _Queue:
    """One setup at run time."""

    __slots__ = ("items", "state", "token")

    def __init__(self) -> None:
        self.items: deque[_Item] = deque()
        self.state = PushState.IDLE
        self.token = 0

    def step(self, event: PushEvent) -> bool:
        """Take the table's step, or refuse it and change nothing."""
        state = PUSH.get((self.state, event))
        if state is None:
            return False
        self.state = state
        return True


class Pusher:
    """All push setups of one meter.

    Args:
        meter: the meter.
        settings: what a setup says now, by logical name; None where there is no such setup.
        reach: is told when a setup's pushes begin to reach nobody, and when they reach somebody again.

    Attributes:
        reports: what became of the last pushes, until somebody takes it.
        confirmed_ms: when each setup's last push was confirmed, true time.
    """

    __slots__ = (
        "_due_ms",
        "_invoke",
        "_meter",
        "_out",
        "_queues",
        "_reach",
        "_settings",
        "_tokens",
        "_unheard",
        "confirmed_ms",
        "reports",
    )

    def __init__(
        self,
        meter: Pushing,
        settings: Callable[[bytes], PushSettings | None],
        reach: Callable[[int, bool], None],
    ) -> None:
        self._meter = meter
        self._settings = settings
        self._reach = reach
        self._unheard: set[bytes] = set()
        """Setups whose last push was given up: only the first one in a row is worth an event."""
        self._queues: dict[bytes, _Queue] = {}
        self._out: list[Push] = []
        self._tokens = self._invoke = 0
        self._due_ms = FAR
        self.reports: deque[Report] = deque(maxlen=REPORTS_MAX)
        self.confirmed_ms: dict[bytes, int] = {}

    # What is to be pushed

    def enabled(self, setup: bytes) -> bool:
        """Whether a setup has a destination."""
        settings = self._settings(setup)
        return settings is not None and bool(settings.destination)

    def push(self, setup: bytes, body: bytes, at_ms: int, *, only_newest: bool = False) -> bool:
        """Put a notification into the queue of a setup; False where that is disabled.

        Args:
            setup: its logical name.
            body: the encoded value.
            at_ms: true time.
            only_newest: what still waits is out of date with this one.
        """
        settings = self._settings(setup)
        if settings is None or not settings.destination:
            return False
        queue = self._queues.setdefault(setup, _Queue())
        if only_newest:
            keep = 1 if queue.state in {PushState.SENDING, PushState.WAITING} else 0
            while len(queue.items) > keep:
                queue.items.pop()
        elif len(queue.items) >= QUEUE_MAX:
            oldest = queue.items[0] if queue.state is PushState.DELAYED else queue.items[1]
            queue.items.remove(oldest)
            self._report(at_ms, setup, "dropped", 0)
        delay_ms = draw.between(self._meter.seed, f"{self._meter.id}/push/{setup.hex()}", at_ms, 0, settings.random_ms)
        apdu = self._notification(body, confirmed=settings.confirmed)
        queue.items.append(_Item(apdu, at_ms + delay_ms, confirmed=settings.confirmed))
        queue.step(PushEvent.TRIGGER)
        self._replan()
        return True

    def last_gasp(self, setup: bytes, body: bytes, at_ms: int, *, lost: bool) -> None:
        """The supply is gone: one word at once, without delay, confirmation or a second try.

        Args:
            setup: its logical name.
            body: the encoded value.
            at_ms: true time.
            lost: whether the reserve was too small for it.
        """
        settings = self._settings(setup)
        if settings is None or not settings.destination or self._open_ms(settings, at_ms) != at_ms:
            return
        if lost:
            self._report(at_ms, setup, "lost", 0)
            return
        item = _Item(self._notification(body, confirmed=False), at_ms, confirmed=False)
        self._send(setup, settings, item, dying=True)
        self._report(at_ms, setup, "sent", 1)

    def forget(self) -> None:
        """The supply is gone, and what waited with it."""
        for queue in self._queues.values():
            self._cancel(queue)
        self._replan()

    # Time

    def wake_ms(self) -> int | None:
        """When something is to be sent."""
        return None if self._due_ms >= FAR else self._due_ms

    def advance(self, at_ms: int) -> None:
        """Begin every push whose time has come."""
        if self._due_ms > at_ms:
            return
        for setup, queue in self._queues.items():
            if queue.state in {PushState.DELAYED, PushState.WAITING} and queue.items[0].due_ms <= at_ms:
                self._begin(setup, queue, at_ms)
        self._replan()

    @property
    def waiting(self) -> bool:
        """Whether there is something to be taken, a push or a word about one."""
        return bool(self._out or self.reports)

    def take(self) -> list[Push]:
        """What is to be sent now; each is given once and ends with `ended`, but for the last word of a meter."""
        out, self._out = self._out, []
        return out

    def ended(self, token: int, at_ms: int, *, delivered: bool) -> None:
        """A try has come to its end."""
        for setup, queue in self._queues.items():
            if queue.token == token and queue.state is PushState.SENDING:
                self._end(setup, queue, at_ms, delivered=delivered)
                break
        self._replan()

    # One setup

    def _begin(self, setup: bytes, queue: _Queue, at_ms: int) -> None:
        settings = self._settings(setup)
        if settings is None or not settings.destination:
            self._cancel(queue)
            return
        item = queue.items[0]
        open_ms = self._open_ms(settings, at_ms)
        if open_ms > at_ms:
            item.due_ms = open_ms
            return
        queue.step(PushEvent.BEGIN)
        item.tries += 1
        queue.token = self._send(setup, settings, item)
        self._report(at_ms, setup, "sent", item.tries)

    def _end(self, setup: bytes, queue: _Queue, at_ms: int, *, delivered: bool) -> None:
        item, settings = queue.items[0], self._settings(setup)
        queue.token = 0
        if delivered:
            queue.step(PushEvent.DELIVERED)
            if item.confirmed:
                self.confirmed_ms[setup] = at_ms
        elif settings is not None and item.tries <= settings.retries:
            queue.step(PushEvent.FAILED)
            item.due_ms = at_ms + settings.wait_ms(item.tries)
        else:
            queue.step(PushEvent.GIVEN_UP)
        word = "delivered" if delivered else "failed" if queue.state is PushState.WAITING else "given up"
        self._report(at_ms, setup, word, item.tries)
        if queue.state is PushState.IDLE and delivered is (setup in self._unheard):
            (self._unheard.discard if delivered else self._unheard.add)(setup)
            self._reach(at_ms, delivered)
        if queue.state is PushState.IDLE:
            queue.items.popleft()
            if queue.items:
                queue.step(PushEvent.TRIGGER)

    def _send(self, setup: bytes, settings: PushSettings, item: _Item, *, dying: bool = False) -> int:
        self._tokens += 1
        place = (settings.client, settings.service, settings.destination)
        self._out.append(Push(self._tokens, setup, *place, item.apdu, item.confirmed, dying))
        return self._tokens

    def _cancel(self, queue: _Queue) -> None:
        queue.step(PushEvent.CANCEL)
        queue.items.clear()
        queue.token = 0

    def _open_ms(self, settings: PushSettings, at_ms: int) -> int:
        """The first instant from one on at which a push may begin; `FAR` if never."""
        if not settings.windows:
            return at_ms
        clock = self._meter.clock
        segment = clock.segment(at_ms)
        now_ms = segment.meter_ms(at_ms)
        open_ms = first_open(settings.windows, now_ms, clock.zone)
        if open_ms == now_ms:
            return at_ms
        return FAR if open_ms is None or segment.ppb == STANDS_STILL else segment.true_ms(open_ms)

    def _notification(self, body: bytes, *, confirmed: bool) -> bytes:
        self._invoke = (self._invoke + 1) & LONG_INVOKE_MASK
        return DataNotification(self._invoke | (CONFIRMED_BIT if confirmed else 0), b"", body).encode()

    def _report(self, at_ms: int, setup: bytes, word: str, tries: int) -> None:
        self.reports.append(Report(at_ms, setup, word, tries))

    def _replan(self) -> None:
        self._due_ms = min(
            (
                queue.items[0].due_ms
                for queue in self._queues.values()
                if queue.state in {PushState.DELAYED, PushState.WAITING}
            ),
            default=FAR,
        )

    @property
    def states(self) -> Mapping[bytes, PushState]:
        """Where each setup stands that ever had something to push."""
        return {setup: queue.state for setup, queue in self._queues.items()}
