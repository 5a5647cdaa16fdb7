"""The server: units behind one line or one port, each an application that is called for its answer.

A request costs one dictionary look-up for the unit and one for the function. Whatever a PDU can be wrong in ends in an
exception code, in the order that the specification draws: the function (1), then counts and lengths (3), then addresses
(2), then what the device says.
"""

from collections.abc import Callable, Mapping
from typing import Final

from protocols.machine import Layer
from protocols.modbus import server_access, server_service
from protocols.modbus.adu import Adu, Noise, make_adu
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import BROADCAST_UNIT, EXCEPTION, ExceptionCode

Answer = bytes | ExceptionCode | None
"""A response PDU, an exception code, or silence."""

DISPATCH: Final[Mapping[int, Callable[[ModbusApplication, bytes, int], Answer]]] = {
    **server_access.DISPATCH,
    **server_service.DISPATCH,
}
"""How each function is answered; what is not here is an illegal function."""

_BROADCASTABLE: Final = frozenset((5, 6, 15, 16, 21, 22))
"""Functions that only write; anything else on unit 0 is not acted on."""


class ModbusServer(Layer[Adu | Noise, Adu]):
    """`Adu`s below; above it stand the applications.

    Args:
        units: applications by unit identifier; the same one may stand under two.
        serial: unit 0 is a broadcast and event logs are kept; on TCP unit 0 is an ordinary unit.
        unknown_unit: what a TCP port answers for a unit that it does not have; None is silence, as on a line.
    """

    def __init__(
        self,
        units: Mapping[int, ModbusApplication],
        *,
        serial: bool = False,
        unknown_unit: ExceptionCode | None = None,
    ) -> None:
        self._units = units
        self._serial = serial
        self._unknown_unit = unknown_unit

    def from_below(self, item: Adu | Noise, now_us: int) -> None:
        """Answer one request."""
        if isinstance(item, Noise):
            self._count_error()
            return
        unit, pdu, transaction = item
        application = self._units.get(unit)
        if application is not None:
            response = self.answer(application, pdu, now_us)
            if response is not None:
                self.below(make_adu((unit, response, transaction)), now_us)
        elif unit == BROADCAST_UNIT and self._serial:
            self._broadcast(pdu, now_us)
        elif self._unknown_unit is not None:
            self.below(Adu(unit, bytes((pdu[0] | EXCEPTION, self._unknown_unit)), transaction), now_us)

    def answer(self, application: ModbusApplication, pdu: bytes, now_us: int) -> bytes | None:
        """The response PDU of one application, with its counters kept; None where it stays silent."""
        communication = application.communication
        communication.bus_messages += 1
        if not application.listens(now_us):
            communication.unheard += 1
            return None
        function = pdu[0]
        if communication.listen_only and not pdu.startswith(server_service.RESTART):
            communication.unheard += 1
            communication.silent += 1
            return None
        handler = DISPATCH.get(function)
        result = ExceptionCode.ILLEGAL_FUNCTION if handler is None else handler(application, pdu, now_us)
        if self._serial:
            server_service.log(communication, result)
        if isinstance(result, bytes):
            if function in server_service.UNCOUNTED:
                communication.uncounted += 1
            return result
        if result is None:
            communication.silent += 1
            communication.uncounted += 1
            return None
        return self._refusal(application, pdu, result)

    @staticmethod
    def _refusal(application: ModbusApplication, pdu: bytes, code: ExceptionCode) -> bytes:
        """An exception response, counted."""
        application.communication.exceptions += 1
        if code == ExceptionCode.SERVER_DEVICE_BUSY:
            application.communication.busy += 1
        return bytes((pdu[0] | EXCEPTION, code))

    def _count_error(self) -> None:
        for application in dict.fromkeys(self._units.values()):
            application.communication.bus_errors += 1

    def _broadcast(self, pdu: bytes, now_us: int) -> None:
        for application in dict.fromkeys(self._units.values()):
            communication = application.communication
            communication.bus_messages += 1
            communication.silent += 1
            if application.listens(now_us) and not communication.listen_only and pdu[0] in _BROADCASTABLE:
                DISPATCH[pdu[0]](application, pdu, now_us)
            else:
                communication.unheard += 1
