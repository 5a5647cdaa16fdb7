"""The fewest requests that read what is wanted within a maker's limits.

Walking the wanted registers by address and taking each into the request before it as long as the limit holds and no
forbidden address lies between gives the fewest: a request that begins at the first register not yet read and reaches
as far as it may covers whatever any other request covering that register could.
"""

from collections.abc import Iterable
from typing import NamedTuple

from protocols.modbus.access import ReadRegisters
from protocols.modbus.register import RegisterSpec
from protocols.modbus.register_map import RegisterMap


class PlannedRead(NamedTuple):
    """One request and the registers that its answer holds."""

    request: ReadRegisters
    registers: tuple[RegisterSpec, ...]

    def part(self, data: bytes, register: RegisterSpec) -> bytes:
        """The bytes of one of its registers out of the answer's."""
        start = 2 * (register.address - self.request.address)
        return data[start : start + 2 * register.words]


def plan(register_map: RegisterMap, wanted: Iterable[RegisterSpec]) -> tuple[PlannedRead, ...]:
    """How to read these registers of a model; registers that scale them are read along.

    Args:
        register_map: the model's registers and limits.
        wanted: registers of that model.
    """
    by_function: dict[int, dict[str, RegisterSpec]] = {}
    for register in _with_scales(register_map, wanted):
        by_function.setdefault(register.read[0], {})[register.name] = register
    planned: list[PlannedRead] = []
    for function, registers in sorted(by_function.items()):
        planned += _plan_table(register_map, function, sorted(registers.values(), key=_span))
    return tuple(planned)


def _with_scales(register_map: RegisterMap, wanted: Iterable[RegisterSpec]) -> Iterable[RegisterSpec]:
    for register in wanted:
        yield register
        scale = register_map.by_name(register.scale_register) if register.scale_register is not None else None
        if scale is not None:
            yield scale


def _span(register: RegisterSpec) -> tuple[int, int]:
    return register.address, register.end


def _plan_table(register_map: RegisterMap, function: int, registers: list[RegisterSpec]) -> list[PlannedRead]:
    planned: list[PlannedRead] = []
    taken: list[RegisterSpec] = []
    end = 0
    for register in registers:
        if register.alone:
            planned.append(_read(function, [register], register.end))
            continue
        if taken and not _may_join(register_map, function, taken[0].address, end, register):
            planned.append(_read(function, taken, end))
            taken, end = [], 0
        taken.append(register)
        end = max(end, register.end)
    if taken:
        planned.append(_read(function, taken, end))
    return planned


def _may_join(register_map: RegisterMap, function: int, start: int, end: int, register: RegisterSpec) -> bool:
    """Whether a request from `start` to `end` may reach on to this register."""
    if register_map.single or max(end, register.end) - start > register_map.read_registers_max:
        return False
    return all(register_map.answers(function, address) for address in range(end, register.address))


def _read(function: int, taken: list[RegisterSpec], end: int) -> PlannedRead:
    start = taken[0].address
    return PlannedRead(ReadRegisters(function, start, end - start), tuple(taken))
