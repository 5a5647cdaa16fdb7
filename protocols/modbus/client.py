"""The client: requests become tickets, answers become events, and no answer is ever taken for another's.

On TCP the transaction identifier tells answers apart, and several requests may be under way. On a line there is one at
a time and nothing in a frame says which question it answers, so a late answer to an earlier question could pass for the
next one's if both look alike. Therefore a unit that still owes an answer is first asked something whose answer looks
different; servers answer in order, so once that has come the late one is past.

A request ends as `Answered(ticket, response)`: a response, an `ExceptionResponse`, a `Garbled` when something came back
and none of it was usable, or None for a broadcast; or as `TimedOut(ticket)` when nothing came. What was written may
have taken effect in either of the last two cases.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from protocols.errors import LocalProtocolError
from protocols.machine import Answered, Layer, TimedOut
from protocols.modbus.adu import Adu, Noise
from protocols.modbus.code import BROADCAST_UNIT, ExceptionCode
from protocols.modbus.match import Shape, probe, shape_of_request, shape_of_response
from protocols.modbus.pdu import ExceptionResponse, Request, Response
from protocols.modbus.pymodbus_pdu import decode_response, encode_request

TRANSACTIONS_MAX: Final = 16
"""Requests under way on one TCP connection: what the Modbus TCP implementation guide lets a server hold."""

LATE_US_MAX: Final = 10_000_000
"""How long after a request its answer may still come; no server on a line was seen to take longer."""

TRANSACTION_LAST: Final = 0xFFFF

QUEUE_MAX: Final = 1024
"""Requests that may wait on one connection."""

_READS: Final = frozenset((1, 2, 3, 4))

_AGAIN_IF_READ: Final = frozenset((ExceptionCode.ACKNOWLEDGE, ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND))
"""What may mean that the server has done or is doing what was asked, so that only a read is asked again."""


class Garbled(NamedTuple):
    """Something came back, none of it usable: "checksum", "length", "unit", "function" or "incomplete"."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTiming:
    """How a client keeps time with its line.

    Attributes:
        pause_us: between the end of one exchange and the next request.
        connect_pause_us: between the connection and the first request.
        turnaround_us: after a broadcast, which nobody answers.
        busy_us: before a request is sent again to a server that was busy.
    """

    pause_us: int = 0
    connect_pause_us: int = 0
    turnaround_us: int = 100_000
    busy_us: int = 200_000


class _Ask:
    """One request under way."""

    __slots__ = (
        "deadline_us",
        "pdu",
        "probe",
        "ready_us",
        "request",
        "shape",
        "ticket",
        "timeout_us",
        "transaction",
        "tries",
        "trouble",
        "unit",
    )

    def __init__(self, ticket: int, unit: int, request: Request, timeout_us: int, tries: int) -> None:
        self.ticket = ticket
        self.unit = unit
        self.request = request
        self.pdu = encode_request(request)
        self.shape = shape_of_request(request)
        self.timeout_us = timeout_us
        self.tries = tries
        self.deadline_us = 0
        self.ready_us = 0
        self.transaction = 0
        self.trouble = ""
        self.probe: Shape | None = None


class _Owed(NamedTuple):
    """An answer that may still come, and to which request."""

    shape: Shape
    ticket: int
    expires_us: int


class ModbusClient(Layer[Adu | Noise, Request]):
    """`Adu`s below, events above; any framing's client role may be under it.

    Args:
        now_us: link time of the connection.
        transactions: how many requests may be under way at once, on TCP; 0 on a line, where there are no transactions.
        timing: pauses.
    """

    def __init__(self, now_us: int = 0, *, transactions: int = 0, timing: ClientTiming | None = None) -> None:
        self._timing = timing or ClientTiming()
        self._transactions = min(transactions, TRANSACTIONS_MAX)
        self._waiting: deque[_Ask] = deque()
        self._open: list[_Ask] = []
        self._owed: dict[int, list[_Owed]] = {}
        self._free_us = now_us + self._timing.connect_pause_us
        self._ticket = 0
        self._transaction = 0
        self.strays = 0

    def request(self, unit: int, request: Request, now_us: int, timeout_us: int, retries: int = 0) -> int:
        """Ask; the ticket comes back with the event that ends it.

        Args:
            unit: the unit identifier; 0 on a line is a broadcast.
            request: what is asked.
            now_us: link time.
            timeout_us: how long each try waits for its answer.
            retries: further tries after the first; 0 for what must not be done twice.

        Raises:
            LocalProtocolError: too many requests wait already.
        """
        if len(self._waiting) >= QUEUE_MAX:
            msg = f"{QUEUE_MAX} requests wait on this connection already"
            raise LocalProtocolError(msg)
        self._ticket += 1
        self._waiting.append(_Ask(self._ticket, unit, request, timeout_us, 1 + retries))
        self._send_next(now_us)
        return self._ticket

    def from_below(self, item: Adu | Noise, now_us: int) -> None:
        """Take what came back."""
        if isinstance(item, Noise):
            for ask in self._open:
                ask.trouble = item.reason
            return
        if self._transactions:
            self._take_transaction(item, now_us)
        elif self._open:
            self._take_on_line(self._open[0], item, now_us)
        else:
            self.strays += 1

    def deadline_us(self) -> int | None:
        """The end of an answer's time, or when the line is free for what waits."""
        times = [ask.deadline_us for ask in self._open]
        if self._waiting and len(self._open) < max(1, self._transactions):
            times.append(max(self._free_us, min(ask.ready_us for ask in self._waiting)))
        return min(times, default=None)

    def on_deadline(self, now_us: int) -> None:
        """Give up on what is overdue, send what may go."""
        for ask in [ask for ask in self._open if ask.deadline_us <= now_us]:
            if self._is_broadcast(ask):
                self._close(ask, now_us)
                self.above(Answered(ask.ticket, None), now_us)
            else:
                self._fail(ask, now_us)
        self._send_next(now_us)

    def _is_broadcast(self, ask: _Ask) -> bool:
        return ask.unit == BROADCAST_UNIT and not self._transactions

    def _send_next(self, now_us: int) -> None:
        while self._free_us <= now_us and len(self._open) < max(1, self._transactions):
            ask = next((ask for ask in self._waiting if ask.ready_us <= now_us), None)
            if ask is None:
                return
            self._waiting.remove(ask)
            self._send(ask, now_us)

    def _send(self, ask: _Ask, now_us: int) -> None:
        pdu = ask.pdu
        if self._transactions:
            self._transaction = self._transaction % TRANSACTION_LAST + 1
            ask.transaction = self._transaction
        elif not self._is_broadcast(ask):
            pdu = self._pdu_for_line(ask, now_us)
        ask.tries -= 1
        ask.deadline_us = now_us + (self._timing.turnaround_us if self._is_broadcast(ask) else ask.timeout_us)
        self._open.append(ask)
        self.below(Adu(ask.unit, pdu, ask.transaction), now_us)

    def _pdu_for_line(self, ask: _Ask, now_us: int) -> bytes:
        """What to send on a line: the request, or a probe while an answer that looks like its own may still come."""
        owed = [each for each in self._owed.pop(ask.unit, ()) if each.expires_us > now_us]
        shape, pdu, ask.probe = ask.shape, ask.pdu, None
        others = frozenset(each.shape for each in owed if each.ticket != ask.ticket)
        if shape in others:
            question = probe(ask.request, others)
            shape, pdu = shape_of_request(question), encode_request(question)
            ask.probe = shape
        self._owed[ask.unit] = [*owed, _Owed(shape, ask.ticket, now_us + LATE_US_MAX)]
        return pdu

    def _take_transaction(self, adu: Adu, now_us: int) -> None:
        ask = next((ask for ask in self._open if ask.transaction == adu.transaction), None)
        if ask is None:
            self.strays += 1
            return
        response = decode_response(adu.pdu)
        ask.trouble = _trouble(ask.unit, ask.shape, adu, response)
        if response is not None and not ask.trouble:
            self._finish(ask, response, now_us)
        else:
            self._fail(ask, now_us)
        self._send_next(now_us)

    def _take_on_line(self, ask: _Ask, adu: Adu, now_us: int) -> None:
        response = decode_response(adu.pdu)
        trouble = _trouble(ask.unit, ask.probe or ask.shape, adu, response)
        if response is not None:
            self._settle(adu.unit, shape_of_response(response))
        if response is None or trouble:
            self.strays += 1
            ask.trouble = trouble  # the answer itself may still come
            return
        if ask.probe is None:
            self._finish(ask, response, now_us)
        else:
            probed, ask.probe = ask.probe, None
            self._owed[ask.unit] = [each for each in self._owed.get(ask.unit, ()) if each.shape == probed]
            ask.tries += 1  # the probe was none of the request's own tries
            self._close(ask, now_us)
            self._waiting.appendleft(ask)
        self._send_next(now_us)

    def _settle(self, unit: int, shape: Shape) -> None:
        """One answer less is owed: the oldest of its shape, or of its function for an exception."""
        owed = self._owed.get(unit, [])
        for each in owed:
            if each.shape == shape or (len(shape) == 1 and each.shape[0] == shape[0]):
                owed.remove(each)
                return

    def _close(self, ask: _Ask, now_us: int) -> None:
        self._open.remove(ask)
        self._free_us = now_us + self._timing.pause_us

    def _finish(self, ask: _Ask, response: Response, now_us: int) -> None:
        self._close(ask, now_us)
        if ask.tries > 0 and _is_worth_waiting(response):
            ask.ready_us = now_us + self._timing.busy_us
            self._waiting.append(ask)
        else:
            self.above(Answered(ask.ticket, response), now_us)

    def _fail(self, ask: _Ask, now_us: int) -> None:
        self._close(ask, now_us)
        if ask.tries > 0:
            self._waiting.appendleft(ask)
        elif ask.trouble:
            self.above(Answered(ask.ticket, Garbled(ask.trouble)), now_us)
        else:
            self.above(TimedOut(ask.ticket), now_us)


def _trouble(unit: int, shape: Shape, adu: Adu, response: Response | None) -> str:
    """Why an answer is not the one to a question of this shape; empty when it is."""
    if adu.unit != unit:
        return "unit"
    if response is None:
        return "length"
    if response.function != shape[0]:
        return "function"
    if isinstance(response, ExceptionResponse) or shape_of_response(response) == shape:
        return ""
    return "length"


def _is_worth_waiting(response: Response) -> bool:
    """Who is busy is asked again, and so is a read that is still worked at, or that a gateway had no answer to."""
    if not isinstance(response, ExceptionResponse):
        return False
    if response.code in _AGAIN_IF_READ:
        return response.function in _READS
    return response.code == ExceptionCode.SERVER_DEVICE_BUSY
