"""The ports that meters push to, TCP and UDP; what comes of a push is `gateway.push.intake`'s matter."""

import asyncio
from typing import Any, Final

from gateway.configuration.config import PushConfig
from gateway.push.tap import PUSH_OCTETS_MAX, Heard, Intake, PushTap, Silence
from gateway.service.listening import listening_on
from protocols.address import Carrier, Tcp, TcpListen, Udp, parse
from protocols.machine import Layer, Machine, Peer, Stack
from protocols.transport.pump import Pump
from protocols.transport.tcp import TcpListener
from protocols.transport.udp import UdpListener
from protocols.wrapper import Role, Wrapper, WrapperDatagram

CONNECTIONS_MAX: Final = 4096
"""Meters connected at once; behind them others are turned away, and try again."""

IDLE_US: Final = 180_000_000
"""How long a connection may be silent: the inactivity time-out of Indian meters."""


class PushListener:
    """The ports of one gateway that meters push to.

    Args:
        config: where to listen.
        intake: takes what is pushed.
    """

    def __init__(self, config: PushConfig, intake: Intake) -> None:
        self._config = config
        self._intake = intake
        self._opened: list[TcpListener | asyncio.DatagramTransport] = []
        self._pumps: set[Pump] = set()

    async def open(self) -> list[str]:
        """Listen; gives the URLs to push to.

        Raises:
            ConfigError: an address can't be had.
        """
        urls = []
        for url in self._config.listen:
            with listening_on("push.listen", url):
                urls += await self._open(parse(url, listen=True).carrier)
        return urls

    async def _open(self, carrier: Carrier) -> list[str]:
        if isinstance(carrier, Udp):
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: UdpListener(self._pump), local_addr=(carrier.host, carrier.port)
            )
            self._opened.append(transport)
            return [f"dlms+udp://{carrier.host}:{transport.get_extra_info('sockname')[1]}"]
        if isinstance(carrier, Tcp | TcpListen):
            listener = TcpListener(carrier.host, carrier.port, self._pump)
            self._opened.append(listener)
            return [f"dlms+tcp://{carrier.host}:{listener.port}"]
        return []

    async def close(self) -> None:
        """Listen no more."""
        for opened in self._opened:
            opened.close()
        for pump in list(self._pumps):
            pump.abort("the gateway ends")
        await asyncio.sleep(0)  # what was broken off releases what it holds in the loop's next turn

    def _pump(self) -> Pump:
        def make(peer: Peer) -> Machine | None:
            if len(self._pumps) >= CONNECTIONS_MAX:
                return None
            self._pumps.add(pump)
            wrapper: Layer[Any, Any] = (
                WrapperDatagram(Role.CLIENT, apdu_bytes_max=PUSH_OCTETS_MAX)
                if peer.carrier == "udp"
                else Wrapper(Role.CLIENT, apdu_bytes_max=PUSH_OCTETS_MAX)
            )
            tap = PushTap(None, lambda apdu, reply: self._intake.take(Heard(apdu, peer.address, reply)))
            tap.pump = pump
            return Stack([wrapper, Silence(IDLE_US), tap])

        pump = Pump(make, on_closed=lambda _reason: self._pumps.discard(pump))
        return pump
