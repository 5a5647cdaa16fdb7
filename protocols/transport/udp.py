"""UDP: one pump for each peer behind one socket; a datagram is one call of its machine.

A peer is forgotten when others came after it and the table is full: UDP never says goodbye.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from protocols.transport.pump import Pump

PEERS_MAX: Final = 1024
"""Peers with a machine of their own behind one port; the one that was silent longest makes room."""


class UdpFlow(asyncio.Transport):
    """What passes between our socket and one peer, as a transport.

    Args:
        socket: the datagram transport under it.
        address: the peer; None where the socket is connected to it.
        forget: is called once when the flow ends.
    """

    def __init__(
        self, socket: asyncio.DatagramTransport, address: Any, forget: Callable[[Exception | None], None]
    ) -> None:
        name = address if address is not None else socket.get_extra_info("peername")
        super().__init__({"carrier": "udp", "peername": name})
        self._socket = socket
        self._address = address
        self._forget: Callable[[Exception | None], None] | None = forget

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send one datagram."""
        if self._forget is not None:
            self._socket.sendto(data, self._address)

    def is_closing(self) -> bool:
        """True once the flow has ended."""
        return self._forget is None

    def close(self) -> None:
        """End the flow; the socket may serve others."""
        self.abort()

    def abort(self) -> None:
        """End the flow."""
        if self._forget is not None:
            forget, self._forget = self._forget, None
            asyncio.get_running_loop().call_soon(forget, None)

    def pause_reading(self) -> None:
        """A datagram that nobody reads is lost anyway."""

    def resume_reading(self) -> None:
        """A datagram that nobody reads is lost anyway."""


class UdpListener(asyncio.DatagramProtocol):
    """The server's side: makes a pump for each peer.

    Args:
        make_pump: as for a TCP listener.
    """

    def __init__(self, make_pump: Callable[[], Pump]) -> None:
        self._make_pump = make_pump
        self._flows: OrderedDict[Any, tuple[Pump, UdpFlow]] = OrderedDict()
        self._socket: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        """The socket is bound."""
        self._socket = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Hand a datagram to its peer's machine."""
        flow = self._flows.get(addr)
        if flow is None or flow[0].closed is not None:
            flow = self._open(addr)
            if flow is None:
                return
        else:
            self._flows.move_to_end(addr)
        flow[0].data_received(data)

    def error_received(self, exc: Exception) -> None:
        """An answer met a closed port: that peer will not miss it."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone, and every peer with it."""
        for pump, _ in list(self._flows.values()):
            pump.connection_lost(exc)
        self._flows.clear()

    def _open(self, address: Any) -> tuple[Pump, UdpFlow] | None:
        if self._socket is None:
            return None
        pump = self._make_pump()

        def forget(error: Exception | None) -> None:
            if self._flows.get(address, (None,))[0] is pump:
                del self._flows[address]
            pump.connection_lost(error)

        flow = UdpFlow(self._socket, address, forget)
        pump.connection_made(flow)
        if pump.closed is not None:
            return None
        self._flows[address] = (pump, flow)
        while len(self._flows) > PEERS_MAX:
            self._flows.popitem(last=False)[1][0].abort("others came and this peer was silent longest")
        return self._flows[address]


class UdpDialer(asyncio.DatagramProtocol):
    """The client's side: one pump on a connected socket."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump

    def connection_made(self, transport: Any) -> None:
        """The socket stands: so does the pump's carrier."""

        def forget(error: Exception | None) -> None:
            transport.close()
            self._pump.connection_lost(error)

        self._pump.connection_made(UdpFlow(transport, None, forget))

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Hand the datagram on."""
        self._pump.data_received(data)

    def error_received(self, exc: Exception) -> None:
        """The peer's port is closed: no answer will come."""
        self._pump.abort(f"the peer refuses datagrams ({exc})")
