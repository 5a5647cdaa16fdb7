"""The little BER that ACSE needs: definite lengths, tags of one octet, integers, bit strings of flags."""

from collections.abc import Iterator

from protocols.dlms.axdr import decode_length, encode_octets
from protocols.errors import RemoteProtocolError

INTEGER = 0x02
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06


def element(tag: int, content: bytes) -> bytes:
    """One element: tag, length, content."""
    return bytes((tag,)) + encode_octets(content)


def integer_content(value: int) -> bytes:
    """The content of an INTEGER, in as few octets as hold it."""
    magnitude = value if value >= 0 else ~value
    return value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


def integer(value: int) -> bytes:
    """An INTEGER with its tag."""
    return element(INTEGER, integer_content(value))


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that `data` is made of, as (tag, content).

    Raises:
        RemoteProtocolError: an element is not whole, or its tag takes more than one octet.
    """
    offset = 0
    while offset < len(data):
        tag = data[offset]
        if tag & 0x1F == 0x1F:
            raise RemoteProtocolError(f"an ACSE element with the long tag {tag:02X}")
        length, start = decode_length(data, offset + 1)
        offset = start + length
        if offset > len(data):
            raise RemoteProtocolError(f"ACSE element {tag:02X} ends {offset - len(data)} octets after the APDU")
        yield tag, data[start:offset]


def only(data: bytes) -> tuple[int, bytes]:
    """The one element within an explicit tag."""
    found = list(elements(data))
    if len(found) != 1:
        raise RemoteProtocolError(f"{len(found)} elements where ACSE has one")
    return found[0]


def decode_integer(content: bytes) -> int:
    """The content of an INTEGER; the ones of ACSE fit into four octets."""
    if not 1 <= len(content) <= 4:
        raise RemoteProtocolError(f"an ACSE integer of {len(content)} octets")
    return int.from_bytes(content, "big", signed=True)


def first_bit(content: bytes) -> bool:
    """The first bit of a BIT STRING's content; all of ACSE's have one bit that counts."""
    if not content:
        raise RemoteProtocolError("an ACSE bit string without octets")
    return len(content) > 1 and content[1] & 0x80 != 0
