"""One meter of a model on a desk: its face, link time in hand."""

from emulator.face.modbus.face import ModbusFace
from emulator.meter import Meter
from emulator.timing.clock import BenchClock
from emulator.timing.zone import zone
from protocols.modbus import access
from protocols.modbus.pdu import Request, Response, decode_response, encode_request
from protocols.modbus.register_map import RegisterMap
from protocols.modbus.server import ModbusServer
from protocols.model.loader import load, model_ids

START_MS = 1_730_097_000_000
"""2024-10-28 12:00 in India."""

SECOND_US = 1_000_000

MODELS = [name for name in model_ids() if load(name).modbus is not None]
SWITCHING = ["abb-b23", "acurev2000", "dds238", "pem533", "pm5350"]


class Desk:
    """A meter with a constant load, and what asks it."""

    def __init__(self, model: str, *, watts: int = 500, volts: int = 230) -> None:
        self.model = load(model)
        self.meter = Meter("MB0001", self.model, 42, {"constant": watts}, {"constant": volts}, START_MS)
        self.clock = BenchClock(START_MS, zone("Asia/Kolkata"))
        self.face = ModbusFace(self.meter, self.map, self.clock)
        self.now_us = 0

    @property
    def map(self) -> RegisterMap:
        """The model's registers."""
        assert self.model.modbus is not None
        return self.model.modbus

    @property
    def at_ms(self) -> int:
        """True time now."""
        return self.clock.true_ms(self.now_us)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_us += int(seconds * SECOND_US)
        self.meter.advance(self.at_ms)

    def ask(self, request: Request) -> Response | None:
        """Ask the unit as a server would."""
        pdu = ModbusServer({1: self.face}).answer(self.face, encode_request(request), self.now_us)
        return None if pdu is None else decode_response(pdu)

    def read(self, name: str) -> str:
        """What the gateway makes of one register."""
        register = self.map.by_name(name)
        assert register is not None, name
        response = self.ask(access.ReadRegisters(register.read[0], register.address, register.words))
        assert isinstance(response, access.Registers), response
        reading = register.reading(response.registers)
        return reading.reason or str(reading.value)

    def closed(self) -> bool | None:
        """The state of the switch as it is read back."""
        assert self.map.relay is not None
        response = self.ask(self.map.relay.state_request())
        assert response is not None
        return self.map.relay.is_closed(response)
