"""Registers at many instants, a column at a time: a profile's rows ask for a few registers of thousands of instants."""

from __future__ import annotations

from operator import sub
from typing import TYPE_CHECKING, Final

from emulator.metering.energy import PHASE_REGISTERS, VOLT, Ledger, Segment, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.load import Energies

ALL: Final = -1
"""Stands for all phases where one is asked for."""

ON_MS: Final = VOLT
"""Of all phases: the milliseconds with supply, in the place of the voltages, which are not added up."""


class _Part:
    """The instants of one segment.

    Args:
        segment: in force at all of them.
        instants: ascending.
    """

    __slots__ = ("_energies", "_instants", "_segment")

    def __init__(self, segment: Segment, instants: list[int]) -> None:
        self._segment = segment
        self._instants = instants
        self._energies: list[Energies] | None = None

    def values(self, phase: int, index: int) -> list[int]:
        """As `Series.values`."""
        if phase == ALL:
            return self._on_ms() if index == ON_MS else self._total(index)
        segment = self._segment
        base = segment.intercepts()[phase * PHASE_REGISTERS + index]
        if index == VOLT:
            volt = segment.volts[phase]
            if not volt:
                return [base] * len(self._instants)
            return [base + volt * integral for integral in segment.supply.integrals(phase, self._instants)]
        return self._counted(base, segment.shares[phase], segment.routes[phase][index])

    def _total(self, index: int) -> list[int]:
        segment = self._segment
        first, *others = (segment.routes[phase][index] for phase in range(len(segment.shares)))
        if all(route == first for route in others):
            return self._counted(total(segment.intercepts(), index), sum(segment.shares), first)
        return [
            sum(each) for each in zip(*(self.values(phase, index) for phase in range(len(segment.shares))), strict=True)
        ]

    def _on_ms(self) -> list[int]:
        base = self._segment.intercepts()[-1]
        return [base + at_ms for at_ms in self._instants] if self._segment.powered else [base] * len(self._instants)

    def _counted(self, base: int, share: int, sources: tuple[int, ...]) -> list[int]:
        if not share or not sources:
            return [base] * len(self._instants)
        if self._energies is None:
            self._energies = self._segment.load.cumulatives(self._instants)
        if len(sources) == 1:
            (source,) = sources
            return [base + share * energies[source] for energies in self._energies]
        return [base + share * sum([energies[source] for source in sources]) for energies in self._energies]


class Series:
    """What stood in a meter's registers at ascending instants; what `Ledger.registers` tells of one.

    Args:
        ledger: the meter's.
        instants: at least one.
    """

    __slots__ = ("_gains", "_parts", "_values", "instants", "phases")

    def __init__(self, ledger: Ledger, instants: list[int]) -> None:
        self.instants: Sequence[int] = instants
        self.phases = len(ledger.segments[0].shares)
        self._parts = [_Part(segment, within) for segment, within in ledger.split(instants)]
        self._values: dict[tuple[int, int], list[int]] = {}
        self._gains: dict[tuple[int, int], list[int]] = {}

    def values(self, phase: int, index: int) -> list[int]:
        """A register of a phase (from 0), by its place among a phase's; of `ALL` phases an energy, or `ON_MS`."""
        known = self._values.get((phase, index))
        if known is None:
            known = self._values[phase, index] = [each for part in self._parts for each in part.values(phase, index)]
        return known

    def gains(self, phase: int, index: int) -> list[int]:
        """What such a register has grown by from each instant to the next."""
        known = self._gains.get((phase, index))
        if known is None:
            known = self._gains[phase, index] = differences(self.values(phase, index))
        return known


def differences(values: Sequence[int]) -> list[int]:
    """From each value to the next."""
    return list(map(sub, values[1:], values))
