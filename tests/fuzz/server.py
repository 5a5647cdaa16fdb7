"""The DLMS server: any APDUs from any clients, with every service agreed on, short names and HLS among them.

The input is read as a list of APDUs: a client's number, a length, the octets.
"""

from protocols.dlms.application import Association
from protocols.dlms.server import AssociationServer
from protocols.link import Apdu, LinkDown
from protocols.machine import Stack
from tests.protocols.dlms.bench import counting
from tests.protocols.dlms.logical_device import LN, PEER, SN, LogicalDevice, profiles

CLIENTS = (16, 32, 48, 64)
STEPS_MAX = 64
MILLION = 1_000_000

AARQ = "601da109060760857405080101be10040e01000000065f1f0400007e1f04b0"
AARQ_LLS = (
    "6036a1090607608574050801018a0207808b0760857405080201ac088006736563726574be10040e01000000065f1f0400007e1f04b0"
)
APDUS = (
    AARQ,
    "c001c1000100006001 00ff0200",
    "c001c1000100006032 00ff0200",
    "c002c100000001",
    "c003c102000100006001 00ff0200000800000100 00ff0200",
    "c101c1000100006033 00ff02001105",
    "c102c1000100006032 00ff0200000000000103090201",
    "c103c10100000002020203",
    "c104c102000100006033 00ff0200000100006033 00ff0200021101 1102",
    "c105c102000100006033 00ff0200000100006033 00ff0200000000000102 0211",
    "c301c10009000 00a0064ff0101 1105",
    "c302c100000001",
    "c303c101000900000a0064ff01011105",
    "c304c1000900000a0064ff01000000000102 0904",
    "c306c1010000000202 0102",
    "d94000000100010100010000600100ff02 0100",
    "e0810001000007c001c100010000",
    "0501021000",
    "0502021010040123 00 0203",
    "060102101801110 7",
    "0601070100010109 03 010203",
    "1601021018011107",
    "6200",
    "10000000010 0",
)


class Mirror:
    """An HLS mechanism that any client can satisfy which sends the challenge back."""

    challenge_octets = 8

    def certificate(self, association: Association) -> bytes | None:
        return None

    def prove(self, association: Association) -> bytes:
        return association.client_challenge

    def verify(self, proof: bytes, association: Association) -> bool:
        return proof == association.server_challenge


def script(*steps: tuple[int, str]) -> bytes:
    """An input: APDUs in hex, each from the client of that place in `CLIENTS`."""
    parts = []
    for client, text in steps:
        data = bytes.fromhex(text.replace(" ", ""))
        parts.append(bytes((client, len(data))) + data)
    return b"".join(parts)


SEEDS = [
    script(*((0, apdu) for apdu in APDUS)),
    script((1, AARQ_LLS), (1, APDUS[1]), (1, "6200")),
    script(*((3, apdu) for apdu in APDUS[1:])),
    *(script((0, AARQ), (0, apdu)) for apdu in APDUS[1:]),
]


def target(data: bytes) -> None:
    """Feed it; the stack may close by itself, and nothing else may happen."""
    both = {**profiles(), 32: profiles(conformance=LN | SN, wrong_passwords_max=1, slow_down_us=10)[32]}
    both[64] = profiles(conformance=LN | SN)[64]
    device = LogicalDevice(both)
    server = AssociationServer(
        {1: device}, counting, PEER, names={1: device}, authenticators={2: Mirror()}, system_title=b"MBC00001"
    )
    stack = Stack([server])
    at = now_us = 0
    for _ in range(STEPS_MAX):
        if at + 2 > len(data):
            break
        choice, length = data[at], data[at + 1]
        client = CLIENTS[choice & 3]
        apdu = data[at + 2 : at + 2 + length]
        at += 2 + length
        now_us += choice
        stack.receive_data(Apdu(client, 1, apdu, confirmed=choice < 0xC0), now_us)
        if choice & 0x20:
            stack.receive_data(LinkDown(client, 1, "the link is gone"), now_us)
        due_us = stack.deadline_us()
        if due_us is not None:
            stack.on_deadline(due_us)
        taken = {each.client: each.peer_max_pdu for each in server.associations()}
        for answer in stack.data_to_send(now_us):
            assert isinstance(answer, Apdu), answer
            assert len(answer.data) <= max(taken.get(answer.client, 0), 256), answer
        while stack.next_event() is not None:
            pass
    stack.receive_eof(now_us)
    assert len(server.associations()) == 0
