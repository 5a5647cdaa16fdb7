"""Where a profile's rows come from, and how each becomes octets.

A kind of rows knows how many there are, gives some of them (always oldest first, numbered from 1), finds a stretch of
time, and shows one column as plain numbers to sort and compare by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from emulator.face.cosem.number import number_encoder, plain_encoder
from protocols.dlms.axdr import encode_length
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, decode, encode, split
from protocols.errors import RemoteProtocolError
from protocols.model.cosem_object import AttributeSource, Capture, CosemObject, Fixed, Measured, State
from protocols.model.table import ModelError
from protocols.quantity import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emulator.face.cosem.behaviour import Source
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.stamp import Stamp
    from emulator.timing.zone import Zone
    from protocols.cosem.data_type import DataType
    from protocols.dlms.application import Association

NULL: Final = b"\x00"
CLOCK_CLASS: Final = 8


class Rows(Protocol):
    """The rows of one profile of one model."""

    def entries(self, face: CosemFace, at_ms: int) -> int:
        """How many there are."""

    def take(
        self, face: CosemFace, at_ms: int, first: int, last: int, columns: Sequence[int], association: Association
    ) -> list[bytes]:
        """Rows `first` to `last`, each an encoded structure of these columns (counted from 0)."""

    def find(self, face: CosemFace, at_ms: int, from_ms: int, to_ms: int) -> tuple[int, int]:
        """The first and last row stamped within meter time `from_ms` to `to_ms`; (1, 0) where none is."""

    def numbers(self, face: CosemFace, at_ms: int, column: int, association: Association) -> list[float]:
        """One column of all rows as it stands on the wire, to sort and compare by; instants as milliseconds."""


def head(columns: int) -> bytes:
    """What an encoded row begins with."""
    return b"\x02" + encode_length(columns)


class LiveRows:
    """One row of what the captured attributes are now."""

    __slots__ = ("_sources",)

    def __init__(self, sources: Sequence[tuple[Source, int]]) -> None:
        self._sources = sources

    def entries(self, _face: CosemFace, _at_ms: int) -> int:
        """One."""
        return 1

    def take(
        self, face: CosemFace, at_ms: int, first: int, last: int, columns: Sequence[int], association: Association
    ) -> list[bytes]:
        """The row, if it is asked for."""
        if not first <= 1 <= last:
            return []
        cells = [self._cell(face, at_ms, column, association) for column in columns]
        return [head(len(cells)) + b"".join(cells)]

    def _cell(self, face: CosemFace, at_ms: int, column: int, association: Association) -> bytes:
        source, data_index = self._sources[column]
        value = source if isinstance(source, bytes) else source(face, at_ms, None, association)
        if isinstance(value, DataAccessResult):
            return NULL
        if not data_index:
            return value
        try:
            return list(split(value))[data_index - 1]
        except (RemoteProtocolError, IndexError):
            return NULL

    def find(self, face: CosemFace, at_ms: int, from_ms: int, to_ms: int) -> tuple[int, int]:
        """The row is as old as the clock is."""
        return (1, 1) if from_ms <= face.meter.clock.reading(at_ms).utc_ms <= to_ms else (1, 0)

    def numbers(self, face: CosemFace, at_ms: int, column: int, association: Association) -> list[float]:
        """The cell, where it is a number."""
        content = decode(self._cell(face, at_ms, column, association))[1]
        return [content if isinstance(content, int | float) else 0]


class ScalerRows:
    """The one row of a scaler profile, always the same."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Sequence[bytes]) -> None:
        self._cells = cells

    def entries(self, _face: CosemFace, _at_ms: int) -> int:
        """One."""
        return 1

    def take(
        self, _face: CosemFace, _at_ms: int, first: int, last: int, columns: Sequence[int], _association: Association
    ) -> list[bytes]:
        """The row, if it is asked for."""
        if not first <= 1 <= last:
            return []
        return [head(len(columns)) + b"".join([self._cells[column] for column in columns])]

    def find(self, _face: CosemFace, _at_ms: int, _from_ms: int, _to_ms: int) -> tuple[int, int]:
        """A scaler has no time: it is always within."""
        return 1, 1

    def numbers(self, _face: CosemFace, _at_ms: int, _column: int, _association: Association) -> list[float]:
        """Scalers are not sorted by."""
        return [0]


class Column(NamedTuple):
    """One column of recorded rows: the quantity asked of the meter, and how it is written (None for an instant)."""

    quantity: str
    encoder: Callable[[int], bytes] | None
    kind: DataType | None = None


def column_of(source: AttributeSource | None, capture: Capture, captured: CosemObject, where: str) -> Column:
    """The column of a captured attribute.

    Raises:
        ModelError: the meter does not record such an attribute.
    """
    if capture.class_id == CLOCK_CLASS and capture.attribute == 2:
        return Column("clock", None)
    match source:
        case Measured(name, kind):
            quantity = QUANTITIES[name]
            if quantity.kind == "instant":
                return Column(name, None)
            scaler = captured.scaler if capture.attribute in {2, 3} else 0
            return Column(name, number_encoder(quantity, kind, scaler), kind)
        case Fixed(value):
            encoded = encode(value)
            return Column("", lambda _integer: encoded)
        case State(name, kind):
            return Column(name.partition(":")[0], plain_encoder(kind), kind)
    raise ModelError(f"{where}: captures {capture}, which is not recorded: only quantities and fixed values are")


class HistoryRows:
    """Rows of a profile that the meter derives from its history."""

    __slots__ = ("_columns", "_profile")

    def __init__(self, profile: str, columns: Sequence[Column]) -> None:
        self._profile = profile
        self._columns = columns

    def entries(self, face: CosemFace, at_ms: int) -> int:
        """How many rows are kept now."""
        return face.meter.history.entries(self._profile, at_ms)

    def take(
        self, face: CosemFace, at_ms: int, first: int, last: int, columns: Sequence[int], _association: Association
    ) -> list[bytes]:
        """Rows of the history, each cell in its wire type."""
        if first > last:
            return []
        chosen = [self._columns[column] for column in columns]
        asked = [column.quantity for column in chosen if column.quantity]
        zone = face.meter.clock.zone
        encoders = [column.encoder or _instant_encoder(face.plan.stamp, zone) for column in chosen]
        rows = face.meter.history.rows(self._profile, at_ms, first, last, asked)
        start = head(len(chosen))
        if len(asked) == len(chosen):
            return [
                start + b"".join([encoder(cell) for encoder, cell in zip(encoders, row, strict=True)]) for row in rows
            ]
        return [start + _with_fixed(chosen, encoders, row) for row in rows]

    def find(self, face: CosemFace, at_ms: int, from_ms: int, to_ms: int) -> tuple[int, int]:
        """The stretch that the history finds."""
        return face.meter.history.find(self._profile, at_ms, from_ms, to_ms)

    def numbers(self, face: CosemFace, at_ms: int, column: int, _association: Association) -> list[float]:
        """One column of the whole history."""
        chosen = self._columns[column]
        last = self.entries(face, at_ms)
        if not chosen.quantity:
            return [0] * last
        rows = face.meter.history.rows(self._profile, at_ms, 1, last, [chosen.quantity])
        return [_wire_number(chosen, row[0]) for row in rows]


def _with_fixed(columns: Sequence[Column], encoders: Sequence[Callable[[int], bytes]], row: Sequence[int]) -> bytes:
    cells = iter(row)
    return b"".join(
        [encoder(next(cells) if column.quantity else 0) for column, encoder in zip(columns, encoders, strict=True)]
    )


def _instant_encoder(stamp: Stamp, zone: Zone) -> Callable[[int], bytes]:
    encode_stamp = stamp.encode
    return lambda utc_ms: encode_stamp(utc_ms, zone)


def _wire_number(column: Column, integer: int) -> float:
    """What a client sees in the cell, as a number."""
    if column.encoder is None:
        return integer
    content = decode(column.encoder(integer))[1]
    return content if isinstance(content, int | float) else 0


class EventRows:
    """Rows of one event log."""

    __slots__ = ("_columns", "_log")

    def __init__(self, log: str, columns: Sequence[Column]) -> None:
        self._log = log
        self._columns = columns

    def entries(self, face: CosemFace, at_ms: int) -> int:
        """How many rows the log holds."""
        return face.meter.event_log.entries(self._log, at_ms)

    def take(
        self, face: CosemFace, at_ms: int, first: int, last: int, columns: Sequence[int], _association: Association
    ) -> list[bytes]:
        """Rows of the log; what was not captured with an event is null-data."""
        if first > last:
            return []
        chosen = [self._columns[column] for column in columns]
        stamp, zone = face.plan.stamp, face.meter.clock.zone
        rows = []
        for event in face.meter.event_log.rows(self._log, at_ms, first, last):
            known = {"clock": event.utc_ms, "last_event": event.code, "event_sequence": event.sequence, **event.values}
            cells = []
            for quantity, encoder, _ in chosen:
                integer = known.get(quantity) if quantity else 0
                if integer is None:
                    cells.append(NULL)
                else:
                    cells.append(encoder(integer) if encoder else stamp.encode(integer, zone))
            rows.append(head(len(chosen)) + b"".join(cells))
        return rows

    def find(self, face: CosemFace, at_ms: int, from_ms: int, to_ms: int) -> tuple[int, int]:
        """Walk the log: its rows are few, and a clock that was set may have put them out of order."""
        rows = face.meter.event_log.rows(self._log, at_ms, 1, self.entries(face, at_ms))
        within = [number for number, row in enumerate(rows, 1) if from_ms <= row.utc_ms <= to_ms]
        return (within[0], within[-1]) if within else (1, 0)

    def numbers(self, face: CosemFace, at_ms: int, column: int, _association: Association) -> list[float]:
        """One column of the whole log."""
        chosen = self._columns[column]
        numbers: list[float] = []
        for event in face.meter.event_log.rows(self._log, at_ms, 1, self.entries(face, at_ms)):
            known = {"clock": event.utc_ms, "last_event": event.code, "event_sequence": event.sequence, **event.values}
            numbers.append(_wire_number(chosen, known.get(chosen.quantity, 0)))
        return numbers


def scaler_cell(captured: CosemObject) -> bytes:
    """The scaler_unit of a register, encoded."""
    return encode(
        (int(Tag.STRUCTURE), [(int(Tag.INTEGER), captured.scaler), (int(Tag.ENUM), captured.unit)]),
    )
