"""Meters that dial in: their connections are taken, asked who they are, and kept until somebody wants to speak.

A cellular meter has no address of its own, so it calls us. We begin as the public client, which every meter lets in,
and know the meter by its system title where the answer carries it, else by its serial number or logical device name.
From then on the connection is the way to that meter: associations come and go on it. Who can't be told is let go.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from gateway.meter.security import public_profile
from gateway.push.tap import Heard, PushTap
from gateway.service.listening import listening_on
from protocols.address import DlmsAddress, TcpListen
from protocols.cosem.obis import LogicalName
from protocols.dlms.ask.outcome import Associated
from protocols.dlms.client import AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.errors import LocalProtocolError
from protocols.machine import Answered, Machine, Peer, Stack
from protocols.transport.conversation import ConnectionLostError, Conversation, converse
from protocols.transport.pump import Pump
from protocols.transport.tcp import TcpListener
from protocols.wrapper import Role, Wrapper

IDENTIFY_S: Final = 30.0
"""A meter that can't say within this who it is calls again later."""
UNKNOWN_MAX: Final = 256
"""Connections that are being asked at once; a fleet that comes back after an outage waits its turn."""
FLAG_LETTERS: Final = 3
SERIAL_NUMBER: Final = AttributeDescriptor(1, LogicalName.parse("0.0.96.1.0.255").octets, 2)
LOGICAL_DEVICE_NAME: Final = AttributeDescriptor(1, LogicalName.parse("0.0.42.0.0.255").octets, 2)

_log = logging.getLogger(__name__)


class Call:
    """One connection that a meter has opened; machines follow each other on it.

    Args:
        first: makes the machine that begins.
        ended: is told when the connection is gone.
    """

    def __init__(self, first: Callable[[Peer], Machine], ended: Callable[["Call"], None]) -> None:
        self._next = first
        self._ended = ended
        self.pump = Pump(self._make, on_closed=self._gone)

    def _make(self, peer: Peer) -> Machine:
        return self._next(peer)

    @property
    def stands(self) -> bool:
        """Whether the meter is still there, as far as we know."""
        return self.pump.closed is None

    def begin(self, make: Callable[[Peer], Machine]) -> Conversation:
        """Go on with another machine."""
        self._next = make
        self.pump.renew()
        conversation = converse(self.pump)
        end = self.pump.on_closed

        def closed(reason: str) -> None:
            if end is not None:
                end(reason)
            self._gone(reason)

        self.pump.on_closed = closed
        return conversation

    def _gone(self, _reason: str) -> None:
        self._ended(self)


class Callers:
    """See the module.

    Args:
        entropy: for what an association needs.
        spawn: runs the asking of one meter.
        called: is told which meter has come.
        heard: takes what a meter pushes before anybody speaks with it.
    """

    def __init__(
        self,
        entropy: Callable[[int], bytes],
        spawn: Callable[[Awaitable[None], str], None],
        called: Callable[[str], None],
        heard: Callable[[Heard], None],
    ) -> None:
        self.turned_away = 0
        """Calls of meters that are not ours, or could not say who they are."""
        self._entropy = entropy
        self._spawn = spawn
        self._called = called
        self._heard = heard
        self._listeners: dict[TcpListen, TcpListener] = {}
        self._expected: dict[str, dict[str, str]] = {}
        self._calls: dict[str, Call] = {}
        self._asking = 0

    def expect(self, meters: Iterable[tuple[str, DlmsAddress, str | None]]) -> None:
        """These meters may call: id, address and system title (hexadecimal) of each. Ports are opened and closed so.

        Raises:
            ConfigError: a port can't be had.
        """
        expected: dict[str, dict[str, str]] = {}
        carriers: set[TcpListen] = set()
        for meter, address, title in meters:
            if isinstance(address.carrier, TcpListen):
                carriers.add(address.carrier)
                names = expected.setdefault(repr(address.carrier), {})
                names[f"id:{meter}"] = meter
                if title is not None:
                    names[f"title:{title.lower()}"] = meter
        self._expected = expected
        for carrier in set(self._listeners) - carriers:
            self._listeners.pop(carrier).close()
        for carrier in carriers - set(self._listeners):
            with listening_on("url", f"{carrier.host}:{carrier.port} for meters that dial in"):
                self._listeners[carrier] = TcpListener(carrier.host, carrier.port, lambda at=carrier: self._take(at))  # type: ignore[misc]  # bound at once

    def call_of(self, meter: str) -> Call | None:
        """The connection of a meter, if it has called."""
        call = self._calls.get(meter)
        return call if call is not None and call.stands else None

    def ports(self) -> dict[str, int]:
        """Where we listen, by host."""
        return {carrier.host: listener.port for carrier, listener in self._listeners.items()}

    def close(self) -> None:
        """Listen no more, and hang up."""
        for listener in self._listeners.values():
            listener.close()
        for call in list(self._calls.values()):
            call.pump.close("the gateway stops")
        self._listeners.clear()
        self._calls.clear()

    # ---- a call

    def _take(self, carrier: TcpListen) -> Pump:
        profile = public_profile()
        client = AssociationClient(profile, 1, self._entropy)
        tap = PushTap(profile.client, lambda apdu, reply: self._heard(Heard(apdu, call.pump.peer.address, reply)))
        call = Call(lambda _peer: Stack([Wrapper(Role.CLIENT), tap, client]), self._forget)
        tap.pump = call.pump
        if self._asking >= UNKNOWN_MAX:
            self.turned_away += 1
            asyncio.get_running_loop().call_soon(call.pump.abort, "too many calls at once")
            return call.pump
        self._asking += 1
        self._spawn(self._identify(carrier, call, client), f"call:{carrier.port}")
        return call.pump

    def _forget(self, call: Call) -> None:
        for meter, known in list(self._calls.items()):
            if known is call:
                del self._calls[meter]

    async def _identify(self, carrier: TcpListen, call: Call, client: AssociationClient) -> None:
        meter = None
        try:
            async with asyncio.timeout(IDENTIFY_S):
                while getattr(call.pump, "machine", None) is None and call.stands:  # noqa: ASYNC110 (a turn of the loop)
                    await asyncio.sleep(0)
                names = await self._names(converse(call.pump), client)
            meter = next((known for name in names if (known := self._expected.get(repr(carrier), {}).get(name))), None)
        except (TimeoutError, ConnectionLostError, LocalProtocolError) as error:
            _log.info("a meter that called on port %d could not say who it is: %s", carrier.port, error)
        finally:
            self._asking -= 1
        if meter is None or not call.stands:
            self.turned_away += 1
            call.pump.close("this meter is not one of ours")
            return
        before = self._calls.get(meter)
        self._calls[meter] = call
        if before is not None:
            before.pump.close("the meter has called anew")
        self._called(meter)

    @staticmethod
    async def _names(conversation: Conversation, client: AssociationClient) -> list[str]:
        """What the meter says of itself, the surest first."""
        names: list[str] = []
        outcome = _response(await conversation.ask(client.associate))
        if not isinstance(outcome, Associated):
            return names
        if outcome.server_title:
            names.append(f"title:{outcome.server_title.hex()}")
        for descriptor in (SERIAL_NUMBER, LOGICAL_DEVICE_NAME):
            shown = _response(await conversation.ask(lambda now_us, at=descriptor: client.get(at, now_us)))  # type: ignore[misc]  # bound at once
            if isinstance(shown, tuple):
                names += _ids(shown[1])
        await conversation.ask(client.release)
        return names


def _response(ended: Any) -> Any:
    return ended.response if isinstance(ended, Answered) else None


def _ids(shown: Any) -> list[str]:
    """A name as it is, and without its maker's letters and the zeros behind them."""
    text = shown.decode("ascii", "replace") if isinstance(shown, bytes) else str(shown)
    return [f"id:{text}", f"id:{text[FLAG_LETTERS:].lstrip('0')}"]
