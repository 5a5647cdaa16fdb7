"""Profile generic (class 7): a buffer of rows, whole, by range or by entry, with all or some columns, in any order.

Rows come from the meter as tuples of canonical integers; `rows` gives them their wire types. What a profile keeps is
named by its model: present values in one row ("live"), the scalers of another profile ("scalers"), a profile of the
meter's history, or one of its event logs. Entries count from 1 in the order in which the buffer is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import DONE, Behaviour, Executor, Outcome, Source
from emulator.face.cosem.number import plain_encoder
from emulator.face.cosem.rows import (
    CLOCK_CLASS,
    EventRows,
    HistoryRows,
    LiveRows,
    Rows,
    ScalerRows,
    column_of,
    scaler_cell,
)
from protocols.cosem.data_type import parse
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import ENTRY_SELECTOR, RANGE_SELECTOR, CaptureObject, EntryDescriptor, RangeDescriptor
from protocols.dlms.value import Tag, Value, array, encode
from protocols.errors import RemoteProtocolError
from protocols.model.cosem_object import (
    DEMAND_REGISTER,
    EXTENDED_REGISTER,
    REGISTER,
    SORT_METHODS,
    Capture,
    CosemObject,
    ProfileOptions,
)
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection

RECORDED: Final = frozenset({"block_load", "daily_load"})
"""Profiles whose rows a client may be allowed to have forgotten; bills and events are not."""

FAR_MS: Final = 1 << 62
"""Later than any stamp: the end of a range that does not say one."""

INSTANTS: Final = frozenset({Tag.OCTET_STRING, Tag.DATE_TIME})
"""How an instant travels."""

_SORT_KEYS: Final[dict[str, Callable[[float], float]]] = {
    "largest": lambda number: -number,
    "smallest": lambda number: number,
    "nearest_to_zero": abs,
    "furthest_from_zero": lambda number: -abs(number),
}

_SCALED: Final = {REGISTER: 3, EXTENDED_REGISTER: 3, DEMAND_REGISTER: 4}
"""Which attribute of a register class is its scaler_unit."""

_VALUES: Final = {REGISTER: {2}, EXTENDED_REGISTER: {2}, DEMAND_REGISTER: {2, 3}}
"""Which attributes of a register class that scaler_unit is for."""


class Buffer:
    """The buffer of one profile of one model.

    Args:
        captures: the columns.
        rows: where the rows come from.
        sort_method: in which order they are shown.
        sort_column: by which column, for the orders that go by one.
    """

    __slots__ = ("_all", "_captures", "_rows", "_sort", "_sort_column")

    def __init__(self, captures: Sequence[Capture], rows: Rows, sort_method: str, sort_column: int) -> None:
        self._captures = [CaptureObject(each.class_id, each.logical_name.octets, *each[2:]) for each in captures]
        self._rows = rows
        self._sort = sort_method
        self._sort_column = sort_column
        self._all = range(len(captures))

    def read(
        self, face: CosemFace, at_ms: int, selection: Selection | None, association: Association
    ) -> bytes | DataAccessResult:
        """The buffer, or the part of it that is selected."""
        if selection is None:
            entries = self._rows.entries(face, at_ms)
            return array(self._shown(face, at_ms, (1, entries), self._all, association))
        try:
            if selection.selector == ENTRY_SELECTOR:
                rows = self._by_entry(face, at_ms, EntryDescriptor.from_selection(selection), association)
            elif selection.selector == RANGE_SELECTOR:
                rows = self._by_range(face, at_ms, RangeDescriptor.from_selection(selection), association)
            else:
                return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        except (RemoteProtocolError, ValueError):
            return DataAccessResult.TYPE_UNMATCHED
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED if rows is None else array(rows)

    def entries_in_use(
        self, face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association
    ) -> bytes:
        """How many rows there are."""
        return encode((int(Tag.DOUBLE_LONG_UNSIGNED), self._rows.entries(face, at_ms)))

    def _shown(
        self, face: CosemFace, at_ms: int, stretch: tuple[int, int], columns: Sequence[int], association: Association
    ) -> list[bytes]:
        """The rows of a stretch of time, oldest first inside, in the order of this buffer."""
        first, last = stretch
        rows = self._rows.take(face, at_ms, first, last, columns, association)
        if self._sort == "fifo":
            return rows
        if self._sort == "lifo":
            return rows[::-1]
        key = _SORT_KEYS[self._sort]
        numbers = self._rows.numbers(face, at_ms, self._sort_column, association)[first - 1 : last]
        order = sorted(range(len(rows)), key=lambda index: key(numbers[index]))
        return [rows[index] for index in order]

    def _by_entry(
        self, face: CosemFace, at_ms: int, wanted: EntryDescriptor, association: Association
    ) -> list[bytes] | None:
        entries, width = self._rows.entries(face, at_ms), len(self._captures)
        last = min(wanted.to_entry or entries, entries)
        last_column = wanted.to_selected_value or width
        first_column = wanted.from_selected_value
        if wanted.from_entry < 1 or not 1 <= first_column <= last_column <= width:
            return None
        columns = range(first_column - 1, last_column)
        if self._sort == "fifo":
            return self._shown(face, at_ms, (wanted.from_entry, last), columns, association)
        if self._sort == "lifo":
            stretch = (entries + 1 - last, entries + 1 - wanted.from_entry)
            return self._shown(face, at_ms, stretch, columns, association) if stretch[0] <= stretch[1] else []
        return self._shown(face, at_ms, (1, entries), columns, association)[wanted.from_entry - 1 : last]

    def _by_range(
        self, face: CosemFace, at_ms: int, wanted: RangeDescriptor, association: Association
    ) -> list[bytes] | None:
        columns = self._columns(wanted.selected_values)
        restricting = wanted.restricting_object
        by_clock = restricting.class_id == CLOCK_CLASS or self._is_by_time(wanted)
        if columns is None or not (by_clock or restricting in self._captures):
            return None
        if by_clock:
            # Clients restrict by the clock even where a profile's first column is another instant.
            from_ms = _instant(face, wanted.from_value)
            to_ms = _instant(face, wanted.to_value)
            stretch = self._rows.find(face, at_ms, from_ms or 0, FAR_MS if to_ms is None else to_ms)
            return self._shown(face, at_ms, stretch, columns, association) if stretch[0] <= stretch[1] else []
        return self._by_number(face, at_ms, wanted, columns, association)

    def _is_by_time(self, wanted: RangeDescriptor) -> bool:
        """Whether a single row is asked for by instants beside a column that has none.

        Clients that restrict by the first column, whatever it is, ask so for nameplates and scaler profiles.
        """
        restricting = wanted.restricting_object
        return (
            isinstance(self._rows, LiveRows | ScalerRows)
            and {wanted.from_value[0], wanted.to_value[0]} <= INSTANTS
            and any(
                (each.class_id, each.instance) == (restricting.class_id, restricting.instance)
                for each in self._captures
            )
        )

    def _by_number(
        self, face: CosemFace, at_ms: int, wanted: RangeDescriptor, columns: Sequence[int], association: Association
    ) -> list[bytes]:
        """Rows whose restricting column, a number or an instant, is within the bounds."""
        low, high = _bound(face, wanted.from_value, 0), _bound(face, wanted.to_value, FAR_MS)
        numbers = self._rows.numbers(face, at_ms, self._captures.index(wanted.restricting_object), association)
        rows = self._rows.take(face, at_ms, 1, len(numbers), columns, association)
        chosen = [index for index, number in enumerate(numbers) if low <= number <= high]
        if self._sort == "lifo":
            chosen.reverse()
        elif self._sort != "fifo":
            key = _SORT_KEYS[self._sort]
            sorts = self._rows.numbers(face, at_ms, self._sort_column, association)
            chosen.sort(key=lambda index: key(sorts[index]))
        return [rows[index] for index in chosen]

    def _columns(self, selected: Sequence[CaptureObject]) -> Sequence[int] | None:
        """The positions of the columns wanted; None where one is not captured."""
        if not selected:
            return self._all
        if any(each not in self._captures for each in selected):
            return None
        return [self._captures.index(each) for each in selected]


def _instant(face: CosemFace, value: Value) -> int | None:
    tag, content = value
    if tag not in INSTANTS:
        raise ValueError("an instant is compared with date-times")
    return face.plan.stamp.decode(content, face.meter.clock.zone)


def _bound(face: CosemFace, value: Value, free: int) -> float:
    """A bound of a range as a number; an instant that is not specified is `free`."""
    content = value[1]
    if isinstance(content, int | float):
        return content
    instant = _instant(face, value)
    return free if instant is None else instant


def captures_of(cosem_object: CosemObject, maker: Maker) -> tuple[Capture, ...]:
    """The columns of a profile; those of a scaler profile are the scalers of the profile it belongs to."""
    options = _options(cosem_object)
    if options.scaler_of is None:
        return options.capture
    scaled = maker.objects[cosem_object.class_id, options.scaler_of]
    return tuple(
        each._replace(attribute=_SCALED[each.class_id])
        for each in _options(scaled).capture
        if each.attribute in _VALUES.get(each.class_id, ())
    )


def _options(cosem_object: CosemObject) -> ProfileOptions:
    if cosem_object.profile is None:
        raise ModelError(f"{cosem_object.key}: a profile needs its columns")
    return cosem_object.profile


def _rows(cosem_object: CosemObject, captures: Sequence[Capture], maker: Maker) -> Rows:
    kind = _options(cosem_object).rows
    captured = [maker.objects[each.class_id, each.logical_name] for each in captures]
    if kind == "scalers":
        return ScalerRows([scaler_cell(each) for each in captured])
    if kind == "live":
        return LiveRows([(maker.source(each), each.data_index) for each in captures])
    columns = [
        column_of(each.attributes.get(capture.attribute), capture, each, cosem_object.key)
        for capture, each in zip(captures, captured, strict=True)
    ]
    if kind.startswith("events:"):
        return EventRows(kind.removeprefix("events:"), columns)
    return HistoryRows(kind, columns)


def profile_generic(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a profile."""
    options = _options(cosem_object)
    captures = captures_of(cosem_object, maker)
    sort_column = captures.index(options.sort_object) if options.sort_object in captures else 0
    buffer = Buffer(captures, _rows(cosem_object, captures, maker), options.sort_method, sort_column)
    sort_object = options.sort_object
    undefined = CaptureObject(0, bytes(6), 0)
    readers: dict[int, Source] = {
        2: buffer.read,
        3: encode((int(Tag.ARRAY), [_definition(each).value() for each in captures])),
        4: _period(options.period),
        5: encode((int(Tag.ENUM), SORT_METHODS.index(options.sort_method) + 1)),
        6: encode((_definition(sort_object) if sort_object else undefined).value()),
        7: buffer.entries_in_use,
        8: encode((int(Tag.DOUBLE_LONG_UNSIGNED), options.entries)),
    }
    recorded = options.rows in RECORDED
    return Behaviour(readers=readers, methods={1: _reset(options.rows)} if recorded else {}, selective=frozenset({2}))


def _reset(profile: str) -> Executor:
    def execute(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
        face.meter.clear_profile(profile, at_ms)
        return DONE

    return execute


def _definition(capture: Capture) -> CaptureObject:
    return CaptureObject(capture.class_id, capture.logical_name.octets, capture.attribute, capture.data_index)


def _period(period: int | str) -> Source:
    encoder = plain_encoder(parse("double-long-unsigned"))
    if isinstance(period, int):
        return encoder(period)

    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return encoder(face.meter.parameter(period))

    return read
