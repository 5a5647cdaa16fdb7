"""TCP framing and server as one machine, for a port where nothing stands between them.

It is `Stack([TcpFramer(), ModbusServer(units)])` with a short cut for pollers, who ask the same questions for ever: a
request that came whole and has been answered on this connection before is known by its bytes, transaction identifier
aside, and goes straight to its application. Everything else goes through the two layers as they are.
"""

from collections.abc import Mapping
from typing import Final

from protocols.machine import Stack
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import ExceptionCode
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import HEADER, HEADER_BYTES, TcpFramer

KNOWN_MAX: Final = 64
"""Questions that a connection is known by; a scan of every address must not grow without end."""

_unpack = HEADER.unpack_from
_pack = HEADER.pack


class ModbusTcpServer(Stack):
    """The machine of one connection.

    Args:
        units: applications by unit identifier.
        unknown_unit: what is answered for a unit that is not there; None is silence.
    """

    __slots__ = ("_framer", "_known", "_units")

    def __init__(self, units: Mapping[int, ModbusApplication], *, unknown_unit: ExceptionCode | None = None) -> None:
        self._units = units
        self._known: dict[bytes, tuple[ModbusApplication, bytes, bytes]] = {}
        self._framer = TcpFramer()
        super().__init__([self._framer, ModbusServer(units, unknown_unit=unknown_unit)])

    def receive_data(self, data: bytes, now_us: int) -> None:
        """Answer at once what can be, else go the whole way."""
        known = self._known.get(data[2:])
        if known is not None and self.closed is None and not self._framer.held:
            application, pdu, head = known
            response = application.recall(pdu, now_us)
            if response is not None:
                application.communication.bus_messages += 1
                self._out.append(data[:2] + head + response)
                return
        elif len(data) > HEADER_BYTES and self.closed is None and not self._framer.held:
            self._learn(data, now_us)
        super().receive_data(data, now_us)

    def _learn(self, data: bytes, now_us: int) -> None:
        """Know a request again that is a whole frame and can be recalled; all its answers have one length."""
        _, protocol, length, unit = _unpack(data)
        application = self._units.get(unit)
        if application is None or protocol or length + 6 != len(data):
            return
        response = application.recall(data[HEADER_BYTES:], now_us)
        if response is not None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[data[2:]] = application, data[HEADER_BYTES:], _pack(0, 0, len(response) + 1, unit)[2:]

    def deadline_us(self) -> int | None:
        """There is none: neither layer waits for anything."""
        return None
