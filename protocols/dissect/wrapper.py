"""The wrapper's frame, field by field (IEC 62056-47)."""

from construct import Bytes, Const, Int16ub, Struct, Terminated, this

from protocols.dissect.description import octets, read
from protocols.dissect.tree import Node

FRAME = Struct(
    octets("version", Const(1, Int16ub)),
    octets("source_wport", Int16ub),
    octets("destination_wport", Int16ub),
    octets("length", Int16ub),
    octets("apdu", Bytes(this.length.value)),
    Terminated,
)


def describe(data: bytes) -> Node:
    """One frame.

    Raises:
        RemoteProtocolError: it is not exactly one.
    """
    return Node("wrapper", 0, len(data), None, read(FRAME, data, what="wrapper frame"))
