"""The load switch as Modbus works it: a register, a coil, a command block, or arm and then execute.

The description is `protocols.modbus.relay_control`'s; here it is obeyed. What a write asks for goes to the meter's own
disconnect control, which may refuse; the state that is read back is the contact's.
"""

from collections.abc import Callable

from protocols.modbus.access import pack_bits
from protocols.modbus.code import ExceptionCode
from protocols.modbus.relay_control import RelayControl


class Switch:
    """One meter's switch, behind one description.

    Args:
        control: how it is worked.
        act: closes (True) or opens the contact at an instant of true time; False when the meter refuses.
    """

    __slots__ = ("_act", "_armed", "_armed_until_ms", "_outputs", "control")

    def __init__(self, control: RelayControl, act: Callable[[bool, int], bool]) -> None:
        self.control = control
        self._act = act
        self._armed: tuple[int, ...] = ()
        self._armed_until_ms = 0
        self._outputs = 0

    def takes_coil(self, address: int) -> bool:
        """Whether writing this coil is a command to the switch, or to an output beside it."""
        control = self.control
        if control.way == "arm":
            return address in control.close + control.open
        return control.way == "coil" and control.address <= address < control.address + control.coils

    def takes_registers(self, function: int, address: int, also: tuple[int, ...]) -> bool:
        """Whether writing registers from this address on is a command to the switch.

        Args:
            function: the function code.
            address: of the first register.
            also: what else writes registers of the model; a command block is written in one way only.
        """
        control = self.control
        if control.way not in {"register", "command"} or address != control.address:
            return False
        return function == control.function or (control.way == "register" and function in also)

    def shows_bits(self, function: int) -> bool:
        """Whether its state is read as bits by this function."""
        return function == self.control.state.function and function in {1, 2}

    def bits(self, address: int, count: int, *, closed: bool) -> bytes | ExceptionCode:
        """The coils from `address` on: the load's first, then outputs that switch nothing of the meter's."""
        first = self.control.state.address
        if not first <= address <= address + count <= first + self.control.coils:
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        states = [bool(self.control.shown(closed=closed))]
        states += [bool(self._outputs >> coil & 1) for coil in range(1, self.control.coils)]
        return pack_bits(states[address - first : address - first + count])

    def write_coil(self, address: int, *, on: bool, at_ms: int) -> ExceptionCode | None:
        """A coil was written."""
        if self.control.way == "coil":
            coil = address - self.control.address
            if coil == 0:
                return self._do(on, at_ms)
            self._outputs = self._outputs & ~(1 << coil) | on << coil
            return None
        if not on:
            return ExceptionCode.ILLEGAL_DATA_VALUE
        arming, _ = coils = self.control.close if address in self.control.close else self.control.open
        if address == arming:
            self._armed, self._armed_until_ms = coils, at_ms + self.control.window_ms
            return None
        armed = self._armed == coils and at_ms < self._armed_until_ms
        self._armed = ()
        return self._do(coils == self.control.close, at_ms) if armed else ExceptionCode.SERVER_DEVICE_FAILURE

    def write_registers(self, registers: bytes, at_ms: int) -> ExceptionCode | None:
        """The register or the command block was written."""
        values = tuple(int.from_bytes(registers[at : at + 2], "big") for at in range(0, len(registers), 2))
        if values == self.control.close:
            return self._do(True, at_ms)
        if values == self.control.open:
            return self._do(False, at_ms)
        return ExceptionCode.ILLEGAL_DATA_VALUE

    def _do(self, closed: bool, at_ms: int) -> ExceptionCode | None:  # noqa: FBT001 (what the contact shall be)
        return None if self._act(closed, at_ms) else ExceptionCode.SERVER_DEVICE_FAILURE
