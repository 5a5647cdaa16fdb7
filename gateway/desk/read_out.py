"""What `meter-gateway read-out` prints: who the meter is, and its data sets with the names that we know."""

import csv
import io
import re
from typing import Any, Final

from gateway.polling.reading import Column, name_of
from protocols.iec62056_21.reader import ReadOut

REGISTER: Final = 3
_CODE: Final = re.compile(r"(?:1-\d+:)?(\d+)\.(\d+)\.(\d+)(?:\*255)?")
"""A reduced OBIS code C.D.E of electricity, or a whole one of the present."""


def name(address: str) -> str:
    """What a data set measures, as far as its address says it; else nothing.

    >>> name("1.8.0"), name("1-0:1.8.0*255"), name("1.8.0*01"), name("C.1.0")
    ('active_energy_import', 'active_energy_import', '', '')
    """
    code = _CODE.fullmatch(address)
    if code is None or any(int(group) > 255 for group in code.groups()):
        return ""
    column = Column(REGISTER, bytes((1, 0, *map(int, code.groups()), 255)), 2)
    known = name_of(column)
    return "" if known == column.obis else known


def as_text(found: ReadOut) -> str:
    """Lines for people: the identification, then address, values and name."""
    who = found.identification
    hdlc = ", offers HDLC (mode E)" if who.offers_hdlc else ""
    rows = [
        (each.address, "  ".join(f"{value.text} {value.unit}".rstrip() for value in each.values), name(each.address))
        for each in found.data_sets
    ]
    wide = max((len(address) for address, _, _ in rows), default=0)
    values = max((len(value) for _, value, _ in rows), default=0)
    lines = [f"{address:{wide}}  {value:{values}}  {known}".rstrip() for address, value, known in rows]
    return "\n".join([f"{who.manufacturer} {who.text}, up to {who.baud} baud{hdlc}", *lines, ""])


def as_csv(found: ReadOut) -> str:
    """One line a value."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("address", "name", "value", "unit"))
    for each in found.data_sets:
        writer.writerows((each.address, name(each.address), value.text, value.unit) for value in each.values)
    return buffer.getvalue()


def as_json(found: ReadOut) -> dict[str, Any]:
    """An object; values are text, as the meter wrote them."""
    who = found.identification
    return {
        "identification": {
            "manufacturer": who.manufacturer,
            "text": who.text,
            "baud": who.baud,
            "offers_hdlc": who.offers_hdlc,
        },
        "data_sets": [
            {"address": each.address, "values": [{"value": value.text, "unit": value.unit} for value in each.values]}
            | ({"name": known} if (known := name(each.address)) else {})
            for each in found.data_sets
        ],
    }
