"""What both sides of a sign-on share: the state tables, the messages found in a stream of characters, the line.

Both begin at 300 baud, seven bits, even parity. The tables are (state, event) -> state; what is not in them is passed
over.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from protocols.iec62056_21.message import (
    ACK,
    INITIAL_BAUD,
    LINE_END,
    MESSAGE_BYTES_MAX,
    with_parity,
    without_parity,
)
from protocols.machine import SetLine

BITS_A_CHARACTER: Final = 10


class SignOnState(Enum):
    """Where a sign-on stands."""

    IDLE = "at 300 baud, nothing said"
    REQUESTED = "reader: waits for the identification"
    IDENTIFIED = "meter: waits for the option"
    SELECTED = "reader: waits for the meter's confirmation of mode E"
    READING = "reader: waits for the data message"
    SENT = "meter: the data message is out and may be asked for again"
    OPEN = "mode E: the line is HDLC's"


class SignOnEvent(Enum):
    """What happens in a sign-on."""

    START = "reader: something is wanted"
    REQUEST = "a request message for us"
    IDENTIFICATION = "an identification message"
    SELECT_HDLC = "an option select message for mode E"
    SELECT_READ_OUT = "an option select message for mode C's read-out"
    SELECT_OTHER = "an option select message for what we have not"
    NO_SELECT = "no option select message in time"
    NAK = "the data message is asked for again"
    BLOCK = "a sound data message"
    SILENCE = "nothing came in time"
    GIVE_UP = "nothing came in time, too often"
    SIGN_OFF = "the HDLC link above is gone"


_S = SignOnState
_E = SignOnEvent

READER: Final[Mapping[tuple[SignOnState, SignOnEvent], SignOnState]] = {
    (_S.IDLE, _E.START): _S.REQUESTED,
    (_S.REQUESTED, _E.SELECT_HDLC): _S.SELECTED,
    (_S.REQUESTED, _E.SELECT_READ_OUT): _S.READING,
    (_S.REQUESTED, _E.SILENCE): _S.REQUESTED,
    (_S.REQUESTED, _E.GIVE_UP): _S.IDLE,
    (_S.SELECTED, _E.SELECT_HDLC): _S.OPEN,
    (_S.SELECTED, _E.SILENCE): _S.OPEN,
    (_S.READING, _E.BLOCK): _S.IDLE,
    (_S.READING, _E.SILENCE): _S.READING,
    (_S.READING, _E.GIVE_UP): _S.IDLE,
    (_S.OPEN, _E.SIGN_OFF): _S.IDLE,
}
"""The reader. It leaves REQUESTED by what it selects; not every meter confirms mode E, so silence confirms it too."""

METER: Final[Mapping[tuple[SignOnState, SignOnEvent], SignOnState]] = {
    (_S.IDLE, _E.REQUEST): _S.IDENTIFIED,
    (_S.IDENTIFIED, _E.REQUEST): _S.IDENTIFIED,
    (_S.IDENTIFIED, _E.SELECT_HDLC): _S.OPEN,
    (_S.IDENTIFIED, _E.SELECT_READ_OUT): _S.SENT,
    (_S.IDENTIFIED, _E.SELECT_OTHER): _S.IDLE,
    (_S.IDENTIFIED, _E.NO_SELECT): _S.SENT,
    (_S.IDENTIFIED, _E.SILENCE): _S.IDLE,
    (_S.SENT, _E.NAK): _S.SENT,
    (_S.SENT, _E.REQUEST): _S.IDENTIFIED,
    (_S.SENT, _E.SILENCE): _S.IDLE,
    (_S.OPEN, _E.SIGN_OFF): _S.IDLE,
    (_S.OPEN, _E.SILENCE): _S.IDLE,
}
"""The meter."""


class Characters:
    """Seven-bit characters as the line carries them, and messages found among them.

    Args:
        parity_in_bit_7: the line is 8N1 and parity is to be made and checked here (a Linux pty).
    """

    __slots__ = ("_held", "_parity_in_bit_7")

    def __init__(self, *, parity_in_bit_7: bool) -> None:
        self._parity_in_bit_7 = parity_in_bit_7
        self._held = bytearray()

    def line(self, baud: int = INITIAL_BAUD) -> SetLine:
        """The line at that speed, for characters."""
        return SetLine(baud) if self._parity_in_bit_7 else SetLine(baud, 7, "E", 1)

    def outgoing(self, message: bytes) -> bytes:
        """A message as the line carries it."""
        return with_parity(message) if self._parity_in_bit_7 else message

    def incoming(self, data: bytes) -> bytes:
        """What the line has carried."""
        return without_parity(data) if self._parity_in_bit_7 else data

    def take(self, data: bytes) -> None:
        """Keep what came."""
        self._held += self.incoming(data)

    def message(self) -> bytes | None:
        """The next whole message without its line end, noise before it left out; or None."""
        held = self._held
        while (end := held.find(LINE_END)) >= 0:
            line = bytes(held[max(0, end - MESSAGE_BYTES_MAX) : end])
            del held[: end + len(LINE_END)]
            # Neither of the two characters that begin a message stands anywhere else in one.
            begin = max(line.rfind(b"/"), line.rfind(bytes((ACK,))))
            if begin >= 0:
                return line[begin:]
        del held[:-MESSAGE_BYTES_MAX]
        return None

    def clear(self) -> None:
        """Forget half a message."""
        self._held.clear()


def duration_us(octets: int, baud: int) -> int:
    """How long that many characters take."""
    return octets * BITS_A_CHARACTER * 1_000_000 // baud
