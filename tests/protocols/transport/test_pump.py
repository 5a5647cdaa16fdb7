"""The pump's turns, its timer, its back-pressure and its ends."""

import asyncio
from typing import Any

import pytest

from protocols.machine import Machine, Peer, SetLine, Transmit
from protocols.transport import pump as pump_module
from protocols.transport.pump import HELD_FRAMES_MAX, Pump, link_time_us
from tests.protocols.transport.fakes import Scripted, echo_server


class Wire(asyncio.Transport):
    """A carrier that notes everything."""

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra or {"peername": ("127.0.0.1", 1234)})
        self.done: list[Any] = []

    def write(self, data: Any) -> None:
        self.done.append(bytes(data))

    def set_line(self, line: SetLine) -> None:
        self.done.append(line)

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")


class Clock:
    """Link time by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_us = 1_000
        monkeypatch.setattr(pump_module, "link_time_us", lambda: self.now_us)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def joined(machine: Machine | None, **options: Any) -> tuple[Pump, Wire]:
    pump, wire = Pump(lambda _peer: machine, **options), Wire()
    pump.connection_made(wire)
    return pump, wire


async def test_frames_leave_in_order_and_unmerged() -> None:
    _, wire = joined(Scripted([b"a", Transmit(b"b"), SetLine(9600), b"c"]))
    assert wire.done == [b"a", b"b", SetLine(9600), b"c"]


class Prompt(Scripted):
    """Answers one word at once, and the rest on the long way."""

    def at_once(self, data: bytes, _now_us: int) -> bytes | None:
        return b"at once" if data == b"known" else None


async def test_a_machine_may_answer_at_once_but_not_before_what_waits() -> None:
    pump, wire = joined(machine := Prompt([]))
    pump.data_received(b"known")
    assert (wire.done, machine.heard) == ([b"at once"], [])
    machine.out = [Transmit(b"held", 10**18)]
    pump.data_received(b"new")
    pump.data_received(b"known")
    assert (wire.done, machine.heard) == ([b"at once"], [b"new", b"known"])


async def test_a_frame_waits_for_its_instant_and_what_follows_waits_behind_it(clock: Clock) -> None:
    pump, wire = joined(Scripted([b"a", Transmit(b"b", 6_000), b"c", SetLine(300), Transmit(b"d", 4_000)]))
    assert wire.done == [b"a"]
    clock.now_us = 5_999
    pump._on_timer()
    assert wire.done == [b"a"]
    clock.now_us = 6_000
    pump._on_timer()
    assert wire.done == [b"a", b"b", b"c", SetLine(300), b"d"]


async def test_a_machine_that_holds_back_too_much_is_broken_off(clock: Clock) -> None:
    machine = Scripted([Transmit(b"x", 10**9)] * (HELD_FRAMES_MAX + 1))
    pump, wire = joined(machine)
    assert wire.done == ["abort"]
    assert pump.closed is not None


async def test_the_timer_is_left_alone_while_deadlines_only_move_away(clock: Clock) -> None:
    machine = Scripted()
    machine.deadline = 10_000_000
    pump, _ = joined(machine)
    timer = pump._timer
    for _ in range(3):
        machine.deadline += 1_000_000
        pump.data_received(b"x")
        assert pump._timer is timer
    machine.deadline = 5_000_000
    pump.data_received(b"x")
    assert pump._timer is not timer
    pump.abort("enough")


async def test_an_early_timer_wakes_nobody_and_is_set_again(clock: Clock) -> None:
    machine = Scripted()
    machine.deadline = 10_000
    pump, _ = joined(machine)
    machine.deadline = 20_000
    clock.now_us = 10_000
    pump._on_timer()
    assert machine.woken == []
    assert pump._timer is not None
    clock.now_us = 20_000
    pump._on_timer()
    assert machine.woken == [20_000]


async def test_while_the_peer_does_not_read_we_do_not_read() -> None:
    pump, wire = joined(Scripted())
    pump.pause_writing()
    pump.resume_writing()
    assert wire.done == ["pause", "resume"]


async def test_events_wait_until_somebody_listens() -> None:
    machine = Scripted()
    pump, _ = joined(machine)
    pump.data_received(b"early")
    heard: list[Any] = []
    pump.listen(heard.append, heard.append)
    pump.data_received(b"late")
    assert heard == [b"early", b"late"]


async def test_nobody_at_home_breaks_the_connection_off() -> None:
    closed: list[str] = []
    pump, wire = joined(None, on_closed=closed.append)
    pump.data_received(b"hello")
    assert not pump.eof_received()
    pump.connection_lost(None)
    assert wire.done == ["abort"]
    assert closed == ["nobody answers here"]


async def test_a_machine_that_closes_itself_ends_the_carrier_with_its_reason() -> None:
    closed: list[str] = []
    pump, wire = joined(echo_server(), on_closed=closed.append)
    pump.data_received(b"one\nbreak\ntwo\n")
    assert wire.done == [b"one\n", "close"]
    pump.connection_lost(None)
    assert closed == ["the peer said break"]


async def test_a_machine_that_closes_itself_hears_of_the_end_and_has_the_last_word() -> None:
    machine, said = Scripted(), list[bytes]()
    pump, wire = joined(machine)
    pump.on_event = said.append
    machine.closed = "enough"
    pump.data_received(b"one")
    assert wire.done == ["close"]
    assert machine.eof
    assert said == [b"one"]
    assert pump.closed == "enough"


async def test_a_machine_can_be_made_anew_on_the_same_carrier() -> None:
    machines = [Scripted([b"first"]), Scripted([b"second"])]
    made = iter(machines)
    pump, wire = Pump(lambda _peer: next(made)), Wire()
    pump.connection_made(wire)
    pump.renew()
    pump.data_received(b"hello")
    assert wire.done == [b"first", b"second"]
    assert (machines[0].heard, machines[1].heard) == ([], [b"hello"])


async def test_the_machine_hears_of_a_broken_connection() -> None:
    machine, closed = Scripted(), list[str]()
    pump, _ = joined(machine, on_closed=closed.append)
    pump.connection_lost(ConnectionResetError("reset by peer"))
    assert machine.eof
    assert closed == ["the connection broke (reset by peer)"]


async def test_the_end_of_the_stream_is_told_and_frames_that_wait_keep_it_open(clock: Clock) -> None:
    machine = Scripted()
    pump, wire = joined(machine)
    machine.out = [Transmit(b"late", 9_000)]
    assert pump.eof_received()
    assert machine.eof
    clock.now_us = 9_000
    pump._on_timer()
    assert wire.done == [b"late", "close"]
    pump.connection_lost(None)


async def test_the_first_reason_of_an_end_is_kept() -> None:
    closed: list[str] = []
    pump, wire = joined(Scripted(), on_closed=closed.append)
    pump.close("we are done")
    pump.abort("no, at once")
    pump.connection_lost(None)
    assert wire.done == ["close", "abort"]
    assert closed == ["we are done"]


async def test_a_pump_that_never_got_its_carrier_can_be_closed() -> None:
    pump = Pump(lambda _peer: Scripted())
    pump.abort("never mind")
    assert pump.closed == "never mind"


async def test_a_bug_in_a_deadline_climbs_and_ends_the_carrier(clock: Clock) -> None:
    class Broken(Scripted):
        def on_deadline(self, now_us: int) -> None:
            raise ZeroDivisionError

    machine = Broken()
    machine.deadline = 0
    pump, wire = joined(machine)
    with pytest.raises(ZeroDivisionError):
        pump._on_timer()
    assert wire.done == ["abort"]


async def test_the_peer_is_known_by_carrier_and_address() -> None:
    seen: list[Peer] = []

    def make(peer: Peer) -> Machine:
        seen.append(peer)
        return Scripted()

    for extra in ({"peername": ("::1", 5, 0, 0)}, {"peername": "/dev/pts/3", "carrier": "serial"}, {}):
        Pump(make).connection_made(Wire(extra or {"x": 1}))
    assert seen == [Peer("tcp", "[::1]:5"), Peer("serial", "/dev/pts/3"), Peer("tcp", "")]


def test_link_time_never_goes_back() -> None:
    first = link_time_us()
    assert link_time_us() >= first
