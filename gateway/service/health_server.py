"""`/metrics`, `/healthz` and `/readyz` on one small port: HTTP/1.1, GET only, one answer a connection."""

import asyncio
import contextlib
from typing import Final

from gateway.service.health import Health
from gateway.service.listening import listening_on

REQUEST_BYTES_MAX: Final = 8192
REQUEST_S: Final = 5.0
CONNECTIONS_MAX: Final = 16

_TEXT: Final = "text/plain; charset=utf-8"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"


class HealthServer:
    """Serves a gateway's health.

    Args:
        health: whose.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._server: asyncio.Server | None = None
        self._open = 0

    async def start(self, listen: str) -> str:
        """Listen; gives the URL of the metrics.

        Raises:
            ConfigError: the address can't be had.
        """
        host, _, port = listen.rpartition(":")
        with listening_on("metrics.listen", listen):
            self._server = await asyncio.start_server(
                self._serve, host.strip("[]"), int(port), limit=REQUEST_BYTES_MAX, backlog=CONNECTIONS_MAX
            )
        bound = self._server.sockets[0].getsockname()
        return f"http://{host}:{bound[1]}/metrics"

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= CONNECTIONS_MAX:
                async with asyncio.timeout(REQUEST_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self.answer(head))
                    await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
            pass  # whoever does not ask properly gets nothing
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def answer(self, head: bytes) -> bytes:
        """The response to the head of a request."""
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or words[0] not in {b"GET", b"HEAD"}:
            return _response(405, b"GET only\n", _TEXT)
        match words[1].split(b"?", 1)[0]:
            case b"/metrics":
                return _response(200, self._health.metrics(), _METRICS)
            case b"/healthz":
                return _response(200, b"alive\n", _TEXT) if self._health.alive() else _response(503, b"stuck\n", _TEXT)
            case b"/readyz":
                reason = self._health.ready()
                return (
                    _response(200, b"ready\n", _TEXT)
                    if reason is None
                    else _response(503, f"{reason}\n".encode(), _TEXT)
                )
            case _:
                return _response(404, b"/metrics, /healthz, /readyz\n", _TEXT)


def _response(status: int, body: bytes, content_type: str) -> bytes:
    reason = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}[status]
    return (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
