"""HDLC addresses: seven bits an octet, the last one marked by its lowest bit (IEC 62056-46).

A client's address is one octet. A server's has one, two or four: the upper half names the logical device, the lower
half, absent in the one-octet form, the physical device (the station) on the line. `Frame` carries addresses as they
stand on the wire, since most of the time they are only compared; `Address.from_bytes` says what they mean, and the
station of a bus is found by `Address.station`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

NO_STATION: Final = 0
MANAGEMENT: Final = 1  # the management logical device, and the client's management process
PUBLIC_CLIENT: Final = 16

SIZES: Final = (1, 2, 4)
CLIENT_MAX: Final = 0x7F
_HALF_MAX: Final = {1: 0x7F, 2: 0x7F, 4: 0x3FFF}
_CALLING: Final = {1: 0x7E, 2: 0x7E, 4: 0x3FFE}

_CACHE_SIZE: Final = 1024  # more than the stations and clients of any one line


def field_size(data: bytes, at: int) -> int:
    """How many octets the address field that begins at `at` has; 0 if it is none of 1, 2 or 4, or is cut off."""
    field = data[at : at + 4]
    for size in SIZES:
        if len(field) < size:
            return 0
        if field[size - 1] & 1:
            # A mark in the third octet would end the field there, which is no size that exists.
            return size if size != 4 or not field[2] & 1 else 0
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What an address field means.

    Attributes:
        upper: the logical device, or the client.
        lower: the physical device, or None in the one-octet form.
        size: octets on the wire.
    """

    upper: int
    lower: int | None = None
    size: int = 1

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"an HDLC address has 1, 2 or 4 octets, not {self.size}")
        if (self.lower is None) is not (self.size == 1):
            raise ValueError("an HDLC address of one octet has no lower part, a longer one has")
        for half in (self.upper, self.lower or 0):
            if not 0 <= half <= _HALF_MAX[self.size]:
                raise ValueError(f"{half} does not fit half an HDLC address of {self.size} octets")

    @classmethod
    def server(cls, upper: int, lower: int | None = None, size: int | None = None) -> Self:
        """The address of a logical device; without `size`, the shortest form that holds it."""
        if size is None:
            size = 1 if lower is None else 2 if max(upper, lower) <= _HALF_MAX[2] else 4
        if size == 1:
            lower = None
        elif lower is None:
            raise ValueError(f"an HDLC address of {size} octets needs a physical address")
        return cls(upper=upper, lower=lower, size=size)

    @classmethod
    def from_bytes(cls, field: bytes) -> "Address":
        """Read a whole address field.

        Raises:
            ValueError: it is not one.
        """
        return _parse(field)

    def __bytes__(self) -> bytes:
        if self.lower is None:
            return bytes((self.upper << 1 | 1,))
        if self.size == 2:
            return bytes((self.upper << 1, self.lower << 1 | 1))
        halves = (self.upper >> 7, self.upper & 0x7F, self.lower >> 7, self.lower & 0x7F)
        high, low, lower_high, lower_low = (half << 1 for half in halves)
        return bytes((high, low, lower_high, lower_low | 1))

    @property
    def station(self) -> int:
        """What a station is known by on a line: the physical address, or all there is in the one-octet form."""
        return self.upper if self.lower is None else self.lower

    @property
    def is_all_station(self) -> bool:
        """Whether every station is meant."""
        return self.station == _HALF_MAX[self.size]

    @property
    def is_every_logical_device(self) -> bool:
        """Whether every logical device of the station is meant."""
        return self.upper == _HALF_MAX[self.size]

    @property
    def is_no_station(self) -> bool:
        """Whether nobody is meant; such frames are discarded."""
        return NO_STATION in {self.upper, self.lower}

    @property
    def is_calling(self) -> bool:
        """Whether the station is meant that has called, whatever its address."""
        return self.lower is not None and self.lower == _CALLING[self.size]


@lru_cache(maxsize=_CACHE_SIZE)
def _parse(field: bytes) -> Address:
    size = field_size(field, 0)
    if not size or size != len(field):
        raise ValueError(f"{field.hex()} is not an HDLC address")
    groups = [octet >> 1 for octet in field]
    if size == 1:
        return Address(upper=groups[0])
    if size == 2:
        return Address(upper=groups[0], lower=groups[1], size=2)
    return Address(upper=groups[0] << 7 | groups[1], lower=groups[2] << 7 | groups[3], size=4)
