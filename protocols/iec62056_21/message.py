"""The three messages of a sign-on: request, identification, option select; and the characters they are made of.

Characters have seven bits and even parity. Where the line has eight bits and none (a Linux pty), `with_parity` puts the
parity into bit 7 and `without_parity` takes it out and checks it.
"""

from dataclasses import dataclass
from typing import Final

from protocols.errors import RemoteProtocolError

ACK: Final = 0x06
NAK: Final = 0x15
SOH: Final = 0x01
STX: Final = 0x02
ETX: Final = 0x03
LINE_END: Final = b"\r\n"

INITIAL_BAUD: Final = 300
BAUDS: Final = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
"""Baud rate identifications of modes C and E."""

HDLC: Final = "2"  # enhanced identification, protocol control and mode control alike
NORMAL: Final = "0"  # protocol control of modes that speak in characters
READ_OUT: Final = "0"

REACTION_US: Final = 200_000
REACTION_FAST_US: Final = 20_000  # where the manufacturer's third letter is lower case
REACTION_MAX_US: Final = 1_500_000

DEVICE_ADDRESS_MAX: Final = 32
IDENTIFICATION_TEXT_MAX: Final = 16
MESSAGE_BYTES_MAX: Final = 64  # the longest of the three, with its line end, and some room

_WITH_PARITY: Final = bytes(byte & 0x7F | (0x80 if (byte & 0x7F).bit_count() & 1 else 0) for byte in range(256))
_EVEN: Final = frozenset(_WITH_PARITY)


def with_parity(data: bytes) -> bytes:
    """Each character with even parity in bit 7."""
    return data.translate(_WITH_PARITY)


def without_parity(data: bytes) -> bytes:
    """The characters, those of wrong parity as 7F, which is in no message."""
    return bytes(byte & 0x7F if byte in _EVEN else 0x7F for byte in data)


def _text(line: bytes) -> str:
    if not all(0x20 <= octet < 0x7F for octet in line):
        raise RemoteProtocolError("a sign-on message with characters that can't be printed")
    return line.decode("ascii")


def _baud(character: str) -> None:
    if character not in BAUDS:
        raise ValueError(f"{character!r} is no baud rate identification of modes C and E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`/?address!`: who is there, or who of many."""

    device_address: str = ""

    def __post_init__(self) -> None:
        allowed = self.device_address.replace(" ", "")
        if len(self.device_address) > DEVICE_ADDRESS_MAX or not (
            not allowed or (allowed.isascii() and allowed.isalnum())
        ):
            raise ValueError(f"a device address has up to {DEVICE_ADDRESS_MAX} letters, digits and spaces")

    def __bytes__(self) -> bytes:
        return f"/?{self.device_address}!".encode("ascii") + LINE_END

    @classmethod
    def from_line(cls, line: bytes) -> "Request":
        """Read the message without its line end.

        Raises:
            RemoteProtocolError: it is none.
        """
        text = _text(line)
        if not (text.startswith("/?") and text.endswith("!")):
            raise RemoteProtocolError("a sign-on that is no request message")
        try:
            return cls(device_address=text[2:-1])
        except ValueError as error:
            raise RemoteProtocolError(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    r"""`/XXXZ\2text`: the maker, the highest baud rate, whether HDLC is offered, and the maker's own text.

    Attributes:
        manufacturer: three letters; the third in lower case says that the meter reacts within 20 ms.
        baud_character: the highest baud rate.
        text: type and version, as the maker likes.
        enhanced: the character of the enhanced identification, None if there is none.
    """

    manufacturer: str
    baud_character: str = "5"
    text: str = ""
    enhanced: str | None = None

    def __post_init__(self) -> None:
        if len(self.manufacturer) != 3 or not (self.manufacturer.isascii() and self.manufacturer.isalpha()):
            raise ValueError(f"a manufacturer has three letters, not {self.manufacturer!r}")
        if not self.manufacturer[:2].isupper():
            raise ValueError("the first two letters of a manufacturer are upper case")
        _baud(self.baud_character)
        if len(self.text) > IDENTIFICATION_TEXT_MAX or not all(
            " " <= character <= "~" and character not in "/!" for character in self.text
        ):
            raise ValueError(f"an identification has up to {IDENTIFICATION_TEXT_MAX} characters, none of them / or !")
        if self.enhanced is None:
            if self.text.startswith("\\"):
                raise ValueError("a text that begins with \\ is an enhanced identification")
        elif len(self.enhanced) != 1 or not " " <= self.enhanced <= "~" or self.enhanced in "/!":
            raise ValueError("an enhanced identification has one character")

    @property
    def baud(self) -> int:
        """The highest baud rate."""
        return BAUDS[self.baud_character]

    @property
    def offers_hdlc(self) -> bool:
        """Whether mode E is possible."""
        return self.enhanced == HDLC

    @property
    def reaction_us(self) -> int:
        """How long to wait at least before speaking."""
        return REACTION_FAST_US if self.manufacturer[2].islower() else REACTION_US

    def __bytes__(self) -> bytes:
        enhanced = "" if self.enhanced is None else f"\\{self.enhanced}"
        return f"/{self.manufacturer}{self.baud_character}{enhanced}{self.text}".encode("ascii") + LINE_END

    @classmethod
    def from_line(cls, line: bytes) -> "Identification":
        """Read the message without its line end.

        Raises:
            RemoteProtocolError: it is none.
        """
        text = _text(line)
        if len(text) < 5 or text[0] != "/":
            raise RemoteProtocolError("an answer to a sign-on that is no identification message")
        enhanced, rest = (text[6], text[7:]) if text[5:6] == "\\" and len(text) > 6 else (None, text[5:])
        try:
            return cls(manufacturer=text[1:4], baud_character=text[4], enhanced=enhanced, text=rest)
        except ValueError as error:
            raise RemoteProtocolError(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSelect:
    """`ACK V Z Y`: which protocol, which baud rate, which mode; in mode E the meter says it back."""

    protocol: str
    baud_character: str
    mode: str

    def __post_init__(self) -> None:
        _baud(self.baud_character)
        for character in (self.protocol, self.mode):
            if len(character) != 1 or not (character.isascii() and character.isalnum()):
                raise ValueError("protocol and mode control are one letter or digit each")

    @property
    def baud(self) -> int:
        """The baud rate that both change to."""
        return BAUDS[self.baud_character]

    @property
    def is_hdlc(self) -> bool:
        """Whether mode E is meant."""
        return self.protocol == HDLC == self.mode

    @property
    def is_read_out(self) -> bool:
        """Whether mode C's read-out is meant."""
        return self.protocol == NORMAL and self.mode == READ_OUT

    def __bytes__(self) -> bytes:
        return bytes((ACK,)) + f"{self.protocol}{self.baud_character}{self.mode}".encode("ascii") + LINE_END

    @classmethod
    def from_line(cls, line: bytes) -> "OptionSelect":
        """Read the message without its line end.

        Raises:
            RemoteProtocolError: it is none.
        """
        text = _text(line[1:])
        if line[:1] != bytes((ACK,)) or len(text) != 3:
            raise RemoteProtocolError("an option select message has four characters, the first of them ACK")
        try:
            return cls(protocol=text[0], baud_character=text[1], mode=text[2])
        except ValueError as error:
            raise RemoteProtocolError(str(error)) from error
