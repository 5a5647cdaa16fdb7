"""The meter's side of a cellular meter: it dials the head-end's side and answers there.

A connection that ends or does not come up is tried again, later each time and at most a minute later.
"""

import asyncio
import logging
from typing import Final

from emulator.line.line import Line
from protocols.address import Tcp, TcpListen
from protocols.transport.dial import dial

FIRST_PAUSE_S: Final = 1.0
PAUSE_S_MAX: Final = 60.0

_log = logging.getLogger(__name__)


class Dialer:
    """Keeps one meter connected.

    Args:
        line: the meter.
        carrier: who waits for it.
    """

    def __init__(self, line: Line, carrier: TcpListen) -> None:
        self._line = line
        self._carrier = Tcp(host=carrier.host, port=carrier.port)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"dial:{carrier.host}:{carrier.port}")
        self._task.add_done_callback(_told)

    def close(self) -> None:
        """Dial no more."""
        self._task.cancel()

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            if self._line.up and await self._connected():
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    async def _connected(self) -> bool:
        """Connect and stay until it ends; False where nobody was there."""
        ended = asyncio.Event()
        try:
            pump = await dial(self._carrier, self._line.machine, on_closed=lambda _reason: ended.set())
        except OSError as error:
            _log.info("%s:%d: nobody there (%s)", self._carrier.host, self._carrier.port, error)
            return False
        with self._line.open_pump(pump):
            await ended.wait()
        return True


def _told(task: asyncio.Task[None]) -> None:
    """A dialer ends by being cancelled only; all else is a bug of ours, and the loop says so at once."""
    if not task.cancelled() and (error := task.exception()) is not None:
        asyncio.get_running_loop().call_exception_handler({"message": "a dialer failed", "exception": error})
