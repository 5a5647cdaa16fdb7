"""Small machines that show what a pump does with them."""

from typing import Any

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.machine import Answered, Indication, Layer, Outgoing, SetLine, Stack, TimedOut, Transmit


class Lines(Layer[bytes, bytes]):
    """Splits at newlines."""

    def __init__(self) -> None:
        self.rest = b""

    def from_below(self, item: bytes, now_us: int) -> None:
        *whole, self.rest = (self.rest + item).split(b"\n")
        for line in whole:
            self.above(line, now_us)

    def from_above(self, item: bytes, now_us: int) -> None:
        self.below(item + b"\n", now_us)


class EchoServer(Layer[bytes, bytes]):
    """Answers every line with itself; a few words do something else."""

    def from_below(self, item: bytes, now_us: int) -> None:
        if item == b"break":
            raise RemoteProtocolError("the peer said break")
        if item != b"silence":
            self.below(item, now_us)


class LineClient(Layer[bytes, bytes]):
    """Asks one line after the other, waits `timeout_us` for each."""

    def __init__(self, timeout_us: int = 50_000) -> None:
        self.timeout_us = timeout_us
        self.open: dict[int, int] = {}
        self.next_ticket = 1

    def request(self, line: bytes, now_us: int) -> int:
        if b"\n" in line:
            raise LocalProtocolError("one line at a time")
        ticket = self.next_ticket
        self.next_ticket += 1
        self.open[ticket] = now_us + self.timeout_us
        self.below(line, now_us)
        return ticket

    def from_below(self, item: bytes, now_us: int) -> None:
        if self.open and not item.startswith(b"push"):
            ticket = min(self.open)
            del self.open[ticket]
            self.above(Answered(ticket, item), now_us)
        else:
            self.above(Indication(item), now_us)

    def deadline_us(self) -> int | None:
        return min(self.open.values(), default=None)

    def on_deadline(self, now_us: int) -> None:
        for ticket in [ticket for ticket, at_us in self.open.items() if at_us <= now_us]:
            del self.open[ticket]
            self.above(TimedOut(ticket), now_us)


def echo_server(_peer: Any = None) -> Stack:
    return Stack([Lines(), EchoServer()])


class Scripted:
    """A machine that sends what it is told and notes what it hears."""

    def __init__(self, out: list[Outgoing] | None = None) -> None:
        self.closed: str | None = None
        self.out: list[Outgoing] = list(out or [])
        self.heard: list[bytes] = []
        self.events: list[Any] = []
        self.eof = False
        self.deadline: int | None = None
        self.woken: list[int] = []

    def receive_data(self, data: bytes, now_us: int) -> None:
        self.heard.append(data)
        self.events.append(data)

    def receive_eof(self, now_us: int) -> None:
        self.eof = True
        self.closed = self.closed or "the peer closed the connection"

    def data_to_send(self, now_us: int) -> list[Outgoing]:
        out, self.out = self.out, []
        return out

    def next_event(self) -> Any | None:
        return self.events.pop(0) if self.events else None

    def deadline_us(self) -> int | None:
        return self.deadline

    def on_deadline(self, now_us: int) -> None:
        self.deadline = None
        self.woken.append(now_us)


__all__ = ["EchoServer", "LineClient", "Lines", "Scripted", "SetLine", "Transmit", "echo_server"]
