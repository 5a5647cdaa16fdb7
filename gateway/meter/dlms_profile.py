"""Profiles of IS 15959 meters: read by what they capture, with the scalers that they name, never by position.

The capture objects and the scalers of a profile are asked for once and kept; they are forgotten when a row does not
fit them, since then the meter has been changed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple, TypeVar

from gateway.meter.profile_part import WHOLE, Part, by_entry, choose, pick
from gateway.meter.scripts import Table
from gateway.polling.coverage import Stretch
from gateway.polling.reading import Column, utc, utc_ms, value_of
from gateway.service.script import Ask, NonsenseError, RefusedError, Script
from protocols.cosem.obis import LogicalName
from protocols.cosem.unit import ScalerUnit
from protocols.dlms.date_time import DateTime
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import CaptureObject, RangeDescriptor, Selection
from protocols.dlms.value import Tag, Value
from protocols.errors import RemoteProtocolError
from protocols.message.reading import Quality, Row
from protocols.message.reading import Value as Published
from protocols.model.meter_model import MeterModel

T = TypeVar("T")

PROFILE_GENERIC: Final = 7
BUFFER, CAPTURE_OBJECTS, CAPTURE_PERIOD, SORT_METHOD, ENTRIES_IN_USE = 2, 3, 4, 5, 7
LAST_IN_FIRST_OUT: Final = 2
"""The sort method that puts the newest first."""
COLUMNS_MAX: Final = 256
ROWS_MAX: Final = 100_000

SCALER_ATTRIBUTE: Final[Mapping[int, int]] = {3: 3, 4: 3, 5: 4}
"""Where registers, extended registers and demand registers keep their scaler_unit."""
SCALED_ATTRIBUTES: Final[Mapping[int, frozenset[int]]] = {3: frozenset({2}), 4: frozenset({2}), 5: frozenset({2, 3})}


class ProfileName(NamedTuple):
    """A profile's logical name and that of the profile with its scalers."""

    buffer: str
    scalers: str | None


PROFILES: Final[Mapping[str, ProfileName]] = {
    "nameplate": ProfileName("0.0.94.91.10.255", None),
    "instantaneous": ProfileName("1.0.94.91.0.255", "1.0.94.91.3.255"),
    "block_load": ProfileName("1.0.99.1.0.255", "1.0.94.91.4.255"),
    "daily_load": ProfileName("1.0.99.2.0.255", "1.0.94.91.5.255"),
    "billing": ProfileName("1.0.98.1.0.255", "1.0.94.91.6.255"),
    "events_voltage": ProfileName("0.0.99.98.0.255", "1.0.94.91.7.255"),
    "events_current": ProfileName("0.0.99.98.1.255", "1.0.94.91.7.255"),
    "events_power": ProfileName("0.0.99.98.2.255", None),
    "events_transaction": ProfileName("0.0.99.98.3.255", None),
    "events_other": ProfileName("0.0.99.98.4.255", "1.0.94.91.7.255"),
    "events_non_rollover": ProfileName("0.0.99.98.5.255", None),
    "events_control": ProfileName("0.0.99.98.6.255", None),
}
"""IS 15959 profiles; sources in the models' files."""


Get = AttributeDescriptor
"""Ask for an attribute; the outcome is the value, or the meter's `DataAccessResult`."""


class GetMany(NamedTuple):
    """Ask for several; the outcome is a list of what `Get` gives."""

    items: tuple[Get, ...]


class Set(NamedTuple):
    """Write an attribute; the outcome is a `DataAccessResult`."""

    class_id: int
    instance: bytes
    attribute: int
    value: Value


class Act(NamedTuple):
    """Invoke a method; the outcome is `protocols.dlms.ask.outcome.Invoked`."""

    class_id: int
    instance: bytes
    method: int
    parameter: Value | None = None


_SHARED: Final[dict[Any, Any]] = {}
"""Columns, keys and scalers are alike in thousands of meters: each is kept once."""
SHARED_MAX: Final = 20_000
"""No fleet has so many different ones; a meter that makes them up gets no more room here."""


def shared(value: T) -> T:
    """The one that is kept of equal values."""
    if len(_SHARED) >= SHARED_MAX:
        return value
    kept: T = _SHARED.setdefault(value, value)
    return kept


def obis(name: str) -> bytes:
    """The six octets of a dotted name."""
    return LogicalName.parse(name).octets


class Profiles:
    """The profiles of one meter.

    Args:
        zone: where its clock stands, when it does not say.
        model: what it is, for the names of its values.
        unlisted: scaler and unit of objects that the meter captures and cannot be asked for, as its quirks have them.
    """

    __slots__ = ("_columns", "_model", "_scalers", "_unlisted", "_zone")

    def __init__(
        self,
        zone: tzinfo,
        model: MeterModel | None,
        unlisted: Callable[[], Mapping[tuple[int, bytes], tuple[int, int]]] = dict,
    ) -> None:
        self._unlisted = unlisted
        self._zone = zone
        self._model = model
        self._columns: dict[str, tuple[Column, ...]] = {}
        self._scalers: dict[tuple[int, bytes], ScalerUnit | None] = {}

    def forget(self) -> None:
        """Ask again for what is captured and how it is scaled."""
        self._columns.clear()
        self._scalers.clear()

    def read(self, profile: str, stretch: Stretch | None = None, part: Part = WHOLE) -> Script[Table]:
        """Rows of a profile by name, or of any profile by its logical name."""
        name = _named(profile)
        columns = yield from self.columns(name.buffer)
        chosen = choose(profile, columns, part.columns, self._model)
        yield from self.fill_scalers(name.scalers, chosen)
        sent, selection = columns, None
        if stretch is not None:
            selection = self._selection(columns, stretch, chosen if part.columns else ())
            sent = chosen if part.columns and selection is not None else columns
        elif part != WHOLE:
            entries = yield from self._entries(name.buffer, part)
            sent, selection = by_entry(columns, chosen, entries)
        outcome = yield Ask(Get(PROFILE_GENERIC, obis(name.buffer), BUFFER, selection))
        if isinstance(outcome, DataAccessResult):
            hint = "; it may give them whole, without a choice of entries or columns" if part != WHOLE else ""
            raise RefusedError(f"the meter refuses {profile}: {outcome.title}{hint}")
        rows = _rows(outcome)
        if rows is None or len(rows) > ROWS_MAX:
            raise NonsenseError(f"the meter's {profile} is no array of rows")
        return self.table(profile, chosen, pick(rows, sent, chosen))

    def _entries(self, buffer: str, part: Part) -> Script[tuple[int, int]]:
        """The first and the last entry that are wanted; 0 is the last that there is."""
        if part.last is None:
            return part.entries or (1, 0)
        gets = (Get(PROFILE_GENERIC, obis(buffer), ENTRIES_IN_USE), Get(PROFILE_GENERIC, obis(buffer), SORT_METHOD))
        in_use, order = yield Ask(GetMany(gets))
        if isinstance(in_use, DataAccessResult) or not isinstance(in_use[1], int):
            raise RefusedError("the meter does not say how many entries there are: choose them by --from or --entries")
        if not isinstance(order, DataAccessResult) and order[1] == LAST_IN_FIRST_OUT:
            return 1, part.last
        return max(1, in_use[1] - part.last + 1), 0

    def period_ms(self, profile: str) -> Script[int]:
        """The capture period."""
        outcome = yield Ask(Get(PROFILE_GENERIC, obis(_named(profile).buffer), CAPTURE_PERIOD))
        if isinstance(outcome, DataAccessResult) or not isinstance(outcome[1], int):
            return 0
        return max(0, outcome[1]) * 1000

    def columns(self, buffer: str) -> Script[tuple[Column, ...]]:
        """What a profile captures."""
        known = self._columns.get(buffer)
        if known is not None:
            return known
        outcome = yield Ask(Get(PROFILE_GENERIC, obis(buffer), CAPTURE_OBJECTS))
        if isinstance(outcome, DataAccessResult):
            raise RefusedError(f"the meter refuses the capture objects of {buffer}: {outcome.title}")
        columns = shared(columns_of(outcome))
        self._columns[buffer] = columns
        return columns

    def scaler(self, class_id: int, instance: bytes) -> Script[ScalerUnit | None]:
        """The scaler and unit of a register; None where the class has none or the meter does not tell."""
        told = self._unlisted().get((class_id, instance))
        if told is not None:
            return ScalerUnit(*told)
        if (class_id, instance) not in self._scalers and class_id in SCALER_ATTRIBUTE:
            outcome = yield Ask(Get(class_id, instance, SCALER_ATTRIBUTE[class_id]))
            self._keep(class_id, instance, _scaler_unit(outcome))
        return self._scalers.get((class_id, instance))

    def scaler_of(self, column: Column) -> ScalerUnit | None:
        """What is known of a column's scaler; attributes that are no measured value have none."""
        if column.attribute not in SCALED_ATTRIBUTES.get(column.class_id, ()):
            return None
        key = (column.class_id, column.instance)
        told = self._unlisted().get(key)
        return self._scalers.get(key) if told is None else ScalerUnit(*told)

    def fill_scalers(self, scaler_profile: str | None, columns: tuple[Column, ...]) -> Script[None]:
        """Ask for the scalers of columns that are not known yet, all at once where a profile has them."""
        missing = self._unscaled(columns)
        if missing and scaler_profile is not None:
            yield from self._read_scaler_profile(scaler_profile)
            missing = self._unscaled(columns)
        if not missing:
            return
        gets = tuple(Get(class_id, instance, SCALER_ATTRIBUTE[class_id]) for class_id, instance in missing)
        outcomes = yield Ask(GetMany(gets))
        for key, outcome in zip(missing, outcomes, strict=True):
            self._keep(*key, _scaler_unit(outcome))

    def _keep(self, class_id: int, instance: bytes, scaler: ScalerUnit | None) -> None:
        self._scalers[shared((class_id, instance))] = shared(scaler)

    def _unscaled(self, columns: tuple[Column, ...]) -> list[tuple[int, bytes]]:
        keys = {
            (each.class_id, each.instance): None
            for each in columns
            if each.attribute in SCALED_ATTRIBUTES.get(each.class_id, ()) and not each.is_clock
        }
        return [key for key in keys if key not in self._scalers and key not in self._unlisted()]

    def _read_scaler_profile(self, name: str) -> Script[None]:
        """One row of scaler_unit attributes; a meter without it is asked register by register."""
        try:
            columns = yield from self.columns(name)
            outcome = yield Ask(Get(PROFILE_GENERIC, obis(name), BUFFER))
        except (RefusedError, NonsenseError):
            return
        rows = _rows(outcome)
        if not rows or rows[0][0] not in {Tag.STRUCTURE, Tag.ARRAY} or len(rows[0][1]) != len(columns):
            return
        for column, cell in zip(columns, rows[0][1], strict=True):
            if (known := _scaler_unit(cell)) is not None:
                self._keep(column.class_id, column.instance, known)

    def _selection(self, columns: tuple[Column, ...], stretch: Stretch, chosen: tuple[Column, ...]) -> Selection | None:
        clock = next((each for each in columns if each.is_clock), None)
        if clock is None:
            return None
        return RangeDescriptor(
            restricting_object=CaptureObject(*clock),
            from_value=self._time(-(-stretch.first_ms // 1000) * 1000),  # what follows a row is not the row itself
            to_value=self._time(stretch.last_ms),
            selected_values=tuple(CaptureObject(*each) for each in chosen),
        ).selection()

    def _time(self, at_ms: int) -> Value:
        return (Tag.OCTET_STRING, DateTime.from_instant(utc(at_ms).astimezone(self._zone)).encode())

    def table(self, profile: str, columns: tuple[Column, ...], rows: Sequence[Value]) -> Table:
        """Rows of the wire as rows with names and units."""
        out: list[Row] = []
        newest: int | None = None
        for each in rows:
            row = self._row(profile, columns, each)
            out.append(row)
            if row.at is not None:
                newest = max(newest or 0, utc_ms(row.at))
        return Table(profile, tuple(out), newest)

    def _row(self, profile: str, columns: tuple[Column, ...], row: Value) -> Row:
        cells = row[1] if row[0] in {Tag.STRUCTURE, Tag.ARRAY} else None
        if not isinstance(cells, list) or len(cells) != len(columns):
            self.forget()
            count = len(cells) if isinstance(cells, list) else 0
            reason = f"a row of {count} values for {len(columns)} columns"
            return Row(values=(Published(name=profile, value=None, quality=Quality.ERROR, reason=reason),))
        at: datetime | None = None
        values: list[Published] = []
        stamped = next((index for index, each in enumerate(columns) if each.is_clock), None)
        for index, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            if index == stamped:
                at = self._stamp(cell)
                if at is None:
                    values.append(_no_time(column, cell))
                continue
            values.append(value_of(column, cell, self.scaler_of(column), self._zone, self._model))
        return Row(at=at, values=tuple(values))

    def _stamp(self, cell: Value) -> datetime | None:
        tag, octets = cell
        if tag not in {Tag.OCTET_STRING, Tag.DATE_TIME}:
            return None
        try:
            instant = DateTime.decode(octets).instant(self._zone)
        except (RemoteProtocolError, OverflowError):
            return None
        # Some meters write their deviation with the wrong sign: a clock of their own zone is then meant.
        if instant is not None and instant.utcoffset() == -(utc_offset(self._zone, instant)):
            return instant.replace(tzinfo=self._zone)
        return instant


def _no_time(column: Column, cell: Value) -> Published:
    shown = cell[1].hex() if isinstance(cell[1], bytes) else cell[1]
    reason = f"the meter's time is none: {shown}"
    return Published(name="clock", obis=column.obis, value=None, quality=Quality.ERROR, reason=reason)


def utc_offset(zone: tzinfo, instant: datetime) -> timedelta:
    """How far a zone is ahead of UTC then."""
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _named(profile: str) -> ProfileName:
    known = PROFILES.get(profile)
    if known is not None:
        return known
    try:
        return ProfileName(str(LogicalName.parse(profile)), None)
    except ValueError:
        raise RefusedError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}") from None


def columns_of(outcome: Value) -> tuple[Column, ...]:
    """The columns that an array of capture objects names.

    Raises:
        NonsenseError: it is none.
    """
    tag, entries = outcome
    if tag != Tag.ARRAY or len(entries) > COLUMNS_MAX:
        raise NonsenseError("the meter's capture objects are no array")
    try:
        found = [CaptureObject.from_value(each) for each in entries]
    except (RemoteProtocolError, TypeError, ValueError) as error:
        raise NonsenseError(f"the meter's capture objects can't be read: {error}") from None
    return tuple(Column(each.class_id, each.instance, each.attribute, each.data_index) for each in found)


def _rows(outcome: Any) -> list[Value] | None:
    if isinstance(outcome, DataAccessResult) or outcome[0] != Tag.ARRAY:
        return None
    rows: list[Value] = outcome[1]
    return rows


def _scaler_unit(outcome: Any) -> ScalerUnit | None:
    match outcome:
        case (Tag.STRUCTURE, [(_, int(scaler)), (_, int(unit))]) if -128 <= scaler <= 127 and 0 <= unit <= 255:
            return ScalerUnit(scaler, unit)
    return None
