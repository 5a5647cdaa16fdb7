"""The pump: moves bytes between a machine and a carrier, and keeps its one timer.

One turn is: hand the machine what came (or tell it that its deadline is there), write what it has to send, hand on what
it has to say, look at its deadline. A turn costs no task switch. The timer is re-armed only when it fires early, since
most deadlines move with every request and few of them ever come; while the peer does not read, nor do we.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from protocols.machine import Machine, Peer, SetLine, Transmit

CLOSE_S_MAX: Final = 5
"""How long what is already written may take to leave after a close; then the carrier is broken off."""

HELD_FRAMES_MAX: Final = 4096
"""Frames that may wait for their instant; a machine that holds more back than this has lost its line."""


_monotonic_ns = time.monotonic_ns


def link_time_us() -> int:
    """Link time now: monotonic microseconds.

    The event loop's clock is the same one, but uvloop's stands still within a turn and counts whole milliseconds, too
    coarse for the silence between two Modbus RTU frames.
    """
    return _monotonic_ns() // 1000


def peer_of(carrier: asyncio.BaseTransport) -> Peer:
    """Who is at the other end of a transport."""
    name = carrier.get_extra_info("peername")
    if isinstance(name, tuple):
        host, port = name[0], name[1]
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    secured = carrier.get_extra_info("ssl_object")
    certificate = secured.getpeercert(binary_form=True) if secured is not None else None
    kind = carrier.get_extra_info("carrier", "tcp" if secured is None else "tls")
    return Peer(kind, str(name or ""), certificate)


class Pump(asyncio.Protocol):
    """Drives one machine over one carrier, which is any `asyncio.Transport`.

    A carrier that has a `set_line` method is a serial line and gets the machine's `SetLine`s in their order; on others
    these mean nothing. An exception out of the machine is our own bug: it climbs to the loop and ends this carrier.

    Args:
        make: makes the machine for a peer, or gives None where nobody answers: the carrier is then broken off.
        on_event: is called with everything the machine says; until there is one, the machine keeps its events.
        on_closed: is called once, when the carrier is gone, with the reason in one sentence.
    """

    __slots__ = (
        "_at_once",
        "_carrier",
        "_data_to_send",
        "_deadline_us",
        "_held",
        "_loop",
        "_make",
        "_receive_data",
        "_set_line",
        "_timer",
        "_timer_at_us",
        "_write",
        "closed",
        "machine",
        "on_closed",
        "on_event",
        "peer",
    )
    machine: Machine
    peer: Peer

    def __init__(
        self,
        make: Callable[[Peer], Machine | None],
        *,
        on_event: Callable[[Any], None] | None = None,
        on_closed: Callable[[str], None] | None = None,
    ) -> None:
        self.closed: str | None = None
        self.on_event = on_event
        self.on_closed = on_closed
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._carrier: Any = None
        self._set_line: Callable[[SetLine], None] | None = None
        self._held: deque[Transmit | SetLine] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_us = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The carrier stands: make the machine and let it begin."""
        self._carrier = transport
        self._set_line = getattr(transport, "set_line", None)
        self.peer = peer_of(transport)
        machine = self._make(self.peer)
        if machine is None:
            self.closed = "nobody answers here"
            self._carrier.abort()
            return
        self._write = transport.write  # type: ignore[attr-defined]  # a stream's transport has it
        self._take(machine)
        self.turn(link_time_us())

    def _take(self, machine: Machine) -> None:
        self.machine = machine
        self._at_once = getattr(machine, "at_once", None)
        self._receive_data = machine.receive_data
        self._data_to_send = machine.data_to_send
        self._deadline_us = machine.deadline_us

    def data_received(self, data: bytes) -> None:
        """Hand the machine what came."""
        if self.closed is None:
            now_us = _monotonic_ns() // 1000
            at_once = self._at_once
            if at_once is not None and not self._held:
                answer = at_once(data, now_us)
                if answer is not None:
                    self._write(answer)
                    return
            self._receive_data(data, now_us)
            self.turn(now_us)

    def eof_received(self) -> bool:
        """The peer sends no more; stay only for frames that still wait for their instant."""
        if self.closed is not None:
            return False
        now_us = link_time_us()
        self.machine.receive_eof(now_us)
        self.turn(now_us)
        return bool(self._held)

    def connection_lost(self, exc: Exception | None) -> None:
        """The carrier is gone: the machine hears it, and whoever owns the pump."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._held.clear()
        if self.closed is None:
            machine = self.machine
            reason = machine.closed or (f"the connection broke ({exc})" if exc else None)
            machine.receive_eof(link_time_us())
            self.closed = reason or machine.closed or "the connection was closed"
            self._report(machine)
        if self.on_closed is not None:
            self.on_closed(self.closed)
        self._make = _nobody  # who made us mostly knows us: no cycle is left for the garbage collector

    def renew(self, *, finish: bool = False) -> None:
        """Begin with a new machine on the same carrier, as a device on a serial line does that was without supply.

        Args:
            finish: what still waits for its instant leaves nevertheless, as from a device that was only set anew.
        """
        machine = self._make(self.peer)
        if machine is not None and self.closed is None:
            if not finish:
                self._held.clear()
            self._take(machine)
            self.turn(link_time_us())

    def listen(self, on_event: Callable[[Any], None], on_closed: Callable[[str], None]) -> None:
        """Take the machine's events over, those that wait already and an end that has already come included."""
        self.on_event = on_event
        self.on_closed = on_closed
        self._report(self.machine)
        if self.closed is not None:
            on_closed(self.closed)

    def pause_writing(self) -> None:
        """The peer does not read: take nothing more from it."""
        self._carrier.pause_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._carrier.resume_reading()

    def close(self, reason: str) -> None:
        """End the carrier from our side once all is sent; the first reason is the one that is told."""
        self._end(reason, abort=False)

    def abort(self, reason: str) -> None:
        """End the carrier at once, as a meter does that loses its supply."""
        self._end(reason, abort=True)

    def _end(self, reason: str, *, abort: bool) -> None:
        if self.closed is None:
            self.closed = reason
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._carrier is not None:
                self.machine.receive_eof(link_time_us())
                self._report(self.machine)
        if self._carrier is not None:
            if abort:
                self._carrier.abort()
            else:
                self._close_carrier()

    def _close_carrier(self) -> None:
        self._carrier.close()
        self._timer = self._loop.call_later(CLOSE_S_MAX, self._carrier.abort)

    def turn(self, now_us: int) -> None:
        """Write what the machine has to send, tell what it says, look at its deadline.

        To be called after anything was asked of the machine from outside.
        """
        for item in self._data_to_send(now_us):
            if type(item) is bytes and not self._held:
                self._write(item)
            else:
                self._send(item, now_us)
        machine = self.machine
        if self.on_event is not None:
            self._report(machine)
        if machine.closed is None:
            at_us = self._deadline_us()
            if at_us is not None and (self._timer is None or at_us < self._timer_at_us):
                self._arm(at_us, now_us)
        elif not self._held and self.closed is None:
            self.closed = machine.closed
            if self._timer is not None:
                self._timer.cancel()
            machine.receive_eof(now_us)  # what one layer has ended, the others say the end of
            self._report(machine)
            self._close_carrier()

    def _report(self, machine: Machine) -> None:
        if self.on_event is not None:
            while (event := machine.next_event()) is not None:
                self.on_event(event)

    def _send(self, item: Any, now_us: int) -> None:
        """Write one item that is not plain bytes or stands behind one that waits."""
        if item.__class__ is bytes:
            item = Transmit(item)
        if self._held or (item.__class__ is Transmit and item.not_before_us > now_us):
            self._held.append(item)
            if len(self._held) > HELD_FRAMES_MAX:
                self.abort("more frames wait for their instant than a line ever owes")
            elif len(self._held) == 1:
                self._arm(item.not_before_us, now_us)
        else:
            self._put(item)

    def _put(self, item: Transmit | SetLine) -> None:
        if isinstance(item, Transmit):
            self._carrier.write(item.data)
        elif self._set_line is not None:
            self._set_line(item)

    def _release(self, now_us: int) -> None:
        """Write the held frames whose instant has come."""
        held = self._held
        while held:
            item = held[0]
            if isinstance(item, Transmit) and item.not_before_us > now_us:
                self._arm(item.not_before_us, now_us)
                return
            self._put(held.popleft())

    def _arm(self, at_us: int, now_us: int) -> None:
        """See to it that the timer fires at or before that instant."""
        if self._timer is not None:
            if self._timer_at_us <= at_us:
                return
            self._timer.cancel()
        self._timer_at_us = at_us
        self._timer = self._loop.call_later(max(0, at_us - now_us) / 1_000_000, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now_us = link_time_us()
        try:
            self._release(now_us)
            if self.machine.closed is None:
                at_us = self.machine.deadline_us()
                if at_us is not None and at_us <= now_us:
                    self.machine.on_deadline(now_us)
            self.turn(now_us)
        except BaseException:
            self._carrier.abort()
            raise


def _nobody(_peer: Peer) -> None:
    """What a pump without a carrier makes."""
