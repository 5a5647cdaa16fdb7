"""Every PDU by function code: which value it is and how it becomes bytes.

`decode_request` and `decode_response` raise `RemoteProtocolError` for a PDU whose length or counts do not agree, or
whose function code the specification does not describe. A response with an exception code is a value.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from protocols.errors import RemoteProtocolError
from protocols.modbus import access, service
from protocols.modbus.code import EXCEPTION

Request = (
    access.ReadBits
    | access.ReadRegisters
    | access.WriteSingleCoil
    | access.WriteSingleRegister
    | access.WriteMultipleCoils
    | access.WriteMultipleRegisters
    | access.MaskWriteRegister
    | access.ReadWriteMultipleRegisters
    | service.Enquiry
    | service.Diagnostics
    | service.ReadFileRecord
    | service.WriteFileRecord
    | service.ReadFifoQueue
    | service.ReadDeviceIdentification
)


class ExceptionResponse(NamedTuple):
    """A server's no: `code` is an `ExceptionCode`, or a number of the maker's own."""

    function: int
    code: int


Response = (
    access.Bits
    | access.Registers
    | access.WriteSingleCoil
    | access.WriteSingleRegister
    | access.Written
    | access.MaskWriteRegister
    | service.ExceptionStatus
    | service.Diagnostics
    | service.CommEventCounter
    | service.CommEventLog
    | service.ServerId
    | service.FileRecords
    | service.WriteFileRecord
    | service.FifoQueue
    | service.DeviceIdentification
    | ExceptionResponse
)


class _Codec(NamedTuple):
    encode_request: Callable[[Any], bytes]
    decode_request: Callable[[bytes], Any]
    encode_response: Callable[[Any], bytes]
    decode_response: Callable[[bytes], Any]


def _both_ways(encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> _Codec:
    return _Codec(encode, decode, encode, decode)


_BITS: Final = _Codec(access.encode_read, access.decode_read_bits, access.encode_data, access.decode_bits)
_REGISTERS: Final = _Codec(
    access.encode_read, access.decode_read_registers, access.encode_data, access.decode_registers
)

CODECS: Final[dict[int, _Codec]] = {
    1: _BITS,
    2: _BITS,
    3: _REGISTERS,
    4: _REGISTERS,
    5: _both_ways(access.encode_single, access.decode_single_coil),
    6: _both_ways(access.encode_single, access.decode_single_register),
    7: _Codec(
        service.encode_enquiry,
        service.decode_enquiry,
        service.encode_exception_status,
        service.decode_exception_status,
    ),
    8: _both_ways(service.encode_diagnostics, service.decode_diagnostics),
    11: _Codec(
        service.encode_enquiry, service.decode_enquiry, service.encode_event_counter, service.decode_event_counter
    ),
    12: _Codec(service.encode_enquiry, service.decode_enquiry, service.encode_event_log, service.decode_event_log),
    15: _Codec(
        access.encode_multiple_coils, access.decode_multiple_coils, access.encode_written, access.decode_written
    ),
    16: _Codec(
        access.encode_multiple_registers,
        access.decode_multiple_registers,
        access.encode_written,
        access.decode_written,
    ),
    17: _Codec(service.encode_enquiry, service.decode_enquiry, service.encode_server_id, service.decode_server_id),
    20: _Codec(
        service.encode_read_file, service.decode_read_file, service.encode_file_records, service.decode_file_records
    ),
    21: _both_ways(service.encode_write_file, service.decode_write_file),
    22: _both_ways(access.encode_mask, access.decode_mask),
    23: _Codec(access.encode_read_write, access.decode_read_write, access.encode_data, access.decode_registers),
    24: _Codec(service.encode_read_fifo, service.decode_read_fifo, service.encode_fifo, service.decode_fifo),
    43: _Codec(
        service.encode_read_identification,
        service.decode_read_identification,
        service.encode_identification,
        service.decode_identification,
    ),
}
"""Function codes that the specification describes, and how their PDUs are written and read."""


def _codec(pdu: bytes) -> _Codec:
    codec = CODECS.get(pdu[0]) if pdu else None
    if codec is None:
        msg = f"function {pdu[0]} is none that the specification describes" if pdu else "an empty PDU"
        raise RemoteProtocolError(msg)
    return codec


def encode_request(request: Request) -> bytes:
    """The PDU of a request."""
    return CODECS[request.function].encode_request(request)


def decode_request(pdu: bytes) -> Request:
    """The request that a PDU is."""
    request: Request = _codec(pdu).decode_request(pdu)
    return request


def encode_response(response: Response) -> bytes:
    """The PDU of a response."""
    if isinstance(response, ExceptionResponse):
        return bytes((response.function | EXCEPTION, response.code))
    return CODECS[response.function].encode_response(response)


def decode_response(pdu: bytes) -> Response:
    """The response that a PDU is."""
    if pdu and pdu[0] & EXCEPTION:
        if len(pdu) != 2 or pdu[0] == EXCEPTION:
            raise access.malformed(pdu[0])
        return ExceptionResponse(pdu[0] & ~EXCEPTION, pdu[1])
    response: Response = _codec(pdu).decode_response(pdu)
    return response
