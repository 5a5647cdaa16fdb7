"""The contract of every load, and how apparent and reactive power go with active power."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Final, NamedTuple, Protocol, Self

MILLION: Final = 1_000_000

Energies = tuple[int, int, int, int, int, int, int, int]
"""Watt-milliseconds (and volt-ampere- and var-milliseconds) in the order of `ENERGIES`."""

ENERGIES: Final = (
    "active_energy_import",
    "active_energy_export",
    "apparent_energy_import",
    "apparent_energy_export",
    "reactive_energy_q1",
    "reactive_energy_q2",
    "reactive_energy_q3",
    "reactive_energy_q4",
)


class Power(NamedTuple):
    """Power in thousandths: active positive for import, reactive positive for lag, apparent never negative."""

    active_mw: int
    reactive_mvar: int
    apparent_mva: int


class Load(Protocol):
    """What draws or feeds; every method is a pure function of true time."""

    def __hash__(self) -> int:
        """Loads that are equal draw the same, so caches may share what they know of them."""

    @property
    def shares(self) -> tuple[int, ...]:
        """Thousandths of the load on each phase; their sum is 1000."""

    @property
    def leading(self) -> bool:
        """Whether its reactive power leads."""

    def cumulative(self, at_ms: int) -> Energies:
        """Energy from an instant long ago to `at_ms`; no entry ever falls."""

    def cumulatives(self, instants: Sequence[int]) -> list[Energies]:
        """The same to each of many instants."""

    def power(self, at_ms: int) -> Power:
        """Power at an instant."""

    def steady(self, at_ms: int) -> Power:
        """Power without what flickers from one minute to the next: what limits and events are judged by."""

    def next_change(self, at_ms: int) -> int | None:
        """When `steady` may change for the first time after `at_ms`, or None if it never does."""

    def ceiling(self, at_ms: int) -> tuple[int, int | None]:
        """Apparent power in mVA that `steady` does not exceed from `at_ms` on, and until when (None: for ever)."""

    def peak_mva(self) -> int:
        """Apparent power that `steady` never exceeds."""

    def least_power_factor(self, above_mva: int) -> int:
        """Thousandths below which the power factor does not fall while more than `above_mva` flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFactor:
    """Apparent and reactive power as affine functions of active power, so that their integrals are exact too.

    `apparent_ppm` and `reactive_ppm` are for each million watts; `idle_va` is always there while nothing is exported
    (transformers, chargers), so a small load has a worse power factor than a large one. The square of the apparent
    power is never below the sum of the squares of the other two; what it is above is distortion.
    """

    apparent_ppm: int = MILLION
    reactive_ppm: int = 0
    idle_va: int = 0
    leading: bool = False

    @classmethod
    def from_permille(cls, permille: int, *, leading: bool = False, idle_va: int = 0) -> Self:
        """The affine functions of a power factor in thousandths, 1 to 1000."""
        if not 1 <= permille <= 1000:
            msg = f"a power factor of {permille / 1000}: more than 0 and at most 1 is right"
            raise ValueError(msg)
        apparent = -(-MILLION * 1000 // permille)
        return cls(
            apparent_ppm=apparent,
            reactive_ppm=isqrt(apparent * apparent - MILLION * MILLION),
            idle_va=idle_va,
            leading=leading,
        )

    def energies(self, imported: int, exported: int, idle_ms: int) -> Energies:
        """All energies of the active ones, `idle_ms` being the time that the idle part has lasted."""
        idle = self.idle_va * idle_ms
        reactive = imported * self.reactive_ppm // MILLION + idle
        fed = exported * self.reactive_ppm // MILLION
        return (
            imported,
            exported,
            imported * self.apparent_ppm // MILLION + idle,
            exported * self.apparent_ppm // MILLION,
            0 if self.leading else reactive,
            0 if self.leading else fed,
            fed if self.leading else 0,
            reactive if self.leading else 0,
        )

    def power(self, active_mw: int, *, idle: bool = True) -> Power:
        """Power in thousandths for an active one."""
        amount = abs(active_mw)
        extra = self.idle_va * 1000 if idle else 0
        reactive = amount * self.reactive_ppm // MILLION + extra
        return Power(active_mw, -reactive if self.leading else reactive, amount * self.apparent_ppm // MILLION + extra)

    def apparent_mva(self, active_mw: int) -> int:
        """The apparent power that goes with an active one."""
        return active_mw * self.apparent_ppm // MILLION + self.idle_va * 1000

    def least(self, above_mva: int) -> int:
        """The power factor, in thousandths, when `above_mva` flows: with more it is only better."""
        if above_mva <= self.idle_va * 1000:
            return 0
        return (above_mva - self.idle_va * 1000) * MILLION // self.apparent_ppm * 1000 // above_mva


UNITY: Final = PowerFactor()
