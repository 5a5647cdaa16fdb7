"""Registers as differences of one exact cumulative function: jumping equals walking by construction.

Whenever something changes what the meter sees (contact, supply, load, direction), a new `Segment` begins. Within one,
every register is an intercept plus a whole multiple of the load's (or the supply's) cumulative function, so a segment
answers for any instant in it at the same cost, and the ledger for any instant of the meter's life. A question changes
nothing. Registers are in microjoules (watt-milliseconds times thousandths of the load), volts in
millivolt-milliseconds times thousandths, time in milliseconds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final, NamedTuple

from emulator.load import ENERGIES, Load
from emulator.mains.supply import Supply

MICROJOULES_PER_MILLI_WH: Final = 3_600_000

IMPORT, EXPORT, APPARENT_IMPORT, APPARENT_EXPORT, Q1, Q2, Q3, Q4 = range(8)
VOLT: Final = 8
PHASE_REGISTERS: Final = 9
"""Registers of a phase: the eight energies in the order of `ENERGIES`, and the time integral of its voltage."""

Registers = tuple[int, ...]
"""`PHASE_REGISTERS` for each phase, then the milliseconds with supply."""

Route = tuple[tuple[int, ...], ...]
"""For each register of a phase, which of the load's energies it counts."""

NORMAL: Final[Route] = tuple((index,) for index in range(8))
REVERSED: Final[Route] = ((EXPORT,), (IMPORT,), (APPARENT_EXPORT,), (APPARENT_IMPORT,), (Q3,), (Q4,), (Q1,), (Q2,))
FORWARDED_ONLY: Final[Route] = (
    (IMPORT, EXPORT),
    (),
    (APPARENT_IMPORT, APPARENT_EXPORT),
    (),
    (Q1, Q3),
    (),
    (),
    (Q2, Q4),
)


@cache
def lag_only(route: Route) -> Route:
    """The same with volt-ampere-hours that take leading power as unity: they count active energy."""
    active = {APPARENT_IMPORT: IMPORT, APPARENT_EXPORT: EXPORT}
    return tuple(tuple(active.get(source, source) for source in sources) for sources in route)


class Scene(NamedTuple):
    """What a meter sees.

    Attributes:
        load: what hangs behind it.
        supply: the mains.
        shares: thousandths of the load that each phase carries; 0 where nothing flows.
        volts: thousandths of the supply's voltage at each phase; 0 where it is missing.
        routes: how each phase counts the load's energies.
        neutral: thousandths of the phase current that come back through the neutral.
    """

    load: Load
    supply: Supply
    shares: tuple[int, ...]
    volts: tuple[int, ...]
    routes: tuple[Route, ...]
    neutral: int


class Segment:
    """A stretch of true time in which nothing changes but the load and the supply by themselves.

    Args:
        start_ms: when it begins.
        scene: what the meter sees; its parts are the segment's attributes.
        registers: what stands in them at `start_ms`.
    """

    __slots__ = (
        "_registers",
        "_settled",
        "_totals",
        "load",
        "neutral",
        "routes",
        "shares",
        "start_ms",
        "supply",
        "volts",
    )

    def __init__(self, start_ms: int, scene: Scene, registers: Registers) -> None:
        self.start_ms = start_ms
        self.load, self.supply, self.shares, self.volts, self.routes, self.neutral = scene
        self._registers = registers
        self._settled = False
        self._totals: Registers = ()

    @property
    def powered(self) -> bool:
        """Whether the meter itself has supply: a three-phase meter runs on any phase."""
        return any(self.volts)

    def same(self, scene: "Scene") -> bool:
        """Whether it sees this, so that it may go on."""
        return scene == Scene(self.load, self.supply, self.shares, self.volts, self.routes, self.neutral)

    def registers(self, at_ms: int) -> Registers:
        """What stands in the registers at an instant of this segment."""
        return tuple(map(int.__add__, self.intercepts(), self._moved(at_ms)))

    def intercepts(self) -> Registers:
        """What the registers hold beside the cumulative functions: what they would have held long ago."""
        if not self._settled:
            # The first question turns the registers at the start into intercepts; a fleet starts without paying for it.
            moved = self._moved(self.start_ms)
            self._registers = tuple(have - gone for have, gone in zip(self._registers, moved, strict=True))
            self._settled = True
        return self._registers

    def totals(self, at_ms: int) -> Registers:
        """Import, export and their apparent energies over all phases: what demands need, for less."""
        if not self._totals:
            start = self.registers(self.start_ms)
            counted = self._counted(self.start_ms)
            self._totals = tuple([total(start, index) - moved for index, moved in zip(range(Q1), counted, strict=True)])
        return tuple(map(int.__add__, self._totals, self._counted(at_ms)))

    def _counted(self, at_ms: int) -> list[int]:
        """What the load has moved the totals by, since long ago."""
        if not any(self.shares):
            return [0] * Q1
        energies = self.load.cumulative(at_ms)
        if self.routes.count(NORMAL) == len(self.routes):
            share = sum(self.shares)
            return [share * energy for energy in energies[:Q1]]
        return [
            sum(
                share * energies[source]
                for share, route in zip(self.shares, self.routes, strict=True)
                for source in route[index]
            )
            for index in range(Q1)
        ]

    def _moved(self, at_ms: int) -> list[int]:
        """What the cumulative functions have moved the registers by, since long ago."""
        energies = self.load.cumulative(at_ms) if any(self.shares) else _NOTHING
        moved: list[int] = []
        for phase, share in enumerate(self.shares):
            route, volt = self.routes[phase], self.volts[phase]
            if not share:
                moved += _NOTHING
            elif route is NORMAL:
                moved += [share * energy for energy in energies]
            else:
                moved += [share * sum([energies[source] for source in sources]) for sources in route]
            moved.append(volt * self.supply.integral(phase, at_ms) if volt else 0)
        moved.append(at_ms if any(self.volts) else 0)
        return moved


_NOTHING: Final = (0,) * len(ENERGIES)


@lru_cache(maxsize=1024)
def _registers(segment: Segment, at_ms: int) -> Registers:
    return segment.registers(at_ms)


class Ledger:
    """A meter's segments, oldest first: its registers at every instant.

    Args:
        first: where its life begins.
    """

    __slots__ = ("_segments",)

    def __init__(self, first: Segment) -> None:
        self._segments = [first]

    @property
    def segments(self) -> list[Segment]:
        """All segments, oldest first."""
        return self._segments

    def segment(self, at_ms: int) -> Segment:
        """The segment in force at an instant."""
        last = self._segments[-1]
        if at_ms >= last.start_ms:
            return last
        return self._segments[max(0, bisect_right(self._segments, at_ms, key=_start_ms) - 1)]

    def registers(self, at_ms: int) -> Registers:
        """What stands in the registers at an instant."""
        return _registers(self.segment(at_ms), at_ms)

    def totals(self, at_ms: int) -> Registers:
        """Import, export and their apparent energies over all phases at an instant."""
        return self.segment(at_ms).totals(at_ms)

    def split(self, instants: list[int]) -> Iterator[tuple[Segment, list[int]]]:
        """Ascending instants by the segments that were in force at them."""
        place = 0
        for index in range(max(0, bisect_right(self._segments, instants[0], key=_start_ms) - 1), len(self._segments)):
            later = index + 1 < len(self._segments)
            stop = bisect_left(instants, self._segments[index + 1].start_ms, place) if later else len(instants)
            if stop > place:
                yield self._segments[index], instants[place:stop]
            place = stop
            if place == len(instants):
                break

    def between(self, from_ms: int, to_ms: int) -> list[Segment]:
        """The segments that were in force in a stretch of time."""
        first = max(0, bisect_right(self._segments, from_ms, key=_start_ms) - 1)
        return self._segments[first : max(first + 1, bisect_left(self._segments, to_ms, key=_start_ms))]

    def begin(self, at_ms: int, scene: Scene) -> None:
        """See something else from an instant on; a segment of no length is replaced."""
        last = self._segments[-1]
        if last.same(scene):
            return
        registers = last.registers(at_ms)
        if last.start_ms == at_ms:
            self._segments.pop()
        self._segments.append(Segment(at_ms, scene, registers))

    def drop_before(self, at_ms: int) -> None:
        """Forget what nobody asks about any more."""
        index = max(0, bisect_right(self._segments, at_ms, key=_start_ms) - 1)
        del self._segments[:index]


def _start_ms(segment: Segment) -> int:
    return segment.start_ms


class Scale(NamedTuple):
    """How registers show: the step they move in and where they start again, in thousandths of a watt-hour."""

    step: int
    rollover: int

    def quantised(self, microjoules: int) -> int:
        """Whole steps, never starting again: what rows are differences of."""
        return microjoules // (MICROJOULES_PER_MILLI_WH * self.step) * self.step

    def shown(self, microjoules: int) -> int:
        """What the register shows."""
        return self.quantised(microjoules) % self.rollover


@lru_cache(maxsize=64)
def scale_of(step: int, rollover: int) -> Scale:
    """A scale that all meters of a model share."""
    return Scale(step, rollover)


def total(registers: Registers, index: int) -> int:
    """One energy over all phases."""
    return sum(registers[index:-1:PHASE_REGISTERS])
