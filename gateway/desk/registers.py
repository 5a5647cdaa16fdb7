"""Modbus registers as a person names them: by the model's names, or by address and type where there is no model.

| written | is |
|---|---|
| `voltage_l1` | a register of the model |
| `energy` | a group of the model's registers |
| `12`, `0x0C` | a holding register as it stands; addresses are the wire's, from zero |
| `4:12` | the same of the table that function 4 reads; functions 1 and 2 read bits |
| `4:12:float32` | the value that begins there, in as many registers as it needs |
| `4:12:float32:CDAB` | the same in another order |
| `3:100:string8` | text in eight registers |
| `3:100:10` | ten registers as they stand |
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from gateway.meter.modbus import ModbusScripts
from gateway.service.script import RefusedError, Script
from protocols.message.args import ReadArgs
from protocols.message.reading import Quality, Row, Value
from protocols.modbus.code import REGISTERS
from protocols.modbus.kind import KINDS
from protocols.modbus.order import ORDERS
from protocols.modbus.register import RegisterSpec

Wanted = RegisterSpec | ReadArgs

_ADDRESS: Final = re.compile(r"(?:([1-4]):)?(0[xX][0-9a-fA-F]+|\d+)(?::([A-Za-z]\w*|\d+))?(?::([A-Za-z]+))?")
_TEXT: Final = re.compile(r"string(\d+)")
_WORDS_MAX: Final = 125
_FORMS: Final = "12, 0x0C, 4:12, 4:12:float32, 4:12:float32:CDAB, 3:100:string8 or 3:100:10"


def is_address(text: str) -> bool:
    """Whether a register is named by its address, so that nothing has to be known of the model."""
    return _ADDRESS.fullmatch(text) is not None


def wanted_of(text: str, scripts: ModbusScripts) -> Wanted:
    """What a person means.

    Args:
        text: as the table of this module has it.
        scripts: of the meter, which knows the names of its model.

    Raises:
        ValueError: it is nothing; the sentence says what would be something.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return _named(text, scripts)
    function, address = int(match[1] or 3), int(match[2], 0)
    if match[3] is not None and not match[3].isdecimal():
        if function < 3:
            raise ValueError(f"{text}: functions 1 and 2 read bits, which have no type; write {function}:{address}:8")
        return _typed(text, function, address, match[3], match[4] or "ABCD")
    count = int(match[3] or 1)
    if address >= REGISTERS:
        raise ValueError(f"{text}: addresses are 0 to {REGISTERS - 1}; a manual's 30001 and 40001 are 0 on the wire")
    if not 0 < count <= _WORDS_MAX or match[4] is not None:
        raise ValueError(f"{text}: registers are written as {_FORMS}, at most {_WORDS_MAX} of them")
    where = {"register": address} if function > 2 else {"coil": address}
    return ReadArgs.model_validate({**where, "count": count, "function": function})


def _typed(text: str, function: int, address: int, kind: str, order: str) -> RegisterSpec:
    words = _TEXT.fullmatch(kind)
    known = KINDS.get("string" if words is not None else kind)
    size = int(words[1]) if words is not None else None if known is None else known.words
    if known is None or size is None or not 0 < size <= _WORDS_MAX:
        raise ValueError(
            f"{text}: {kind} is no type; types are {', '.join(sorted({*KINDS} - {'string'}))}, string8 ..."
        )
    if order.upper() not in ORDERS:
        raise ValueError(f"{text}: {order} is no order; orders are {', '.join(ORDERS)}")
    return RegisterSpec(
        name=text, address=address, words=size, kind=known, order=ORDERS[order.upper()], read=(function,)
    )


def _named(text: str, scripts: ModbusScripts) -> Wanted:
    registers = scripts.registers
    if registers is None:
        raise ValueError(f"{text!r}: no model is known here; name one with --model, or write an address: {_FORMS}")
    found = registers.by_name(text)
    if found is not None:
        return found
    groups = scripts.profiles()
    if text in groups:
        return ReadArgs(profile=text)
    near = get_close_matches(text, [*groups, *(each.name for each in registers.registers)], 1)
    hint = f"did you mean {near[0]}?" if near else f"its groups are {', '.join(groups)}"
    raise ValueError(f"{text!r} is no register of this model; {hint} (an address is written as {_FORMS})")


def read_wanted(scripts: ModbusScripts, wanted: Sequence[Wanted]) -> Script[Row]:
    """Read all of it, in the order in which it was asked for; a value that the meter refuses is null with its reason.

    Raises:
        RefusedError: the meter refuses all, or registers that were wanted as they stand.
    """
    values: list[Value] = []
    for each in wanted:
        if isinstance(each, RegisterSpec):
            values += yield from scripts.read_registers([each])
        else:
            values += [value for row in (yield from scripts.get(each)) for value in row.values]
    if values and all(value.quality is Quality.ERROR for value in values):
        raise RefusedError(f"the meter refuses {values[0].name}: {values[0].reason}")
    return Row(values=tuple(values))
