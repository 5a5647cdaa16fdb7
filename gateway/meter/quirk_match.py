"""Which quirks a meter has: those of the model that it is said to be, else those of what it shows of itself.

What it shows is asked for once: its system title, where the AARE carries one, else its logical device name; both begin
with the three letters of its maker. Only where the table knows that maker is anything else asked for.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from gateway.meter.dlms_profile import Get, GetMany, obis
from protocols.dlms.quirk import NO_QUIRKS, Quirks
from protocols.dlms.results import DataAccessResult
from protocols.model.quirk_table import FLAG_LETTERS, KnownQuirks

LOGICAL_DEVICE_NAME: Final = obis("0.0.42.0.0.255")
DATA: Final = 1

Ask = Callable[[Any], Awaitable[Any]]


class Recognition:
    """What is known of one meter's quirks; it outlives a connection.

    Args:
        quirks: those of the model that it is said to be.
        table: quirks of meters by what they show; not looked at where the model has any.
    """

    def __init__(self, quirks: Quirks = NO_QUIRKS, table: Sequence[KnownQuirks] = ()) -> None:
        self.quirks = quirks
        self._table = tuple(table) if quirks == NO_QUIRKS else ()

    @property
    def settled(self) -> bool:
        """Whether there is nothing to be found out any more."""
        return not self._table

    async def look(self, title: bytes, ask: Ask) -> bool:
        """Find out, by the meter's system title and by what it is asked; whether it has any quirks.

        Raises:
            MeterError: the meter does not answer.
        """
        flag = title[:FLAG_LETTERS].decode("ascii", "replace")
        shown: dict[bytes, str] = {}
        if not title:
            shown[LOGICAL_DEVICE_NAME] = _text(await ask(Get(DATA, LOGICAL_DEVICE_NAME, 2)))
            flag = shown[LOGICAL_DEVICE_NAME][:FLAG_LETTERS]
        candidates = [each for each in self._table if each.flag in {flag, ""}]
        missing = sorted({name for each in candidates for name in each.shows} - set(shown))
        outcomes = await ask(GetMany(tuple(Get(DATA, name, 2) for name in missing)))
        shown |= {name: _text(outcome) for name, outcome in zip(missing, outcomes, strict=True)}
        self._table = ()
        for each in candidates:
            if all(shown[name].startswith(begin) for name, begin in each.shows.items()):
                self.quirks = _joined(self.quirks, each.quirks)
        return self.quirks != NO_QUIRKS


def _joined(quirks: Quirks, more: Quirks) -> Quirks:
    """Both; where both say something, the later."""
    said = {each.name: getattr(more, each.name) for each in fields(Quirks)}
    return replace(quirks, **{name: value for name, value in said.items() if value != getattr(NO_QUIRKS, name)})


def _text(outcome: Any) -> str:
    """What an object of class 1 shows, as text; nothing where it is refused."""
    if isinstance(outcome, DataAccessResult):
        return ""
    value = outcome[1]
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
