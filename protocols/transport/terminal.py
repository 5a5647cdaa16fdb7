"""A transport over one file descriptor that is a terminal: a serial device or the master end of a pty.

A serial line has no flow control worth the name: what the other side does not take is lost, so the buffer for what
cannot be written at once is bounded and forgets beyond that. A change of the line waits until everything written
before it has left the wire, which at 300 baud is long after the kernel took it.

A Linux pty keeps no parity and no seven-bit characters: there everything is 8N1, and seven bits with parity are put
into the eight as they would stand on the wire.
"""

import asyncio
import contextlib
import fcntl
import os
import sys
import termios
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from protocols.machine import SetLine

READ_BYTES: Final = 4096
WRITE_BYTES_MAX: Final = 65536
"""What may wait for a terminal that takes nothing; two HDLC windows of the largest frames are 28 KB."""
DRAIN_POLL_S: Final = 0.002
SEVEN_BITS: Final = bytes(value & 0x7F for value in range(256))


class TerminalTransport(asyncio.Transport):
    """Reads and writes one terminal for a protocol.

    Args:
        fd: an open, non-blocking descriptor; owned by the caller, whose `release` closes it.
        protocol: usually a `Pump`.
        name: what the peer is called.
        line: how the line is set now.
        pty: the other end is a program, so bytes are gone as soon as they are written and parity is a bit of them.
        apply_line: sets the terminal; called once what stands before the change has left the wire.
        release: closes the descriptor and whatever belongs to it.
    """

    def __init__(
        self,
        fd: int,
        protocol: asyncio.Protocol,
        *,
        name: str,
        line: SetLine,
        pty: bool,
        apply_line: Callable[[SetLine], None],
        release: Callable[[], None],
    ) -> None:
        super().__init__({"carrier": "serial", "peername": name})
        self.lost_bytes = 0
        self._fd = fd
        self._protocol = protocol
        self._line = line
        self._pty = pty
        self._parity = _parity_table(line) if pty else None
        self._apply_line = apply_line
        self._release = release
        self._loop = asyncio.get_running_loop()
        self._queue: deque[bytes | SetLine] = deque()
        self._queued_bytes = 0
        self._wire_free_at_s = 0.0
        self._waiting: asyncio.TimerHandle | None = None
        self._closing = False
        self._gone = False
        self._reading = False
        self.resume_reading()
        protocol.connection_made(self)

    def is_closing(self) -> bool:
        """True once `close` or `abort` was called."""
        return self._closing

    def is_reading(self) -> bool:
        """True while the terminal is listened to."""
        return self._reading

    def pause_reading(self) -> None:
        """Deliver nothing until told otherwise."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def resume_reading(self) -> None:
        """Deliver again."""
        if not self._reading and not self._closing:
            self._reading = True
            self._loop.add_reader(self._fd, self._on_readable)

    def get_write_buffer_size(self) -> int:
        """Bytes that the terminal has not taken yet."""
        return self._queued_bytes

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write now what the terminal takes and keep the rest, up to the bound."""
        if self._closing:
            return
        data = bytes(data) if self._parity is None else bytes(data).translate(self._parity)
        rest = data if self._queue else self._write_some(data)
        if not rest:
            return
        if self._queued_bytes + len(rest) > WRITE_BYTES_MAX:
            self.lost_bytes += len(rest)
            return
        if not self._queue:
            self._loop.add_writer(self._fd, self._on_writable)
        self._queue.append(rest)
        self._queued_bytes += len(rest)

    def set_line(self, line: SetLine) -> None:
        """Change baud, bits and parity once all that was written before has left the wire."""
        self._queue.append(line)
        if len(self._queue) == 1:
            self._drain()

    def close(self) -> None:
        """End once what waits is written, or lost where nobody takes it."""
        if not self._closing:
            self._closing = True
            self.pause_reading()
            if not self._queue:
                self._loop.call_soon(self._finish, None)
            else:
                self._loop.call_later(1, self._finish, None)

    def abort(self) -> None:
        """End at once."""
        self._fail(None)

    def _write_some(self, data: bytes) -> bytes:
        """Write and give back what was not taken."""
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            return data
        except OSError as error:
            self._fail(error)
            return b""
        if not self._pty:
            bits = 1 + self._line.data_bits + (self._line.parity != "N") + self._line.stop_bits
            start_s = max(self._loop.time(), self._wire_free_at_s)
            self._wire_free_at_s = start_s + written * bits / self._line.baud
        return data[written:]

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if data:
            self._protocol.data_received(data if self._parity is None else data.translate(SEVEN_BITS))
        else:
            self._fail(None)

    def _on_writable(self) -> None:
        head = self._queue[0]
        if isinstance(head, SetLine):
            self._loop.remove_writer(self._fd)
            self._drain()
            return
        rest = self._write_some(head)
        self._queued_bytes -= len(head) - len(rest)
        if rest:
            self._queue[0] = rest
            return
        self._queue.popleft()
        if not self._queue:
            self._loop.remove_writer(self._fd)
            if self._closing:
                self._finish(None)

    def _drain(self) -> None:
        """Obey the line change at the head of the queue once the wire is free, then write on."""
        self._waiting = None
        if self._gone:
            return
        wait_s = self._wire_free_at_s - self._loop.time()
        if not self._pty and (wait_s > 0 or self._unsent_bytes()):
            self._waiting = self._loop.call_later(max(wait_s, DRAIN_POLL_S), self._drain)
            return
        line = self._queue.popleft()
        if isinstance(line, SetLine):
            self._apply_line(line)
            self._line = line
            self._parity = _parity_table(line) if self._pty else None
        if self._queue:
            if isinstance(self._queue[0], SetLine):
                self._drain()
            else:
                self._loop.add_writer(self._fd, self._on_writable)

    def _unsent_bytes(self) -> int:
        """What the kernel still holds for the device."""
        with contextlib.suppress(OSError):
            return int.from_bytes(fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        return 0

    def _fail(self, error: OSError | None) -> None:
        self._closing = True
        self.pause_reading()
        self._loop.call_soon(self._finish, error)

    def _finish(self, error: Any) -> None:
        if self._gone:
            return
        self._gone = True
        if self._waiting is not None:
            self._waiting.cancel()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._queue.clear()
        self._release()
        self._protocol.connection_lost(error)


def _parity_table(line: SetLine) -> bytes | None:
    """How seven-bit characters stand on a line of eight, or None where they are eight bits anyway."""
    if line.data_bits == 8:
        return None
    odd = {"N": 0, "E": 0, "O": 1}[line.parity]
    wanted = line.parity != "N"
    return bytes(
        value & 0x7F | (0x80 if wanted and (value & 0x7F).bit_count() % 2 != odd else 0) for value in range(256)
    )
