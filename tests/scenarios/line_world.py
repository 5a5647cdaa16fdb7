"""One serial line in simulated time: the gateway's own line, links and client machines against real emulated meters.

What runs is what runs in production (schedule, fleet, line runner, scripts, link, client machine, framer; on the other
side the emulator's machine of a shared line with its meters). Only the wire is a model, `tests.laws.line`, with the
speed of its octets; it moves the one clock that both sides see.
"""

from asyncio import Semaphore
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import check as check_bench
from emulator.line.endpoint import group
from emulator.line.line import Line as MeterLine
from gateway.command.command import Commands
from gateway.command.guard_rule import GuardConfig
from gateway.command.judgement import Surroundings
from gateway.configuration.config import check
from gateway.meter import dlms_link, modbus_link
from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.outbox import Outbox
from gateway.polling.bus import Job
from gateway.polling.report import Report
from gateway.polling.schedule import Due, Schedule
from gateway.service.clock import Clock, Pace
from gateway.service.fleet import Fleet
from gateway.service.health import Health
from gateway.service.runner import Shared
from gateway.service.unit import make_units, zone_of
from protocols.machine import Answered, Layer, Machine, Peer, Stack, TimedOut, Transmit
from protocols.message.topic import Topics
from protocols.transport.conversation import ConnectionLostError
from tests.gateway.cores import memory_store
from tests.laws.line import Faults, Line, seeded

START = "2026-01-15T10:00:00+05:30"
BAUD = 9600


class Spoiled:
    """The emulator's machine, some of whose meters have a broken driver: their frames are noise, and they babble."""

    def __init__(self, machine: Machine, whose: Callable[[bytes], int], random: Random) -> None:
        self._machine = machine
        self._whose = whose
        self._random = random
        self.noisy: set[int] = set()
        self.babble = 0.0
        """How often another one's frame comes with noise before it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._machine, name)

    def data_to_send(self, now_us: int) -> list[Any]:
        return [self._spoil(item) for item in self._machine.data_to_send(now_us)]

    def _spoil(self, item: Any) -> Any:
        data = item.data if isinstance(item, Transmit) else item
        if not isinstance(data, bytes) or not self.noisy:
            return item
        if self._whose(data) in self.noisy:
            data = self._random.randbytes(len(data))
        elif self._random.random() < self.babble:
            data = self._random.randbytes(self._random.randint(1, 12)) + data
        return Transmit(data, item.not_before_us if isinstance(item, Transmit) else 0)


class Recorded(Schedule):
    """A schedule that remembers what was due when."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.fell_due: list[Due] = []

    def due(self, now_ms: int) -> list[Due]:
        due = super().due(now_ms)
        self.fell_due += due
        return due


class At(Report):
    """A report that remembers when which reading came."""

    came: list[tuple[str, str, int]]

    def table(self, meter: str, table: Any, now_ms: int) -> None:
        self.came.append((meter, table.profile, now_ms))
        super().table(meter, table, now_ms)


class Watched(Health):
    """Health that remembers which jobs began when."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.began: list[tuple[str, int]] = []
        self._now_ms = now_ms

    def begun(self, job: Job) -> None:
        self.began.append((job.meter, self._now_ms()))
        super().begun(job)


class AtOnce(GroupCommit):
    """Commits that need no disk and no task."""

    async def run(self, work: Callable[[], Any]) -> Any:
        with self.store.transaction():
            return work()


class World:
    """A gateway, its one line, and the meters on it.

    Args:
        bench: meters of the bench file, on one pty.
        meters: meters of the gateway file; `{line}` in their URLs is the device.
        whose: which station has sent a frame.
        monkeypatch: puts the wire in the place of real carriers.
        seed: of the noise.
    """

    def __init__(
        self,
        bench: list[dict[str, Any]],
        meters: list[dict[str, Any]],
        whose: Callable[[bytes], int],
        monkeypatch: pytest.MonkeyPatch,
        seed: int,
    ) -> None:
        self.household = assemble(
            check_bench({"seed": seed, "clock": {"start": START, "rate": 1}, "meter": bench}, "world"), "world", Path()
        )
        self.residents = {member.resident.id: member.resident for member in self.household.members}
        [members] = group((each.resident, each.addresses) for each in self.household.members)
        self.line = MeterLine(members)
        machine = self.line.machine(Peer("serial", ""))
        assert machine is not None
        self.meters = Spoiled(machine, whose, seeded(seed))
        self.wire = Line(Stack([_Nobody()]), self.meters, seed=seed, baud=BAUD, faults=Faults(latency_us=2_000))
        self.wire.now_us = self.household.clock.link_us(0) or 0
        for resident in self.residents.values():
            resident.look(self.wire.now_us)
        for module in (modbus_link, dlms_link):
            monkeypatch.setattr(module, "dial", self._dial)
            monkeypatch.setattr(module, "converse", lambda pump: pump)
        monkeypatch.setattr(modbus_link, "link_time_us", lambda: self.wire.now_us)
        self._make_gateway(meters)

    def _make_gateway(self, meters: list[dict[str, Any]]) -> None:
        config = check({"id": "gw1", "meter": meters}, "", "world")
        store = memory_store()
        outbox, topics = Outbox(store), Topics("gw1")
        around = Surroundings(guard=GuardConfig(), groups={}, headend_seen_ms=0)
        self.report = At(store, outbox, topics)
        self.report.came = []
        self.schedule = Recorded("gw1")
        self.health = Watched(self.now_ms)
        self._work: list[Awaitable[None]] = []
        shared = Shared(
            commit=AtOnce(store),
            clock=Clock(self.now_ms, lambda: self.wire.now_us),
            commands=Commands(store, outbox, topics, around),
            report=self.report,
            schedule=self.schedule,
            health=self.health,
            entropy=seeded(1).randbytes,
            conversations=Semaphore(1),
            spawn=lambda work, _name: self._work.append(work),
            images=lambda _name: None,
        )
        self.fleet = Fleet(shared, around, Pace(50), shared.spawn)
        for unit in make_units(config, Path(), zone_of("Asia/Kolkata"), seeded(1).randbytes, lambda: 0):
            self.fleet.join(unit)

    def now_ms(self) -> int:
        """What both sides take for now."""
        return self.household.clock.true_ms(self.wire.now_us)

    async def _dial(self, _carrier: Any, make: Callable[[Peer], Machine], **_options: Any) -> "Talk":
        self.wire.left.machine = make(Peer("serial", ""))
        self.wire.settle()
        return Talk(self)

    def step(self) -> None:
        """What happens next on the wire, and then what the schedule says."""
        at_us = self.wire._next_us()
        assert at_us is not None, "an answer is waited for, and nothing more will happen"
        self.wire.run(until_us=at_us)
        self.fleet.queue_due()

    async def run(self, minutes: float) -> None:
        """Let so much time pass."""
        until_us = self.wire.now_us + int(minutes * 60_000_000)
        while self.wire.now_us < until_us:
            self.fleet.queue_due()
            while self._work:
                await self._work.pop(0)
            wait_ms = self.fleet.wait_ms()
            then_us = min(until_us, self.wire.now_us + 1_000 * (60_000 if wait_ms is None else wait_ms))
            self.wire.run(until_us=then_us)
            self.wire.now_us = max(self.wire.now_us, then_us)

    def kill(self, meter: str) -> None:
        """A meter loses its supply for good."""
        resident = self.residents[meter]
        resident.meter.outage(self.now_ms())  # type: ignore[attr-defined]  # a bench's meters have it
        resident.supply_lost()
        self._show(meter)

    def _show(self, meter: str) -> None:
        """As a running bench does when the supply of one has changed."""
        resident = self.residents[meter]
        resident.look(self.wire.now_us)
        self.line.supply_changed(resident)

    def revive(self, meter: str) -> None:
        """It has supply again, and boots."""
        resident = self.residents[meter]
        resident.meter.restore(self.now_ms())  # type: ignore[attr-defined]  # a bench's meters have it
        self._show(meter)

    def readings(self, meter: str, since_ms: int) -> list[int]:
        """When readings of a meter came."""
        return [at_ms for name, _, at_ms in self.report.came if name == meter and at_ms >= since_ms]

    def worst_ms(self, meters: set[str], since_ms: int, until_ms: int) -> Mapping[str, int]:
        """For each meter, the longest that a reading came after it was due; every one that was due has come."""
        worst = dict.fromkeys(meters, 0)
        for due in self.schedule.fell_due:
            if due.meter in meters and since_ms <= due.at_ms < until_ms:
                came = [
                    at_ms
                    for meter, profile, at_ms in self.report.came
                    if (meter, profile) == (due.meter, due.profile) and at_ms >= due.at_ms
                ]
                assert came, due
                worst[due.meter] = max(worst[due.meter], min(came) - due.at_ms)
        return worst


class Talk:
    """The conversation with the machine at the gateway's end, in simulated time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._machine = world.wire.left.machine
        self.closed: str | None = None

    async def ask(self, request: Callable[[int], int]) -> Answered | TimedOut:
        """As `protocols.transport.conversation.Conversation` does."""
        wire, ended = self._world.wire, dict[int, Answered | TimedOut]()

        def take(event: Any, _now_us: int) -> None:
            if isinstance(event, Answered | TimedOut):
                ended[event.ticket] = event

        wire.left.on_event = take
        ticket = request(wire.now_us)
        wire.settle()
        while ticket not in ended:
            if self._machine.closed is not None:
                raise ConnectionLostError(self._machine.closed)
            self._world.step()
        return ended[ticket]

    async def aclose(self, reason: str = "we closed the connection") -> None:
        """The gateway lets go of the line."""
        self.closed = reason
        wire = self._world.wire
        self._machine.receive_eof(wire.now_us)
        wire.settle()
        wire.left.machine = Stack([_Nobody()])


class _Nobody(Layer[Any, Any]):
    """A line that nobody has opened."""

    def from_below(self, item: Any, now_us: int) -> None:
        """What is heard is nobody's."""
