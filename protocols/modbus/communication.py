"""What a unit knows of its own line: counters, event log and listen-only mode (functions 8, 11 and 12).

The counters belong to the device and outlive connections. The event log is kept only where it is asked for on a serial
line, since it costs two entries a message.
"""

from collections import deque
from typing import Final

EVENTS_MAX: Final = 64
"""The specification's depth of the event log."""

RESTARTED: Final = 0x00
ENTERED_LISTEN_ONLY: Final = 0x04
RECEIVED: Final = 0x80
RECEIVED_ERROR: Final = 0x02
RECEIVED_LISTEN_ONLY: Final = 0x20
RECEIVED_BROADCAST: Final = 0x40
SENT: Final = 0x40
SENT_EXCEPTION: Final = 0x01
SENT_ABORT: Final = 0x02
SENT_BUSY: Final = 0x04


class Communication:
    """Counters of one unit; each is sixteen bits on the wire.

    A message costs one addition: what the server processed and what counts as an event is what is left of all messages
    without those that had another end.
    """

    __slots__ = (
        "_events",
        "bus_errors",
        "bus_messages",
        "busy",
        "exceptions",
        "listen_only",
        "negative",
        "overruns",
        "silent",
        "uncounted",
        "unheard",
    )

    def __init__(self) -> None:
        self._events: deque[int] | None = None
        self.listen_only = False
        self.clear()

    def clear(self) -> None:
        """Sub-functions 1 and 10: every counter to zero."""
        self.bus_messages = self.bus_errors = self.exceptions = self.unheard = 0
        self.silent = self.negative = self.busy = self.overruns = self.uncounted = 0

    @property
    def server_messages(self) -> int:
        """Messages that this unit processed: all but those it did not hear or may not act on."""
        return self.bus_messages - self.unheard

    @property
    def event_count(self) -> int:
        """Messages completed: processed, neither refused nor fetching the counters; the one in hand is among them."""
        return self.server_messages - self.exceptions - self.uncounted

    def note(self, event: int) -> None:
        """Add one byte to the event log."""
        if self._events is None:
            self._events = deque(maxlen=EVENTS_MAX)
        self._events.appendleft(event)

    def clear_events(self) -> None:
        """Forget the event log."""
        self._events = None

    def events(self) -> bytes:
        """The event log, newest first."""
        return bytes(self._events or ())
