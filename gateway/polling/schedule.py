"""What is to be read when: periods, windows, jitter, deadlines; and which stretches of history are still missing.

Pure: `now_ms` is an argument, the jitter of an occurrence is a hash of who, what and which, so that five thousand
meters never ask at the same instant and the same gateway always asks at the same one.
"""

import heapq
from collections.abc import Mapping
from enum import IntEnum
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.configuration.span import Span

DAY_MS: Final = 86_400_000
JITTER_SHARE: Final = 10
"""By default a history is read up to a tenth of its period late, and at most five minutes."""
JITTER_MAX_MS: Final = 300_000
PHASE_MAX_MS: Final = 3_600_000
"""What is read once a day is read within the first hour of it, not spread over all of it."""
START_SPREAD_MAX_MS: Final = 10_000
"""Within this the first read of everything begins after a start."""


class Priority(IntEnum):
    """Who goes first on a line."""

    COMMAND = 0
    ON_DEMAND = 1
    EVENT = 2
    DAILY = 3
    BLOCK = 4
    INSTANTANEOUS = 5


PRIORITIES: Final[Mapping[str, Priority]] = {
    "events": Priority.EVENT,
    "billing": Priority.DAILY,
    "daily_load": Priority.DAILY,
    "block_load": Priority.BLOCK,
}
"""Profiles that are not here are read last, like `instantaneous`."""

HISTORIES: Final[Mapping[str, int]] = {
    "block_load": 35 * DAY_MS,
    "daily_load": 70 * DAY_MS,
    "billing": 400 * DAY_MS,
    "events": 70 * DAY_MS,
}
"""Profiles with rows that are caught up, and how far back a meter keeps them (IS 15959 meters seen in the field)."""


class ReadPlan(BaseModel):
    """How one profile is read. Written `"15m"` when the period is all there is to say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Span = Field(gt=0, description="histories: aligned to the hour or the local day")
    window: str | None = Field(
        default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", description="local, 00:10-06:00"
    )
    jitter: Span | None = Field(default=None, description="up to how much later; without, a share of the period")
    deadline: Span | None = Field(default=None, description="a read that could not begin by then is given up")
    catch_up: Literal["oldest", "newest", "off"] = Field(
        default="oldest", description="which missing rows are read first; off reads only the latest"
    )
    depth: Span | None = Field(default=None, description="how far back the first catch-up goes")
    rows: int = Field(default=96, ge=1, le=10_000, description="rows asked for at once when catching up")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"every": data} if isinstance(data, str) else data

    @property
    def jitter_ms(self) -> int:
        """Up to how much later than its instant an occurrence begins."""
        return min(self.every // JITTER_SHARE, JITTER_MAX_MS) if self.jitter is None else self.jitter


class Due(NamedTuple):
    """A read whose time has come; ordered by `at_ms`."""

    at_ms: int
    meter: str
    profile: str
    priority: Priority
    deadline_ms: int | None


class Schedule:
    """All reads of all meters, as a heap of their next occurrences.

    Args:
        seed: what the jitter is drawn from besides meter and profile: the gateway's id.
        zone_offset_ms: local time less UTC, for windows and for periods of a day and more.
    """

    def __init__(self, seed: str, zone_offset_ms: int = 0) -> None:
        self._seed = seed
        self._offset_ms = zone_offset_ms
        self._plans: dict[tuple[str, str], ReadPlan] = {}
        self._heap: list[tuple[int, str, str]] = []
        self._nexts: dict[tuple[str, str], int] = {}

    def put(self, meter: str, plans: Mapping[str, ReadPlan], now_ms: int) -> None:
        """Add a meter, or replace its plans; what did not change keeps its next occurrence."""
        for key in [key for key in self._plans if key[0] == meter and key[1] not in plans]:
            del self._plans[key], self._nexts[key]
        for profile, plan in plans.items():
            if self._plans.get((meter, profile)) != plan:
                self._plans[meter, profile] = plan
                spread = min(plan.every // JITTER_SHARE, START_SPREAD_MAX_MS)
                first = now_ms + self._draw(meter, profile, -1, spread)
                self._push(self._into_window(plan, first, meter, profile), meter, profile)

    def remove(self, meter: str) -> None:
        """Forget a meter."""
        for key in [key for key in self._plans if key[0] == meter]:
            del self._plans[key], self._nexts[key]

    def plan(self, meter: str, profile: str) -> ReadPlan | None:
        """How a profile is read."""
        return self._plans.get((meter, profile))

    def wake_ms(self) -> int | None:
        """When the next read is due."""
        return self._heap[0][0] if self._heap else None

    def due(self, now_ms: int) -> list[Due]:
        """Everything whose time has come; what was missed while nobody asked comes once, not once a period."""
        out = []
        while self._heap and self._heap[0][0] <= now_ms:
            at_ms, meter, profile = heapq.heappop(self._heap)
            plan = self._plans.get((meter, profile))
            if plan is None or self._nexts.get((meter, profile)) != at_ms:
                continue
            deadline = None if plan.deadline is None else at_ms + plan.deadline
            if deadline is None or deadline > now_ms:
                out.append(Due(at_ms, meter, profile, PRIORITIES.get(profile, Priority.INSTANTANEOUS), deadline))
            self._push(self.following(plan, meter, profile, max(at_ms, now_ms)), meter, profile)
        return out

    def following(self, plan: ReadPlan, meter: str, profile: str, after_ms: int) -> int:
        """The first occurrence after an instant.

        Rows of a history appear at multiples of the period in local time and are read soon after, each time a little
        otherwise; what is of now is read at a place within the period that is the meter's own.
        """
        if profile in HISTORIES or plan.jitter is not None:
            index = (after_ms + self._offset_ms) // plan.every + 1
            at_ms = index * plan.every - self._offset_ms + self._draw(meter, profile, index, plan.jitter_ms)
        else:
            phase = self._draw(meter, profile, -2, min(plan.every, PHASE_MAX_MS))
            index = (after_ms + self._offset_ms - phase) // plan.every + 1
            at_ms = index * plan.every - self._offset_ms + phase
        return self._into_window(plan, at_ms, meter, profile)

    def _into_window(self, plan: ReadPlan, at_ms: int, meter: str, profile: str) -> int:
        """Outside its window a read moves to the next one, spread over it."""
        if plan.window is None:
            return at_ms
        start, length = window_of(plan.window)
        local = at_ms + self._offset_ms
        into = (local - start) % DAY_MS
        if into < length:
            return at_ms
        opens = local + DAY_MS - into
        return opens - self._offset_ms + self._draw(meter, profile, opens // DAY_MS, length)

    def _draw(self, meter: str, profile: str, index: int, below_ms: int) -> int:
        if below_ms <= 0:
            return 0
        digest = blake2b(f"{self._seed}/{meter}/{profile}/{index}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) % below_ms

    def _push(self, at_ms: int, meter: str, profile: str) -> None:
        heapq.heappush(self._heap, (at_ms, meter, profile))
        self._nexts[meter, profile] = at_ms


def window_of(text: str) -> tuple[int, int]:
    """Where a window begins after midnight and how long it is, both in milliseconds; it may cross midnight.

    >>> window_of("22:00-06:00")
    (79200000, 28800000)
    """
    start, end = (int(part[:2]) * 3_600_000 + int(part[3:]) * 60_000 for part in text.split("-"))
    return start, (end - start) % DAY_MS or DAY_MS
