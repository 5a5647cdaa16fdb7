"""ACSE's APDUs, field by field (BER): AARQ, AARE, RLRQ, RLRE.

Every element is tag, length and content; what the tag means depends on the APDU, and what the content is on the tag.
A spoiled element is shown as octets, since a dissector is most useful on the spoiled ones.
"""

from collections.abc import Callable, Iterator
from typing import Final

from construct import Byte, Bytes, Struct, this

from protocols.dissect.axdr import LENGTH, field, read
from protocols.dissect.tree import FieldValue, Node
from protocols.dlms.acse import ApplicationContext, Mechanism
from protocols.dlms.results import (
    AssociationResult,
    Code,
    ProviderDiagnostic,
    ReleaseRequestReason,
    ReleaseResponseReason,
    UserDiagnostic,
)
from protocols.errors import RemoteProtocolError

Inner = Callable[[bytes, bytes], Node | None]
"""Describes user information, given the system title of whose it is."""

ELEMENT = Struct(field("tag", Byte), field("length", LENGTH), field("content", Bytes(this.length.value)))

NAMES: Final = {0x60: "aarq", 0x61: "aare", 0x62: "rlrq", 0x63: "rlre"}

_AARQ: Final = {
    0x80: "protocol_version",
    0xA1: "application_context_name",
    0xA2: "called_ap_title",
    0xA3: "called_ae_qualifier",
    0xA4: "called_ap_invocation_id",
    0xA5: "called_ae_invocation_id",
    0xA6: "calling_ap_title",
    0xA7: "calling_ae_qualifier",
    0xA8: "calling_ap_invocation_id",
    0xA9: "calling_ae_invocation_id",
    0x8A: "sender_acse_requirements",
    0x8B: "mechanism_name",
    0xAC: "calling_authentication_value",
    0xBD: "implementation_information",
    0xBE: "user_information",
}
_AARE: Final = {
    0x80: "protocol_version",
    0xA1: "application_context_name",
    0xA2: "result",
    0xA3: "result_source_diagnostic",
    0xA4: "responding_ap_title",
    0xA5: "responding_ae_qualifier",
    0xA6: "responding_ap_invocation_id",
    0xA7: "responding_ae_invocation_id",
    0x88: "responder_acse_requirements",
    0x89: "mechanism_name",
    0xAA: "responding_authentication_value",
    0xBD: "implementation_information",
    0xBE: "user_information",
}
_RELEASE: Final = {0x80: "reason", 0xBE: "user_information"}
_ELEMENTS: Final = {0x60: _AARQ, 0x61: _AARE, 0x62: _RELEASE, 0x63: _RELEASE}

_CONTEXT: Final = bytes.fromhex("608574050801")
_MECHANISM: Final = bytes.fromhex("608574050802")
_SOURCES: Final[dict[int, type[Code]]] = {0xA1: UserDiagnostic, 0xA2: ProviderDiagnostic}


def describe_acse(data: bytes, inner: Inner) -> Node:
    """One APDU of ACSE.

    Raises:
        RemoteProtocolError: its elements do not fit into each other.
    """
    tag, length, content = read(ELEMENT, data, what="an ACSE APDU")
    if content.end != len(data):
        raise RemoteProtocolError(f"{len(data) - content.end} octets follow the APDU's end")
    names = _ELEMENTS[data[0]]
    children: list[Node] = []
    title = b""
    for element in _elements(data, content.start, content.end):
        name = names.get(data[element.start], "unknown_element")
        shown = _meaning(data, name, element)
        if name.endswith("ing_ap_title") and isinstance(shown.value, bytes):
            title = shown.value
        if name == "user_information" and isinstance(shown.value, bytes):
            shown = _user_information(shown, inner(shown.value, title))
        children.append(shown)
    return Node(NAMES[data[0]], 0, len(data), None, (tag, length, *children))


def _elements(data: bytes, start: int, end: int) -> Iterator[Node]:
    """The elements between two places, each with the place of its content as its only child."""
    while start < end:
        _, _, content = read(ELEMENT, data[:end], start, what="an ACSE element")
        yield Node("element", start, content.end, None, (content,))
        start = content.end


def _meaning(data: bytes, name: str, element: Node) -> Node:
    content = element.child("content")
    octets = data[content.start : content.end]
    try:
        value = _value(data, name, content)
    except RemoteProtocolError:
        value = octets
    return Node(name, element.start, element.end, value)


def _value(data: bytes, name: str, content: Node) -> FieldValue:
    octets = data[content.start : content.end]
    if name in {"protocol_version", "sender_acse_requirements", "responder_acse_requirements"}:
        return (
            "".join(f"{octet:08b}" for octet in octets[1:])[: max(0, 8 * len(octets) - 8 - octets[0])]
            if octets
            else octets
        )
    if name == "mechanism_name":
        return _named(octets, _MECHANISM, Mechanism)
    if name == "reason":
        reasons: type[Code] = ReleaseRequestReason if data[0] == 0x62 else ReleaseResponseReason
        return _code(octets, reasons)
    if name in {"implementation_information", "unknown_element"}:
        return octets
    (inner,) = _elements_or_none(data, content)
    inside = inner.child("content")
    within = data[inside.start : inside.end]
    if name == "application_context_name":
        return _named(within, _CONTEXT, ApplicationContext)
    if name == "result":
        return _code(within, AssociationResult)
    if name == "result_source_diagnostic":
        (number,) = _elements_or_none(data, inside)
        place = number.child("content")
        codes = _SOURCES.get(data[inner.start])
        return within if codes is None else _code(data[place.start : place.end], codes)
    if name.endswith("invocation_id"):
        return int.from_bytes(within, "big", signed=True)
    return within


def _elements_or_none(data: bytes, content: Node) -> tuple[Node]:
    found = tuple(_elements(data, content.start, content.end))
    if len(found) != 1:
        raise RemoteProtocolError(f"{len(found)} elements where ACSE has one")
    return (found[0],)


def _named(octets: bytes, prefix: bytes, names: type[ApplicationContext | Mechanism]) -> FieldValue:
    if octets[:-1] == prefix and octets[-1] in {int(one) for one in names}:
        return names(octets[-1]).name
    return octets


def _code(octets: bytes, codes: type[Code]) -> FieldValue:
    number = int.from_bytes(octets, "big", signed=True)
    return codes(number).name if 0 <= number <= 0xFF else number


def _user_information(shown: Node, inner: Node | None) -> Node:
    if inner is None or not isinstance(shown.value, bytes):
        return shown
    # The octets of the APDU inside are the last ones of the element.
    return Node(shown.name, shown.start, shown.end, None, (inner.moved(shown.end - len(shown.value)),))
