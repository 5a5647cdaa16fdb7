"""What the tools print: lines for people, JSON and CSV for programs."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from protocols.message.reading import Row, Value


def lines(rows: Sequence[Row]) -> list[str]:
    """Name, value, unit and where it stands, a line each; a blank line between rows."""
    out: list[str] = []
    for row in rows:
        if out:
            out.append("")
        if row.at is not None:
            out.append(row.at.isoformat())
        names = max((len(value.name) for value in row.values), default=0)
        numbers = max((len(value.value or "-") for value in row.values), default=0)
        out += [_line(value, names, numbers) for value in row.values]
    return out


def _line(value: Value, names: int, numbers: int) -> str:
    shown = value.value if value.value is not None else "-"
    where = value.obis if value.obis is not None else f"register {value.register_address}"
    if value.attribute is not None:
        where = f"{where}:{value.attribute}"
    reason = f"  ({value.reason})" if value.reason is not None else ""
    return f"{value.name:{names}}  {shown:>{numbers}} {value.unit or '':4}  {where}{reason}".rstrip()


def as_json(rows: Sequence[Row], **more: Any) -> str:
    """One JSON object."""
    return json.dumps(more | {"rows": [row.model_dump(mode="json", exclude_none=True) for row in rows]})


def _heads(rows: Sequence[Row]) -> list[str]:
    """The columns with their units: those of the row that has most of them, since a broken one has fewer."""
    fullest = max(rows, key=lambda row: len(row.values))
    return ["at", *(f"{value.name} [{value.unit}]" if value.unit else value.name for value in fullest.values)]


def as_csv(rows: Sequence[Row]) -> str:
    """One line a row, times with their offset from UTC."""
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_heads(rows))
    for row in rows:
        at = "" if row.at is None else row.at.isoformat()
        writer.writerow([at, *("" if value.value is None else value.value for value in row.values)])
    return buffer.getvalue()


def as_table(rows: Sequence[Row]) -> list[str]:
    """Rows under aligned heads, for people."""
    if not rows:
        return ["no rows"]
    heads = _heads(rows)
    table = [heads] + [
        ["" if row.at is None else row.at.isoformat(), *(value.value or "-" for value in row.values)] for row in rows
    ]
    widths = [max(len(line[index]) for line in table if index < len(line)) for index in range(len(heads))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=False)) for line in table]


def remarks(rows: Sequence[Row]) -> list[str]:
    """Why values are missing, each reason once, with how often it is so."""
    reasons = Counter(
        f"{value.name}: {value.reason}" for row in rows for value in row.values if value.reason is not None
    )
    return [reason if count == 1 else f"{reason} ({count} rows)" for reason, count in reasons.items()]
