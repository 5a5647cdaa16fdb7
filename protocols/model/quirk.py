"""The `[quirks]` of a model: what its maker does differently from the standard, by the client's own names for it.

`unlisted` is a table: `"3:1.0.99.128.0.255" = [-3, 30]`, class and logical name with scaler and unit.

The gateway's client is told of them once it knows whom it reads; the docs list them.
"""

from dataclasses import fields
from typing import Any, Final

from protocols.cosem.obis import LogicalName
from protocols.dlms.quirk import Quirks
from protocols.model.table import Table

UNLISTED: Final = "unlisted"


def read_quirks(table: Table) -> Quirks:
    """The quirks of a model file; `server_title` is in hexadecimal.

    Raises:
        ModelError: a quirk has no such name, or a value is of the wrong type or impossible.
    """
    values: dict[str, Any] = {}
    for each in fields(Quirks):
        if each.name == UNLISTED:
            values[UNLISTED] = _unlisted(table.table(UNLISTED, {}))
            continue
        default = each.default
        if isinstance(default, bytes):
            values[each.name] = _octets(table.take(each.name, str, default.hex()), each.name, table)
        else:
            values[each.name] = table.take(each.name, type(default), default)
    table.done()
    try:
        return Quirks(**values)
    except ValueError as error:
        table.refuse(str(error))


def _octets(text: str, name: str, table: Table) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        table.refuse(f"{name} is {text!r}; it must be hexadecimal, two digits an octet")


def _unlisted(table: Table) -> dict[tuple[int, bytes], tuple[int, int]]:
    known: dict[tuple[int, bytes], tuple[int, int]] = {}
    for key in table.names():
        class_id, _, name = key.partition(":")
        match table.take(key, list):
            case [int(scaler), int(unit)] if -128 <= scaler <= 127 and 0 <= unit <= 255 and class_id.isdecimal():
                try:
                    known[int(class_id), LogicalName.parse(name).octets] = (scaler, unit)
                except ValueError as error:
                    table.refuse(f"{key}: {error}")
            case _:
                table.refuse(
                    f'{key} must be class and logical name with scaler and unit, as "3:1.0.1.8.0.255" = [-3, 30]'
                )
    return known
