"""What of an APDU must not stand in a journal: passwords and keys, replaced octet by octet so that offsets stay.

Masked are the password of an AARQ with low-level security, a dedicated key in a clear InitiateRequest, and whatever is
written to a secret of an association or a security setup in clear. What travels ciphered shows nothing by itself.
"""

import re
from typing import Final, NamedTuple

AARQ: Final = 0x60
CALLING_AUTHENTICATION_VALUE: Final = 0xAC
MECHANISM_NAME: Final = 0x8B
USER_INFORMATION: Final = 0xBE

GENERAL_BLOCK: Final = 0xE0
WRITING: Final = frozenset({0xC1, 0xC3, 0xD9, GENERAL_BLOCK})
"""SET, ACTION and ACCESS requests, and the blocks that any of them may come in."""

WRITING_SHORT_NAMES: Final = frozenset({0x05, 0x06, 0x0D})
"""Read (which invokes methods), Write and UnconfirmedWrite."""

WRITING_SOMETHING: Final = frozenset(bytes((tag,)) for tag in (AARQ, *WRITING, *WRITING_SHORT_NAMES))
"""How a request begins in which a secret may stand; others need not be looked at."""

SHORT_NAME_OF_SECRET: Final = re.compile(rb"[\x02\x04]\xfa[\x38-\x57]", re.DOTALL)
"""The part of the association's short names (from 0xFA00) in which change_secret stands."""

SECRET_MEMBERS: Final = ((15, 7), (15, 2), (12, 7), (64, 2), (64, 3))
"""(class, attribute or method) of secrets: LLS and HLS secrets of associations, key transfers."""

BLOCK_FOLLOWS: Final = frozenset({b"\xc1\x02", b"\xc1\x03", b"\xc3\x02", b"\xc3\x04", b"\xc3\x05", b"\xc3\x06"})
"""SET and ACTION requests whose content goes on in blocks."""

HEADER_OCTETS: Final = 3
"""Tag, choice and invoke id: what is left readable of a later block."""


class Masked(NamedTuple):
    """An APDU fit to be written down, and whether anything was hidden in it."""

    data: bytes
    hidden: bool


def mask(apdu: bytes, *, continued: bool = False) -> Masked:
    """The APDU with zeros where a secret stood.

    Args:
        apdu: in clear.
        continued: an earlier block of the same request held the beginning of a secret.
    """
    if not apdu:
        return Masked(apdu, hidden=False)
    if apdu[0] == AARQ:
        return _mask_aarq(apdu)
    if apdu[0] in WRITING_SHORT_NAMES:
        found = SHORT_NAME_OF_SECRET.search(apdu)
        return _zero(apdu, found.end(), len(apdu)) if found else Masked(apdu, hidden=False)
    if apdu[0] not in WRITING:
        return Masked(apdu, hidden=False)
    if continued and is_block(apdu):
        return _zero(apdu, HEADER_OCTETS, len(apdu))
    start = min((at for at in (_descriptor_end(apdu, *member) for member in SECRET_MEMBERS) if at), default=0)
    return _zero(apdu, start, len(apdu)) if start else Masked(apdu, hidden=False)


def is_block(apdu: bytes) -> bool:
    """Whether this request is one block of a longer one."""
    return apdu[:2] in BLOCK_FOLLOWS or apdu[:1] == bytes((GENERAL_BLOCK,))


def _descriptor_end(apdu: bytes, class_id: int, member: int) -> int:
    """Where a descriptor of that class and member ends, or 0: class, six octets of logical name, member."""
    at = apdu.find(class_id.to_bytes(2, "big"), 2)
    while at >= 0:
        end = at + 9
        if end <= len(apdu) and apdu[end - 1] == member:
            return end
        at = apdu.find(class_id.to_bytes(2, "big"), at + 1)
    return 0


def _zero(apdu: bytes, start: int, end: int) -> Masked:
    start = min(start, end)
    return Masked(apdu[:start] + bytes(end - start) + apdu[end:], hidden=end > start)


def _mask_aarq(apdu: bytes) -> Masked:
    elements = dict(_elements(apdu))
    hidden = False
    name = elements.get(MECHANISM_NAME)
    high = name is not None and apdu[name[1] - 1] > 1
    if (value := elements.get(CALLING_AUTHENTICATION_VALUE)) is not None and not high:
        apdu, hidden = _zero(apdu, min(value[0] + 2, value[1]), value[1])
    if (information := elements.get(USER_INFORMATION)) is not None:
        start, end = information
        # An octet string (two octets of header) holds the InitiateRequest: 01, then 01 if a dedicated key follows.
        if apdu[start + 2 : start + 4] == b"\x01\x01":
            apdu, hidden = _zero(apdu, start + 4, end)
    return Masked(apdu, hidden=hidden)


def _elements(apdu: bytes) -> list[tuple[int, tuple[int, int]]]:
    """(tag, (start, end)) of every element of an AARQ, as far as its lengths make sense."""
    found = []
    at = _length(apdu, 1)[1]
    while at + 1 < len(apdu):
        size, start = _length(apdu, at + 1)
        end = min(start + size, len(apdu))
        found.append((apdu[at], (start, end)))
        at = end
    return found


def _length(apdu: bytes, at: int) -> tuple[int, int]:
    """A BER length and where its content begins."""
    if at >= len(apdu):
        return 0, len(apdu)
    first = apdu[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    return int.from_bytes(apdu[at + 1 : at + 1 + count], "big"), at + 1 + count
