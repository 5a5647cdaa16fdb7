"""The pusher: each notification is tried as often as its setup says, in its window, and never from a disabled setup."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from emulator.errand.push import (
    CONFIRMED_BIT,
    PUSH,
    QUEUE_MAX,
    Push,
    Pusher,
    PushEvent,
    PushSettings,
    PushState,
    _Queue,
)
from emulator.line.destination import Service, carrier_of, possible
from emulator.timing.clock import MeterClock
from emulator.timing.recurrence import Window
from emulator.timing.zone import zone
from protocols.address import Tcp, Udp
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.notification import DataNotification
from protocols.dlms.value import Tag, encode

START_MS = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30."""
HOUR_MS = 3_600_000
INDIA = zone("Asia/Kolkata")
ALERT, INSTANT = bytes((0, 4, 25, 9, 0, 255)), bytes((0, 0, 25, 9, 0, 255))
TO = PushSettings(destination=b"127.0.0.1:4059", retries=2, delay_s=60)


@dataclass
class FakeMeter:
    id: str = "MB0001"
    seed: int = 42
    clock: MeterClock = field(default_factory=lambda: MeterClock(INDIA, START_MS))


def pusher(**setups: PushSettings) -> tuple[Pusher, dict[bytes, PushSettings]]:
    table = {{"alert": ALERT, "instant": INSTANT}[name]: each for name, each in setups.items()}
    return Pusher(FakeMeter(), table.get, lambda _at_ms, _heard: None), table


def number(content: int) -> bytes:
    return encode((int(Tag.DOUBLE_LONG_UNSIGNED), content))


def taken(core: Pusher, at_ms: int) -> list[Push]:
    core.advance(at_ms)
    return core.take()


def test_every_cell_of_the_table_steps_or_changes_nothing() -> None:
    for state in PushState:
        for event in PushEvent:
            queue = _Queue()
            queue.state = state
            expected = PUSH.get((state, event))
            assert queue.step(event) is (expected is not None)
            assert queue.state is (expected or state)


def test_a_push_goes_out_once_and_is_not_repeated_after_success() -> None:
    core, _ = pusher(alert=TO)
    assert core.push(ALERT, number(7), START_MS)
    [push] = taken(core, START_MS)
    assert DataNotification.decode(push.apdu).body == number(7)
    assert (push.client, push.service, push.destination, push.confirmed) == (64, 0, b"127.0.0.1:4059", False)
    core.ended(push.token, START_MS + 5, delivered=True)
    assert core.wake_ms() is None
    assert not taken(core, START_MS + HOUR_MS)
    assert [report.word for report in core.reports] == ["sent", "delivered"]


def test_it_is_tried_again_as_often_as_said_then_given_up() -> None:
    core, _ = pusher(alert=TO)
    core.push(ALERT, number(1), START_MS)
    now_ms, tries = START_MS, []
    while (wake := core.wake_ms()) is not None:
        now_ms = wake
        [push] = taken(core, now_ms)
        tries.append((now_ms - START_MS, push.apdu))
        core.ended(push.token, now_ms, delivered=False)
    assert [after for after, _ in tries] == [0, 60_000, 120_000]
    assert len({apdu for _, apdu in tries}) == 1
    assert [report.word for report in core.reports][-1] == "given up"


def test_the_delay_of_version_two_grows_up_to_its_bound() -> None:
    growing = PushSettings(delay_s=30, delay_exponent=200, delay_max_s=100)
    assert [growing.wait_ms(tries) for tries in (1, 2, 3, 4)] == [30_000, 60_000, 100_000, 100_000]
    assert [TO.wait_ms(tries) for tries in (1, 2, 255)] == [60_000] * 3


def test_pushes_of_one_moment_are_spread_over_the_interval() -> None:
    spread = replace(TO, random_ms=120_000)
    delays = []
    for meter in range(200):
        core = Pusher(FakeMeter(id=f"MB{meter:04}"), {ALERT: spread}.get, lambda _at_ms, _heard: None)
        core.push(ALERT, number(1), START_MS)
        wake = core.wake_ms()
        assert wake is not None
        delays.append(wake - START_MS)
    assert min(delays) >= 0
    assert max(delays) <= 120_000
    assert len({delay // 12_000 for delay in delays}) == 10  # every tenth of the interval has some


def test_a_closed_window_holds_a_push_back_until_it_opens() -> None:
    night = Window.of(DateTime(Date(), Time(2, 0)), DateTime(Date(), Time(4, 0)))
    core, _ = pusher(alert=replace(TO, windows=(night,)))
    core.push(ALERT, number(1), START_MS)
    assert not taken(core, START_MS)
    assert core.wake_ms() == START_MS + 2 * HOUR_MS
    assert not taken(core, START_MS + 2 * HOUR_MS - 1)
    assert len(taken(core, START_MS + 2 * HOUR_MS)) == 1


def test_a_setup_that_is_disabled_meanwhile_pushes_nothing() -> None:
    core, table = pusher(alert=replace(TO, random_ms=60_000))
    core.push(ALERT, number(1), START_MS)
    table[ALERT] = replace(TO, destination=b"")
    assert not taken(core, START_MS + HOUR_MS)
    assert core.states == {ALERT: PushState.IDLE}
    assert not core.push(ALERT, number(2), START_MS + HOUR_MS)
    assert not core.enabled(ALERT)
    assert not core.push(INSTANT, number(2), START_MS)


def test_what_waits_is_bounded_and_the_oldest_makes_room() -> None:
    core, _ = pusher(alert=TO)
    for content in range(QUEUE_MAX + 3):
        core.push(ALERT, number(content), START_MS + content)
    now_ms, seen = START_MS + 100, []
    while out := taken(core, now_ms):
        for push in out:
            seen.append(DataNotification.decode(push.apdu).body)
            core.ended(push.token, now_ms, delivered=True)
    assert seen == [number(content) for content in range(3, QUEUE_MAX + 3)]


def test_a_newer_instant_takes_the_place_of_one_that_waits() -> None:
    core, _ = pusher(instant=replace(TO, random_ms=60_000))
    core.push(INSTANT, number(1), START_MS, only_newest=True)
    core.push(INSTANT, number(2), START_MS + 1, only_newest=True)
    [push] = taken(core, START_MS + HOUR_MS)
    assert DataNotification.decode(push.apdu).body == number(2)


def test_confirmed_pushes_say_so_and_remember_when() -> None:
    core, _ = pusher(alert=replace(TO, confirmed=True))
    core.push(ALERT, number(1), START_MS)
    [push] = taken(core, START_MS)
    assert push.confirmed
    assert push.long_invoke & CONFIRMED_BIT
    core.ended(push.token, START_MS + 20, delivered=True)
    assert core.confirmed_ms == {ALERT: START_MS + 20}


def test_the_last_gasp_is_one_word_that_nobody_repeats() -> None:
    core, _ = pusher(alert=replace(TO, confirmed=True, random_ms=60_000))
    core.push(ALERT, number(1), START_MS)
    core.forget()
    core.last_gasp(ALERT, number(2), START_MS, lost=False)
    [push] = core.take()
    assert push.dying
    assert not push.confirmed
    core.ended(push.token, START_MS + 1, delivered=False)
    assert core.wake_ms() is None
    core.last_gasp(ALERT, number(3), START_MS, lost=True)
    assert not core.take()
    assert core.reports[-1].word == "lost"


def test_a_last_gasp_outside_its_window_is_not_sent() -> None:
    night = Window.of(DateTime(Date(), Time(2, 0)), DateTime(Date(), Time(4, 0)))
    core, _ = pusher(alert=replace(TO, windows=(night,)))
    core.last_gasp(ALERT, number(1), START_MS, lost=False)
    assert not core.take()


def test_an_end_that_belongs_to_no_try_changes_nothing() -> None:
    core, _ = pusher(alert=TO)
    core.push(ALERT, number(1), START_MS)
    [push] = taken(core, START_MS)
    core.ended(push.token + 1, START_MS, delivered=True)
    assert core.states == {ALERT: PushState.SENDING}
    core.forget()
    core.ended(push.token, START_MS, delivered=False)
    assert core.states == {ALERT: PushState.IDLE}
    assert core.wake_ms() is None


@pytest.mark.parametrize(
    ("service", "destination", "carrier"),
    [
        (0, b"127.0.0.1:4059", Tcp(host="127.0.0.1", port=4059)),
        (0, b"192.0.2.7", Tcp(host="192.0.2.7", port=4059)),
        (1, b"[::1]:5000", Udp(host="::1", port=5000)),
        (0, b"127.0.0.1:0", None),
        (0, b"127.0.0.1:4059?client=16", None),
        (0, b"user@127.0.0.1:4059", None),
        (0, b"\xff\xfe", None),
        (0, b"x" * 300, None),
        (5, b"anything", None),
        (2, b"127.0.0.1:4059", None),
    ],
)
def test_a_destination_is_a_host_and_a_port(service: int, destination: bytes, carrier: Tcp | Udp | None) -> None:
    assert carrier_of(service, destination) == carrier
    assert possible(service, destination) == (carrier is not None or service == Service.HDLC)
    assert possible(service, b"")


@given(st.integers(0, 255), st.binary(max_size=60))
def test_any_destination_is_possible_or_not(service: int, destination: bytes) -> None:
    assert possible(service, destination) in {True, False}


RETRIES = 2
DAY = [Window.of(DateTime(Date(), Time(start, 0)), DateTime(Date(), Time(start + 6, 0))) for start in (0, 8, 16)]


class PushLaws(RuleBasedStateMachine):
    """Pushes, answers, writes to the setup, outages, and time, in any order."""

    @initialize(window=st.sampled_from((None, *DAY)), random_s=st.integers(0, 600))
    def begin(self, window: Window | None, random_s: int) -> None:
        self.window = window
        self.setting = PushSettings(
            destination=b"127.0.0.1:4059",
            windows=() if window is None else (window,),
            random_ms=random_s * 1000,
            retries=RETRIES,
            delay_s=60,
        )
        self.meter = FakeMeter()
        self.core = Pusher(self.meter, lambda _setup: self.setting, lambda _at_ms, heard: self.told.append(heard))
        self.told: list[bool] = []
        self.now_ms = START_MS
        self.contents = 0
        self.born: dict[bytes, int] = {}
        self.tries: dict[bytes, int] = {}
        self.open: list[Push] = []
        self.delivered: set[bytes] = set()
        self.dead: set[bytes] = set()

    @rule(only_newest=st.booleans())
    def push(self, *, only_newest: bool) -> None:
        self.contents += 1
        body = number(self.contents)
        self.born[body] = self.now_ms
        accepted = self.core.push(ALERT, body, self.now_ms, only_newest=only_newest)
        assert accepted == bool(self.setting.destination)

    @rule(forward_ms=st.integers(0, 12 * HOUR_MS))
    def wait(self, forward_ms: int) -> None:
        until_ms = self.now_ms + forward_ms
        while (wake := self.core.wake_ms()) is not None and wake <= until_ms:
            self.now_ms = max(self.now_ms, wake)
            self.core.advance(self.now_ms)
            self._collect()
        self.now_ms = until_ms

    def _collect(self) -> None:
        for push in self.core.take():
            body = DataNotification.decode(push.apdu).body
            assert self.setting.destination, "a disabled setup pushes nothing"
            assert self.born[body] <= self.now_ms
            assert body not in self.delivered
            assert body not in self.dead
            assert self.window is None or self.window.is_open(self.now_ms, INDIA)
            assert not self.open, "one push of a setup at a time"
            self.tries[body] = self.tries.get(body, 0) + 1
            assert self.tries[body] <= RETRIES + 1
            self.open.append(push)

    @precondition(lambda self: self.open)
    @rule(delivered=st.booleans())
    def end(self, *, delivered: bool) -> None:
        push = self.open.pop()
        if delivered:
            self.delivered.add(DataNotification.decode(push.apdu).body)
        self.core.ended(push.token, self.now_ms, delivered=delivered)

    @rule(enabled=st.booleans())
    def write(self, *, enabled: bool) -> None:
        self.setting = replace(self.setting, destination=b"127.0.0.1:4059" if enabled else b"")

    @rule()
    def lose_supply(self) -> None:
        self.core.forget()
        self.dead |= set(self.born)
        self.open.clear()

    @invariant()
    def it_is_told_once_when_nobody_is_reached_and_once_when_somebody_is_again(self) -> None:
        if hasattr(self, "core"):
            assert self.told == [bool(number % 2) for number in range(len(self.told))]

    @invariant()
    def nothing_due_is_forgotten(self) -> None:
        if hasattr(self, "core") and not self.open:
            queued = any(state is not PushState.IDLE for state in self.core.states.values())
            assert not queued or self.core.wake_ms() is not None or self.window is not None


TestPushLaws = PushLaws.TestCase
TestPushLaws.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
