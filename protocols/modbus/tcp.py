"""Modbus TCP: the MBAP header of seven bytes before each PDU.

Both roles are alike: a header in, an `Adu` up; an `Adu` down, a header out. Pipelined requests come up one by one with
their transaction identifiers. A stream whose header makes no sense cannot be found again, so it is closed.
"""

from struct import Struct
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.machine import Layer
from protocols.modbus.adu import Adu, make_adu
from protocols.modbus.code import PDU_BYTES_MAX

HEADER: Final = Struct(">HHHB")
"""Transaction identifier, protocol identifier (0 for Modbus), bytes that follow, unit identifier."""

HEADER_BYTES: Final = 7
LENGTH_MIN: Final = 2
LENGTH_MAX: Final = PDU_BYTES_MAX + 1

FRAME_BYTES_MAX: Final = 6 + LENGTH_MAX

_unpack = HEADER.unpack_from
_pack = HEADER.pack


class TcpFramer(Layer[bytes, Adu]):
    """Bytes of one connection below, `Adu`s above."""

    def __init__(self) -> None:
        self.held = b""
        """The part of a frame whose rest has not come."""

    def from_below(self, item: bytes, now_us: int) -> None:
        """Split what came; raises `RemoteProtocolError` for a header that is no MBAP header."""
        end = len(item)
        if not self.held and end > HEADER_BYTES:
            transaction, protocol, length, unit = _unpack(item)
            if end == length + 6 and not protocol and end <= FRAME_BYTES_MAX:  # one whole frame, as nearly always
                self.above(make_adu((unit, item[7:], transaction)), now_us)
                return
        self._split(self.held + item, now_us)

    def _split(self, item: bytes, now_us: int) -> None:
        self.held = b""
        at, end = 0, len(item)
        while end - at >= HEADER_BYTES:
            transaction, protocol, length, unit = _unpack(item, at)
            if protocol or not LENGTH_MIN <= length <= LENGTH_MAX:
                msg = f"no MBAP header: protocol identifier {protocol}, length {length}"
                raise RemoteProtocolError(msg)
            until = at + 6 + length
            if until > end:
                break
            self.above(make_adu((unit, item[at + 7 : until], transaction)), now_us)
            at = until
        if at < end:
            self.held = bytes(item[at:])

    def from_above(self, item: Adu, now_us: int) -> None:
        """Put the header before a PDU."""
        unit, pdu, transaction = item
        self.below(_pack(transaction, 0, len(pdu) + 1, unit) + pdu, now_us)
