"""What the services of logical-name referencing share: descriptors of attributes and methods, data blocks, results."""

from typing import NamedTuple

from protocols.dlms.axdr import Reader, encode_length, encode_octets
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import Selection
from protocols.dlms.value import skip
from protocols.errors import RemoteProtocolError


class AttributeDescriptor(NamedTuple):
    """Cosem-Attribute-Descriptor-With-Selection: one attribute, whole or in part."""

    class_id: int
    instance: bytes
    attribute: int
    selection: Selection | None = None

    def encode_plain(self) -> bytes:
        """The octets without the selection."""
        return self.class_id.to_bytes(2, "big") + self.instance + self.attribute.to_bytes(1, "big", signed=True)

    def encode(self) -> bytes:
        """The octets, with the selection or its absence."""
        return self.encode_plain() + encode_selection(self.selection)


class MethodDescriptor(NamedTuple):
    """Cosem-Method-Descriptor."""

    class_id: int
    instance: bytes
    method: int

    def encode(self) -> bytes:
        """The octets."""
        return self.class_id.to_bytes(2, "big") + self.instance + self.method.to_bytes(1, "big", signed=True)


class DataBlock(NamedTuple):
    """DataBlock-SA: one block of a long request or response; blocks are numbered from 1."""

    last: bool
    number: int
    raw: bytes

    def encode(self) -> bytes:
        """The octets."""
        return b"%c%b%b" % (self.last, self.number.to_bytes(4, "big"), encode_octets(self.raw))


class ActionResponseWithOptionalData(NamedTuple):
    """Action-Response-With-Optional-Data: the result, and what the method returned (encoded) or why nothing came."""

    result: ActionResult
    returned: bytes | DataAccessResult | None = None

    def encode(self) -> bytes:
        """The octets."""
        returned = b"\x00" if self.returned is None else b"\x01" + encode_data_result(self.returned)
        return bytes((self.result,)) + returned


def encode_selection(selection: Selection | None) -> bytes:
    """A selection as an OPTIONAL element."""
    return b"\x00" if selection is None else b"\x01" + selection.encode()


def encode_data_result(result: bytes | DataAccessResult) -> bytes:
    """Get-Data-Result: an encoded value, or why there is none."""
    return b"\x00" + result if isinstance(result, bytes) else bytes((1, result))


def encode_list(encoded: list[bytes]) -> bytes:
    """A SEQUENCE OF what is already encoded."""
    return encode_length(len(encoded)) + b"".join(encoded)


def read_signed(reader: Reader) -> int:
    """An Integer8."""
    return int.from_bytes(reader.octets(1), "big", signed=True)


def read_value(reader: Reader) -> bytes:
    """One value, left encoded."""
    return reader.octets(skip(reader.data, reader.offset) - reader.offset)


def read_values(reader: Reader) -> list[bytes]:
    """A SEQUENCE OF Data, each left encoded."""
    return [read_value(reader) for _ in range(reader.length())]


def read_selection(reader: Reader) -> Selection | None:
    """An OPTIONAL selection."""
    return Selection(reader.u8(), read_value(reader)) if reader.present() else None


def read_attribute(reader: Reader) -> AttributeDescriptor:
    """An attribute with its selection or the selection's absence."""
    return AttributeDescriptor(reader.u16(), reader.octets(6), read_signed(reader), read_selection(reader))


def read_attributes(reader: Reader) -> list[AttributeDescriptor]:
    """A SEQUENCE OF attributes with selection."""
    return [read_attribute(reader) for _ in range(reader.length())]


def read_method(reader: Reader) -> MethodDescriptor:
    """A method."""
    return MethodDescriptor(reader.u16(), reader.octets(6), read_signed(reader))


def read_methods(reader: Reader) -> list[MethodDescriptor]:
    """A SEQUENCE OF methods."""
    return [read_method(reader) for _ in range(reader.length())]


def read_data_block(reader: Reader) -> DataBlock:
    """A DataBlock-SA."""
    return DataBlock(reader.boolean(), reader.u32(), reader.octet_string())


def read_data_result(reader: Reader) -> bytes | DataAccessResult:
    """A Get-Data-Result."""
    choice = reader.u8()
    if choice == 0:
        return read_value(reader)
    if choice == 1:
        return DataAccessResult(reader.u8())
    raise RemoteProtocolError(f"a Get-Data-Result of the kind {choice}")


def read_action_response(reader: Reader) -> ActionResponseWithOptionalData:
    """An Action-Response-With-Optional-Data."""
    result = ActionResult(reader.u8())
    return ActionResponseWithOptionalData(result, read_data_result(reader) if reader.present() else None)
