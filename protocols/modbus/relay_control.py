"""How a model's load switch is worked over Modbus: what to write, what to read back.

Makers do it in four ways: a register with two values, a coil, a block of registers that is a command, and a pair of
coils of which the first arms and the second executes within seconds. The emulator obeys this description and the
gateway acts on it; both know the state only from what is read back.
"""

from dataclasses import dataclass
from typing import Final, Literal

from protocols.modbus import access
from protocols.modbus.pdu import Request, Response
from protocols.model.table import Table

WAYS: Final = ("register", "coil", "command", "arm")
Way = Literal["register", "coil", "command", "arm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """Where the state is read: a register or a coil, and what it shows while the contact is closed.

    Attributes:
        function: 1 or 2 for a bit, 3 or 4 for a register.
        address: zero-based.
        mask: the bits of the register that count.
        closed: their value while the contact is closed.
        open: their value while it is open; anything else means that the state is not known.
    """

    function: int
    address: int
    mask: int = 0xFFFF
    closed: int = 1
    open: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayControl:
    """How the switch is worked.

    Attributes:
        way: which of the four.
        function: the only function code that works it.
        close: the value (register), the registers (command) or the two coils, arming and executing (arm).
        open: the same for opening; a coil has neither, it is on while the contact is closed.
        address: of the register, the coil or the block.
        coils: how many there are from `address` on, of which the first is the load's.
        window_ms: how long after arming a command may be executed.
        state: where it is read back.
    """

    way: Way
    function: int
    address: int
    close: tuple[int, ...]
    open: tuple[int, ...]
    coils: int
    window_ms: int
    state: RelayState

    @classmethod
    def from_table(cls, table: Table) -> "RelayControl":
        """Read `[modbus.relay]` of a model."""
        way = table.choose("way", WAYS)
        state = table.table("state")
        control = cls(
            way=way,  # type: ignore[arg-type]  # one of the choices, which are the literal's
            function=table.take("function", int, 5 if way in {"coil", "arm"} else 16),
            address=table.take("address", int, 0),
            close=_numbers(table, "close", way),
            open=_numbers(table, "open", way),
            coils=table.take("coils", int, 1),
            window_ms=1000 * table.take("window_s", int, 0),
            state=RelayState(
                function=state.take("function", int, 1 if way == "coil" else 3),
                address=state.take("address", int),
                mask=state.take("mask", int, 0xFFFF),
                closed=state.take("closed", int, 1),
                open=state.take("open", int, 0),
            ),
        )
        state.done()
        table.done()
        return control

    def requests(self, *, closed: bool) -> tuple[Request, ...]:
        """What to send, in order, to close or to open the contact."""
        values = self.close if closed else self.open
        match self.way:
            case "coil":
                value = access.COIL_ON if closed else access.COIL_OFF
                return (access.WriteSingleCoil(self.address, value),)
            case "arm":
                return tuple(access.WriteSingleCoil(coil, access.COIL_ON) for coil in values)
            case _:
                return (self._write(values),)

    def _write(self, values: tuple[int, ...]) -> Request:
        if self.function == 6:
            return access.WriteSingleRegister(self.address, values[0])
        return access.WriteMultipleRegisters(self.address, b"".join(value.to_bytes(2, "big") for value in values))

    def state_request(self) -> Request:
        """What to read to know the state."""
        state = self.state
        if state.function in {1, 2}:
            return access.ReadBits(state.function, state.address, 1)
        return access.ReadRegisters(state.function, state.address, 1)

    def is_closed(self, response: Response) -> bool | None:
        """What the answer to `state_request` says of the contact; None when it says nothing that can be believed."""
        match response:
            case access.Bits(bits=bits) if bits:
                shown = bits[0] & 1
            case access.Registers(registers=registers) if len(registers) == 2:
                shown = int.from_bytes(registers, "big") & self.state.mask
            case _:
                return None
        return {self.state.closed: True, self.state.open: False}.get(shown)

    def shown(self, *, closed: bool) -> int:
        """What the state's register or bit shows, for the emulator."""
        return self.state.closed if closed else self.state.open


def _numbers(table: Table, key: str, way: str) -> tuple[int, ...]:
    if way == "coil":
        return ()
    values = table.take(key, list)
    if not values or not all(isinstance(value, int) and 0 <= value <= 0xFFFF for value in values):
        table.refuse(f"{key} is {values!r}; it must be a list of numbers from 0 to 65535")
    if way == "arm" and len(values) != 2:
        table.refuse(f"{key} is {values!r}; it must be the coil that arms and the coil that executes")
    return tuple(values)
