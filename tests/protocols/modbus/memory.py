"""A device that has every table: what a test wrote is what it reads."""

from collections.abc import Sequence

from protocols.modbus.access import pack_bits, unpack_bits
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import ExceptionCode
from protocols.modbus.service import FileRecord, FileReference


class Memory(ModbusApplication):
    """65,536 registers and as many coils."""

    __slots__ = ("awake", "busy", "coils", "files", "queue", "words")

    def __init__(self) -> None:
        super().__init__()
        self.words = bytearray(2 * 65536)
        self.coils: dict[int, bool] = {}
        self.files: dict[tuple[int, int], bytes] = {}
        self.queue = b"\x01\xb8\x12\x84"
        self.awake = True
        self.busy = 0

    def listens(self, now_us: int) -> bool:
        return self.awake

    def read_bits(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        return pack_bits([self.coils.get(at, False) for at in range(address, address + count)])

    def read_registers(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        if self.busy:
            self.busy -= 1
            return ExceptionCode.SERVER_DEVICE_BUSY
        return bytes(self.words[2 * address : 2 * (address + count)])

    def write_bits(self, function: int, address: int, count: int, bits: bytes, now_us: int) -> ExceptionCode | None:
        self.coils.update(enumerate(unpack_bits(bits, count), address))
        return None

    def write_registers(self, function: int, address: int, registers: bytes, now_us: int) -> ExceptionCode | None:
        if address == 666:
            return ExceptionCode.SERVER_DEVICE_FAILURE
        self.words[2 * address : 2 * address + len(registers)] = registers
        return None

    def exception_status(self, now_us: int) -> int | ExceptionCode:
        return 0x6D

    def diagnostic_register(self, now_us: int) -> int:
        return 0x1234

    def server_id(self) -> bytes | ExceptionCode:
        return b"\x11\xff"

    def identification(self) -> Sequence[tuple[int, bytes]]:
        return ((0, b"meterbench"), (1, b"memory"), (2, b"1.0"), (3, b"x" * 200), (4, b"y" * 100), (0x80, b"own"))

    def read_files(self, references: Sequence[FileReference], now_us: int) -> Sequence[bytes] | ExceptionCode:
        return [self.files.get(each[:2], bytes(2 * each.length))[: 2 * each.length] for each in references]

    def write_files(self, records: Sequence[FileRecord], now_us: int) -> ExceptionCode | None:
        self.files.update({(record.file, record.record): record.registers for record in records})
        return None

    def read_fifo(self, address: int, now_us: int) -> bytes | ExceptionCode:
        return self.queue
