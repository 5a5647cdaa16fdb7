"""Schedules: single actions (class 22) and tables of switching times (class 10), as appointments of a meter's diary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome, keeping
from emulator.timing.diary import ALWAYS_MS, Appointment
from emulator.timing.recurrence import Recurrence, days_of, last_until, matches, next_after, times_of
from protocols.dlms.date_time import Date, Time
from protocols.dlms.value import Tag, Value
from protocols.errors import RemoteProtocolError
from protocols.model.cosem_object import SCRIPT_TABLE, CosemObject, Fixed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from emulator.timing.zone import Zone
    from protocols.dlms.application import Association

SCHEDULE: Final = 10
SINGLE_ACTION_SCHEDULE: Final = 22
ENTRIES, EXECUTED_SCRIPT, EXECUTION_TIME = 2, 2, 4
TIMES: Final = {SCHEDULE: ENTRIES, SINGLE_ACTION_SCHEDULE: EXECUTION_TIME}
"""The attribute of each class that says when."""

ENTRIES_MAX: Final = 64
"""What one schedule holds; each entry costs a search through the calendar."""

WHENEVER: Final = 0xFFFF
"""A validity window that never ends."""


class Entry(NamedTuple):
    """One entry of a schedule: a time of day, on some days of the week or special days, between two dates."""

    time: Time
    weekdays: str
    special_days: str
    begin: Date
    end: Date
    special_day: Callable[[date], int | None]

    def comes_on(self, day: date) -> bool:
        """Whether it comes on a calendar day; a special day counts in the place of its weekday."""
        if not _from(self.begin, day) or not _until(self.end, day):
            return False
        special = self.special_day(day)
        if special is not None:
            return special < len(self.special_days) and self.special_days[special] == "1"
        return self.weekdays[day.isoweekday() - 1 : day.isoweekday()] == "1"

    def next_after(self, utc_ms: int, zone: Zone) -> int | None:
        """The first instant behind a meter time; None where there is none."""
        return next_after(days_of(self.comes_on, zone.day(utc_ms), 1), times_of(self.time), utc_ms, zone)

    def last_until(self, utc_ms: int, zone: Zone) -> int | None:
        """The last instant at or before a meter time; None where there is none."""
        return last_until(days_of(self.comes_on, zone.day(utc_ms), -1), times_of(self.time), utc_ms, zone)


def _from(pattern: Date, day: date) -> bool:
    first = pattern.calendar_day()
    return day >= first if first is not None else _within_year(pattern, day, begins=True)


def _until(pattern: Date, day: date) -> bool:
    last = pattern.calendar_day()
    return day <= last if last is not None else _within_year(pattern, day, begins=False)


def _within_year(pattern: Date, day: date, *, begins: bool) -> bool:
    """A date of every year, or nothing at all."""
    if pattern.month is None or pattern.day is None:
        return matches(pattern, day) if pattern.weekday else True
    own, bound = (day.month, day.day), (pattern.month, pattern.day)
    return own >= bound if begins else own <= bound


def makes_appointments(each: CosemObject) -> bool:
    """Whether it is a schedule that runs scripts by itself; the one of billing dates is the meter's own."""
    if each.class_id == SCHEDULE:
        return True
    return each.class_id == SINGLE_ACTION_SCHEDULE and isinstance(each.attributes.get(EXECUTION_TIME), Fixed)


def appointments(face: CosemFace) -> list[Appointment]:
    """Everything that a meter's schedules say now."""
    return [each for cosem_object in face.plan.schedules for each in _appointments(face, cosem_object)]


def _appointments(face: CosemFace, cosem_object: CosemObject) -> Iterator[Appointment]:
    if cosem_object.class_id == SCHEDULE:
        yield from _of_entries(face, face.held(cosem_object, ENTRIES)[1])
        return
    (_, script), (_, selector) = face.held(cosem_object, EXECUTED_SCRIPT)[1]
    for _, ((_, time), (_, day)) in face.held(cosem_object, EXECUTION_TIME)[1]:
        when = Recurrence(Date.decode(day), Time.decode(time))
        # What is to be done once is done as soon as there is supply; what comes again waits for the next time.
        yield Appointment(when, script, selector, ALWAYS_MS if when.single else 0)


def _of_entries(face: CosemFace, entries: list[Value]) -> Iterator[Appointment]:
    for entry in sorted(entries, key=_index):
        _, enabled, script, selector, time, window, weekdays, special_days, begin, end = (each for _, each in entry[1])
        if not enabled:
            continue
        comes = Entry(
            Time.decode(time), weekdays, special_days, Date.decode(begin), Date.decode(end), _special_day(face)
        )
        yield Appointment(comes, script, selector, ALWAYS_MS if window == WHENEVER else window * 60_000)


def _special_day(face: CosemFace) -> Callable[[date], int | None]:
    def number(day: date) -> int | None:
        for year, month, of_month, day_id in face.meter.tariff.history[-1][1].special_days:
            if year in {None, day.year} and (month, of_month) == (day.month, day.day):
                return day_id
        return None

    return number


def _index(entry: Value) -> int:
    return int(entry[1][0][1])


# What may be written


def single_action_schedule(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of a single action schedule; one that shows a state of the meter is that state's matter."""
    if not makes_appointments(cosem_object):
        return Behaviour()
    return Behaviour(writers={EXECUTION_TIME: keeping(cosem_object, EXECUTION_TIME, _times_possible)})


def schedule(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of a schedule."""
    return Behaviour(
        writers={ENTRIES: keeping(cosem_object, ENTRIES, _entries_possible)},
        methods={
            1: _changing(cosem_object, _enable_disable),
            2: _changing(cosem_object, _insert),
            3: _changing(cosem_object, _delete),
        },
    )


def _times_possible(_face: CosemFace, entries: list[Value], _association: Association) -> bool:
    try:
        for _, ((_, time), (_, day)) in entries:
            Recurrence(Date.decode(day), Time.decode(time))
    except RemoteProtocolError:
        return False
    return len(entries) <= ENTRIES_MAX


def _entries_possible(face: CosemFace, entries: list[Value], association: Association) -> bool:
    """Entries with a time, that run scripts which whoever writes them may run."""
    may = face.plan.view_of(association).methods
    try:
        for entry in entries:
            _, _, (_, script), _, (_, time), _, (_, weekdays), _, (_, begin), (_, end) = entry[1]
            Time.decode(time), Date.decode(begin), Date.decode(end)
            if len(weekdays) != 7 or (SCRIPT_TABLE, script, 1) not in may:
                return False
    except RemoteProtocolError:
        return False
    return len(entries) <= ENTRIES_MAX and len({_index(each) for each in entries}) == len(entries)


# Methods of class 10


def _changing(cosem_object: CosemObject, change: Callable[[list[Value], Value], list[Value]]) -> Executor:
    def execute(face: CosemFace, _at_ms: int, parameter: Value, association: Association) -> Outcome:
        changed = change(face.held(cosem_object, ENTRIES)[1], parameter)
        if not _entries_possible(face, changed, association):
            return REFUSED
        face.hold(cosem_object, ENTRIES, (int(Tag.ARRAY), changed))
        return DONE

    return execute


def _enable_disable(entries: list[Value], parameter: Value) -> list[Value]:
    """Disables the first range of indexes, then enables the second; 0 to 0 is no range."""
    (_, off_first), (_, off_last), (_, on_first), (_, on_last) = parameter[1]
    changed = []
    for entry in entries:
        index, (tag, enabled), *rest = entry[1]
        if off_first <= index[1] <= off_last:
            enabled = False
        if on_first <= index[1] <= on_last:
            enabled = True
        changed.append((entry[0], [index, (tag, enabled), *rest]))
    return changed


def _insert(entries: list[Value], parameter: Value) -> list[Value]:
    """A new entry, or another one in the place of that index."""
    return sorted([*(each for each in entries if _index(each) != _index(parameter)), parameter], key=_index)


def _delete(entries: list[Value], parameter: Value) -> list[Value]:
    (_, first), (_, last) = parameter[1]
    return [each for each in entries if not first <= _index(each) <= last]
