"""The LLC header: three octets before each APDU, at the beginning of a message only (IEC 62056-46).

Destination LSAP E6 (FF is everyone), source LSAP E6 for a command and E7 for a response, and a quality octet that is
reserved and sent as 00. It carries nothing that the frame does not say; it is there to be recognised.
"""

from typing import Final

COMMAND: Final = bytes.fromhex("E6E600")
RESPONSE: Final = bytes.fromhex("E6E700")
HEADER_BYTES: Final = 3

_DESTINATIONS: Final = frozenset({0xE6, 0xFF})


def strip(message: bytes, expected: bytes) -> bytes | None:
    """The APDU behind an LLC header, or None where there is none or it is not the one expected."""
    if message.startswith(expected):
        return message[HEADER_BYTES:]
    # The quality octet is reserved, and to be ignored on receipt.
    if len(message) >= HEADER_BYTES and message[0] in _DESTINATIONS and message[1] == expected[1]:
        return message[HEADER_BYTES:]
    return None
