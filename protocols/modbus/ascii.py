"""Modbus ASCII: a colon, pairs of hexadecimal digits with an LRC at their end, carriage return and line feed.

A colon always begins a frame, whatever stood before, so noise costs at most the frame that it hits. A server on a
shared line hears the other servers too; what has the shape of an answer that is expected of another is not a request.
"""

from typing import Final, Literal

from protocols.checksum import lrc
from protocols.machine import Layer
from protocols.modbus.adu import Adu, Noise
from protocols.modbus.code import BROADCAST_UNIT, EXCEPTION
from protocols.modbus.length import request_length, response_length

FRAME_CHARACTERS_MAX: Final = 513  # Modbus over Serial Line V1.02, ASCII framing
OCTETS_MIN: Final = 3
"""Unit, function code and LRC."""

CHARACTER_TIMEOUT_US: Final = 1_000_000
"""The longest pause between two characters of a frame."""

_COLON: Final = 0x3A
_LINE_FEED: Final = 0x0A


def encode_frame(unit: int, pdu: bytes) -> bytes:
    r"""The frame on the wire.

    >>> encode_frame(17, bytes.fromhex("03006B0003"))
    b':1103006B00037E\r\n'
    """
    octets = bytes((unit,)) + pdu
    return b":" + (octets + bytes((lrc(octets),))).hex().upper().encode() + b"\r\n"


class AsciiFramer(Layer[bytes, Adu]):
    """Bytes of one line below, `Adu`s and `Noise` above; survives any bytes.

    Args:
        role: "server" hands requests up, "client" answers.
    """

    def __init__(self, role: Literal["server", "client"]) -> None:
        self._server = role == "server"
        self._frame: bytearray | None = None
        self._heard_us = 0
        self._expected: tuple[int, int] | None = None

    def deadline_us(self) -> int | None:
        """When a frame that has stopped in the middle is given up."""
        return None if self._frame is None else self._heard_us + CHARACTER_TIMEOUT_US

    def on_deadline(self, now_us: int) -> None:
        """A second of silence within a frame ends it."""
        if self._frame is not None and now_us >= self._heard_us + CHARACTER_TIMEOUT_US:
            self._give_up("incomplete", now_us)

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take what the line delivered."""
        self.on_deadline(now_us)
        self._heard_us = now_us
        for character in item:
            if character == _COLON:
                if self._frame:
                    self._give_up("incomplete", now_us)
                self._frame = bytearray()
            elif self._frame is not None:
                self._frame.append(character)
                if character == _LINE_FEED:
                    frame, self._frame = bytes(self._frame), None
                    self._take(frame, now_us)
                elif len(self._frame) >= FRAME_CHARACTERS_MAX:
                    self._give_up("length", now_us)

    def from_above(self, item: Adu, now_us: int) -> None:
        """Frame an `Adu`."""
        if self._server:
            self._expected = None  # answered from here: no other answer is to be heard
        else:
            self._frame = None  # what was heard before the question is no answer to it
        self.below(encode_frame(item.unit, item.pdu), now_us)

    def _give_up(self, reason: str, now_us: int) -> None:
        self._frame = None
        self.above(Noise(reason), now_us)

    def _take(self, frame: bytes, now_us: int) -> None:
        octets = _octets(frame)
        if octets is None or len(octets) < OCTETS_MIN:
            self.above(Noise("length"), now_us)
            return
        if lrc(octets[:-1]) != octets[-1]:
            self.above(Noise("checksum"), now_us)
            return
        unit, pdu = octets[0], octets[1:-1]
        if self._server:
            if self._is_answer(unit, pdu):
                self._expected = None
                return
            self._expected = None if unit == BROADCAST_UNIT else (unit, pdu[0])
        self.above(Adu(unit, pdu), now_us)

    def _is_answer(self, unit: int, pdu: bytes) -> bool:
        """Whether this is another server's answer: one is expected, and this has its shape.

        A write and its answer may be alike to the letter; then it is the answer, since servers answer first.
        """
        if self._expected != (unit, pdu[0] & ~EXCEPTION):
            return False
        return response_length(pdu) == len(pdu) or request_length(pdu) != len(pdu)


def _octets(frame: bytes) -> bytes | None:
    """The octets between colon and line end, or None for anything but pairs of digits before a carriage return."""
    if not frame.endswith(b"\r\n"):
        return None
    digits = frame[:-2]
    if not digits.isalnum():
        return None
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None
