"""A-XDR in construct: lengths, optional elements, sequences, and COSEM values; and how they become nodes.

`field` is a named element whose place is kept, however deep it stands. What has no place of its own (a choice within
an element, the bits of an octet) takes the place of what it stands in, and a name that begins with an underscore is
not shown.
"""

from collections.abc import Iterator
from typing import Any, Final

from construct import (
    Array,
    Byte,
    Bytes,
    Check,
    CheckError,
    Computed,
    Construct,
    ConstructError,
    Container,
    Enum,
    Error,
    ExprAdapter,
    Float32b,
    Float64b,
    FocusedSeq,
    If,
    Int8sb,
    Int8ub,
    Int16sb,
    Int16ub,
    Int24ub,
    Int32sb,
    Int32ub,
    Int64sb,
    Int64ub,
    LazyBound,
    ListContainer,
    Pass,
    RawCopy,
    Struct,
    Subconstruct,
    Switch,
    this,
)

from protocols.dissect.tree import FieldValue, Node
from protocols.dlms.value import NESTING_MAX, Tag
from protocols.errors import RemoteProtocolError


def field(name: str, subcon: Any) -> Construct:
    """An element whose place is kept; in the context its value is `this.NAME.value`."""
    return name / RawCopy(subcon)


LENGTH: Final = FocusedSeq(
    "value",
    "first" / Byte,
    Check(lambda context: context.first < 0x80 or 0x81 <= context.first <= 0x84),
    "value"
    / Switch(
        this.first,
        {0x81: Int8ub, 0x82: Int16ub, 0x83: Int24ub, 0x84: Int32ub},
        default=Computed(this.first),
    ),
)

OCTET_STRING: Final = FocusedSeq("content", "length" / LENGTH, "content" / Bytes(this.length))

BOOLEAN: Final = ExprAdapter(Byte, lambda octet, _context: octet != 0, lambda flag, _context: int(flag))


def optional(subcon: Any) -> Construct:
    """An OPTIONAL element: None where its usage flag says that it is not there."""
    return FocusedSeq("element", "present" / BOOLEAN, "element" / If(this.present, subcon))


def sequence_of(subcon: Any) -> Construct:
    """A SEQUENCE OF; each element keeps its place."""
    return FocusedSeq("elements", "count" / LENGTH, "elements" / Array(this.count, RawCopy(subcon)))


class _Nested(Subconstruct):  # type: ignore[misc]  # construct is untyped
    """Refuses what is nested deeper than the codec takes, so that no input exhausts the stack."""

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        root = context.get("_root") or context
        depth = root.get("_depth", 0)
        if depth > NESTING_MAX:
            raise CheckError("values are nested too deep", path=path)
        root["_depth"] = depth + 1
        try:
            return self.subcon._parsereport(stream, context, path)  # noqa: SLF001 (how construct's own wrappers do it)
        finally:
            root["_depth"] = depth


def _bits(octets: bytes, count: int) -> str:
    return "".join(f"{octet:08b}" for octet in octets)[:count]


BIT_STRING: Final = FocusedSeq(
    "bits",
    "count" / LENGTH,
    "octets" / Bytes((this.count + 7) // 8),
    "bits" / Computed(lambda context: _bits(context.octets, context.count)),
)


def _text(encoding: str) -> Construct:
    return ExprAdapter(OCTET_STRING, lambda octets, _context: octets.decode(encoding), None)


TYPE_DESCRIPTION: Final[Any] = _Nested(
    Struct(
        field("data_type", Enum(Byte, Tag)),
        "_inner"
        / Switch(
            lambda context: int(context.data_type.value),
            {
                Tag.ARRAY: Struct(
                    field("number_of_elements", Int16ub), field("element_type", LazyBound(lambda: TYPE_DESCRIPTION))
                ),
                Tag.STRUCTURE: Struct(field("element_types", sequence_of(LazyBound(lambda: TYPE_DESCRIPTION)))),
            },
            default=Pass,
        ),
    )
)

_ELEMENTS: Final = sequence_of(LazyBound(lambda: DATA))

_CONTENTS: Final[dict[int, Any]] = {
    Tag.NULL_DATA: Pass,
    Tag.ARRAY: _ELEMENTS,
    Tag.STRUCTURE: _ELEMENTS,
    Tag.BOOLEAN: BOOLEAN,
    Tag.BIT_STRING: BIT_STRING,
    Tag.DOUBLE_LONG: Int32sb,
    Tag.DOUBLE_LONG_UNSIGNED: Int32ub,
    Tag.OCTET_STRING: OCTET_STRING,
    Tag.VISIBLE_STRING: _text("latin-1"),
    Tag.UTF8_STRING: _text("utf-8"),
    Tag.BCD: Int8ub,
    Tag.INTEGER: Int8sb,
    Tag.LONG: Int16sb,
    Tag.UNSIGNED: Int8ub,
    Tag.LONG_UNSIGNED: Int16ub,
    Tag.COMPACT_ARRAY: Struct(field("contents_description", TYPE_DESCRIPTION), field("array_contents", OCTET_STRING)),
    Tag.LONG64: Int64sb,
    Tag.LONG64_UNSIGNED: Int64ub,
    Tag.ENUM: Int8ub,
    Tag.FLOAT32: Float32b,
    Tag.FLOAT64: Float64b,
    Tag.DATE_TIME: Bytes(12),
    Tag.DATE: Bytes(5),
    Tag.TIME: Bytes(4),
    Tag.DELTA_INTEGER: Int8sb,
    Tag.DELTA_LONG: Int16sb,
    Tag.DELTA_DOUBLE_LONG: Int32sb,
    Tag.DELTA_UNSIGNED: Int8ub,
    Tag.DELTA_LONG_UNSIGNED: Int16ub,
    Tag.DELTA_DOUBLE_LONG_UNSIGNED: Int32ub,
    Tag.DONT_CARE: Pass,
}

DATA: Final[Any] = _Nested(
    Struct(
        field("data_type", Enum(Byte, Tag)),
        "_content" / RawCopy(Switch(lambda context: int(context.data_type.value), _CONTENTS, default=Error)),
    )
)
"""A COSEM value: `data_type`, and its content or its elements."""


def read(description: Construct, data: bytes, start: int = 0, *, what: str) -> tuple[Node, ...]:
    """The fields of a description, at their places in `data`.

    Raises:
        RemoteProtocolError: the octets do not fit the description.
    """
    try:
        container = description.parse(data[start:])
    except (ConstructError, UnicodeDecodeError) as error:
        first = str(error).partition("\n")[0]
        raise RemoteProtocolError(f"the description of {what} does not fit: {first}") from None
    return tuple(node.moved(start) for node in _fields(container, 0, len(data) - start))


def describe_value(data: bytes) -> Node:
    """One COSEM value, whole.

    Raises:
        RemoteProtocolError: it is none, or something follows it.
    """
    (node,) = read(Struct(field("data", DATA)), data, what="a value")
    if node.end != len(data):
        raise RemoteProtocolError(f"{len(data) - node.end} octets follow the value")
    return node


def _placed(item: object) -> bool:
    return isinstance(item, Container) and "offset1" in item


def _fields(container: Any, start: int, end: int) -> Iterator[Node]:
    for name, item in container.items():
        if isinstance(item, Container) and not _placed(item):
            yield from _fields(item, start, end)
        elif not name.startswith("_"):
            yield _node(name, item) if _placed(item) else Node(name, start, end, _plain(item))


def _node(name: str, raw: Any) -> Node:
    start, end, value = raw.offset1, raw.offset2, raw.value
    if isinstance(value, ListContainer):
        return Node(name, start, end, None, tuple(_node("element", item) for item in value))
    if not isinstance(value, Container):
        return Node(name, start, end, _plain(value))
    children = tuple(_fields(value, start, end))
    if "_content" not in value:
        return Node(name, start, end, None, children)
    content = _node("content", value["_content"])
    return Node(name, start, end, content.value, (*children, *content.children))


def _plain(value: Any) -> FieldValue:
    if value is None or isinstance(value, int | str | bytes):
        return value
    return str(value)
