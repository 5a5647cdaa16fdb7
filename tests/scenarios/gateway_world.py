"""A small world for the gateway's cores: two meters, a model broker, a head-end with a ledger, all on one seed.

The cores are those that run in production (store, outbox, sender, commands, guard, schedule, lines, scripts); network,
broker, meters and head-end are models. Gateway, broker and meters die at seeded instants, and connections break. The
broker does what brokers do: it forgets what it had acknowledged, drops a session, says things twice, and in another
order after an interruption. In every twentieth world the guard delays reconnects, so that commands wait for each other.
Time is simulated: an event is a callback in a heap.
"""

import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from gateway.command.command import Commands, Open
from gateway.command.door import Delivery, Door
from gateway.command.execution import execute
from gateway.command.guard_rule import GuardConfig
from gateway.command.inbox import priority_of
from gateway.command.judgement import Surroundings
from gateway.command.retry import try_again, wait_ms
from gateway.command.tools import Tools
from gateway.meter.dlms import DlmsScripts
from gateway.outbox.outbox import Outbox
from gateway.outbox.retention import Limits, Retention
from gateway.outbox.sender import Sender
from gateway.outbox.store import Store
from gateway.polling.bus import Job, Line
from gateway.polling.poll import poll
from gateway.polling.reading import utc
from gateway.polling.report import Report
from gateway.polling.schedule import ReadPlan, Schedule
from gateway.service.script import (
    Ask,
    Commit,
    MeterError,
    NoAnswerError,
    NoConnectionError,
    NonsenseError,
    RefusedError,
    Wait,
)
from protocols.message.command import Ack, Replay, Result
from protocols.message.envelope import Streamed
from protocols.message.topic import Topics
from tests.gateway.cores import NOW_MS, memory_store
from tests.gateway.fake_meter import IST, FakeMeter

CHAOS_MS = 24_000
"""So long things die; then the world is healthy and comes to rest."""
CALM_MS = 24_000
LONG_CALM_MS = 100_000
"""Where commands live long: until the last one is over."""
PERIOD_MS = 10_000
DISK_MS = 3
"""What is committed is durable within this."""
METERS = ("MB1", "MB2")
PLANS = {
    "instantaneous": ReadPlan.model_validate("20s"),
    "block_load": ReadPlan.model_validate({"every": "10s", "depth": "5m"}),
}
WIDE = {"kind": "blast_radius", "per_minute": 1000}
GUARD = GuardConfig.model_validate({"rule": [WIDE]})
DELAYING_GUARD = GuardConfig.model_validate({"rule": [WIDE, {"kind": "reconnect_rate", "per_minute": 1}]})


class World:
    """Everything, with one clock and one source of chance."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.delays = seed % 20 == 0
        """The guard delays reconnects."""
        self.guard = DELAYING_GUARD if self.delays else GUARD
        self.end_ms = NOW_MS + CHAOS_MS + (LONG_CALM_MS if self.delays else CALM_MS)
        self.now_ms = NOW_MS
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self.meters = {name: FakeMeter(self.now, NOW_MS, period_ms=PERIOD_MS) for name in METERS}
        self.dark_until = dict.fromkeys(METERS, 0)
        self.broker = Broker(self)
        self.headend = Headend(self)
        self.store = memory_store()
        self.kills = 0
        self.acts: list[tuple[str, int]] = []
        """Every relay action that went on the wire: for which command, when."""
        self.gateway = Gateway(self)

    def now(self) -> int:
        return self.now_ms

    def later(self, ms: int, event: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (self.now_ms + ms, self._order, event))

    @property
    def chaotic(self) -> bool:
        return self.now_ms < NOW_MS + CHAOS_MS

    def run(self) -> None:
        self.gateway.start()
        self.headend.start()
        for kill in (self._kill_gateway, self._kill_broker, self._break_connection, self._darken):
            self.later(self.rng.randrange(500, CHAOS_MS // 3), kill)
        while self._events and self._events[0][0] <= self.end_ms:
            self.now_ms, _, event = heapq.heappop(self._events)
            event()

    def _again(self, kill: Callable[[], None]) -> None:
        if self.chaotic:
            self.kills += 1
            self.later(self.rng.randrange(1_000, 10_000), kill)

    def _kill_gateway(self) -> None:
        if self.chaotic:
            self.gateway.kill()
            self.gateway = Gateway(self)
            self.later(self.rng.randrange(50, 4_000), self.gateway.start)
        self._again(self._kill_gateway)

    def _kill_broker(self) -> None:
        if self.chaotic:
            self.broker.kill(forgets=self.rng.random() < 0.7)
            self.later(self.rng.randrange(50, 5_000), self.broker.start)
        self._again(self._kill_broker)

    def _break_connection(self) -> None:
        if self.chaotic:
            self.broker.break_connection(drops_session=self.rng.random() < 0.3)
        self._again(self._break_connection)

    def _darken(self) -> None:
        if self.chaotic:
            self.dark_until[self.rng.choice(METERS)] = self.now_ms + self.rng.randrange(100, 5_000)
        self._again(self._darken)


class Broker:
    """A model of a broker: what it has acknowledged may be forgotten, repeated, or come in another order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.up = True
        self.session: Session | None = None
        self.knows_gateway = False
        self.for_headend: list[tuple[str, bytes]] = []
        self.for_gateway: list[tuple[str, bytes]] = []
        self.retained: dict[str, bytes] = {}

    def kill(self, *, forgets: bool) -> None:
        self.up = False
        if self.session is not None:
            self.session.end()
        if forgets:
            self.for_headend.clear()
            self.for_gateway.clear()
            self.retained.clear()
            self.knows_gateway = False

    def start(self) -> None:
        self.up = True
        self._reorder(self.for_headend)
        for index in range(len(self.for_headend)):  # who hands these on died with us
            self._world.later(index, self._hand_on)

    def break_connection(self, *, drops_session: bool) -> None:
        """The gateway's connection is gone; the broker may keep nothing of its session, and still what is retained."""
        if self.session is not None:
            self.session.end()
        if drops_session:
            self.for_gateway.clear()
            self.knows_gateway = False

    def _reorder(self, messages: list[tuple[str, bytes]]) -> None:
        if self._world.rng.random() < 0.3:
            self._world.rng.shuffle(messages)

    def take(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """A message from the gateway."""
        if retain:
            self.retained[topic] = payload
        self.for_headend.append((topic, payload))
        slow = self._world.rng.random() < 0.3
        self._world.later(self._world.rng.randrange(1, 3_000 if slow else 40), self._hand_on)

    def _hand_on(self) -> None:
        """One message, in order: the head-end reads at its own pace, and what it has not read can be forgotten."""
        if self.up and self.for_headend:
            self._world.headend.take(*self.for_headend[0])
            if self._world.rng.random() < 0.03:
                self._world.later(50, self._hand_on)  # the head-end's word that it has it was lost
            else:
                del self.for_headend[0]

    def publish(self, topic: str, payload: bytes) -> None:
        """A message from the head-end; without a broker it is lost, and the head-end's own matter."""
        if self.up:
            self.for_gateway.append((topic, payload))
            self.deliver()

    def resume(self) -> None:
        """The gateway is connected again: what it has not acknowledged comes once more, in some order."""
        self._reorder(self.for_gateway)
        self.deliver()

    def deliver(self) -> None:
        """What waits for the gateway, as long as there is a session; kept until it is acknowledged."""
        session = self.session
        if session is not None:
            for message in self.for_gateway:
                session.hand(message)


class Session:
    """One connection of the gateway; what is on its way when it ends is lost."""

    window = 8

    def __init__(self, world: World, gateway: "Gateway") -> None:
        self._world = world
        self._gateway = gateway
        self._mid = 0
        self._handed: list[tuple[str, bytes]] = []
        self.open = True
        self._free_ms = 0

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        expiry_s: int | None = None,
    ) -> int:
        if not self.open:
            raise ConnectionError("no session")
        self._mid += 1
        mid = self._mid
        self._free_ms = max(self._free_ms, self._world.now_ms + self._world.rng.randrange(1, 30))
        self._world.later(self._free_ms - self._world.now_ms, lambda: self._arrive(topic, payload, mid, retain=retain))
        return mid

    def _arrive(self, topic: str, payload: bytes, mid: int, *, retain: bool) -> None:
        broker = self._world.broker
        if self.open and broker.up:
            broker.take(topic, payload, retain=retain)
            self._world.later(self._world.rng.randrange(1, 30), lambda: self._acknowledged(mid))

    def _acknowledged(self, mid: int) -> None:
        if self.open:
            self._gateway.sender.on_puback(mid, None)

    def hand(self, message: tuple[str, bytes]) -> None:
        """A message for the gateway; the broker drops it once the gateway has stored it."""
        if message in self._handed:
            return
        self._handed.append(message)

        def arrive() -> None:
            if self.open:
                self._gateway.take(message, lambda: self._stored(message))

        self._world.later(self._world.rng.randrange(1, 30), arrive)

    def _stored(self, message: tuple[str, bytes]) -> None:
        if self.open:
            self._handed.remove(message)
            if message in self._world.broker.for_gateway:
                self._world.broker.for_gateway.remove(message)

    def end(self) -> None:
        if self.open:
            self.open = False
            self._world.broker.session = None
            self._gateway.disconnected()


@dataclass(slots=True)
class _Running:
    """A job on a line."""

    job: Job
    script: Any


class Gateway:
    """One life of the gateway: cores on the world's store, forgotten when it is killed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.alive = True
        self.session: Session | None = None
        self.topics = Topics("gw1")
        store = self.store
        store._memories.clear()  # the cores of the life before are gone, and with them what they remembered
        self.outbox = Outbox(store, historical_after_ms=2_000)
        self.retention = Retention(store, self.outbox, Limits())
        around = Surroundings(guard=world.guard, groups=dict.fromkeys(METERS, ()), headend_seen_ms=world.now_ms)
        self.commands = Commands(store, self.outbox, self.topics, around)
        self.door = Door(self.commands)
        self.report = Report(store, self.outbox, self.topics)
        self.sender = Sender(self.outbox, self._wake, world.now, lambda _reason: None)
        self.sender.status_topic = self.topics.status
        self.schedule = Schedule("gw1")
        self.lines = {name: Line() for name in METERS}
        self.scripts = {name: DlmsScripts(IST) for name in METERS}
        self.failures = dict.fromkeys(METERS, 0)
        self._waking = False
        self._durable_ms = 0

    @property
    def store(self) -> Store:
        return self._world.store

    def kill(self) -> None:
        self.alive = False
        if self.session is not None:
            self.session.end()

    def start(self) -> None:
        if not self.alive:
            return
        for name in METERS:
            self.schedule.put(name, PLANS, self._world.now_ms)
        for waiting in self.commands.waiting():
            self._begin(waiting)
        self._connect()
        self._tick()
        self._beat()

    def _connect(self) -> None:
        if not self.alive or self.session is not None:
            return
        broker = self._world.broker
        if not broker.up:
            self._world.later(self._world.rng.randrange(50, 800), self._connect)
            return
        session = Session(self._world, self)
        known, broker.knows_gateway = broker.knows_gateway, True
        broker.session = self.session = session
        self.commit(lambda _now: self.outbox.begin_session(new=not known))
        self.sender.begin(session)
        self._status()
        broker.resume()

    def disconnected(self) -> None:
        self.session = None
        self.sender.end()
        if self.alive:
            self._world.later(self._world.rng.randrange(20, 500), self._connect)

    def commit(self, work: Callable[[int], Any]) -> Any:
        """One group of one piece; what the sender took with it leaves a little later, if we live so long."""
        with self.store.transaction():
            outcome = work(self._world.now_ms)
            collected = self.sender.collect()
        if collected:
            session = self.session

            def deliver() -> None:
                if self.alive and self.session is session:
                    self.sender.deliver(collected)

            # The disk takes its time, but a group is durable before the next one begins.
            self._durable_ms = max(self._durable_ms, self._world.now_ms + self._world.rng.randrange(DISK_MS))
            self._world.later(self._durable_ms - self._world.now_ms, deliver)
        return outcome

    def _wake(self) -> None:
        if not self._waking:
            self._waking = True
            self._world.later(1, self._woken)

    def _woken(self) -> None:
        self._waking = False
        if self.alive:
            self.commit(lambda _now: None)

    def _status(self) -> None:
        def body(sent_through: int) -> bytes:
            said = {"status": "online", "online": True, "sent_through": sent_through}
            return json.dumps(said | {"holes": [each.to_json().decode() for each in self.outbox.holes.all()]}).encode()

        self.sender.status_body = body
        self._wake()

    def _beat(self) -> None:
        if self.alive:
            self.commit(lambda now_ms: (self.commands.expire(now_ms), self.retention.trim(now_ms)))
            if self.session is not None:
                self._status()
            self._world.later(4_000, self._beat)

    def take(self, message: tuple[str, bytes], stored: Callable[[], None]) -> None:
        """What the inbox does, without its asyncio."""
        topic, payload = message
        if topic.endswith("/command"):
            meter = topic.split("/")[-2]
            accepted = self.commit(lambda now_ms: self.door.receive(meter, Delivery(payload), now_ms))
            if accepted is not None:
                self._begin(accepted)
        elif topic.endswith("/replay"):
            asked = Replay.from_json(payload)
            self.commit(lambda now_ms: self.outbox.replay(asked.stream, asked.from_seq, asked.to_seq, now_ms))
        else:
            said = Ack.from_json(payload)
            self.commit(lambda _now: self.outbox.ack(said.stream, said.seq))
        stored()

    def _begin(self, waiting: Open) -> None:
        at_ms = max(self._world.now_ms, waiting.not_before_ms)
        command_id = waiting.command.id
        self._add(Job(waiting.meter, priority_of(waiting), f"command:{command_id}", at_ms, work=command_id))

    def _add(self, job: Job) -> None:
        self.lines[job.meter].add(job)
        self._world.later(max(0, job.at_ms - self._world.now_ms), lambda: self._kick(job.meter))

    def _tick(self) -> None:
        if self.alive:
            for due in self.schedule.due(self._world.now_ms):
                self._add(Job(due.meter, due.priority, due.profile, self._world.now_ms, due.deadline_ms))
            for name in METERS:
                self._kick(name)
            self._world.later(1_000, self._tick)

    def _kick(self, meter: str) -> None:
        line = self.lines[meter]
        job = line.next(self._world.now_ms) if self.alive else None
        if job is not None:
            if self._world.now_ms < self._world.dark_until[meter]:
                self._failed(job, NoConnectionError("nobody there"))
                return
            script = self._script(job)
            if script is None:
                self._done(job, answered=True)
            else:
                self._step(_Running(job, script), None, None)

    def _script(self, job: Job) -> Any:
        scripts = self.scripts[job.meter]
        if job.work is None:
            return poll(job.meter, job.key, PLANS[job.key], scripts, self.report)
        waiting = self.commands.find(job.work)
        if waiting is None:
            return None
        return execute(waiting, scripts, Tools(commands=self.commands, report=self.report, observe_after_ms=500))

    def _step(self, running: _Running, outcome: Any, error: MeterError | None) -> None:
        if not self.alive:
            return
        try:
            step = running.script.send(outcome) if error is None else running.script.throw(error)
        except StopIteration as stop:
            self._finished(running.job, stop.value)
            return
        except (RefusedError, NonsenseError):
            self._done(running.job, answered=True)
            return
        except MeterError as failure:
            self._failed(running.job, failure)
            return
        rng = self._world.rng
        match step:
            case Commit(work):
                result = self.commit(work)
                self._world.later(rng.randrange(DISK_MS), lambda: self._step(running, result, None))
            case Wait(ms):
                self._world.later(ms, lambda: self._step(running, None, None))
            case Ask(request):
                self._ask(running, request)

    def _ask(self, running: _Running, request: Any) -> None:
        """A question on its way: it may be lost, its answer may be lost, the meter may have gone dark."""
        world, meter = self._world, self._world.meters[running.job.meter]
        if type(request).__name__ == "Act":
            world.acts.append((str(running.job.work), world.now_ms))
        luck = world.rng.random() if world.chaotic else 1.0

        def reach() -> None:
            dark = world.now_ms < world.dark_until[running.job.meter]
            if dark or luck < 0.03:
                error = NoConnectionError("gone") if world.rng.random() < 0.5 else NoAnswerError("silence")
                world.later(300, lambda: self._step(running, None, error))
                return
            outcome = meter.ask(request)
            if luck < 0.06:
                world.later(300, lambda: self._step(running, None, NoAnswerError("silence")))
            else:
                world.later(world.rng.randrange(5, 60), lambda: self._step(running, outcome, None))

        world.later(world.rng.randrange(5, 60), reach)

    def _finished(self, job: Job, outcome: Any) -> None:
        self.failures[job.meter] = 0
        self._done(job, answered=True)
        if job.work is not None and outcome is not None:
            self._add(job._replace(at_ms=outcome))
        elif job.work is None and outcome.more:
            self._add(job._replace(at_ms=self._world.now_ms))

    def _failed(self, job: Job, error: MeterError) -> None:
        self.failures[job.meter] += 1
        self._done(job, answered=False)
        if job.work is not None and self.commit(lambda now_ms: try_again(self.commands, job.work, error, now_ms)):
            wait = wait_ms(self.failures[job.meter])
            self.lines[job.meter].again(job, self._world.now_ms + wait)
            self._world.later(wait, lambda: self._kick(job.meter))

    def _done(self, job: Job, *, answered: bool) -> None:
        self.lines[job.meter].done(self._world.now_ms, answered=answered)
        self._world.later(0, lambda: self._kick(job.meter))


@dataclass(slots=True)
class Headend:
    """Keeps a ledger, asks for gaps, sends commands until they have come to their end."""

    world: World
    ledger: dict[int, bytes] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    deliveries: int = 0
    sent_through: int = 0
    stream: str = ""
    commands: dict[str, tuple[str, bytes, int]] = field(default_factory=dict)
    finals: dict[str, list[Result]] = field(default_factory=dict)

    def start(self) -> None:
        self._ask()
        self._command()

    def take(self, topic: str, payload: bytes) -> None:
        message = Streamed.from_json(payload)
        assert message.stream is not None
        assert message.seq is not None
        assert self.stream in {"", message.stream}
        self.stream = message.stream
        self.deliveries += 1
        before = self.ledger.setdefault(message.seq, payload)
        assert before == payload, f"seq {message.seq} came with another payload"
        self.topics[message.seq] = topic
        if topic == "meters/v1/gw1/status":
            self.sent_through = max(self.sent_through, json.loads(payload)["sent_through"])
        elif topic.endswith("/result"):
            result = Result.from_json(payload)
            if result.final and not result.repeated:
                self.finals.setdefault(result.id, [])
                if result not in self.finals[result.id]:
                    self.finals[result.id].append(result)

    def _ask(self) -> None:
        """Ask for what is missing."""
        through = max([self.sent_through, *self.ledger])
        missing = [seq for seq in range(1, through + 1) if seq not in self.ledger]
        if missing and self.stream:
            asked = {"stream": self.stream, "from": missing[0], "to": missing[min(len(missing), 20) - 1]}
            self.world.broker.publish("meters/v1/gw1/replay", json.dumps(asked).encode())
        for command_id, (meter, payload, _) in self.commands.items():
            if command_id not in self.finals:
                self.world.broker.publish(f"meters/v1/gw1/{meter}/command", payload)
        self.world.later(2_500, self._ask)

    def _command(self) -> None:
        if not self.world.chaotic:
            return
        rng = self.world.rng
        meter = rng.choice(METERS)
        lifetime = rng.randrange(20_000, 70_000) if self.world.delays else rng.randrange(200, 8_000)
        data = {
            "id": f"c{len(self.commands)}",
            "verb": rng.choice(["disconnect", "reconnect"]),
            "cause": "maintenance",
            "expires_at": utc(self.world.now_ms + lifetime).isoformat(),
        }
        self.commands[str(data["id"])] = (meter, json.dumps(data).encode(), self.world.now_ms + lifetime)
        self.world.broker.publish(f"meters/v1/gw1/{meter}/command", self.commands[str(data["id"])][1])
        self.world.later(rng.randrange(1_500, 8_000), self._command)
