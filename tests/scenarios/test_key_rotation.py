"""Keys are rotated while everything that can die does: whoever stops where, nobody is ever locked out.

The gateway's own line, store and commands, an emulated meter with its kept state, real sockets between them. A life of
the gateway ends before some step of the rotation, which is just after the one before; the meter restarts then or not.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import check as check_bench
from emulator.bench.running import RunningBench
from emulator.face.cosem.face import CosemFace
from emulator.keys.ring import Ring
from gateway.command.door import Delivery
from gateway.configuration.config import check
from gateway.meter.dlms_profile import Get, obis
from gateway.polling.bus import Job
from gateway.polling.schedule import Priority
from gateway.service.runner import LineRunner
from gateway.service.script import NotLetInError
from gateway.service.supervisor import Edge, Gateway
from gateway.service.unit import Unit
from protocols.transport.pump import link_time_us

NAME = Get(1, obis("0.0.42.0.0.255"), 2)
OLD = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
MASTER = "101112131415161718191A1B1C1D1E1F"
NEXT = {
    "block": "0F0E0D0C0B0A09080706050403020100",
    "authentication": "DFDEDDDCDBDAD9D8D7D6D5D4D3D2D1D0",
    "master": "2F2E2D2C2B2A29282726252423222120",
}


class KilledError(BaseException):
    """The gateway is gone, at once."""


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_MASTER", MASTER)
    for name, value in NEXT.items():
        monkeypatch.setenv(f"TEST_NEXT_{name.upper()}", value)


@contextlib.asynccontextmanager
async def meter(folder: Path) -> AsyncIterator[RunningBench]:
    """The meter, with the state that an earlier one has kept."""
    (folder / "state").mkdir(exist_ok=True)
    described = {"id": "MB0001", "model": "is15959-d1", "load": {"constant": 500}, "listen": ["dlms+tcp://127.0.0.1:0"]}
    household = assemble(check_bench({"seed": 7, "meter": [described]}, "test"), "test", Path(), folder / "state")
    async with RunningBench(household) as running:
        yield running


def ring_of(bench: RunningBench, client: int) -> Ring:
    [resident] = bench.residents
    face = resident.cosem
    assert isinstance(face, CosemFace)
    return resident.keyring(face).ring(client)


def block_of(bench: RunningBench, client: int) -> tuple[bytes, bool]:
    """The meter's block cipher key towards a client, and whether another one is pending."""
    context = ring_of(bench, client).context(client)
    assert context is not None
    return context.current.keys.block.reveal(), context.pending is not None


class Life:
    """One run of the gateway, as far as this needs one; it ends at a step if it is told to."""

    def __init__(self, folder: Path, bench: RunningBench, end: int | None) -> None:
        [url] = bench.endpoint.urls(bench.residents[0])
        described = {
            "id": "MB0001",
            "url": url.replace("client=16", "client=48"),
            "auth": "hls",
            "model": "is15959-d1",
            "keys": {"master": {"env": "TEST_MASTER"}},
            "next_keys": {name: {"env": f"TEST_NEXT_{name.upper()}"} for name in NEXT},
        }
        edge = Edge(
            system_ms=lambda: time.time_ns() // 1_000_000,
            monotonic_us=link_time_us,
            entropy=os.urandom,  # noqa: TID251 (the test is the program's edge)
            rng=Random(7),
            file=folder / "gateway.toml",
        )
        self.gateway = Gateway(check({"id": "gw1", "meter": [described]}, "", "test"), edge)
        self.runner: LineRunner = self.gateway.fleet.line_of["MB0001"]
        self.unit: Unit = self.runner.units["MB0001"]
        self.steps = 0
        self._end = end

    @contextlib.asynccontextmanager
    async def lived(self) -> AsyncIterator["Life"]:
        serving = asyncio.create_task(self.gateway.core.commit.serve())
        ask, commit = self.unit.ask, self.runner._commit

        async def asked(_unit: Unit, link: Any, request: Any) -> Any:
            return await self._step(ask, link, request)

        async def committed(_runner: LineRunner, work: Any, unit: Unit) -> Any:
            return await self._step(commit, work, unit)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Unit, "ask", asked)
            patch.setattr(LineRunner, "_commit", committed)
            try:
                yield self
            finally:
                link = self.runner._link
                if link is not None:
                    await link.close()
                self.gateway.core.commit.stop()
                await serving
                self.gateway.core.store.close()

    async def _step(self, step: Any, *arguments: Any) -> Any:
        self.steps += 1
        if self.steps == self._end:
            raise KilledError
        return await step(*arguments)

    async def receive(self, names: list[str]) -> None:
        payload = json.dumps({"id": "k1", "verb": "rotate_keys", "args": {"keys": names}, "requested_by": "test"})
        door, now_ms = self.gateway.core.door, self.gateway.clock.now_ms()
        opened = await self.gateway.core.commit.run(lambda: door.receive("MB0001", Delivery(payload.encode()), now_ms))
        assert opened is not None

    async def work(self) -> dict[str, Any] | None:
        """Do what is left to do of the command; its answer once it is over."""
        core = self.gateway.core
        for _ in range(3):
            job = Job("MB0001", Priority.COMMAND, "command:k1", 0, work="k1")
            await self.runner._do(job)
            row = core.store.sql.execute("SELECT rung, final, answer FROM command WHERE id = 'k1'").fetchone()
            if row[1]:
                return {"rung": row[0], "answer": row[2].decode()}
        return None

    async def reads(self) -> bool:
        """Whether the meter lets the gateway in, as for a poll."""
        link = await self.runner._reach(self.unit, careful=False)
        return bool(await self.unit.ask(link, NAME))


async def rotate(folder: Path, names: list[str], end: int | None, *, restart: bool) -> tuple[Any, int]:
    """Rotate keys; where the first life ends early, a second one goes on."""
    async with contextlib.AsyncExitStack() as stack:
        bench = await stack.enter_async_context(meter(folder))
        life = Life(folder, bench, end)
        async with life.lived():
            await life.receive(names)
            try:
                answer = await life.work()
            except KilledError:
                answer = None
        if answer is None:
            if restart:
                await stack.aclose()
                bench = await stack.enter_async_context(meter(folder))
            again = Life(folder, bench, None)
            async with again.lived():
                assert await again.reads()  # before anything is done about the rotation
                answer = await again.work()
                assert await again.reads()
        if "block" in names:
            assert block_of(bench, 48) == (bytes.fromhex(NEXT["block"]), False)
            assert block_of(bench, 64) == (bytes.fromhex(NEXT["block"]), False)
            assert block_of(bench, 80) == (OLD, False)
        last = Life(folder, bench, None)
        async with last.lived():
            assert await last.reads()
        return answer, life.steps


NAMES = ["block", "authentication"]


async def test_a_rotation_that_nothing_disturbs(tmp_path: Path) -> None:
    answer, steps = await rotate(tmp_path, NAMES, None, restart=False)
    assert answer["rung"] == "confirmed"
    assert '"push":"acknowledged"' in answer["answer"].replace(" ", "")
    assert steps == STEPS


STEPS = 9
"""Begin; the note; the transfer; acknowledged; let in; the note; the push setup's transfer; confirmed."""


@pytest.mark.parametrize(("step", "restart"), [(step, step % 2 == 0) for step in range(1, STEPS + 1)] + [(7, True)])
async def test_whoever_dies_at_a_step_nobody_is_locked_out(tmp_path: Path, step: int, *, restart: bool) -> None:
    answer, _ = await rotate(tmp_path, NAMES, step, restart=restart)
    assert answer is not None
    assert answer["rung"] == "confirmed"


async def test_a_master_key_goes_with_the_others(tmp_path: Path) -> None:
    answer, _ = await rotate(tmp_path, ["block", "master"], None, restart=False)
    assert answer["rung"] == "confirmed"
    assert '"push":"acknowledged"' in answer["answer"].replace(" ", "")


async def test_the_old_keys_are_refused_once_the_new_ones_are_confirmed(tmp_path: Path) -> None:
    async with meter(tmp_path) as bench:
        life = Life(tmp_path, bench, None)
        async with life.lived():
            old = life.unit.link(os.urandom)  # noqa: TID251 (the test is the program's edge)
            await life.receive(NAMES)
            answer = await life.work()
            assert answer is not None
            assert answer["rung"] == "confirmed"
            with pytest.raises(NotLetInError):
                await old.open()
