"""A model file from a maker's sheet: what the sheet says is taken over, what it can't say is left to be written."""

from typing import Any, Final

import tomli_w

from protocols.modbus.csv_map import MODICON, Base, read_csv, tables
from protocols.model.table import ModelError

HEAD: Final = """\
# Made from {where}. To be seen to by hand, from the maker's manual: the limits of one request, what addresses
# between registers answer, which registers can be written, how a load switch is worked, and what recognises the meter.
# docs/modbus.md tells how each is written.

"""


def base_of(text: str) -> Base:
    """What a person writes for a base.

    Raises:
        ModelError: it is neither a whole number nor "modicon".
    """
    if text == MODICON:
        return MODICON
    if not text.isdecimal():
        raise ModelError(f"--base {text}: it is a whole number such as 40001, or {MODICON}")
    return int(text)


def model_text(sheet: str, *, where: str, base: Base = 0, title: str | None = None, maker: str = "unknown") -> str:
    """The text of a model file for gateway and emulator.

    Args:
        sheet: CSV, see `protocols.modbus.csv_map`.
        where: its name, for complaints and as the source.
        base: what is taken off the sheet's addresses to get those of the wire, or "modicon".
        title: what the meter is called.
        maker: who makes it.

    Raises:
        ModelError: a row is wrong; the sentence names its line and what would be right.
    """
    imported = read_csv(sheet, where=where, base=base)
    phases = 3 if any(each.quantity is not None and "_l2" in each.quantity.name for each in imported.registers) else 1
    model: dict[str, Any] = {
        "title": title or where,
        "sources": {"map": where},
        "identity": {"manufacturer": maker, "flag": "CSV", "firmware_version": "1.0", "year": 2024},
        "physics": {"phases": phases, "nominal_voltage_v": 230},
        "relay": {"fitted": False},
        "limiter": {"fitted": False},
        "modbus": {"source": "map"},
        "registers": {key: {**row, "source": "map"} for key, row in tables(sheet, where=where, base=base).items()},
    }
    return HEAD.format(where=where) + tomli_w.dumps(model)
