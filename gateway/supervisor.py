"""The gateway as a whole: builds the cores on one store, keeps lines and broker going, stops in good order.

Every task has a parent and a name. What meters and brokers do wrong ends with a job or a session and is tried again;
an error that nobody expects ends the program, loudly.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.bus import Job
from gateway.clock import Clock, Pace, Trust, judge_clock
from gateway.command import Commands, Open, Surroundings
from gateway.config import GatewayConfig
from gateway.guard import moratorium_of
from gateway.health import Health
from gateway.health_server import HealthServer
from gateway.inbox import HEADEND_SEEN, Inbox, priority_of
from gateway.meter.modbus import ModbusScripts
from gateway.outbox import Outbox
from gateway.reading import utc
from gateway.report import Report
from gateway.retention import Limits, Retention
from gateway.runner import LineRunner, Shared
from gateway.schedule import Schedule
from gateway.sender import Sender
from gateway.store import GroupCommit, Opened, StoreError, open_store
from gateway.unit import Unit, line_key, make_units, zone_of
from gateway.version import VERSION
from protocols.message.status import GatewayState, GatewayStatus, MeterState
from protocols.message.topic import Topics
from protocols.transport.mqtt import Broker, MqttLostError, Session, Will, stay_connected

_log = logging.getLogger(__name__)

HOUSEKEEPING_S: Final = 1.0
GRACE_S: Final = 10.0
"""How long a job may take to come to its end when the program is asked to stop; then it is parked in the store."""
LAST_WORD_S: Final = 2.0
"""How long the last status may take to be acknowledged."""
PAGE_BYTES: Final = 4096
IDLE_WAKE_S: Final = 1.0
TRIMS_MAX: Final = 20
"""Chunks given up in one second's housekeeping."""
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
    beside: Path
    """The folder of the configuration file, which key files and the store are relative to."""


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
        units = make_units(
            config, edge.beside, self.zone, edge.entropy
        )  # faults of the configuration are found before anything is opened
        self.topics = Topics(config.id, config.prefix)
        self._open_store()
        self.schedule = Schedule(config.id, self._zone_offset_ms())
        self.health = Health()
        self.remarks: list[str] = []
        self._trust: Trust | None = None
        self._newest_ms = int(self._opened.store.meta(NEWEST) or 0)
        self._oldest_ms: int | None = None
        self._session_up = False
        self._offline = False
        self._background: set[asyncio.Task[None]] = set()
        self.shared = Shared(
            commit=self.commit,
            clock=self.clock,
            commands=self.commands,
            report=self.report,
            schedule=self.schedule,
            health=self.health,
            entropy=edge.entropy,
            conversations=asyncio.Semaphore(config.limits.conversations),
            spawn=self._spawn,
        )
        self.lines: dict[str, LineRunner] = {}
        self._line_of: dict[str, LineRunner] = {}
        for unit in units:
            self._add(unit)
        self._count()

    # ---- building

    def _open_store(self) -> None:
        config, now_ms = self.config, self.clock.now_ms()
        path = self._edge.beside / config.store.path
        pages = 2 * config.store.bytes_max // PAGE_BYTES  # twice the bound: SQLite's own pages and what is being freed
        self._opened: Opened = open_store(path, now_ms, self._edge.entropy, pages)
        store = self._opened.store
        self.commit = GroupCommit(store)
        self.outbox = Outbox(store, config.store.historical_after)
        self.retention = Retention(store, self.outbox, _limits(config))
        seen_ms = int(store.meta(HEADEND_SEEN) or now_ms)
        self.around = Surroundings(
            guard=config.guard,
            headend_seen_ms=seen_ms,
            full=lambda: self.retention.full or self.commit.full,
            queue_per_meter=config.limits.queue_per_meter,
        )
        self.commands = Commands(store, self.outbox, self.topics, self.around)
        self.report = Report(store, self.outbox, self.topics)
        self.sender = Sender(self.outbox, self.commit.wake, self.clock.now_ms, self._publishing_failed)
        self.sender.status_topic = self.topics.status
        self.commit.tail = self.sender
        pace = Pace(config.limits.commands_per_second)
        self.inbox = Inbox(self.commit, self.commands, self.outbox, self.topics, self.clock, self._begin, pace)

    def _zone_offset_ms(self) -> int:
        offset = utc(self.clock.now_ms()).astimezone(self.zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000)

    def _add(self, unit: Unit) -> None:
        key = line_key(unit.config.address.carrier)
        runner = self.lines.setdefault(key, LineRunner(key, self.shared))
        runner.units[unit.id] = unit
        self._line_of[unit.id] = runner
        self.around.groups[unit.id] = unit.config.groups
        if isinstance(unit.scripts, ModbusScripts):
            self.around.relay_registers[unit.id] = unit.scripts.relay_registers()
        self.schedule.put(unit.id, unit.config.read, self.clock.now_ms())

    def _remove(self, meter: str) -> None:
        runner = self._line_of.pop(meter)
        runner.units.pop(meter, None)
        runner.queue.forget(meter)
        self.around.groups.pop(meter, None)
        self.around.relay_registers.pop(meter, None)
        self.schedule.remove(meter)
        if not runner.units:
            del self.lines[runner.key]
            self._spawn(runner.close(), f"close:{runner.key}")

    def _count(self) -> None:
        totals = self.outbox
        self.health.gauge("gateway_queue_rows", "Rows that wait to be sent.", lambda: totals.totals.queued)
        self.health.gauge(
            "gateway_queue_bytes", "What the outbox holds, shelf included.", lambda: totals.totals.bytes_all
        )
        self.health.gauge("gateway_queue_age_seconds", "Age of the row that waits longest.", self._queue_age_s)
        self.health.gauge("gateway_in_flight", "Messages without PUBACK.", lambda: self.sender.in_flight)
        self.health.gauge("gateway_sent_through", "The highest seq taken for the wire.", lambda: totals.sent_through)
        self.health.gauge(
            "gateway_dropped_rows", "Rows given up though promised.", lambda: sum(self.retention.dropped.values())
        )
        self.health.gauge("gateway_meters", "Meters configured.", lambda: len(self._line_of))
        self.health.gauge("gateway_meters_online", "Meters that answer.", lambda: self._states()[MeterState.ONLINE])
        self.health.gauge("gateway_session_up", "1 while a session with the broker stands.", lambda: self._session_up)
        self.health.ready = self._not_ready

    def _queue_age_s(self) -> float:
        return 0 if self._oldest_ms is None else (self.clock.now_ms() - self._oldest_ms) / 1000

    def _not_ready(self) -> str | None:
        if self.commit.full:
            return "the store can't be written"
        return None if self._session_up else "no session with the broker"

    # ---- running

    async def run(self, ready: Callable[[dict[str, Any]], None], stop: asyncio.Event) -> None:
        """Run until `stop` is set.

        Args:
            ready: is called once with the ready line.
            stop: ends the gateway in good order.

        Raises:
            OSError: the address for the metrics can't be had.
        """
        server = HealthServer(self.health)
        listen = self.config.metrics.listen
        metrics = None if listen == "off" else await server.start(listen)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                store = tasks.create_task(self.commit.serve(), name="store")
                await self.commit.run(self._recover)
                running = [
                    tasks.create_task(self._keep_session(), name="broker"),
                    tasks.create_task(self._follow_schedule(), name="schedule"),
                    tasks.create_task(self._keep_house(), name="housekeeping"),
                ]
                ready(self._ready_line(metrics))
                await stop.wait()
                await self._stop(running)
                self.commit.stop()
                await store
        finally:
            await server.stop()
            self._opened.store.close()

    def _ready_line(self, metrics: str | None) -> dict[str, Any]:
        meters = [{"id": each.id, "url": str(each.address)} for each in self.config.meter if each.enabled]
        return {
            "ready": True,
            "id": self.config.id,
            "broker": self.config.broker.url,
            "meters": meters,
            "metrics": metrics,
        }

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        async def run() -> None:
            await work

        task = self._tasks.create_task(run(), name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _recover(self) -> None:
        """After a start: say what was set aside, go on with what was under way."""
        now_ms = self.clock.now_ms()
        if self._opened.set_aside is not None:
            reason = f"the store was damaged and set aside as {self._opened.set_aside.name}"
            self.remarks.append(reason)
            self.outbox.holes.note(reason, 0, now_ms, now_ms)
            _log.error(reason)
        for waiting in self.commands.waiting():
            if waiting.meter in self._line_of:
                self._begin(waiting, max(now_ms, waiting.not_before_ms))

    def _begin(self, waiting: Open, at_ms: int) -> None:
        """A command is to be done."""
        runner = self._line_of.get(waiting.meter)
        if runner is None:
            return
        command_id = waiting.command.id
        key = f"command:{command_id}"
        runner.add(Job(waiting.meter, priority_of(waiting), key, at_ms, work=command_id))

    async def _stop(self, running: list[asyncio.Task[None]]) -> None:
        self.shared.stopping = True
        for task in running[1:]:
            task.cancel()
        if self._background:
            await asyncio.wait(self._background, timeout=GRACE_S)
        for line in list(self._background):
            line.cancel()  # what it was at is in the store and is gone on with after the next start
        await asyncio.gather(*(runner.close() for runner in self.lines.values()), return_exceptions=True)
        await self._last_word()
        running[0].cancel()

    async def _last_word(self) -> None:
        self._offline = True
        self._status_due()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await self.commit.run(lambda: None)
                while self._session_up and self.sender.in_flight:  # noqa: ASYNC110 (PUBACKs come one by one)
                    await asyncio.sleep(0.01)

    # ---- the broker

    def _broker(self) -> Broker:
        config, beside = self.config.broker, self._edge.beside

        def path(name: str | None) -> str | None:
            return None if name is None else str(beside / name)

        return Broker(
            url=config.url,
            client_id=config.client_id or f"meter-gateway-{self.config.id}",
            username=config.username,
            password=None if config.password is None else config.password.read(beside),
            version=config.version,
            keepalive_s=max(1, config.keepalive // 1000),
            session_expiry_s=config.session_expiry // 1000,
            receive_maximum=config.receive_maximum,
            in_flight=config.in_flight,
            authority=path(config.authority),
            certificate=path(config.certificate),
            private_key=path(config.private_key),
        )

    async def _keep_session(self) -> None:
        will = Will(self.topics.status, GatewayStatus(status=GatewayState.OFFLINE, online=False).to_json())
        await stay_connected(
            self._broker(),
            will,
            self._serve,
            rng=self._edge.rng,
            backoff_max_s=self.config.broker.backoff_max / 1000,
            lost=self._lost,
        )

    async def _serve(self, session: Session) -> None:
        await self.commit.run(lambda: self.outbox.begin_session(new=not session.present))
        session.on_puback = self.sender.on_puback
        self._session_up = True
        self.health.session()
        _log.info("a session stands (MQTT %s, %s)", session.version, "resumed" if session.present else "new")
        try:
            self._status_due()
            self.sender.begin(session)
            await session.subscribe(self.topics.subscriptions())
            async for message in session.messages():
                await self.inbox.take(message, session)
        finally:
            self._session_up = False
            self.sender.end()
        raise MqttLostError("the broker closed the connection")

    def _lost(self, reason: str, wait_s: float) -> None:
        _log.warning("no session with the broker: %s; next try in %.1f s", reason, wait_s)

    def _publishing_failed(self, reason: str) -> None:
        _log.warning("publishing stopped: %s", reason)

    def _status_due(self) -> None:
        self.sender.status_body = self._status_body
        self.commit.wake()

    def _status_body(self, sent_through: int) -> bytes:
        now_ms = self.clock.now_ms()
        return GatewayStatus(
            status=GatewayState.OFFLINE if self._offline else GatewayState.ONLINE,
            online=not self._offline,
            version=VERSION,
            read_at=utc(now_ms),
            sent_through=sent_through,
            holes=self.outbox.holes.all(),
            queued=self.outbox.totals.queued,
            meters={state.value: count for state, count in self._states().items()},
            clock_trusted=self.around.clock_trusted,
            moratorium=moratorium_of(self.around.guard, now_ms, self.around.headend_seen_ms),
            remarks=tuple(self.remarks),
        ).to_body()

    def _states(self) -> dict[MeterState, int]:
        counts = dict.fromkeys(MeterState, 0)
        for runner in self.lines.values():
            for unit in runner.units.values():
                if unit.met or unit.failures:
                    counts[unit.state()[0]] += 1
        return counts

    # ---- time

    async def _follow_schedule(self) -> None:
        """Queue what is due, and wake lines whose next job has come."""
        while True:
            now_ms = self.clock.now_ms()
            for due in self.schedule.due(now_ms):
                runner = self._line_of.get(due.meter)
                if runner is not None:
                    runner.add(Job(due.meter, due.priority, due.profile, now_ms, due.deadline_ms))
            for runner in list(self.shared.waiting):
                runner.kick()
            wake_ms = self.schedule.wake_ms()
            left = IDLE_WAKE_S if wake_ms is None else self.clock.real_ms(max(0, wake_ms - self.clock.now_ms())) / 1000
            await asyncio.sleep(min(max(left, 0.005), self._line_wait_s()))

    def _line_wait_s(self) -> float:
        """Until the first line has something to do by itself: a retried command, an observation, a probe."""
        now_ms = self.clock.now_ms()
        waits = [wake - now_ms for runner in self.shared.waiting if (wake := runner.queue.wake_ms()) is not None]
        soonest = min((each for each in waits if each > 0), default=1000)
        return min(IDLE_WAKE_S, max(0.005, self.clock.real_ms(soonest) / 1000))

    async def _keep_house(self) -> None:
        """Each second: expiries, limits, the clock; and the status when it is due."""
        every_us, told_us = self.config.status_every * 1000, self._edge.monotonic_us()
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.health.beat()
            self.health.refusals(self.commands.refused)
            now_ms = self.clock.now_ms()
            self._look_at_clock(now_ms)
            with contextlib.suppress(StoreError):  # a full disk is said by the status and by /readyz
                await self.commit.run(self._tidy)
            for runner in list(self.lines.values()):
                await runner.close_if_idle(now_ms)
            if self._edge.monotonic_us() - told_us >= every_us:
                told_us = self._edge.monotonic_us()
                self._status_due()

    def _tidy(self) -> None:
        now_ms = self.clock.now_ms()
        self.commands.expire(now_ms)
        self.commands.forget_old(now_ms)
        for _ in range(TRIMS_MAX):
            if not self.retention.trim(now_ms):
                break
        self._oldest_ms = self.outbox.oldest_queued_ms()
        if now_ms - self._newest_ms >= NEWEST_EVERY_MS and self.around.clock_trusted:
            self._newest_ms = now_ms
            self._opened.store.set_meta(NEWEST, str(now_ms))

    def _look_at_clock(self, now_ms: int) -> None:
        if self.clock.is_bench:
            return
        synchronized = self.config.clock.trusted_if is None or Path(self.config.clock.trusted_if).exists()
        trust = judge_clock(
            self._trust,
            now_ms,
            self._edge.monotonic_us(),
            self._newest_ms,
            self.config.clock.jump_max,
            synchronized=synchronized,
        )
        if trust.distrust != (self._trust.distrust if self._trust is not None else None):
            _log.warning("the clock: %s", trust.distrust or "is trusted again")
            self._status_due()
        self._trust = trust
        self.around.clock_trusted = trust.distrust is None


def _limits(config: GatewayConfig) -> Limits:
    store = config.store
    return Limits(
        bytes_max=store.bytes_max,
        age_max_ms=store.age_max,
        shelf_bytes=store.shelf_bytes,
        shelf_age_ms=store.shelf_age,
        until_headend=store.acknowledgement == "head-end",
    )
