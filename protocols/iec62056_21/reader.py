"""The reading side of a sign-on: opens mode E for HDLC, or reads a data block in mode C."""

from abc import ABC, abstractmethod
from typing import Any, Final, NamedTuple

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.iec62056_21.data_block import BLOCK_BYTES_MAX, DataSet, decode
from protocols.iec62056_21.message import (
    BAUDS,
    ETX,
    HDLC,
    INITIAL_BAUD,
    NAK,
    NORMAL,
    REACTION_MAX_US,
    READ_OUT,
    STX,
    Identification,
    OptionSelect,
    Request,
)
from protocols.iec62056_21.sign_on import READER, Characters, SignOnEvent, SignOnState, duration_us
from protocols.machine import Answered, Layer, SetLine, TimedOut, Transmit

RETRIES_MAX: Final = 2
IDENTIFICATION_BYTES: Final = 24  # of a usual length: 0.8 s at 300 baud
BAUD_MAX: Final = max(BAUDS.values())


class _Reader(Layer[bytes, Any], ABC):
    """What both modes share: the request, the identification, and patience."""

    def __init__(self, *, baud_max: int, retries_max: int, parity_in_bit_7: bool) -> None:
        if baud_max < INITIAL_BAUD:
            raise ValueError(f"no line is slower than {INITIAL_BAUD} baud")
        self.identification: Identification | None = None
        self._baud_max = baud_max
        self._retries_max = retries_max
        self._characters = Characters(parity_in_bit_7=parity_in_bit_7)
        self._state = SignOnState.IDLE
        self._request = Request()
        self._tries = 0
        self._deadline_us: int | None = None

    def _step(self, event: SignOnEvent) -> bool:
        state = READER.get((self._state, event))
        if state is None:
            return False
        self._state = state
        return True

    def _begin(self, request: Request, now_us: int) -> None:
        self._step(SignOnEvent.START)
        self._request = request
        self._tries = 0
        self.below(self._characters.line(), now_us)
        self._ask(now_us)

    def _ask(self, now_us: int) -> None:
        message = bytes(self._request)
        self._characters.clear()
        self.below(self._characters.outgoing(message), now_us)
        self._wait(len(message) + IDENTIFICATION_BYTES, INITIAL_BAUD, now_us)

    def _wait(self, octets: int, baud: int, now_us: int) -> None:
        self._deadline_us = now_us + duration_us(octets, baud) + REACTION_MAX_US

    def _messages(self, data: bytes, now_us: int) -> None:
        """Take characters while a message is expected."""
        self._characters.take(data)
        self._wait(0, INITIAL_BAUD, now_us)
        while self._state in {SignOnState.REQUESTED, SignOnState.SELECTED}:
            message = self._characters.message()
            if message is None:
                return
            try:
                self._message(message, now_us)
            except RemoteProtocolError:
                continue  # noise, or our own request given back by the head

    def _message(self, message: bytes, now_us: int) -> None:
        if self._state is SignOnState.REQUESTED:
            self.identification = Identification.from_line(message)
            baud = min(self.identification.baud, self._baud_max)
            character = max((at for at in BAUDS if BAUDS[at] <= baud), key=BAUDS.__getitem__)
            self._select(self.identification, character, now_us)

    @abstractmethod
    def _select(self, identification: Identification, baud_character: str, now_us: int) -> None:
        """Choose the mode."""

    def _send_select(self, select: OptionSelect, identification: Identification, now_us: int) -> None:
        message = self._characters.outgoing(bytes(select))
        self.below(Transmit(message, now_us + identification.reaction_us), now_us)

    def deadline_us(self) -> int | None:
        """When silence has lasted too long."""
        return self._deadline_us

    def on_deadline(self, now_us: int) -> None:
        """Ask again, or give up."""
        if self._deadline_us is None or now_us < self._deadline_us:
            return
        self._deadline_us = None
        if self._state is SignOnState.REQUESTED and self._tries < self._retries_max:
            self._tries += 1
            self._step(SignOnEvent.SILENCE)
            self._ask(now_us)
        else:
            self._silent(now_us)

    @abstractmethod
    def _silent(self, now_us: int) -> None:
        """Nothing came, and the request was repeated often enough."""


class ModeEReader(_Reader):
    """Mode E under an HDLC framer: signs on when the first frame comes from above, then lets all through.

    While it signs on, only the newest frame from above is kept, since that repeats what it replaces. A sign-on that
    fails closes the machine with the reason.

    Args:
        device_address: of one meter among several, or "" for the one there is.
        baud_max: the highest speed of our side.
        retries_max: how often the request is repeated.
        parity_in_bit_7: the line is 8N1 and carries seven-bit characters with their parity.
    """

    def __init__(
        self,
        *,
        device_address: str = "",
        baud_max: int = BAUD_MAX,
        retries_max: int = RETRIES_MAX,
        parity_in_bit_7: bool = False,
    ) -> None:
        super().__init__(baud_max=baud_max, retries_max=retries_max, parity_in_bit_7=parity_in_bit_7)
        self._for_us = Request(device_address=device_address)
        self._newest: bytes | Transmit | None = None
        self._selected: OptionSelect | None = None

    def from_above(self, item: bytes | Transmit, now_us: int) -> None:
        """Let through, or sign on first."""
        if self._state is SignOnState.OPEN:
            self.below(item, now_us)
            return
        self._newest = item
        if self._state is SignOnState.IDLE:
            self._begin(self._for_us, now_us)

    def from_below(self, item: bytes, now_us: int) -> None:
        """Let through once open."""
        if self._state is SignOnState.OPEN:
            self.above(item, now_us)
        elif self._state is not SignOnState.IDLE:
            self._messages(item, now_us)

    def sign_off(self, now_us: int) -> None:
        """The link above is gone: the next frame signs on again."""
        if self._step(SignOnEvent.SIGN_OFF):
            self._newest = None

    def _select(self, identification: Identification, baud_character: str, now_us: int) -> None:
        if not identification.offers_hdlc:
            self._fail("the meter offers no HDLC at its optical port (no mode E)")
            return
        self._step(SignOnEvent.SELECT_HDLC)
        self._selected = OptionSelect(protocol=HDLC, baud_character=baud_character, mode=HDLC)
        self._send_select(self._selected, identification, now_us)
        # What we send, what the meter says back, and the time between.
        self._wait(2 * len(bytes(self._selected)), INITIAL_BAUD, now_us + identification.reaction_us)

    def _message(self, message: bytes, now_us: int) -> None:
        if self._state is SignOnState.SELECTED:
            confirmed = OptionSelect.from_line(message)
            if confirmed.is_hdlc:
                self._step(SignOnEvent.SELECT_HDLC)
                self._open(confirmed, now_us)
            return
        super()._message(message, now_us)

    def _open(self, select: OptionSelect, now_us: int) -> None:
        self._deadline_us = None
        self.below(SetLine(select.baud), now_us)
        newest, self._newest = self._newest, None
        if newest is not None and self.identification is not None:
            data = newest.data if isinstance(newest, Transmit) else newest
            self.below(Transmit(data, now_us + self.identification.reaction_us), now_us)

    def _silent(self, now_us: int) -> None:
        if self._state is SignOnState.SELECTED and self._selected is not None:
            self._step(SignOnEvent.SILENCE)
            self._open(self._selected, now_us)
        else:
            self._step(SignOnEvent.GIVE_UP)
            self._fail(f"no answer to the sign-on at {INITIAL_BAUD} baud: is the optical head on the meter?")

    def _fail(self, reason: str) -> None:
        self._deadline_us = None
        self._state = SignOnState.IDLE
        self.close(reason)


class ReadOut(NamedTuple):
    """What a read-out brought."""

    identification: Identification
    data_sets: tuple[DataSet, ...]


class ReadOutProgress(NamedTuple):
    """How many characters of a data message have come."""

    characters: int


class ReadOutReader(_Reader):
    """Mode C's read-out as the top of a stack: `request` it, and `Answered` or `TimedOut` comes.

    While the data message comes, which takes minutes at 300 baud, each piece of it is told as `ReadOutProgress`.

    Args:
        baud_max: the highest speed of our side.
        retries_max: how often the request, or the data message, is asked for again.
        parity_in_bit_7: the line is 8N1 and carries seven-bit characters with their parity.
    """

    def __init__(
        self,
        *,
        baud_max: int = BAUD_MAX,
        retries_max: int = RETRIES_MAX,
        parity_in_bit_7: bool = False,
    ) -> None:
        super().__init__(baud_max=baud_max, retries_max=retries_max, parity_in_bit_7=parity_in_bit_7)
        self._ticket = 0
        self._block = bytearray()
        self._baud = INITIAL_BAUD

    def request(self, request: Request, now_us: int) -> int:
        """Read a meter out; the answer is a `ReadOut`.

        Raises:
            LocalProtocolError: a read-out is under way.
        """
        if self._state is not SignOnState.IDLE:
            raise LocalProtocolError("one read-out at a time")
        self._ticket += 1
        self._begin(request, now_us)
        return self._ticket

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take characters."""
        if self._state is SignOnState.READING:
            self._read(item, now_us)
        elif self._state is not SignOnState.IDLE:
            self._messages(item, now_us)

    def _select(self, identification: Identification, baud_character: str, now_us: int) -> None:
        self._step(SignOnEvent.SELECT_READ_OUT)
        self._tries = 0
        self._block.clear()
        select = OptionSelect(protocol=NORMAL, baud_character=baud_character, mode=READ_OUT)
        self._baud = select.baud
        self._send_select(select, identification, now_us)
        self.below(self._characters.line(self._baud), now_us)
        self._wait(len(bytes(select)), INITIAL_BAUD, now_us + identification.reaction_us)

    def _read(self, data: bytes, now_us: int) -> None:
        self._block += self._characters.incoming(data)
        self._wait(0, self._baud, now_us)
        begin = self._block.find(STX)
        if begin > 0:
            del self._block[:begin]
        if begin < 0 or len(self._block) > BLOCK_BYTES_MAX:
            self._block.clear()
            return
        end = self._block.find(ETX)
        if end < 0 or end + 1 == len(self._block):
            self.above(ReadOutProgress(len(self._block)), now_us)
            return
        message = bytes(self._block[: end + 2])
        self._block.clear()
        try:
            data_sets = decode(message)
        except RemoteProtocolError:
            self._again(now_us)
            return
        self._step(SignOnEvent.BLOCK)
        self._deadline_us = None
        if self.identification is not None:
            self.above(Answered(self._ticket, ReadOut(self.identification, data_sets)), now_us)

    def _again(self, now_us: int) -> None:
        self._tries += 1
        if self._tries > self._retries_max:
            self._silent(now_us)
            return
        self._step(SignOnEvent.SILENCE)
        reaction_us = 0 if self.identification is None else self.identification.reaction_us
        self.below(Transmit(self._characters.outgoing(bytes((NAK,))), now_us + reaction_us), now_us)
        self._wait(1, self._baud, now_us + reaction_us)

    def on_deadline(self, now_us: int) -> None:
        """Ask again, or give up."""
        if self._state is SignOnState.READING and self._deadline_us is not None and self._deadline_us <= now_us:
            self._block.clear()
            self._again(now_us)
        else:
            super().on_deadline(now_us)

    def _silent(self, now_us: int) -> None:
        self._step(SignOnEvent.GIVE_UP)
        self._deadline_us = None
        self.above(TimedOut(self._ticket), now_us)
