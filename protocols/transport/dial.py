"""Dialling: a carrier out of a meter URL becomes a pump that runs."""

import asyncio
from collections.abc import Callable
from typing import Any

from protocols.address import Carrier, Pty, SerialLine, Tcp, TcpListen, Tls, Udp
from protocols.errors import LocalProtocolError
from protocols.machine import Machine, Peer
from protocols.transport.pump import Pump
from protocols.transport.serial import open_serial
from protocols.transport.tls import client_context
from protocols.transport.udp import UdpDialer

CONNECT_S = 10.0


async def dial(
    carrier: Carrier,
    make: Callable[[Peer], Machine | None],
    *,
    on_event: Callable[[Any], None] | None = None,
    on_closed: Callable[[str], None] | None = None,
    timeout_s: float = CONNECT_S,
) -> Pump:
    """Connect and start the machine.

    Args:
        carrier: what a meter URL names to dial.
        make: makes the machine once the connection stands; None breaks it off.
        on_event: see `Pump`; usually left to `converse`.
        on_closed: see `Pump`; usually left to `converse`.
        timeout_s: how long connecting may take.

    Raises:
        OSError: nobody there, refused, no such device, or (as `TimeoutError`) no answer in time.
    """
    loop = asyncio.get_running_loop()

    def pump() -> Pump:
        return Pump(make, on_event=on_event, on_closed=on_closed)

    async with asyncio.timeout(timeout_s):
        match carrier:
            case Tcp(host=host, port=port):
                return (await loop.create_connection(pump, host, port))[1]
            case Tls(host=host, port=port):
                return (await loop.create_connection(pump, host, port, ssl=client_context(carrier)))[1]
            case Udp(host=host, port=port):
                made = pump()
                await loop.create_datagram_endpoint(lambda: UdpDialer(made), remote_addr=(host, port))
                return made
            case SerialLine():
                return open_serial(carrier, pump)
            case Pty() | TcpListen():
                raise LocalProtocolError("this address is one to listen on; it cannot be dialled")
