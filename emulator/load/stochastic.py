"""Households, shops, works and roofs: a random curve that is drawn, and perhaps one that is fed.

The two never overlap: a quarter of an hour in which the shape feeds draws nothing, since a meter sees only the net.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from emulator.load.base import Energies, Power, PowerFactor
from emulator.load.shapes import FED, KINDS, Profile, shape
from emulator.mains import draw
from emulator.mains.curve import SCALE, SLOT_MS, Curve

_MILLI: Final = SCALE // 1000


class StochasticLoad(NamedTuple):
    """A drawn curve and a fed one, with the power factor of both."""

    drawn: Curve
    fed: Curve | None
    factor: PowerFactor
    shares: tuple[int, ...]

    @property
    def leading(self) -> bool:
        """Whether its reactive power leads."""
        return self.factor.leading

    def cumulative(self, at_ms: int) -> Energies:
        """Energy since 2001, negative before."""
        exported = self.fed.integral(at_ms) // SCALE if self.fed else 0
        return self.factor.energies(self.drawn.integral(at_ms) // SCALE, exported, at_ms)

    def cumulatives(self, instants: Sequence[int]) -> list[Energies]:
        """To each of many instants."""
        energies = self.factor.energies
        drawn = self.drawn.integrals(instants)
        fed = self.fed.integrals(instants) if self.fed else [0] * len(instants)
        return [
            energies(imported // SCALE, exported // SCALE, at_ms)
            for imported, exported, at_ms in zip(drawn, fed, instants, strict=True)
        ]

    def power(self, at_ms: int) -> Power:
        """Power at an instant."""
        fed = self.fed.value(at_ms) if self.fed else 0
        return self.factor.power((self.drawn.value(at_ms) - fed) // _MILLI)

    def steady(self, at_ms: int) -> Power:
        """Power of the quarter of an hour."""
        fed = self.fed.steady(at_ms) if self.fed else 0
        return self.factor.power((self.drawn.steady(at_ms) - fed) // _MILLI)

    def next_change(self, at_ms: int) -> int | None:
        """The next quarter of an hour of local standard time, which is one of UTC."""
        return at_ms - at_ms % SLOT_MS + SLOT_MS

    def ceiling(self, at_ms: int) -> tuple[int, int | None]:
        """The largest quarter of an hour of the day."""
        peak, until_ms = self.drawn.peak_of_day(at_ms)
        if self.fed:
            peak = max(peak, self.fed.peak_of_day(at_ms)[0])
        return self.factor.apparent_mva(peak // _MILLI + 1), until_ms

    def peak_mva(self) -> int:
        """The largest that it can ever be."""
        return self.factor.apparent_mva(max(self.drawn.peak, self.fed.peak if self.fed else 0) // _MILLI + 1)

    def least_power_factor(self, above_mva: int) -> int:
        """The power factor when no more than that flows."""
        return self.factor.least(above_mva)


def make(kind: str, profile_name: str, seed: int, purpose: str, offset_ms: int, size: int | None) -> StochasticLoad:
    """One meter's load of a kind, on one phase.

    Raises:
        ValueError: there is no such profile; the sentence names those there are.
    """
    profiles = KINDS[kind]
    if profile_name not in profiles:
        msg = f"load {kind} = {profile_name!r}: one of {', '.join(profiles)} is right"
        raise ValueError(msg)
    profile = profiles[profile_name]
    low, high = profile.power_factor
    factor = PowerFactor.from_permille(
        draw.between(seed, f"{purpose}/power_factor", 0, low, high), idle_va=profile.idle_va
    )
    fed = _curve(FED[profile_name], seed, f"{purpose}/fed", offset_ms, size) if kind == "solar" else None
    return StochasticLoad(_curve(profile, seed, purpose, offset_ms, size), fed, factor, (1000,))


def _curve(profile: Profile, seed: int, purpose: str, offset_ms: int, size: int | None) -> Curve:
    drawn = draw.between(seed, f"{purpose}/size", 0, *profile.size) if size is None else size
    return Curve(shape(profile, offset_ms), drawn, draw.key(seed, purpose))
