"""How one entry of a model's `[objects]` becomes a `CosemObject`; every key is checked against the object's class."""

from typing import Any

from protocols.cosem.catalogue import find
from protocols.cosem.data_type import DataType, Kind, parse
from protocols.cosem.interface_class import InterfaceClass
from protocols.cosem.obis import LogicalName
from protocols.cosem.unit import UNITS_BY_SYMBOL, Unit
from protocols.dlms.value import Tag, Value
from protocols.model import identity
from protocols.model.cosem_object import (
    ACCESS,
    BUILT,
    COMPACT_DATA,
    DEMAND_REGISTER,
    EXTENDED_REGISTER,
    PROFILE_GENERIC,
    PUSH_ON,
    PUSH_SETUP,
    REGISTER,
    SCRIPT_TABLE,
    SORT_METHODS,
    AttributeSource,
    Capture,
    CosemObject,
    Fixed,
    Identified,
    Measured,
    Parameter,
    ProfileOptions,
    PushOptions,
    State,
)
from protocols.model.table import ModelError, Table
from protocols.quantity import QUANTITIES


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
        push=_read_push(table) if class_id == PUSH_SETUP else None,
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
        if self.class_id != SCRIPT_TABLE:
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


def _read_push(table: Table) -> PushOptions:
    row = table.take("push_row", str, "")
    try:
        return PushOptions(
            capture=tuple(Capture.parse(each) for each in table.take("push", list)),
            row=LogicalName.parse(row) if row else None,
            on=table.choose("push_on", PUSH_ON, "asking"),
        )
    except ModelError:
        raise
    except (ValueError, AttributeError) as error:
        table.refuse(str(error))
