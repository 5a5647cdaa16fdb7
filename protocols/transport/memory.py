"""The in-memory twin of every carrier: two protocols joined back to back, in order and without loss.

For tests and for programs that hold both ends. What one end writes the other gets in the loop's next turn, so that
nobody is called while it is still talking; a reader that pauses holds the other end's writing back as a socket would.
"""

import asyncio
from collections import deque
from typing import Final

HIGH_WATER_BYTES: Final = 65536
"""Where the writer is told to pause, as asyncio's own transports do by default."""


class MemoryTransport(asyncio.Transport):
    """One end of a joined pair; made by `join`."""

    def __init__(self, name: str) -> None:
        super().__init__({"carrier": "memory", "peername": name})
        self.other: MemoryTransport = self
        self._loop = asyncio.get_running_loop()
        self._protocol: asyncio.Protocol | None = None
        self._inbox: deque[bytes] = deque()
        self._inbox_bytes = 0
        self._eof = False
        self._reading = True
        self._closing = False
        self._gone = False
        self._scheduled = False

    def start(self, protocol: asyncio.Protocol) -> None:
        """Give this end its protocol."""
        self._protocol = protocol
        protocol.connection_made(self)
        self._schedule()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Put bytes on their way to the other end."""
        if not self._closing:
            self.other.take(bytes(data))
            if self.other.waiting_bytes > HIGH_WATER_BYTES and self._protocol is not None:
                self._protocol.pause_writing()

    @property
    def waiting_bytes(self) -> int:
        """What was sent to this end and is not delivered yet."""
        return self._inbox_bytes

    def take(self, data: bytes) -> None:
        """The other end has written."""
        self._inbox.append(data)
        self._inbox_bytes += len(data)
        self._schedule()

    def take_eof(self) -> None:
        """The other end has closed."""
        self._eof = True
        self._schedule()

    def is_closing(self) -> bool:
        """True once `close` or `abort` was called."""
        return self._closing

    def is_reading(self) -> bool:
        """True unless paused."""
        return self._reading

    def pause_reading(self) -> None:
        """Deliver nothing until told otherwise."""
        self._reading = False

    def resume_reading(self) -> None:
        """Deliver again."""
        self._reading = True
        self._schedule()

    def get_write_buffer_size(self) -> int:
        """Bytes the other end has not taken yet."""
        return self.other.waiting_bytes

    def close(self) -> None:
        """End; what was written before still arrives."""
        if not self._closing:
            self._closing = True
            self.other.take_eof()
            self._loop.call_soon(self._finish)

    def abort(self) -> None:
        """End at once."""
        self.close()

    def _schedule(self) -> None:
        if not self._scheduled and not self._gone and self._protocol is not None:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        while self._inbox and self._reading and not self._closing and self._protocol is not None:
            data = self._inbox.popleft()
            was_high = self._inbox_bytes > HIGH_WATER_BYTES
            self._inbox_bytes -= len(data)
            self._protocol.data_received(data)
            if was_high and self._inbox_bytes <= HIGH_WATER_BYTES:
                self.other.resume()
        if self._eof and not self._inbox and not self._closing and self._protocol is not None:
            self._protocol.eof_received()
            self.close()

    def resume(self) -> None:
        """The other end has read: our protocol may write again."""
        if self._protocol is not None and not self._gone:
            self._protocol.resume_writing()

    def _finish(self) -> None:
        if not self._gone:
            self._gone = True
            self._inbox.clear()
            if self._protocol is not None:
                self._protocol.connection_lost(None)


def join(first: asyncio.Protocol, second: asyncio.Protocol, names: tuple[str, str] = ("first", "second")) -> None:
    """Connect two protocols; each sees the other under its name."""
    one, two = MemoryTransport(names[1]), MemoryTransport(names[0])
    one.other, two.other = two, one
    one.start(first)
    two.start(second)
