"""Bytes to HDLC frames and back: flags found, lengths trusted only once the header's check sequence holds.

The framer survives any bytes. What it could not use it counts by reason in `dropped`. One flag may close a frame and
open the next; flags between frames are fill. How the stream is cut changes nothing but the inter-octet time-out.
"""

from collections import Counter
from collections.abc import Hashable
from typing import Final

from protocols.checksum import crc16_x25_holds
from protocols.hdlc.address import Address
from protocols.hdlc.frame import (
    FLAG,
    FLAG_OCTET,
    FORMAT_TYPE_3,
    FRAME_BYTES_MAX,
    FRAME_BYTES_MIN,
    HEADER_BYTES_MAX,
    KNOWN_BYTES_MIN,
    Drop,
    Frame,
    Kind,
    encode,
    header_size,
    read,
    read_known,
)
from protocols.machine import EVERYONE, Layer

INTER_OCTET_US: Final = 1_000_000
"""Silence inside a frame that ends it. Class 23 starts from 25 ms, but TCP and USB deliver octets in lumps."""

_new = tuple.__new__

_RESPONSES: Final = frozenset({Kind.UA, Kind.DM, Kind.FRMR})


class HdlcFramer(Layer[bytes, Frame]):
    """Bytes below, `Frame` above.

    It asks what is above it for an answer by what a `Frame` says, one after the other, and takes such a tuple.

    Args:
        frame_bytes_max: the longest frame taken, flags not counted.
        inter_octet_us: silence inside a frame that ends it, or None to wait for ever.

    Attributes:
        dropped: what was not used, by reason: octets for `Drop.GARBAGE`, beginnings of frames for all others.
    """

    __slots__ = (
        "_deadline_us",
        "_flagged",
        "_frame_bytes_max",
        "_header_sound",
        "_held",
        "_inter_octet_us",
        "dropped",
    )

    def __init__(self, *, frame_bytes_max: int = FRAME_BYTES_MAX, inter_octet_us: int | None = INTER_OCTET_US) -> None:
        self.dropped: Counter[Drop] = Counter()
        self._frame_bytes_max = min(frame_bytes_max, FRAME_BYTES_MAX)
        self._inter_octet_us = inter_octet_us
        self._held = bytearray()  # from the flag that may open a frame
        self._flagged = False  # nothing is held but a flag, which closed the last frame and may open the next
        self._header_sound = False  # of the frame that `_held` begins with
        self._deadline_us: int | None = None

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take any cut of the stream."""
        if not self._held:
            length = len(item) - 2
            if KNOWN_BYTES_MIN <= length <= self._frame_bytes_max:
                known = read_known(item)
                if known is not None:
                    self._flagged = True
                    destination, source, control, information, segmented = known
                    answer = self.ask(destination, source, control, information, segmented, now_us)
                    if answer is None:
                        self.above(_new(Frame, known), now_us)
                    elif answer:
                        self.below(encode(answer), now_us)
                    return
            if (
                FRAME_BYTES_MIN <= length <= self._frame_bytes_max
                and item[0] == FLAG == item[-1]
                and item[1] & 7 == length >> 8
                and item[2] == length & 0xFF
            ):
                # One frame in one piece, which is what arrives between requests.
                frame = read(item[1:-1])
                if type(frame) is Frame:
                    self._flagged = True
                    self.above(frame, now_us)
                    return
            if self._flagged:
                self._held += FLAG_OCTET
                self._flagged = False
        self._held += item
        self._split(now_us)

    def from_above(self, item: Frame, now_us: int) -> None:
        """Put one frame between its flags."""
        self.below(encode(item), now_us)

    def eof(self, reason: str, now_us: int) -> None:
        """Forget half a frame."""
        self._held.clear()
        self._deadline_us = None

    def deadline_us(self) -> int | None:
        """When silence inside a frame ends it."""
        return self._deadline_us

    def on_deadline(self, now_us: int) -> None:
        """Give up the frame that has begun, and find what it may have swallowed."""
        if self._deadline_us is None or now_us < self._deadline_us:
            return
        while self._held:
            self.dropped[Drop.INTER_OCTET] += 1
            del self._held[:1]
            self._header_sound = False
            self._split(now_us)

    def _split(self, now_us: int) -> None:
        held, at = self._held, 0
        while (at := self._hunt(at)) + 2 < len(held):
            length = (held[at + 1] & 7) << 8 | held[at + 2]
            found = self._candidate(at, length)
            if found is None:
                break
            self._header_sound = False
            if isinstance(found, Frame):
                at += 1 + length
                self.above(found, now_us)
                continue
            self.dropped[found] += 1
            # The header held and the closing flag stands: what is in between is that frame's, whatever it looks like.
            at += 1 + length if found is Drop.BAD_FCS else 1
        del held[:at]
        if held == FLAG_OCTET:
            held.clear()
            self._flagged = True
        self._deadline_us = now_us + self._inter_octet_us if held and self._inter_octet_us is not None else None

    def _hunt(self, at: int) -> int:
        """Where the next frame may begin: at the last of a run of flags, or at the end."""
        held = self._held
        if at < len(held) and held[at] != FLAG:
            flag = held.find(FLAG_OCTET, at)
            start, at = at, len(held) if flag < 0 else flag
            self.dropped[Drop.GARBAGE] += at - start
        while at + 1 < len(held) and held[at + 1] == FLAG:
            at += 1
        return at

    def _candidate(self, at: int, length: int) -> Frame | Drop | None:
        """The frame behind the flag at `at`, or why there is none, or None while that can't be said."""
        held, start = self._held, at + 1
        if held[start] >> 4 != FORMAT_TYPE_3 or length < FRAME_BYTES_MIN:
            return Drop.BAD_FORMAT
        if length > self._frame_bytes_max:
            return Drop.OVERSIZED
        present = len(held) - start
        complete = present > length
        if complete and held[start + length] == FLAG:
            return read(bytes(held[start : start + length]))
        if not complete and (self._header_sound or present < HEADER_BYTES_MAX):
            return None
        header = bytes(held[start : start + HEADER_BYTES_MAX])
        size = header_size(header, 0, length)
        if not size:
            return Drop.BAD_ADDRESS
        if size + 2 < length and not crc16_x25_holds(header[: size + 2]):
            return Drop.BAD_HCS
        self._header_sound = not complete
        return Drop.NO_CLOSING_FLAG if complete else None


def destination(frame: Frame) -> Hashable | None:
    """The station a command is for, as `Bus` wants its `route` where the stations are servers.

    By its physical address, or by all there is of a one-octet address; `EVERYONE` for the all-station address, None
    for the no-station address and for what another station answers (a longer source, or a kind only servers send).
    """
    address = Address.from_bytes(frame.destination)
    if len(frame.source) > 1 or frame.kind in _RESPONSES or address.is_no_station:
        return None
    return EVERYONE if address.is_all_station else address.station


def source(frame: Frame) -> Hashable | None:
    """The station a response is from, as `Bus` wants its `route` where the stations are conversations of a primary."""
    return Address.from_bytes(frame.source).station
