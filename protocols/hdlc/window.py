"""The two halves of numbered transfer: what waits for an acknowledgement, and what has come in order.

Sequence numbers count modulo 8. A sender keeps every segment until it is acknowledged and sends again from the first
that is not; a receiver takes only the segment it expects. So a message is whole, once, and in order, or not there.
"""

from collections import deque
from typing import Final

MODULUS: Final = 8
MESSAGE_BYTES_MAX: Final = 0x10000 + 64  # the longest APDU of the project's limits, LLC and ciphering headers on top


class Sender:
    """Segments on their way to the peer.

    Attributes:
        acknowledged: the number of the first segment not yet acknowledged, V(A).
        outstanding: how many from there on have been sent.
        messages: whole messages not yet acknowledged.
    """

    __slots__ = ("_queue", "acknowledged", "messages", "outstanding")

    def __init__(self) -> None:
        self._queue: deque[tuple[bytes, bool]] = deque()
        self.acknowledged = 0
        self.outstanding = 0
        self.messages = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def next_sequence(self) -> int:
        """The number of the next segment not yet sent, V(S)."""
        return (self.acknowledged + self.outstanding) % MODULUS

    def put(self, message: bytes, information_max: int) -> None:
        """Cut a message into segments and append them."""
        self.messages += 1
        last = (len(message) - 1) // information_max * information_max
        for at in range(0, last, information_max):
            self._queue.append((message[at : at + information_max], True))
        self._queue.append((message[last:], False) if last else (message, False))

    def acknowledge(self, receive: int) -> int | None:
        """Let go of all before N(R); how many that were, or None if N(R) acknowledges what was never sent."""
        count = (receive - self.acknowledged) % MODULUS
        if count > self.outstanding:
            return None
        for _ in range(count):
            _, more = self._queue.popleft()
            if not more:
                self.messages -= 1
        self.acknowledged = receive
        self.outstanding -= count
        return count

    def reply(self, receive: int, message: bytes) -> None:
        """Let go of all there is, which N(R) acknowledges, and take a message alone that needs one segment as sent."""
        queue = self._queue
        queue.clear()
        queue.append((message, False))
        self.acknowledged = receive
        self.outstanding = self.messages = 1

    def burst(self, window: int) -> list[tuple[int, bytes, bool]]:
        """N(S), information and segmentation bit of all that may be on the wire now, from the first unacknowledged."""
        queue, first = self._queue, self.acknowledged
        if len(queue) == 1:
            self.outstanding = 1
            return [(first, *queue[0])]
        self.outstanding = count = min(window, len(queue))
        return [((first + index) % MODULUS, *queue[index]) for index in range(count)]


class Receiver:
    """Segments from the peer, put together.

    Attributes:
        expected: the number of the segment that is taken next, V(R).
    """

    __slots__ = ("_gathered", "expected")

    def __init__(self) -> None:
        self.expected = 0
        self._gathered = bytearray()

    @property
    def gathering(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._gathered)

    def fits(self, information: bytes) -> bool:
        """Whether the message stays within `MESSAGE_BYTES_MAX`."""
        return len(self._gathered) + len(information) <= MESSAGE_BYTES_MAX

    def take(self, information: bytes, *, segmented: bool) -> bytes | None:
        """Take the segment that was expected: the whole message with its last one, else None."""
        self.expected = (self.expected + 1) % MODULUS
        if segmented:
            self._gathered += information
            return None
        if not self._gathered:
            return information
        message = bytes(self._gathered + information)
        self._gathered.clear()
        return message


class UnnumberedReceiver:
    """Segments of UI frames, which have no numbers: a loss is seen only when the next message begins."""

    __slots__ = ("_gathered", "_pair")

    def __init__(self) -> None:
        self._pair = (b"", b"")
        self._gathered = bytearray()

    def take(self, pair: tuple[bytes, bytes], information: bytes, header: bytes, *, segmented: bool) -> bytes | None:
        """Take one UI frame between the two addresses of `pair`; `header` is what a message begins with."""
        fresh = pair != self._pair or information.startswith(header)
        if fresh or len(self._gathered) + len(information) > MESSAGE_BYTES_MAX:
            self._gathered.clear()
        self._pair = pair
        self._gathered += information
        if segmented:
            return None
        message = bytes(self._gathered)
        self._gathered.clear()
        return message
