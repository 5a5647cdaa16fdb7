"""One meter behind one unit identifier: registers from its physical state, writes to its parts.

Nothing is stored twice: what registers show is asked of the meter when they are read, so a cut, a tamper or a clock
that was set shows in all of them at once. Only settings that were written over Modbus are kept here.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final, Protocol

from emulator.face.modbus.image import RegisterImage
from emulator.face.modbus.lock import Lock
from emulator.face.modbus.switch import Switch
from emulator.timing.clock import BenchClock
from protocols.modbus.application import ModbusApplication, Prompt
from protocols.modbus.code import ExceptionCode
from protocols.modbus.register import RegisterSpec
from protocols.modbus.register_map import RegisterMap

REMOTE: Final = "remote"
"""The cause that the control log keeps for what came over the wire."""

NOTE: Final = "modbus/"
"""What the notes of a kept state begin with that hold what was written to a register, in hex."""

Change = tuple[RegisterSpec, bytes]


class Meter(Protocol):
    """What the face needs of a meter; `emulator.meter.Meter` has it."""

    @property
    def id(self) -> str:
        """Its serial number."""

    @property
    def model(self) -> Any:
        """Its model, of which the face needs the identity."""

    @property
    def relay(self) -> Any:
        """Its load switch: `remote_disconnect` and `remote_reconnect`."""

    @property
    def monitor(self) -> Any:
        """What watches over its conditions: `active` has a bit for each that is given."""

    def answers(self, at_ms: int) -> bool:
        """False without supply or while it boots."""

    def value(self, name: str, at_ms: int) -> int:
        """The canonical integer of a quantity."""

    def configure(self, name: str, value: int, at_ms: int) -> bool:
        """Write a parameter; False when it may not be that value."""


@cache
def _image(register_map: RegisterMap) -> RegisterImage:
    """One image for all meters of a model."""
    return RegisterImage(register_map)


class ModbusFace(ModbusApplication):
    """A meter's registers.

    Args:
        meter: the meter.
        register_map: its model's.
        clock: bench time.
    """

    __slots__ = ("_clock", "_image", "_lock", "_put", "_switch", "memory", "meter", "value")

    def __init__(self, meter: Meter, register_map: RegisterMap, clock: BenchClock) -> None:
        super().__init__()
        self.meter = meter
        self.value = meter.value
        self.memory: dict[str, bytes] | None = None
        self._put: Callable[[str, str], None] | None = None
        self._clock = clock
        self._image = _image(register_map)
        self._switch = Switch(register_map.relay, self._act) if register_map.relay is not None else None
        self._lock = Lock(register_map) if register_map.unlock is not None else None

    def keep(self, notes: Mapping[str, str], put: Callable[[str, str], None]) -> None:
        """Take up what was written in an earlier run, and keep from now on what is.

        Args:
            notes: what was kept, by name; those of others are left alone.
            put: keeps one note, durably, before it takes effect.
        """
        for name, value in notes.items():
            spec = self._image.map.by_name(name.removeprefix(NOTE)) if name.startswith(NOTE) else None
            if spec is not None and len(value) == 4 * spec.words:  # a model may have changed since
                self._remember(spec.name, bytes.fromhex(value))
        self._put = put

    def _remember(self, name: str, data: bytes) -> None:
        if self._put is not None:
            self._put(NOTE + name, data.hex())
        if self.memory is None:
            self.memory = {}
        self.memory[name] = data

    def listens(self, now_us: int) -> bool:
        """False without supply or while the meter boots."""
        return self.meter.answers(self._clock.true_ms(now_us))

    def prompt(self, pdu: bytes, head: Callable[[int], bytes]) -> Prompt | None:
        """A read that some meter of this model has answered before; what it takes is looked up here, once."""
        answer = self._image.answers.get(pdu)
        if answer is None:
            return None
        fixed = [b"", head(answer.size) + answer.fixed[0], *answer.fixed[1:]]
        asked = [(at + 1, piece) for at, piece in answer.asked]
        copy, join = fixed.copy, b"".join
        communication, true_ms, answers = self.communication, self._clock.true_ms, self.meter.answers

        def respond(transaction: bytes, now_us: int) -> bytes | None:
            at_ms = true_ms(now_us)
            if communication.listen_only or not answers(at_ms):
                return None
            communication.bus_messages += 1
            parts = copy()
            parts[0] = transaction
            for at, piece in asked:
                parts[at] = piece(self, at_ms)
            return join(parts)

        return respond

    def read_registers(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        """Functions 3, 4 and 23."""
        image = self._image
        if not image.has(function):
            return ExceptionCode.ILLEGAL_FUNCTION
        recipe = image.recipe(function, address, count)
        if isinstance(recipe, ExceptionCode):
            return recipe
        at_ms = self._clock.true_ms(now_us)
        return b"".join([piece if isinstance(piece, bytes) else piece(self, at_ms) for piece in recipe])

    def read_bits(self, function: int, address: int, count: int, now_us: int) -> bytes | ExceptionCode:
        """Functions 1 and 2: the coils that work the switch, and outputs beside it."""
        switch = self._switch
        if switch is None or not switch.shows_bits(function):
            return ExceptionCode.ILLEGAL_FUNCTION
        return switch.bits(address, count, closed=self.contact_closed(self._clock.true_ms(now_us)))

    def write_bits(self, function: int, address: int, count: int, bits: bytes, now_us: int) -> ExceptionCode | None:
        """Functions 5 and 15: the switch is the only thing behind coils."""
        switch = self._switch
        if switch is None or function != switch.control.function:
            return ExceptionCode.ILLEGAL_FUNCTION
        if count != 1 or not switch.takes_coil(address):
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        return switch.write_coil(address, on=bool(bits[0] & 1), at_ms=self._clock.true_ms(now_us))

    def write_registers(self, function: int, address: int, registers: bytes, now_us: int) -> ExceptionCode | None:
        """Functions 6, 16, 22 and 23: all or nothing."""
        at_ms = self._clock.true_ms(now_us)
        switch = self._switch
        if switch is not None and switch.takes_registers(function, address, self._image.map.write):
            return switch.write_registers(registers, at_ms)
        if function not in self._image.map.write:
            return ExceptionCode.ILLEGAL_FUNCTION
        changes = self._changes(function, address, registers, at_ms)
        if isinstance(changes, ExceptionCode):
            return changes
        for spec, data in changes:
            if not self._apply(spec, data, at_ms):
                return ExceptionCode.ILLEGAL_DATA_VALUE
        return None

    def identification(self) -> Sequence[tuple[int, bytes]]:
        """Function 43/14, where the maker has it."""
        return self._image.map.identification

    def server_id(self) -> bytes | ExceptionCode:
        """Function 17, where the maker has it: the text and the run indicator."""
        text = self._image.map.server_id
        return text + b"\xff" if text else ExceptionCode.ILLEGAL_FUNCTION

    def identity(self, name: str) -> str | int:
        """What the model makes of the meter's id, for registers that show it."""
        shown: str | int = self.meter.model.identity.of(name, self.meter.id)
        return shown

    def authorised(self, at_ms: int) -> bytes:
        """What the register shows that takes the password."""
        return b"" if self._lock is None else self._lock.shown(at_ms)

    def contact_closed(self, at_ms: int) -> bool:
        """What the state of the switch is read as."""
        return bool(self.meter.value("output_state", at_ms))

    def _changes(self, function: int, address: int, registers: bytes, at_ms: int) -> list[Change] | ExceptionCode:
        """What a write would change, or why it is refused."""
        limits = self._image.map
        changes: list[Change] = []
        at, end = address, address + len(registers) // 2
        if end - address > limits.write_registers_max:
            return ExceptionCode.ILLEGAL_DATA_VALUE
        while at < end:
            spec = self._image.spec_at(3, at)
            if spec is None or at != spec.address or spec.end > end or function not in spec.write:
                return ExceptionCode.ILLEGAL_DATA_ADDRESS
            data = registers[2 * (at - address) : 2 * (spec.end - address)]
            if spec.locked and not (self._lock is not None and self._lock.open(at_ms)):
                return ExceptionCode.ILLEGAL_DATA_ADDRESS
            if not _acceptable(spec, data):
                return ExceptionCode.ILLEGAL_DATA_VALUE
            changes.append((spec, data))
            at = spec.end
        if limits.write_values_max and len(changes) > limits.write_values_max:
            return ExceptionCode.ILLEGAL_DATA_VALUE
        return self._checked_password(changes)

    def _checked_password(self, changes: list[Change]) -> list[Change] | ExceptionCode:
        lock = self._lock
        if lock is None:
            return changes
        wrong = any(spec.name == lock.register and not lock.fits(data, self.memory) for spec, data in changes)
        return ExceptionCode.ILLEGAL_DATA_VALUE if wrong else changes

    def _apply(self, spec: RegisterSpec, data: bytes, at_ms: int) -> bool:
        if self._lock is not None and spec.name == self._lock.register:
            self._lock.unlock(at_ms)
        elif spec.setting is not None:
            value = spec.reading(data).value
            whole = isinstance(value, Decimal) and value == value.to_integral_value()
            return whole and self.meter.configure(spec.setting, int(value or 0), at_ms)
        else:
            self._remember(spec.name, data)
        return True

    def _act(self, closed: bool, at_ms: int) -> bool:  # noqa: FBT001 (what the contact shall be)
        relay = self.meter.relay
        return bool(relay.remote_reconnect(at_ms, REMOTE) if closed else relay.remote_disconnect(at_ms, REMOTE))


def _acceptable(spec: RegisterSpec, data: bytes) -> bool:
    """Whether a value may be written: of its kind, and within the maker's range."""
    reading = spec.reading(data)
    return reading.reason is None
