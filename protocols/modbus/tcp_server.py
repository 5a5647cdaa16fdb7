"""TCP framing and server in one step, for a port where nothing stands between them.

What `Stack([TcpFramer(), ModbusServer(units)])` does, with a short cut: a request that came whole and has been asked
before is answered without an `Adu` being made. Everything else goes through the two layers as they are.
"""

from collections.abc import Mapping
from typing import Any

from protocols.machine import Layer
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import ExceptionCode
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import HEADER, HEADER_BYTES, TcpFramer

_unpack = HEADER.unpack_from
_pack = HEADER.pack


class ModbusTcpServer(Layer[bytes, Any]):
    """Bytes of one connection below; above it stand the applications.

    Args:
        units: applications by unit identifier.
        unknown_unit: what is answered for a unit that is not there; None is silence.
    """

    def __init__(self, units: Mapping[int, ModbusApplication], *, unknown_unit: ExceptionCode | None = None) -> None:
        self._units = units
        self._framer = TcpFramer()
        server = ModbusServer(units, unknown_unit=unknown_unit)
        self._framer.above = server.from_below
        self._framer.below = self._send
        server.below = self._framer.from_above

    def _send(self, item: bytes, now_us: int) -> None:
        self.below(item, now_us)

    def from_below(self, item: bytes, now_us: int) -> None:
        """Answer at once what can be, else go the whole way; raises as `TcpFramer` does."""
        end = len(item)
        if end > HEADER_BYTES and not self._framer.held:
            transaction, protocol, length, unit = _unpack(item)
            application = self._units.get(unit)
            if application is not None and length + 6 == end and not protocol:
                response = application.recall(item[7:], now_us)
                if response is not None:
                    application.communication.bus_messages += 1
                    self.below(_pack(transaction, 0, len(response) + 1, unit) + response, now_us)
                    return
        self._framer.from_below(item, now_us)
