"""Hours in which nobody is cut off: a small calendar by the meter's clock, and when it switches next."""

from functools import lru_cache
from typing import Final

from emulator.event.watch import FAR
from emulator.metering.tariff import Calendar
from emulator.timing.clock import STANDS_STILL, MeterClock
from protocols.model.payment import FriendlyModel

NORMAL, FRIENDLY = 1, 2
"""Zones of the calendar."""

DAYS: Final = 8
"""How many days a search for the next switch goes: a week repeats, a special day is found when it comes."""


@lru_cache(maxsize=64)
def calendar_of(model: FriendlyModel | None) -> Calendar | None:
    """The calendar of a model's friendly hours, which all its meters share."""
    if model is None:
        return None
    return Calendar(
        name="friendly",
        days={
            number: tuple((minute, FRIENDLY if friendly else NORMAL) for minute, friendly in switches)
            for number, switches in model.days
        },
        weeks={"week": model.week} if model.week else {},
        special_days=tuple((None, month, day, number) for month, day, number in model.special_days),
    )


def next_switch_ms(calendar: Calendar, clock: MeterClock, at_ms: int) -> int:
    """True time at which the calendar may switch for the first time after an instant; `FAR` for not as things are."""
    segment = clock.segments[-1]
    if calendar.single() is not None or segment.ppb == STANDS_STILL:
        return FAR
    now_ms = segment.meter_ms(at_ms)
    first = clock.zone.day(now_ms)
    for day in range(first, first + DAYS):
        for switch_ms, _ in calendar.switches(day, clock.zone):
            if switch_ms > now_ms:
                return max(at_ms + 1, segment.true_ms(switch_ms))
    return FAR
