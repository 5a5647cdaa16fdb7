"""A part of a profile: entries by number, and columns by name; what the meter can leave out, and what is left to us.

A range by time may name any columns. Entries come with columns that stand side by side, so what lies between two wanted
ones is sent too and dropped here. The clock of a row is always kept: a row without its time is of little use.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.polling.reading import Column, name_of
from gateway.service.script import RefusedError
from protocols.dlms.selection import EntryDescriptor, Selection
from protocols.dlms.value import Value
from protocols.model.meter_model import MeterModel


class Part(NamedTuple):
    """What is wanted of a profile, beside a stretch of time.

    Attributes:
        entries: the first and the last, counted from 1; 0 is the last that there is.
        last: so many of the newest.
        columns: names of quantities or logical names; none for all.
    """

    entries: tuple[int, int] | None = None
    last: int | None = None
    columns: tuple[str, ...] = ()


WHOLE: Final = Part()


def choose(
    profile: str, columns: tuple[Column, ...], names: Sequence[str], model: MeterModel | None
) -> tuple[Column, ...]:
    """The columns of these names, and the row's clock, as the profile captures them.

    Raises:
        RefusedError: there is no such column.
    """
    if not names:
        return columns
    known = [(name_of(each, model), each.obis, f"{each.obis}:{each.attribute}") for each in columns]
    for name in names:
        if not any(name in called for called in known):
            there = ", ".join(called[0] for called, each in zip(known, columns, strict=True) if not each.is_clock)
            raise RefusedError(f"{name!r} is no column of {profile}; there are {there}")
    clock = next((each for each in columns if each.is_clock), None)
    return tuple(
        each
        for each, called in zip(columns, known, strict=True)
        if each is clock or any(name in called for name in names)
    )


def by_entry(
    columns: tuple[Column, ...], chosen: tuple[Column, ...], entries: tuple[int, int]
) -> tuple[tuple[Column, ...], Selection]:
    """The columns that the meter sends for these entries, and how it is asked for them."""
    first, last = columns.index(chosen[0]), columns.index(chosen[-1])
    whole = (first, last) == (0, len(columns) - 1)
    selection = EntryDescriptor(
        from_entry=entries[0],
        to_entry=entries[1],
        from_selected_value=first + 1,
        to_selected_value=0 if whole else last + 1,
    ).selection()
    return columns[first : last + 1], selection


def pick(rows: Sequence[Value], sent: tuple[Column, ...], chosen: tuple[Column, ...]) -> Sequence[Value]:
    """Of rows with the columns that were sent, those that were chosen; a row that has others is left as it is."""
    if sent == chosen:
        return rows
    places = [sent.index(each) for each in chosen]
    return [
        (tag, [cells[place] for place in places])
        if isinstance(cells, list) and len(cells) == len(sent)
        else (tag, cells)
        for tag, cells in rows
    ]
