"""Which registers by tariff count: the masks in force since when, chosen by the calendar or set by a client.

A mask that a client has set lasts until the calendar switches next, at midnight at the latest, or the clock or the
calendar takes another course: then the script of the tariff in force is run, as at every switch.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

from protocols.model.activation import TARIFF_REGISTERS, Activation

Program = tuple[Activation, ...]
"""All register activation objects of a meter."""

Forced = tuple[tuple[str, str], ...]
"""Masks that somebody has set beside the calendar: logical name of the object and name of the mask."""


class Choice(NamedTuple):
    """What is in force: the calendar's tariff, the objects with their masks, and what has been set beside."""

    tariff: int
    program: Program = ()
    forced: Forced = ()

    def mask(self, activation: Activation) -> str:
        """The mask in force of one object."""
        return dict(self.forced).get(activation.logical_name) or activation.mask_of(self.tariff)

    def number(self) -> int:
        """The tariff whose script would put the masks in force; 0 where there is none such."""
        if not self.forced:
            return self.tariff
        masks = [(activation, self.mask(activation)) for activation in self.program]
        numbers = {tariff for activation, _ in masks for tariff, _ in activation.scripts}
        fitting = (each for each in sorted(numbers) if all(one.mask_of(each) == mask for one, mask in masks))
        return next(fitting, 0)


@lru_cache(maxsize=1024)
def counting(choice: Choice) -> frozenset[str]:
    """The quantities of the registers by tariff that count."""
    assigned = {name for activation in choice.program for name in activation.registers}
    free = (name for name, tariff in TARIFF_REGISTERS.items() if tariff == choice.tariff and name not in assigned)
    return frozenset(free).union(*(each.chosen(choice.mask(each)) for each in choice.program))


class Entry(NamedTuple):
    """From an instant of true time on these objects are as they are; `forced` was set then."""

    at_ms: int
    program: Program
    forced: Forced = ()


class ActivationCourse:
    """How a meter's register activation objects have changed.

    Args:
        program: as they left the works.
        at_ms: since when, in true time.
    """

    __slots__ = ("_entries",)

    def __init__(self, program: Program, at_ms: int) -> None:
        self._entries = [Entry(at_ms, program)]

    @property
    def history(self) -> list[Entry]:
        """Oldest first."""
        return self._entries

    @property
    def program(self) -> Program:
        """The objects as they are now."""
        return self._entries[-1].program

    def of(self, logical_name: str) -> Activation | None:
        """One of them, as it is now."""
        return next((each for each in self.program if each.logical_name == logical_name), None)

    def begin(self, entry: Entry) -> None:
        """Another course; an entry of the same instant gives way."""
        if self._entries[-1].at_ms == entry.at_ms:
            self._entries.pop()
        self._entries.append(entry)

    def drop_before(self, at_ms: int) -> None:
        """Forget what nobody asks about any more."""
        del self._entries[: max(0, bisect_right(self._entries, at_ms, key=_at_ms) - 1)]


def _at_ms(entry: Entry) -> int:
    return entry.at_ms
