"""The link's end, told to the sign-on below it: a layer above the HDLC link whose two sides are alike.

A link that is opened anew goes down and up in one step, which is no end; so the end is told when that step is over.
"""

from typing import Any, Protocol

from protocols.link import LinkConnect, LinkDown, LinkUp
from protocols.machine import Layer


class SignedOn(Protocol):
    """`ModeEReader` or `SignOnMeter`."""

    def sign_off(self, now_us: int) -> None:
        """Back to 300 baud."""


class SignOff(Layer[Any, Any]):
    """Signs off when the link above which it stands goes down.

    Args:
        below: the sign-on at the bottom of the same stack.
    """

    def __init__(self, below: SignedOn) -> None:
        self._signed_on = below
        self._deadline_us: int | None = None

    def from_below(self, item: Any, now_us: int) -> None:
        """Look at what passes."""
        if isinstance(item, LinkDown):
            self._deadline_us = now_us
        elif isinstance(item, LinkUp):
            self._deadline_us = None
        self.above(item, now_us)

    def from_above(self, item: Any, now_us: int) -> None:
        """Sign off before a link is asked for again: it begins with a sign-on."""
        if isinstance(item, LinkConnect):
            self.on_deadline(now_us)
        self.below(item, now_us)

    def deadline_us(self) -> int | None:
        """At once, when the link went down and stayed down."""
        return self._deadline_us

    def on_deadline(self, now_us: int) -> None:
        """Sign off."""
        if self._deadline_us is not None and self._deadline_us <= now_us:
            self._deadline_us = None
            self._signed_on.sign_off(now_us)
