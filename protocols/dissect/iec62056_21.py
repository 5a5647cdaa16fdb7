"""The messages of IEC 62056-21, field by field: request, identification, option select, data message, and its repeat.

As they are without parity. A BCC that does not hold has a child `expected`; a data set without an address has an empty
one only at the head of a block, elsewhere its values are those of the set before.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from construct import (
    Byte,
    Bytes,
    Check,
    Const,
    Construct,
    ExprAdapter,
    FocusedSeq,
    GreedyRange,
    If,
    OneOf,
    Peek,
    RawCopy,
    Struct,
    Terminated,
    this,
)

from protocols.checksum import bcc
from protocols.dissect.axdr import field, read
from protocols.dissect.tree import Node
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.data_block import VALUES_MAX
from protocols.iec62056_21.message import (
    ACK,
    BAUDS,
    DEVICE_ADDRESS_MAX,
    ETX,
    IDENTIFICATION_TEXT_MAX,
    LINE_END,
    NAK,
    STX,
    without_parity,
)

PROTOCOLS: Final = {"0": "normal", "1": "secondary", "2": "hdlc"}
MODES: Final = {"0": "data_readout", "1": "programming", "2": "binary_hdlc"}

_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_DIGITS: Final = b"0123456789"
_UPPER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS: Final = _UPPER + _UPPER.lower()
_SHAPES: Final = re.compile(rb"/.*\r\n|\x06...\r\n|\x02.*\x03.|\x15", re.DOTALL)


def _but(letters: bytes) -> bytes:
    return bytes(each for each in _PRINTABLE if each not in letters)


def _one(allowed: bytes, named: Mapping[str, Any]) -> Construct:
    """One character, by its name where it has one."""
    return ExprAdapter(OneOf(Byte, allowed), lambda octet, _context: named.get(chr(octet), chr(octet)), None)


def _text(allowed: bytes) -> Construct:
    """As many characters of a set as there are."""
    return ExprAdapter(GreedyRange(OneOf(Byte, allowed)), lambda octets, _context: bytes(octets).decode("ascii"), None)


_BAUD: Final = _one("".join(BAUDS).encode(), BAUDS)

REQUEST: Final = Struct(
    field("start", Const(b"/?")),
    field("device_address", _text(_DIGITS + _LETTERS + b" ")),
    Check(lambda context: len(context.device_address.value) <= DEVICE_ADDRESS_MAX),
    field("end", Const(b"!")),
    field("completion", Const(LINE_END)),
    Terminated,
)
IDENTIFICATION: Final = Struct(
    field("start", Const(b"/")),
    field(
        "manufacturer",
        ExprAdapter(
            Struct("first" / OneOf(Byte, _UPPER), "second" / OneOf(Byte, _UPPER), "third" / OneOf(Byte, _LETTERS)),
            lambda letters, _context: chr(letters.first) + chr(letters.second) + chr(letters.third),
            None,
        ),
    ),
    field("baud_rate", _BAUD),
    "_escape" / Peek(Bytes(1)),
    "_enhanced"
    / If(
        this._escape == b"\\",  # noqa: SLF001 (a name of the context that is not shown)
        Struct(field("sequence_delimiter", Const(b"\\")), field("mode_control", _one(_but(b"/!"), MODES))),
    ),
    field("identification", _text(_but(b"/!"))),
    Check(lambda context: len(context.identification.value) <= IDENTIFICATION_TEXT_MAX),
    field("completion", Const(LINE_END)),
    Terminated,
)
OPTION_SELECT: Final = Struct(
    field("acknowledge", Const(bytes((ACK,)))),
    field("protocol_control", _one(_DIGITS + _LETTERS, PROTOCOLS)),
    field("baud_rate", _BAUD),
    field("mode_control", _one(_DIGITS + _LETTERS, MODES)),
    field("completion", Const(LINE_END)),
    Terminated,
)

_LINE_ENDS: Final = GreedyRange(Const(LINE_END))
_VALUE: Final = Struct(
    Const(b"("),
    field("text", _text(_but(b"()!*"))),
    "_star" / Peek(Bytes(1)),
    "_unit" / If(this._star == b"*", Struct(Const(b"*"), field("unit", _text(_but(b"()!*"))))),  # noqa: SLF001
    Const(b")"),
)
_DATA_SET: Final = Struct(
    field("address", _text(_but(b"()/!"))),
    field("values", GreedyRange(FocusedSeq("value", "value" / RawCopy(_VALUE), "_lines" / _LINE_ENDS))),
    Check(lambda context: 1 <= len(context["values"].value) <= VALUES_MAX),
)
DATA_MESSAGE: Final = Struct(
    field("start_of_text", Const(bytes((STX,)))),
    "_lines" / _LINE_ENDS,
    field("data_sets", GreedyRange(RawCopy(_DATA_SET))),
    field("end", Const(b"!")),
    field("completion", ExprAdapter(GreedyRange(OneOf(Byte, LINE_END)), lambda octets, _context: bytes(octets), None)),
    field("end_of_text", Const(bytes((ETX,)))),
    field("bcc", Byte),
    Terminated,
)
REPEAT_REQUEST: Final = Struct(field("negative_acknowledge", Const(bytes((NAK,)))), Terminated)

_KINDS: Final[dict[int, tuple[str, Construct]]] = {
    ACK: ("option_select_message", OPTION_SELECT),
    STX: ("data_message", DATA_MESSAGE),
    NAK: ("repeat_request_message", REPEAT_REQUEST),
}


def plain(data: bytes) -> bytes | None:
    """The characters, without parity where the line had eight bits; None for what has the shape of no message."""
    stripped = without_parity(data)
    return next((each for each in (data, stripped) if _SHAPES.fullmatch(each)), None)


def describe(data: bytes) -> Node:
    """One message with its line end, or with its ETX and BCC.

    Raises:
        RemoteProtocolError: it is none.
    """
    if not data:
        raise RemoteProtocolError("a message of no octets")
    name, description = _KINDS.get(data[0], ("identification_message", IDENTIFICATION))
    if data.startswith(b"/?"):
        name, description = "request_message", REQUEST
    fields = read(description, data, what=f"a {name.replace('_', ' ')}")
    if name == "data_message":
        fields = (*fields[:-1], _checked(fields[-1], data))
    return Node(name, 0, len(data), None, fields)


def _checked(node: Node, data: bytes) -> Node:
    expected = bcc(data[1 : node.start])
    wrong = () if node.value == expected else (Node("expected", node.start, node.end, expected),)
    return Node(node.name, node.start, node.end, node.value, wrong)
