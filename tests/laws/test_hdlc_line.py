"""HDLC over a line that loses, repeats, turns bits, stalls and cuts: it finishes or fails cleanly, and never lies."""

from random import Random
from typing import Any

import pytest

from protocols.hdlc.client import HdlcClient
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import HdlcServer
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Layer, Stack
from tests.laws.line import Faults, Line, seeded

SEEDS = 2_000
CLIENT, SERVER = 16, 1
RETRIES_MAX = 8
FAULTS = Faults(
    loss=0.06,
    duplicate=0.06,
    flip=0.06,
    drop_octet=0.03,
    garbage=0.06,
    cut=0.3,
    jitter_us=20_000,
    stall=0.02,
)


def answers(request: bytes) -> list[bytes]:
    """What the far application answers: a function of the request, one to three messages of any length."""
    random = seeded(request)
    return [random.randbytes(random.choice((1, 20, 125, 126, 400, 1500))) for _ in range(random.randint(1, 3))]


class Application(Layer[Apdu, Any]):
    """Answers by `answers`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.asked.append(item.data)
            for answer in answers(item.data):
                self.below(Apdu(item.client, item.server, answer), now_us)


class Conversation:
    """One link, some requests one after the other, and the end of the link."""

    def __init__(self, seed: int, faults: Faults) -> None:
        random = seeded(seed)
        self.requests = [random.randbytes(random.choice((1, 13, 126, 300, 1200))) for _ in range(3)]
        self.answers: list[bytes] = []
        self.expected = [answers(request) for request in self.requests]
        self.due = 0
        self.application = Application()
        self.client = HdlcClient(physical=17, parameters=self.parameters(random), retries_max=RETRIES_MAX)
        server = HdlcServer(physical=17, parameters=self.parameters(random))
        self.line = Line(
            Stack([HdlcFramer(), self.client]),
            Stack([HdlcFramer(), server, self.application]),
            seed=seed,
            faults=faults,
        )
        self.line.left.on_event = self.hear

    @staticmethod
    def parameters(random: Random) -> Parameters:
        return Parameters(
            information_transmit=random.choice((32, 128, 250, 2030)),
            information_receive=random.choice((32, 128, 250, 2030)),
            window_transmit=random.randint(1, 7),
            window_receive=random.randint(1, 7),
        )

    def hear(self, event: Any, now_us: int) -> None:
        if isinstance(event, LinkUp):
            self.ask(now_us)
        elif isinstance(event, Apdu):
            self.answers.append(event.data)
            if sum(map(len, self.expected[: self.due])) > len(self.answers):
                self.client.from_above(Apdu(CLIENT, SERVER, b""), now_us)
            elif self.due < len(self.requests):
                self.ask(now_us)
            else:
                self.client.from_above(LinkDisconnect(CLIENT, SERVER), now_us)

    def ask(self, now_us: int) -> None:
        self.due += 1
        self.client.from_above(Apdu(CLIENT, SERVER, self.requests[self.due - 1]), now_us)

    def run(self) -> LinkDown:
        self.client.from_above(LinkConnect(CLIENT, SERVER), 0)
        self.line.run(until_us=600_000_000)
        assert self.line.left.events, f"seed {self.line.seed}: nothing came of it"
        end = self.line.left.events[-1]
        assert isinstance(end, LinkDown), f"seed {self.line.seed}: it neither finished nor failed"
        return end


def judge(conversation: Conversation) -> bool:
    """Hold the law; whether the conversation finished."""
    seed = f"seed {conversation.line.seed}"
    end = conversation.run()
    wanted = [answer for each in conversation.expected for answer in each]
    assert conversation.application.asked == conversation.requests[: len(conversation.application.asked)], seed
    assert conversation.answers == wanted[: len(conversation.answers)], seed
    finished = end.reason == "we released the link"
    if finished:
        assert conversation.answers == wanted, seed
    return finished


@pytest.mark.parametrize("part", range(4))
def test_over_a_bad_line_it_finishes_or_fails_cleanly_and_never_lies(part: int) -> None:
    seeds = range(part * SEEDS // 4, (part + 1) * SEEDS // 4)
    finished = sum(judge(Conversation(seed, FAULTS)) for seed in seeds)
    # Most get through: a link that always fails would hold the law too.
    assert finished > 0.8 * len(seeds)


def test_over_a_good_line_it_always_finishes() -> None:
    assert all(judge(Conversation(seed, Faults())) for seed in range(100))


def test_over_a_dead_line_it_fails_by_name() -> None:
    conversation = Conversation(0, Faults(loss=1.0))
    assert conversation.run().reason == f"no answer from the meter to {RETRIES_MAX + 1} tries"


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = Conversation(5, FAULTS), Conversation(5, FAULTS)
    first.run()
    second.run()
    assert (first.line.now_us, first.line.transmissions) == (second.line.now_us, second.line.transmissions)
    assert first.line.left.events == second.line.left.events
