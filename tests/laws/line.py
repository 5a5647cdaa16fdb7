"""A seeded wire that joins two machines in simulated link time: no clock, no socket, the same run for the same seed.

    line = Line(gateway_stack, meter_stack, seed=7, faults=Faults(loss=0.1, flip=0.05))
    line.left.on_event = lambda event, now_us: ...      # may call whatever the machine's top layer offers
    association.get(..., line.now_us); line.settle()    # or start from outside
    line.run(until_us=60_000_000)                       # to that instant, or until nothing more will happen
    line.left.events                                    # everything the left machine said, in order

A stream (the default) keeps order and may be cut anywhere; `datagram=True` keeps datagrams whole and may put them in
another order. A duplicate of a stream follows the original, as a bad repeater makes it. `SetLine` is obeyed: with a
`baud`, octets take their time, and what is received at another speed than it was sent arrives as other octets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

from protocols.machine import Machine, SetLine, Transmit

Listener = Callable[[Any, int], None]

STEPS_MAX: Final = 100_000  # a conversation that needs more does not end
BITS_AN_OCTET: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What the wire does to one transmission; each is a probability but the times.

    Attributes:
        loss: it does not arrive.
        duplicate: it arrives twice.
        flip: one to three of its bits are turned.
        drop_octet: one of its octets is lost (streams).
        garbage: noise arrives before it (streams).
        cut: it arrives in pieces (streams).
        reorder: it is overtaken by later ones (datagrams).
        latency_us: how long every transmission takes.
        jitter_us: how much longer it takes at most.
        stall: it takes `stall_us` longer, so that time-outs fire though nothing is lost.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    flip: float = 0.0
    drop_octet: float = 0.0
    garbage: float = 0.0
    cut: float = 0.0
    reorder: float = 0.0
    latency_us: int = 1_000
    jitter_us: int = 0
    stall: float = 0.0
    stall_us: int = 5_000_000


def seeded(seed: int | bytes) -> Random:
    """The random source of a test: of its seed and nothing else."""
    return Random(seed)


class Side:
    """One end of the line: its machine, what that said, and what is to be done when it says something."""

    def __init__(self, machine: Machine, baud: int | None) -> None:
        self.machine = machine
        self.events: list[Any] = []
        self.on_event: Listener | None = None
        self.baud = baud  # at which it listens
        self.next_baud = baud  # at which it sends what it sends from here on
        self.free_us = 0  # when all that was sent has left
        self.arrived_us = 0  # when the last of it arrives: a stream keeps its order


class Line:
    """Two machines and the wire between them.

    Args:
        left: one machine.
        right: the other.
        seed: of everything that goes wrong; a failure shows it.
        faults: what goes wrong, in both directions.
        datagram: keep transmissions whole, and let them overtake each other.
        baud: the speed both sides begin with, or None for a line where octets take no time.
        echo: the left side's head gives back what it is sent.
    """

    def __init__(
        self,
        left: Machine,
        right: Machine,
        *,
        seed: int = 0,
        faults: Faults | None = None,
        datagram: bool = False,
        baud: int | None = None,
        echo: bool = False,
    ) -> None:
        self.seed = seed
        self.now_us = 0
        self.left = Side(left, baud)
        self.right = Side(right, baud)
        self.transmissions = 0
        self._faults = faults or Faults()
        self._datagram = datagram
        self._echo = echo
        self._random = seeded(seed)
        self._order = 0
        # Instant, order, whose, what arrives there at which speed; None arrives when its speed changes.
        self._arriving: list[tuple[int, int, Side, bytes | None, int | None]] = []

    def run(self, until_us: int = 3_600_000_000) -> None:
        """Let time pass up to `until_us`, or until nothing more is on its way and nobody waits for a deadline.

        Raises:
            AssertionError: the conversation does not come to an end.
        """
        self.settle()
        for _ in range(STEPS_MAX):
            at_us = self._next_us()
            if at_us is None or at_us > until_us:
                return
            self.now_us = max(self.now_us, at_us)
            while self._arriving and self._arriving[0][0] <= self.now_us:
                _, _, side, data, baud = heappop(self._arriving)
                if data is None:
                    side.baud = baud
                    continue
                if baud != side.baud:
                    data = bytes(octet ^ self._random.randrange(256) for octet in data)
                side.machine.receive_data(data, self.now_us)
                self.settle()
            for side in (self.left, self.right):
                deadline_us = side.machine.deadline_us()
                if deadline_us is not None and deadline_us <= self.now_us:
                    side.machine.on_deadline(self.now_us)
            self.settle()
        raise AssertionError(f"seed {self.seed}: no end after {STEPS_MAX} steps")

    def settle(self) -> None:
        """Put on the wire what the machines have to send, hear what they have to say; also after a call of yours."""
        for side, other in ((self.left, self.right), (self.right, self.left)):
            while True:
                out = side.machine.data_to_send(self.now_us)
                for item in out:
                    self._send(item, side, other)
                event = side.machine.next_event()
                if event is None and not out:
                    break
                if event is not None:
                    side.events.append(event)
                    if side.on_event is not None:
                        side.on_event(event, self.now_us)

    def _next_us(self) -> int | None:
        instants = [self._arriving[0][0]] if self._arriving else []
        for side in (self.left, self.right):
            deadline_us = side.machine.deadline_us()
            if deadline_us is not None:
                instants.append(deadline_us)
        return min(instants, default=None)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability

    def _send(self, item: bytes | Transmit | SetLine, side: Side, other: Side) -> None:
        if isinstance(item, SetLine):
            side.next_baud = item.baud
            self._schedule(max(self.now_us, side.free_us), side, None, item.baud)
            return
        data, not_before_us = (item.data, item.not_before_us) if isinstance(item, Transmit) else (item, 0)
        self.transmissions += 1
        start_us = max(self.now_us, not_before_us, side.free_us)
        side.free_us = start_us + (len(data) * BITS_AN_OCTET * 1_000_000 // side.next_baud if side.next_baud else 0)
        if self._echo and side is self.left:
            self._schedule(side.free_us, side, data, side.next_baud)
        faults = self._faults
        if self._happens(faults.loss):
            return
        for _ in range(2 if self._happens(faults.duplicate) else 1):
            at_us = side.free_us + faults.latency_us
            if faults.jitter_us:
                at_us += self._random.randrange(faults.jitter_us)
            if self._happens(faults.stall):
                at_us += faults.stall_us
            self._deliver(self._spoiled(data), at_us, side, other)

    def _spoiled(self, data: bytes) -> bytes:
        faults, octets = self._faults, bytearray(data)
        if octets and self._happens(faults.flip):
            for _ in range(self._random.randint(1, 3)):
                octets[self._random.randrange(len(octets))] ^= 1 << self._random.randrange(8)
        if not self._datagram:
            if octets and self._happens(faults.drop_octet):
                del octets[self._random.randrange(len(octets))]
            if self._happens(faults.garbage):
                octets[:0] = self._random.randbytes(self._random.randint(1, 12))
        return bytes(octets)

    def _deliver(self, data: bytes, at_us: int, side: Side, other: Side) -> None:
        if self._datagram:
            if self._happens(self._faults.reorder):
                at_us += self._random.randrange(10 * self._faults.latency_us)
            pieces = [data]
        else:
            side.arrived_us = at_us = max(at_us, side.arrived_us)
            pieces = [data]
            if len(data) > 1 and self._happens(self._faults.cut):
                place = self._random.randrange(1, len(data))
                pieces = [data[:place], data[place:]]
        for piece in pieces:
            self._schedule(at_us, other, piece, side.next_baud)

    def _schedule(self, at_us: int, side: Side, data: bytes | None, baud: int | None) -> None:
        self._order += 1
        heappush(self._arriving, (at_us, self._order, side, data, baud))
