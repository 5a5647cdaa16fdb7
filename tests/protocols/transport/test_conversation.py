"""Tickets become answers, time-outs or a lost connection."""

import asyncio

import pytest

from protocols.errors import LocalProtocolError
from protocols.machine import Answered, Bus, Layer, Stack, TimedOut
from protocols.transport.conversation import ConnectionLostError, Conversation, converse, converse_on_bus
from protocols.transport.memory import join
from protocols.transport.pump import Pump
from tests.protocols.transport.fakes import LineClient, Lines, Scripted, echo_server


def talk(client: LineClient) -> tuple[Conversation, Pump]:
    near, far = Pump(lambda _peer: Stack([Lines(), client])), Pump(echo_server)
    join(near, far)
    return converse(near), far


async def test_answers_find_those_who_asked() -> None:
    client = LineClient()
    conversation, _ = talk(client)
    answers = await asyncio.gather(
        *(conversation.ask(lambda now_us, line=line: client.request(line, now_us)) for line in (b"one", b"two"))  # type: ignore[misc]
    )
    assert answers == [Answered(1, b"one"), Answered(2, b"two")]
    await conversation.aclose()


async def test_a_time_out_is_an_answer_of_its_own_kind() -> None:
    client = LineClient(timeout_us=1_000)
    conversation, _ = talk(client)
    assert await conversation.ask(lambda now_us: client.request(b"silence", now_us)) == TimedOut(1)


async def test_a_lost_connection_fails_every_open_question() -> None:
    client = LineClient(timeout_us=60_000_000)
    conversation, far = talk(client)
    asked = asyncio.ensure_future(conversation.ask(lambda now_us: client.request(b"silence", now_us)))
    await asyncio.sleep(0)
    far.close("supply lost")
    with pytest.raises(ConnectionLostError, match="the peer closed the connection"):
        await asked
    with pytest.raises(ConnectionLostError):
        await conversation.ask(lambda now_us: client.request(b"again", now_us))
    assert await conversation.wait_closed() == conversation.closed


async def test_our_own_mistakes_climb() -> None:
    client = LineClient()
    conversation, _ = talk(client)
    with pytest.raises(LocalProtocolError):
        await conversation.ask(lambda now_us: client.request(b"a\nb", now_us))


async def test_who_gives_up_is_not_waited_for_and_the_next_question_works() -> None:
    client = LineClient()
    conversation, _ = talk(client)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await conversation.ask(lambda now_us: client.request(b"one", now_us))
    assert await conversation.ask(lambda now_us: client.request(b"two", now_us)) == Answered(2, b"two")


async def test_what_comes_unasked_is_an_indication() -> None:
    client = LineClient()
    conversation, _ = talk(client)
    heard: list[object] = []
    conversation.on_indication = heard.append

    def request(now_us: int) -> int:
        client.below(b"push it", now_us)
        return client.request(b"x", now_us)

    await conversation.ask(request)
    assert [indication.apdu for indication in heard] == [b"push it"]  # type: ignore[attr-defined]


async def test_a_conversation_begun_after_the_end_says_so() -> None:
    pump = Pump(lambda _peer: Scripted())
    join(pump, Pump(echo_server))
    pump.close("over")
    conversation = converse(pump)
    with pytest.raises(ConnectionLostError, match="over"):
        await conversation.ask(lambda _now_us: 1)


class Named(Layer[tuple[str, bytes], bytes]):
    """A station of a bus: puts its name before what it says."""

    def __init__(self, name: str) -> None:
        self.name = name

    def from_below(self, item: tuple[str, bytes], now_us: int) -> None:
        self.above(item[1], now_us)

    def from_above(self, item: bytes, now_us: int) -> None:
        self.below((self.name, item), now_us)


class NamedLines(Lines):
    """`name:text` lines as frames."""

    def from_below(self, item: bytes, now_us: int) -> None:
        *whole, self.rest = (self.rest + item).split(b"\n")
        for line in whole:
            name, _, text = line.partition(b":")
            self.above((name.decode(), text), now_us)

    def from_above(self, item: tuple[str, bytes], now_us: int) -> None:  # type: ignore[override]
        self.below(item[0].encode() + b":" + item[1] + b"\n", now_us)


async def test_stations_of_a_bus_have_a_conversation_each() -> None:
    clients = {name: LineClient() for name in ("a", "b")}
    bus = Bus(NamedLines(), lambda frame: frame[0], {name: Stack([Named(name), c]) for name, c in clients.items()})
    near, far = Pump(lambda _peer: bus), Pump(echo_server)
    join(near, far)
    conversations = converse_on_bus(near, bus)
    for name, client in clients.items():
        answer = await conversations[name].ask(lambda now_us, client=client: client.request(b"hi", now_us))  # type: ignore[misc]
        assert answer == Answered(1, b"hi")
    far.close("line cut")
    assert await conversations["a"].wait_closed() == await conversations["b"].wait_closed()
