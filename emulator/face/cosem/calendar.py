"""Activity calendar (class 20) and special days (class 11): tables on the wire, a `Calendar` in the meter.

What a client writes to the passive attributes is kept as written; as soon as the four tables fit together they become
the meter's passive calendar. The active attributes show what was written where the active calendar is that one, and
are made from the calendar where the meter has had it from the works.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour, Executor, Outcome, Reader, Source, Writer, outcome
from emulator.metering.tariff import ZONES, Calendar
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import NULL, Tag, Value, encode, octet_string
from protocols.errors import RemoteProtocolError
from protocols.model.activation import TARIFFICATION_SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject

NAME, SEASONS, WEEKS, DAYS = 2, 3, 4, 5
ACTIVE: Final = (NAME, SEASONS, WEEKS, DAYS)
PASSIVE_AFTER: Final = 4
"""A passive attribute's number is that of the active one and four more."""
ACTIVATION_TIME: Final = 10

EVERY_WEEK: Final = "week"
"""The name of the only week of a calendar that has none."""

Key = tuple[int, bytes, int]
Tables = tuple[Value, Value, Value, Value]
"""Name, seasons, weeks and days, as on the wire."""


def activity_calendar(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of the activity calendar."""
    base = (cosem_object.class_id, cosem_object.logical_name.octets)
    readers: dict[int, Source] = {}
    writers: dict[int, Writer] = {ACTIVATION_TIME: _write_activation_time(base)}
    for number in ACTIVE:
        readers[number] = _active_reader(base, number)
        readers[number + PASSIVE_AFTER] = _passive_reader(base, number)
        writers[number + PASSIVE_AFTER] = _passive_writer(base, number)
    stamp = maker.stamp

    def read_activation(face: CosemFace, _at_ms: int, _selection: Selection | None, _by: Association) -> bytes:
        return stamp.encode(face.meter.tariff.passive_ms or 0, face.meter.clock.zone)

    readers[ACTIVATION_TIME] = read_activation
    return Behaviour(readers=readers, writers=writers, methods={1: _activate})


def special_days(_cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of the special days table: it belongs to the active calendar."""
    methods: dict[int, Executor] = {1: _insert_special_day, 2: _delete_special_day}
    return Behaviour(readers={2: _read_special_days}, writers={2: _write_special_days}, methods=methods)


# Reading


def _active_reader(base: tuple[int, bytes], number: int) -> Reader:
    def read(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        calendar = face.meter.tariff.at(at_ms)
        for after in (0, PASSIVE_AFTER):
            written = _written(face, base, after)
            if written is not None and _calendar(written, calendar.special_days) == calendar:
                return encode(written[number - NAME])
        return encode(_tables(calendar)[number - NAME])

    return read


def _passive_reader(base: tuple[int, bytes], number: int) -> Reader:
    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        written = face.memory.get((*base, number + PASSIVE_AFTER))
        if written is not None:
            return written
        passive = face.meter.tariff.passive
        if passive is not None:
            return encode(_tables(passive)[number - NAME])
        return octet_string(b"") if number == NAME else encode((int(Tag.ARRAY), []))

    return read


def _written(face: CosemFace, base: tuple[int, bytes], after: int) -> Tables | None:
    """The four tables that a client has written, or None while one is missing."""
    found = [face.recall((*base, number + after)) for number in ACTIVE]
    name, seasons, weeks, days = (NULL if each is None else each for each in found)
    return None if NULL in (name, seasons, weeks, days) else (name, seasons, weeks, days)


# Writing


def _passive_writer(base: tuple[int, bytes], number: int) -> Writer:
    def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        active = face.meter.tariff.at(at_ms)
        before = _written(face, base, PASSIVE_AFTER)
        if before is not None and _calendar(before, active.special_days) == active:
            for each, table in zip(ACTIVE, before, strict=True):
                face.remember((*base, each), encode(table))
        face.remember((*base, number + PASSIVE_AFTER), encode(value))
        written = _written(face, base, PASSIVE_AFTER)
        calendar = None if written is None else _calendar(written, active.special_days)
        if calendar is not None:
            face.meter.set_passive_calendar(at_ms, calendar, face.meter.tariff.passive_ms)
        return DataAccessResult.SUCCESS

    return write


def _write_activation_time(_base: tuple[int, bytes]) -> Writer:
    def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        try:
            when_ms = face.plan.stamp.decode(value[1], face.meter.clock.zone)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED
        passive = face.meter.tariff.passive
        if passive is None:
            return DataAccessResult.TEMPORARY_FAILURE
        face.meter.set_passive_calendar(at_ms, passive, when_ms)
        return DataAccessResult.SUCCESS

    return write


def _activate(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
    return outcome(face.meter.activate_calendar(at_ms))


# From tables to a calendar and back


def _calendar(tables: Tables, special: tuple[tuple[int | None, int, int, int], ...]) -> Calendar | None:
    """The calendar that four tables describe, or None where they do not fit together."""
    (_, name), (_, seasons), (_, weeks), (_, days) = tables
    try:
        return Calendar(
            name=name.decode("latin-1"),
            days={day[1][0][1]: _switches(day[1][1][1]) for day in days},
            weeks={week[1][0][1].decode("latin-1"): tuple(each for _, each in week[1][1:]) for week in weeks},
            seasons=tuple(sorted(_season(season[1]) for season in seasons)),
            special_days=tuple(each for each in special if each[3] in {day[1][0][1] for day in days}),
        )
    except (ValueError, RemoteProtocolError):
        return None


def _switches(schedule: list[Value]) -> tuple[tuple[int, int], ...]:
    switches = []
    for _, ((_, start), _, (_, selector)) in schedule:
        time = Time.decode(start)
        if not 1 <= selector <= ZONES:
            raise ValueError(f"script {selector} begins no tariff zone")
        switches.append(((time.hour or 0) * 60 + (time.minute or 0), selector))
    switches.sort()
    if switches and switches[0][0] != 0:
        # Until the day's first switch the zone of its last one goes on.
        switches.insert(0, (0, switches[-1][1]))
    return tuple(switches)


def _season(members: list[Value]) -> tuple[int, int, str]:
    start = DateTime.decode(members[1][1]).date
    return start.month or 1, start.day or 1, members[2][1].decode("latin-1")


def _tables(calendar: Calendar) -> Tables:
    weeks: Mapping[str, tuple[int, ...]] = calendar.weeks or {EVERY_WEEK: (min(calendar.days),) * 7}
    seasons = calendar.seasons or ((1, 1, next(iter(weeks))),)
    return (
        _octets(calendar.name.encode("latin-1", "replace")),
        _array([_season_value(*season) for season in seasons]),
        _array([_week_value(name, week) for name, week in weeks.items()]),
        _array([_day_value(number, switches) for number, switches in calendar.days.items()]),
    )


def _octets(content: bytes) -> Value:
    return int(Tag.OCTET_STRING), content


def _array(elements: list[Value]) -> Value:
    return int(Tag.ARRAY), elements


def _structure(*members: Value) -> Value:
    return int(Tag.STRUCTURE), list(members)


def _season_value(month: int, day: int, week: str) -> Value:
    start = DateTime(Date(None, month, day), Time(0, 0, 0, 0), None, 0)
    name = week.encode("latin-1", "replace")
    return _structure(_octets(name), _octets(start.encode()), _octets(name))


def _week_value(name: str, week: tuple[int, ...]) -> Value:
    return _structure(_octets(name.encode("latin-1", "replace")), *((int(Tag.UNSIGNED), day) for day in week))


def _day_value(number: int, switches: tuple[tuple[int, int], ...]) -> Value:
    schedule = [
        _structure(
            _octets(Time(*divmod(minute, 60), 0, 0).encode()),
            _octets(TARIFFICATION_SCRIPTS),
            (int(Tag.LONG_UNSIGNED), zone),
        )
        for minute, zone in switches
    ]
    return _structure((int(Tag.UNSIGNED), number), _array(schedule))


# Special days


def _read_special_days(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
    days = face.meter.tariff.at(at_ms).special_days
    return encode(
        _array(
            [
                _structure(
                    (int(Tag.LONG_UNSIGNED), index),
                    _octets(Date(year, month, day).encode()),
                    (int(Tag.UNSIGNED), number),
                )
                for index, (year, month, day, number) in enumerate(days, 1)
            ]
        )
    )


def _entry(value: Value) -> tuple[int, tuple[int | None, int, int, int]]:
    """Index and day of one entry.

    Raises:
        RemoteProtocolError: the date is none.
        ValueError: the date names no day of the year.
    """
    (_, index), (_, octets), (_, number) = value[1]
    when = Date.decode(octets)
    if when.month is None or when.day is None or when.month > 12 or when.day > 31:
        raise ValueError("a special day is a day of the year")
    return index, (when.year, when.month, when.day, number)


def _write_special_days(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
    try:
        days = tuple(day for _, day in sorted((_entry(each) for each in value[1]), key=_index))
    except (ValueError, RemoteProtocolError):
        return DataAccessResult.TYPE_UNMATCHED
    return DataAccessResult.SUCCESS if _change_days(face, at_ms, days) else DataAccessResult.OTHER_REASON


def _index(entry: tuple[int, tuple[int | None, int, int, int]]) -> int:
    return entry[0]


def _insert_special_day(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
    try:
        index, day = _entry(parameter)
    except (ValueError, RemoteProtocolError):
        return outcome(False)
    days = list(face.meter.tariff.at(at_ms).special_days)
    days[index - 1 : index] = [day]
    return outcome(_change_days(face, at_ms, tuple(days)))


def _delete_special_day(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
    index = parameter[1]
    days = list(face.meter.tariff.at(at_ms).special_days)
    if not 1 <= index <= len(days):
        return outcome(False)
    del days[index - 1]
    return outcome(_change_days(face, at_ms, tuple(days)))


def _change_days(face: CosemFace, at_ms: int, days: tuple[tuple[int | None, int, int, int], ...]) -> bool:
    """The active calendar with other special days; what waits beside it goes on waiting."""
    tariff = face.meter.tariff
    waiting, waiting_ms = tariff.passive, tariff.passive_ms
    try:
        changed = replace(tariff.at(at_ms), special_days=days)
    except ValueError:
        return False
    face.meter.set_passive_calendar(at_ms, changed)
    face.meter.activate_calendar(at_ms)
    if waiting is not None:
        face.meter.set_passive_calendar(at_ms, waiting, waiting_ms)
    return True
