"""Quirks of meters by what they show of themselves: a file of `[[meter]]` tables.

```toml
[[meter]]
title = "the 2019 series: falls silent when it is asked to release"
flag = "XYZ"                                        # the maker, as the system title and the device name begin
shows = { "1.0.0.2.0.255" = "2.1" }                 # what objects of class 1 begin with; without, all of the maker's
source = "seen on the bench, 2024-10-28"
quirks = { no_release = true, hdlc_window_max = 1 }
```
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from protocols.cosem.obis import LogicalName
from protocols.dlms.quirk import Quirks
from protocols.model.quirk import read_quirks
from protocols.model.table import ModelError, Table

FLAG_LETTERS: Final = 3
METERS_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownQuirks:
    """The quirks of meters that look so.

    Attributes:
        title: what they are.
        flag: their maker's three letters; empty for any.
        shows: by logical name, what the value of an object of class 1 begins with.
        quirks: what they do differently.
        source: who has seen it.
    """

    title: str
    flag: str
    shows: Mapping[bytes, str]
    quirks: Quirks
    source: str


def read_quirk_table(text: str, where: str) -> tuple[KnownQuirks, ...]:
    """The table of a file.

    Args:
        text: TOML.
        where: its name, for complaints.

    Raises:
        ModelError: it says something that cannot be.
    """
    try:
        table = Table(tomllib.loads(text), where)
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{where}: this is not TOML: {error}") from None
    rows = table.tables("meter")
    table.done()
    if len(rows) > METERS_MAX:
        table.refuse(f"there are {len(rows)} meters; {METERS_MAX} is the most that is looked through for each")
    return tuple(map(_known, rows))


def _known(table: Table) -> KnownQuirks:
    flag = table.take("flag", str, "")
    if flag and not (len(flag) == FLAG_LETTERS and flag.isascii() and flag.isalpha() and flag.isupper()):
        table.refuse(f"flag is {flag!r}; it must be the three capital letters of a maker")
    shows = table.table("shows", {})
    names = {_octets(name, shows): shows.take(name, str) for name in shows.names()}
    if not flag and not names:
        table.refuse("neither flag nor shows says which meters these are")
    known = KnownQuirks(
        title=table.take("title", str),
        flag=flag,
        shows=names,
        quirks=read_quirks(table.table("quirks")),
        source=table.take("source", str),
    )
    table.done()
    return known


def _octets(name: str, table: Table) -> bytes:
    try:
        return LogicalName.parse(name).octets
    except ValueError as error:
        table.refuse(str(error))
