"""What a Modbus server calls: one application a unit, synchronous, no events.

Every method answers for a function code that a device may or may not have; what a device does not override it does not
have, and the answer is `ILLEGAL_FUNCTION`. The server has already held counts against the specification's limits and
addresses against 65,536; which addresses exist, which functions may write them and how many registers go into one
request is the application's matter. Answers are bytes as they stand on the wire, exception codes are values.
"""

from collections.abc import Callable, Sequence

from protocols.modbus.code import ExceptionCode
from protocols.modbus.communication import Communication
from protocols.modbus.service import FileRecord, FileReference

Prompt = Callable[[bytes, int], bytes | None]
"""What answers one read over and over: transaction identifier and link time in, the whole frame out.

None where the request must go the long way: the device is dark, only listens, or would refuse. A message that is
answered is counted; otherwise asking changes nothing.
"""


class ModbusApplication:
    """A device behind one unit identifier (or several)."""

    __slots__ = ("communication",)

    def __init__(self) -> None:
        self.communication = Communication()

    def listens(self, now_us: int) -> bool:
        """False for a device that is dark or still starting: it neither acts nor answers."""
        return True

    def prompt(self, pdu: bytes, head: Callable[[int], bytes]) -> Prompt | None:
        """The straight way to the answer of a read that has been answered before, or None where there is none.

        Args:
            pdu: the request.
            head: makes what stands between transaction identifier and PDU of a response of so many bytes.
        """
        return None

    def read_bits(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        """Functions 1 and 2: `count` bits, packed."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def read_registers(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        """Functions 3 and 4 (23 reads as 3): two bytes a register."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def write_bits(self, function: int, address: int, count: int, bits: bytes, now_us: int) -> ExceptionCode | None:
        """Functions 5 (one bit) and 15; None when it is done."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def write_registers(self, function: int, address: int, registers: bytes, now_us: int) -> ExceptionCode | None:
        """Functions 6, 16, 22 and 23; None when it is done."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def exception_status(self, now_us: int) -> int | ExceptionCode:
        """Function 7: eight outputs."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def diagnostic_register(self, now_us: int) -> int:
        """Function 8, sub-function 2: sixteen bits that the maker chose."""
        return 0

    def server_id(self) -> bytes | ExceptionCode:
        """Function 17: the maker's bytes, the run indicator among them."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def identification(self) -> Sequence[tuple[int, bytes]]:
        """Function 43/14: the objects by number, 0 to 2 basic, 3 to 127 regular, 128 to 255 extended."""
        return ()

    def read_files(self, references: Sequence[FileReference], now_us: int) -> Sequence[bytes] | ExceptionCode:
        """Function 20."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def write_files(self, records: Sequence[FileRecord], now_us: int) -> ExceptionCode | None:
        """Function 21."""
        return ExceptionCode.ILLEGAL_FUNCTION

    def read_fifo(self, address: int, now_us: int) -> bytes | ExceptionCode:
        """Function 24: at most 31 registers."""
        return ExceptionCode.ILLEGAL_FUNCTION
