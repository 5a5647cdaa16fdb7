"""What the client passes over, by name: late answers above all, told by the invoke id that they carry.

Whoever sees many late ones waits too briefly for this meter.
"""

from enum import Enum
from typing import Final, NamedTuple

from protocols.dlms.access import ACCESS_RESPONSE
from protocols.dlms.action import ACTION_RESPONSE
from protocols.dlms.get import GET_RESPONSE
from protocols.dlms.invoke import INVOKE_ID_MASK, LONG_INVOKE_ID_MASK
from protocols.dlms.set import SET_RESPONSE
from protocols.dlms.short_name import READ_RESPONSE, WRITE_RESPONSE

_NAMES: Final = {
    GET_RESPONSE: "GET response",
    SET_RESPONSE: "SET response",
    ACTION_RESPONSE: "ACTION response",
    ACCESS_RESPONSE: "ACCESS response",
    READ_RESPONSE: "ReadResponse",
    WRITE_RESPONSE: "WriteResponse",
}
"""The answers to requests of ours."""


class Drop(Enum):
    """Why an APDU is passed over."""

    LATE = "it answers a request that has come to its end"
    OUT_OF_TURN = "it is a second answer, or not the block that is awaited"
    UNASKED = "it answers nothing that was asked"
    UNREADABLE = "it can't be read"
    NOT_OURS = "it is for another client or from another server"


class Dropped(NamedTuple):
    """An APDU that belonged to nothing under way.

    Attributes:
        drop: why.
        tag: its first octet, or None where there is none.
        invoke_id: the request that it names, if it names one.
    """

    drop: Drop
    tag: int | None
    invoke_id: int | None = None

    @property
    def sentence(self) -> str:
        """For people."""
        what = "nothing" if self.tag is None else _NAMES.get(self.tag, f"an APDU with the tag {self.tag:02X}")
        named = "" if self.invoke_id is None else f" to invoke id {self.invoke_id}"
        return f"{what}{named} dropped: {self.drop.value}"


def answer_dropped(apdu: bytes, under_way: int | None) -> Dropped:
    """What a plain APDU is that came and was not taken.

    Args:
        apdu: its octets.
        under_way: the invoke id of the request under way, or None where there is none.
    """
    if not apdu:
        return Dropped(Drop.UNREADABLE, None)
    if apdu[0] not in _NAMES:
        return Dropped(Drop.UNASKED, apdu[0])
    invoke_id = _invoke_id(apdu)
    late = under_way is None or (invoke_id is not None and (invoke_id ^ under_way) & INVOKE_ID_MASK != 0)
    return Dropped(Drop.LATE if late else Drop.OUT_OF_TURN, apdu[0], invoke_id)


def _invoke_id(apdu: bytes) -> int | None:
    if apdu[0] == ACCESS_RESPONSE:
        return int.from_bytes(apdu[1:5], "big") & LONG_INVOKE_ID_MASK if len(apdu) >= 5 else None
    if apdu[0] in {READ_RESPONSE, WRITE_RESPONSE} or len(apdu) < 3:
        return None
    return apdu[2] & INVOKE_ID_MASK
