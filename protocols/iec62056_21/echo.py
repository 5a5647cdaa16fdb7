"""An optical head or a two-wire converter gives back what it is sent: our own octets, recognised and dropped.

Whether there is an echo is found out once, by the first thing we send: either it comes back whole, or what comes
differs and there is none. It can't be asked again each time, because a meter's confirmation of mode E is the same
octets as our own message. After that an echo is taken off octet by octet, and one that is spoiled is passed up as what
it is: noise, which what is above survives.
"""

from enum import Enum
from typing import Final

from protocols.machine import Layer, SetLine, Transmit

SILENCE_US: Final = 500_000
"""Octets that could be an echo are kept this long for the rest of it: fifteen characters at 300 baud."""
SENT_BYTES_MAX: Final = 8192  # no head delays more than the longest window of frames


class Head(Enum):
    """What we know of the head."""

    UNKNOWN = "nothing has come back yet"
    CLEAR = "it gives nothing back"
    ECHOING = "it gives back what it is sent"


class EchoCancel(Layer[bytes, bytes | Transmit | SetLine]):
    """Octets below, the same without our own above; put it lowest.

    Attributes:
        head: what is known of the head.
    """

    def __init__(self) -> None:
        self.head = Head.UNKNOWN
        self._sent = bytearray()
        self._kept = bytearray()
        self._deadline_us: int | None = None

    def from_above(self, item: bytes | Transmit | SetLine, now_us: int) -> None:
        """Remember what we send."""
        if self.head is not Head.CLEAR and not isinstance(item, SetLine):
            self._sent += item.data if isinstance(item, Transmit) else item
            del self._sent[:-SENT_BYTES_MAX]
        self.below(item, now_us)

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take off what is our own."""
        if self.head is Head.UNKNOWN and self._sent:
            self._find_out(item, now_us)
        elif self._sent:
            count = 0
            while count < min(len(item), len(self._sent)) and item[count] == self._sent[count]:
                count += 1
            del self._sent[:count]
            if count < len(item):
                self._sent.clear()
                self.above(item[count:], now_us)
        else:
            self.above(item, now_us)

    def _find_out(self, item: bytes, now_us: int) -> None:
        self._kept += item
        length = min(len(self._kept), len(self._sent))
        if self._kept[:length] != self._sent[:length]:
            self._settle(Head.CLEAR, now_us)
        elif length == len(self._sent):
            self._settle(Head.ECHOING, now_us)
        else:
            self._deadline_us = now_us + SILENCE_US

    def _settle(self, head: Head, now_us: int) -> None:
        self.head = head
        kept = bytes(self._kept[len(self._sent) :] if head is Head.ECHOING else self._kept)
        self._kept.clear()
        self._sent.clear()
        self._deadline_us = None
        if kept:
            self.above(kept, now_us)

    def deadline_us(self) -> int | None:
        """When what could have been an echo is passed up, since the rest of it has not come."""
        return self._deadline_us

    def on_deadline(self, now_us: int) -> None:
        """It was no echo."""
        if self._deadline_us is not None and self._deadline_us <= now_us:
            self._settle(Head.CLEAR, now_us)
