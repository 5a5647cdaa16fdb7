"""Maximum demands of a stretch of time, by name and tariff zone, found by looking at each integration period."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from emulator.metering.activation import counting
from emulator.metering.captures import demand_runs
from emulator.metering.demand import DEMANDS, NO_MAXIMUM, Maximum, Period, periods
from emulator.metering.zoned import choices_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emulator.meter import Meter

USUAL: Final = ("active_import", "apparent_import", "active_export", "apparent_export")
"""Found together, since a profile row asks for them together."""


class Found(NamedTuple):
    """What a meter remembers of the running billing period: its beginning, how far it was looked at, the maxima."""

    from_ms: int
    until_ms: int
    maxima: dict[str, Maximum]


def maxima(meter: Meter, from_ms: int, to_ms: int, names: tuple[str, ...]) -> dict[str, Maximum]:
    """The maxima of the periods that ended behind `from_ms` and up to `to_ms`; kept, so only for what has passed."""
    return _kept(meter, from_ms, to_ms, names)


@lru_cache(maxsize=256)
def _kept(meter: Meter, from_ms: int, to_ms: int, names: tuple[str, ...]) -> dict[str, Maximum]:
    found = list(_periods(meter, from_ms, to_ms, names))
    return _look(meter, found, dict.fromkeys(names, NO_MAXIMUM))


def running_maximum(meter: Meter, name: str, at_ms: int) -> Maximum:
    """The maximum since the last bill, for an instant that nothing has been asked beyond."""
    names = USUAL if name in USUAL else (name,)
    from_ms = meter.billing.begins_ms(len(meter.billing.bills))
    if at_ms < from_ms:
        return maxima(meter, from_ms, at_ms, names)[name]
    known = meter.maxima.get(names[0])
    sliding = meter.physics.metering.demand_periods
    if known is None or known.from_ms != from_ms or known.until_ms > at_ms or sliding > 1:
        known = Found(from_ms, from_ms, dict.fromkeys(names, NO_MAXIMUM))
    until_ms = known.until_ms
    fresh = list(_periods(meter, until_ms, at_ms, names))
    if fresh:
        known = Found(from_ms, fresh[-1].to_ms, _look(meter, fresh, dict(known.maxima)))
        meter.maxima[names[0]] = known
    return known.maxima[name]


def last_demand(meter: Meter, name: str, at_ms: int) -> int:
    """The demand of the last integration period (or, sliding, periods) that has ended."""
    sliding, period_ms = meter.physics.metering.demand_periods, meter.demand_periods[-1][1] * 1000
    # One more period than is needed: the clock may have been set, and then there is nothing to show.
    from_ms = max(meter.known_since_ms, at_ms - (sliding + 1) * period_ms)
    value = 0
    for period in _periods(meter, from_ms, at_ms, (name,)):
        value = DEMANDS[name](period.before, period.after, period.span_ms)
    return value


def _periods(meter: Meter, from_ms: int, to_ms: int, names: tuple[str, ...]) -> Iterator[Period]:
    runs = demand_runs(meter, from_ms, to_ms)
    period_ms = meter.demand_periods[-1][1] * 1000
    by_phase = any(name.startswith("current") for name in names)
    registers = meter.ledger.registers if by_phase else meter.ledger.totals
    return periods(runs, from_ms, registers, period_ms, meter.physics.metering.demand_periods)


def _look(meter: Meter, found: Sequence[Period], best: dict[str, Maximum]) -> dict[str, Maximum]:
    by_zone = any(_zone_of(name)[1] for name in best)
    chosen = [counting(choice) for choice in choices_at(meter, [each.from_ms for each in found])] if by_zone else []
    for demand in {_zone_of(name)[0] for name in best}:
        value_of = DEMANDS[demand]
        values = [value_of(before, after, span_ms) for before, after, span_ms, *_ in found]
        for name, known in best.items():
            of, zone = _zone_of(name)
            if of != demand:
                continue
            register = f"max_demand_{name}"
            pairs = zip(values, chosen, strict=True)
            mine = [value if register in counts else 0 for value, counts in pairs] if zone else values
            highest = max(mine, default=0)
            if highest > known.value:
                best[name] = Maximum(highest, found[mine.index(highest)].stamp_ms)
    return best


@cache
def _zone_of(name: str) -> tuple[str, int]:
    """The demand that a maximum is of, and its tariff zone, 0 for all."""
    if name in DEMANDS:
        return name, 0
    demand, _, zone = name.rpartition("_t")
    return demand, int(zone)
