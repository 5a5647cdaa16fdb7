"""The data block of a read-out, called D0 after the interface it came over: `address(value*unit)`, set after set.

A data set has an address, which is an OBIS code or the maker's own, and one value or several, each with a unit or
without. A set without an address goes on with the one before it. The block stands between STX and ETX, its last line
is `!`, and a BCC follows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from protocols.checksum import bcc
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.message import ETX, LINE_END, STX

BLOCK_BYTES_MAX: Final = 0x10000  # at 300 baud more than half an hour
VALUES_MAX: Final = 1000  # a data set of more is no meter's
_RESERVED: Final = frozenset("()/!*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value, as text: leading zeros and the number of decimals are the meter's statement of its precision."""

    text: str
    unit: str = ""

    def __post_init__(self) -> None:
        _printable(self.text, _RESERVED - {"/"})
        _printable(self.unit, _RESERVED - {"/"})

    def __str__(self) -> str:
        return f"({self.text}*{self.unit})" if self.unit else f"({self.text})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """An address and its values."""

    address: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        _printable(self.address, _RESERVED - {"*"})
        if not 1 <= len(self.values) <= VALUES_MAX:
            raise ValueError(f"a data set has 1 to {VALUES_MAX} values")

    def __str__(self) -> str:
        return self.address + "".join(map(str, self.values))


def _printable(text: str, but: frozenset[str]) -> None:
    for character in text:
        if not " " <= character <= "~" or character in but:
            raise ValueError(f"{character!r} may not stand in a data set")


def encode(data_sets: Iterable[DataSet]) -> bytes:
    """The data message: STX, a line for each data set, `!`, ETX, BCC."""
    lines = "".join(f"{data_set}\r\n" for data_set in data_sets)
    checked = f"{lines}!".encode("ascii") + LINE_END + bytes((ETX,))
    return bytes((STX,)) + checked + bytes((bcc(checked),))


def decode(message: bytes) -> tuple[DataSet, ...]:
    """Read a data message from STX through BCC.

    Raises:
        RemoteProtocolError: the BCC does not hold, or it is not made of data sets.
    """
    if len(message) < 3 or message[0] != STX or message[-2] != ETX:
        raise RemoteProtocolError("a data message stands between STX and ETX")
    if bcc(message[1:-1]) != message[-1]:
        raise RemoteProtocolError("the BCC of the data message does not hold")
    try:
        text = message[1:-2].decode("ascii")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("a data message with characters of eight bits") from error
    body, end, rest = text.partition("!")
    if not end or rest.strip("\r\n"):
        raise RemoteProtocolError("a data block ends with a line of !")
    try:
        return tuple(_data_sets(body))
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error


def _data_sets(body: str) -> list[DataSet]:
    found: list[DataSet] = []
    address, values = "", list[Value]()
    for line in body.split("\r\n"):
        at = 0
        while at < len(line):
            opened = line.find("(", at)
            closed = line.find(")", opened)
            if opened < 0 or closed < 0:
                raise ValueError("a data set ends with its value in brackets")
            if opened > at:
                if values:
                    found.append(DataSet(address=address, values=tuple(values)))
                address, values = line[at:opened], []
            text, _, unit = line[opened + 1 : closed].partition("*")
            values.append(Value(text=text, unit=unit))
            at = closed + 1
    if values:
        found.append(DataSet(address=address, values=tuple(values)))
    return found
