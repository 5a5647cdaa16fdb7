"""One line at run time: takes the next job, reaches the meter, drives the script, says how it went.

What can be expected of meters (silence, refusals, nonsense, a full disk) ends with the job; anything else is a bug of
ours and climbs to the supervisor, which ends the program loudly.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from gateway.command.command import Commands
from gateway.command.execution import execute
from gateway.command.firmware_job import Images
from gateway.command.key_job import ROTATED, ROTATING, remember
from gateway.command.retry import try_again, wait_ms
from gateway.command.tools import Tools
from gateway.meter.dlms_link import DlmsLink
from gateway.meter.dlms_profile import Get, obis
from gateway.meter.modbus_link import ModbusLink
from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.store import StoreError
from gateway.polling.bus import Job, Line
from gateway.polling.poll import CLOCK, RELAY, Outcome, poll
from gateway.polling.report import Report
from gateway.polling.schedule import Priority, ReadPlan, Schedule
from gateway.push.tap import Intake, LinePushes
from gateway.service.caller import Call
from gateway.service.clock import Clock
from gateway.service.driver import drive
from gateway.service.ear import RETRY_MS, Ear
from gateway.service.health import Health
from gateway.service.script import (
    MeterError,
    NoAnswerError,
    NoConnectionError,
    NonsenseError,
    NotLetInError,
    RefusedError,
    Script,
)
from gateway.service.unit import Link, Unit
from protocols.address import DlmsAddress
from protocols.message.command import Verb
from protocols.message.reading import Quality, Row, Value

T = TypeVar("T")
_log = logging.getLogger(__name__)

FRESH_MS: Final = 5_000
"""A kept connection that was used so recently is taken as standing; an older one is tried before a command uses it."""
LOGICAL_DEVICE_NAME: Final = Get(1, obis("0.0.42.0.0.255"), 2)


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all lines of a gateway use."""

    commit: GroupCommit
    clock: Clock
    commands: Commands
    report: Report
    schedule: Schedule
    health: Health
    entropy: Callable[[int], bytes]
    conversations: asyncio.Semaphore
    spawn: Callable[[Awaitable[None], str], None]
    images: Images
    call_of: Callable[[str], Call | None] = lambda _meter: None
    """The connections of meters that have dialled in."""
    intake: Intake | None = None
    """Takes what meters say unasked."""
    waiting: "set[LineRunner]" = field(default_factory=set)
    """Lines with jobs that have not begun."""
    stopping: bool = False


class LineRunner:
    """One line and its meters.

    Args:
        key: what the line is.
        shared: what all lines use.
    """

    __slots__ = (
        "_deaf_until_ms",
        "_ear",
        "_link",
        "_link_of",
        "_running",
        "_used_ms",
        "key",
        "queue",
        "shared",
        "units",
    )

    def __init__(self, key: str, shared: Shared) -> None:
        self.key = key
        self.shared = shared
        self.queue = Line()
        self.units: dict[str, Unit] = {}
        self._link: Link | None = None
        self._link_of = ""
        self._used_ms = 0
        self._running = False
        self._ear: Ear | None = None
        self._deaf_until_ms = 0

    def add(self, job: Job) -> None:
        """Queue a job and see that it is done."""
        self.queue.add(job)
        self.shared.waiting.add(self)
        self.kick()

    def kick(self) -> None:
        """Begin to work, if there is anything to do and nobody does it."""
        if not self._running and not self.shared.stopping:
            wake_ms = self.queue.wake_ms()
            if wake_ms is not None and wake_ms <= self.shared.clock.now_ms():
                self._running = True
                self.shared.spawn(self._work(), f"line:{self.key}")

    async def _work(self) -> None:
        try:
            while not self.shared.stopping and (job := self.queue.next(self.shared.clock.now_ms())) is not None:
                if job.priority <= Priority.ON_DEMAND:
                    await self._do(job)
                else:
                    async with self.shared.conversations:
                        await self._do(job)
        finally:
            self._running = False
            if not len(self.queue):
                self.shared.waiting.discard(self)
            if self.shared.stopping:
                await self.close()
            self.listen()

    async def _do(self, job: Job) -> None:
        unit = self.units.get(job.meter)
        if unit is None:
            self.queue.done(self.shared.clock.now_ms(), answered=True)
            return
        answered = True
        self.shared.health.begun(job)
        try:
            if job.priority <= Priority.ON_DEMAND and job.work is not None:
                await self._command(unit, job)
            else:
                await self._poll(unit, job)
        except (NoConnectionError, NoAnswerError, NotLetInError) as error:
            answered = False
            if not (isinstance(self._link, ModbusLink) and self._link.outlives(error)):
                await self._close_link()
            await self._failed(unit, job, error)
        except StoreError as error:
            _log.error("%s", error, extra={"meter": unit.id})
        finally:
            now_ms = self.shared.clock.now_ms()
            self.queue.done(now_ms, answered=answered, backoff_max_ms=unit.config.backoff_max)
            self.shared.health.ended(job)
        if unit.config.association == "drop" or (len(self.units) > 1 and isinstance(self._link, DlmsLink)):
            await self._close_link()

    # ---- reaching the meter

    async def _reach(self, unit: Unit, *, careful: bool) -> Link:
        """A link that stands, the kept one where it can be.

        Args:
            unit: whom to reach.
            careful: what follows must not be lost on a connection that only seems to stand.
        """
        link = self._link
        mine = link is not None and link.is_open and self._is_link_of(link, unit)
        if link is not None and mine and await self._stands(link, careful=careful):
            return link
        await self._close_link()
        await self._close_ear()
        await self._prepare(unit)
        link = unit.link(self.shared.entropy, self.shared.call_of, self.shared.health.passed, self._pushes(unit.id))
        try:
            await link.open()
        except NotLetInError:
            if not (isinstance(link, DlmsLink) and await self._let_in_anew(unit, link)):
                raise
        self._link, self._link_of = link, unit.id
        return link

    def _is_link_of(self, link: Link, unit: Unit) -> bool:
        return link.serves(unit.config.address) if isinstance(link, ModbusLink) else self._link_of == unit.id

    async def _prepare(self, unit: Unit) -> None:
        """Before the first word with a meter: what the store knows of its keys and of the counter."""
        if not unit.prepared:
            store = self.shared.commit.store
            unit.use_next_keys(await self.shared.commit.run(lambda: store.recall(unit.id, ROTATED)))
            unit.keep_counter(self.shared.commit)
            unit.prepared = True

    def _remember(self, unit: Unit, stage: str, names: tuple[str, ...]) -> None:
        """Within a transaction: new keys may be in force, or are."""
        if unit.credentials is not None:
            remember(self.shared.commit.store, unit.id, stage, names, unit.credentials.following)

    async def _let_in_anew(self, unit: Unit, link: DlmsLink) -> bool:
        """A rotation of keys that was interrupted may have left the meter with the new ones alone: try them."""
        store = self.shared.commit.store
        names = unit.next_keys(await self.shared.commit.run(lambda: store.recall(unit.id, ROTATING)))
        if not names or not await unit.rekey(link, names):
            return False
        await self.shared.commit.run(lambda: self._remember(unit, ROTATED, names))
        return True

    async def _stands(self, link: Link, *, careful: bool) -> bool:
        if not careful or self.shared.clock.now_ms() - self._used_ms < FRESH_MS:
            return True
        if not isinstance(link, DlmsLink):
            return link.is_serial
        try:
            await link.ask(LOGICAL_DEVICE_NAME)
        except RefusedError:
            return True
        except MeterError:
            return False
        return True

    async def _drive(self, unit: Unit, link: Link, script: Script[T]) -> T:
        try:
            return await drive(script, lambda request: unit.ask(link, request), lambda work: self._commit(work, unit))
        finally:
            self._used_ms = self.shared.clock.now_ms()

    async def _commit(self, work: Callable[[int], Any], unit: Unit) -> Any:
        """Do a piece of work durably, and with it note which of the meter's counters it rests on."""
        clock = self.shared.clock

        def all_of_it() -> Any:
            outcome = work(clock.now_ms())
            unit.note_received()
            return outcome

        return await self.shared.commit.run(all_of_it)

    async def _close_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def close(self) -> None:
        """End the connection; for the end of the program, or of the line."""
        await self._close_link()
        await self._close_ear()

    async def close_if_idle(self, now_ms: int) -> None:
        """Let go of an association that nobody has used for long."""
        unit = self.units.get(self._link_of)
        idle = self._link is not None and not self._running and unit is not None
        if idle and unit is not None and now_ms - self._used_ms > unit.config.idle:
            await self._close_link()

    # ---- what is said unasked

    def _pushes(self, meter: str | None) -> LinePushes | None:
        """What is heard while a meter's association stands here, or nobody's."""
        intake = self.shared.intake
        return None if intake is None else LinePushes(intake, self.key, self._alone, meter)

    def _alone(self) -> str | None:
        return next(iter(self.units)) if len(self.units) == 1 else None

    def listen(self) -> None:
        """Hold the line open for pushes, where a meter wants that and nobody speaks on it."""
        unit = next((each for each in self.units.values() if each.config.pushes), None)
        if unit is None or self._running or self.shared.stopping:
            return
        if any(each is not None and each.is_open for each in (self._link, self._ear)):
            return
        if self.shared.clock.now_ms() >= self._deaf_until_ms:
            self._running = True
            self.shared.spawn(self._open_ear(unit), f"ear:{self.key}")

    async def _open_ear(self, unit: Unit) -> None:
        try:
            await self.close()
            pushes, address = self._pushes(None), unit.config.address
            if pushes is not None and isinstance(address, DlmsAddress):
                self._ear = Ear(address, pushes.take, unit.terms.connect_ms)
                await self._ear.open()
        except OSError as error:
            self._ear = None
            self.shared.health.error("no_connection")
            _log.info("%s can't be opened to hear pushes: %s", address, error, extra={"meter": unit.id})
        finally:
            # One that ends at once is left alone for a while, too.
            self._deaf_until_ms = self.shared.clock.now_ms() + RETRY_MS
            self._running = False
        self.kick()

    async def _close_ear(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            await ear.close()
            self._deaf_until_ms = 0

    # ---- polls

    async def _poll(self, unit: Unit, job: Job) -> None:
        plan = self.shared.schedule.plan(unit.id, job.key) or unit.config.read.get(job.key)
        plan = plan if plan is not None else _ONCE
        reused = self._link is not None
        try:
            outcome = await self._poll_once(unit, job, plan)
        except NoConnectionError:
            if not reused:
                raise
            await self._close_link()  # the meter may have let go of a kept connection: that is no failure
            outcome = await self._poll_once(unit, job, plan)
        if outcome is not None:
            self._after_poll(unit, job, outcome)
        await self._answered(unit, job.key, None if outcome is not None else unit.trouble.get(job.key))

    async def _poll_once(self, unit: Unit, job: Job, plan: Any) -> Outcome | None:
        link = await self._reach(unit, careful=False)
        try:
            return await self._drive(unit, link, poll(unit.id, job.key, plan, unit.scripts, self.shared.report))
        except (RefusedError, NonsenseError) as error:
            reason = str(error)
            unit.trouble[job.key] = reason
            value = Value(name=job.key, value=None, quality=Quality.ERROR, reason=reason)

            def work() -> None:
                self.shared.report.reading(unit.id, job.key, (Row(values=(value,)),), self.shared.clock.now_ms())

            await self.shared.commit.run(work)
            self.shared.health.error("nonsense" if isinstance(error, NonsenseError) else "refused")
            return None

    def _after_poll(self, unit: Unit, job: Job, outcome: Outcome) -> None:
        now_ms = self.shared.clock.now_ms()
        unit.trouble.pop(job.key, None)
        if outcome.more:
            self.queue.add(job._replace(at_ms=now_ms))
        asks_relay = outcome.relay_moved or not unit.met
        asks_relay |= job.key == "instantaneous" and not isinstance(self._link, DlmsLink)
        if asks_relay and unit.has_relay and job.key != RELAY:
            self.queue.add(Job(unit.id, Priority.EVENT, RELAY, now_ms))
        if outcome.clock_off_ms is not None:
            limit = unit.config.clock_limit
            off_ms = outcome.clock_off_ms
            unit.trouble.pop(CLOCK, None)
            if abs(off_ms) > limit:
                unit.trouble[CLOCK] = f"its clock is {abs(off_ms) // 1000} s {'ahead' if off_ms > 0 else 'behind'}"

    # ---- commands

    async def _command(self, unit: Unit, job: Job) -> None:
        shared, command_id = self.shared, str(job.work)
        waiting = await shared.commit.run(lambda: shared.commands.find(command_id))
        if waiting is None:
            return
        link = await self._reach(unit, careful=waiting.command.verb is not Verb.READ)
        tools = Tools(
            commands=shared.commands,
            report=shared.report,
            observe_after_ms=unit.config.observe_after,
            clock_limit_ms=unit.config.clock_limit,
            plans=unit.config.read,
            images=shared.images,
            rotation=unit.rotation(lambda stage, names: self._remember(unit, stage, names)),
        )
        again_ms = await self._drive(unit, link, execute(waiting, unit.scripts, tools))
        await self._answered(unit, "command", None)
        if again_ms is not None:
            self.queue.add(job._replace(at_ms=again_ms))

    # ---- how it went

    async def _answered(self, unit: Unit, key: str, trouble: str | None) -> None:
        unit.failures, unit.met = 0, True
        unit.last_seen_ms = self.shared.clock.now_ms()
        unit.trouble.pop("reach", None)
        if trouble is None:
            unit.trouble.pop(key, None)
        await self._tell(unit)

    async def _failed(self, unit: Unit, job: Job, error: MeterError) -> None:
        unit.failures += 1
        unit.trouble.pop("reach", None)
        unit.trouble = {"reach": str(error)} | unit.trouble
        self.shared.health.error(next(kind for each, kind in _KINDS.items() if isinstance(error, each)))
        _log.info("%s", error, extra={"meter": unit.id, "job": job.key})
        if job.work is not None:
            await self._try_again(unit, job, error)
        await self._tell(unit)

    async def _try_again(self, unit: Unit, job: Job, error: MeterError) -> None:
        commands, command_id, now_ms = self.shared.commands, str(job.work), self.shared.clock.now_ms()
        if await self.shared.commit.run(lambda: try_again(commands, command_id, error, now_ms)):
            self.queue.again(job, now_ms + wait_ms(unit.failures))

    async def _tell(self, unit: Unit) -> None:
        state, reason = unit.state()
        seen, failures, now_ms = unit.last_seen_ms, unit.failures, self.shared.clock.now_ms()
        report = self.shared.report
        await self.shared.commit.run(
            lambda: report.status(unit.id, state, reason, now_ms, last_seen_ms=seen, failures=failures)
        )


_ONCE: Final = ReadPlan.model_validate("1d")
"""How a read goes that no plan asks for, such as that of the relay after it has moved."""
_KINDS: Final[Mapping[type[Exception], str]] = {
    NoConnectionError: "no_connection",
    NoAnswerError: "no_answer",
    NotLetInError: "not_let_in",
}
