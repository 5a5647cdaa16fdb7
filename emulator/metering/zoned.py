"""Registers by tariff zone: sums of differences between the instants at which another choice of them came in force."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from emulator.event.watch import FAR
from emulator.metering.activation import Choice, Entry, counting
from emulator.metering.energy import APPARENT_EXPORT, APPARENT_IMPORT, EXPORT, IMPORT, total
from emulator.metering.series import ALL, Series
from emulator.metering.tariff import ZONES, Calendar
from emulator.timing.clock import STANDS_STILL, ClockSegment
from protocols.model.activation import TARIFF_ENERGIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emulator.mechanism import Mechanism

ZONED: Final = (IMPORT, EXPORT, APPARENT_IMPORT, APPARENT_EXPORT)
"""The energies that are kept by zone, in the order of `TARIFF_ENERGIES`."""

Zoned = tuple[int, ...]
"""For each zone the energies of `ZONED`, in microjoules."""

EMPTY_ZONES: Final = (0,) * (ZONES * len(ZONED))

_PLACES: Final = {
    f"{name}_t{zone}": ((zone - 1) * len(ZONED) + offset, offset)
    for zone in range(1, ZONES + 1)
    for offset, name in enumerate(TARIFF_ENERGIES)
}
"""Where an energy stands in `Zoned`, and in `ZONED`."""


def place_of(name: str) -> int:
    """Where the energy of a zone (such as active_energy_import_t1) stands in `Zoned`."""
    return _PLACES[name][0]


@lru_cache(maxsize=1024)
def _places(choice: Choice) -> tuple[tuple[int, int], ...]:
    return tuple(_PLACES[name] for name in counting(choice) if name in _PLACES)


def choice_at(meter: Mechanism, at_ms: int) -> Choice:
    """What is in force at an instant of true time."""
    return next(_changes(meter, at_ms, at_ms + 1))[1]


def zone_at(meter: Mechanism, at_ms: int) -> int:
    """The tariff in force at an instant of true time; 0 where masks were set that are no tariff's."""
    return choice_at(meter, at_ms).number()


def choices_at(meter: Mechanism, instants: Sequence[int]) -> list[Choice]:
    """What was in force at ascending instants of true time."""
    if not instants:
        return []
    changes = list(_changes(meter, instants[0], instants[-1] + 1))
    choices: list[Choice] = []
    place = 0
    for at_ms in instants:
        while place + 1 < len(changes) and changes[place + 1][0] <= at_ms:
            place += 1
        choices.append(changes[place][1])
    return choices


def zoned_registers(meter: Mechanism, at_ms: int) -> Zoned:
    """What stands in the registers of all zones at an instant."""
    calendars, entries = meter.tariff.history, meter.activation.history
    singles = {calendar.single() for _, calendar in calendars}
    if len(entries) == len(singles) == 1 and (single := singles.pop()) is not None:
        values = list(EMPTY_ZONES)
        energies = _energies(meter, at_ms)
        for place, offset in _places(Choice(single, entries[0].program)):
            values[place] = energies[offset]
        return tuple(values)
    return _walked(meter, at_ms, len(calendars), len(meter.clock.segments), len(entries))


def _energies(meter: Mechanism, at_ms: int) -> list[int]:
    registers = meter.ledger.registers(at_ms)
    return [total(registers, index) for index in ZONED]


@lru_cache(maxsize=512)
def _walked(meter: Mechanism, at_ms: int, calendars: int, clocks: int, entries: int) -> Zoned:
    """Walk from the last bill before, whose registers are found in the same way; the counts tell versions apart."""
    bills = [bill.at_ms for bill in meter.billing.bills if bill.at_ms < at_ms]
    if bills:
        from_ms = bills[-1]
        values = list(_walked(meter, from_ms, calendars, clocks, entries))
    else:
        from_ms, known = meter.zoned_base
        values = list(known)
    changes = list(_changes(meter, from_ms, at_ms))
    series = Series(meter.ledger, [*(change_ms for change_ms, _ in changes), at_ms])
    gains = zip(*(series.gains(ALL, index) for index in ZONED), strict=True)
    for (_, choice), gained in zip(changes, gains, strict=True):
        for place, offset in _places(choice):
            values[place] += gained[offset]
    return tuple(values)


def _changes(meter: Mechanism, from_ms: int, until_ms: int) -> Iterator[tuple[int, Choice]]:
    """(instant, choice that begins then), from `from_ms` on; the same choice may begin again."""
    clocks = [*meter.clock.segments, ClockSegment(FAR, FAR)]
    calendars = [*meter.tariff.history, (FAR, meter.tariff.history[-1][1])]
    entries = [*meter.activation.history, Entry(FAR, ())]
    for clock, next_clock in pairwise(clocks):
        for (start_ms, calendar), (end_ms, _) in pairwise(calendars):
            for entry, next_entry in pairwise(entries):
                begin_ms = max(clock.start_ms, start_ms, entry.at_ms, from_ms)
                stop_ms = min(next_clock.start_ms, end_ms, next_entry.at_ms, until_ms)
                if begin_ms < stop_ms:
                    lasts = entry.at_ms >= max(clock.start_ms, start_ms)
                    known = entry if lasts else entry._replace(forced=())
                    yield from _switches(meter, clock, calendar, known, begin_ms, stop_ms)


def _switches(
    meter: Mechanism, clock: ClockSegment, calendar: Calendar, entry: Entry, begin_ms: int, stop_ms: int
) -> Iterator[tuple[int, Choice]]:
    now_ms = clock.meter_ms(begin_ms)
    still = clock.ppb == STANDS_STILL
    forced = entry.forced
    if forced and not still and entry.at_ms < clock.true_ms(calendar.last_switch(now_ms, meter.zone)):
        forced = ()
    yield begin_ms, Choice(calendar.zone(now_ms, meter.zone), entry.program, forced)
    if still or (calendar.single() is not None and not forced):
        return
    last_day = meter.zone.day(clock.meter_ms(stop_ms - 1))
    for day in range(meter.zone.day(now_ms), last_day + 1):
        for switch_ms, zone in calendar.switches(day, meter.zone):
            if switch_ms > now_ms and begin_ms < (at_ms := clock.true_ms(switch_ms)) < stop_ms:
                yield at_ms, Choice(zone, entry.program)
