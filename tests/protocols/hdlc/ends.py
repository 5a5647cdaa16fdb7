"""The two ends of a link at the level of frames: what one takes, sends and says, step by step."""

from typing import Any

from protocols.hdlc.client import HdlcClient
from protocols.hdlc.frame import Frame, Kind, information_control, supervisory_control, unnumbered_control
from protocols.hdlc.server import HdlcServer
from protocols.machine import Layer, Stack

STATION = b"\x03"
CLIENT = b"\x21"
COMMAND = bytes.fromhex("E6E600")
RESPONSE = bytes.fromhex("E6E700")


def command(kind: Kind, information: bytes = b"", *, poll: bool = True, **more: Any) -> Frame:
    """An unnumbered frame from client 16 to logical device 1."""
    return Frame(STATION, CLIENT, unnumbered_control(kind, poll_final=poll), information, **more)


def ready(receive: int, kind: Kind = Kind.RR, *, poll: bool = True, information: bytes = b"") -> Frame:
    """RR or RNR from client 16."""
    return Frame(STATION, CLIENT, supervisory_control(kind, receive, poll_final=poll), information)


def numbered(send: int, receive: int, information: bytes, *, poll: bool = True, segmented: bool = False) -> Frame:
    """An I frame from client 16; `information` as it stands in the frame."""
    return Frame(STATION, CLIENT, information_control(send, receive, poll_final=poll), information, segmented)


def turned(frame: Frame) -> Frame:
    """The same frame from logical device 1 to client 16."""
    return frame._replace(destination=frame.source, source=frame.destination)


class End:
    """A stack of one link layer."""

    def __init__(self, layer: Layer[Frame, Any]) -> None:
        self.layer = layer
        self.stack = Stack([layer])
        self.now_us = 0

    def take(self, *frames: Frame) -> list[Frame]:
        for frame in frames:
            self.stack.receive_data(frame, self.now_us)
        return self.sent()

    def give(self, item: Any) -> list[Frame]:
        self.layer.from_above(item, self.now_us)
        return self.sent()

    def sent(self) -> list[Frame]:
        return self.stack.data_to_send(self.now_us)

    def said(self) -> list[Any]:
        seen = []
        while (event := self.stack.next_event()) is not None:
            seen.append(event)
        return seen

    def wait(self, microseconds: int) -> list[Frame]:
        """Let time pass, stopping at each deadline."""
        until_us = self.now_us + microseconds
        while (at_us := self.stack.deadline_us()) is not None and at_us <= until_us:
            self.now_us = max(self.now_us, at_us)
            self.stack.on_deadline(self.now_us)
        self.now_us = until_us
        return self.sent()


def server(**options: Any) -> End:
    return End(HdlcServer(**options))


def client(**options: Any) -> End:
    return End(HdlcClient(**options))
