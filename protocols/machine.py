"""The contract of every protocol machine: bytes in, bytes out, time an argument.

A `Machine` is what `transport/pump.py` drives. It is made of `Layer`s in a `Stack`: a framer turns bytes into frames,
a link turns frames into APDUs, an association answers them. A layer hands its work on by *calling* its neighbour
(`above`, `below`), so a request costs no queue and no task switch. A fault or a tap is a layer whose two sides are
alike, put between two others; absent, it costs nothing. A `Bus` splits one line once and hands each frame to the
station that listens on its address; every station is a `Stack` whose lowest layer takes frames.

Link time is monotonic integer microseconds (`now_us`); nobody in here reads a clock. Instants to come are published
by `deadline_us` and arrive as `on_deadline`. The call order for a driver is: `receive_data` (or `receive_eof`, or
`on_deadline`, or whatever the top layer offers), then `data_to_send`, then `next_event` until None, then
`deadline_us`.

A machine that knows whole requests by their bytes may have a method `at_once(data, now_us)` as well, which a driver
calls before `receive_data`: it gives the answer, with nothing more to send, say or wait for; or None, and nothing has
happened.
"""

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, Self, TypeVar

from protocols.errors import RemoteProtocolError

B = TypeVar("B")
A = TypeVar("A")


class Transmit(NamedTuple):
    """One frame or datagram for the wire, never merged with another, not before an instant of link time."""

    data: bytes
    not_before_us: int = 0


class SetLine(NamedTuple):
    """A change of the serial line, obeyed once all that stands before it has left the wire."""

    baud: int
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1


class Peer(NamedTuple):
    """Who is at the other end: the carrier ("tcp", "tls", "udp", "serial", "memory"), its address, its certificate."""

    carrier: str
    address: str
    certificate: bytes | None = None


class Answered(NamedTuple):
    """A request of ours came to its end; `response` is the value the client layer documents."""

    ticket: int
    response: Any


class TimedOut(NamedTuple):
    """No answer to a request of ours within its time and its retries; whether it took effect is not known."""

    ticket: int


class Indication(NamedTuple):
    """Something the peer sent unasked, such as a push."""

    apdu: Any


Outgoing = bytes | Transmit | SetLine
"""What a machine puts on the wire; plain bytes are a `Transmit` that need not wait."""


class Machine(Protocol):
    """What a pump drives. Once `closed` is set it takes nothing more; what it still has to send and say remains."""

    @property
    def closed(self) -> str | None:
        """The reason, in one sentence, or None while open."""

    def receive_data(self, data: bytes, now_us: int) -> None:
        """Take what the carrier delivered; a datagram is one call."""

    def receive_eof(self, now_us: int) -> None:
        """The carrier has ended, by the peer or because the machine has closed; a second time changes nothing."""

    def data_to_send(self, now_us: int) -> list[Outgoing]:
        """Everything to put on the wire since the last call, in order."""

    def next_event(self) -> Any | None:
        """The next thing that happened, or None."""

    def deadline_us(self) -> int | None:
        """When `on_deadline` wants to be called, or None."""

    def on_deadline(self, now_us: int) -> None:
        """Time has passed; called at or after the deadline, an early call changes nothing."""


ENDED: Final = "the connection ended"
"""What layers hear of an end that none of them has made."""


def _no_answer(*_request: Any) -> None:
    """What a layer is told that asks and has nobody above it."""


class Layer(Generic[B, A]):
    """One step of a stack: takes `B` from below and hands `A` up, takes `A` from above and hands `B` down.

    A layer may raise `RemoteProtocolError` from `from_below`; the stack then closes with that sentence. What must
    survive a bad frame (a shared line) catches its own and goes on.
    """

    __slots__ = ("above", "ask", "below", "close")

    above: Callable[[Any, int], None]
    below: Callable[[Any, int], None]
    close: Callable[[str], None]
    """Set by the stack: hand an item up, hand an item down, end the whole machine with a reason."""

    ask: Callable[..., Any]
    """Set by the stack: the `answer` of the layer above; without a stack nobody answers."""

    def __new__(cls, *_args: Any, **_more: Any) -> Self:
        """A layer that is not in a stack yet."""
        layer = super().__new__(cls)
        layer.ask = _no_answer
        return layer

    def from_below(self, item: B, now_us: int) -> None:
        """Take one item that came up from the wire."""
        self.above(item, now_us)

    def from_above(self, item: A, now_us: int) -> None:
        """Take one item on its way down to the wire."""
        self.below(item, now_us)

    def answer(self, *_request: Any) -> Any:
        """What answers a request at once, where this layer and those above it have that short way; None is no answer.

        A layer may `ask` for it before it hands a request up, and then does so only where there is no answer, in the
        same breath. The arguments are the layers' own matter (`protocols.link` says them for DLMS). A layer in between
        that says nothing of it keeps everything on the long way.
        """
        return None

    def eof(self, reason: str, now_us: int) -> None:
        """The carrier has ended, for that reason, one sentence; called once, from the lowest layer to the highest."""

    def deadline_us(self) -> int | None:
        """When this layer wants `on_deadline`, or None."""
        return None

    def on_deadline(self, now_us: int) -> None:
        """Time has passed; an early call changes nothing."""


class Stack:
    """A machine made of layers, the first of which faces the wire.

    A layer that hands on whatever goes one way is not called for it: its neighbours are joined past it.

    Args:
        layers: from the wire upwards; at least one.
    """

    __slots__ = ("_deadlines", "_ended", "_events", "_out", "_receive", "_timed", "closed", "layers")

    def __init__(self, layers: Sequence[Layer[Any, Any]]) -> None:
        self.layers = tuple(layers)
        self.closed: str | None = None
        self._ended = False
        self._events: deque[Any] = deque()
        self._out: list[Any] = []
        down: Callable[[Any, int], None] = self._send
        for layer in self.layers:
            layer.below = down
            layer.close = self.close
            if type(layer).from_above is not Layer.from_above:
                down = layer.from_above
        up: Callable[[Any, int], None] = self._indicate
        ask: Callable[..., Any] = _no_answer
        for layer in reversed(self.layers):
            layer.above = up
            layer.ask = ask
            if type(layer).from_below is not Layer.from_below:
                up = layer.from_below
            ask = layer.answer
        self._receive = up
        self._timed = [layer for layer in self.layers if type(layer).deadline_us is not Layer.deadline_us]
        self._deadlines = tuple([layer.deadline_us for layer in self._timed])

    def tell(self, item: Any) -> None:
        """Put on the line what no layer says, such as a `SetLine` to begin with."""
        self._out.append(item)

    def _send(self, item: Any, _now_us: int) -> None:
        self._out.append(item)

    def _indicate(self, item: Any, _now_us: int) -> None:
        self._events.append(item)

    def close(self, reason: str) -> None:
        """End the machine; the first reason is kept. What is already on its way out still leaves."""
        if self.closed is None:
            self.closed = reason

    def receive_data(self, data: Any, now_us: int) -> None:
        """Take what came from the carrier, or, for a station of a bus, from the framer."""
        if self.closed is not None:
            return
        try:
            self._receive(data, now_us)
        except RemoteProtocolError as error:
            self.close(str(error))

    def receive_eof(self, now_us: int) -> None:
        """The carrier has ended: every layer hears it, once, then the machine is closed if it was not yet."""
        if self._ended:
            return
        self._ended = True
        reason = self.closed or ENDED
        try:
            for layer in self.layers:
                layer.eof(reason, now_us)
        except RemoteProtocolError as error:
            self.close(str(error))
        self.close("the peer closed the connection")

    def data_to_send(self, now_us: int) -> list[Any]:
        """Everything to put on the wire since the last call, in order."""
        out = self._out
        if out:
            self._out = []
        return out

    def next_event(self) -> Any | None:
        """The next item the highest layer handed up, or None."""
        return self._events.popleft() if self._events else None

    def deadline_us(self) -> int | None:
        """The earliest deadline of any layer, or None."""
        if self.closed is not None:
            return None
        earliest = None
        for ask in self._deadlines:
            at_us = ask()
            if at_us is not None and (earliest is None or at_us < earliest):
                earliest = at_us
        return earliest

    def on_deadline(self, now_us: int) -> None:
        """Wake the layers whose time has come."""
        try:
            for layer in self._timed:
                if self.closed is not None:
                    return
                at_us = layer.deadline_us()
                if at_us is not None and at_us <= now_us:
                    layer.on_deadline(now_us)
        except RemoteProtocolError as error:
            self.close(str(error))


EVERYONE: Final = object()
"""What a bus's `route` returns for a frame that is meant for every station."""


class Bus:
    """A machine for one line with many stations: split once, routed by address.

    Args:
        framer: bytes below, frames above; it must survive any bytes without raising.
        route: the key of the station that a frame is for, `EVERYONE`, or None for nobody on this line.
        stations: by that key; each a stack whose lowest layer takes frames and whose answers are frames.
    """

    __slots__ = ("_deadlines", "_ended", "_events", "_framer", "_out", "_route", "closed", "stations")

    def __init__(
        self,
        framer: Layer[bytes, Any],
        route: Callable[[Any], Hashable | None],
        stations: Mapping[Any, Stack],
    ) -> None:
        self.closed: str | None = None
        self._ended = False
        self.stations = dict(stations)
        self._framer = framer
        self._route = route
        self._events: deque[tuple[Any, Any]] = deque()
        self._out: list[Any] = []
        self._deadlines: dict[Any, int] = {}
        framer.below = self._send
        framer.above = self._deliver
        framer.close = self.close

    def _send(self, item: Any, _now_us: int) -> None:
        self._out.append(item)

    def close(self, reason: str) -> None:
        """End the line; the first reason is kept."""
        if self.closed is None:
            self.closed = reason

    def tell(self, item: Any) -> None:
        """Put on the line what is no station's frame, such as a `SetLine`."""
        self._out.append(item)

    def _deliver(self, frame: Any, now_us: int) -> None:
        key = self._route(frame)
        if key is EVERYONE:
            for each, station in self.stations.items():
                station.receive_data(frame, now_us)
                self.settle(each, now_us)
        elif key is not None and key in self.stations:
            self.stations[key].receive_data(frame, now_us)
            self.settle(key, now_us)

    def settle(self, key: Any, now_us: int) -> None:
        """Collect what one station has to send, to say and to wait for; also after a request made at its top layer."""
        station = self.stations[key]
        for frame in station.data_to_send(now_us):
            self._framer.from_above(frame, now_us)
        while (event := station.next_event()) is not None:
            self._events.append((key, event))
        at_us = station.deadline_us()
        if at_us is None:
            self._deadlines.pop(key, None)
        else:
            self._deadlines[key] = at_us

    def receive_data(self, data: bytes, now_us: int) -> None:
        """Take what came from the line."""
        if self.closed is None:
            self._framer.from_below(data, now_us)

    def receive_eof(self, now_us: int) -> None:
        """The line is gone: every station hears it, once."""
        if self._ended:
            return
        self._ended = True
        self._framer.eof(self.closed or ENDED, now_us)
        for key, station in self.stations.items():
            station.receive_eof(now_us)
            self.settle(key, now_us)
        self.close("the peer closed the connection")

    def data_to_send(self, now_us: int) -> list[Any]:
        """Everything to put on the line since the last call, in order."""
        out = self._out
        if out:
            self._out = []
        return out

    def next_event(self) -> tuple[Any, Any] | None:
        """The next (station key, event), or None."""
        return self._events.popleft() if self._events else None

    def deadline_us(self) -> int | None:
        """The earliest deadline of the framer or any station, or None."""
        if self.closed is not None:
            return None
        own = self._framer.deadline_us()
        if not self._deadlines:
            return own
        earliest = min(self._deadlines.values())
        return earliest if own is None or earliest < own else own

    def on_deadline(self, now_us: int) -> None:
        """Wake the framer and the stations whose time has come."""
        own = self._framer.deadline_us()
        if own is not None and own <= now_us:
            self._framer.on_deadline(now_us)
        for key in [key for key, at_us in self._deadlines.items() if at_us <= now_us]:
            self.stations[key].on_deadline(now_us)
            self.settle(key, now_us)
