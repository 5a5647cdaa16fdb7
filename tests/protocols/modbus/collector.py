"""A stack that ends in a list: what a framer hands up, and what it sends."""

from itertools import pairwise
from typing import Any

from protocols.machine import Layer, Stack, Transmit
from protocols.modbus.adu import Adu, Noise


class Collector(Layer[Any, Any]):
    """The top of a stack under test."""


class Bench:
    """One framer, what came up out of it and what went down."""

    def __init__(self, framer: Layer[bytes, Adu]) -> None:
        self.top = Collector()
        self.stack = Stack([framer, self.top])

    def hear(self, data: bytes, now_us: int = 0) -> list[Any]:
        """Receive; what came up."""
        self.stack.receive_data(data, now_us)
        return self.events()

    def wait(self, now_us: int) -> list[Any]:
        """Let time pass; what came up."""
        self.stack.on_deadline(now_us)
        return self.events()

    def say(self, adu: Adu, now_us: int = 0) -> bytes:
        """Send; the frame."""
        self.top.below(adu, now_us)
        (out,) = self.stack.data_to_send(now_us)
        return out.data if isinstance(out, Transmit) else bytes(out)

    def events(self) -> list[Any]:
        """What came up since the last look."""
        return [*iter(self.stack.next_event, None)]

    def adus(self) -> list[Adu]:
        """The same without noise."""
        return [each for each in self.events() if not isinstance(each, Noise)]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Data cut at these places."""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:stop] for start, stop in pairwise(places) if start < stop]
