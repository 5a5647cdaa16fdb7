"""The HDLC frame, field by field (IEC 62056-46): format, addresses, control, check sequences, and what is inside.

Check sequences that do not hold have a child `expected`; nothing else tells a spoiled frame from a sound one here,
since a dissector is most useful on the spoiled ones.
"""

from typing import Any

from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Bytes,
    Check,
    Computed,
    Const,
    Flag,
    If,
    Int16ul,
    Int24ub,
    Int32ub,
    RawCopy,
    RepeatUntil,
    Struct,
    Switch,
    Terminated,
    this,
)
from construct import Int8ub as UInt8
from construct import Int16ub as UInt16

from protocols.checksum import crc16_x25
from protocols.dissect.description import octets, read
from protocols.dissect.tree import Node
from protocols.errors import RemoteProtocolError

_SIZES = (1, 2, 4)


def _ends(octet: int, _list: Any, _context: Any) -> bool:
    return octet & 1 == 1


ADDRESS = RepeatUntil(_ends, Byte)

FRAME = Struct(
    octets("opening_flag", Const(b"~")),
    octets(
        "format",
        BitStruct("type" / Const(0b1010, BitsInteger(4)), "segmentation" / Flag, "length" / BitsInteger(11)),
    ),
    octets("destination", ADDRESS),
    Check(lambda context: len(context.destination.value) in _SIZES),
    octets("source", ADDRESS),
    Check(lambda context: len(context.source.value) in _SIZES),
    octets("control", Byte),
    "rest" / Computed(this.format.value.length - this.destination.length - this.source.length - 5),
    "hcs" / If(this.rest > 0, RawCopy(Int16ul)),
    "information" / If(this.rest > 0, RawCopy(Bytes(this.rest - 2))),
    octets("fcs", Int16ul),
    octets("closing_flag", Const(b"~")),
    Terminated,
)

INFORMATION_CONTROL = BitStruct(
    "receive_sequence" / BitsInteger(3),
    "poll_final" / Flag,
    "send_sequence" / BitsInteger(3),
    "_kind" / Const(0, BitsInteger(1)),
)
SUPERVISORY_CONTROL = BitStruct(
    "receive_sequence" / BitsInteger(3),
    "poll_final" / Flag,
    "_kind" / BitsInteger(4),
)
UNNUMBERED_CONTROL = BitStruct("_modifier" / BitsInteger(3), "poll_final" / Flag, "_kind" / BitsInteger(4))

SUPERVISORY = {0b0001: "RR", 0b0101: "RNR"}
UNNUMBERED = {
    (0b100, 0b0011): "SNRM",
    (0b010, 0b0011): "DISC",
    (0b000, 0b0011): "UI",
    (0b011, 0b0011): "UA",
    (0b000, 0b1111): "DM",
    (0b100, 0b0111): "FRMR",
}

NUMBER = Switch(this.width.value, {1: UInt8, 2: UInt16, 3: Int24ub, 4: Int32ub}, default=Bytes(this.width.value))
PARAMETER = Struct(octets("identifier", Byte), octets("width", Byte), octets("value", NUMBER))
PARAMETER_NAMES = {
    5: "information_transmit",
    6: "information_receive",
    7: "window_transmit",
    8: "window_receive",
}
GROUP = Struct(octets("identifier", Byte), octets("length", Byte), octets("content", Bytes(this.length.value)))

LLC = Struct(octets("destination_lsap", Byte), octets("source_lsap", Byte), octets("quality", Byte))

FRAME_REJECT = Struct(
    octets("rejected_control", Byte),
    octets(
        "sequences", BitStruct("receive" / BitsInteger(3), "response" / Flag, "send" / BitsInteger(3), "_last" / Flag)
    ),
    octets(
        "reasons",
        BitStruct(
            "_reserved" / BitsInteger(4),
            "invalid_receive_sequence" / Flag,
            "information_too_long" / Flag,
            "information_not_permitted" / Flag,
            "undefined_control" / Flag,
        ),
    ),
    Terminated,
)


def describe(data: bytes) -> Node:
    """One frame with its two flags.

    Raises:
        RemoteProtocolError: its length, its addresses or its flags do not fit.
    """
    nodes = {node.name: node for node in read(FRAME, data, what="HDLC frame")}
    if nodes["format"].child("length").value != len(data) - 2:
        raise RemoteProtocolError("the length of an HDLC frame is not that of what stands between its flags")
    nodes["destination"] = _address(nodes["destination"], data)
    nodes["source"] = _address(nodes["source"], data)
    nodes["control"] = _control(nodes["control"], data)
    nodes["fcs"] = _checked(nodes["fcs"], data)
    if "information" in nodes:
        nodes["hcs"] = _checked(nodes["hcs"], data)
        nodes["information"] = _information(nodes["information"], str(nodes["control"].value), data)
    return Node("hdlc", 0, len(data), None, tuple(nodes.values()))


def _address(node: Node, data: bytes) -> Node:
    groups = [octet >> 1 for octet in data[node.start : node.end]]
    half = max(1, len(groups) // 2)
    halves = {"upper": groups[:half], "lower": groups[half:]}
    children, at = [], node.start
    for name, part in halves.items():
        if part:
            number = part[0] if len(part) == 1 else part[0] << 7 | part[1]
            children.append(Node(name, at, at + len(part), number))
            at += len(part)
    return Node(node.name, node.start, node.end, None, tuple(children))


def _control(node: Node, data: bytes) -> Node:
    octet = data[node.start]
    if octet & 1 == 0:
        description, name = INFORMATION_CONTROL, "I"
    elif octet & 0b1111 in SUPERVISORY:
        description, name = SUPERVISORY_CONTROL, SUPERVISORY[octet & 0b1111]
    else:
        description, name = UNNUMBERED_CONTROL, UNNUMBERED.get((octet >> 5, octet & 0b1111), "unknown")
    (control,) = read(Struct(octets("control", description)), data[: node.end], node.start, "control octet")
    return Node(node.name, node.start, node.end, name, control.children)


def _checked(node: Node, data: bytes) -> Node:
    expected = crc16_x25(data[1 : node.start])
    wrong = () if node.value == expected else (Node("expected", node.start, node.end, expected),)
    return Node(node.name, node.start, node.end, node.value, wrong)


def _information(node: Node, kind: str, data: bytes) -> Node:
    inside = data[: node.end]
    try:
        match kind:
            case "SNRM" | "UA":
                children = _parameters(inside, node.start)
            case "FRMR":
                children = read(FRAME_REJECT, inside, node.start, "frame reject")
            case "I" | "UI":
                children = _message(inside, node.start)
            case _:
                children = ()
    except RemoteProtocolError:
        children = ()  # what it should be, it is not: the octets are all there is to show
    return Node(node.name, node.start, node.end, node.value, children)


def _message(inside: bytes, start: int) -> tuple[Node, ...]:
    """The LLC header, where a message begins, and the APDU or the piece of one."""
    header = inside[start : start + 3]
    if len(header) == 3 and header[0] in (0xE6, 0xFF) and header[1] in (0xE6, 0xE7):
        llc = Node("llc", start, start + 3, None, read(LLC, inside, start, "LLC header"))
        return (llc, Node("apdu", start + 3, len(inside), inside[start + 3 :]))
    return (Node("segment", start, len(inside), inside[start:]),)


def _parameters(inside: bytes, start: int) -> tuple[Node, ...]:
    children = [Node("format_identifier", start, start + 1, inside[start])]
    at = start + 1
    while at < len(inside):
        identifier, length, content = read(GROUP, inside, at, "parameter group")
        inner = _negotiation(inside[: content.end], content.start) if identifier.value == 0x80 else ()
        children.append(Node("group", at, content.end, identifier.value, (identifier, length, *inner)))
        at = content.end
    return tuple(children)


def _negotiation(inside: bytes, start: int) -> tuple[Node, ...]:
    children, at = [], start
    while at < len(inside):
        fields = read(PARAMETER, inside, at, "parameter")
        value = fields[-1]
        name = PARAMETER_NAMES.get(inside[at], "parameter")
        children.append(Node(name, at, value.end, value.value, fields))
        at = value.end
    return tuple(children)
