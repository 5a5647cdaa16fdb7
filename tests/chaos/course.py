"""The course of a run: things are killed while readings flow and commands come; then all is well, and is counted.

Every wait is for something to be so, with a patience after which the run says what did not come about; the only
pauses are those that the plan has drawn.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sized
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.bench import DEPTH_MS, Bench
from tests.chaos.evidence import ms
from tests.chaos.plan import METERS, Kill, Order, Plan
from tests.chaos.verdict import MINUTE_MS, Death, Evidence, Given, History, Verdict, judge
from tests.chaos.witness import Witness
from tests.patience import PATIENCE_S

"""For recovering from anything, on a machine that does other things too."""
LOOK_S = 0.05
INSIST_S = 2.0
"""A command without an end is given again so often: the broker may have lost it."""
HISTORIES = ("block_load", "daily_load")


class StuckError(AssertionError):
    """Something did not come about."""


def now_ms() -> int:
    """The clock that all these programs share."""
    return time.time_ns() // 1_000_000


def utc(at_ms: int) -> str:
    """An instant as it stands in a payload."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


async def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Go the whole course.

    Args:
        plan: what happens.
        folder: for all files; empty.
        say: is told how it goes.
    """
    bench = Bench(folder)
    bench.give_a_past()
    witness = Witness(bench.broker.port)
    course = Course(plan, bench, witness, say)
    try:
        await course.go()
    except* StuckError as stuck:
        course.evidence.faults += map(str, stuck.exceptions)
    finally:
        witness.close()
        bench.end()
    return judge(course.evidence)


def _has(seen: Sized, enough: int) -> bool:
    return len(seen) >= enough


class Course:
    """See the module.

    Args:
        plan: what happens.
        bench: to whom.
        witness: who sees it.
        say: is told how it goes.
    """

    def __init__(self, plan: Plan, bench: Bench, witness: Witness, say: Callable[[str], None]) -> None:
        self.evidence = Evidence(bench, witness)
        self._plan = plan
        self._bench = bench
        self._witness = witness
        self._say = say
        self._payloads: dict[str, tuple[str, bytes]] = {}

    async def _until(self, what: str, condition: Callable[[], Any], every_s: float = LOOK_S) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    for ended in filter(None, (victim.ended() for victim in self._bench.victims.values())):
                        raise StuckError(f"{ended}; seed {self._plan.seed}")
                    await asyncio.sleep(every_s)
        except TimeoutError:
            raise StuckError(f"{what}: not within {PATIENCE_S:g} s; seed {self._plan.seed}") from None

    async def go(self) -> None:
        """From the beginning to the end.

        Raises:
            StuckError: something did not come about.
        """
        await self.begin()
        await self.kill_everything()
        await self.come_to_rest()

    async def begin(self) -> None:
        """Start everything; every meter has been read once."""
        for victim in (self._bench.broker, self._bench.emulator, self._bench.gateway, self._bench.headend):
            victim.start()
        await self._until("every meter is read", self._all_read, 0.2)
        self._say("every meter is read")

    def _all_read(self) -> bool:
        return all(self._bench.ledger.entries(f"/{meter}/reading/instantaneous") for meter in METERS)

    # ---- chaos

    async def kill_everything(self) -> None:
        """All kills of the plan, each program's in its own time."""
        async with asyncio.TaskGroup() as tasks:
            torments = [tasks.create_task(self._torment(name, kills)) for name, kills in self._plan.kills.items()]
            operator = tasks.create_task(self._operate())
            self._insisting = tasks.create_task(self._insist())
            await asyncio.wait(torments)
            operator.cancel()
            self.evidence.calm_ms = now_ms()
            self._say("nothing dies any more")
            await self._until("every command has come to an end", self._all_ended)
            self._insisting.cancel()
        self._say("every command has come to an end")

    async def _torment(self, name: str, kills: tuple[Kill, ...]) -> None:
        victim, seen = self._bench.victims[name], self._witness.digests
        for number, kill in enumerate(kills, 1):
            await self._until(f"{name} is back", partial(_has, seen, len(seen) + kill.messages))
            await asyncio.sleep(kill.delay_ms / 1000)
            victim.kill()
            self.evidence.deaths.append(Death(name, now_ms()))
            self._say(f"{name} {number}/{len(kills)} killed, {len(seen)} messages seen")
            await asyncio.sleep(kill.dark_ms / 1000)
            await asyncio.to_thread(victim.start)

    async def _operate(self) -> None:
        for order in self._plan.orders():
            await asyncio.sleep(order.wait_ms / 1000)
            self._give(order)

    def _give(self, order: Order) -> None:
        expires_ms = now_ms() + order.lifetime_ms
        command = {"id": order.id, "verb": order.verb, "cause": "maintenance", "expires_at": utc(expires_ms)}
        topic, payload = f"{order.meter}/command", json.dumps(command).encode()
        self.evidence.given[order.id] = Given(order.meter, ms(command["expires_at"]))
        self._payloads[order.id] = topic, payload
        self._witness.say(topic, payload)
        loop = asyncio.get_running_loop()
        for after_ms in order.repeats_ms:
            loop.call_later(after_ms / 1000, self._witness.say, topic, payload)
        if order.altered_ms is not None:
            other = {"disconnect": "reconnect", "reconnect": "disconnect"}[order.verb]
            changed = json.dumps(command | {"verb": other}).encode()
            loop.call_later(order.altered_ms / 1000, self._witness.say, topic, changed)

    async def _insist(self) -> None:
        while True:
            await asyncio.sleep(INSIST_S)
            for command_id, (topic, payload) in self._payloads.items():
                if command_id not in self._witness.finals:
                    self._witness.say(topic, payload)

    def _all_ended(self) -> bool:
        return self.evidence.given.keys() <= self._witness.finals

    # ---- calm

    async def come_to_rest(self) -> None:
        """Wait until nothing is missing, have all of it sent once more, compare with the meters, and end."""
        await self._until("the head-end has every row that the meters have made", self._has_every_row, 0.5)
        self._say("the head-end has every row")
        await self._until("the head-end has no gap", self._has_no_gap, 0.2)
        self._say("nothing is missing; all of it is asked for once more")
        await self._everything_again()
        self._say("it has come; the meters are asked what they have")
        for meter in METERS:
            for profile in HISTORIES:
                await self._read_history(meter, profile)
        await self._end()

    def _has_every_row(self) -> bool:
        """What was made before the calm, and not so long ago that the gateway gives it up."""
        first_ms = now_ms() - DEPTH_MS + MINUTE_MS
        return all(
            self.evidence.stamps(meter, "daily_load") and not self.evidence.missing_minutes(meter, first_ms)
            for meter in METERS
        )

    def _has_no_gap(self) -> bool:
        status = self._bench.ledger.last_status()
        return status is not None and not self.evidence.gaps(status)

    async def _everything_again(self) -> None:
        through = self._bench.ledger.newest()
        before = dict(self._witness.deliveries)
        self._witness.ask_again(1, through)
        seen = self._witness.deliveries
        asked = range(1, through + 1)
        await self._until(
            f"1 to {through} are sent again", lambda: all(seen[seq] > before.get(seq, 0) for seq in asked), 0.5
        )
        self.evidence.replayed = through

    async def _read_history(self, meter: str, profile: str) -> None:
        stamps = self.evidence.stamps(meter, profile)
        rows = await self._bench.rows(meter, profile, min(stamps), max(stamps))
        self.evidence.histories[meter, profile] = History(max(stamps), rows)

    async def _end(self) -> None:
        """The gateway says that it goes; what it said until then has arrived."""
        bench = self._bench
        stopped = [await asyncio.to_thread(bench.gateway.stop)]
        await self._until("the last word has arrived", lambda: (bench.ledger.last_status() or {})["online"] is False)
        stopped += [await asyncio.to_thread(bench.emulator.stop)]
        self.evidence.faults += [each for each in stopped if each is not None]
