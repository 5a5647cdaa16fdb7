"""ACTION: request and response in all their forms.

As with GET these are plain slots classes, to be treated as frozen. A normal request's parameter runs to the APDU's end
and is not looked into.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from protocols.dlms.axdr import Reader
from protocols.dlms.descriptor import (
    ActionResponseWithOptionalData,
    DataBlock,
    MethodDescriptor,
    encode_list,
    read_action_response,
    read_data_block,
    read_method,
    read_methods,
    read_values,
)
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.errors import RemoteProtocolError

ACTION_REQUEST: Final = 0xC3
ACTION_RESPONSE: Final = 0xC7


@dataclass(slots=True)
class ActionRequestNormal:
    """One method is to be invoked; `parameter` is encoded, None where the method takes none."""

    tag: ClassVar[int] = ACTION_REQUEST

    invoke: int
    class_id: int
    instance: bytes
    method: int
    parameter: bytes | None = None

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\xc3\x01%c%b%b%b%b" % (
            self.invoke,
            self.class_id.to_bytes(2, "big"),
            self.instance,
            self.method.to_bytes(1, "big", signed=True),
            b"\x00" if self.parameter is None else b"\x01" + self.parameter,
        )


@dataclass(slots=True)
class ActionRequestNextPblock:
    """The block after `block_number` of what the methods returned is asked for."""

    tag: ClassVar[int] = ACTION_REQUEST

    invoke: int
    block_number: int

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((ACTION_REQUEST, 2, self.invoke)) + self.block_number.to_bytes(4, "big")


@dataclass(slots=True)
class ActionRequestWithList:
    """Several methods are to be invoked, one parameter each (null-data where there is none)."""

    tag: ClassVar[int] = ACTION_REQUEST

    invoke: int
    methods: list[MethodDescriptor]
    parameters: list[bytes]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        methods = encode_list([method.encode() for method in self.methods])
        return bytes((ACTION_REQUEST, 3, self.invoke)) + methods + encode_list(self.parameters)


@dataclass(slots=True)
class ActionRequestWithFirstPblock:
    """One method is to be invoked, with a parameter that comes in blocks."""

    tag: ClassVar[int] = ACTION_REQUEST

    invoke: int
    method: MethodDescriptor
    block: DataBlock

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((ACTION_REQUEST, 4, self.invoke)) + self.method.encode() + self.block.encode()


@dataclass(slots=True)
class ActionRequestWithListAndFirstPblock:
    """Several methods are to be invoked; what comes in blocks is the list of their parameters, with its count."""

    tag: ClassVar[int] = ACTION_REQUEST

    invoke: int
    methods: list[MethodDescriptor]
    block: DataBlock

    def encode(self) -> bytes:
        """The octets of the APDU."""
        methods = encode_list([method.encode() for method in self.methods])
        return bytes((ACTION_REQUEST, 5, self.invoke)) + methods + self.block.encode()


@dataclass(slots=True)
class ActionRequestWithPblock:
    """One further block."""

    tag: ClassVar[int] = ACTION_REQUEST

    invoke: int
    block: DataBlock

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((ACTION_REQUEST, 6, self.invoke)) + self.block.encode()


ActionRequest = (
    ActionRequestNormal
    | ActionRequestNextPblock
    | ActionRequestWithList
    | ActionRequestWithFirstPblock
    | ActionRequestWithListAndFirstPblock
    | ActionRequestWithPblock
)


@dataclass(slots=True)
class ActionResponseNormal:
    """What came of the method; `returned` is what it gave back, encoded, or why that could not be had, or None."""

    tag: ClassVar[int] = ACTION_RESPONSE

    invoke: int
    result: ActionResult
    returned: bytes | DataAccessResult | None = None

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return (
            bytes((ACTION_RESPONSE, 1, self.invoke))
            + ActionResponseWithOptionalData(self.result, self.returned).encode()
        )


@dataclass(slots=True)
class ActionResponseWithPblock:
    """One block of what the methods returned."""

    tag: ClassVar[int] = ACTION_RESPONSE

    invoke: int
    block: DataBlock

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((ACTION_RESPONSE, 2, self.invoke)) + self.block.encode()


@dataclass(slots=True)
class ActionResponseWithList:
    """What came of each method."""

    tag: ClassVar[int] = ACTION_RESPONSE

    invoke: int
    responses: list[ActionResponseWithOptionalData]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        responses = encode_list([response.encode() for response in self.responses])
        return bytes((ACTION_RESPONSE, 3, self.invoke)) + responses


@dataclass(slots=True)
class ActionResponseNextPblock:
    """The block has arrived; the next one may come."""

    tag: ClassVar[int] = ACTION_RESPONSE

    invoke: int
    block_number: int

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((ACTION_RESPONSE, 4, self.invoke)) + self.block_number.to_bytes(4, "big")


ActionResponse = ActionResponseNormal | ActionResponseWithPblock | ActionResponseWithList | ActionResponseNextPblock


def decode_request(data: bytes) -> ActionRequest:
    """The ACTION request that `data`, which starts with its tag, is.

    Raises:
        RemoteProtocolError: it is none.
    """
    reader = Reader(data, 1)
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        class_id, instance, method = read_method(reader)
        parameter = reader.rest() if reader.present() else None
        return reader.end(ActionRequestNormal(invoke, class_id, instance, method, parameter))
    if kind == 2:
        return reader.end(ActionRequestNextPblock(invoke, reader.u32()))
    if kind == 3:
        request = ActionRequestWithList(invoke, read_methods(reader), read_values(reader))
        if len(request.methods) != len(request.parameters):
            raise RemoteProtocolError(f"{len(request.parameters)} parameters for {len(request.methods)} methods")
        return reader.end(request)
    if kind == 4:
        return reader.end(ActionRequestWithFirstPblock(invoke, read_method(reader), read_data_block(reader)))
    if kind == 5:
        return reader.end(ActionRequestWithListAndFirstPblock(invoke, read_methods(reader), read_data_block(reader)))
    if kind == 6:
        return reader.end(ActionRequestWithPblock(invoke, read_data_block(reader)))
    raise RemoteProtocolError(f"an ACTION request of the kind {kind}")


def decode_response(data: bytes) -> ActionResponse:
    """The ACTION response that `data`, which starts with its tag, is.

    Raises:
        RemoteProtocolError: it is none.
    """
    reader = Reader(data, 1)
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return reader.end(ActionResponseNormal(invoke, *read_action_response(reader)))
    if kind == 2:
        return reader.end(ActionResponseWithPblock(invoke, read_data_block(reader)))
    if kind == 3:
        responses = [read_action_response(reader) for _ in range(reader.length())]
        return reader.end(ActionResponseWithList(invoke, responses))
    if kind == 4:
        return reader.end(ActionResponseNextPblock(invoke, reader.u32()))
    raise RemoteProtocolError(f"an ACTION response of the kind {kind}")
