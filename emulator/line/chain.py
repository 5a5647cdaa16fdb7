"""Several layers as one: for a bus, which wants a single framer, and for whoever puts something before it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from protocols.errors import RemoteProtocolError
from protocols.machine import Layer


class Chain(Layer[Any, Any]):
    """Layers from the wire upwards that look like one; what one of them raises ends the line.

    Args:
        layers: at least one.
    """

    def __init__(self, layers: Sequence[Layer[Any, Any]]) -> None:
        self._layers = tuple(layers)
        for lower, upper in pairwise(self._layers):
            lower.above, upper.below = upper.from_below, lower.from_above
        self._layers[0].below = self._down
        self._layers[-1].above = self._up
        for layer in self._layers:
            layer.close = self._end
        self._timed = [layer for layer in self._layers if type(layer).deadline_us is not Layer.deadline_us]

    # Our own neighbours are set after we are made, and by whoever needs us.

    def _down(self, item: Any, now_us: int) -> None:
        self.below(item, now_us)

    def _up(self, item: Any, now_us: int) -> None:
        self.above(item, now_us)

    def _end(self, reason: str) -> None:
        self.close(reason)

    def from_below(self, item: Any, now_us: int) -> None:
        """Take an item at the lowest layer."""
        try:
            self._layers[0].from_below(item, now_us)
        except RemoteProtocolError as error:
            self.close(str(error))

    def from_above(self, item: Any, now_us: int) -> None:
        """Take an item at the highest layer."""
        self._layers[-1].from_above(item, now_us)

    def eof(self, reason: str, now_us: int) -> None:
        """Every layer hears it, from the lowest up."""
        for layer in self._layers:
            layer.eof(reason, now_us)

    def deadline_us(self) -> int | None:
        """The earliest of all."""
        return min((at_us for layer in self._timed if (at_us := layer.deadline_us()) is not None), default=None)

    def on_deadline(self, now_us: int) -> None:
        """Wake the layers whose time has come."""
        for layer in self._timed:
            at_us = layer.deadline_us()
            if at_us is not None and at_us <= now_us:
                layer.on_deadline(now_us)
