"""The DLMS client: any APDUs as answers, at any time, with requests of every kind under way.

The input is read as a list of steps: what to do, a length, and the octets that the meter is to have sent.
"""

from collections.abc import Callable
from contextlib import suppress

from protocols.dlms.access import AccessAction, AccessGet
from protocols.dlms.application import Association, AssociationProfile
from protocols.dlms.client import AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.value import Tag
from protocols.errors import LocalProtocolError
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Answered, Stack, TimedOut
from tests.protocols.dlms.bench import counting, proposal

STEPS_MAX = 64

AARE = "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f04003c3e7f01000007"
ANSWERS = (
    "c401c10009020102",
    "c401c10104",
    "c402c10000000001000309820 1",
    "c402c101000000020003000102",
    "c403c1020011050104",
    "c501c100",
    "c502c100000001",
    "c503c10000000002",
    "c505c1020000",
    "c701c10000",
    "c701c1000100 1105",
    "c702c101000000010400010011",
    "c704c100000001",
    "da40000001000002 0011050201000300",
    "d80102",
    "0e050302",
    "e0050001000003c401c1",
    "e0850002000103000911",
    "0c0100090101",
    "0c0102010001020009",
    "0d0100",
    "0f4000000100090101",
    "c200000800000100 00ff021105",
    "63038001 00",
)


class Mirror:
    """An HLS mechanism that any meter can satisfy which sends the challenge back."""

    challenge_octets = 8

    def certificate(self, association: Association) -> bytes | None:
        return None

    def prove(self, association: Association) -> bytes:
        return association.server_challenge

    def verify(self, proof: bytes, association: Association) -> bool:
        return proof == association.client_challenge


def script(*steps: tuple[int, str]) -> bytes:
    """An input: what to do, then octets in hex that come from the meter."""
    parts = []
    for step, text in steps:
        data = bytes.fromhex(text.replace(" ", ""))
        parts.append(bytes((step, len(data))) + data)
    return b"".join(parts)


SEEDS = [
    *(script((0, AARE), (step, answer)) for step, answer in enumerate(ANSWERS, 1)),
    *(script((kind, AARE), *((step, answer) for step, answer in enumerate(ANSWERS, 1))) for kind in (0x10, 0x20)),
    script((0, AARE), *((step, answer) for step, answer in enumerate(ANSWERS, 1))),
    script((0, AARE), (9, ""), (0x80, ""), (0x80, ""), (0x80, ""), (10, ""), (0x40, "")),
]

ATTRIBUTE = AttributeDescriptor(1, bytes(6), 2)
METHOD = MethodDescriptor(9, bytes(6), 1)
LONG = (Tag.OCTET_STRING, bytes(600))
NULL = (Tag.NULL_DATA, None)


def requests(client: AssociationClient) -> list[Callable[[int], int]]:
    """Everything that can be asked for, by number."""
    return [
        lambda now_us: client.get(ATTRIBUTE, now_us),
        lambda now_us: client.get_list([ATTRIBUTE] * 3, now_us),
        lambda now_us: client.set(ATTRIBUTE, LONG, now_us),
        lambda now_us: client.set_list([ATTRIBUTE] * 2, [LONG, NULL], now_us, together=True),
        lambda now_us: client.action(METHOD, LONG, now_us, retries=1),
        lambda now_us: client.action_list([METHOD] * 2, [LONG, None], now_us, together=True),
        lambda now_us: client.access([AccessGet(ATTRIBUTE), AccessAction(METHOD)], [NULL, LONG], now_us),
        lambda now_us: client.read([(0x1000, None)], now_us),
        lambda now_us: client.write([(0x1000, None)], [LONG], now_us),
        lambda now_us: client.release(now_us, disconnect=False),
        client.associate,
    ]


def profile_of(data: bytes) -> tuple[AssociationProfile, Mirror | None]:
    """Which association it is: with logical or short names, without or with HLS."""
    choice = data[0] >> 4 if data else 0
    if choice == 1:
        return proposal(context=2), None
    if choice == 2:
        return proposal(48, mechanism=2), Mirror()
    return proposal(), None


def target(data: bytes) -> None:
    """Feed it; every ticket ends once, and nothing is raised but what our own misuse earns."""
    profile, authenticator = profile_of(data)
    client = AssociationClient(profile, 1, counting, timeout_us=1000, retries=1, authenticator=authenticator)
    stack = Stack([client])
    asked = requests(client)
    tickets = [client.associate(0)]
    ends: list[int] = []
    at = now_us = 0
    for _ in range(STEPS_MAX):
        for item in stack.data_to_send(now_us):
            assert isinstance(item, Apdu | LinkConnect | LinkDisconnect), item
            if isinstance(item, LinkConnect):
                stack.receive_data(LinkUp(item.client, item.server), now_us)
            elif isinstance(item, LinkDisconnect):
                stack.receive_data(LinkDown(item.client, item.server, "we released the link"), now_us)
        if at + 2 > len(data):
            break
        step, length = data[at], data[at + 1]
        with suppress(LocalProtocolError):  # not in this state
            tickets.append(asked[step % len(asked)](now_us))
        stack.receive_data(Apdu(profile.client, 1, data[at + 2 : at + 2 + length]), now_us)
        at += 2 + length
        due_us = stack.deadline_us()
        if step & 0x80 and due_us is not None:
            now_us = max(now_us, due_us)
            stack.on_deadline(now_us)
        while (event := stack.next_event()) is not None:
            if isinstance(event, Answered | TimedOut):
                ends.append(event.ticket)
    stack.receive_eof(now_us)
    while (event := stack.next_event()) is not None:
        if isinstance(event, Answered | TimedOut):
            ends.append(event.ticket)
    assert sorted(ends) == sorted(tickets), (ends, tickets)
