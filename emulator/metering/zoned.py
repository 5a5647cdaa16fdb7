"""Registers by tariff zone: sums of differences between the instants at which the zone changed."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from emulator.event.watch import FAR
from emulator.metering.energy import APPARENT_EXPORT, APPARENT_IMPORT, EXPORT, IMPORT, total
from emulator.metering.tariff import ZONES, Calendar
from emulator.timing.clock import STANDS_STILL, ClockSegment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emulator.meter import Meter

ZONED: Final = (IMPORT, EXPORT, APPARENT_IMPORT, APPARENT_EXPORT)
"""The energies that are kept by zone."""

Zoned = tuple[int, ...]
"""For each zone the energies of `ZONED`, in microjoules."""

EMPTY_ZONES: Final = (0,) * (ZONES * len(ZONED))


def zone_at(meter: Meter, at_ms: int) -> int:
    """The zone in force at an instant of true time."""
    return meter.tariff.at(at_ms).zone(meter.clock.meter_ms(at_ms), meter.zone)


def zones_at(meter: Meter, instants: Sequence[int]) -> list[int]:
    """The zones in force at ascending instants of true time."""
    if not instants:
        return []
    changes = list(_changes(meter, instants[0], instants[-1] + 1))
    zones: list[int] = []
    place = 0
    for at_ms in instants:
        while place + 1 < len(changes) and changes[place + 1][0] <= at_ms:
            place += 1
        zones.append(changes[place][1])
    return zones


def zoned_registers(meter: Meter, at_ms: int) -> Zoned:
    """What stands in the registers of all zones at an instant."""
    calendars = meter.tariff.history
    singles = {calendar.single() for _, calendar in calendars}
    if len(singles) == 1 and (single := singles.pop()) is not None:
        values = list(EMPTY_ZONES)
        values[(single - 1) * len(ZONED) : single * len(ZONED)] = _energies(meter, at_ms)
        return tuple(values)
    return _walked(meter, at_ms, len(calendars), len(meter.clock.segments))


def _energies(meter: Meter, at_ms: int) -> list[int]:
    registers = meter.ledger.registers(at_ms)
    return [total(registers, index) for index in ZONED]


@lru_cache(maxsize=512)
def _walked(meter: Meter, at_ms: int, calendars: int, clocks: int) -> Zoned:
    """Walk from the last bill before, whose registers are found in the same way; the counts tell versions apart."""
    bills = [bill.at_ms for bill in meter.billing.bills if bill.at_ms < at_ms]
    if bills:
        from_ms = bills[-1]
        values = list(_walked(meter, from_ms, calendars, clocks))
    else:
        from_ms, known = meter.zoned_base
        values = list(known)
    points = [*_changes(meter, from_ms, at_ms), (at_ms, 0)]
    before = _energies(meter, from_ms)
    for (_, zone), (end_ms, _) in pairwise(points):
        after = _energies(meter, end_ms)
        place = (zone - 1) * len(ZONED)
        for offset, (old, new) in enumerate(zip(before, after, strict=True)):
            values[place + offset] += new - old
        before = after
    return tuple(values)


def _changes(meter: Meter, from_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    """(instant, zone that begins then), from `from_ms` on; the same zone may begin again."""
    clocks = [*meter.clock.segments, ClockSegment(FAR, FAR)]
    calendars = [*meter.tariff.history, (FAR, meter.tariff.history[-1][1])]
    for clock, next_clock in pairwise(clocks):
        for (start_ms, calendar), (end_ms, _) in pairwise(calendars):
            begin_ms = max(clock.start_ms, start_ms, from_ms)
            stop_ms = min(next_clock.start_ms, end_ms, until_ms)
            if begin_ms < stop_ms:
                yield from _switches(meter, clock, calendar, begin_ms, stop_ms)


def _switches(
    meter: Meter, clock: ClockSegment, calendar: Calendar, begin_ms: int, stop_ms: int
) -> Iterator[tuple[int, int]]:
    now_ms = clock.meter_ms(begin_ms)
    yield begin_ms, calendar.zone(now_ms, meter.zone)
    if clock.ppb == STANDS_STILL or calendar.single() is not None:
        return
    last_day = meter.zone.day(clock.meter_ms(stop_ms - 1))
    for day in range(meter.zone.day(now_ms), last_day + 1):
        for switch_ms, zone in calendar.switches(day, meter.zone):
            if switch_ms > now_ms and begin_ms < (at_ms := clock.true_ms(switch_ms)) < stop_ms:
                yield at_ms, zone
