"""The short run in every test run, the long one where there are ten minutes; a failure names the seed."""

from itertools import islice
from pathlib import Path

import pytest

from tests.broker import require_mosquitto
from tests.chaos.__main__ import say
from tests.chaos.course import run
from tests.chaos.plan import LONG, SHORT, plan

pytestmark = pytest.mark.interop

SEED = 7


async def hold(tmp_path: Path, kills: dict[str, int], seed: int) -> None:
    require_mosquitto()
    verdict = await run(plan(seed, kills), tmp_path, say)
    say(str(verdict.figures))
    assert verdict.figures["killed"] == kills
    assert not verdict.faults, f"seed {seed}: python -m tests.chaos --seed {seed}"


async def test_a_few_kills_lose_nothing_change_nothing_and_move_nothing_twice(tmp_path: Path) -> None:
    await hold(tmp_path, dict(SHORT), SEED)


@pytest.mark.long
async def test_many_kills_lose_nothing_change_nothing_and_move_nothing_twice(tmp_path: Path) -> None:
    await hold(tmp_path, dict(LONG), SEED)


def test_a_seed_makes_the_same_decisions_again() -> None:
    once, again, other = plan(3, LONG), plan(3, LONG), plan(4, LONG)
    assert once.kills == again.kills != other.kills
    assert list(islice(once.orders(), 50)) == list(islice(again.orders(), 50))
