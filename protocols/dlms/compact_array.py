"""The type description of a compact array: what its elements are, said once for all of them.

`value` reads and writes single values and hands its tables in, since both need each other.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from protocols.dlms.axdr import decode_length
from protocols.errors import RemoteProtocolError

Value = tuple[int, Any]

ITEMS_PER_OCTET_MAX: Final = 64
"""How many values one octet of a compact array may stand for: null-data takes no octet, and must not multiply."""

_ARRAY, _STRUCTURE = 1, 2


class TypeDescription:
    """A type description as a tree; a structure has children, an array has its only child `count` times.

    `items` and `octets_min` say how many values one element makes and how few octets it may take.
    """

    __slots__ = ("children", "count", "items", "octets_min", "tag")

    def __init__(self, tag: int, children: Sequence["TypeDescription"], count: int, own_octets_min: int) -> None:
        self.tag = tag
        self.children = tuple(children)
        self.count = count
        self.items: int = 1 + count * sum(child.items for child in children)
        self.octets_min: int = own_octets_min + count * sum(child.octets_min for child in children)

    def decode_all(self, contents: bytes, decoders: Sequence[Callable[[bytes, int, int], Any]]) -> list[Value]:
        """All elements that the contents hold: as values everywhere, but without tags and counts."""
        items: list[Value] = []
        offset, end = 0, len(contents)
        while offset < end:
            # Before any null-data of the element is counted out, so that the work stays in proportion to the octets.
            if self.octets_min > end - offset:
                raise RemoteProtocolError("a compact array ends within an element")
            item, offset = self.decode(contents, offset, decoders)
            items.append(item)
        return items

    def decode(self, data: bytes, offset: int, decoders: Sequence[Callable[..., Any]]) -> tuple[Value, int]:
        """One element, and the offset after it."""
        if self.tag not in {_ARRAY, _STRUCTURE}:
            found: tuple[Value, int] = decoders[self.tag](data, offset, 0)
            return found
        items: list[Value] = []
        for _ in range(self.count):
            for child in self.children:
                item, offset = child.decode(data, offset, decoders)
                items.append(item)
        return (self.tag, items), offset

    def encode(self, value: Value, encode: Callable[[Value], bytes]) -> bytes:
        """The octets of an element of this description.

        Raises:
            ValueError: the value is no such element.
        """
        tag, content = value
        if tag != self.tag:
            raise ValueError(f"a compact array of {self.tag} cannot hold {tag}")
        if tag not in {_ARRAY, _STRUCTURE}:
            return encode(value)[1:]
        children = self.children * self.count
        if len(content) != len(children):
            raise ValueError(f"{len(content)} elements where a compact array's description has {len(children)}")
        return b"".join([child.encode(item, encode) for child, item in zip(children, content, strict=True)])


def read_description(
    data: bytes, offset: int, levels: int, octets_min: Mapping[int, int]
) -> tuple[TypeDescription, int]:
    """The type description at `offset`, and the offset after it.

    Args:
        data: the octets.
        offset: where it starts.
        levels: how deep it may be nested.
        octets_min: the fewest octets that a value of each tag takes without its tag; no other tag is allowed.

    Raises:
        RemoteProtocolError: there is none, or its elements would be out of proportion to their octets.
        IndexError: the data ends within it.
    """
    description, offset = _read(data, offset, levels, octets_min)
    if description.items > description.octets_min * ITEMS_PER_OCTET_MAX:
        raise RemoteProtocolError("a compact array whose elements take next to no octets")
    return description, offset


def _read(data: bytes, offset: int, levels: int, octets_min: Mapping[int, int]) -> tuple[TypeDescription, int]:
    if not levels:
        raise RemoteProtocolError("the type description of a compact array is nested too deep")
    tag = data[offset]
    offset += 1
    if tag == _ARRAY:
        count = data[offset] << 8 | data[offset + 1]
        child, offset = _read(data, offset + 2, levels - 1, octets_min)
        return TypeDescription(tag, [child], count, 0), offset
    if tag == _STRUCTURE:
        count, offset = decode_length(data, offset)
        if count > len(data) - offset:
            raise RemoteProtocolError(f"{count} types announced where {len(data) - offset} octets remain")
        children: list[TypeDescription] = []
        for _ in range(count):
            child, offset = _read(data, offset, levels - 1, octets_min)
            children.append(child)
        return TypeDescription(tag, children, 1, 0), offset
    if tag not in octets_min:
        raise RemoteProtocolError(f"a compact array cannot hold the tag {tag}")
    return TypeDescription(tag, (), 1, octets_min[tag]), offset
