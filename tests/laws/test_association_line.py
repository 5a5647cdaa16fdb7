"""Associations over a bad line: every request ends once, no answer is another's, nothing is done twice unasked.

Three lines: HDLC on a wire that loses, repeats, turns bits, stalls and cuts; datagrams that get lost, come twice and
overtake each other; a stream that stalls, so that answers come after their time. The device's attributes all differ,
so an answer given to the wrong request shows.
"""

from random import Random
from typing import Any

import pytest

from protocols.dlms.access import AccessAction, AccessGet, AccessSpecification
from protocols.dlms.application import AssociationProfile
from protocols.dlms.ask.outcome import Accessed, Associated, Invoked, is_failure
from protocols.dlms.ask.session import AssociationEnded, Repeated
from protocols.dlms.client import PROPOSED_LN, PROPOSED_SN, AssociationClient
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import Selection
from protocols.dlms.server import AssociationServer
from protocols.dlms.value import Tag, Value, encode
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import HdlcServer
from protocols.machine import Answered, Stack, TimedOut
from protocols.wrapper import Role, Wrapper, WrapperDatagram
from tests.laws.line import Faults, Line, seeded
from tests.protocols.dlms.logical_device import ECHO, LN, PEER, SN, WRITABLE, LogicalDevice, profiles

HDLC_SEEDS, DATAGRAM_SEEDS, STREAM_SEEDS, SHORT_SEEDS = 600, 400, 400, 100
REQUESTS = 8
ATTRIBUTES = 6

HDLC_FAULTS = Faults(
    loss=0.04, duplicate=0.04, flip=0.04, drop_octet=0.02, garbage=0.04, cut=0.3, jitter_us=20_000, stall=0.01
)
DATAGRAM_FAULTS = Faults(loss=0.06)
UNRULY_FAULTS = Faults(loss=0.06, reorder=0.3, jitter_us=5_000)
REPEATING_FAULTS = Faults(loss=0.06, duplicate=0.1, reorder=0.3, jitter_us=5_000)
STREAM_FAULTS = Faults(cut=0.3, jitter_us=20_000, stall=0.08, stall_us=1_500_000)

BLOCKS = (
    Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)

READS = ("get", "list")
KINDS = ("get", "get", "list", "set", "set list", "action", "action list", "access")
METHOD, ECHO_NAME = MethodDescriptor(9, ECHO, 1), 0x2008
WHERE = AttributeDescriptor(1, WRITABLE, 2)

BROKEN_OFF = {
    DataAccessResult.NO_LONG_GET_IN_PROGRESS,
    DataAccessResult.DATA_BLOCK_NUMBER_INVALID,
    DataAccessResult.NO_LONG_SET_IN_PROGRESS,
    Invoked(ActionResult.NO_LONG_ACTION_IN_PROGRESS),
    Invoked(ActionResult.LONG_ACTION_ABORTED),
}


def instance(number: int) -> bytes:
    return bytes((0, 0, 97, 97, number, 255))


class Conversation:
    """One association and some requests of every kind, each told from the others by its content."""

    def __init__(self, seed: int, line: str, *, faults: Faults, only_reads: bool = False, general: bool = True) -> None:
        random = seeded(seed)
        self.seed = seed
        self.device = LogicalDevice(self.offered(random, general=general))
        self.values: list[Value] = []
        for number in range(ATTRIBUTES):
            octets = random.randbytes(random.choice((1, 20, 300, 900)))
            self.values.append((Tag.OCTET_STRING, bytes((number,)) + octets))
            self.device.values[1, instance(number), 2] = encode(self.values[-1])
        self.client = AssociationClient(
            self.proposed(random),
            1,
            bytes,
            PEER,
            timeout_us=1_000_000 if line != "hdlc" else 60_000_000,
            retries=random.randint(0, 3),
            general_block_window=random.randint(1, 9),
        )
        self.server = AssociationServer({1: self.device}, bytes, PEER, names={1: self.device})
        self.line = Line(*self.stacks(line, random), seed=seed, faults=faults, datagram=line == "datagram")
        self.only_reads = only_reads
        self.expected: dict[int, Any] = {}
        self.changes: dict[int, list[bytes]] = {}
        self.random = random
        self.made = 0

    def offered(self, random: Random, *, general: bool) -> dict[int, AssociationProfile]:
        """What the meter's associations offer."""
        conformance = LN & ~BLOCKS if general and random.random() < 0.5 else LN
        return profiles(conformance=conformance, max_pdu=random.choice((64, 128, 256)))

    def proposed(self, random: Random) -> AssociationProfile:
        """What the client proposes."""
        return AssociationProfile(client=16, conformance=PROPOSED_LN, max_pdu=random.choice((64, 256, 1024)))

    def stacks(self, line: str, random: Random) -> tuple[Stack, Stack]:
        if line == "stream":
            return Stack([Wrapper(Role.CLIENT), self.client]), Stack([Wrapper(Role.SERVER), self.server])
        if line == "datagram":
            below = WrapperDatagram(Role.CLIENT), WrapperDatagram(Role.SERVER)
            return Stack([below[0], self.client]), Stack([below[1], self.server])
        parameters = Parameters(
            information_transmit=random.choice((128, 250)),
            information_receive=random.choice((128, 250)),
            window_transmit=random.randint(1, 7),
            window_receive=random.randint(1, 7),
        )
        below_client = HdlcClient(physical=17, parameters=parameters, retries_max=8)
        below_server = HdlcServer(physical=17, parameters=parameters)
        return Stack([HdlcFramer(), below_client, self.client]), Stack([HdlcFramer(), below_server, self.server])

    def ask(self) -> None:
        """One request of some kind, with what it must come to if it comes to anything."""
        random, client, now_us = self.random, self.client, self.line.now_us
        number = random.randrange(ATTRIBUTES)
        attribute = AttributeDescriptor(1, instance(number), 2)
        kind = random.choice(READS if self.only_reads else KINDS)
        if kind == "get":
            self.expected[client.get(attribute, now_us)] = self.values[number]
        elif kind == "list":
            attributes = [AttributeDescriptor(1, instance(each), 2) for each in range(ATTRIBUTES)]
            self.expected[client.get_list(attributes, now_us)] = self.values
        elif kind == "set":
            own = self.own()
            ticket = client.set(WHERE, own, now_us)
            self.changed(ticket, [own], DataAccessResult.SUCCESS)
        elif kind == "set list":
            values, together = [self.own(), self.own(), self.own()], random.random() < 0.5
            ticket = client.set_list([WHERE] * 3, values, now_us, together=together)
            self.changed(ticket, values, [DataAccessResult.SUCCESS] * 3)
        elif kind == "action":
            own = self.own()
            ticket = client.action(METHOD, own, now_us)
            self.changed(ticket, [own], Invoked(ActionResult.SUCCESS, own))
        elif kind == "action list":
            values, together = [self.own(), self.own()], random.random() < 0.5
            ticket = client.action_list([METHOD] * 2, values, now_us, together=together)
            self.changed(ticket, values, [Invoked(ActionResult.SUCCESS, each) for each in values])
        else:
            own = self.own()
            wanted: list[AccessSpecification] = [AccessGet(attribute), AccessAction(METHOD)]
            ticket = client.access(wanted, [(Tag.NULL_DATA, None), own], now_us)
            read = Accessed(DataAccessResult.SUCCESS, self.values[number])
            self.changed(ticket, [own], [read, Accessed(ActionResult.SUCCESS, own)])

    def own(self) -> Value:
        """A value that is written or handed over once only."""
        self.made += 1
        octets = self.random.randbytes(self.random.choice((4, 500)))
        return (Tag.OCTET_STRING, self.made.to_bytes(2, "big") + octets)

    def changed(self, ticket: int, values: list[Value], expected: Any) -> None:
        """A request that changes something, by these values."""
        self.expected[ticket] = expected
        self.changes[ticket] = [encode(each) for each in values]

    def run(self) -> int:
        """Let them talk to the end, and hold the law; how many requests were answered."""
        opened = self.client.associate(0)
        for _ in range(REQUESTS):
            self.ask()
        self.client.release(0)
        self.line.run(until_us=3_600_000_000)
        events, seed = self.line.left.events, f"seed {self.seed}"
        ends = [event for event in events if isinstance(event, Answered | TimedOut)]
        assert sorted(end.ticket for end in ends) == list(range(opened, opened + REQUESTS + 2)), seed
        answered = 0
        for end in ends:
            if isinstance(end, Answered) and end.ticket in self.expected and not failed(end.response):
                assert end.response == self.expected[end.ticket], f"{seed}: ticket {end.ticket}"
                answered += 1
                if end.ticket in self.changes:
                    assert set(self.times_done(end.ticket)) == {1}, f"{seed}: ticket {end.ticket}"
        for ticket in self.changes:
            assert max(self.times_done(ticket)) <= 1, f"{seed}: ticket {ticket} was done more than once"
        assert self.line.right.machine.closed is None, seed
        return answered

    def times_done(self, ticket: int) -> list[int]:
        """How often each change of a request was done."""
        return [sum(done[-1] == change for done in self.device.done) for change in self.changes[ticket]]


class ByShortNames(Conversation):
    """The same with Read and Write, whose answers name no request."""

    def offered(self, random: Random, *, general: bool) -> dict[int, AssociationProfile]:
        """Short names in clear, sometimes with general blocks for what Read and Write cannot cut."""
        conformance = SN | Conformance.GENERAL_BLOCK_TRANSFER if general and random.random() < 0.5 else SN
        return profiles(context=2, conformance=conformance, max_pdu=random.choice((64, 128, 256)))

    def proposed(self, random: Random) -> AssociationProfile:
        """Short names in clear."""
        max_pdu = random.choice((64, 256, 1024))
        return AssociationProfile(client=16, context=2, conformance=PROPOSED_SN, max_pdu=max_pdu)

    def ask(self) -> None:
        """One request of some kind."""
        random, client, now_us = self.random, self.client, self.line.now_us
        names = [self.device.name_of(1, instance(number), 2) for number in range(ATTRIBUTES)]
        kind = random.choice(("read", "list", "write", "invoke"))
        if kind == "read":
            number = random.randrange(ATTRIBUTES)
            self.expected[client.read([(names[number], None)], now_us)] = [self.values[number]]
        elif kind == "list":
            self.expected[client.read([(name, None) for name in names], now_us)] = self.values
        elif kind == "write":
            values = [self.own(), self.own()]
            ticket = client.write([(self.device.name_of(*WHERE[:3]), None)] * 2, values, now_us)
            self.changed(ticket, values, [DataAccessResult.SUCCESS] * 2)
        else:
            own = self.own()
            ticket = client.read([(ECHO_NAME, Selection(0, encode(own)))], now_us)
            self.changed(ticket, [own], [own])


def failed(response: Any) -> bool:
    """Whether a response says that nothing came of it: a failure, or a block transfer that was broken off."""
    if isinstance(response, list):
        return any(failed(each) for each in response)
    return is_failure(response) or response in BROKEN_OFF


@pytest.mark.parametrize("part", range(3))
def test_over_hdlc_on_a_bad_wire(part: int) -> None:
    seeds = range(part * HDLC_SEEDS // 3, (part + 1) * HDLC_SEEDS // 3)
    answered = sum(Conversation(seed, "hdlc", faults=HDLC_FAULTS).run() for seed in seeds)
    # Most get through: a client that always fails would hold the law too.
    assert answered > 0.8 * REQUESTS * len(seeds)


def test_short_names_over_hdlc_on_a_bad_wire() -> None:
    answered = sum(ByShortNames(seed, "hdlc", faults=HDLC_FAULTS).run() for seed in range(SHORT_SEEDS))
    assert answered > 0.5 * REQUESTS * SHORT_SEEDS


def test_short_names_whose_answers_come_too_late_are_never_taken_for_others() -> None:
    faults = Faults(cut=0.3, jitter_us=20_000, stall=0.02, stall_us=1_500_000)
    assert sum(ByShortNames(seed, "stream", faults=faults).run() for seed in range(SHORT_SEEDS)) > SHORT_SEEDS


# General blocks do not say which exchange they belong to: where datagrams overtake each other only service blocks hold.
@pytest.mark.parametrize(
    ("faults", "only_reads", "general"),
    [(DATAGRAM_FAULTS, False, True), (UNRULY_FAULTS, False, False), (REPEATING_FAULTS, True, False)],
    ids=["lost", "overtaken", "repeated"],
)
def test_over_bad_datagrams(faults: Faults, only_reads: bool, general: bool) -> None:  # noqa: FBT001 (of the test)
    answered = sum(
        Conversation(seed, "datagram", faults=faults, only_reads=only_reads, general=general).run()
        for seed in range(DATAGRAM_SEEDS)
    )
    assert answered > 0.3 * REQUESTS * DATAGRAM_SEEDS


def test_over_a_stream_whose_answers_come_too_late() -> None:
    answered = sum(Conversation(seed, "stream", faults=STREAM_FAULTS).run() for seed in range(STREAM_SEEDS))
    assert answered > 0.3 * REQUESTS * STREAM_SEEDS


def test_over_a_good_line_everything_is_answered() -> None:
    for line in ("hdlc", "datagram", "stream"):
        for seed in range(30):
            assert Conversation(seed, line, faults=Faults()).run() == REQUESTS


def test_a_caller_who_allows_it_sees_each_repetition() -> None:
    conversation = Conversation(3, "datagram", faults=Faults(loss=0.5))
    client, line = conversation.client, conversation.line
    while not client.associated:
        client.associate(line.now_us)
        line.run(until_us=line.now_us + 60_000_000)
    value: Value = (Tag.UNSIGNED, 1)
    ticket = client.set(AttributeDescriptor(1, WRITABLE, 2), value, line.now_us, retries=50)
    line.run()
    assert Answered(ticket, DataAccessResult.SUCCESS) in line.left.events
    repeated = [event for event in line.left.events if isinstance(event, Repeated) and event.ticket == ticket]
    assert 1 <= len(conversation.device.done) <= 1 + len(repeated)


def test_a_dead_line_ends_everything_by_name() -> None:
    conversation = Conversation(0, "hdlc", faults=Faults(loss=1.0))
    assert conversation.run() == 0
    assert conversation.line.left.events[0].response.sentence == "no answer from the meter to 9 tries"
    stream = Conversation(0, "stream", faults=Faults(loss=1.0))
    assert stream.run() == 0
    assert not any(isinstance(event, AssociationEnded) for event in stream.line.left.events)


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (Conversation(11, "hdlc", faults=HDLC_FAULTS) for _ in range(2))
    assert first.run() == second.run()
    assert (first.line.now_us, first.line.transmissions) == (second.line.now_us, second.line.transmissions)
    assert isinstance(first.line.left.events[0].response, Associated)
