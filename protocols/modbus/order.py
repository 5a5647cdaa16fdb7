"""Word and byte order of values that span registers, by the names that manuals use.

A is the most significant byte. "ABCD" is the specification's own order, "CDAB" has the low word first, "BADC" has the
bytes of each register swapped, "DCBA" both. Eight-byte values are named the same way in full ("GHEFCDAB" is CDAB for
four registers), one register is "AB" or "BA"; the four-letter names stand for every width.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Order:
    """How the big-endian bytes of a value are laid out in registers."""

    low_word_first: bool
    bytes_swapped: bool

    def arrange(self, data: bytes) -> bytes:
        """Big-endian bytes as the wire has them; the same again turns them back.

        >>> ORDERS["CDAB"].arrange(bytes.fromhex("01020304")).hex()
        '03040102'
        >>> ORDERS["GHEFCDAB"].arrange(bytes(range(8))).hex()
        '0607040502030001'
        """
        if self.low_word_first:
            data = data[::-1]  # reverses words and bytes alike
        if self.low_word_first != self.bytes_swapped:
            swapped = bytearray(len(data))
            swapped[0::2], swapped[1::2] = data[1::2], data[0::2]
            return bytes(swapped)
        return data


def _by_widths(low_word_first: bool, bytes_swapped: bool) -> dict[str, Order]:  # noqa: FBT001 (a table's two columns)
    order = Order(low_word_first, bytes_swapped)
    letters = (b"ABCD", b"ABCDEF", b"ABCDEFGH")
    return {order.arrange(name).decode(): order for name in letters}


ORDERS: Final[dict[str, Order]] = {
    "AB": Order(low_word_first=False, bytes_swapped=False),
    "BA": Order(low_word_first=False, bytes_swapped=True),
    **_by_widths(low_word_first=False, bytes_swapped=False),
    **_by_widths(low_word_first=True, bytes_swapped=False),
    **_by_widths(low_word_first=False, bytes_swapped=True),
    **_by_widths(low_word_first=True, bytes_swapped=True),
}
"""Every name that is understood: AB BA, ABCD CDAB BADC DCBA, and the same for six and eight bytes."""
