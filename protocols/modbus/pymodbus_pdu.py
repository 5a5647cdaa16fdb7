"""Requests and responses by way of pymodbus's PDU classes, the second implementation beside our server's own.

Two implementations that agree are worth more than one that agrees with itself, so the client writes and reads PDUs
with pymodbus. Its objects do not leave this module. Where it is wrong or lax it is put right here: the RTU length of a
FIFO answer, and responses that are not as long as they say.
"""

from collections.abc import Callable, Mapping
from struct import error as struct_error
from typing import Any, Final

from pymodbus.exceptions import ModbusException
from pymodbus.pdu import (
    DecodePDU,
    ModbusPDU,
    bit_message,
    diag_message,
    file_message,
    mei_message,
    other_message,
    register_message,
)
from pymodbus.pdu import ExceptionResponse as PymodbusException
from pymodbus.pdu import FileRecord as PymodbusFileRecord

from protocols.errors import RemoteProtocolError
from protocols.modbus import access, service
from protocols.modbus import pdu as own
from protocols.modbus.code import EXCEPTION
from protocols.modbus.pdu import ExceptionResponse, Request, Response


class FifoQueueResponse(file_message.ReadFifoQueueResponse):
    """pymodbus counts four bytes around the FIFO's data where an RTU frame has six."""

    @classmethod
    def calculateRtuFrameSize(cls, data: bytes) -> int:  # noqa: N802 (pymodbus's name)
        """Unit, function, two bytes of length, what they count, CRC."""
        return 6 + (data[2] << 8 | data[3])


DECODER: Final = DecodePDU(False)
DECODER.register(FifoQueueResponse)


def _read(kind: type[ModbusPDU]) -> Callable[[Any], ModbusPDU]:
    return lambda request: kind(address=request.address, count=request.quantity)


def _words(registers: bytes) -> list[int]:
    return [int.from_bytes(registers[at : at + 2], "big") for at in range(0, len(registers), 2)]


def _octets(words: Any) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)


def _diagnostics(request: service.Diagnostics) -> ModbusPDU:
    pdu = diag_message.DiagnosticBase(message=request.data)
    pdu.sub_function_code = request.sub_function
    return pdu


def _record(record: service.FileRecord) -> PymodbusFileRecord:
    return PymodbusFileRecord(file_number=record.file, record_number=record.record, record_data=record.registers)


_REQUESTS: Final[Mapping[int, Callable[[Any], ModbusPDU]]] = {
    1: _read(bit_message.ReadCoilsRequest),
    2: _read(bit_message.ReadDiscreteInputsRequest),
    3: _read(register_message.ReadHoldingRegistersRequest),
    4: _read(register_message.ReadInputRegistersRequest),
    5: lambda request: bit_message.WriteSingleCoilRequest(
        address=request.address, bits=[request.value == access.COIL_ON]
    ),
    6: lambda request: register_message.WriteSingleRegisterRequest(address=request.address, registers=[request.value]),
    7: lambda _: other_message.ReadExceptionStatusRequest(),
    8: _diagnostics,
    11: lambda _: other_message.GetCommEventCounterRequest(),
    12: lambda _: other_message.GetCommEventLogRequest(),
    15: lambda request: bit_message.WriteMultipleCoilsRequest(
        address=request.address, bits=access.unpack_bits(request.bits, request.quantity)
    ),
    16: lambda request: register_message.WriteMultipleRegistersRequest(
        address=request.address, registers=_words(request.registers)
    ),
    17: lambda _: other_message.ReportDeviceIdRequest(),
    20: lambda request: file_message.ReadFileRecordRequest(
        records=[
            PymodbusFileRecord(file_number=each.file, record_number=each.record, record_length=2 * each.length)
            for each in request.references
        ]
    ),
    21: lambda request: file_message.WriteFileRecordRequest(records=[_record(each) for each in request.records]),
    22: lambda request: register_message.MaskWriteRegisterRequest(
        address=request.address, and_mask=request.and_mask, or_mask=request.or_mask
    ),
    23: lambda request: register_message.ReadWriteMultipleRegistersRequest(
        read_address=request.read_address,
        read_count=request.read_quantity,
        write_address=request.write_address,
        write_registers=_words(request.registers),
    ),
    24: lambda request: file_message.ReadFifoQueueRequest(address=request.address),
    43: lambda request: mei_message.ReadDeviceInformationRequest(
        read_code=request.read_code, object_id=request.object_id
    ),
}


def _bits(function: int, response: Any) -> Response:
    return access.Bits(function, access.pack_bits(list(response.bits)))


def _registers(function: int, response: Any) -> Response:
    return access.Registers(function, _octets(response.registers))


def _written(function: int, response: Any) -> Response:
    return access.Written(function, response.address, response.count)


def _status(response: Any) -> int:
    return 0 if response.status else 0xFFFF


def _identification(response: Any, pdu: bytes) -> Response:
    texts = response.information
    if any(isinstance(text, list) for text in texts.values()):
        raise access.malformed(43)
    more = response.next_object_id if pdu[4] else None
    return service.DeviceIdentification(response.read_code, response.conformity, more, tuple(texts.items()))


_RESPONSES: Final[Mapping[int, Callable[[Any, bytes], Response]]] = {
    1: lambda response, _: _bits(1, response),
    2: lambda response, _: _bits(2, response),
    3: lambda response, _: _registers(3, response),
    4: lambda response, _: _registers(4, response),
    5: lambda response, pdu: access.WriteSingleCoil(response.address, int.from_bytes(pdu[3:5], "big")),
    6: lambda response, _: access.WriteSingleRegister(response.address, response.registers[0]),
    7: lambda response, _: service.ExceptionStatus(response.status),
    8: lambda response, pdu: service.Diagnostics(response.sub_function_code, pdu[3:]),
    11: lambda response, _: service.CommEventCounter(_status(response), response.count),
    12: lambda response, _: service.CommEventLog(
        _status(response), response.event_count, response.message_count, bytes(response.events)
    ),
    15: lambda response, _: _written(15, response),
    16: lambda response, _: _written(16, response),
    17: lambda _, pdu: service.ServerId(pdu[2:]),  # where the run indicator stands is the maker's matter
    20: lambda response, _: service.FileRecords(tuple(record.record_data for record in response.records)),
    21: lambda response, _: service.WriteFileRecord(
        tuple(
            service.FileRecord(record.file_number, record.record_number, record.record_data)
            for record in response.records
        )
    ),
    22: lambda response, _: access.MaskWriteRegister(response.address, response.and_mask, response.or_mask),
    23: lambda response, _: _registers(23, response),
    24: lambda response, _: service.FifoQueue(_octets(response.values)),
    43: _identification,
}


def encode_request(request: Request) -> bytes:
    """The PDU of a request, as pymodbus writes it."""
    pdu = _REQUESTS[request.function](request)
    return bytes((request.function,)) + pdu.encode()


def decode_response(pdu: bytes) -> Response | None:
    """The response that a PDU is; None when it is none, or when pymodbus and our own codec do not read the same.

    Ours looks first, since it is strict about lengths and pymodbus writes a log line for what it cannot read.
    """
    try:
        expected = own.decode_response(pdu)
        decoded = DECODER.decode(pdu)
        if isinstance(decoded, PymodbusException):
            response: Response = ExceptionResponse(pdu[0] & ~EXCEPTION, decoded.exception_code)
        else:
            response = _RESPONSES[pdu[0]](decoded, pdu)
    except (ModbusException, RemoteProtocolError, struct_error, AttributeError, ValueError, IndexError, TypeError):
        return None
    return response if response == expected else None
