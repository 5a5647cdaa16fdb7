"""TCP listeners that cost a socket and a callback each, for ten thousand meters in one process.

A listener can refuse: it stays bound to its port without listening, so a client of a dead meter gets the same
"connection refused" as from a device without supply, and nobody else can take the port meanwhile.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

BACKLOG: Final = 100
ACCEPTS_A_TURN: Final = 32
"""Connections taken from one listener before others get their turn."""

PAUSE_S: Final = 1.0
"""How long a listener waits before it tries again when the process has no descriptor left."""

_log = logging.getLogger(__name__)


class TcpListener:
    """Accepts on one port; every connection gets a protocol of its own.

    Args:
        host: name or address to bind.
        port: 0 for any free one.
        make: makes the protocol of one connection.
        context: with it, connections are TLS.

    Raises:
        OSError: the port is taken or the address is not ours.
    """

    __slots__ = ("_address", "_context", "_family", "_loop", "_make", "_socket", "_tasks", "port")

    def __init__(
        self, host: str, port: int, make: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None = None
    ) -> None:
        self._make = make
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] | None = None  # a listener of thousands may never hear anybody
        self._family, self._address = _resolve(host, port)
        self._socket = self._bind()
        self.port: int = self._socket.getsockname()[1]
        self._address = (self._address[0], self.port)
        self._open()

    def refuse(self) -> None:
        """Refuse every connection from now on; the port stays ours."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        self._socket = self._bind()

    def accept(self) -> None:
        """Accept again after `refuse`."""
        self._open()

    def close(self) -> None:
        """Stop listening; connections go on."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _bind(self) -> socket.socket:
        bound = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            bound.setblocking(False)
            if self._address[1]:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(self._address)
            # For port 0 only afterwards, for the connections to come: with it, Linux takes 70 times as long to find a
            # free port when thousands are taken.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError:
            bound.close()
            raise
        return bound

    def _open(self) -> None:
        self._socket.listen(BACKLOG)
        self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                accepted, _address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    raise
                _log.warning("port %d: no descriptor left for a connection; raise the open-file limit", self.port)
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(PAUSE_S, self._resume, self._socket)
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._connect(accepted), name=f"accept:{self.port}")
            if self._tasks is None:
                self._tasks = set()
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _resume(self, was: socket.socket) -> None:
        if was is self._socket and was.fileno() >= 0:
            self._loop.add_reader(was.fileno(), self._on_readable)

    async def _connect(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, accepted, ssl=self._context)
        except (OSError, ssl.SSLError) as error:
            _log.info("port %d: a connection did not come up (%s)", self.port, error)
            with contextlib.suppress(OSError):
                accepted.close()


def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    """The first address a host name stands for; numbers, which benches use, resolve without asking anybody."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return family, (host if address[0] == host else str(address[0]), port)
