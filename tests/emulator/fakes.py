"""Meters that do what a test says, with one object and one register."""

from collections.abc import Callable, Mapping
from typing import Any

from emulator.bench.resident import Resident
from emulator.event.happening import Happening
from emulator.timing.clock import BenchClock
from emulator.timing.zone import Zone
from protocols.dlms.application import Association, AssociationProfile
from protocols.dlms.conformance import Conformance
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, encode
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import ExceptionCode
from protocols.transport.pump import link_time_us


class FakeMeter:
    """Dark or not, and with wakes as a test wants them."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.lit = True
        self.wakes: list[int] = []
        self.on_advance: Callable[[FakeMeter], None] = lambda _meter: None
        self.listeners: list[Callable[[Happening], None]] = []

    def advance(self, at_ms: int) -> None:
        due = [wake for wake in self.wakes if wake <= at_ms]
        self.wakes = [wake for wake in self.wakes if wake > at_ms]
        if due:
            self.on_advance(self)

    def wake_ms(self) -> int | None:
        return min(self.wakes, default=None)

    def answers(self, at_ms: int) -> bool:
        self.advance(at_ms)
        return self.lit

    def subscribe(self, listener: Callable[[Happening], None]) -> None:
        self.listeners.append(listener)


class FakeFace:
    """A logical device for the public client whose every attribute is its meter's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def associations(self) -> Mapping[int, AssociationProfile]:
        return {16: AssociationProfile(client=16, conformance=int(Conformance.GET | Conformance.SELECTIVE_ACCESS))}

    def get(self, association: Association, class_id: int, instance: bytes, *_rest: Any) -> bytes | DataAccessResult:
        return encode((Tag.OCTET_STRING, self.name.encode()))

    def set(self, *_all: Any) -> DataAccessResult:
        return DataAccessResult.READ_WRITE_DENIED

    def action(self, *_all: Any) -> tuple[ActionResult, None]:
        return ActionResult.READ_WRITE_DENIED, None


class FakeRegisters(ModbusApplication):
    """Every register holds the same number."""

    __slots__ = ("meter", "number")

    def __init__(self, meter: FakeMeter, number: int) -> None:
        super().__init__()
        self.meter = meter
        self.number = number

    def listens(self, now_us: int) -> bool:
        return self.meter.lit

    def read_registers(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        return self.number.to_bytes(2, "big") * count

    def write_registers(self, function: int, address: int, registers: bytes, now_us: int) -> ExceptionCode | None:
        self.number = int.from_bytes(registers[:2], "big")
        return None


def bench_clock(rate: int = 1) -> BenchClock:
    return BenchClock(1_730_053_800_000, Zone("Asia/Kolkata"), rate, link_time_us())


def resident(name: str, clock: BenchClock | None = None, number: int = 0) -> Resident:
    meter = FakeMeter(name)
    return Resident(meter, clock or bench_clock(), bytes, cosem=FakeFace(name), modbus=FakeRegisters(meter, number))


def fake_meter(resident: Resident) -> FakeMeter:
    assert isinstance(resident.meter, FakeMeter)
    return resident.meter
