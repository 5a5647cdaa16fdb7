"""A register map from a spreadsheet: one row a register, saved as CSV, becomes `[modbus]` and `[registers]` of a model.

The columns are found by their headings, whatever their order: `function`, `address` (decimal or 0x...), `name`,
`type`, and as needed `quantity`, `order`, `unit`, `scale`, `words`, `sentinel`, `minimum`, `maximum`, `document`,
`title`. Where a sheet has the maker's own numbers instead of wire addresses, `base` says what is taken off them: 40001
for 4xxxx; or it is "modicon", where 30001 and on are read by function 4 and 40001 and on by function 3. The maker's
number is kept as `document`.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from protocols.modbus.register_map import RegisterMap
from protocols.model.table import ModelError
from protocols.quantity import QUANTITIES

ROWS_MAX: Final = 65_536
"""A map has at most as many rows as a table has addresses."""

MODICON: Final = "modicon"
Base = int | Literal["modicon"]

_TABLES: Final = {"3": 4, "4": 3}
"""The function that reads a table, by the first of a number's five or six digits."""

_NUMBERS: Final = ("scale", "minimum", "maximum")
_TEXTS: Final = ("type", "order", "unit", "document", "title")
_COLUMNS: Final = ("function", "address", "name", "quantity", "words", "sentinel", *_NUMBERS, *_TEXTS)
_SEPARATORS: Final = ",;\t"


def read_csv(text: str, *, where: str = "CSV", base: Base = 0, limits: Mapping[str, Any] | None = None) -> RegisterMap:
    """The map that a sheet describes.

    Args:
        text: the sheet; comma, semicolon or tab between columns.
        where: its name, for complaints.
        base: what is taken off the addresses to get those of the wire, or "modicon".
        limits: the keys of `[modbus]`, such as `read_registers_max`.

    Raises:
        ModelError: a row is wrong; the sentence names its line and what would be right.
    """
    return RegisterMap.from_table(
        {"modbus": dict(limits or {}), "registers": tables(text, where=where, base=base)}, where
    )


def tables(text: str, *, where: str = "CSV", base: Base = 0) -> dict[str, dict[str, Any]]:
    """The same as the table `[registers]` of a model file, for whoever writes that file."""
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=_separator(text)))
    if len(rows) > ROWS_MAX:
        raise ModelError(f"{where}: the sheet has more than {ROWS_MAX} rows")
    if not rows:
        raise ModelError(f"{where}: the sheet is empty; its first row names the columns: {', '.join(_COLUMNS)}")
    headings = [heading.strip().lower() for heading in rows[0]]
    for heading in ("address", "type"):
        if heading not in headings:
            raise ModelError(f"{where}: there is no column {heading!r}; the columns are {', '.join(_COLUMNS)}")
    registers: dict[str, dict[str, Any]] = {}
    for number, cells in enumerate(rows[1:], 2):
        row = {heading: cell.strip() for heading, cell in zip(headings, cells, strict=False) if cell.strip()}
        if row:
            key, register = _register(row, f"{where}: line {number}", base)
            if key in registers:
                raise ModelError(f"{where}: line {number}: address {key} stands twice")
            registers[key] = register
    return registers


def _separator(text: str) -> str:
    heading = text.split("\n", 1)[0]
    return max(_SEPARATORS, key=heading.count)


def _register(row: Mapping[str, str], where: str, base: Base) -> tuple[str, dict[str, Any]]:
    number = row.get("address", "")
    if base == MODICON:
        function, address = _of_table(number, where)
        said = _whole(row.get("function", str(function)), where, "function")
        if said != function:
            raise ModelError(f"{where}: function is {said}; {number} is read by function {function}")
    else:
        function, address = _whole(row.get("function", "3"), where, "function"), _whole(number, where, "address") - base
        if address < 0:
            raise ModelError(f"{where}: address is {number}, which is below the base of {base}")
    cells = dict(_cells(row, where))
    if base:
        cells.setdefault("document", number)
    return f"{function}:{address}", cells


def _of_table(number: str, where: str) -> tuple[int, int]:
    """The function and the wire address of a number such as 30001 or 400001."""
    function = _TABLES.get(number[:1])
    if function is None or not number.isdecimal() or len(number) not in {5, 6} or int(number[1:]) == 0:
        raise ModelError(f"{where}: address is {number!r}; with base modicon it is a number such as 30001 or 400001")
    return function, int(number[1:]) - 1


def _cells(row: Mapping[str, str], where: str) -> Iterator[tuple[str, Any]]:
    name = row.get("name", "")
    quantity = row.get("quantity", name if name in QUANTITIES else "")
    if quantity:
        yield "quantity", quantity
    else:
        yield "value", "" if row.get("type") == "string" else 0  # what the emulator shows of a value nobody measures
    if name and name != quantity:
        yield "name", name
    for heading in _TEXTS:
        if heading in row:
            yield heading, row[heading]
    for heading in _NUMBERS:
        if heading in row:
            yield heading, _number(row[heading], where, heading)
    if "words" in row:
        yield "words", _whole(row["words"], where, "words")
    if "sentinel" in row:
        yield "sentinel", [_whole(row["sentinel"], where, "sentinel")]


def _whole(text: str, where: str, heading: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ModelError(f"{where}: {heading} is {text!r}; it must be a whole number") from None


def _number(text: str, where: str, heading: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ModelError(f"{where}: {heading} is {text!r}; it must be a number") from None
