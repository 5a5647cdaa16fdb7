"""COSEM values: the plain tuple `(tag, value)`, to and from A-XDR; by hand, since every profile row passes here.

| tag | value |
|---|---|
| null-data, dont-care | `None` |
| array, structure | list of values |
| boolean | `bool` |
| bit-string | `str` of "0" and "1", first bit first |
| integers, enum, bcd (the octet), delta types | `int` |
| octet-string, date-time, date, time | `bytes` (see `date_time` for the meaning of the last three) |
| visible-string | `str`, one octet a character (ISO 8859-1: meters do send what is not ASCII, and it must survive) |
| utf8-string | `str` |
| float32, float64 | `float` |
| compact-array | `(description, items)`: the type description as octets, and the list of values it describes |

Decoding takes any octets: it gives a value or raises `RemoteProtocolError`, in linear time and memory. Encoding a value
that its tag cannot hold is our own mistake, and a `ValueError`.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import Any, Final

from protocols.dlms.axdr import decode_length, encode_length
from protocols.dlms.compact_array import read_description
from protocols.errors import RemoteProtocolError

Value = tuple[int, Any]
"""A COSEM value: its tag (a plain int where decoded) and what it holds."""

NESTING_MAX: Final = 32
"""Arrays in structures in arrays: no attribute of the Blue Book has ten levels, and the stack has room for these."""

ITEMS_MAX: Final = 1 << 20
"""Elements of one array or structure: 35 days of one-minute rows are 50,400."""


class Tag(IntEnum):
    """The data types of the Blue Book, 4.1.5, by their A-XDR tag."""

    NULL_DATA = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    UTF8_STRING = 12
    BCD = 13
    INTEGER = 15
    LONG = 16
    UNSIGNED = 17
    LONG_UNSIGNED = 18
    COMPACT_ARRAY = 19
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    FLOAT32 = 23
    FLOAT64 = 24
    DATE_TIME = 25
    DATE = 26
    TIME = 27
    DELTA_INTEGER = 28
    DELTA_LONG = 29
    DELTA_DOUBLE_LONG = 30
    DELTA_UNSIGNED = 31
    DELTA_LONG_UNSIGNED = 32
    DELTA_DOUBLE_LONG_UNSIGNED = 33
    DONT_CARE = 255


NULL: Final[Value] = (0, None)

_NUMBERS: Final[dict[int, str]] = {
    Tag.DOUBLE_LONG: ">i",
    Tag.DOUBLE_LONG_UNSIGNED: ">I",
    Tag.BCD: ">B",
    Tag.INTEGER: ">b",
    Tag.LONG: ">h",
    Tag.UNSIGNED: ">B",
    Tag.LONG_UNSIGNED: ">H",
    Tag.LONG64: ">q",
    Tag.LONG64_UNSIGNED: ">Q",
    Tag.ENUM: ">B",
    Tag.FLOAT32: ">f",
    Tag.FLOAT64: ">d",
    Tag.DELTA_INTEGER: ">b",
    Tag.DELTA_LONG: ">h",
    Tag.DELTA_DOUBLE_LONG: ">i",
    Tag.DELTA_UNSIGNED: ">B",
    Tag.DELTA_LONG_UNSIGNED: ">H",
    Tag.DELTA_DOUBLE_LONG_UNSIGNED: ">I",
}
_FIXED_OCTETS: Final[dict[int, int]] = {Tag.DATE_TIME: 12, Tag.DATE: 5, Tag.TIME: 4}

# Decoding: one function a tag, `(data, offset after the tag, levels left) -> (value, offset after it)`.
_Decoder = Callable[[bytes, int, int], tuple[Value, int]]


def _refuse(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
    raise RemoteProtocolError(f"no data type has the tag {data[offset - 1]}")


def _empty(tag: int) -> _Decoder:
    value = (tag, None)

    def decode_empty(_data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
        return value, offset

    return decode_empty


def _number(tag: int, layout: str) -> _Decoder:
    unpack_from = struct.Struct(layout).unpack_from
    size = struct.calcsize(layout)

    def decode_number(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
        return (tag, unpack_from(data, offset)[0]), offset + size

    return decode_number


def _octets(tag: int, size: int) -> _Decoder:
    def decode_octets(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
        end = offset + size
        if end > len(data):
            raise RemoteProtocolError("the data ends within a date or time")
        return (tag, data[offset:end]), end

    return decode_octets


def _boolean(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
    return (3, data[offset] != 0), offset + 1


def _string_end(data: bytes, offset: int) -> tuple[int, int]:
    """Where the content of a string starts and ends."""
    length = data[offset]
    start = offset + 1
    if length > 0x7F:
        length, start = decode_length(data, offset)
    end = start + length
    if end > len(data):
        raise RemoteProtocolError(f"a string of {length} octets where {len(data) - start} remain")
    return start, end


def _octet_string(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
    start, end = _string_end(data, offset)
    return (9, data[start:end]), end


def _visible_string(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
    start, end = _string_end(data, offset)
    return (10, data[start:end].decode("latin-1")), end


def _utf8_string(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
    start, end = _string_end(data, offset)
    try:
        return (12, data[start:end].decode()), end
    except UnicodeDecodeError:
        raise RemoteProtocolError("a utf8-string is not UTF-8") from None


def _bit_string(data: bytes, offset: int, _levels: int) -> tuple[Value, int]:
    bits, start = decode_length(data, offset)
    end = start + (bits + 7) // 8
    if end > len(data):
        raise RemoteProtocolError(f"a bit-string of {bits} bits where {len(data) - start} octets remain")
    # The leading one keeps leading zeros.
    text = bin(int.from_bytes(b"\x01" + data[start:end], "big"))
    return (4, text[3 : 3 + bits]), end


def _count(data: bytes, offset: int) -> tuple[int, int]:
    """The number of elements; each takes an octet at least, so no more than remain."""
    count, offset = decode_length(data, offset)
    if count > len(data) - offset or count > ITEMS_MAX:
        raise RemoteProtocolError(f"{count} elements announced where {len(data) - offset} octets remain")
    return count, offset


def _elements(tag: int) -> _Decoder:
    def decode_elements(data: bytes, offset: int, levels: int) -> tuple[Value, int]:
        if not levels:
            raise RemoteProtocolError(f"values are nested deeper than {NESTING_MAX}")
        levels -= 1
        count = data[offset]
        offset += 1
        if count > 0x7F:
            count, offset = _count(data, offset - 1)
        items: list[Value] = []
        append = items.append
        decoders = _DECODERS
        for _ in range(count):
            item, offset = decoders[data[offset]](data, offset + 1, levels)
            append(item)
        return (tag, items), offset

    return decode_elements


def _compact_array(data: bytes, offset: int, levels: int) -> tuple[Value, int]:
    start = offset
    description, offset = read_description(data, offset, levels, _OCTETS_MIN)
    raw = data[start:offset]
    start, end = _string_end(data, offset)
    return (19, (raw, description.decode_all(data[start:end], _DECODERS))), end


_CONTAINERS: Final = frozenset({1, 2})
_EMPTY: Final = (Tag.NULL_DATA, Tag.DONT_CARE)
_STRINGS: Final = (Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING)

_SIZES: Final[dict[int, int]] = {
    **dict.fromkeys(_EMPTY, 0),
    Tag.BOOLEAN: 1,
    **{tag: struct.calcsize(layout) for tag, layout in _NUMBERS.items()},
    **_FIXED_OCTETS,
}
"""Octets after the tag, of the types that always have the same."""

_OCTETS_MIN: Final[dict[int, int]] = {
    **_SIZES,
    **dict.fromkeys((*_STRINGS, Tag.BIT_STRING), 1),
}
"""The fewest octets of a type within a compact array, which beside arrays and structures can hold no other."""


def _by_tag(table: dict[int, Any], default: Any) -> tuple[Any, ...]:
    return tuple(table.get(tag, default) for tag in range(256))


_DECODERS: Final[tuple[_Decoder, ...]] = _by_tag(
    {
        **{tag: _empty(int(tag)) for tag in _EMPTY},
        **{tag: _elements(tag) for tag in _CONTAINERS},
        **{tag: _number(int(tag), layout) for tag, layout in _NUMBERS.items()},
        **{tag: _octets(int(tag), size) for tag, size in _FIXED_OCTETS.items()},
        Tag.BOOLEAN: _boolean,
        Tag.BIT_STRING: _bit_string,
        Tag.OCTET_STRING: _octet_string,
        Tag.VISIBLE_STRING: _visible_string,
        Tag.UTF8_STRING: _utf8_string,
        Tag.COMPACT_ARRAY: _compact_array,
    },
    _refuse,
)


def decode_from(data: bytes, offset: int = 0) -> tuple[Value, int]:
    """The value that starts at `offset`, and the offset after it.

    Raises:
        RemoteProtocolError: no value stands there.
    """
    try:
        return _DECODERS[data[offset]](data, offset + 1, NESTING_MAX)
    except (IndexError, struct.error):
        raise RemoteProtocolError("the data ends within a value") from None


def decode(data: bytes) -> Value:
    """The value that `data` is, whole.

    Raises:
        RemoteProtocolError: it is none, or something follows it.
    """
    value, end = decode_from(data)
    if end != len(data):
        raise RemoteProtocolError(f"{len(data) - end} octets follow the value")
    return value


_SKIP_SIZE: Final = _by_tag(_SIZES, -1)


def skip(data: bytes, offset: int) -> int:
    """The offset after the value that starts at `offset`, without building it.

    Raises:
        RemoteProtocolError: no value stands there.
    """
    values = 1
    try:
        while values:
            values -= 1
            tag = data[offset]
            offset += 1
            size = _SKIP_SIZE[tag]
            if size >= 0:
                offset += size
            elif tag in _CONTAINERS:
                count, offset = _count(data, offset)
                values += count
            elif tag in _STRINGS:
                offset = _string_end(data, offset)[1]
            elif tag == Tag.BIT_STRING:
                bits, offset = decode_length(data, offset)
                offset += (bits + 7) // 8
            elif tag == Tag.COMPACT_ARRAY:
                offset = read_description(data, offset, NESTING_MAX, _OCTETS_MIN)[1]
                offset = _string_end(data, offset)[1]
            else:
                raise RemoteProtocolError(f"no data type has the tag {tag}")
    except IndexError:
        offset = len(data) + 1
    if offset > len(data):
        raise RemoteProtocolError("the data ends within a value")
    return offset


# Encoding: one function a tag, `content -> octets with the tag`.
_Encoder = Callable[[Any], bytes]


def _encode_refuse(_content: Any) -> bytes:
    raise ValueError("no data type has this tag")


def _encode_empty(tag: int) -> _Encoder:
    octets = bytes((tag,))

    def encode_empty(_content: None) -> bytes:
        return octets

    return encode_empty


def _encode_number(tag: int, layout: str) -> _Encoder:
    pack = struct.Struct(">B" + layout[1:]).pack

    def encode_number(content: float) -> bytes:
        return pack(tag, content)

    return encode_number


def _encode_octets(tag: int, size: int) -> _Encoder:
    head = bytes((tag,))

    def encode_octets(content: bytes) -> bytes:
        if len(content) != size:
            raise ValueError(f"{size} octets wanted, not {len(content)}")
        return head + content

    return encode_octets


def _encode_boolean(content: bool) -> bytes:  # noqa: FBT001 (a dispatch table calls it by position)
    return b"\x03\x01" if content else b"\x03\x00"


def octet_string(octets: bytes) -> bytes:
    """An octet-string, encoded."""
    if len(octets) < 0x80:
        return b"\x09%c%b" % (len(octets), octets)
    return b"\x09" + encode_length(len(octets)) + octets


def _encode_visible_string(content: str) -> bytes:
    return b"\x0a" + encode_length(len(content)) + content.encode("latin-1")


def _encode_utf8_string(content: str) -> bytes:
    octets = content.encode()
    return b"\x0c" + encode_length(len(octets)) + octets


def _encode_bit_string(content: str) -> bytes:
    octets = bytes(int(content[start : start + 8].ljust(8, "0"), 2) for start in range(0, len(content), 8))
    return b"\x04" + encode_length(len(content)) + octets


def _encode_elements(tag: int) -> _Encoder:
    head = bytes((tag,))

    def encode_elements(content: Sequence[Value]) -> bytes:
        encoders = _ENCODERS
        return head + encode_length(len(content)) + b"".join([encoders[item[0]](item[1]) for item in content])

    return encode_elements


def _encode_compact_array(content: tuple[bytes, Sequence[Value]]) -> bytes:
    raw, items = content
    description, end = read_description(raw, 0, NESTING_MAX, _OCTETS_MIN)
    if end != len(raw):
        raise ValueError("octets follow the type description of a compact array")
    contents = b"".join([description.encode(item, encode) for item in items])
    return b"\x13" + raw + encode_length(len(contents)) + contents


_ENCODERS: Final[tuple[_Encoder, ...]] = _by_tag(
    {
        **{tag: _encode_empty(int(tag)) for tag in _EMPTY},
        **{tag: _encode_elements(tag) for tag in _CONTAINERS},
        **{tag: _encode_number(int(tag), layout) for tag, layout in _NUMBERS.items()},
        **{tag: _encode_octets(int(tag), size) for tag, size in _FIXED_OCTETS.items()},
        Tag.BOOLEAN: _encode_boolean,
        Tag.BIT_STRING: _encode_bit_string,
        Tag.OCTET_STRING: octet_string,
        Tag.VISIBLE_STRING: _encode_visible_string,
        Tag.UTF8_STRING: _encode_utf8_string,
        Tag.COMPACT_ARRAY: _encode_compact_array,
    },
    _encode_refuse,
)


def encode(value: Value) -> bytes:
    """The octets of a value.

    Raises:
        ValueError: the tag is unknown or cannot hold what stands with it.
    """
    try:
        return _ENCODERS[value[0]](value[1])
    except (struct.error, OverflowError, IndexError, TypeError, AttributeError, RemoteProtocolError) as error:
        raise ValueError(f"the data type {value[0]} cannot hold this value: {error}") from None


def array(encoded: Sequence[bytes]) -> bytes:
    """An array of elements that are already encoded."""
    return b"\x01" + encode_length(len(encoded)) + b"".join(encoded)


def structure(encoded: Sequence[bytes]) -> bytes:
    """A structure of elements that are already encoded."""
    return b"\x02" + encode_length(len(encoded)) + b"".join(encoded)


def split(data: bytes) -> Iterable[bytes]:
    """The elements of an encoded array or structure, each still encoded.

    Raises:
        RemoteProtocolError: it is neither, or not whole.
    """
    if data[:1] not in {b"\x01", b"\x02"}:
        raise RemoteProtocolError("neither an array nor a structure")
    count, offset = _count(data, 1)
    for _ in range(count):
        end = skip(data, offset)
        yield data[offset:end]
        offset = end
    if offset != len(data):
        raise RemoteProtocolError(f"{len(data) - offset} octets follow the value")
