"""What a meter says of what happens in it: to its listeners, into its logs, and for a while in its status word."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from emulator.event.event_log import CAPTURING, NOTHING_MEASURED, EventLog, EventRow
from emulator.event.happening import Happening, Kind

if TYPE_CHECKING:
    from emulator.timing.clock import MeterClock
    from protocols.model.physics import Physics

Listener = Callable[[Happening], None]


class Owner(Protocol):
    """What a teller asks of its meter."""

    clock: MeterClock
    event_log: EventLog
    physics: Physics

    def measured(self, at_ms: int) -> dict[str, int]:
        """What the capturing logs keep with an event."""


class Teller:
    """One meter's.

    Args:
        owner: the meter.
    """

    __slots__ = ("_listeners", "_owner", "passing")

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._listeners: tuple[Listener, ...] = ()
        self.passing: list[tuple[int, int]] = []
        """Bits of the status word that are up for a while, and until when."""

    def subscribe(self, listener: Listener) -> None:
        """Call a listener with everything that happens, at once and in order."""
        self._listeners = (*self._listeners, listener)

    def tell(self, at_ms: int, kind: Kind, name: str = "", value: int = 0) -> None:
        """Something has happened."""
        if self._listeners:
            happening = Happening(at_ms, kind, name, value)
            for listener in self._listeners:
                listener(happening)

    def log(self, at_ms: int, log: str, code: int, cause: str = "") -> EventRow:
        """Log an event, with what is measured now where its log keeps that."""
        owner = self._owner
        values = owner.measured(at_ms) if log in CAPTURING else NOTHING_MEASURED
        row = owner.event_log.append(log, owner.clock.meter_ms(at_ms), code, values, cause)
        self.tell(at_ms, Kind.EVENT, log, code)
        return row

    def show(self, at_ms: int, bit: int) -> None:
        """A bit of the status word goes up for a while."""
        until_ms = at_ms + self._owner.physics.events.transient_s * 1000
        self.passing = [(each, end) for each, end in self.passing if end > at_ms and each != bit]
        self.passing.append((bit, until_ms))
