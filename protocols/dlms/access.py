"""ACCESS: any mix of gets, sets and actions in one unified request, and their results in one response."""

from dataclasses import dataclass
from typing import ClassVar, Final

from protocols.dlms.axdr import Reader, encode_octets
from protocols.dlms.descriptor import (
    AttributeDescriptor,
    MethodDescriptor,
    encode_list,
    read_method,
    read_signed,
    read_value,
    read_values,
)
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import Selection
from protocols.errors import RemoteProtocolError

ACCESS_REQUEST: Final = 0xD9
ACCESS_RESPONSE: Final = 0xDA


@dataclass(slots=True)
class AccessGet:
    """Read one attribute; its place in the data list is null-data."""

    attribute: AttributeDescriptor

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return _encode_attribute(1, 4, self.attribute)


@dataclass(slots=True)
class AccessSet:
    """Write one attribute."""

    attribute: AttributeDescriptor

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return _encode_attribute(2, 5, self.attribute)


@dataclass(slots=True)
class AccessAction:
    """Invoke one method; without a parameter its place in the data list is null-data."""

    method: MethodDescriptor

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x03" + self.method.encode()


AccessSpecification = AccessGet | AccessSet | AccessAction


@dataclass(slots=True)
class GetResult:
    """What came of a get; its value stands in the data list, null-data where it failed."""

    result: DataAccessResult


@dataclass(slots=True)
class SetResult:
    """What came of a set."""

    result: DataAccessResult


@dataclass(slots=True)
class MethodResult:
    """What came of an action; what it returned stands in the data list."""

    result: ActionResult


AccessResult = GetResult | SetResult | MethodResult


@dataclass(slots=True)
class AccessRequest:
    """The specifications, and one value (encoded) for each."""

    tag: ClassVar[int] = ACCESS_REQUEST

    long_invoke: int
    date_time: bytes
    specifications: list[AccessSpecification]
    values: list[bytes]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"".join(
            (
                bytes((ACCESS_REQUEST,)),
                self.long_invoke.to_bytes(4, "big"),
                encode_octets(self.date_time),
                encode_list([specification.encode() for specification in self.specifications]),
                encode_list(self.values),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> "AccessRequest":
        """The ACCESS request that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        if reader.u8() != ACCESS_REQUEST:
            raise RemoteProtocolError("no access-request")
        request = cls(reader.u32(), reader.octet_string(), _read_specifications(reader), read_values(reader))
        if len(request.values) != len(request.specifications):
            raise RemoteProtocolError(f"{len(request.values)} values for {len(request.specifications)} specifications")
        return reader.end(request)


@dataclass(slots=True)
class AccessResponse:
    """One value (encoded) and one result for each specification; the request's own come back if it asked for that."""

    tag: ClassVar[int] = ACCESS_RESPONSE

    long_invoke: int
    date_time: bytes
    specifications: list[AccessSpecification] | None
    values: list[bytes]
    results: list[AccessResult]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        specifications = self.specifications
        return b"".join(
            (
                bytes((ACCESS_RESPONSE,)),
                self.long_invoke.to_bytes(4, "big"),
                encode_octets(self.date_time),
                b"\x00"
                if specifications is None
                else b"\x01" + encode_list([item.encode() for item in specifications]),
                encode_list(self.values),
                encode_list([_encode_result(result) for result in self.results]),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> "AccessResponse":
        """The ACCESS response that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        if reader.u8() != ACCESS_RESPONSE:
            raise RemoteProtocolError("no access-response")
        long_invoke, date_time = reader.u32(), reader.octet_string()
        specifications = _read_specifications(reader) if reader.present() else None
        values = read_values(reader)
        results = [_read_result(reader) for _ in range(reader.length())]
        return reader.end(cls(long_invoke, date_time, specifications, values, results))


def _encode_attribute(plain: int, selected: int, attribute: AttributeDescriptor) -> bytes:
    if attribute.selection is None:
        return bytes((plain,)) + attribute.encode_plain()
    return bytes((selected,)) + attribute.encode_plain() + attribute.selection.encode()


def _read_specifications(reader: Reader) -> list[AccessSpecification]:
    return [_read_specification(reader) for _ in range(reader.length())]


def _read_specification(reader: Reader) -> AccessSpecification:
    choice = reader.u8()
    if choice == 3:
        return AccessAction(read_method(reader))
    if choice not in {1, 2, 4, 5}:
        raise RemoteProtocolError(f"an access specification of the kind {choice}")
    class_id, instance, attribute = reader.u16(), reader.octets(6), read_signed(reader)
    selection = Selection(reader.u8(), read_value(reader)) if choice >= 4 else None
    kind = AccessGet if choice in {1, 4} else AccessSet
    return kind(AttributeDescriptor(class_id, instance, attribute, selection))


def _encode_result(result: AccessResult) -> bytes:
    if isinstance(result, GetResult):
        return bytes((1, result.result))
    return bytes((2 if isinstance(result, SetResult) else 3, result.result))


def _read_result(reader: Reader) -> AccessResult:
    choice, code = reader.u8(), reader.u8()
    if choice == 1:
        return GetResult(DataAccessResult(code))
    if choice == 2:
        return SetResult(DataAccessResult(code))
    if choice == 3:
        return MethodResult(ActionResult(code))
    raise RemoteProtocolError(f"an access result of the kind {choice}")
