"""A conversation: the awaiting side of a client machine, where a ticket becomes an answer.

The machine says `Answered` and `TimedOut` as events; here they resolve the future of whoever asked. A lost connection
fails every open question with `ConnectionLostError`; a time-out does not: whether the request took effect is not known,
so it is an answer of its own kind and the caller decides.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

from protocols.machine import Answered, Bus, TimedOut
from protocols.transport.pump import Pump, link_time_us


class ConnectionLostError(ConnectionError):
    """The connection ended while answers were still owed; the text is the reason."""


class Conversation:
    """Asks one client machine and awaits its answers.

    Args:
        pump: drives the machine; its `on_event` and `on_closed` are taken over (see `converse`).
        settle: collects what a request left in a station of a bus; None where the machine is not on a bus.
    """

    def __init__(self, pump: Pump, settle: Callable[[int], None] | None = None) -> None:
        self.pump = pump
        self.on_indication: Callable[[Any], None] | None = None
        self._settle = settle
        self._waiting: dict[int, asyncio.Future[Answered | TimedOut]] = {}
        self._ended = asyncio.get_running_loop().create_future()

    @property
    def closed(self) -> str | None:
        """Why the connection ended, or None while it stands."""
        return self.pump.closed

    async def ask(self, request: Callable[[int], int]) -> Answered | TimedOut:
        """Make a request at the machine's top layer and wait for its end.

        Args:
            request: makes the request and returns its ticket; it is told link time, as in
                `lambda now_us: client.get(..., now_us)`.

        Raises:
            ConnectionLostError: the connection ended first, or had ended before.
            LocalProtocolError: the machine's state does not allow this request.
        """
        if self.pump.closed is not None:
            raise ConnectionLostError(self.pump.closed)
        now_us = link_time_us()
        ticket = request(now_us)
        future: asyncio.Future[Answered | TimedOut] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = future
        try:
            self.touch(now_us)
            return await future
        finally:
            self._waiting.pop(ticket, None)

    def touch(self, now_us: int | None = None) -> None:
        """Let the machine send what was asked of it without a ticket."""
        now_us = link_time_us() if now_us is None else now_us
        if self._settle is not None:
            self._settle(now_us)
        self.pump.turn(now_us)

    async def wait_closed(self) -> str:
        """Wait until the connection has ended; gives the reason."""
        return str(await asyncio.shield(self._ended))

    async def aclose(self, reason: str = "we closed the connection") -> None:
        """End the connection and wait until it is gone."""
        self.pump.close(reason)
        await self.wait_closed()

    def take(self, event: Any) -> None:
        """One event of our machine."""
        if isinstance(event, Answered | TimedOut):
            future = self._waiting.get(event.ticket)
            if future is not None and not future.done():
                future.set_result(event)
        elif self.on_indication is not None:
            self.on_indication(event)

    def end(self, reason: str) -> None:
        """The connection is gone: nobody is left waiting."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionLostError(reason))
        self._waiting.clear()
        if not self._ended.done():
            self._ended.set_result(reason)


def converse(pump: Pump) -> Conversation:
    """The conversation with the one client machine of a pump."""
    conversation = Conversation(pump)
    pump.listen(conversation.take, conversation.end)
    return conversation


def converse_on_bus(pump: Pump, bus: Bus) -> dict[Hashable, Conversation]:
    """One conversation for each station of the bus that a pump drives."""

    def settler(key: Hashable) -> Callable[[int], None]:
        return lambda now_us: bus.settle(key, now_us)

    conversations = {key: Conversation(pump, settler(key)) for key in bus.stations}

    def take(event: tuple[Hashable, Any]) -> None:
        conversations[event[0]].take(event[1])

    def end(reason: str) -> None:
        for conversation in conversations.values():
            conversation.end(reason)

    pump.listen(take, end)
    return conversations
