"""Service block transfer: one long value cut into numbered blocks, and put together again, in both directions.

GET, SET and ACTION (and Read and Write) each have their own APDUs for it and all count alike: blocks are numbered
from 1, one is under way at a time, and the other side names the block it has or wants. The same block again is not
an error but a retry after a loss: it is answered as before and counted once.
"""

from enum import Enum
from typing import Final, NamedTuple

BLOCK_NUMBER_MAX: Final = 0xFFFF_FFFF
"""Block numbers are Unsigned32 in LN referencing; a transfer that would pass it cannot be written down."""

ASSEMBLED_OCTETS_MAX: Final = 1 << 20
"""What a peer may make us put together: a firmware image goes by image_block_transfer, the longest profile read
that models keep is below 400 kB, so a mebibyte is ample and a hostile peer gets no more."""

BLOCKS_MAX: Final = 1 << 16
"""How many blocks a peer may make us put together: at one octet a block the sum above would take a million calls."""


class Block(NamedTuple):
    """One block of a transfer."""

    last: bool
    number: int
    data: bytes


class BlocksOut:
    """A value on its way out.

    Args:
        data: the whole value.
        octets: how much of it fits one block, at least 1.
    """

    __slots__ = ("_data", "_octets", "number")

    def __init__(self, data: bytes, octets: int) -> None:
        self._data = data
        self._octets = max(octets, 1)
        self.number = 1
        """The block under way."""

    def __len__(self) -> int:
        return max(1, -(-len(self._data) // self._octets))

    @property
    def sent(self) -> int:
        """How many octets the other side has, once it has the block under way."""
        return min(self.number * self._octets, len(self._data))

    def current(self) -> Block:
        """The block under way, as often as asked."""
        start = (self.number - 1) * self._octets
        end = start + self._octets
        return Block(end >= len(self._data), self.number, self._data[start:end])

    def acknowledge(self, number: int) -> Block | None:
        """What to send when the other side says that it has block `number`.

        Returns:
            The next block; the same one again when the number is that of the block before it (our block was lost);
            None for a number that cannot be, or when nothing follows.
        """
        if number == self.number and self.number < len(self):
            self.number += 1
            return self.current()
        if number == self.number - 1:
            return self.current()
        return None


class Taken(Enum):
    """What became of a block that came in."""

    NEXT = "it follows what is there"
    AGAIN = "it is there already"
    WRONG = "it is neither this nor the next block"
    TOO_LONG = "the transfer passes its limit"


class BlocksIn:
    """A value on its way in.

    Args:
        octets_max: what may be put together at most.
    """

    __slots__ = ("_octets_max", "_parts", "number", "octets")

    def __init__(self, octets_max: int = ASSEMBLED_OCTETS_MAX) -> None:
        self._parts: list[bytes] = []
        self._octets_max = octets_max
        self.number = 0
        """The last block that is there."""
        self.octets = 0
        """How much is there."""

    def take(self, number: int, data: bytes) -> Taken:
        """Put a block to the others, if it is the next one."""
        if number != self.number + 1:
            return Taken.AGAIN if number == self.number and number else Taken.WRONG
        if self.octets + len(data) > self._octets_max or number > BLOCKS_MAX:
            return Taken.TOO_LONG
        self._parts.append(data)
        self.octets += len(data)
        self.number = number
        return Taken.NEXT

    def whole(self) -> bytes:
        """All blocks so far, joined."""
        return b"".join(self._parts)
