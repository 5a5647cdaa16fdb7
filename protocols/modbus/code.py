"""Function codes, exception codes and the sizes that the Modbus specification sets.

Source: Modbus Application Protocol Specification V1.1b3 and Modbus over Serial Line V1.02, both public at modbus.org.
"""

from enum import IntEnum
from typing import Final


class FunctionCode(IntEnum):
    """What a request asks for."""

    READ_COILS = 1
    READ_DISCRETE_INPUTS = 2
    READ_HOLDING_REGISTERS = 3
    READ_INPUT_REGISTERS = 4
    WRITE_SINGLE_COIL = 5
    WRITE_SINGLE_REGISTER = 6
    READ_EXCEPTION_STATUS = 7
    DIAGNOSTICS = 8
    GET_COMM_EVENT_COUNTER = 11
    GET_COMM_EVENT_LOG = 12
    WRITE_MULTIPLE_COILS = 15
    WRITE_MULTIPLE_REGISTERS = 16
    REPORT_SERVER_ID = 17
    READ_FILE_RECORD = 20
    WRITE_FILE_RECORD = 21
    MASK_WRITE_REGISTER = 22
    READ_WRITE_MULTIPLE_REGISTERS = 23
    READ_FIFO_QUEUE = 24
    ENCAPSULATED_INTERFACE = 43


class ExceptionCode(IntEnum):
    """Why a server says no; a legal answer, hence a value and never raised."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    SERVER_DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    SERVER_DEVICE_BUSY = 6
    NEGATIVE_ACKNOWLEDGE = 7
    MEMORY_PARITY_ERROR = 8
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_TARGET_FAILED_TO_RESPOND = 11


def exception_name(code: int) -> str:
    """The name of an exception code as a reading or a log shows it; makers also send codes of their own.

    >>> exception_name(2), exception_name(0x40)
    ('illegal data address', 'exception 64')
    """
    try:
        return ExceptionCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"exception {code}"


EXCEPTION: Final = 0x80
"""Set in the function code of an answer that carries an exception code."""

BROADCAST_UNIT: Final = 0
UNIT_MAX: Final = 247
"""Individual units of a serial line; 248 to 255 are reserved."""

PDU_BYTES_MAX: Final = 253
READ_BITS_MAX: Final = 2000
READ_REGISTERS_MAX: Final = 125
WRITE_BITS_MAX: Final = 1968
WRITE_REGISTERS_MAX: Final = 123
READ_WRITE_REGISTERS_MAX: Final = 121
"""Registers that function 23 may write."""
FIFO_REGISTERS_MAX: Final = 31
REGISTERS: Final = 65536
"""Addresses of each table; address plus count never passes it."""
