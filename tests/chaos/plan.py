"""What is going to happen, all of it drawn from one seed: who dies when and for how long, which commands come.

A plan says how often each program is killed. When a kill strikes is counted in messages since the program was last
started, plus some milliseconds: in a run that is slow the same thing happens later.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from typing import Final, NamedTuple

GATEWAY, BROKER, EMULATOR, HEADEND = "gateway", "mosquitto", "emulator", "head-end"

METERS: Final = ("MB0001", "MB0002", "MC0001")
"""Two let the utility in ciphered only; the third speaks in clear, so that its journal can be read."""
CLEAR: Final = "MC0001"

LONG: Final[Mapping[str, int]] = {GATEWAY: 40, BROKER: 40, EMULATOR: 40, HEADEND: 20}
SHORT: Final[Mapping[str, int]] = {GATEWAY: 3, BROKER: 2, EMULATOR: 2, HEADEND: 1}
"""How often each is killed, in `make chaos` and in `make test`."""


class Kill(NamedTuple):
    """One `kill -9`."""

    messages: int
    """So many new messages have been seen since the program was started; 0 strikes while it starts."""
    delay_ms: int
    """And so long after them."""
    dark_ms: int
    """So long it stays dead."""


class Order(NamedTuple):
    """One command, as the operator gives it."""

    id: str
    wait_ms: int
    """After the order before."""
    meter: str
    verb: str
    lifetime_ms: int
    """Negative: it has expired before it is given."""
    repeats_ms: tuple[int, ...]
    """The same again, so long afterwards."""
    altered_ms: int | None
    """Another request under the same id, so long afterwards."""


class Plan(NamedTuple):
    """One run."""

    seed: int
    kills: Mapping[str, tuple[Kill, ...]]

    def orders(self) -> Iterator[Order]:
        """Commands without end: they come for as long as things are being killed."""
        rng = Random(f"{self.seed}/orders")
        for number in count():
            yield _order(rng, f"c{number}")


def plan(seed: int, kills: Mapping[str, int]) -> Plan:
    """Draw a run.

    Args:
        seed: from what.
        kills: how often each program is killed.
    """
    return Plan(seed, {victim: _kills(seed, victim, times) for victim, times in kills.items()})


def _kills(seed: int, victim: str, times: int) -> tuple[Kill, ...]:
    rng = Random(f"{seed}/{victim}")
    return tuple(
        Kill(
            messages=0 if rng.random() < 0.2 else rng.randrange(1, 25),
            delay_ms=rng.randrange(1_500),
            dark_ms=rng.choice((0, rng.randrange(300), rng.randrange(3_000))),
        )
        for _ in range(times)
    )


def _order(rng: Random, command_id: str) -> Order:
    fate = rng.random()
    return Order(
        command_id,
        wait_ms=rng.randrange(100, 1_500),
        meter=rng.choice(METERS),
        verb=rng.choice(("disconnect", "reconnect")),
        lifetime_ms=-1_000 if fate < 0.1 else rng.randrange(200, 2_000) if fate < 0.4 else rng.randrange(5_000, 20_000),
        repeats_ms=tuple(rng.randrange(3_000) for _ in range(rng.choice((0, 0, 1, 3)))),
        altered_ms=rng.randrange(3_000) if rng.random() < 0.1 else None,
    )
