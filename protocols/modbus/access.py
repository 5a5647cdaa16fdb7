"""PDUs that read and write bits and registers: functions 1 to 6, 15, 16, 22 and 23.

Requests and responses are values; `encode` and `decode` for each stand in the tables of `protocols.modbus.pdu`.
Register contents stay bytes (two a register, high byte first) and bits stay packed (the first in the lowest bit): what
they mean is `protocols.modbus.register`'s matter.
"""

from struct import Struct, error, pack
from typing import Final, NamedTuple

from protocols.errors import RemoteProtocolError

_TWO: Final = Struct(">HH")
_COUNTED: Final = Struct(">HHB")

COIL_ON: Final = 0xFF00
COIL_OFF: Final = 0x0000


class ReadBits(NamedTuple):
    """Functions 1 (coils) and 2 (discrete inputs)."""

    function: int
    address: int
    quantity: int


class ReadRegisters(NamedTuple):
    """Functions 3 (holding registers) and 4 (input registers)."""

    function: int
    address: int
    quantity: int


class WriteSingleCoil(NamedTuple):
    """Function 5; the normal response is the same. `value` is 0xFF00 for on and 0x0000 for off."""

    address: int
    value: int
    function: int = 5


class WriteSingleRegister(NamedTuple):
    """Function 6; the normal response is the same."""

    address: int
    value: int
    function: int = 6


class WriteMultipleCoils(NamedTuple):
    """Function 15: `count` bits, packed."""

    address: int
    quantity: int
    bits: bytes
    function: int = 15


class WriteMultipleRegisters(NamedTuple):
    """Function 16: whole registers, two bytes each."""

    address: int
    registers: bytes
    function: int = 16


class MaskWriteRegister(NamedTuple):
    """Function 22: (current AND and_mask) OR (or_mask AND NOT and_mask); the normal response is the same."""

    address: int
    and_mask: int
    or_mask: int
    function: int = 22


class ReadWriteMultipleRegisters(NamedTuple):
    """Function 23: the write comes first."""

    read_address: int
    read_quantity: int
    write_address: int
    registers: bytes
    function: int = 23


class Bits(NamedTuple):
    """The response to functions 1 and 2, packed; the last byte is filled up with zeros."""

    function: int
    bits: bytes


class Registers(NamedTuple):
    """The response to functions 3, 4 and 23."""

    function: int
    registers: bytes


class Written(NamedTuple):
    """The response to functions 15 and 16: how many from where."""

    function: int
    address: int
    quantity: int


def malformed(function: int) -> RemoteProtocolError:
    """The error of a PDU whose length or counts do not agree."""
    return RemoteProtocolError(f"a PDU of function {function} has the wrong length")


def unpack_exactly(layout: Struct, pdu: bytes) -> tuple[int, ...]:
    """The fields after the function code of a PDU that has nothing else."""
    try:
        return layout.unpack(pdu[1:])
    except error:
        raise malformed(pdu[0]) from None


def pack_bits(bits: list[bool]) -> bytes:
    """Bits as the wire has them.

    >>> pack_bits([True, False, True, True]).hex()
    '0d'
    """
    return sum(1 << at for at, bit in enumerate(bits) if bit).to_bytes((len(bits) + 7) // 8, "little")


def unpack_bits(data: bytes, count: int) -> list[bool]:
    """The first `count` bits of what the wire has."""
    number = int.from_bytes(data, "little")
    return [bool(number >> at & 1) for at in range(count)]


def encode_read(request: ReadBits | ReadRegisters) -> bytes:
    """A request of functions 1 to 4."""
    return pack(">BHH", request.function, request.address, request.quantity)


def decode_read_bits(pdu: bytes) -> ReadBits:
    """A request of functions 1 and 2."""
    return ReadBits(pdu[0], *unpack_exactly(_TWO, pdu))


def decode_read_registers(pdu: bytes) -> ReadRegisters:
    """A request of functions 3 and 4."""
    return ReadRegisters(pdu[0], *unpack_exactly(_TWO, pdu))


def encode_single(pdu: WriteSingleCoil | WriteSingleRegister) -> bytes:
    """Functions 5 and 6, both ways."""
    return pack(">BHH", pdu.function, pdu.address, pdu.value)


def decode_single_coil(pdu: bytes) -> WriteSingleCoil:
    """Function 5, both ways."""
    address, value = unpack_exactly(_TWO, pdu)
    return WriteSingleCoil(address, value)


def decode_single_register(pdu: bytes) -> WriteSingleRegister:
    """Function 6, both ways."""
    address, value = unpack_exactly(_TWO, pdu)
    return WriteSingleRegister(address, value)


def encode_multiple_coils(request: WriteMultipleCoils) -> bytes:
    """A request of function 15."""
    return pack(">BHHB", 15, request.address, request.quantity, len(request.bits)) + request.bits


def _unpack_counted(pdu: bytes) -> tuple[int, int, bytes]:
    if len(pdu) < 6 or len(pdu) != 6 + pdu[5]:
        raise malformed(pdu[0])
    address, count, _ = _COUNTED.unpack_from(pdu, 1)
    return address, count, pdu[6:]


def decode_multiple_coils(pdu: bytes) -> WriteMultipleCoils:
    """A request of function 15."""
    address, count, bits = _unpack_counted(pdu)
    if len(bits) != (count + 7) // 8:
        raise malformed(15)
    return WriteMultipleCoils(address, count, bits)


def encode_multiple_registers(request: WriteMultipleRegisters) -> bytes:
    """A request of function 16."""
    registers = request.registers
    return pack(">BHHB", 16, request.address, len(registers) // 2, len(registers)) + registers


def decode_multiple_registers(pdu: bytes) -> WriteMultipleRegisters:
    """A request of function 16."""
    address, count, registers = _unpack_counted(pdu)
    if len(registers) != 2 * count:
        raise malformed(16)
    return WriteMultipleRegisters(address, registers)


def encode_mask(pdu: MaskWriteRegister) -> bytes:
    """Function 22, both ways."""
    return pack(">BHHH", 22, pdu.address, pdu.and_mask, pdu.or_mask)


def decode_mask(pdu: bytes) -> MaskWriteRegister:
    """Function 22, both ways."""
    address, and_mask, or_mask = unpack_exactly(Struct(">HHH"), pdu)
    return MaskWriteRegister(address, and_mask, or_mask)


def encode_read_write(request: ReadWriteMultipleRegisters) -> bytes:
    """A request of function 23."""
    registers = request.registers
    head = pack(">BHHHHB", 23, *request[:3], len(registers) // 2, len(registers))
    return head + registers


def decode_read_write(pdu: bytes) -> ReadWriteMultipleRegisters:
    """A request of function 23."""
    if len(pdu) < 10 or len(pdu) != 10 + pdu[9]:
        raise malformed(23)
    read_address, read_quantity, write_address, write_quantity, length = Struct(">HHHHB").unpack_from(pdu, 1)
    if length != 2 * write_quantity:
        raise malformed(23)
    return ReadWriteMultipleRegisters(read_address, read_quantity, write_address, pdu[10:])


def encode_data(response: Bits | Registers) -> bytes:
    """A response that is a byte count and bytes."""
    data = response[1]
    return bytes((response.function, len(data))) + data


def _unpack_data(pdu: bytes) -> bytes:
    if len(pdu) < 2 or len(pdu) != 2 + pdu[1]:
        raise malformed(pdu[0])
    return pdu[2:]


def decode_bits(pdu: bytes) -> Bits:
    """A response to functions 1 and 2."""
    return Bits(pdu[0], _unpack_data(pdu))


def decode_registers(pdu: bytes) -> Registers:
    """A response to functions 3, 4 and 23."""
    data = _unpack_data(pdu)
    if len(data) % 2:
        raise malformed(pdu[0])
    return Registers(pdu[0], data)


def encode_written(response: Written) -> bytes:
    """A response to functions 15 and 16."""
    return pack(">BHH", *response)


def decode_written(pdu: bytes) -> Written:
    """A response to functions 15 and 16."""
    return Written(pdu[0], *unpack_exactly(_TWO, pdu))
