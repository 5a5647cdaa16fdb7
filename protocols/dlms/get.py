"""GET: request and response in all their forms.

Requests and responses are plain slots classes, since one is built for every message; treat them as frozen. Values
stay encoded. A normal response's value runs to the APDU's end and is not looked into: whoever decodes it will.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from protocols.dlms.axdr import Reader, encode_octets
from protocols.dlms.descriptor import (
    AttributeDescriptor,
    encode_data_result,
    encode_list,
    encode_selection,
    read_attributes,
    read_data_result,
    read_selection,
)
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import Selection
from protocols.errors import RemoteProtocolError

GET_REQUEST: Final = 0xC0
GET_RESPONSE: Final = 0xC4


@dataclass(slots=True)
class GetRequestNormal:
    """One attribute is asked for, whole or in part."""

    tag: ClassVar[int] = GET_REQUEST

    invoke: int
    class_id: int
    instance: bytes
    attribute: int
    selection: Selection | None = None

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\xc0\x01%c%b%b%b%b" % (
            self.invoke,
            self.class_id.to_bytes(2, "big"),
            self.instance,
            self.attribute.to_bytes(1, "big", signed=True),
            b"\x00" if self.selection is None else encode_selection(self.selection),
        )


@dataclass(slots=True)
class GetRequestNext:
    """The block after `block_number` is asked for."""

    tag: ClassVar[int] = GET_REQUEST

    invoke: int
    block_number: int

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((GET_REQUEST, 2, self.invoke)) + self.block_number.to_bytes(4, "big")


@dataclass(slots=True)
class GetRequestWithList:
    """Several attributes are asked for at once."""

    tag: ClassVar[int] = GET_REQUEST

    invoke: int
    attributes: list[AttributeDescriptor]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        attributes = encode_list([attribute.encode() for attribute in self.attributes])
        return bytes((GET_REQUEST, 3, self.invoke)) + attributes


GetRequest = GetRequestNormal | GetRequestNext | GetRequestWithList


@dataclass(slots=True)
class GetResponseNormal:
    """One attribute's value, encoded, or why there is none."""

    tag: ClassVar[int] = GET_RESPONSE

    invoke: int
    result: bytes | DataAccessResult

    def encode(self) -> bytes:
        """The octets of the APDU."""
        result = self.result
        if isinstance(result, bytes):
            return b"\xc4\x01%c\x00%b" % (self.invoke, result)
        return bytes((GET_RESPONSE, 1, self.invoke, 1, result))


@dataclass(slots=True)
class GetResponseWithDatablock:
    """One block of a long response, or why it ended."""

    tag: ClassVar[int] = GET_RESPONSE

    invoke: int
    last: bool
    block_number: int
    result: bytes | DataAccessResult

    def encode(self) -> bytes:
        """The octets of the APDU."""
        result = self.result
        return b"\xc4\x02%c%c%b%b" % (
            self.invoke,
            self.last,
            self.block_number.to_bytes(4, "big"),
            b"\x00" + encode_octets(result) if isinstance(result, bytes) else bytes((1, result)),
        )


@dataclass(slots=True)
class GetResponseWithList:
    """The values of several attributes, each encoded, or why there is none."""

    tag: ClassVar[int] = GET_RESPONSE

    invoke: int
    results: list[bytes | DataAccessResult]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((GET_RESPONSE, 3, self.invoke)) + encode_list(
            [encode_data_result(result) for result in self.results]
        )


GetResponse = GetResponseNormal | GetResponseWithDatablock | GetResponseWithList


def decode_request(data: bytes) -> GetRequest:
    """The GET request that `data`, which starts with its tag, is.

    Raises:
        RemoteProtocolError: it is none.
    """
    if len(data) == 13 and data[1] == 1 and not data[12]:
        attribute = data[11]
        return GetRequestNormal(
            data[2], data[3] << 8 | data[4], data[5:11], attribute if attribute < 0x80 else attribute - 0x100, None
        )
    reader = Reader(data, 1)
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        class_id, instance = reader.u16(), reader.octets(6)
        attribute = int.from_bytes(reader.octets(1), "big", signed=True)
        return reader.end(GetRequestNormal(invoke, class_id, instance, attribute, read_selection(reader)))
    if kind == 2:
        return reader.end(GetRequestNext(invoke, reader.u32()))
    if kind == 3:
        return reader.end(GetRequestWithList(invoke, read_attributes(reader)))
    raise RemoteProtocolError(f"a GET request of the kind {kind}")


def decode_response(data: bytes) -> GetResponse:
    """The GET response that `data`, which starts with its tag, is.

    Raises:
        RemoteProtocolError: it is none.
    """
    if len(data) > 4 and data[1] == 1 and not data[3]:
        return GetResponseNormal(data[2], data[4:])
    reader = Reader(data, 1)
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return reader.end(GetResponseNormal(invoke, read_data_result(reader)))
    if kind == 2:
        last, number = reader.boolean(), reader.u32()
        return reader.end(GetResponseWithDatablock(invoke, last, number, _read_raw_result(reader)))
    if kind == 3:
        return reader.end(GetResponseWithList(invoke, [read_data_result(reader) for _ in range(reader.length())]))
    raise RemoteProtocolError(f"a GET response of the kind {kind}")


def _read_raw_result(reader: Reader) -> bytes | DataAccessResult:
    choice = reader.u8()
    if choice == 0:
        return reader.octet_string()
    if choice == 1:
        return DataAccessResult(reader.u8())
    raise RemoteProtocolError(f"a data block result of the kind {choice}")
