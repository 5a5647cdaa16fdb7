"""Modbus RTU: frames that end where their function code says, and by silence where it does not.

Silence of 3.5 characters delimits frames on paper; drivers, USB adapters and TCP blur it. So a frame is accepted as
soon as its predicted length is there and its CRC holds, and silence (3.5 characters and a slack for late delivery) is
what brings a receiver back after noise, half a frame, or a function code whose length nobody knows.

A server on a shared line also hears the other servers. After a request that this side did not answer, a frame of the
same unit and function is read as that answer first, and goes no further.
"""

from typing import Final, Literal

from protocols.checksum import crc16_modbus
from protocols.machine import Layer, Transmit
from protocols.modbus.adu import Adu, Noise
from protocols.modbus.code import BROADCAST_UNIT, EXCEPTION
from protocols.modbus.length import NEED_MORE, UNKNOWN, request_length, response_length

FRAMING_BYTES: Final = 3
"""Unit and CRC around a PDU."""

FRAME_BYTES_MIN: Final = 4
FRAME_BYTES_MAX: Final = 256  # Modbus over Serial Line V1.02, RTU framing

CHARACTER_BITS: Final = 11
"""Start, eight data bits, parity or a second stop bit, stop."""

FAST_BAUD: Final = 19_200
"""Above this rate the specification fixes the silences."""

FAST_T15_US: Final = 750
FAST_T35_US: Final = 1_750

SLACK_US: Final = 20_000
"""What delivery may be late by: FTDI's latency timer is 16 ms, a busy scheduler a few more."""


def character_us(baud: int) -> int:
    """The time that one character takes on the wire."""
    return CHARACTER_BITS * 1_000_000 // baud


def t15_us(baud: int) -> int:
    """The longest silence within a frame."""
    return FAST_T15_US if baud > FAST_BAUD else 3 * CHARACTER_BITS * 500_000 // baud


def t35_us(baud: int) -> int:
    """The shortest silence between frames."""
    return FAST_T35_US if baud > FAST_BAUD else 7 * CHARACTER_BITS * 500_000 // baud


def encode_frame(unit: int, pdu: bytes) -> bytes:
    """The frame on the wire: unit, PDU, CRC with its low byte first."""
    frame = bytes((unit,)) + pdu
    return frame + crc16_modbus(frame).to_bytes(2, "little")


def crc_holds(frame: bytes | bytearray) -> bool:
    """Whether the last two bytes are the CRC of those before them."""
    return crc16_modbus(bytes(frame[:-2])) == frame[-2] | frame[-1] << 8


class RtuFramer(Layer[bytes, Adu]):
    """Bytes of one line below, `Adu`s and `Noise` above; survives any bytes.

    Args:
        role: "server" hands requests up, "client" answers.
        baud: the line's rate, or None where there is none (RTU over TCP): no silence is then kept before sending.
        slack_us: added to the silences of a receiver; 0 where time is exact.
    """

    def __init__(self, role: Literal["server", "client"], *, baud: int | None = None, slack_us: int = SLACK_US) -> None:
        self._server = role == "server"
        self._silence_us = (t35_us(baud) if baud else 0) + slack_us
        self._gap_us = (t15_us(baud) if baud else 0) + slack_us
        self._quiet_us = t35_us(baud) if baud else 0
        self._character_us = character_us(baud) if baud else 0
        self._buffer = bytearray()
        self._heard_us = -self._quiet_us
        self._lost = False
        self._expected: tuple[int, int] | None = None

    def deadline_us(self) -> int | None:
        """The end of the silence that would end what is buffered."""
        return self._heard_us + self._silence_us if self._buffer else None

    def on_deadline(self, now_us: int) -> None:
        """Silence: what is buffered is a frame of unknown length, or noise."""
        if self._buffer and now_us >= self._heard_us + self._silence_us:
            self._end_by_silence(now_us)

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take what the line delivered; its last character ended at `now_us`."""
        if self._buffer:
            gap_us = now_us - self._heard_us - len(item) * self._character_us
            if gap_us > self._gap_us:
                self._end_by_silence(now_us)
        self._heard_us = now_us
        self._buffer += item
        self._split(now_us)
        if len(self._buffer) > FRAME_BYTES_MAX:
            del self._buffer[:-FRAME_BYTES_MAX]  # a frame that ends in silence is among the newest bytes

    def from_above(self, item: Adu, now_us: int) -> None:
        """Frame an `Adu`; on a line it waits until 3.5 characters of silence have passed."""
        if self._server:
            self._expected = None  # answered from here: no other answer is to be heard
        else:
            self._buffer.clear()  # what was heard before the question is no answer to it
            self._expected = (item.unit, item.pdu[0])
        frame = encode_frame(item.unit, item.pdu)
        if self._quiet_us:
            self.below(Transmit(frame, self._heard_us + self._quiet_us), now_us)
        else:
            self.below(frame, now_us)

    def _split(self, now_us: int) -> None:
        while self._buffer and not self._lost:
            length, is_response = self._head()
            if length == NEED_MORE:
                return
            if length > 0:
                frame = bytes(self._buffer[:length])
                del self._buffer[:length]
                self._take(frame, now_us, is_response=is_response)
            elif self._server:
                self._lost = True  # only silence shows where a request begins
            else:
                del self._buffer[0]  # a client knows what it waits for and looks for it at once

    def _head(self) -> tuple[int, bool]:
        """The frame that stands at the head: its length and whether it is an answer, or NEED_MORE, or UNKNOWN."""
        buffer = self._buffer
        if len(buffer) < FRAME_BYTES_MIN:
            return NEED_MORE, False
        for is_response in self._order():
            predicted = (response_length if is_response else request_length)(buffer, 1)
            if predicted == NEED_MORE:
                return NEED_MORE, False
            length = predicted + FRAMING_BYTES
            if predicted == UNKNOWN or length > FRAME_BYTES_MAX:
                continue
            if len(buffer) < length:
                return NEED_MORE, False
            if crc_holds(buffer[:length]):
                return length, is_response
        return UNKNOWN, False

    def _order(self) -> tuple[bool, ...]:
        """What the frame at the head may be, the likeliest first: True for an answer, False for a request."""
        if not self._server:
            return (True,)
        return (True, False) if self._is_expected(self._buffer) else (False, True)

    def _is_expected(self, frame: bytes | bytearray) -> bool:
        return self._expected == (frame[0], frame[1] & ~EXCEPTION)

    def _take(self, frame: bytes, now_us: int, *, is_response: bool) -> None:
        if self._server:
            if is_response:
                self._expected = None
                return
            self._expected = None if frame[0] == BROADCAST_UNIT else (frame[0], frame[1])
        self.above(Adu(frame[0], frame[1:-2]), now_us)

    def _end_by_silence(self, now_us: int) -> None:
        """The line fell silent: a frame may have ended here, whatever stood before it."""
        heard = bytes(self._buffer)
        self._buffer.clear()
        self._lost = False
        for start in range(len(heard) - FRAME_BYTES_MIN + 1):
            frame = heard[start:]
            if not self._is_plausible(frame, first=start == 0) or not crc_holds(frame):
                continue
            is_response = not self._server or (
                self._is_expected(frame) and request_length(frame, 1) != len(frame) - FRAMING_BYTES
            )
            self._take(frame, now_us, is_response=is_response)
            return
        self.above(Noise("checksum" if len(heard) >= FRAME_BYTES_MIN else "length"), now_us)

    def _is_plausible(self, frame: bytes, *, first: bool) -> bool:
        """Between two silences any frame may stand; behind noise only one of the length that its function has."""
        if first:
            return True
        predict = request_length if self._server else response_length
        return predict(frame, 1) == len(frame) - FRAMING_BYTES
