"""The four check values of meter links: CRC-16/X-25, CRC-16/MODBUS, LRC and BCC.

CRC-16/X-25 (HDLC's FCS and HCS) runs once or twice for every frame, so it stands on `binascii.crc_hqx`, which is C: the
same polynomial taken from the other end, hence the bytes' bits are reversed on the way in and the sum's on the way out.
CRC-16/MODBUS has no such twin in the standard library and walks a table of 256.
"""

from binascii import crc_hqx
from functools import reduce
from operator import xor
from typing import Final

_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

_REVERSED_OCTETS: Final = tuple(bytes((byte,)) for byte in _REVERSED)

X25_RESIDUE: Final = 0x1D0F
"""What is left, most significant bit first, of a run of octets that ends in its own CRC-16/X-25."""

MODBUS_POLYNOMIAL_REVERSED: Final = 0xA001


def _modbus_row(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (MODBUS_POLYNOMIAL_REVERSED if byte & 1 else 0)
    return byte


_MODBUS: Final = tuple(_modbus_row(byte) for byte in range(256))


def crc16_x25(data: bytes) -> int:
    """CRC-16/X-25, sent least significant octet first.

    >>> hex(crc16_x25(b"123456789"))
    '0x906e'
    """
    crc = crc_hqx(data.translate(_REVERSED), 0xFFFF) ^ 0xFFFF
    return _REVERSED[crc & 0xFF] << 8 | _REVERSED[crc >> 8]


def crc16_x25_octets(data: bytes) -> bytes:
    """CRC-16/X-25 as the two octets that stand on the wire."""
    crc = crc_hqx(data.translate(_REVERSED), 0xFFFF) ^ 0xFFFF
    return bytes((_REVERSED[crc >> 8], _REVERSED[crc & 0xFF]))


def crc16_x25_holds(data: bytes) -> bool:
    """Whether the last two octets are the CRC-16/X-25 of those before them."""
    return crc_hqx(data.translate(_REVERSED), 0xFFFF) == X25_RESIDUE


def crc16_x25_octets_on(data: bytes) -> bytes:
    """CRC-16/X-25 of a run that ends in its own CRC (it leaves the residue, whatever it is) and of what follows it."""
    crc = crc_hqx(data.translate(_REVERSED), X25_RESIDUE) ^ 0xFFFF
    return _REVERSED_OCTETS[crc >> 8] + _REVERSED_OCTETS[crc & 0xFF]


def crc16_x25_holds_on(data: bytes) -> bool:
    """Whether the last two octets are right behind such a run."""
    return crc_hqx(data.translate(_REVERSED), X25_RESIDUE) == X25_RESIDUE


def crc16_modbus(data: bytes) -> int:
    """CRC-16/MODBUS, sent least significant octet first.

    >>> hex(crc16_modbus(b"123456789"))
    '0x4b37'
    """
    crc = 0xFFFF
    table = _MODBUS
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def lrc(data: bytes) -> int:
    """Longitudinal redundancy check of Modbus ASCII: the two's complement of the octets' sum."""
    return -sum(data) & 0xFF


def bcc(data: bytes) -> int:
    """Block check character of IEC 62056-21: exclusive or of all octets given (after SOH or STX, through ETX)."""
    return reduce(xor, data, 0)
