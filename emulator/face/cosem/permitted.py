"""What clients may write to attributes that only hold a value: a value of the right type can still be nonsense.

The table has the ranges of the blue book where it names some, and what no network knows elsewhere. What is refused
leaves the attribute as it was.
"""

from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from protocols.cosem.status_word import BITS

Permits = Callable[[Any], bool]
"""Whether a content (of a tagged value whose type is right) may be written."""

OCTETS_MAX: Final = 32
"""Longest device address and password of a local port: what a sign-on has room for."""

APN_OCTETS_MAX: Final = 100
ADDRESSES_MAX: Final = 16
"""Addresses in one list, and bits that a status word maps in octets."""


def between(low: int, high: int) -> Permits:
    """A whole number within a range, both ends included."""
    return lambda number: low <= number <= high


def is_host(number: int) -> bool:
    """Whether an IPv4 address can be one device's."""
    address = IPv4Address(number)
    return not (address.is_multicast or address.is_reserved or address.is_unspecified)


def is_group(number: int) -> bool:
    """Whether an IPv4 address is a multicast group's."""
    return IPv4Address(number).is_multicast


def is_mask(number: int) -> bool:
    """Whether an IPv4 subnet mask is ones followed by zeros."""
    inverse = ~number & 0xFFFF_FFFF
    return number != 0 and inverse & inverse + 1 == 0


def is_host_6(octets: bytes) -> bool:
    """Whether sixteen octets can be one device's IPv6 address."""
    try:
        address = IPv6Address(octets)
    except AddressValueError:
        return False
    return not (address.is_multicast or address.is_unspecified)


def is_group_6(octets: bytes) -> bool:
    """Whether sixteen octets are an IPv6 multicast group."""
    try:
        return IPv6Address(octets).is_multicast
    except AddressValueError:
        return False


def _or_none(permits: Permits) -> Permits:
    """The same, or nothing: 0 or no octets."""
    return lambda content: not content or permits(content)


def _each(permits: Permits) -> Permits:
    return lambda elements: len(elements) <= ADDRESSES_MAX and all(permits(content) for _, content in elements)


def _is_name(octets: bytes) -> bool:
    """An access point name: labels of letters, digits and hyphens with dots between."""
    labels = octets.split(b".")
    return len(octets) <= APN_OCTETS_MAX and all(label.replace(b"-", b"a").isalnum() for label in labels)


def _is_device_address(octets: bytes) -> bool:
    return len(octets) <= OCTETS_MAX and octets.replace(b" ", b"").isalnum()


def _is_mapping(members: list[Any]) -> bool:
    """A mapping table that points into the event status word."""
    _, mapping = members
    entries = mapping[1] if isinstance(mapping[1], list) else [mapping]
    return 0 < len(entries) <= BITS and all(entry < BITS for _, entry in entries)


def _short(octets: bytes) -> bool:
    return len(octets) <= OCTETS_MAX


_BAUD_OF_SIGN_ON: Final = between(0, 6)
_HOST_OR_NONE: Final = _or_none(is_host)
_HOST_6_OR_NONE: Final = _or_none(is_host_6)

PERMITTED: Final[Mapping[tuple[int, int], Permits]] = {
    (19, 2): between(0, 1),  # a sign-on, or HDLC at once
    (19, 3): _BAUD_OF_SIGN_ON,
    (19, 4): _BAUD_OF_SIGN_ON,
    (19, 5): between(0, 1),
    (19, 6): _or_none(_is_device_address),
    (19, 7): _short,
    (19, 8): _short,
    (19, 9): _short,
    (23, 2): between(0, 9),
    (23, 3): between(1, 7),
    (23, 4): between(1, 7),
    (23, 5): between(32, 2030),
    (23, 6): between(32, 2030),
    (23, 7): between(20, 6000),
    (23, 9): between(0x10, 0x3FFD),  # what is below and above is reserved
    (41, 4): between(40, 0xFFFF),
    (41, 5): between(1, 0xFF),
    (42, 3): is_host,
    (42, 4): _each(is_group),
    (42, 6): is_mask,
    (42, 7): _HOST_OR_NONE,
    (42, 9): _HOST_OR_NONE,
    (42, 10): _HOST_OR_NONE,
    (45, 2): _or_none(_is_name),
    (45, 3): between(0, 9999),
    (48, 3): between(0, 3),
    (48, 4): _each(is_host_6),
    (48, 5): _each(is_group_6),
    (48, 6): _each(is_host_6),
    (48, 7): _HOST_6_OR_NONE,
    (48, 8): _HOST_6_OR_NONE,
    (63, 3): _is_mapping,
}
"""By class id and attribute; what is not here takes any value of its type."""
