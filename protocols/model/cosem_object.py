"""The COSEM objects of a model: which class, which name, and where each attribute's value comes from.

In a model file the table `[objects]` has one key an object, class and logical name, and most objects take one line:

    "3:1.0.12.7.0.255" = { quantity = "voltage", type = "float32", scaler = 0, unit = "V", source = "D1" }

A value comes from a quantity of the meter (`protocols/quantity.py`), a parameter that can be set, the meter's identity,
a named state, or it is fixed (`value`). Attributes that the class's own behaviour makes (a clock's, a relay's) are not
written down. Everything here is data: the emulator's COSEM face and the docs give it life.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from protocols.cosem.catalogue import find
from protocols.cosem.data_type import DataType, Kind, parse
from protocols.cosem.interface_class import InterfaceClass
from protocols.cosem.obis import LogicalName
from protocols.cosem.unit import UNITS_BY_SYMBOL, Unit
from protocols.dlms.value import Tag, Value
from protocols.model import identity
from protocols.model.table import ModelError, Table
from protocols.quantity import QUANTITIES

DATA: Final = 1
REGISTER: Final = 3
EXTENDED_REGISTER: Final = 4
DEMAND_REGISTER: Final = 5
COMPACT_DATA: Final = 62
PROFILE_GENERIC: Final = 7

BUILT: Final[dict[int, frozenset[int]]] = {
    5: frozenset({2, 5, 6, 7, 8, 9}),
    7: frozenset(range(2, 9)),
    8: frozenset(range(2, 10)),
    11: frozenset({2}),
    12: frozenset(range(2, 7)),
    15: frozenset(range(2, 12)),
    20: frozenset(range(2, 11)),
    62: frozenset({2, 3, 5, 6}),
    71: frozenset({8, 9, 10}),
}
"""Attributes that the behaviour of their class makes; all others are written down in the model."""

ACCESS: Final = ("none", "read", "write", "read-write")
SORT_METHODS: Final = ("fifo", "lifo", "largest", "smallest", "nearest_to_zero", "furthest_from_zero")
"""Profile generic, attribute 4, in the order of its enumeration, which begins with 1."""


class Fixed(NamedTuple):
    """A value that stands in the model; where it may be set, it is what the meter left the works with."""

    value: Value


class Measured(NamedTuple):
    """A quantity of the meter as this wire type; the scaler stands in the scaler_unit attribute."""

    quantity: str
    type: DataType


class Parameter(NamedTuple):
    """A parameter of the meter, which a client with the right may set."""

    name: str
    type: DataType


class Identified(NamedTuple):
    """Something of the meter's identity."""

    name: str
    type: DataType


class State(NamedTuple):
    """A state of the meter that is no quantity, such as the event status word; `name` may have a part after a colon."""

    name: str
    type: DataType


AttributeSource = Fixed | Measured | Parameter | Identified | State


class Capture(NamedTuple):
    """One column of a profile: an attribute of an object."""

    class_id: int
    logical_name: LogicalName
    attribute: int
    data_index: int = 0

    @classmethod
    def parse(cls, text: str) -> "Capture":
        """Read `3:1.0.1.8.0.255:2`, with `:n` after it for an element of the attribute.

        Raises:
            ValueError: the text is not of that form.
        """
        parts = text.split(":")
        if len(parts) not in {3, 4} or not all(part.isdecimal() for part in (parts[0], *parts[2:])):
            raise ValueError(f"{text!r} is no capture object; write class:name:attribute, like 3:1.0.1.8.0.255:2")
        data_index = int(parts[3]) if len(parts) > 3 else 0
        return cls(int(parts[0]), LogicalName.parse(parts[1]), int(parts[2]), data_index)

    def __str__(self) -> str:
        end = f":{self.data_index}" if self.data_index else ""
        return f"{self.class_id}:{self.logical_name}:{self.attribute}{end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOptions:
    """What a profile (class 7) captures and keeps.

    Attributes:
        rows: "live" for one row of present values, "scalers" for the one row of a scaler profile, or the name of a
            profile or an event log of the meter ("block_load", "events:voltage").
        capture: the columns, in order; a scaler profile has those of the profile it belongs to.
        scaler_of: the profile whose scalers these are, for a scaler profile.
        period: seconds between rows; 0 where something else captures. A word names the parameter that holds it.
        entries: how many rows are kept.
        sort_method: how the rows stand in the buffer.
        sort_object: the column they are sorted by; None for the order of capture.
    """

    rows: str
    capture: tuple[Capture, ...] = ()
    scaler_of: LogicalName | None = None
    period: int | str = 0
    entries: int = 1
    sort_method: str = "fifo"
    sort_object: Capture | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CosemObject:
    """One object of a model; there is one of each, so they are compared and hashed by identity.

    Attributes:
        class_id, version, logical_name: what it is.
        interface: its class in the catalogue, or None where the catalogue does not have it.
        title: a few words for people.
        source: keys of the model's `[sources]`.
        attributes: where the values come from, by number; without those that the class's behaviour makes.
        scaler, unit: of a register.
        settable: attributes that a client with the right to set may write.
        executable: methods that a client with the right to act may invoke.
        access: exceptions, by client and attribute number.
        profile: for class 7; class 62 has only its columns.
        runs: for a script table, what the meter does itself, by script number.
        listed: whether the object list shows it; a column may be captured that is not there.
        same_as: the object of the same class that this is another name of, or None.
    """

    class_id: int
    version: int
    logical_name: LogicalName
    interface: InterfaceClass | None
    title: str
    source: tuple[str, ...]
    attributes: Mapping[int, AttributeSource] = field(default_factory=dict)
    scaler: int = 0
    unit: int = Unit.COUNT
    settable: frozenset[int] = frozenset()
    executable: frozenset[int] = frozenset()
    access: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    profile: ProfileOptions | None = None
    runs: Mapping[int, str] = field(default_factory=dict)
    listed: bool = True
    same_as: LogicalName | None = None

    @property
    def key(self) -> str:
        """How model files name it: class and logical name."""
        return f"{self.class_id}:{self.logical_name}"

    @property
    def attribute_numbers(self) -> tuple[int, ...]:
        """All its attributes, the logical name among them."""
        if self.interface is None:
            return (1, *sorted(self.attributes))
        return tuple(each.number for each in self.interface.attributes)


def split_key(key: str, where: str) -> tuple[int, LogicalName]:
    """Class id and logical name of a key such as `3:1.0.12.7.0.255`.

    Raises:
        ModelError: it is no such key.
    """
    class_id, _, name = key.partition(":")
    if class_id.isdecimal():
        try:
            return int(class_id), LogicalName.parse(name)
        except ValueError as error:
            raise ModelError(f"{where}: {key}: {error}") from None
    raise ModelError(f"{where}: {key} is no object; write class and logical name, like 3:1.0.12.7.0.255")


def read_object(key: str, table: Table) -> CosemObject:
    """One entry of a model's `[objects]`.

    Raises:
        ModelError: a key or a value is wrong.
    """
    class_id, logical_name = split_key(key, table.where)
    version = table.take("version", int, None)
    interface = find(class_id, version)
    if version is None:
        if interface is None:
            table.refuse(f"the catalogue does not have class {class_id}: say version = ... and every attribute")
        version = interface.version
    reader = _ObjectReader(table, class_id, interface)
    attributes = reader.attributes()
    cosem_object = CosemObject(
        class_id=class_id,
        version=version,
        logical_name=logical_name,
        interface=interface,
        title=table.take("title", str, interface.name if interface else f"class {class_id}"),
        source=tuple(table.take("source", str).replace(",", " ").split()),
        attributes=attributes,
        scaler=reader.scaler,
        unit=reader.unit,
        settable=reader.numbers("set"),
        executable=reader.numbers("execute"),
        access=reader.access(),
        profile=_read_profile(table) if class_id in {PROFILE_GENERIC, COMPACT_DATA} else None,
        runs=reader.runs(),
        listed=table.take("listed", bool, True),
        same_as=_same_as(table),
    )
    table.done()
    _check_whole(cosem_object, table)
    return cosem_object


def _same_as(table: Table) -> LogicalName | None:
    text = table.take("same_as", str, "")
    try:
        return LogicalName.parse(text) if text else None
    except ValueError as error:
        table.refuse(f"same_as: {error}")


def _check_whole(cosem_object: CosemObject, table: Table) -> None:
    interface = cosem_object.interface
    if interface is None or cosem_object.same_as is not None:
        return
    known = {each.number for each in interface.attributes}
    for number in sorted({*cosem_object.attributes, *cosem_object.settable} - known):
        table.refuse(f"class {interface.class_id} version {interface.version} has no attribute {number}")
    for number in sorted(cosem_object.executable - {each.number for each in interface.methods}):
        table.refuse(f"class {interface.class_id} version {interface.version} has no method {number}")
    made = BUILT.get(interface.class_id, frozenset())
    for number in sorted(known - {1} - made - cosem_object.attributes.keys()):
        attribute = interface.attribute(number)
        name = attribute.name if attribute else ""
        table.refuse(f"attribute {number} ({name}) has no value; write attributes.{number} = {{ value = ... }}")


class _ObjectReader:
    """Reads the keys that depend on the object's class."""

    __slots__ = ("class_id", "interface", "scaler", "table", "unit")

    def __init__(self, table: Table, class_id: int, interface: InterfaceClass | None) -> None:
        self.table = table
        self.class_id = class_id
        self.interface = interface
        self.scaler = 0
        self.unit = int(Unit.COUNT)

    def attributes(self) -> dict[int, AttributeSource]:
        """Every attribute that the table gives a value, by number."""
        table = self.table
        sources: dict[int, AttributeSource] = {}
        # What a demand register is known by is its last mean, attribute 3.
        main = 3 if self.class_id == DEMAND_REGISTER else 2
        if (source := _read_source(table, self._type(main))) is not None:
            sources[main] = source
        if self.class_id in {REGISTER, EXTENDED_REGISTER, DEMAND_REGISTER}:
            sources.update(self._register())
        each = table.table("attributes", {})
        for key in each.names():
            if not key.isdecimal():
                each.refuse(f"{key} is no attribute number")
            row = each.table(key)
            source = _read_source(row, self._type(int(key)))
            row.done()
            if source is None:
                row.refuse("say where the value comes from: quantity, parameter, identity, state or value")
            sources[int(key)] = source
        return sources

    def _register(self) -> dict[int, AttributeSource]:
        table = self.table
        self.scaler = table.take("scaler", int, 0)
        symbol = table.take("unit", str, "")
        if symbol and symbol not in UNITS_BY_SYMBOL:
            table.refuse(f"unit is {symbol!r}; it must be one of {', '.join(UNITS_BY_SYMBOL)}")
        self.unit = int(UNITS_BY_SYMBOL[symbol]) if symbol else int(Unit.COUNT)
        scaler_unit = Fixed((Tag.STRUCTURE, [(int(Tag.INTEGER), self.scaler), (int(Tag.ENUM), self.unit)]))
        sources: dict[int, AttributeSource] = {4 if self.class_id == DEMAND_REGISTER else 3: scaler_unit}
        if self.class_id == EXTENDED_REGISTER:
            sources[4] = Fixed((int(Tag.NULL_DATA), None))
            time = table.take("time", str)
            sources[5] = Measured(_quantity(table, time), parse("octet-date-time"))
        return sources

    def _type(self, number: int) -> DataType | None:
        attribute = self.interface.attribute(number) if self.interface else None
        return attribute.type if attribute else None

    def numbers(self, key: str) -> frozenset[int]:
        """A list of attribute or method numbers."""
        numbers = self.table.take(key, list, [])
        if not all(isinstance(each, int) and 0 < each < 128 for each in numbers):
            self.table.refuse(f"{key} is {numbers!r}; it must be a list of numbers from 1 to 127")
        return frozenset(numbers)

    def access(self) -> dict[int, dict[int, str]]:
        """Exceptions from what an association may do, by client and attribute."""
        table = self.table.table("access", {})
        exceptions: dict[int, dict[int, str]] = {}
        for client in table.names():
            row = table.table(client)
            if not (client.isdecimal() and all(number.isdecimal() for number in row.names())):
                table.refuse("write access = { CLIENT = { ATTRIBUTE = ... } } with numbers")
            exceptions[int(client)] = {int(number): row.choose(number, ACCESS) for number in row.names()}
        return exceptions

    def runs(self) -> dict[int, str]:
        """What the meter itself does for each script of a script table."""
        if self.class_id != 9:
            return {}
        table = self.table.table("runs", {})
        return {int(number): table.take(number, str) for number in table.names()}


def _quantity(table: Table, name: str) -> str:
    if name not in QUANTITIES:
        table.refuse(f"{name!r} is no quantity; the names stand in protocols/quantity.py")
    return name


def _read_source(table: Table, kind: DataType | None) -> AttributeSource | None:
    """The one source that a table names, or None where it names none."""
    named = [key for key in ("quantity", "parameter", "identity", "state", "value") if key in table]
    if not named:
        return None
    if len(named) > 1:
        table.refuse(f"{' and '.join(named)}: a value has one source")
    if "type" in table:
        try:
            kind = parse(table.take("type", str))
        except ValueError as error:
            table.refuse(f"type: {error}")
    if kind is None or kind.kind is Kind.ANY:
        table.refuse("the class leaves this attribute's type open: say type = ...")
    if "value" in table:
        return Fixed(_fixed(table, kind))
    name = table.take(named[0], str)
    match named[0]:
        case "quantity":
            return Measured(_quantity(table, name), kind)
        case "parameter":
            return Parameter(name, kind)
        case "state":
            return State(name, kind)
    if name not in identity.NAMES:
        table.refuse(f"identity is {name!r}; it must be one of {', '.join(identity.NAMES)}")
    return Identified(name, kind)


def _fixed(table: Table, kind: DataType) -> Value:
    try:
        return kind.make(table.take("value", object))
    except ValueError as error:
        table.refuse(f"value: {error}")


def _read_profile(table: Table) -> ProfileOptions:
    sort = table.choose("sort_method", SORT_METHODS, "fifo")
    period: Any = table.take("period", object, 0)
    if isinstance(period, bool) or not isinstance(period, int | str):
        table.refuse(f"period is {period!r}; it must be seconds or the name of a parameter")
    try:
        scaler_of = table.take("scaler_of", str, None)
        sort_object = table.take("sort_object", str, None)
        return ProfileOptions(
            rows=table.take("rows", str, "scalers" if scaler_of else "live"),
            capture=tuple(Capture.parse(each) for each in table.take("capture", list, [])),
            scaler_of=LogicalName.parse(scaler_of) if scaler_of else None,
            period=period,
            entries=table.take("entries", int, 1),
            sort_method=sort,
            sort_object=Capture.parse(sort_object) if sort_object else None,
        )
    except ModelError:
        raise
    except (ValueError, AttributeError) as error:
        table.refuse(str(error))
