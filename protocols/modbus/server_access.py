"""How a server answers functions 1 to 6, 15, 16, 22 and 23."""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.modbus import access
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import (
    READ_BITS_MAX,
    READ_REGISTERS_MAX,
    READ_WRITE_REGISTERS_MAX,
    REGISTERS,
    WRITE_BITS_MAX,
    WRITE_REGISTERS_MAX,
    ExceptionCode,
)

_HEADS: Final[dict[int, tuple[bytes, ...]]] = {
    function: tuple(bytes((function, 2 * count)) for count in range(READ_REGISTERS_MAX + 1)) for function in (3, 4)
}
"""How responses with registers begin."""

_READ: Final = Struct(">BHH").unpack


def read_registers(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    """Functions 3 and 4."""
    if len(pdu) != 5:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    function, address, count = _READ(pdu)
    if not 0 < count <= READ_REGISTERS_MAX:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if address + count > REGISTERS:
        return ExceptionCode.ILLEGAL_DATA_ADDRESS
    data = application.read_registers(function, address, count, now_us)
    if isinstance(data, bytes):
        head: bytes = _HEADS[function][count]
        return head + data
    return data


def _read_bits(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    if len(pdu) != 5:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    function, address, count = _READ(pdu)
    if not 0 < count <= READ_BITS_MAX:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if address + count > REGISTERS:
        return ExceptionCode.ILLEGAL_DATA_ADDRESS
    data = application.read_bits(function, address, count, now_us)
    if isinstance(data, bytes):
        return bytes((function, len(data))) + data
    return data


def _write_single_coil(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    if len(pdu) != 5:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    _, address, value = _READ(pdu)
    if value not in {access.COIL_ON, access.COIL_OFF}:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    refusal = application.write_bits(5, address, 1, b"\x01" if value else b"\x00", now_us)
    return pdu if refusal is None else refusal


def _write_single_register(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    if len(pdu) != 5:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    _, address, _ = _READ(pdu)
    refusal = application.write_registers(6, address, pdu[3:], now_us)
    return pdu if refusal is None else refusal


def _write_multiple_coils(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    try:
        request = access.decode_multiple_coils(pdu)
    except RemoteProtocolError:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if not 0 < request.quantity <= WRITE_BITS_MAX:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if request.address + request.quantity > REGISTERS:
        return ExceptionCode.ILLEGAL_DATA_ADDRESS
    refusal = application.write_bits(15, request.address, request.quantity, request.bits, now_us)
    return pdu[:5] if refusal is None else refusal


def _write_multiple_registers(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    try:
        request = access.decode_multiple_registers(pdu)
    except RemoteProtocolError:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    count = len(request.registers) // 2
    if not 0 < count <= WRITE_REGISTERS_MAX:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if request.address + count > REGISTERS:
        return ExceptionCode.ILLEGAL_DATA_ADDRESS
    refusal = application.write_registers(16, request.address, request.registers, now_us)
    return pdu[:5] if refusal is None else refusal


def _mask_write_register(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    try:
        request = access.decode_mask(pdu)
    except RemoteProtocolError:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    current = application.read_registers(3, request.address, 1, now_us)
    if not isinstance(current, bytes):
        return current
    value = int.from_bytes(current, "big") & request.and_mask | request.or_mask & ~request.and_mask
    refusal = application.write_registers(22, request.address, value.to_bytes(2, "big"), now_us)
    return pdu if refusal is None else refusal


def _read_write_registers(application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | ExceptionCode:
    try:
        request = access.decode_read_write(pdu)
    except RemoteProtocolError:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    read_count, write_count = request.read_quantity, len(request.registers) // 2
    if not (0 < read_count <= READ_REGISTERS_MAX and 0 < write_count <= READ_WRITE_REGISTERS_MAX):
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if max(request.read_address + read_count, request.write_address + write_count) > REGISTERS:
        return ExceptionCode.ILLEGAL_DATA_ADDRESS
    refusal = application.write_registers(23, request.write_address, request.registers, now_us)
    if refusal is not None:
        return refusal
    data = application.read_registers(23, request.read_address, read_count, now_us)
    if isinstance(data, bytes):
        return bytes((23, len(data))) + data
    return data


DISPATCH: Final[Mapping[int, Callable[[ModbusApplication, bytes, int], bytes | ExceptionCode]]] = {
    1: _read_bits,
    2: _read_bits,
    3: read_registers,
    4: read_registers,
    5: _write_single_coil,
    6: _write_single_register,
    15: _write_multiple_coils,
    16: _write_multiple_registers,
    22: _mask_write_register,
    23: _read_write_registers,
}
