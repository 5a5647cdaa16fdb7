"""A model's registers and its maker's limits, read from the tables `[modbus]` and `[registers]` of its file.

A register is a key and a row: `"4:0x0048" = { quantity = "active_energy_import", unit = "kWh" }` is what function 4
reads at wire address 0x0048. The emulator answers from this map, the gateway plans and decodes from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from protocols.modbus.code import READ_REGISTERS_MAX, WRITE_REGISTERS_MAX
from protocols.modbus.recognise import Recognition
from protocols.modbus.register import RegisterSpec
from protocols.modbus.relay_control import RelayControl
from protocols.model.table import Table

SECTIONS: Final = ("modbus", "registers")
"""The tables of a model that `RegisterMap.from_table` reads."""

Gap = Literal["exception", "value"]
"""What an address without register answers: exception 2, or a value of the maker's."""


class Window(NamedTuple):
    """Addresses of one function that answer although no register is there."""

    function: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """A register that takes a password, and for how long it then lets locked registers be written.

    Attributes:
        register: name of the register that takes the password and shows 1 while unlocked.
        password: name of the register that holds it.
        expires_ms: how long it stays unlocked.
    """

    register: str
    password: str
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegisterMap:
    """Everything that is alike in the Modbus face of all meters of a model; compared and hashed by identity.

    Attributes:
        registers: by function and address.
        write: function codes that may write.
        read_registers_max: registers in one read.
        write_registers_max: registers in one write.
        write_values_max: values in one write; 0 where only the registers count.
        gap: what an address without register answers within a window.
        gap_value: that value.
        windows: where gaps answer at all; elsewhere the answer is an exception.
        whole_values: a request that cuts a value in two is refused.
        single: one register a request, says the maker.
        one_table: functions 3 and 4 read the same registers.
        unit, baud, parity, stop_bits: as the meter leaves the works.
        relay: how its load switch is worked, or None.
        unlock: how locked registers are unlocked, or None.
        recognitions: what a scan reads to know the model.
        identification: objects of function 43/14; none where the meter does not have it.
        server_id: what function 17 answers; empty where the meter does not have it.
        sunspec: where the SunSpec marker stands, or None.
    """

    registers: tuple[RegisterSpec, ...]
    write: tuple[int, ...] = (16,)
    read_registers_max: int = READ_REGISTERS_MAX
    write_registers_max: int = WRITE_REGISTERS_MAX
    write_values_max: int = 0
    gap: Gap = "exception"
    gap_value: int = 0
    windows: tuple[Window, ...] = ()
    whole_values: bool = False
    single: bool = False
    one_table: bool = False
    unit: int = 1
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    relay: RelayControl | None = None
    unlock: Unlock | None = None
    recognitions: tuple[Recognition, ...] = ()
    identification: tuple[tuple[int, bytes], ...] = ()
    server_id: bytes = b""
    sunspec: int | None = None

    def by_name(self, name: str) -> RegisterSpec | None:
        """The register that readings call `name`."""
        return next((each for each in self.registers if each.name == name), None)

    def of(self, function: int) -> tuple[RegisterSpec, ...]:
        """The registers that a function reads, by address."""
        return tuple(each for each in self.registers if function in each.read)

    def answers(self, function: int, address: int) -> bool:
        """Whether a read may pass over this address, register or not."""
        known = any(each.address <= address < each.end for each in self.of(function) if not each.alone)
        return known or self.in_window(function, address)

    def in_window(self, function: int, address: int) -> bool:
        """Whether this address answers although no register is there."""
        return self.gap == "value" and any(
            each.function == function and each.first <= address <= each.last for each in self.windows
        )

    @classmethod
    def from_table(cls, mapping: Mapping[str, Any], where: str = "model") -> "RegisterMap":
        """Read the sections `SECTIONS` of a whole model; tables of other parts are not looked at.

        Args:
            mapping: the model's content, its bases laid under.
            where: the file, for complaints.

        Raises:
            ModelError: a key or a value is wrong; the sentence names it and says what would be right.
        """
        from protocols.modbus.register_table import read_register_map  # it makes what this module defines

        return read_register_map(Table(mapping, where))
