"""Ciphered and signed APDUs, field by field, and what is inside them once somebody gives the keys.

A stream cipher leaves every octet in its place, so the fields of an opened APDU stand where its ciphered octets do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Bytes,
    Construct,
    Error,
    Flag,
    If,
    Int32ub,
    Struct,
    Switch,
    Terminated,
)
from construct import Enum as Names

from protocols.dissect.axdr import LENGTH, OCTET_STRING, field, optional
from protocols.dissect.tree import Node
from protocols.dlms.ciphered import DED_TAGS, GLO_TAGS
from protocols.dlms.security.control import HEADER_OCTETS, TAG_OCTETS
from protocols.dlms.security.envelope import unprotect
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.opened import Opened
from protocols.errors import RemoteProtocolError

SECURITY_CONTROL = BitStruct(
    "compressed" / Flag,
    "broadcast_key" / Flag,
    "encrypted" / Flag,
    "authenticated" / Flag,
    "security_suite" / BitsInteger(4),
)


def _tag_octets(context: Any) -> int:
    """How much of the content is tag; none where it is too short to hold one."""
    whole = context.length.value >= HEADER_OCTETS + TAG_OCTETS
    return TAG_OCTETS if context.security_control.value.authenticated and whole else 0


# What follows the header is text or cipher text, then the tag.
_CONTENT = Struct(
    field("length", LENGTH),
    field("security_control", SECURITY_CONTROL),
    field("invocation_counter", Int32ub),
    field("protected", Bytes(lambda context: context.length.value - HEADER_OCTETS - _tag_octets(context))),
    "_tag" / If(_tag_octets, Struct(field("authentication_tag", Bytes(TAG_OCTETS)))),
)

_HEADER = Struct(
    field("transaction_id", OCTET_STRING),
    field("originator_system_title", OCTET_STRING),
    field("recipient_system_title", OCTET_STRING),
    field("date_time", OCTET_STRING),
    field("other_information", OCTET_STRING),
)
_KEY_INFO = Struct(
    field("choice", Names(Byte, identified_key=0, wrapped_key=1, agreed_key=2)),
    "_key"
    / Switch(
        lambda context: int(context.choice.value),
        {
            0: Struct(field("key_id", Names(Byte, global_unicast=0, global_broadcast=1))),
            1: Struct(field("kek_id", Names(Byte, master_key=0)), field("key_ciphered_data", OCTET_STRING)),
            2: Struct(field("key_parameters", OCTET_STRING), field("key_ciphered_data", OCTET_STRING)),
        },
        default=Error,
    ),
)

_SERVICES: Final = {
    0x01: "initiate_request",
    0x05: "read_request",
    0x06: "write_request",
    0x08: "initiate_response",
    0x0C: "read_response",
    0x0D: "write_response",
    0x0E: "confirmed_service_error",
    0x16: "unconfirmed_write_request",
    0x18: "information_report_request",
    0xC0: "get_request",
    0xC1: "set_request",
    0xC2: "event_notification_request",
    0xC3: "action_request",
    0xC4: "get_response",
    0xC5: "set_response",
    0xC7: "action_response",
}
_SERVICE_CIPHERED = Struct(field("ciphered_content", _CONTENT), Terminated)
_GENERAL = Struct(field("system_title", OCTET_STRING), field("ciphered_content", _CONTENT), Terminated)

CIPHERED: Final[dict[int, tuple[str, Construct]]] = {
    **{tag: (f"glo_{_SERVICES[plain]}", _SERVICE_CIPHERED) for plain, tag in GLO_TAGS.items()},
    **{tag: (f"ded_{_SERVICES[plain]}", _SERVICE_CIPHERED) for plain, tag in DED_TAGS.items()},
    0xDB: ("general_glo_ciphering", _GENERAL),
    0xDC: ("general_ded_ciphering", _GENERAL),
    0xDD: (
        "general_ciphering",
        Struct(
            "_header" / _HEADER,
            field("key_info", optional(_KEY_INFO)),
            field("ciphered_content", _CONTENT),
            Terminated,
        ),
    ),
    0xDF: (
        "general_signing",
        Struct("_header" / _HEADER, field("content", OCTET_STRING), field("signature", OCTET_STRING), Terminated),
    ),
}
"""Name and description of every ciphered or signed APDU, after its tag."""


@dataclass(frozen=True, slots=True)
class Unlock:
    """What may open a ciphered APDU.

    Attributes:
        keys: of either side: what counts is which keys they are, not whose.
        titles: whose APDUs the keys may open, to be tried in this order.
    """

    keys: Keys
    titles: tuple[bytes, ...] = ()

    def also(self, title: bytes) -> "Unlock":
        """The same with one more title, tried first."""
        return replace(self, titles=(title, *self.titles))


def open_ciphered(
    data: bytes, fields: Sequence[Node], unlock: Sequence[Unlock], describe: Callable[[bytes], Node]
) -> Iterator[Node]:
    """What a ciphered or signed APDU holds: `plain_apdu` with its fields, or `not_opened` and why.

    Args:
        data: the APDU.
        fields: of its envelope.
        unlock: keys to try; without any there is nothing to say.
        describe: gives the fields of what is inside.
    """
    places = {node.name: node for node in fields}
    if "content" in places:
        content = places["content"]
        start = content.end - len(_octets(content))
        yield from _signed(data[start : content.end], start, describe)
        return
    protected = places["ciphered_content"].child("protected")
    reason = ""
    for one in unlock:
        for title in (*one.titles, b""):
            opened = unprotect(data, one.keys, title)
            if not isinstance(opened, Opened):
                reason = reason or opened.reason
                continue
            try:
                inner = describe(opened.apdu).moved(protected.start)
            except RemoteProtocolError as error:
                # Without authentication a wrong key shows only so.
                reason = f"what comes out is no APDU: {error}"
                continue
            yield Node("plain_apdu", protected.start, protected.end, None, (inner,))
            return
    if reason:
        yield Node("not_opened", protected.start, protected.end, reason)


def _signed(content: bytes, start: int, describe: Callable[[bytes], Node]) -> Iterator[Node]:
    try:
        inner = describe(content).moved(start)
    except RemoteProtocolError as error:
        yield Node("not_opened", start, start + len(content), str(error))
    else:
        yield Node("plain_apdu", start, start + len(content), None, (inner,))


def _octets(node: Node) -> bytes:
    return node.value if isinstance(node.value, bytes) else b""
