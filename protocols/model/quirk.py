"""The `[quirks]` of a model: what its maker does differently from the standard, by the client's own names for it.

The gateway's client is told of them once it knows whom it reads; the docs list them.
"""

from dataclasses import fields
from typing import Any

from protocols.dlms.quirk import Quirks
from protocols.model.table import Table


def read_quirks(table: Table) -> Quirks:
    """The quirks of a model file; `server_title` is text.

    Raises:
        ModelError: a quirk has no such name, or a value is of the wrong type or impossible.
    """
    values: dict[str, Any] = {}
    for each in fields(Quirks):
        default = each.default
        if isinstance(default, bytes):
            values[each.name] = table.take(each.name, str, default.decode()).encode()
        else:
            values[each.name] = table.take(each.name, type(default), default)
    table.done()
    try:
        return Quirks(**values)
    except ValueError as error:
        table.refuse(str(error))
