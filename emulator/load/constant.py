"""A load that never changes: so many watts, drawn or (negative) fed."""

from collections.abc import Sequence
from typing import NamedTuple

from emulator.load.base import UNITY, Energies, Power, PowerFactor


class ConstantLoad(NamedTuple):
    """`watts` at a power factor, spread over the phases.

    >>> ConstantLoad(500).cumulative(7_200_000)[0] - ConstantLoad(500).cumulative(0)[0] == 1000 * 3_600_000
    True
    """

    watts: int
    factor: PowerFactor = UNITY
    shares: tuple[int, ...] = (1000,)

    @property
    def leading(self) -> bool:
        """Whether its reactive power leads."""
        return self.factor.leading

    def cumulative(self, at_ms: int) -> Energies:
        """Energy since 1970."""
        amount = self.watts * at_ms
        return self.factor.energies(amount, 0, at_ms) if amount > 0 else self.factor.energies(0, -amount, 0)

    def cumulatives(self, instants: Sequence[int]) -> list[Energies]:
        """To each of many instants."""
        return [self.cumulative(at_ms) for at_ms in instants]

    def power(self, at_ms: int) -> Power:
        """Always the same."""
        return self.factor.power(self.watts * 1000)

    def steady(self, at_ms: int) -> Power:
        """Always the same."""
        return self.power(at_ms)

    def next_change(self, at_ms: int) -> int | None:
        """Never."""
        return None

    def ceiling(self, at_ms: int) -> tuple[int, int | None]:
        """The power itself, for ever."""
        return self.power(at_ms).apparent_mva, None

    def peak_mva(self) -> int:
        """The largest that it can ever be."""
        return self.power(0).apparent_mva

    def least_power_factor(self, above_mva: int) -> int:
        """The power factor when no more than that flows."""
        return self.factor.least(above_mva)
