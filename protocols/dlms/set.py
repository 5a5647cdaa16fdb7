"""SET: request and response in all their forms.

As with GET these are plain slots classes, to be treated as frozen. A normal request's value runs to the APDU's end
and is not looked into.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from protocols.dlms.axdr import Reader
from protocols.dlms.descriptor import (
    AttributeDescriptor,
    DataBlock,
    encode_list,
    encode_selection,
    read_attribute,
    read_attributes,
    read_data_block,
    read_values,
)
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import Selection
from protocols.errors import RemoteProtocolError

SET_REQUEST: Final = 0xC1
SET_RESPONSE: Final = 0xC5


@dataclass(slots=True)
class SetRequestNormal:
    """One attribute is to be written."""

    tag: ClassVar[int] = SET_REQUEST

    invoke: int
    class_id: int
    instance: bytes
    attribute: int
    selection: Selection | None
    value: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\xc1\x01%c%b%b%b%b%b" % (
            self.invoke,
            self.class_id.to_bytes(2, "big"),
            self.instance,
            self.attribute.to_bytes(1, "big", signed=True),
            encode_selection(self.selection),
            self.value,
        )


@dataclass(slots=True)
class SetRequestWithFirstDatablock:
    """One attribute is to be written, with a value that comes in blocks."""

    tag: ClassVar[int] = SET_REQUEST

    invoke: int
    attribute: AttributeDescriptor
    block: DataBlock

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((SET_REQUEST, 2, self.invoke)) + self.attribute.encode() + self.block.encode()


@dataclass(slots=True)
class SetRequestWithDatablock:
    """One further block."""

    tag: ClassVar[int] = SET_REQUEST

    invoke: int
    block: DataBlock

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((SET_REQUEST, 3, self.invoke)) + self.block.encode()


@dataclass(slots=True)
class SetRequestWithList:
    """Several attributes are to be written at once, one value each."""

    tag: ClassVar[int] = SET_REQUEST

    invoke: int
    attributes: list[AttributeDescriptor]
    values: list[bytes]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        attributes = encode_list([attribute.encode() for attribute in self.attributes])
        return bytes((SET_REQUEST, 4, self.invoke)) + attributes + encode_list(self.values)


@dataclass(slots=True)
class SetRequestWithListAndFirstDatablock:
    """Several attributes are to be written; what comes in blocks is the list of their values, with its count."""

    tag: ClassVar[int] = SET_REQUEST

    invoke: int
    attributes: list[AttributeDescriptor]
    block: DataBlock

    def encode(self) -> bytes:
        """The octets of the APDU."""
        attributes = encode_list([attribute.encode() for attribute in self.attributes])
        return bytes((SET_REQUEST, 5, self.invoke)) + attributes + self.block.encode()


SetRequest = (
    SetRequestNormal
    | SetRequestWithFirstDatablock
    | SetRequestWithDatablock
    | SetRequestWithList
    | SetRequestWithListAndFirstDatablock
)


@dataclass(slots=True)
class SetResponseNormal:
    """Whether the attribute was written."""

    tag: ClassVar[int] = SET_RESPONSE

    invoke: int
    result: DataAccessResult

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((SET_RESPONSE, 1, self.invoke, self.result))


@dataclass(slots=True)
class SetResponseDatablock:
    """The block has arrived; the next one may come."""

    tag: ClassVar[int] = SET_RESPONSE

    invoke: int
    block_number: int

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((SET_RESPONSE, 2, self.invoke)) + self.block_number.to_bytes(4, "big")


@dataclass(slots=True)
class SetResponseLastDatablock:
    """The last block has arrived: whether the attribute was written."""

    tag: ClassVar[int] = SET_RESPONSE

    invoke: int
    result: DataAccessResult
    block_number: int

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((SET_RESPONSE, 3, self.invoke, self.result)) + self.block_number.to_bytes(4, "big")


@dataclass(slots=True)
class SetResponseLastDatablockWithList:
    """The last block has arrived: which attributes were written."""

    tag: ClassVar[int] = SET_RESPONSE

    invoke: int
    results: list[DataAccessResult]
    block_number: int

    def encode(self) -> bytes:
        """The octets of the APDU."""
        results = encode_list([bytes((result,)) for result in self.results])
        return bytes((SET_RESPONSE, 4, self.invoke)) + results + self.block_number.to_bytes(4, "big")


@dataclass(slots=True)
class SetResponseWithList:
    """Which attributes were written."""

    tag: ClassVar[int] = SET_RESPONSE

    invoke: int
    results: list[DataAccessResult]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((SET_RESPONSE, 5, self.invoke)) + encode_list([bytes((result,)) for result in self.results])


SetResponse = (
    SetResponseNormal
    | SetResponseDatablock
    | SetResponseLastDatablock
    | SetResponseLastDatablockWithList
    | SetResponseWithList
)


def decode_request(data: bytes) -> SetRequest:
    """The SET request that `data`, which starts with its tag, is.

    Raises:
        RemoteProtocolError: it is none.
    """
    reader = Reader(data, 1)
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        class_id, instance, attribute, selection = read_attribute(reader)
        return SetRequestNormal(invoke, class_id, instance, attribute, selection, reader.rest())
    if kind == 2:
        return reader.end(SetRequestWithFirstDatablock(invoke, read_attribute(reader), read_data_block(reader)))
    if kind == 3:
        return reader.end(SetRequestWithDatablock(invoke, read_data_block(reader)))
    if kind == 4:
        request = SetRequestWithList(invoke, read_attributes(reader), read_values(reader))
        if len(request.attributes) != len(request.values):
            raise RemoteProtocolError(f"{len(request.values)} values for {len(request.attributes)} attributes")
        return reader.end(request)
    if kind == 5:
        return reader.end(SetRequestWithListAndFirstDatablock(invoke, read_attributes(reader), read_data_block(reader)))
    raise RemoteProtocolError(f"a SET request of the kind {kind}")


def decode_response(data: bytes) -> SetResponse:
    """The SET response that `data`, which starts with its tag, is.

    Raises:
        RemoteProtocolError: it is none.
    """
    reader = Reader(data, 1)
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return reader.end(SetResponseNormal(invoke, DataAccessResult(reader.u8())))
    if kind == 2:
        return reader.end(SetResponseDatablock(invoke, reader.u32()))
    if kind == 3:
        return reader.end(SetResponseLastDatablock(invoke, DataAccessResult(reader.u8()), reader.u32()))
    if kind == 4:
        return reader.end(SetResponseLastDatablockWithList(invoke, _read_results(reader), reader.u32()))
    if kind == 5:
        return reader.end(SetResponseWithList(invoke, _read_results(reader)))
    raise RemoteProtocolError(f"a SET response of the kind {kind}")


def _read_results(reader: Reader) -> list[DataAccessResult]:
    return [DataAccessResult(result) for result in reader.octet_string()]
