"""General block transfer (GBT): any APDU cut into numbered blocks, sent in windows, asked for again where lost.

Both sides count their own blocks from 1 for one exchange (a request and its answer), and say with every block how
far they have the other's without a hole, and how many they take in one go. All blocks of a window but the last are
marked as streaming; the last one hands the turn over. A block without data is only an acknowledgement. Blocks stay
with their sender until the exchange is over, so whatever is asked for again is there.

The requester keeps the time: when nothing comes it repeats its last word (`repeat`), and the other side goes on from
there. The responder has no timer and never repeats anything unasked.
"""

from enum import Enum
from typing import Final, NamedTuple

from protocols.dlms.axdr import decode_length, encode_length
from protocols.dlms.block import ASSEMBLED_OCTETS_MAX
from protocols.errors import LocalProtocolError, RemoteProtocolError

TAG: Final = 0xE0
HEADER_OCTETS: Final = 6
"""Tag, block control, block number, block number acknowledged; the length of the data follows."""
WINDOW_MAX: Final = 63
"""The window field has six bits."""
BLOCK_NUMBER_MAX: Final = 0xFFFF
NOTHING_ACKNOWLEDGED: Final = 0xFFFF
"""What a widespread client writes from its third block of a request on, where 0 would be right."""
UNLIMITED_BLOCK_OCTETS: Final = 1024
"""The data of one block where the other side sets no limit to an APDU."""


class GeneralBlock(NamedTuple):
    """One general-block-transfer APDU.

    Attributes:
        last: nothing of this side's APDU follows.
        streaming: more blocks of this window follow; False hands the turn over.
        window: how many blocks this side takes in one go.
        number: this side's count.
        acknowledged: the last of the other side's blocks that is there without a hole before it.
        data: a piece of the APDU; empty for an acknowledgement alone.
    """

    last: bool
    streaming: bool
    window: int
    number: int
    acknowledged: int
    data: bytes

    def encode(self) -> bytes:
        """The APDU's octets."""
        control = self.last << 7 | self.streaming << 6 | self.window
        numbers = self.number << 16 | self.acknowledged
        return bytes((TAG, control)) + numbers.to_bytes(4, "big") + encode_length(len(self.data)) + self.data


def decode_general_block(apdu: bytes) -> GeneralBlock:
    """Read one general-block-transfer APDU.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    if len(apdu) <= HEADER_OCTETS or apdu[0] != TAG:
        raise RemoteProtocolError("a general block transfer APDU ends within its header")
    length, start = decode_length(apdu, HEADER_OCTETS)
    if start + length != len(apdu):
        raise RemoteProtocolError("the data of a general block does not fill its APDU")
    control = apdu[1]
    return GeneralBlock(
        bool(control & 0x80),
        bool(control & 0x40),
        control & WINDOW_MAX,
        int.from_bytes(apdu[2:4], "big"),
        int.from_bytes(apdu[4:6], "big"),
        apdu[start:],
    )


def block_octets(apdu_octets_max: int) -> int:
    """How much data one block carries where an APDU may have `apdu_octets_max` octets (0: no limit)."""
    if apdu_octets_max == 0:
        return UNLIMITED_BLOCK_OCTETS
    room = apdu_octets_max - HEADER_OCTETS
    for length_octets, largest in ((1, 0x7F), (2, 0xFF), (3, 0xFFFF)):
        if room - length_octets <= largest:
            return max(1, room - length_octets)
    return 0xFFFF


class GbtState(Enum):
    """Where one exchange stands, for the side that looks at it."""

    IDLE = "no exchange in blocks"
    SENDING = "our APDU leaves"
    RECEIVING = "the other side's APDU arrives"
    WHOLE = "the request is here, its answer not yet ready"


class GbtEvent(Enum):
    """What happens to an exchange."""

    SEND = "an APDU of ours is to leave in blocks"
    ACKNOWLEDGEMENT = "a block without data"
    BLOCK = "a block with data"
    LAST = "the block that makes the other side's APDU whole"
    ALL_ACKNOWLEDGED = "the other side has the last block of our answer"
    RESET = "the exchange is over or given up"


REQUESTER: Final = {
    (GbtState.IDLE, GbtEvent.SEND): GbtState.SENDING,
    (GbtState.IDLE, GbtEvent.BLOCK): GbtState.RECEIVING,
    (GbtState.IDLE, GbtEvent.LAST): GbtState.IDLE,
    (GbtState.SENDING, GbtEvent.ACKNOWLEDGEMENT): GbtState.SENDING,
    (GbtState.SENDING, GbtEvent.BLOCK): GbtState.RECEIVING,
    (GbtState.SENDING, GbtEvent.LAST): GbtState.IDLE,
    (GbtState.RECEIVING, GbtEvent.ACKNOWLEDGEMENT): GbtState.RECEIVING,
    (GbtState.RECEIVING, GbtEvent.BLOCK): GbtState.RECEIVING,
    (GbtState.RECEIVING, GbtEvent.LAST): GbtState.IDLE,
} | {(state, GbtEvent.RESET): GbtState.IDLE for state in GbtState}
"""(state, event) -> state of the side that asks; a missing pair is ignored and changes nothing."""

RESPONDER: Final = {
    (GbtState.IDLE, GbtEvent.SEND): GbtState.SENDING,
    (GbtState.IDLE, GbtEvent.BLOCK): GbtState.RECEIVING,
    (GbtState.IDLE, GbtEvent.LAST): GbtState.WHOLE,
    (GbtState.RECEIVING, GbtEvent.ACKNOWLEDGEMENT): GbtState.RECEIVING,
    (GbtState.RECEIVING, GbtEvent.BLOCK): GbtState.RECEIVING,
    (GbtState.RECEIVING, GbtEvent.LAST): GbtState.WHOLE,
    (GbtState.WHOLE, GbtEvent.SEND): GbtState.SENDING,
    (GbtState.WHOLE, GbtEvent.ACKNOWLEDGEMENT): GbtState.WHOLE,
    (GbtState.WHOLE, GbtEvent.BLOCK): GbtState.WHOLE,
    (GbtState.SENDING, GbtEvent.ACKNOWLEDGEMENT): GbtState.SENDING,
    (GbtState.SENDING, GbtEvent.BLOCK): GbtState.SENDING,
    (GbtState.SENDING, GbtEvent.ALL_ACKNOWLEDGED): GbtState.IDLE,
} | {(state, GbtEvent.RESET): GbtState.IDLE for state in GbtState}
"""(state, event) -> state of the side that answers; a missing pair is ignored and changes nothing."""


class GeneralBlockTransfer:
    """One side of one exchange at a time.

    Args:
        requester: whether we ask and the other side answers.
        window: how many blocks we take in one go, 1 to 63.
        octets_max: the longest APDU we put together.
    """

    __slots__ = (
        "_acknowledged",
        "_first",
        "_held",
        "_last",
        "_octets",
        "_octets_max",
        "_out",
        "_parts",
        "_peer_has",
        "_peer_window",
        "_requester",
        "_sent",
        "_table",
        "_theirs",
        "state",
        "window",
    )

    def __init__(self, *, requester: bool, window: int = 8, octets_max: int = ASSEMBLED_OCTETS_MAX) -> None:
        if not 1 <= window <= WINDOW_MAX:
            raise LocalProtocolError(f"a window of {window} blocks, where 1 to {WINDOW_MAX} can be said")
        self.window = window
        self._requester = requester
        self._table = REQUESTER if requester else RESPONDER
        self._octets_max = octets_max
        self.reset()

    def reset(self) -> None:
        """The exchange is over or given up; the next one counts from 1."""
        self.state = GbtState.IDLE
        self._out: list[bytes] = []  # our APDU, cut
        self._first = 1  # the number of its first block
        self._sent = 0  # the highest number sent
        self._peer_has = 0  # the last number of ours that the other side has
        self._peer_window = 1  # not known before its first block
        self._theirs = 0  # the last number of theirs that is here without a hole
        self._acknowledged = 0  # what our last block said of that
        self._parts: list[bytes] = []
        self._octets = 0
        self._held: dict[int, bytes] = {}  # beyond a hole
        self._last: int | None = None  # the number of their last block, once seen

    def _step(self, event: GbtEvent) -> bool:
        state = self._table.get((self.state, event))
        if state is None:
            return False
        self.state = state
        return True

    @property
    def received_octets(self) -> int:
        """How much of the other side's APDU is here without a hole."""
        return self._octets

    @property
    def progress(self) -> int:
        """A number that grows whenever the exchange gets on, and not with what merely comes again."""
        return self._theirs + len(self._held) + self._peer_has

    def send(self, apdu: bytes, apdu_octets_max: int) -> list[GeneralBlock]:
        """Begin to send an APDU: the request of a new exchange, or the answer of the one under way.

        Raises:
            LocalProtocolError: it has more blocks than can be counted.
        """
        octets = block_octets(apdu_octets_max)
        out = [apdu[at : at + octets] for at in range(0, len(apdu), octets)]
        if self._requester:
            self.reset()
        if self._peer_has + len(out) > BLOCK_NUMBER_MAX or not self._step(GbtEvent.SEND):
            raise LocalProtocolError(f"an APDU of {len(apdu)} octets cannot be sent in blocks of {octets} now")
        self._out = out
        self._first = self._peer_has + 1
        self._sent = self._peer_has
        return self._burst()

    def send_unconfirmed(self, apdu: bytes, apdu_octets_max: int) -> list[GeneralBlock]:
        """All blocks of an APDU that nobody acknowledges, such as a DataNotification; no exchange is begun."""
        octets = block_octets(apdu_octets_max)
        pieces = [apdu[at : at + octets] for at in range(0, len(apdu), octets)]
        if len(pieces) > BLOCK_NUMBER_MAX:
            raise LocalProtocolError(f"an APDU of {len(apdu)} octets cannot be sent in blocks of {octets}")
        return [
            GeneralBlock(number == len(pieces), number < len(pieces), 0, number, 0, piece)
            for number, piece in enumerate(pieces, 1)
        ]

    def receive(self, block: GeneralBlock) -> tuple[bytes | None, list[GeneralBlock]]:
        """Take one block.

        Returns:
            The other side's APDU, once, when it is whole; and what to send.

        Raises:
            RemoteProtocolError: the APDU passes our limit; the exchange is given up.
        """
        if block.data and block.acknowledged == NOTHING_ACKNOWLEDGED > self._sent:
            block = block._replace(acknowledged=0)
        if not self._requester and block.number == 1 and block.acknowledged == 0 and block.data:
            self.reset()  # a new exchange always begins so, and within one only a repeated first block does
        if self._is_stale(block):
            return None, []
        self._note_acknowledgement(block)
        if not block.data:
            return None, self._acknowledgement(block)
        event = GbtEvent.BLOCK
        if self._table.get((self.state, event)) in {None, GbtState.SENDING, GbtState.WHOLE}:
            return None, self._repeated_request(block)
        progress = self._theirs
        self._hold(block)
        if self._theirs == self._last:
            apdu = b"".join(self._parts)
            self._step(GbtEvent.LAST)
            self._parts = []
            return apdu, []
        self._step(event)
        if block.streaming:
            return None, []
        if self._requester and self._theirs == progress == self._acknowledged and not self._held:
            # The same window twice, because we asked twice, is answered once: else every window would come twice.
            return None, []
        return None, [self._word()]

    def repeat(self) -> list[GeneralBlock]:
        """What the requester says again when nothing came in time.

        Nothing where the request went in one block: it may have been served, and to send it again is a new request.
        """
        if self.state is GbtState.RECEIVING:
            return [self._word()]
        if self.state is GbtState.SENDING and len(self._out) > 1:
            # The last block sent, alone: the answer says what is missing, and nothing is begun anew.
            return [self._block(self._sent, streaming=False)]
        return []

    def _is_stale(self, block: GeneralBlock) -> bool:
        """Whether a block belongs to an exchange that is over.

        Nothing in it says so but what it acknowledges: more than we have said in this one or, in an answer, less than
        our whole request.
        """
        least = self._first + len(self._out) - 1 if self._requester and block.data else 0
        return not least <= block.acknowledged <= self._sent

    def _note_acknowledgement(self, block: GeneralBlock) -> None:
        self._peer_window = max(1, block.window)
        if block.acknowledged >= self._first - 1:
            self._peer_has = block.acknowledged

    def _acknowledgement(self, block: GeneralBlock) -> list[GeneralBlock]:
        """The other side has only said what it has."""
        if block.number == self._theirs + 1 and self.state is not GbtState.RECEIVING:
            self._theirs = block.number
        if self.state is GbtState.RECEIVING:
            self._step(GbtEvent.ACKNOWLEDGEMENT)
            return [] if self._requester else [self._word()]
        if self.state is not GbtState.SENDING:
            return []
        if self._peer_has == self._first + len(self._out) - 1:
            self._step(GbtEvent.ALL_ACKNOWLEDGED)
            return []
        self._step(GbtEvent.ACKNOWLEDGEMENT)
        return self._burst()

    def _repeated_request(self, block: GeneralBlock) -> list[GeneralBlock]:
        """A block of a request that is whole already: its answer was lost, if there is one."""
        if self.state is GbtState.SENDING and not block.streaming:
            return self._burst()
        return []

    def _hold(self, block: GeneralBlock) -> None:
        """Put a block with data in its place."""
        number = block.number
        if number <= self._theirs or number > self._theirs + WINDOW_MAX or number in self._held:
            return
        if block.last:
            self._last = number
        self._held[number] = block.data
        while (data := self._held.pop(self._theirs + 1, None)) is not None:
            self._theirs += 1
            self._octets += len(data)
            self._parts.append(data)
        if self._octets > self._octets_max:
            self.reset()
            raise RemoteProtocolError(f"an APDU in blocks passes {self._octets_max} octets")

    def _word(self) -> GeneralBlock:
        """A block without data: what we have, and how much we take next (only the hole, where there is one)."""
        hole = min(self._held) - self._theirs - 1 if self._held else self.window
        number = min(self._peer_has + 1, BLOCK_NUMBER_MAX)  # the same again until it has arrived: no hole from it
        self._sent = max(self._sent, number)
        self._acknowledged = self._theirs
        return GeneralBlock(self._requester, False, min(hole, self.window), number, self._theirs, b"")

    def _block(self, number: int, *, streaming: bool) -> GeneralBlock:
        last = number == self._first + len(self._out) - 1
        return GeneralBlock(last, streaming, self.window, number, self._theirs, self._out[number - self._first])

    def _burst(self) -> list[GeneralBlock]:
        """The next window of ours."""
        start = self._peer_has + 1
        end = min(start + self._peer_window, self._first + len(self._out))
        self._sent = max(self._sent, end - 1)
        return [self._block(number, streaming=number < end - 1) for number in range(start, end)]
