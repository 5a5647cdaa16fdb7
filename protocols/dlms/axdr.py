"""A-XDR (IEC 61334-6): lengths, and a cursor over octets that never runs past their end.

What runs for every request reads its octets by hand; everything else reads through `Reader`, whose methods raise
`RemoteProtocolError` at the first octet that is not there.
"""

from typing import Final, TypeVar

from protocols.errors import RemoteProtocolError

LENGTH_OCTETS_MAX: Final = 4
"""A length above 2**32 - 1 cannot be meant: no APDU is that long."""

T = TypeVar("T")


def encode_length(length: int) -> bytes:
    """A length or a count: one octet below 128, else the number of octets that follow."""
    if length < 0x80:
        return bytes((length,))
    size = (length.bit_length() + 7) // 8
    return bytes((0x80 | size,)) + length.to_bytes(size, "big")


def decode_length(data: bytes, offset: int) -> tuple[int, int]:
    """The length at `offset` and the offset after it; it may be written longer than needed.

    Raises:
        RemoteProtocolError: the data ends within it, or it has no or too many octets.
    """
    try:
        first = data[offset]
        offset += 1
        if first < 0x80:
            return first, offset
        size = first & 0x7F
        if not 1 <= size <= LENGTH_OCTETS_MAX:
            raise RemoteProtocolError(f"a length field of {size} octets")
        end = offset + size
        if end > len(data):
            raise RemoteProtocolError("the data ends within a length")
        return int.from_bytes(data[offset:end], "big"), end
    except IndexError:
        raise RemoteProtocolError("the data ends before a length") from None


def encode_octets(octets: bytes) -> bytes:
    """An OCTET STRING of variable length: its length, then itself."""
    return encode_length(len(octets)) + octets


class Reader:
    """A cursor over the octets of one APDU.

    Args:
        data: the octets.
        offset: where to start.
    """

    __slots__ = ("_data", "offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self._data = data
        self.offset = offset

    @property
    def data(self) -> bytes:
        """All octets, those read and those to come."""
        return self._data

    def octets(self, count: int) -> bytes:
        """The next `count` octets."""
        end = self.offset + count
        if end > len(self._data):
            raise RemoteProtocolError(f"the APDU ends {end - len(self._data)} octets too early")
        octets = self._data[self.offset : end]
        self.offset = end
        return octets

    def u8(self) -> int:
        """The next octet."""
        return self.octets(1)[0]

    def u16(self) -> int:
        """The next two octets, unsigned."""
        return int.from_bytes(self.octets(2), "big")

    def u32(self) -> int:
        """The next four octets, unsigned."""
        return int.from_bytes(self.octets(4), "big")

    def boolean(self) -> bool:
        """A BOOLEAN: anything but 0 is true."""
        return self.octets(1)[0] != 0

    def length(self) -> int:
        """A length or a count; of either, no more than octets remain."""
        length, self.offset = decode_length(self._data, self.offset)
        if length > len(self._data) - self.offset:
            raise RemoteProtocolError(
                f"a length or count of {length} where {len(self._data) - self.offset} octets remain"
            )
        return length

    def octet_string(self) -> bytes:
        """An OCTET STRING of variable length."""
        return self.octets(self.length())

    def present(self) -> bool:
        """The usage flag of an OPTIONAL or DEFAULT element."""
        return self.octets(1)[0] != 0

    def rest(self) -> bytes:
        """Everything that remains."""
        octets = self._data[self.offset :]
        self.offset = len(self._data)
        return octets

    def end(self, result: T) -> T:
        """Pass `result` through, having checked that nothing remains."""
        if self.offset != len(self._data):
            raise RemoteProtocolError(f"{len(self._data) - self.offset} octets follow the APDU's end")
        return result
