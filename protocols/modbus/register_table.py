"""How `[modbus]` and `[registers]` of a model file become a `RegisterMap`; every key is checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Final, get_args

from protocols.modbus.code import READ_REGISTERS_MAX, UNIT_MAX, WRITE_REGISTERS_MAX
from protocols.modbus.kind import KINDS, Kind, Raw
from protocols.modbus.order import ORDERS
from protocols.modbus.recognise import read_recognitions
from protocols.modbus.register import Over, RegisterSpec, unit_factor
from protocols.modbus.register_map import Gap, RegisterMap, Unlock, Window
from protocols.modbus.relay_control import RelayControl
from protocols.model.identity import NAMES
from protocols.model.table import Table
from protocols.quantity import QUANTITIES, Quantity

_READ_FUNCTIONS: Final = (3, 4)
_WRITE_FUNCTIONS: Final = (5, 6, 15, 16, 22, 23)
_PHASES_SUFFIX: Final = re.compile(r"(_l[123])+$")
_VALUE_KEYS: Final = ("quantity", "value", "identity", "parameter", "setting", "flags")


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What rows of `[registers]` need not say."""

    kind: str | None
    order: str
    write: tuple[int, ...]
    sentinels: Mapping[str, tuple[int, ...]]
    one_table: bool
    base_address: int
    ranges: Mapping[str, tuple[Decimal, Decimal]]


def read_register_map(table: Table) -> RegisterMap:
    """Read the two sections of a whole model."""
    modbus = table.table("modbus")
    defaults = _Defaults(
        kind=modbus.choose("type", KINDS, None) if "type" in modbus else None,
        order=modbus.choose("order", ORDERS, "ABCD"),
        write=_functions(modbus, "write", (16,)),
        sentinels=_read_sentinels(modbus.table("sentinels", {})),
        one_table=modbus.take("one_table", bool, False),
        base_address=modbus.take("base_address", int, 0),
        ranges=_read_ranges(modbus.table("ranges", {})),
    )
    rows = table.table("registers")
    registers = [_read_register(key, rows.table(key), defaults) for key in rows.names()]
    registers.sort(key=lambda each: (each.read, each.address))
    result = RegisterMap(
        registers=tuple(registers),
        write=defaults.write,
        read_registers_max=_between(modbus, "read_registers_max", 1, READ_REGISTERS_MAX, READ_REGISTERS_MAX),
        write_registers_max=_between(modbus, "write_registers_max", 1, WRITE_REGISTERS_MAX, WRITE_REGISTERS_MAX),
        write_values_max=modbus.take("write_values_max", int, 0),
        gap=modbus.choose("gap", get_args(Gap), "exception"),  # type: ignore[arg-type]  # one of the literal's
        gap_value=_between(modbus, "gap_value", 0, 0xFFFF, 0),
        windows=_windows(modbus),
        whole_values=modbus.take("whole_values", bool, False),
        single=modbus.take("single", bool, False),
        one_table=defaults.one_table,
        unit=_between(modbus, "unit", 1, UNIT_MAX, 1),
        baud=modbus.take("baud", int, 9600),
        parity=modbus.choose("parity", ("N", "E", "O"), "N"),
        stop_bits=_between(modbus, "stop_bits", 1, 2, 1),
        relay=RelayControl.from_table(modbus.table("relay")) if "relay" in modbus else None,
        unlock=_read_unlock(modbus.table("unlock")) if "unlock" in modbus else None,
        recognitions=read_recognitions(modbus),
        identification=_read_identification(modbus.table("identification", {})),
        server_id=modbus.take("server_id", str, "").encode(),
        sunspec=modbus.take("sunspec", int, None),
    )
    modbus.take("source", str, "")
    modbus.done()
    _check(result, rows)
    return result


def _check(made: RegisterMap, rows: Table) -> None:
    names: set[str] = set()
    for each in made.registers:
        if each.words > made.read_registers_max:
            rows.refuse(f"{each.name}: {each.words} registers are more than one read takes")
        if each.name in names:
            rows.refuse(f"{each.name} stands twice; give one of the two a name of its own")
        names.add(each.name)
    for each in made.registers:
        if each.scale_register is not None and each.scale_register not in names:
            rows.refuse(f"{each.name}: scale_register {each.scale_register!r} is no register of the model")
    if made.unlock is not None and not {made.unlock.register, made.unlock.password} <= names:
        rows.refuse("modbus.unlock names a register that the model does not have")


def _read_register(key: str, row: Table, defaults: _Defaults) -> RegisterSpec:
    function, address = _place(key, row)
    kind = KINDS[row.choose("type", KINDS, defaults.kind) if defaults.kind else row.choose("type", KINDS)]
    quantity = _read_quantity(row, "quantity")
    identity = row.choose("identity", NAMES) if "identity" in row else None
    parameter = row.take("parameter", str, None)
    _check_value_source(row)
    flags = _read_flags(row.table("flags", {}), kind)
    unit = row.take("unit", str, "" if quantity is None else quantity.unit)
    least, most = _range(quantity, unit, defaults)
    try:
        spec = RegisterSpec(
            name=_read_name(row, parameter or identity or (quantity.name if quantity is not None else "")),
            address=address + defaults.base_address,
            words=kind.words or row.take("words", int),
            kind=kind,
            order=ORDERS[row.choose("order", ORDERS, defaults.order)],
            read=(function, 7 - function) if defaults.one_table else (function,),
            write=_functions(row, "write", defaults.write) if row.take("writable", bool, False) else (),
            quantity=quantity,
            value=_read_value(row, kind),
            identity=identity,
            parameter=parameter,
            setting=row.take("setting", str, None),
            flags=flags,
            scale=_fraction(row, "scale"),
            scale_register=row.take("scale_register", str, None),
            unit=unit,
            minus=_read_quantity(row, "minus"),
            over=row.choose("over", get_args(Over)) if "over" in row else None,  # type: ignore[arg-type]  # the literal's
            four_quadrant=row.take("four_quadrant", bool, False),
            signed_by=_read_quantity(row, "signed_by"),
            sentinel=_numbers(row, "sentinel") or defaults.sentinels[kind.name],
            minimum=_decimal(row, "minimum", least),
            maximum=_decimal(row, "maximum", most),
            bits=tuple(map(str, row.take("bits", list, []))),
            alone=row.take("alone", bool, False),
            locked=row.take("locked", bool, False),
            document=row.take("document", str, ""),
            title=row.take("title", str, "" if quantity is None else quantity.title),
            source=row.take("source", str, ""),
        )
    except ValueError as error:
        row.refuse(str(error))
    row.done()
    return spec


def _place(key: str, row: Table) -> tuple[int, int]:
    """The function and the address in a key such as "4:0x0048"."""
    function, _, address = key.partition(":")
    try:
        place = int(function), int(address, 0)
    except ValueError:
        row.refuse('the key must be a function and a wire address, such as "4:0x0048"')
    if place[0] not in _READ_FUNCTIONS:
        row.refuse(f"function {place[0]} reads no registers; it must be 3 or 4")
    return place


def _check_value_source(row: Table) -> None:
    sources = [each for each in _VALUE_KEYS if each in row and each != "value"]
    if len(sources) > 1 or (not sources and "value" not in row):
        row.refuse(f"it must say one of {', '.join(_VALUE_KEYS)}, and a parameter its value as well")
    if "parameter" in row and "value" not in row:
        row.refuse("value is missing; it is what the parameter is when the meter leaves the works")


def _read_name(row: Table, default: str) -> str:
    name = row.take("name", str, default)
    if not name:
        row.refuse("name is missing; a register with a fixed value needs one")
    return name


def _read_quantity(row: Table, key: str) -> Quantity | None:
    name = row.take(key, str, None)
    if name is None:
        return None
    if name not in QUANTITIES:
        near = get_close_matches(name, QUANTITIES, 1)
        row.refuse(f"{key} {name!r} is none" + (f"; did you mean {near[0]}?" if near else ""))
    return QUANTITIES[name]


def _read_value(row: Table, kind: Kind) -> Raw | None:
    if "value" not in row:
        return None
    if kind.name == "string":
        return row.take("value", str)
    if kind.name.startswith("float"):
        return row.take("value", float)
    return row.take("value", int)


def _read_flags(table: Table, kind: Kind) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """By bit, the conditions that set it."""
    flags = []
    for key in table.names():
        if not key.isdecimal() or kind.words is None or int(key) >= 16 * kind.words:
            table.refuse(f"{key} is no bit of a {kind.name}; bits are counted from 0, the lowest")
        names = table.take(key, list)
        if not names or not all(isinstance(name, str) for name in names):
            table.refuse(f'{key} is {names!r}; it must be a list of conditions such as ["magnet", "cover_open"]')
        flags.append((int(key), tuple(names)))
    return tuple(flags)


def _fraction(row: Table, key: str) -> Fraction:
    value = row.take(key, float, 1.0)
    if value <= 0:
        row.refuse(f"{key} is {value}; it must be above zero")
    return Fraction(repr(value))


def _decimal(row: Table, key: str, default: Decimal | None = None) -> Decimal | None:
    return Decimal(repr(row.take(key, float))) if key in row else default


def _read_ranges(table: Table) -> dict[str, tuple[Decimal, Decimal]]:
    """What is believed of a quantity, in its own unit and for all its phases."""
    ranges: dict[str, tuple[Decimal, Decimal]] = {}
    for key in table.names():
        values = table.take(key, list)
        if key not in QUANTITIES or len(values) != 2 or not all(isinstance(each, int | float) for each in values):
            table.refuse(f"{key} is {values!r}; it must be the least and the most of a quantity, such as [0, 600]")
        ranges[key] = Decimal(repr(values[0])), Decimal(repr(values[1]))
    return ranges


def _range(quantity: Quantity | None, unit: str, defaults: _Defaults) -> tuple[Decimal | None, Decimal | None]:
    """The same in a register's unit; nothing where no range is given."""
    if quantity is None:
        return None, None
    least, most = defaults.ranges.get(_PHASES_SUFFIX.sub("", quantity.name), (None, None))
    if least is None or most is None or unit == quantity.unit:
        return least, most
    factor = unit_factor(unit, quantity.unit)
    return least * factor.denominator / factor.numerator, most * factor.denominator / factor.numerator


def _between(table: Table, key: str, low: int, high: int, default: int) -> int:
    value = table.take(key, int, default)
    if not low <= value <= high:
        table.refuse(f"{key} is {value}; it must be from {low} to {high}")
    return value


def _functions(table: Table, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
    values = table.take(key, list, list(default))
    if not all(value in _WRITE_FUNCTIONS for value in values):
        known = ", ".join(map(str, _WRITE_FUNCTIONS))
        table.refuse(f"{key} is {values!r}; it must be a list of function codes out of {known}")
    return tuple(values)


def _numbers(table: Table, key: str) -> tuple[int, ...]:
    values = table.take(key, list, [])
    if not all(isinstance(value, int) and value >= 0 for value in values):
        table.refuse(f"{key} is {values!r}; it must be a list of bit patterns such as [0xFFFF]")
    return tuple(values)


def _read_sentinels(table: Table) -> dict[str, tuple[int, ...]]:
    sentinels = {kind: _numbers(table, kind) for kind in KINDS}
    table.done()
    return sentinels


def _windows(modbus: Table) -> tuple[Window, ...]:
    windows: list[Window] = []
    for row in modbus.tables("window"):
        windows.append(Window(row.take("function", int), row.take("first", int), row.take("last", int)))
        row.done()
    return tuple(windows)


def _read_unlock(table: Table) -> Unlock:
    unlock = Unlock(
        register=table.take("register", str),
        password=table.take("password", str),
        expires_ms=1000 * table.take("expires_s", int),
    )
    table.done()
    return unlock


def _read_identification(table: Table) -> tuple[tuple[int, bytes], ...]:
    objects = []
    for key in table.names():
        if not key.isdecimal() or int(key) > 0xFF:
            table.refuse(f"{key} is no object of device identification; it must be a number from 0 to 255")
        objects.append((int(key), table.take(key, str).encode()))
    return tuple(objects)
