"""One HDLC frame of format type 3: what stands between two flags (IEC 62056-46).

Format (two octets: type 1010, segmentation bit, eleven bits of length), destination, source, control, and, only where
there is information, a check sequence of the header, then the information, then the check sequence of it all. The
length counts everything but the flags. There is no octet stuffing: the length says where the closing flag must be.
"""

from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from protocols.checksum import crc16_x25_holds, crc16_x25_holds_on, crc16_x25_octets, crc16_x25_octets_on
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hdlc.address import field_size

FLAG: Final = 0x7E
FLAG_OCTET: Final = b"\x7e"
FORMAT_TYPE_3: Final = 0xA
SEGMENTED: Final = 0x0800
FRAME_BYTES_MAX: Final = 0x7FF  # eleven bits of length
FRAME_BYTES_MIN: Final = 7  # format 2, addresses 1 and 1, control 1, FCS 2
HEADER_BYTES_MAX: Final = 13  # format 2, addresses 4 and 4, control 1, HCS 2
POLL_FINAL: Final = 0x10

HEADS_KEPT: Final = 4096  # of a conversation there are some dozens: eight by eight sequence numbers, a few lengths


class Kind(IntEnum):
    """What a control octet says; integers, because they key the state tables on the hot path."""

    INFORMATION = 0
    RR = 1
    RNR = 2
    SNRM = 3
    DISC = 4
    UI = 5
    UA = 6
    DM = 7
    FRMR = 8
    UNKNOWN = 9


UNNUMBERED: Final = {
    Kind.SNRM: 0x83,
    Kind.DISC: 0x43,
    Kind.UI: 0x03,
    Kind.UA: 0x63,
    Kind.DM: 0x0F,
    Kind.FRMR: 0x87,
}
"""Control octets of the unnumbered kinds, the poll/final bit clear."""

_UNNUMBERED_KINDS: Final = {octet: kind for kind, octet in UNNUMBERED.items()}


def _kind(control: int) -> Kind:
    if not control & 1:
        return Kind.INFORMATION
    if control & 0xF == 0x1:
        return Kind.RR
    if control & 0xF == 0x5:
        return Kind.RNR
    return _UNNUMBERED_KINDS.get(control & ~POLL_FINAL, Kind.UNKNOWN)


KINDS: Final = tuple(_kind(control) for control in range(256))
"""The kind of each control octet."""


def information_control(send: int, receive: int, *, poll_final: bool) -> int:
    """The control octet of an I frame with N(S) and N(R)."""
    return receive << 5 | (POLL_FINAL if poll_final else 0) | send << 1


def supervisory_control(kind: Kind, receive: int, *, poll_final: bool) -> int:
    """The control octet of RR or RNR with N(R)."""
    return receive << 5 | (POLL_FINAL if poll_final else 0) | (0x5 if kind is Kind.RNR else 0x1)


def unnumbered_control(kind: Kind, *, poll_final: bool) -> int:
    """The control octet of an unnumbered frame."""
    return UNNUMBERED[kind] | (POLL_FINAL if poll_final else 0)


class Frame(NamedTuple):
    """One frame; the addresses are the fields as they stand on the wire (`Address.from_bytes` reads them)."""

    destination: bytes
    source: bytes
    control: int
    information: bytes = b""
    segmented: bool = False

    @property
    def kind(self) -> Kind:
        """What the control octet says."""
        return KINDS[self.control]

    @property
    def poll_final(self) -> bool:
        """The poll bit of a command, the final bit of a response."""
        return self.control & POLL_FINAL != 0

    @property
    def send_sequence(self) -> int:
        """N(S) of an I frame."""
        return self.control >> 1 & 7

    @property
    def receive_sequence(self) -> int:
        """N(R) of an I, RR or RNR frame."""
        return self.control >> 5


class Drop(Enum):
    """Why octets did not become a frame."""

    GARBAGE = "octets outside any frame"
    BAD_FORMAT = "a format field of another type than 3, or an impossible length"
    OVERSIZED = "longer than we take"
    BAD_ADDRESS = "an address field that does not end where it may"
    BAD_HCS = "the header's check sequence does not hold"
    BAD_FCS = "the frame's check sequence does not hold"
    NO_CLOSING_FLAG = "no flag where the length says the frame ends"
    INTER_OCTET = "silence inside a frame"


_new = tuple.__new__  # half the cost of Frame(...), and this runs for every frame


def header_size(data: bytes, at: int, length: int) -> int:
    """Octets from the format field that begins at `at` through the control octet; 0 if the addresses are impossible.

    `data` holds the whole frame or at least `HEADER_BYTES_MAX` octets of it.
    """
    destination = field_size(data, at + 2)
    source = field_size(data, at + 2 + destination) if destination else 0
    size = 3 + destination + source
    return size if source and size + 2 <= length else 0


def read(body: bytes) -> Frame | Drop:
    """What stands between two flags, or why it is no frame."""
    length = len(body)
    if length < FRAME_BYTES_MIN or (body[0] & 7) << 8 | body[1] != length or body[0] >> 4 != FORMAT_TYPE_3:
        return Drop.BAD_FORMAT
    # The form nearly every frame has, one octet each, without two calls.
    source_at = 3 if body[2] & 1 else 2 + field_size(body, 2)
    size = source_at + 2 if source_at == 3 and body[3] & 1 else header_size(body, 0, length)
    if not size or size + 2 > length:
        return Drop.BAD_ADDRESS
    if size + 2 != length and not crc16_x25_holds(body[: size + 2]):
        return Drop.BAD_HCS
    if not crc16_x25_holds(body):
        return Drop.BAD_FCS
    frame = Frame(body[2:source_at], body[source_at : size - 1], body[size - 1], body[size + 2 : -2], body[0] & 8 != 0)
    if frame.information:
        if len(_SOUND_HEADS) >= HEADS_KEPT:
            _SOUND_HEADS.clear()
        _SOUND_HEADS[body[: size + 2]] = (length, frame.destination, frame.source, frame.control, frame.segmented)
    return frame


_SOUND_HEADS: Final[dict[bytes, tuple[int, bytes, bytes, int, bool]]] = {}
"""Headers with their check sequence that were found to be sound, and what they say; see `read_known`."""

KNOWN_BYTES_MIN: Final = HEADER_BYTES_MAX + 4
"""Two flags, the longest header and a check sequence: no index of `read_known` can be beyond."""


def read_known(data: bytes) -> tuple[bytes, bytes, int, bytes, bool] | None:
    """What a frame with information says, in the order of `Frame`, whose header was seen before; else None.

    Such a header needs no reading, and what follows it is checked without beginning anew: behind a sound check
    sequence the sum is always the same.

    Args:
        data: the frame with its two flags, or any other octets; at least `KNOWN_BYTES_MIN`.
    """
    at = 4 if data[3] & 1 else 5 if data[4] & 1 else 7
    at += 4 if data[at] & 1 else 5 if data[at + 1] & 1 else 7
    head = _SOUND_HEADS.get(data[1:at])
    if head is None or not data[0] == FLAG == data[-1]:
        return None
    length, destination, source, control, segmented = head
    rest = data[at:-1]
    if length != len(data) - 2 or not crc16_x25_holds_on(rest):
        return None
    return destination, source, control, rest[:-2], segmented


def decode(data: bytes) -> Frame:
    """Read one frame with its two flags.

    Raises:
        RemoteProtocolError: it is not exactly one sound frame.
    """
    if len(data) < FRAME_BYTES_MIN + 2 or data[0] != FLAG or data[-1] != FLAG:
        raise RemoteProtocolError("an HDLC frame stands between two flags")
    frame = read(bytes(data[1:-1]))
    if isinstance(frame, Drop):
        raise RemoteProtocolError(f"not an HDLC frame: {frame.value}")
    return frame


def encode(frame: tuple[bytes, bytes, int, bytes, bool]) -> bytes:
    """One frame with its two flags; a plain tuple does as well.

    Raises:
        LocalProtocolError: it is longer than the length field can say.
    """
    destination, source, control, information, segmented = frame
    head = _head(destination, source, control, len(information), segmented)
    if information:
        return b"".join((head, information, crc16_x25_octets_on(information), FLAG_OCTET))
    return b"".join((head, crc16_x25_octets(head[1:]), FLAG_OCTET))


@lru_cache(maxsize=HEADS_KEPT)
def _head(destination: bytes, source: bytes, control: int, information_bytes: int, segmented: bool) -> bytes:  # noqa: FBT001 (a cache is faster without keywords)
    """Opening flag, header and, if there will be information, the header's check sequence."""
    length = 5 + len(destination) + len(source)
    if information_bytes:
        length += 2 + information_bytes
    if length > FRAME_BYTES_MAX:
        raise LocalProtocolError(f"an HDLC frame of {length} octets, where {FRAME_BYTES_MAX} is the longest")
    form = FORMAT_TYPE_3 << 12 | (SEGMENTED if segmented else 0) | length
    body = b"%b%b%b%c" % (form.to_bytes(2, "big"), destination, source, control)
    return b"~%b%b" % (body, crc16_x25_octets(body)) if information_bytes else b"~" + body
