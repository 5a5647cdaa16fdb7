"""STS tokens: 64 bits of content, encrypted, with the two bits of a class between them, written as 20 digits.

| bits | field | |
|---|---|---|
| 63 to 60 | sub-class | what the token does, with the class |
| 59 to 56 | random number | so that like tokens look unlike |
| 55 to 32 | identifier | the minute of issue (`identifier.py`) |
| 31 to 16 | value | an amount (`amount.py`), a register, or nothing |
| 15 to 0 | CRC | over all others and the class |

The class stands at bits 28 and 27 of the encrypted block; the two bits that stood there go to the front. Tokens of
class 0 and those of class 2 that have this form are here, and the sections of a key change in `key_change.py`; those of
class 1 (display, not encrypted) are not.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from protocols.checksum import crc16_modbus

DIGITS: Final = 20
TOKEN_BITS: Final = 66

_CLASS_AT: Final = 27
_CLASS_MASK: Final = 3 << _CLASS_AT
_CRC_OCTETS: Final = 7
"""50 bits, filled to whole octets with zeros in front."""


class Kind(Enum):
    """What a token does: its class and sub-class."""

    ELECTRICITY = (0, 0)
    WATER = (0, 1)
    GAS = (0, 2)
    MAXIMUM_POWER_LIMIT = (2, 0)
    CLEAR_CREDIT = (2, 1)
    CLEAR_TAMPER = (2, 5)
    MAXIMUM_PHASE_UNBALANCE = (2, 6)


class Fault(Enum):
    """Why digits are no token of ours."""

    FORMAT = "not 20 digits of a 66-bit number"
    AUTHENTICATION = "not encrypted with this meter's key, or damaged"
    UNKNOWN_KIND = "a class or sub-class that is not supported"


class Cipher(Protocol):
    """A block cipher under a meter's key; `protocols.sts.misty1.Misty1` is one."""

    def encrypt(self, block: int) -> int:
        """One block of 64 bits."""

    def decrypt(self, block: int) -> int:
        """The other way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The content of a token.

    Attributes:
        kind: what it does.
        identifier: the minute of issue, 24 bits.
        value: 16 bits, an encoded amount or a register.
        random: 4 bits.
    """

    kind: Kind
    identifier: int
    value: int
    random: int

    def __post_init__(self) -> None:
        if not (0 <= self.identifier < 1 << 24 and 0 <= self.value < 1 << 16 and 0 <= self.random < 1 << 4):
            raise ValueError("an identifier has 24 bits, a value 16 and a random number 4")


def seal(token: Token, cipher: Cipher) -> str:
    """The 20 digits of a token for the meter whose key the cipher has."""
    token_class, sub_class = token.kind.value
    head = sub_class << 44 | token.random << 40 | token.identifier << 16 | token.value
    return seal_head(token_class, head, cipher)


def seal_head(token_class: int, head: int, cipher: Cipher) -> str:
    """The 20 digits of a class and the 48 bits before the CRC, the sub-class first."""
    block = cipher.encrypt(head << 16 | _crc(token_class, head))
    displaced = block >> _CLASS_AT & 3
    return f"{displaced << 64 | block & ~_CLASS_MASK | token_class << _CLASS_AT:0{DIGITS}d}"


def open_token(digits: str, cipher: Cipher) -> Token | Fault:
    """What 20 digits say to the meter whose key the cipher has, or why they say nothing."""
    opened = open_head(digits, cipher)
    if isinstance(opened, Fault):
        return opened
    token_class, head = opened
    try:
        kind = Kind((token_class, head >> 44))
    except ValueError:
        return Fault.UNKNOWN_KIND
    return Token(kind=kind, identifier=head >> 16 & 0xFFFFFF, value=head & 0xFFFF, random=head >> 40 & 0xF)


def open_head(digits: str, cipher: Cipher) -> tuple[int, int] | Fault:
    """The class of 20 digits, and the 48 bits before the CRC; or why they say nothing to this meter."""
    if not (len(digits) == DIGITS and digits.isascii() and digits.isdecimal()) or int(digits) >> TOKEN_BITS:
        return Fault.FORMAT
    number = int(digits)
    token_class = number >> _CLASS_AT & 3
    if not any(token_class == each.value[0] for each in Kind):
        return Fault.UNKNOWN_KIND
    block = number & ~_CLASS_MASK & (1 << 64) - 1 | number >> 64 << _CLASS_AT
    content = cipher.decrypt(block)
    head, crc = content >> 16, content & 0xFFFF
    return (token_class, head) if crc == _crc(token_class, head) else Fault.AUTHENTICATION


def _crc(token_class: int, head: int) -> int:
    """CRC-16 of class and content, its octets exchanged as on a serial line."""
    crc = crc16_modbus((token_class << 48 | head).to_bytes(_CRC_OCTETS, "big"))
    return (crc & 0xFF) << 8 | crc >> 8
