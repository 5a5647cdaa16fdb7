"""One Modbus line or TCP connection: opened once for all units on it, asked one question at a time."""

import contextlib
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.meter.dlms_link import Terms
from gateway.service.script import AbsentError, MeterError, NoAnswerError, NoConnectionError
from protocols.address import MeterAddress, ModbusAddress, SerialLine
from protocols.errors import LocalProtocolError
from protocols.machine import Machine, Peer, Stack, TimedOut
from protocols.modbus.access import ReadRegisters
from protocols.modbus.client import ClientTiming, Garbled, ModbusClient
from protocols.modbus.code import ExceptionCode, exception_name
from protocols.modbus.pdu import ExceptionResponse
from protocols.modbus.pymodbus_framer import ECHO, ECHOED_BY_SERVERS, PymodbusFramer
from protocols.transport.conversation import ConnectionLostError, Conversation, converse
from protocols.transport.dial import dial
from protocols.transport.pump import link_time_us

_READS: Final = frozenset({1, 2, 3, 4})

_ABSENT: Final = frozenset({ExceptionCode.GATEWAY_PATH_UNAVAILABLE, ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND})
"""What a gateway between TCP and a line answers for a unit that does not answer it."""

ECHO_PROBE: Final = ReadRegisters(3, 0, 1)
"""A question that shows whether an adapter hears itself, whatever comes of it."""

SILENT_MAX: Final = 3
"""Questions in a row that nobody on a connection answers: then it may be the connection that is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How a line is kept: before the first request, and between two; and whether its adapter hears itself."""

    connect_ms: int = 0
    request_ms: int = 0
    local_echo: bool | None = None


class ModbusLink:
    """The line that a unit is on.

    Args:
        address: of any unit on the line.
        pauses: how it is kept.
        connect_ms: how long connecting may take.
    """

    __slots__ = ("_address", "_client", "_connect_ms", "_conversation", "_framer", "_pauses", "_silent")

    def __init__(self, address: ModbusAddress, pauses: Pauses, connect_ms: int = 10_000) -> None:
        self._address = address
        self._pauses = pauses
        self._connect_ms = connect_ms
        self._client: ModbusClient | None = None
        self._framer: PymodbusFramer | None = None
        self._conversation: Conversation | None = None
        self._silent = 0

    @property
    def is_serial(self) -> bool:
        """Whether it is a line, which stands for as long as its adapter does."""
        return isinstance(self._address.carrier, SerialLine)

    def serves(self, address: MeterAddress) -> bool:
        """Whether another unit is reached the same way: on the same carrier, at the same speed, in the same frames."""
        return isinstance(address, ModbusAddress) and (address.scheme, address.carrier) == (
            self._address.scheme,
            self._address.carrier,
        )

    def outlives(self, error: MeterError) -> bool:
        """Whether to keep the line after an error.

        An answer that is late may still come. Where frames have no transaction identifier, only who keeps the line
        knows that it is owed; so it is kept, unless nobody answers any more on what may be a dead connection.
        """
        if isinstance(error, AbsentError):
            return self.is_open
        late = isinstance(error, NoAnswerError) and self._address.framing != "tcp"
        return self.is_open and late and (self.is_serial or self._silent < SILENT_MAX)

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return self._conversation is not None and self._conversation.closed is None

    async def open(self) -> None:
        """Connect.

        Raises:
            NoConnectionError: nobody there.
        """
        await self.close()
        try:
            pump = await dial(self._address.carrier, self._machine, timeout_s=self._connect_ms / 1000)
        except OSError as error:
            what = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise NoConnectionError(f"{self._address} can't be reached: {what}") from None
        self._conversation = converse(pump)

    def _machine(self, _peer: Peer) -> Machine:
        timing = ClientTiming(pause_us=self._pauses.request_ms * 1000, connect_pause_us=self._pauses.connect_ms * 1000)
        address, carrier = self._address, self._address.carrier
        baud = carrier.baud if isinstance(carrier, SerialLine) else None
        self._framer = PymodbusFramer(address.framing, baud=baud, local_echo=self._pauses.local_echo)
        transactions = 1 if address.framing == "tcp" else 0
        self._client = ModbusClient(link_time_us(), transactions=transactions, timing=timing)
        return Stack([self._framer, self._client])

    async def ask(self, unit: int, request: Any, terms: Terms) -> Any:
        """Ask a unit; only reads are asked again by themselves.

        Raises:
            AbsentError: a gateway on the way says that the unit does not answer.
            NoAnswerError: no answer came, or none that could be used.
            NoConnectionError: the connection is gone.
        """
        if request.function in ECHOED_BY_SERVERS and self._framer is not None and self._framer.echo is None:
            with contextlib.suppress(NoAnswerError):  # heard back from the adapter, it would pass for done
                await self._ask(unit, ECHO_PROBE, replace(terms, retries=0))
        return await self._ask(unit, request, terms)

    async def _ask(self, unit: int, request: Any, terms: Terms) -> Any:
        client, conversation = self._client, self._conversation
        if client is None or conversation is None:
            raise NoConnectionError("there is no connection")
        retries = terms.retries if request.function in _READS else 0
        try:
            ended = await conversation.ask(
                lambda now_us: client.request(unit, request, now_us, terms.timeout_ms * 1000, retries)
            )
        except (ConnectionLostError, LocalProtocolError) as error:
            raise NoConnectionError(f"{self._address}: {error}") from None
        self._silent = self._silent + 1 if isinstance(ended, TimedOut) else 0
        if isinstance(ended, TimedOut):
            raise NoAnswerError("the meter did not answer")
        response = ended.response
        if isinstance(response, Garbled) and response.reason == ECHO:
            raise NoAnswerError("the meter did not answer; only what was sent came back from the adapter")
        if isinstance(response, Garbled):
            raise NoAnswerError(f"the answer was unusable ({response.reason})")
        if isinstance(response, ExceptionResponse) and response.code in _ABSENT:
            raise AbsentError(f"the meter did not answer, says what stands before it ({exception_name(response.code)})")
        return response

    async def close(self) -> None:
        """End the connection."""
        conversation = self._conversation
        self._conversation = self._client = None
        if conversation is not None:
            await conversation.aclose()
