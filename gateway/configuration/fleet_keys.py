"""One file with the keys of a fleet: a meter a table (TOML), or a meter a line (CSV).

    [MB0001]                                        meter,system_title,hls,block,authentication
    system_title = "4D5442..."                      MB0001,4D5442...,secret,0001...,D0D1...
    hls = "..."
    block = "000102030405060708090A0B0C0D0E0F"

Keys are text, or octets in hexadecimal. A key without a table stands for every meter. Nothing of the file is ever
shown: what is wrong is said by meter and name.
"""

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.configuration.config import KEY_NAMES
from protocols.secret import Secret
from protocols.settings.section import secret_of

SYSTEM_TITLE: Final = "system_title"
METER: Final = "meter"
EVERY: Final = ""
"""Whose keys stand for every meter."""

TITLE_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """What the file says of one meter: keys by name, and its system title where that is known."""

    secrets: Mapping[str, Secret] = field(default_factory=dict)
    system_title: bytes = b""


FleetKeys = Mapping[str, MeterKeys]
"""By meter id; see `EVERY`."""


def keys_for(fleet: FleetKeys, meter: str) -> MeterKeys:
    """The keys of one meter, its own before those of every meter."""
    every, own = fleet.get(EVERY, MeterKeys()), fleet.get(meter, MeterKeys())
    return MeterKeys({**every.secrets, **own.secrets}, own.system_title or every.system_title)


def parse_fleet_keys(text: str) -> dict[str, MeterKeys]:
    """Read the file, in either form.

    Raises:
        ValueError: it is of neither form, or a key's name is unknown; the sentence shows no key.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.split(",")[0].strip().lower() == METER:
        return _from_csv(text)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # Its message could quote the line.
        raise ValueError("the key file is neither TOML nor CSV that begins with a column `meter`") from None
    return _from_toml(tables)


def _from_toml(tables: Mapping[str, Any]) -> dict[str, MeterKeys]:
    fleet: dict[str, MeterKeys] = {}
    every = {name: value for name, value in tables.items() if not isinstance(value, dict)}
    if every:
        fleet[EVERY] = _meter_keys("every meter", every.items())
    for meter, table in tables.items():
        if isinstance(table, dict):
            fleet[meter] = _meter_keys(meter, table.items())
    return fleet


def _from_csv(text: str) -> dict[str, MeterKeys]:
    rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    fleet: dict[str, MeterKeys] = {}
    for row in rows:
        meter = (row.pop(METER, None) or row.pop(METER.title(), None) or "").strip()
        if not meter:
            raise ValueError(f"line {rows.line_num} of the key file names no meter")
        given = [(name.strip(), value.strip()) for name, value in row.items() if isinstance(value, str) and value]
        fleet[meter] = _meter_keys(meter, given)
    return fleet


def _meter_keys(meter: str, given: Iterable[tuple[str, Any]]) -> MeterKeys:
    secrets: dict[str, Secret] = {}
    title = b""
    for name, value in given:
        if not isinstance(value, str):
            raise ValueError(f'{meter}: {name} is to be text, such as block = "000102030405060708090A0B0C0D0E0F"')  # noqa: TRY004 (the file is wrong)
        if name == SYSTEM_TITLE:
            title = _title(meter, value)
        elif name in KEY_NAMES:
            secrets[name] = secret_of(value)
        else:
            raise ValueError(f"{meter}: {name!r} is no key; there are {', '.join((*KEY_NAMES, SYSTEM_TITLE))}")
    return MeterKeys(secrets, title)


def _title(meter: str, digits: str) -> bytes:
    try:
        title = bytes.fromhex(digits)
    except ValueError:
        title = b""
    if len(title) * 2 != TITLE_DIGITS:
        raise ValueError(f"{meter}: system_title is {TITLE_DIGITS} hexadecimal digits")
    return title
