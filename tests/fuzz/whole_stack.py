"""Both roles of DLMS as whole stacks, over HDLC and over the wrapper: any octets on the wire, most of them well framed.

The first octet chooses role and carrier. The rest is read as pieces: how it is framed and when it comes, a length, the
octets. A framed piece has the check sequences and lengths that let it pass to the layers above.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from protocols.dlms.client import AssociationClient
from protocols.dlms.server import AssociationServer
from protocols.errors import LocalProtocolError
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.frame import Frame, encode
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import HdlcServer
from protocols.machine import Answered, Stack, TimedOut
from protocols.wrapper import Role, Wrapper
from protocols.wrapper import encode as wrapped
from tests.fuzz import client as client_target
from tests.fuzz import server as server_target
from tests.protocols.dlms.bench import counting, proposal
from tests.protocols.dlms.logical_device import LN, PEER, SN, LogicalDevice, profiles

SERVER, HDLC = 1, 2
RAW, SEGMENTED, LATER = 0x80, 0x40, 0x20
CLIENT_SAP, SERVER_SAP = 16, 1
STEPS_MAX = 64
LATER_US = 7_000_000
PARAMETERS = Parameters.symmetric(64, 3)


class Piece(NamedTuple):
    """What comes next, and how long after what came before."""

    octets: bytes
    after_us: int


def script(choice: int, *pieces: tuple[int, str]) -> bytes:
    """An input: role and carrier, then pieces in hex with how each is framed."""
    parts = [bytes((choice,))]
    for how, text in pieces:
        data = bytes.fromhex(text.replace(" ", ""))
        parts.append(bytes((how, len(data))) + data)
    return b"".join(parts)


def _conversation(choice: int, apdus: tuple[str, ...]) -> bytes:
    """A link, then an APDU in each I frame, numbered as they have to be; or those APDUs in wrapper frames."""
    if not choice & HDLC:
        return script(choice, *((0, apdu) for apdu in apdus))
    opening, header = ("93", "E6E600") if choice & SERVER else ("73", "E6E700")
    numbered = [
        (0, f"{((count + (not choice & SERVER)) & 7) << 5 | 0x10 | (count & 7) << 1:02x}{header}{apdu}")
        for count, apdu in enumerate(apdus)
    ]
    return script(choice, (0, opening), *numbered, (LATER, "53"))


REQUESTS = tuple(server_target.APDUS)
ANSWERS = (client_target.AARE, *client_target.ANSWERS)
SEEDS = [
    *(_conversation(choice, REQUESTS) for choice in (SERVER, SERVER | HDLC)),
    *(_conversation(choice, ANSWERS) for choice in (0, HDLC)),
    *(_conversation(SERVER | HDLC, (REQUESTS[0], each)) for each in REQUESTS[1:]),
    *(_conversation(HDLC, (ANSWERS[0], each)) for each in ANSWERS[1:]),
    script(
        SERVER | HDLC, (0, "93"), (SEGMENTED, "00 E6E60060"), (SEGMENTED, "02 1D"), (0, "14 A1"), (0, "11"), (0, "15")
    ),
    script(SERVER | HDLC, (RAW, "7EA0070321930F017E"), (RAW, "7E7EA0"), (LATER | RAW, "00")),
]


def _pieces(data: bytes, choice: int) -> Iterator[Piece]:
    at = 0
    for _ in range(STEPS_MAX):
        if at + 2 > len(data):
            return
        how, length = data[at], data[at + 1]
        octets = data[at + 2 : at + 2 + length]
        at += 2 + length
        yield Piece(_framed(octets, how, choice), LATER_US if how & LATER else 1000)


def _framed(octets: bytes, how: int, choice: int) -> bytes:
    server = choice & SERVER
    if how & RAW:
        return octets
    if choice & HDLC:
        ends = (b"\x03", b"\x21") if server else (b"\x21", b"\x03")
        return encode(Frame(*ends, octets[0] if octets else 0x11, octets[1:], bool(how & SEGMENTED)))
    source, destination = (CLIENT_SAP, SERVER_SAP) if server else (SERVER_SAP, CLIENT_SAP)
    return wrapped(source, destination, octets)


def target(data: bytes) -> None:
    choice = data[0] if data else 0
    if choice & SERVER:
        _server(data[1:], choice)
    else:
        _client(data[1:], choice)


def _deliver(stack: Stack, piece: Piece, now_us: int) -> int:
    now_us += piece.after_us
    stack.on_deadline(now_us)
    stack.receive_data(piece.octets, now_us)
    for each in stack.data_to_send(now_us):
        assert isinstance(each, bytes), each
    return now_us


def _server(data: bytes, choice: int) -> None:
    device = LogicalDevice({**profiles(), 16: profiles(conformance=LN | SN)[16]})
    server = AssociationServer({SERVER_SAP: device}, counting, PEER, names={SERVER_SAP: device})
    below = [HdlcFramer(), HdlcServer(parameters=PARAMETERS)] if choice & HDLC else [Wrapper(Role.SERVER)]
    stack = Stack([*below, server])
    now_us = 0
    for piece in _pieces(data, choice):
        now_us = _deliver(stack, piece, now_us)
        while stack.next_event() is not None:
            pass
        # A shared line outlives what a client sends on it; a stream whose headers are wrong does not.
        assert stack.closed is None or not choice & HDLC, stack.closed
    stack.receive_eof(now_us)
    assert len(server.associations()) == 0


def _client(data: bytes, choice: int) -> None:
    client = AssociationClient(proposal(), SERVER_SAP, counting, timeout_us=3_000_000, retries=1)
    below = [HdlcFramer(), HdlcClient(parameters=PARAMETERS, polls_max=3)] if choice & HDLC else [Wrapper(Role.CLIENT)]
    stack = Stack([*below, client])
    asked = client_target.requests(client)
    tickets, ends = [client.associate(0)], []
    now_us = 0
    for count, piece in enumerate(_pieces(data, choice)):
        now_us = _deliver(stack, piece, now_us)
        if stack.closed is None:
            with suppress(LocalProtocolError):  # not in this state
                tickets.append(asked[count % len(asked)](now_us))
        while (event := stack.next_event()) is not None:
            if isinstance(event, Answered | TimedOut):
                ends.append(event.ticket)
    stack.receive_eof(now_us)
    while (event := stack.next_event()) is not None:
        if isinstance(event, Answered | TimedOut):
            ends.append(event.ticket)
    assert sorted(ends) == sorted(tickets), (ends, tickets)
