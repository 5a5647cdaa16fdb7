"""A client and a server of ours on one wire, for tests: `run` lets them talk, `answer` is what a ticket came to."""

from collections.abc import Callable
from typing import Any

from protocols.dlms.application import AssociationProfile
from protocols.dlms.client import PROPOSED_LN, PROPOSED_SN, AssociationClient
from protocols.dlms.server import AssociationServer
from protocols.machine import Answered, Stack, TimedOut
from protocols.secret import Secret
from protocols.wrapper import Role, Wrapper
from tests.laws.line import Faults, Line
from tests.protocols.dlms.logical_device import PEER, LogicalDevice


def counting(count: int) -> bytes:
    """Challenges that are not random."""
    return bytes(range(1, count + 1))


def proposal(client: int = 16, **changes: Any) -> AssociationProfile:
    """What a client of ours proposes, with the password of client 32 and all services."""
    kept: dict[str, Any] = {"conformance": PROPOSED_LN, "max_pdu": 512} | changes
    if kept.get("context", 1) in {2, 4} and "conformance" not in changes:
        kept["conformance"] = PROPOSED_SN
    if client == 32:
        kept = {"mechanism": 1, "secrets": {"lls": Secret("secret")}} | kept
    return AssociationProfile(client=client, **kept)


class Bench:
    """Both ends; `client` and `server` are the layers, `device` the logical device."""

    def __init__(
        self,
        profile: AssociationProfile | None = None,
        device: LogicalDevice | None = None,
        *,
        client: dict[str, Any] | None = None,
        server: dict[str, Any] | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        stacks: Callable[[AssociationClient, AssociationServer], tuple[Stack, Stack]] | None = None,
    ) -> None:
        self.device = device or LogicalDevice()
        self.client = AssociationClient(profile or proposal(), 1, counting, PEER, **(client or {}))
        self.server = AssociationServer({1: self.device}, counting, PEER, **(server or {}))
        left, right = (stacks or _wrapped)(self.client, self.server)
        self.line = Line(left, right, seed=seed, faults=faults)

    @property
    def now_us(self) -> int:
        return self.line.now_us

    @property
    def events(self) -> list[Any]:
        """What the client said."""
        return self.line.left.events

    def run(self, ticket: int) -> Any:
        """Let both talk until nothing more happens; what the ticket came to."""
        self.line.run()
        return self.answer(ticket)

    def open(self) -> Any:
        return self.run(self.client.associate(self.now_us))

    def answer(self, ticket: int) -> Any:
        """The one end of a ticket: its response, or the `TimedOut`."""
        ends = [event for event in self.events if isinstance(event, Answered | TimedOut) and event.ticket == ticket]
        assert len(ends) == 1, f"ticket {ticket} has {len(ends)} ends: {ends}"
        return ends[0].response if isinstance(ends[0], Answered) else ends[0]


def _wrapped(client: AssociationClient, server: AssociationServer) -> tuple[Stack, Stack]:
    return Stack([Wrapper(Role.CLIENT), client]), Stack([Wrapper(Role.SERVER), server])
