"""The meter's side of a sign-on: identifies itself, then gives its data block (mode C) or the line to HDLC (mode E)."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.data_block import DataSet, encode
from protocols.iec62056_21.message import INITIAL_BAUD, NAK, REACTION_MAX_US, Identification, OptionSelect, Request
from protocols.iec62056_21.sign_on import METER, Characters, SignOnEvent, SignOnState, duration_us
from protocols.machine import Layer, SetLine, Transmit

INACTIVITY_US: Final = 120_000_000  # class 23 starts from 120 s
SELECT_US: Final = 2_200_000
"""How long the identification waits for an option: the longest reaction, and the option's own time."""


class SignOnMeter(Layer[bytes, bytes | Transmit]):
    """Under an HDLC framer, or alone for a meter that is only read out.

    Args:
        identification: what it says of itself; HDLC is offered by the enhanced identification in it.
        initial_baud: the speed before one is agreed on; readers begin at 300 baud unless somebody told them.
        device_address: its own among several; a request without an address is for everybody.
        data_block: its data sets at an instant of link time, or None for a meter without a read-out.
        inactivity_us: silence that ends mode E.
        parity_in_bit_7: the line is 8N1 and carries seven-bit characters with their parity.
    """

    def __init__(
        self,
        identification: Identification,
        *,
        initial_baud: int = INITIAL_BAUD,
        device_address: str = "",
        data_block: Callable[[int], Iterable[DataSet]] | None = None,
        inactivity_us: int = INACTIVITY_US,
        parity_in_bit_7: bool = False,
    ) -> None:
        self._identification = identification
        self._device_address = device_address.lstrip("0")
        self._data_block = data_block
        self._inactivity_us = inactivity_us
        self._characters = Characters(parity_in_bit_7=parity_in_bit_7)
        self._state = SignOnState.IDLE
        self._initial_baud = self._baud = initial_baud
        self._message = b""
        self._deadline_us: int | None = None

    def _step(self, event: SignOnEvent) -> bool:
        state = METER.get((self._state, event))
        if state is None:
            return False
        self._state = state
        return True

    def from_above(self, item: bytes | Transmit, now_us: int) -> None:
        """Let through while mode E is open; nobody would understand it otherwise."""
        if self._state is SignOnState.OPEN:
            self.below(item, now_us)

    def from_below(self, item: bytes, now_us: int) -> None:
        """Let through while mode E is open, else look for messages."""
        if self._state is SignOnState.OPEN:
            self._deadline_us = now_us + self._inactivity_us
            self.above(item, now_us)
            return
        if self._state is SignOnState.SENT and NAK in self._characters.incoming(item):
            self._step(SignOnEvent.NAK)
            self._send_block(now_us)
            return
        self._characters.take(item)
        while (message := self._characters.message()) is not None:
            with suppress(RemoteProtocolError):  # noise
                self._take(message, now_us)

    def _take(self, message: bytes, now_us: int) -> None:
        if message.startswith(b"/"):
            address = Request.from_line(message).device_address.lstrip("0")
            if address in {"", self._device_address} and self._step(SignOnEvent.REQUEST):
                self._identify(now_us)
            return
        select = OptionSelect.from_line(message)
        event = self._meant(select)
        if not self._step(event):
            return
        if event is SignOnEvent.SELECT_HDLC:
            self._open(select, now_us)
        elif event is SignOnEvent.SELECT_READ_OUT:
            self._read_out(select.baud, now_us)
        else:
            self._deadline_us = None

    def _meant(self, select: OptionSelect) -> SignOnEvent:
        if select.baud <= self._identification.baud:
            if select.is_hdlc and self._identification.offers_hdlc:
                return SignOnEvent.SELECT_HDLC
            if select.is_read_out and self._data_block is not None:
                return SignOnEvent.SELECT_READ_OUT
        return SignOnEvent.SELECT_OTHER

    def _say(self, message: bytes, now_us: int) -> int:
        """Say it after the reaction time; when it has left the line."""
        not_before_us = now_us + self._identification.reaction_us
        self.below(Transmit(self._characters.outgoing(message), not_before_us), now_us)
        return not_before_us + duration_us(len(message), self._baud)

    def _set_baud(self, baud: int, now_us: int) -> None:
        self._baud = baud
        self.below(self._characters.line(baud), now_us)

    def _identify(self, now_us: int) -> None:
        self._deadline_us = self._say(bytes(self._identification), now_us) + SELECT_US

    def _open(self, select: OptionSelect, now_us: int) -> None:
        self._say(bytes(select), now_us)
        self._baud = select.baud
        self.below(SetLine(select.baud), now_us)
        self._deadline_us = now_us + self._inactivity_us

    def _read_out(self, baud: int, now_us: int) -> None:
        if baud != self._baud:
            self._set_baud(baud, now_us)
        self._message = b"" if self._data_block is None else encode(self._data_block(now_us))
        self._send_block(now_us)

    def _send_block(self, now_us: int) -> None:
        self._deadline_us = self._say(self._message, now_us) + REACTION_MAX_US

    def sign_off(self, now_us: int) -> None:
        """The link above is gone: back to the initial speed."""
        if self._step(SignOnEvent.SIGN_OFF):
            self._begin_anew(now_us)

    def _begin_anew(self, now_us: int) -> None:
        self._deadline_us = None
        self._characters.clear()
        if self._state is SignOnState.IDLE:
            self._set_baud(self._initial_baud, now_us)

    def deadline_us(self) -> int | None:
        """When silence ends what has begun."""
        return self._deadline_us

    def on_deadline(self, now_us: int) -> None:
        """Without an option the data message goes out at the initial speed; all else ends."""
        if self._deadline_us is None or now_us < self._deadline_us:
            return
        if self._state is SignOnState.IDENTIFIED and self._data_block is not None:
            self._step(SignOnEvent.NO_SELECT)
            self._read_out(self._initial_baud, now_us)
        else:
            self._step(SignOnEvent.SILENCE)
            self._begin_anew(now_us)
