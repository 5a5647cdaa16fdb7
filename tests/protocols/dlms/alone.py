"""A client of ours without a server, for tests that say what the meter says."""

from typing import Any

from protocols.dlms.application import AssociationProfile
from protocols.dlms.ask.outcome import Associated
from protocols.dlms.client import AssociationClient
from protocols.link import Apdu, LinkConnect, LinkDown, LinkUp
from protocols.machine import Answered, Stack, TimedOut
from tests.protocols.dlms.bench import counting, proposal
from tests.protocols.dlms.logical_device import LN, PEER


class Alone:
    """The client without a server: what it sends is in `sent`, what it says in `events`."""

    def __init__(self, profile: AssociationProfile | None = None, **settings: Any) -> None:
        self.client = AssociationClient(profile or proposal(), 1, counting, PEER, **settings)
        self.stack = Stack([self.client])
        self.sent: list[Any] = []
        self.events: list[Any] = []
        self.now_us = 0
        self.client.associate(0)
        self.settle()

    def settle(self) -> list[Any]:
        new = self.stack.data_to_send(self.now_us)
        self.sent += new
        while (event := self.stack.next_event()) is not None:
            self.events.append(event)
        return new

    def say(self, data: bytes | Apdu | LinkUp | LinkDown) -> list[Any]:
        item = Apdu(self.client.profile.client, 1, data) if isinstance(data, bytes) else data
        self.stack.receive_data(item, self.now_us)
        return self.settle()

    def accept(self, conformance: int = LN, max_pdu: int = 256) -> None:
        assert self.sent == [LinkConnect(self.client.profile.client, 1)]
        self.say(LinkUp(self.client.profile.client, 1))
        terms = b"\x08\x00\x06\x5f\x1f\x04\x00" + conformance.to_bytes(3, "big") + max_pdu.to_bytes(2, "big")
        context = bytes((0xA1, 9, 6, 7)) + bytes.fromhex("608574050801") + bytes((self.client.profile.context,))
        information = terms + b"\x00\x07"
        content = context + bytes.fromhex("a203020100a305a103020100") + bytes((0xBE, 16, 4, 14)) + information
        self.say(bytes((0x61, len(content))) + content)
        assert isinstance(self.events[-1].response, Associated), self.events
        self.sent.clear()

    def pass_time(self) -> list[Any]:
        at_us = self.stack.deadline_us()
        assert at_us is not None
        self.now_us = at_us
        self.stack.on_deadline(at_us)
        return self.settle()

    def ends(self, ticket: int) -> list[Any]:
        return [event for event in self.events if isinstance(event, Answered | TimedOut) and event.ticket == ticket]

    def response(self, ticket: int) -> Any:
        (end,) = self.ends(ticket)
        return end.response


def invoke_of(item: Any) -> int:
    return int(item.data[2])
