"""Which answers could belong to which question: the shape of an answer, as far as a frame shows it.

Two questions have answers of one shape when nothing in the frame tells their answers apart: two reads of as many
registers, or two writes of other values to the same place.
"""

from typing import Final

from protocols.modbus import access, service
from protocols.modbus.code import READ_REGISTERS_MAX
from protocols.modbus.pdu import ExceptionResponse, Request, Response

Shape = tuple[int, ...]
"""The function code and what else an answer shows of its question."""


def shape_of_request(request: Request) -> Shape:
    """The shape that the normal answer to a request has."""
    match request:
        case access.ReadBits(function, _, quantity):
            return function, (quantity + 7) // 8
        case access.ReadRegisters(function, _, quantity):
            return function, 2 * quantity
        case access.ReadWriteMultipleRegisters(read_quantity=quantity):
            return 23, 2 * quantity
        case access.WriteMultipleCoils(address, quantity):
            return 15, address, quantity
        case access.WriteMultipleRegisters(address, registers):
            return 16, address, len(registers) // 2
        case access.WriteSingleCoil() | access.WriteSingleRegister() | access.MaskWriteRegister():
            return request.function, *request[:-1]
        case service.Diagnostics(sub_function, data):
            return (8, sub_function, *(data if sub_function == 0 else b""))
        case service.ReadDeviceIdentification(read_code):
            return 43, read_code
        case _:
            return (request.function,)


def shape_of_response(response: Response) -> Shape:
    """The shape of an answer; of an exception only the function is known."""
    match response:
        case ExceptionResponse(function):
            return (function,)
        case access.Bits(function, data) | access.Registers(function, data):
            return function, len(data)
        case access.Written():
            return tuple(response)
        case access.WriteSingleCoil() | access.WriteSingleRegister() | access.MaskWriteRegister():
            return response.function, *response[:-1]
        case service.Diagnostics(sub_function, data):
            return (8, sub_function, *(data if sub_function == 0 else b""))
        case service.DeviceIdentification(read_code):
            return 43, read_code
        case _:
            return (response.function,)


_PROBE_FUNCTION: Final = 3


def probe(request: Request, owed: frozenset[Shape]) -> access.ReadRegisters:
    """A harmless question whose answer looks like none that is still owed.

    It reads where the request does, in another quantity; an exception for that is as good an answer.
    """
    function, address = _PROBE_FUNCTION, 0
    if isinstance(request, access.ReadRegisters):
        function, address = request.function, request.address
    elif isinstance(request, access.WriteMultipleRegisters):
        address = request.address
    quantity = next(each for each in range(1, READ_REGISTERS_MAX + 1) if (function, 2 * each) not in owed)
    return access.ReadRegisters(function, address, quantity)
