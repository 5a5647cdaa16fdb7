"""The meters that are configured and the lines they are on: joined, left and exchanged while the rest go on."""

from collections.abc import Awaitable, Callable

from gateway.command.command import Open
from gateway.command.inbox import priority_of
from gateway.command.judgement import Surroundings
from gateway.meter.modbus import ModbusScripts
from gateway.polling.bus import Job
from gateway.service.clock import Pace
from gateway.service.runner import LineRunner, Shared
from gateway.service.unit import Unit, line_key
from protocols.address import DlmsAddress, TcpListen
from protocols.message.status import MeterState


class Fleet:
    """All meters of a gateway.

    Args:
        shared: what all lines use.
        around: whom commands may be for.
        pace: how fast commands may begin.
        spawn: runs what is left to do with a line that nobody needs any more.
    """

    def __init__(
        self, shared: Shared, around: Surroundings, pace: Pace, spawn: Callable[[Awaitable[None], str], None]
    ) -> None:
        self.lines: dict[str, LineRunner] = {}
        self.line_of: dict[str, LineRunner] = {}
        """By meter."""
        self._shared = shared
        self._around = around
        self._pace = pace
        self._spawn = spawn
        self._dropped_polls = 0
        """By lines that are no more."""

    def join(self, unit: Unit) -> None:
        """A meter is ours from now on."""
        key = line_key(unit)
        runner = self.lines.setdefault(key, LineRunner(key, self._shared))
        runner.units[unit.id] = unit
        self.line_of[unit.id] = runner
        self._around.groups[unit.id] = unit.config.groups
        if isinstance(unit.scripts, ModbusScripts):
            self._around.relay_registers[unit.id] = unit.scripts.relay_registers()
        self._shared.schedule.put(unit.id, unit.config.read, self._shared.clock.now_ms())

    def leave(self, meter: str) -> None:
        """A meter is ours no longer."""
        runner = self.line_of.pop(meter)
        runner.units.pop(meter, None)
        runner.queue.forget(meter)
        self._around.groups.pop(meter, None)
        self._around.relay_registers.pop(meter, None)
        self._shared.schedule.remove(meter)
        if not runner.units:
            del self.lines[runner.key]
            self._dropped_polls += runner.queue.dropped
            self._spawn(runner.close(), f"close:{runner.key}")

    def adopt(self, units: list[Unit]) -> set[str]:
        """These are our meters now; those that did not change are not touched. Gives the ids of those that did."""
        wanted = {unit.id for unit in units}
        for meter in [meter for meter in self.line_of if meter not in wanted]:
            self.leave(meter)
        changed: set[str] = set()
        for unit in units:
            runner = self.line_of.get(unit.id)
            if runner is not None and runner.units[unit.id].is_like(unit):
                continue
            if runner is not None:
                self.leave(unit.id)
            self.join(unit)
            changed.add(unit.id)
        return changed

    def called(self, meter: str) -> None:
        """A meter has dialled in: what waits for it begins."""
        runner = self.line_of.get(meter)
        if runner is not None:
            runner.queue.wake(meter)
            runner.kick()

    def callers(self) -> list[tuple[str, DlmsAddress, str | None]]:
        """Meters that dial in: id, address and system title."""
        units = [unit for runner in self.lines.values() for unit in runner.units.values()]
        return [
            (unit.id, address, unit.config.system_title)
            for unit in units
            if isinstance(address := unit.config.address, DlmsAddress) and isinstance(address.carrier, TcpListen)
        ]

    def begin(self, waiting: Open) -> None:
        """A command is to be done, when it is its turn among all new ones and not before it may be."""
        runner = self.line_of.get(waiting.meter)
        if runner is not None:
            command_id = waiting.command.id
            at_ms = max(self._pace.next_ms(self._shared.clock.now_ms()), waiting.not_before_ms)
            key = f"command:{command_id}"
            runner.add(Job(waiting.meter, priority_of(waiting), key, at_ms, work=command_id))

    def queue_due(self) -> None:
        """Queue what the schedule says, and wake lines whose next job has come."""
        now_ms = self._shared.clock.now_ms()
        for due in self._shared.schedule.due(now_ms):
            runner = self.line_of.get(due.meter)
            if runner is not None:
                runner.add(Job(due.meter, due.priority, due.profile, now_ms, due.deadline_ms))
        for runner in list(self._shared.waiting):
            runner.kick()

    def wait_ms(self) -> int | None:
        """How long until something is due by itself: a read, a retried command, an observation, a probe."""
        now_ms = self._shared.clock.now_ms()
        wakes = [runner.queue.wake_ms() for runner in self._shared.waiting]
        # What could begin now begins when its line is free, which nobody has to wait for here.
        waits = [wake - now_ms for wake in wakes if wake is not None and wake > now_ms]
        due_ms = self._shared.schedule.wake_ms()
        if due_ms is not None:
            waits.append(max(due_ms - now_ms, 0))  # a read that came due since `queue_due` looked is queued by the next
        return min(waits, default=None)

    def states(self) -> dict[MeterState, int]:
        """How many meters are how; those that nobody has spoken to yet are not counted."""
        counts = dict.fromkeys(MeterState, 0)
        for runner in self.lines.values():
            for unit in runner.units.values():
                if unit.met or unit.failures:
                    counts[unit.state()[0]] += 1
        return counts

    def dropped_polls(self) -> int:
        """Polls that were given up, since their deadline passed or too many waited."""
        return self._dropped_polls + sum(runner.queue.dropped for runner in self.lines.values())

    async def close_idle(self) -> None:
        """Let go of associations that nobody has used for long."""
        now_ms = self._shared.clock.now_ms()
        for runner in list(self.lines.values()):
            await runner.close_if_idle(now_ms)
        self.listen()

    def listen(self) -> None:
        """Hold the lines open whose meters push on them."""
        for runner in self.lines.values():
            runner.listen()
