"""One client's link to one logical device of a station, as the station keeps it."""

from typing import Final

from protocols.hdlc import parameters as negotiation
from protocols.hdlc.frame import information_control
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.state import LinkState
from protocols.hdlc.window import Receiver, Sender

NOTHING_AWAITED: Final = -1
"""What no control octet is."""


class ServerLink:
    """A link with its state, its numbers and whose turn it is.

    Args:
        client, server: the SAPs it joins.
        local: our address field, in the form the client uses.
        remote: the client's.
    """

    __slots__ = (
        "awaited",
        "client",
        "heard_us",
        "hold_us",
        "local",
        "parameters",
        "peer_ready",
        "polled",
        "receiver",
        "rejection",
        "remote",
        "sender",
        "server",
        "state",
    )

    def __init__(self, client: int, server: int, local: bytes, remote: bytes) -> None:
        self.client = client
        self.server = server
        self.local = local
        self.remote = remote
        self.state = LinkState.DISCONNECTED
        self.heard_us = 0
        self.rejection = b""
        self.reset(negotiation.DEFAULT)

    def reset(self, parameters: Parameters) -> None:
        """Begin anew: numbers from nought, nothing waiting."""
        self.parameters = parameters
        self.sender = Sender()
        self.receiver = Receiver()
        self.peer_ready = True
        self.polled = False  # the client has given us the turn
        self.hold_us: int | None = None  # until when the turn waits for the application
        self.awaited = NOTHING_AWAITED  # the control octet of a frame that may take the short way

    def await_request(self) -> None:
        """See which frame would be the next request of a client that has all it was sent: in order and polled."""
        sender, receiver = self.sender, self.receiver
        if self.state is LinkState.CONNECTED and sender.outstanding == len(sender) and not receiver.gathering:
            self.awaited = information_control(receiver.expected, sender.next_sequence, poll_final=True)
        else:
            self.awaited = NOTHING_AWAITED
