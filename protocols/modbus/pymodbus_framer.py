"""pymodbus's framers as a layer: bytes of one carrier below, `Adu`s above, client role.

pymodbus takes a buffer and says how much of it was a frame. What it leaves open is settled here: RTU bytes that cannot
begin the awaited answer are skipped one by one instead of thrown away together, those behind a frame are kept for the
next, another one's frame is told from noise, buffers are bounded, whatever it raises on garbage is noise, a local echo
of the adapter is taken out, and on TCP a header that makes no sense ends the connection.
"""

from typing import Final, Literal

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerAscii, FramerBase, FramerRTU, FramerSocket

from protocols.checksum import crc16_modbus
from protocols.errors import RemoteProtocolError
from protocols.machine import Layer, Transmit
from protocols.modbus import ascii as modbus_ascii
from protocols.modbus import rtu, tcp
from protocols.modbus.adu import Adu, Noise
from protocols.modbus.code import BROADCAST_UNIT, EXCEPTION
from protocols.modbus.pymodbus_pdu import DECODER

Framing = Literal["tcp", "rtu", "ascii"]

_FRAMERS: Final[dict[Framing, type[FramerBase]]] = {"tcp": FramerSocket, "rtu": FramerRTU, "ascii": FramerAscii}

_BYTES_MAX: Final[dict[Framing, int]] = {
    "tcp": tcp.HEADER_BYTES + tcp.LENGTH_MAX,
    "rtu": rtu.FRAME_BYTES_MAX,
    "ascii": modbus_ascii.FRAME_CHARACTERS_MAX,
}

RESPONSE_LENGTH_MIN: Final = 3
"""Unit, function code and at least one byte: no response is shorter (pymodbus takes a shorter one for two)."""

CHECKSUM: Final = "checksum"
"""What noise is called that is no frame at all."""

ECHO: Final = "echo"
"""What the client's own request is called that comes back from the adapter."""

ECHOED_BY_SERVERS: Final = frozenset((5, 6, 8, 21, 22))
"""Functions whose normal answer is the request again: an echo of the adapter looks the same."""

_GLITCH_BYTES_MAX: Final = 2
"""What a transceiver that turns around may put before an echo."""


class PymodbusFramer(Layer[bytes, Adu]):
    """The client's side of one framing.

    Args:
        framing: "tcp", "rtu" or "ascii".
        baud: the line's rate, whose silence of 3.5 characters is kept before a request; None where there is no line.
        local_echo: whether the adapter lets a client hear itself, as far as it is known. What comes back of a read
            settles it, since no answer to a read looks like its question.

    Attributes:
        echo: the same, as far as it is known now.
    """

    def __init__(self, framing: Framing, *, baud: int | None = None, local_echo: bool | None = None) -> None:
        self._framing: Framing = framing
        self._framer = _FRAMERS[framing](DECODER)
        self._bytes_max = _BYTES_MAX[framing]
        self._quiet_us = rtu.t35_us(baud) if baud and framing == "rtu" else 0
        self._heard_us = -self._quiet_us
        self._buffer = b""
        self._sent: bytes | None = None
        self.echo = False if framing == "tcp" else local_echo
        self._expected: tuple[int, int] | None = None
        self._dropped = CHECKSUM

    def from_above(self, item: Adu, now_us: int) -> None:
        """Frame a request; on a line, what was heard before it is no answer to it."""
        frame = self._framer.encode(item.pdu, item.unit, item.transaction)
        if self._framing != "tcp":
            self._buffer = b""
            self._expected = (item.unit, item.pdu[0])
            self._sent = frame
        if self._quiet_us:
            self.below(Transmit(frame, self._heard_us + self._quiet_us), now_us)
        else:
            self.below(frame, now_us)

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take what the carrier delivered."""
        self._heard_us = now_us
        self._buffer += item
        if self._sent is not None and not self._echo_is_out(now_us):
            return
        while self._buffer:
            before = len(self._buffer)
            adu = self._next()
            if adu is not None:
                self._heard_no_echo(adu)
                self.above(adu, now_us)
            elif len(self._buffer) == before:
                if before > 1 and self._framing != "tcp":
                    self.above(Noise("incomplete"), now_us)  # what it is called should nothing more come
                return
            else:
                self.above(Noise(self._dropped), now_us)
                self._dropped = CHECKSUM

    def _echo_is_out(self, now_us: int) -> bool:
        """Take the adapter's echo out of the buffer; False while it may still be coming."""
        sent, buffer = self._sent or b"", self._buffer
        at = buffer.find(sent, 0, len(sent) + _GLITCH_BYTES_MAX)
        if at >= 0 and not (self._may_be_answer() and not self.echo):
            self.echo, self._sent = True, None
            self._buffer = buffer[at + len(sent) :]
            self.above(Noise(ECHO), now_us)
        elif at < 0 and any(
            sent.startswith(buffer[start:]) for start in range(min(len(buffer), _GLITCH_BYTES_MAX + 1))
        ):
            if len(buffer) > 1:
                self.above(Noise("incomplete"), now_us)
            return False
        return True

    def _may_be_answer(self) -> bool:
        """Whether a server may answer with what was sent; nobody answers a broadcast."""
        unit, function = self._expected or (0, 0)
        return function in ECHOED_BY_SERVERS and unit != BROADCAST_UNIT

    def _heard_no_echo(self, adu: Adu) -> None:
        """An answer that came with no echo before it says that there is none; to some writes it says nothing."""
        awaited = (adu.unit, adu.pdu[0] & ~EXCEPTION) == self._expected
        if awaited and self._sent is not None and not self._may_be_answer():
            self.echo, self._sent = False, None

    def _next(self) -> Adu | None:
        """The next frame, taken from the buffer; or None, with a shorter buffer after noise, or as it was."""
        if self._framing == "rtu" and not self._skip_to_answer():
            return None
        if self._framing == "tcp":
            self._check_header()
        try:
            used, unit, transaction, pdu = self._framer.decode(self._buffer)
        except (ModbusException, ValueError, IndexError):
            used, unit, transaction, pdu = 0, 0, 0, b""
            self._buffer = self._buffer[1:]
        if pdu and used:
            if self._framing == "rtu":  # pymodbus counts what is behind the frame to it
                used = self._buffer.find(bytes((unit,)) + pdu) + len(pdu) + rtu.FRAMING_BYTES
            self._buffer = self._buffer[used:]
            return Adu(unit, bytes(pdu), transaction)
        if self._framing == "rtu" and used:
            self._buffer = self._buffer[1:]  # pymodbus would drop all of it for one wrong CRC
        elif used:
            self._buffer = self._buffer[used:]
        elif len(self._buffer) > self._bytes_max:
            self._buffer = self._buffer[1:]
        return None

    def _skip_to_answer(self) -> bool:
        """Drop what cannot begin the awaited answer: its unit, and its function with or without the exception bit."""
        if self._expected is None:
            self._buffer = b""
            return False
        unit, function = self._expected
        heads = (bytes((unit, function)), bytes((unit, function | EXCEPTION)))
        buffer = self._buffer
        found = [at for at in (buffer.find(head) for head in heads) if at >= 0]
        last = len(buffer) - 1 if buffer.endswith(bytes((unit,))) else len(buffer)
        first = min(found, default=last)
        if first and _is_whole(buffer[:first]):
            self._dropped = "function" if buffer[0] == unit else "unit"
        self._buffer = buffer[first:]
        return bool(found)

    def _check_header(self) -> None:
        if len(self._buffer) < tcp.HEADER_BYTES:
            return
        _, protocol, length, _ = tcp.HEADER.unpack_from(self._buffer)
        if protocol or not RESPONSE_LENGTH_MIN <= length <= tcp.LENGTH_MAX:
            msg = f"no MBAP header: protocol identifier {protocol}, length {length}"
            raise RemoteProtocolError(msg)


def _is_whole(data: bytes) -> bool:
    """Whether these bytes are an RTU frame, of whomever."""
    return len(data) >= rtu.FRAME_BYTES_MIN and crc16_modbus(data[:-2]) == int.from_bytes(data[-2:], "little")
