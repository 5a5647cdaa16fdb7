"""How much of its life a meter remembers: beyond some bounds the oldest goes, with its rows and bills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.metering.zoned import zoned_registers

if TYPE_CHECKING:
    from emulator.mechanism import Mechanism

SCENES_MAX: Final = 20_000
"""Changes of scene that a meter remembers, some 500 bytes each; beyond, the oldest quarter goes."""
COURSES_MAX: Final = 1000
"""Likewise for courses of the clock, calendars, register activation, and periods, which every row looks through."""


def bound(meter: Mechanism) -> None:
    """Forget the oldest when there is too much to remember."""
    segments, clocks, calendars = meter.ledger.segments, meter.clock.segments, meter.tariff.history
    if len(segments) > SCENES_MAX:
        forget_before(meter, segments[SCENES_MAX // 4].start_ms)
    if len(clocks) > COURSES_MAX:
        forget_before(meter, clocks[COURSES_MAX // 4].start_ms)
    if len(calendars) > COURSES_MAX:
        forget_before(meter, calendars[COURSES_MAX // 4][0])
    if len(meter.activation.history) > COURSES_MAX:
        forget_before(meter, meter.activation.history[COURSES_MAX // 4].at_ms)
    for periods in (meter.block_periods, meter.demand_periods):
        if len(periods) > COURSES_MAX:
            forget_before(meter, periods[COURSES_MAX // 4][0])
            del periods[: COURSES_MAX // 4]


def forget_before(meter: Mechanism, at_ms: int) -> None:
    """Forget what was before an instant; registers stay what they are."""
    meter.zoned_base = (at_ms, zoned_registers(meter, at_ms))
    meter.known_since_ms = at_ms
    meter.ledger.drop_before(at_ms)
    meter.clock.drop_before(at_ms)
    meter.tariff.drop_before(at_ms)
    meter.activation.drop_before(at_ms)
    meter.billing.drop_before(at_ms)
    meter.maxima.clear()
