"""The gateway as a whole: its tasks, its stop in good order, its change of configuration while it runs.

Every task has a parent and a name. What meters and brokers do wrong ends with a job or a session and is tried again;
an error that nobody expects ends the program, loudly.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.command.firmware_job import images_in
from gateway.configuration.config import ConfigError, GatewayConfig, load
from gateway.outbox.store import StoreError
from gateway.outbox.uplink import Uplink, broker_of
from gateway.polling.reading import utc
from gateway.polling.schedule import Schedule
from gateway.push.intake import PushIntake
from gateway.push.listener import PushListener
from gateway.service.caller import Callers
from gateway.service.clock import Clock, Pace, Trust, judge_clock
from gateway.service.core import Core
from gateway.service.fleet import Fleet
from gateway.service.health import Health
from gateway.service.health_server import HealthServer
from gateway.service.numbers import show
from gateway.service.runner import Shared
from gateway.service.sd_notify import Notifier
from gateway.service.unit import make_units, title_of, zone_of
from protocols.message.command import Command

_log = logging.getLogger(__name__)

HOUSEKEEPING_S: Final = 1.0
GRACE_S: Final = 10.0
"""How long a job may take to come to its end when the program is asked to stop; then it is parked in the store."""
LAST_WORD_S: Final = 2.0
"""How long the last status may take to be acknowledged."""
IDLE_WAKE_S: Final = 1.0
TRIMS_MAX: Final = 20
"""Chunks given up in one second's housekeeping."""
FIXED: Final = (
    "id",
    "prefix",
    "system_title",
    "broker",
    "store",
    "clock",
    "metrics",
    "push",
    "firmware",
    "limits",
    "status_every",
)
"""Keys that count from the next start on; everything else does at once."""
NEWEST: Final = "newest_ms"
NEWEST_EVERY_MS: Final = 60_000
"""So often the time is written down, so that a clock which has lost it is noticed after a restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the program takes from the world: clocks, randomness, and where the configuration came from."""

    system_ms: Callable[[], int]
    monotonic_us: Callable[[], int]
    entropy: Callable[[int], bytes]
    rng: Random
    file: Path
    """The configuration file; key files and, but for a service, the store are relative to its folder."""
    state: Path | None = None
    """Where a service manager has the store; else it is beside the configuration file."""
    notify: Notifier = field(default_factory=Notifier)

    @property
    def beside(self) -> Path:
        """The folder of the configuration file."""
        return self.file.parent


class Gateway:
    """One gateway.

    Args:
        config: checked.
        edge: what the program takes from the world.

    Raises:
        ConfigError: keys or models are missing.
        StoreError: the store can't be used.
    """

    def __init__(self, config: GatewayConfig, edge: Edge) -> None:
        self.config = config
        self._edge = edge
        start = config.clock.start
        start_ms = None if start is None else round(start.timestamp() * 1000)
        self.clock = Clock(edge.system_ms, edge.monotonic_us, start_ms, config.clock.rate)
        self.zone = zone_of(config.clock.zone)
        # Faults of the configuration are found before anything is opened.
        units = make_units(config, edge.beside, self.zone, edge.entropy, self.clock.now_ms)
        broker = broker_of(config.broker, config.id, edge.beside)
        self.core = Core(config, edge.state or edge.beside, self.clock, edge.entropy)
        self.health = Health()
        self.remarks: dict[str, str] = {}
        self.shared = Shared(
            commit=self.core.commit,
            clock=self.clock,
            commands=self.core.commands,
            report=self.core.report,
            schedule=Schedule(config.id, self._zone_offset_ms()),
            health=self.health,
            entropy=edge.entropy,
            conversations=asyncio.Semaphore(config.limits.conversations),
            spawn=self._spawn,
            images=images_in(edge.beside / config.firmware.images),
        )
        self.fleet = Fleet(self.shared, self.core.around, Pace(config.limits.commands_per_second), self._spawn)
        self.uplink = Uplink(
            config,
            broker,
            self.core,
            self.clock,
            self.health,
            begin=self.fleet.begin,
            states=self.fleet.states,
            remarks=self.remarks,
        )
        for unit in units:
            self.fleet.join(unit)
        refuse_replayed = config.push.replayed == "refuse"
        self.intake = PushIntake(self.shared, self.fleet, title_of(config), self.zone, refuse_replayed=refuse_replayed)
        self.intake.senders.adopt(units)
        self.shared.intake = self.intake
        self.callers = Callers(edge.entropy, self._spawn, self.fleet.called, self.intake.take)
        self.shared.call_of = self.callers.call_of
        self.pushes = PushListener(config.push, self.intake)
        self._background: set[asyncio.Task[None]] = set()
        self._trust: Trust | None = None
        self._newest_ms = int(self.core.store.meta(NEWEST) or 0)
        self._oldest_ms: int | None = None
        self._stamp = _stamp(edge.file)
        self.core.commands.judgement.overridden = _say_overridden
        show(self.health, self.core, self.fleet, self.uplink, self.callers, self._queue_age_s)
        self.health.ready = self._not_ready

    def _zone_offset_ms(self) -> int:
        offset = utc(self.clock.now_ms()).astimezone(self.zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000)

    def _queue_age_s(self) -> float:
        return 0 if self._oldest_ms is None else (self.clock.now_ms() - self._oldest_ms) / 1000

    def _not_ready(self) -> str | None:
        if self.core.commit.full:
            return "the store can't be written"
        return None if self.uplink.up else "no session with the broker"

    # ---- running

    async def run(self, ready: Callable[[dict[str, Any]], None], stop: asyncio.Event) -> None:
        """Run until `stop` is set.

        Args:
            ready: is called once with the ready line.
            stop: ends the gateway in good order.

        Raises:
            ConfigError: an address can't be had.
        """
        server = HealthServer(self.health)
        listen = self.config.metrics.listen
        fault: BaseException | None = None
        try:
            metrics = None if listen == "off" else await server.start(listen)
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                store = tasks.create_task(self.core.commit.serve(), name="store")
                await self.core.commit.run(self._recover)
                uplink = tasks.create_task(self.uplink.keep(self._edge.rng), name="broker")
                others = [
                    tasks.create_task(self._follow_schedule(), name="schedule"),
                    tasks.create_task(self._keep_house(), name="housekeeping"),
                ]
                self.callers.expect(self.fleet.callers())
                self.fleet.listen()
                ready(self._ready_line(metrics, await self.pushes.open()))
                self._edge.notify.tell("READY=1")
                await stop.wait()
                self._edge.notify.tell("STOPPING=1")
                await self._stop(others)
                uplink.cancel()
                self.core.commit.stop()
                await store
        except* ConfigError as faults:
            fault = faults.exceptions[0]
        finally:
            await server.stop()
            self.core.store.close()
        if fault is not None:
            raise fault

    def _ready_line(self, metrics: str | None, pushes: list[str]) -> dict[str, Any]:
        meters = [{"id": each.id, "url": str(each.address)} for each in self.config.meter if each.enabled]
        broker = self.config.broker.url
        line = {"ready": True, "id": self.config.id, "broker": broker, "meters": meters, "metrics": metrics}
        return line | ({"push": pushes} if pushes else {})

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        async def run() -> None:
            await work

        task = self._tasks.create_task(run(), name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _recover(self) -> None:
        """After a start: say what was set aside, go on with what was under way."""
        now_ms = self.clock.now_ms()
        if self.core.set_aside is not None:
            reason = f"the store was damaged and set aside as {self.core.set_aside.name}"
            self._remark("store", reason)
            self.core.outbox.holes.note(reason, 0, now_ms, now_ms)
            _log.error(reason)
        for waiting in self.core.commands.waiting():
            self.fleet.begin(waiting)

    async def _stop(self, others: list[asyncio.Task[None]]) -> None:
        self.shared.stopping = True
        for task in others:
            task.cancel()
        await self.pushes.close()
        if self._background:
            await asyncio.wait(self._background, timeout=GRACE_S)
        for line in list(self._background):
            line.cancel()  # what it was at is in the store and is gone on with after the next start
        await asyncio.gather(*(runner.close() for runner in self.fleet.lines.values()), return_exceptions=True)
        self.callers.close()
        self.uplink.offline = True
        self.uplink.tell_status()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await self.core.commit.run(lambda: None)
                while self.uplink.up and self.uplink.sender.in_flight:  # noqa: ASYNC110 (PUBACKs come one by one)
                    await asyncio.sleep(0.01)

    # ---- time

    async def _follow_schedule(self) -> None:
        while True:
            self.fleet.queue_due()
            wait_ms = self.fleet.wait_ms()
            left_s = IDLE_WAKE_S if wait_ms is None else self.clock.real_ms(wait_ms) / 1000
            await asyncio.sleep(min(max(left_s, 0.005), IDLE_WAKE_S))

    async def _keep_house(self) -> None:
        """Each second: expiries, limits, the clock, the file; and the status when it is due."""
        every_us, told_us = self.config.status_every * 1000, self._edge.monotonic_us()
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.health.beat()
            self._edge.notify.tell("WATCHDOG=1")
            self._look_at_clock()
            if self._file_changed():
                await self.reload()
            with contextlib.suppress(StoreError):
                named = await self.core.commit.run(self._tidy)
                self.core.has_room(named)
                if named:
                    self.uplink.tell_status()
            full = "the disk is full: nothing can be stored, and so nothing is sent"
            self._remark("disk", full if self.core.commit.full else None)
            await self.fleet.close_idle()
            if self._edge.monotonic_us() - told_us >= every_us:
                told_us = self._edge.monotonic_us()
                self.uplink.tell_status()

    def _tidy(self) -> int:
        core, now_ms = self.core, self.clock.now_ms()
        named = core.name_unstored(now_ms)
        core.commands.expire(now_ms)
        core.commands.forget_old(now_ms)
        for _ in range(TRIMS_MAX):
            if not core.retention.trim(now_ms):
                break
        self._oldest_ms = core.outbox.oldest_queued_ms()
        if now_ms - self._newest_ms >= NEWEST_EVERY_MS and core.around.clock_trusted:
            self._newest_ms = now_ms
            core.store.set_meta(NEWEST, str(now_ms))
        return named

    def _look_at_clock(self) -> None:
        if self.clock.is_bench:
            return
        told = self.config.clock.trusted_if
        trust = judge_clock(
            self._trust,
            self.clock.now_ms(),
            self._edge.monotonic_us(),
            self._newest_ms,
            self.config.clock.jump_max,
            synchronized=told is None or Path(told).exists(),
        )
        if trust.distrust != (self._trust.distrust if self._trust is not None else None):
            _log.warning("the clock: %s", trust.distrust or "is trusted again")
        self._trust = trust
        self.core.around.clock_trusted = trust.distrust is None
        self._remark("clock", trust.distrust)

    # ---- another configuration

    def _file_changed(self) -> bool:
        """Whether the configuration file is another one than when it was last read."""
        now = _stamp(self._edge.file)
        return now is not None and now != self._stamp

    async def reload(self) -> None:
        """Read the file again: meters that did not change are not touched; a wrong file changes nothing and is said."""
        self._stamp = _stamp(self._edge.file)
        try:
            config = await asyncio.to_thread(load, self._edge.file)
            units = make_units(config, self._edge.beside, self.zone, self._edge.entropy, self.clock.now_ms)
        except ConfigError as error:
            _log.error("the configuration stays as it was: %s", error)
            self._remark("configuration", f"the file is wrong and not in force: {error.faults[0]}")
            return
        fixed = [name for name in FIXED if getattr(config, name) != getattr(self.config, name)]
        self._remark("configuration", f"{', '.join(fixed)} changed: restart to put that in force" if fixed else None)
        self.config = config.model_copy(update={name: getattr(self.config, name) for name in FIXED})
        self.core.around.guard = config.guard
        changed = self.fleet.adopt(units)
        self.intake.senders.adopt(units)
        try:
            self.callers.expect(self.fleet.callers())
            self._remark("callers", None)
        except ConfigError as error:
            _log.error("%s", error)
            self._remark("callers", str(error))
        for waiting in await self.core.commit.run(self.core.commands.waiting):
            if waiting.meter in changed:
                self.fleet.begin(waiting)
        self.uplink.tell_status()
        _log.warning("the configuration was read again: %d meters, %d of them changed", len(units), len(changed))

    def _remark(self, about: str, text: str | None) -> None:
        """What an operator should know, by what it is about; None when there is nothing any more."""
        if self.remarks.get(about) == text:
            return
        self.remarks.pop(about, None)
        if text is not None:
            self.remarks[about] = text
        self.uplink.tell_status()


def _say_overridden(meter: str, command: Command) -> None:
    asked = command.override
    if asked is not None:
        by = (command.verb, command.id, asked.permission, command.requested_by, asked.reason)
        _log.warning("%s %s passes the guard by permission %r for %r: %r", *by, extra={"meter": meter})


def _stamp(file: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None while it is not there, as for an instant when it is replaced."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
