"""TCP framing and server as one machine, for a port where nothing stands between them.

It is `Stack([TcpFramer(), ModbusServer(units)])` with a short cut for pollers, who ask the same questions for ever: a
request that came whole and has been answered on this connection before is known by its bytes, transaction identifier
aside, and its application answers it at once. Everything else goes through the two layers as they are.
"""

from collections.abc import Mapping
from typing import Final

from protocols.machine import Stack
from protocols.modbus.application import ModbusApplication, Prompt
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
        self._known: dict[bytes, Prompt] = {}
        self._framer = TcpFramer()
        super().__init__([self._framer, ModbusServer(units, unknown_unit=unknown_unit)])

    def at_once(self, data: bytes, now_us: int) -> bytes | None:
        """The answer to one whole request that is known; None for anything else, which `receive_data` then takes."""
        prompt = self._known.get(data[2:])
        if prompt is None or self._framer.held or self.closed is not None:
            return None
        return prompt(data[:2], now_us)

    def receive_data(self, data: bytes, now_us: int) -> None:
        """Take what came through both layers, and know it again if it was one whole request."""
        whole = len(data) > HEADER_BYTES and not self._framer.held
        super().receive_data(data, now_us)
        if whole and self.closed is None:
            self._learn(data)

    def _learn(self, data: bytes) -> None:
        _, protocol, length, unit = _unpack(data)
        application = self._units.get(unit)
        if application is None or protocol or length + 6 != len(data) or data[2:] in self._known:
            return
        prompt = application.prompt(data[HEADER_BYTES:], lambda size: _pack(0, 0, size + 1, unit)[2:])
        if prompt is not None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[data[2:]] = prompt

    def deadline_us(self) -> int | None:
        """There is none: neither layer waits for anything."""
        return None
