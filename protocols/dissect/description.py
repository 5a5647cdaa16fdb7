"""Descriptions in construct, read into nodes: the one place where construct's own containers are seen.

`octets(name, ...)` is a field whose place is kept; what has a name but no place is not shown. `read` interprets a
description from an offset on and gives the nodes of its fields; whatever construct complains of is the peer's fault,
since a description fits every legal frame.
"""

from typing import Any

from construct import Construct, ConstructError, ListContainer, RawCopy
from construct import Container as _Container

from protocols.dissect.tree import FieldValue, Node
from protocols.errors import RemoteProtocolError


def octets(name: str, subcon: Any) -> Construct:
    """A field that knows which octets it stands in; in the context its value is `this.NAME.value`."""
    return name / RawCopy(subcon)


def read(description: Construct, data: bytes, start: int = 0, what: str = "frame") -> tuple[Node, ...]:
    """The fields of a description, at their places in `data`.

    Raises:
        RemoteProtocolError: the octets do not fit the description.
    """
    try:
        container = description.parse(data[start:])
    except ConstructError as error:
        first = str(error).partition("\n")[0]
        raise RemoteProtocolError(f"the description of a {what} does not fit: {first}") from error
    return tuple(
        _node(name, field.offset1 + start, field.offset2 + start, field.value)
        for name, field in container.items()
        if isinstance(field, _Container) and "offset1" in field
    )


def _node(name: str, start: int, end: int, value: Any) -> Node:
    if isinstance(value, _Container):
        children = tuple(_node(key, start, end, child) for key, child in value.items() if not key.startswith("_"))
        return Node(name, start, end, None, children)
    if isinstance(value, ListContainer):
        return Node(name, start, end, bytes(value))
    return Node(name, start, end, _plain(value))


def _plain(value: Any) -> FieldValue:
    if value is None or isinstance(value, int | str | bytes):
        return value
    return str(value)
