"""Short-name referencing: Read, Write and UnconfirmedWrite, where an attribute is a base name plus an offset.

A variable access says which variable, and how: by name alone, with a selection (parameterised access), or as one
block of a long transfer.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from protocols.dlms.axdr import Reader, encode_octets
from protocols.dlms.descriptor import encode_list, read_value, read_values
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import Selection
from protocols.errors import RemoteProtocolError

READ_REQUEST: Final = 0x05
READ_RESPONSE: Final = 0x0C
WRITE_REQUEST: Final = 0x06
WRITE_RESPONSE: Final = 0x0D
UNCONFIRMED_WRITE_REQUEST: Final = 0x16


@dataclass(slots=True)
class VariableName:
    """The variable of this short name."""

    name: int

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x02" + self.name.to_bytes(2, "big")


@dataclass(slots=True)
class ParameterizedAccess:
    """The variable of this short name, in part; or a method that takes a parameter."""

    name: int
    selection: Selection

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x04" + self.name.to_bytes(2, "big") + self.selection.encode()


@dataclass(slots=True)
class BlockNumberAccess:
    """Read: the block after this one is asked for."""

    block_number: int

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x05" + self.block_number.to_bytes(2, "big")


@dataclass(slots=True)
class ReadDataBlockAccess:
    """Read: one block of a long list of variables."""

    last: bool
    block_number: int
    raw: bytes

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x06%c%b%b" % (self.last, self.block_number.to_bytes(2, "big"), encode_octets(self.raw))


@dataclass(slots=True)
class WriteDataBlockAccess:
    """Write: one block of a long request; its octets are the one value (an octet-string) that stands with it."""

    last: bool
    block_number: int

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x07%c%b" % (self.last, self.block_number.to_bytes(2, "big"))


VariableAccess = VariableName | ParameterizedAccess | BlockNumberAccess | ReadDataBlockAccess | WriteDataBlockAccess


def read_variable_access(reader: Reader) -> VariableAccess:
    """A Variable-Access-Specification."""
    choice = reader.u8()
    if choice == 2:
        return VariableName(reader.u16())
    if choice == 4:
        return ParameterizedAccess(reader.u16(), Selection(reader.u8(), read_value(reader)))
    if choice == 5:
        return BlockNumberAccess(reader.u16())
    if choice == 6:
        return ReadDataBlockAccess(reader.boolean(), reader.u16(), reader.octet_string())
    if choice == 7:
        return WriteDataBlockAccess(reader.boolean(), reader.u16())
    raise RemoteProtocolError(f"a variable access of the kind {choice}")


def read_variable_accesses(reader: Reader) -> list[VariableAccess]:
    """A SEQUENCE OF Variable-Access-Specification."""
    return [read_variable_access(reader) for _ in range(reader.length())]


@dataclass(slots=True)
class ReadRequest:
    """Variables are asked for, or blocks of a long transfer."""

    tag: ClassVar[int] = READ_REQUEST

    variables: list[VariableAccess]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\x05" + encode_list([variable.encode() for variable in self.variables])

    @classmethod
    def decode(cls, data: bytes) -> "ReadRequest":
        """The ReadRequest that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = _reader(data, READ_REQUEST)
        return reader.end(cls(read_variable_accesses(reader)))


@dataclass(slots=True)
class DataBlockResult:
    """Read: one block of a long response."""

    last: bool
    block_number: int
    raw: bytes

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x02%c%b%b" % (self.last, self.block_number.to_bytes(2, "big"), encode_octets(self.raw))


@dataclass(slots=True)
class BlockNumber:
    """The block has arrived; the next one may come."""

    block_number: int


ReadResult = bytes | DataAccessResult | DataBlockResult | BlockNumber
"""A value, encoded; or why there is none; or a step of a long transfer."""


@dataclass(slots=True)
class ReadResponse:
    """One result for each variable."""

    tag: ClassVar[int] = READ_RESPONSE

    results: list[ReadResult]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\x0c" + encode_list([_encode_read_result(result) for result in self.results])

    @classmethod
    def decode(cls, data: bytes) -> "ReadResponse":
        """The ReadResponse that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = _reader(data, READ_RESPONSE)
        return reader.end(cls([_read_read_result(reader) for _ in range(reader.length())]))


@dataclass(slots=True)
class WriteRequest:
    """Variables are to be written, one value each (encoded)."""

    tag: ClassVar[int] = WRITE_REQUEST

    variables: list[VariableAccess]
    values: list[bytes]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        variables = encode_list([variable.encode() for variable in self.variables])
        return b"\x06" + variables + encode_list(self.values)

    @classmethod
    def decode(cls, data: bytes) -> "WriteRequest":
        """The WriteRequest that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = _reader(data, WRITE_REQUEST)
        return reader.end(cls(*_read_variables_and_values(reader)))


WriteResult = DataAccessResult | BlockNumber
"""`SUCCESS`, or why the variable was not written; or a step of a long transfer."""


@dataclass(slots=True)
class WriteResponse:
    """One result for each variable."""

    tag: ClassVar[int] = WRITE_RESPONSE

    results: list[WriteResult]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\x0d" + encode_list([_encode_write_result(result) for result in self.results])

    @classmethod
    def decode(cls, data: bytes) -> "WriteResponse":
        """The WriteResponse that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = _reader(data, WRITE_RESPONSE)
        return reader.end(cls([_read_write_result(reader) for _ in range(reader.length())]))


@dataclass(slots=True)
class UnconfirmedWriteRequest:
    """As WriteRequest, and never answered."""

    tag: ClassVar[int] = UNCONFIRMED_WRITE_REQUEST

    variables: list[VariableAccess]
    values: list[bytes]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        variables = encode_list([variable.encode() for variable in self.variables])
        return b"\x16" + variables + encode_list(self.values)

    @classmethod
    def decode(cls, data: bytes) -> "UnconfirmedWriteRequest":
        """The UnconfirmedWriteRequest that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = _reader(data, UNCONFIRMED_WRITE_REQUEST)
        return reader.end(cls(*_read_variables_and_values(reader)))


def _reader(data: bytes, tag: int) -> Reader:
    reader = Reader(data)
    found = reader.u8()
    if found != tag:
        raise RemoteProtocolError(f"APDU {found:02X} where {tag:02X} was to be read")
    return reader


def _read_variables_and_values(reader: Reader) -> tuple[list[VariableAccess], list[bytes]]:
    variables, values = read_variable_accesses(reader), read_values(reader)
    if len(variables) != len(values):
        raise RemoteProtocolError(f"{len(values)} values for {len(variables)} variables")
    return variables, values


def _encode_read_result(result: ReadResult) -> bytes:
    if isinstance(result, bytes):
        return b"\x00" + result
    if isinstance(result, DataAccessResult):
        return bytes((1, result))
    if isinstance(result, DataBlockResult):
        return result.encode()
    return b"\x03" + result.block_number.to_bytes(2, "big")


def _read_read_result(reader: Reader) -> ReadResult:
    choice = reader.u8()
    if choice == 0:
        return read_value(reader)
    if choice == 1:
        return DataAccessResult(reader.u8())
    if choice == 2:
        return DataBlockResult(reader.boolean(), reader.u16(), reader.octet_string())
    if choice == 3:
        return BlockNumber(reader.u16())
    raise RemoteProtocolError(f"a read result of the kind {choice}")


def _encode_write_result(result: WriteResult) -> bytes:
    if isinstance(result, BlockNumber):
        return b"\x02" + result.block_number.to_bytes(2, "big")
    return b"\x00" if result == DataAccessResult.SUCCESS else bytes((1, result))


def _read_write_result(reader: Reader) -> WriteResult:
    choice = reader.u8()
    if choice == 0:
        return DataAccessResult.SUCCESS
    if choice == 1:
        return DataAccessResult(reader.u8())
    if choice == 2:
        return BlockNumber(reader.u16())
    raise RemoteProtocolError(f"a write result of the kind {choice}")
