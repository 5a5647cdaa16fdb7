"""Modbus over a line that loses, turns bits, stalls and cuts: every value that comes is the one that was asked for.

Every register of the far device holds its own address, so an answer that belongs to another question shows.
"""

from collections.abc import Callable
from struct import pack
from typing import Any

import pytest

from protocols.machine import Answered, Layer, Stack, TimedOut
from protocols.modbus.access import ReadRegisters, Registers
from protocols.modbus.application import ModbusApplication
from protocols.modbus.ascii import AsciiFramer
from protocols.modbus.client import Garbled, ModbusClient
from protocols.modbus.code import ExceptionCode
from protocols.modbus.pdu import ExceptionResponse
from protocols.modbus.pymodbus_framer import PymodbusFramer
from protocols.modbus.rtu import RtuFramer
from protocols.modbus.server import ModbusServer
from tests.laws.line import Faults, Line, seeded

SEEDS = 150
QUESTIONS = 8
TIMEOUT_US = 1_000_000
FAULTS = Faults(
    loss=0.08,
    flip=0.08,
    drop_octet=0.04,
    garbage=0.08,
    cut=0.3,
    jitter_us=20_000,
    stall=0.12,
    stall_us=2_200_000,
)

CLIENTS: dict[str, tuple[Callable[[], Layer[Any, Any]], Callable[[], Layer[Any, Any]]]] = {
    "rtu, pymodbus": (lambda: PymodbusFramer("rtu", baud=9600), lambda: RtuFramer("server", baud=9600)),
    "rtu, ours": (lambda: RtuFramer("client", baud=9600), lambda: RtuFramer("server", baud=9600)),
    "ascii, pymodbus": (lambda: PymodbusFramer("ascii"), lambda: AsciiFramer("server")),
}


class Addresses(ModbusApplication):
    """Every register holds its own address."""

    def read_registers(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        return b"".join(pack(">H", at) for at in range(address, address + count))


class Reader:
    """Asks one question after the other, all of one shape, and judges what comes."""

    def __init__(self, seed: int, framings: str) -> None:
        client_framer, server_framer = CLIENTS[framings]
        self.random = seeded(seed)
        self.client = ModbusClient()
        server = ModbusServer({1: Addresses(), 2: Addresses()}, serial=True)
        self.line = Line(
            Stack([client_framer(), self.client]), Stack([server_framer(), server]), seed=seed, faults=FAULTS, baud=9600
        )
        self.line.left.on_event = self.take
        self.left = QUESTIONS
        self.read = 0
        self.ask()

    def ask(self) -> None:
        self.left -= 1
        self.request = ReadRegisters(3, self.random.randrange(1000), 2)
        unit = self.random.choice((1, 1, 1, 2))
        self.ticket = self.client.request(unit, self.request, self.line.now_us, TIMEOUT_US, retries=2)

    def take(self, event: Any, _now_us: int) -> None:
        assert event.ticket == self.ticket
        if isinstance(event, Answered) and not isinstance(event.response, Garbled | ExceptionResponse):
            assert event.response == Registers(3, pack(">HH", self.request.address, self.request.address + 1))
            self.read += 1
        else:
            assert isinstance(event, TimedOut) or isinstance(event.response, Garbled)
        if self.left:
            self.ask()


@pytest.mark.parametrize("framings", CLIENTS)
def test_no_answer_is_taken_for_anothers(framings: str) -> None:
    read = 0
    for seed in range(SEEDS):
        reader = Reader(seed, framings)
        reader.line.run()
        assert reader.left == 0, seed
        read += reader.read
    assert read > SEEDS * QUESTIONS // 2
