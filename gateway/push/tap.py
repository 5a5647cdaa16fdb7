"""Where pushes leave a stack: what a meter says unasked is taken out below the association, on whatever connection.

Meters push to a client of their own (64 in India), in unnumbered frames, or in clear in the midst of an association;
none of that is an answer to anything. What is ciphered for the association's own client goes on up, since only the
association can tell whether it is an answer.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from protocols.dlms.general_block_transfer import TAG as GENERAL_BLOCK
from protocols.dlms.general_block_transfer import GeneralBlockTransfer, decode_general_block
from protocols.dlms.notification import (
    DATA_NOTIFICATION,
    EVENT_NOTIFICATION_REQUEST,
    DataNotification,
    EventNotificationRequest,
)
from protocols.errors import RemoteProtocolError
from protocols.link import Apdu
from protocols.machine import Layer

if TYPE_CHECKING:
    from protocols.transport.pump import Pump

PUSH_OCTETS_MAX: Final = 16_384
"""One push: a three-phase bill has less than a kilobyte."""

UNASKED: Final = frozenset((DATA_NOTIFICATION, EVENT_NOTIFICATION_REQUEST))
"""First octets of what is a push wherever it stands in clear."""


Notification: TypeAlias = DataNotification | EventNotificationRequest
"""What a meter says unasked."""


class Heard(NamedTuple):
    """A push as it came.

    Attributes:
        apdu: as it was on the wire.
        where: over which way, for the log.
        reply: sends an APDU back there, at an instant of link time.
        meter: whose way that is, where it is one meter's alone; the push need not name it then.
    """

    apdu: bytes
    where: str
    reply: Callable[[bytes, int], None]
    meter: str | None = None


class Intake(Protocol):
    """What takes all pushes of a gateway (`gateway.push.intake`)."""

    def take(self, heard: Heard) -> None:
        """Take a push off the wire."""

    def indicated(self, meter: str, notification: Notification, confirm: Callable[[], None]) -> None:
        """Take a push that an association with its meter has opened; `confirm` confirms it there."""


class LinePushes:
    """What is heard on one of the gateway's own lines, on its way to the intake.

    Args:
        intake: takes it.
        where: the line, for the log.
        alone: the line's only meter, or None where there are several.
        meter: whose association stands on it, or None.
    """

    __slots__ = ("_alone", "_intake", "_meter", "_where")

    def __init__(self, intake: Intake, where: str, alone: Callable[[], str | None], meter: str | None) -> None:
        self._intake = intake
        self._where = where
        self._alone = alone
        self._meter = meter

    def take(self, apdu: bytes, reply: Callable[[bytes, int], None]) -> None:
        """An APDU that is no answer, as it came."""
        self._intake.take(Heard(apdu, self._where, reply, self._alone()))

    def indicated(self, notification: Notification, confirm: Callable[[], None]) -> None:
        """What the association has opened."""
        if self._meter is not None:
            self._intake.indicated(self._meter, notification, confirm)


class PushTap(Layer[Apdu, Any]):
    """Takes pushes out of what comes up, those in general blocks once they are whole.

    Args:
        client: the SAP of the association above, or None where there is none and everything is a push.
        take: is given each push, and what sends an APDU back to where it came from at an instant of link time.

    Attributes:
        pump: what drives the stack, once it does: a reply leaves with its next turn.
        dropped: general blocks that no push came of.
    """

    __slots__ = ("_blocks", "_client", "_take", "dropped", "pump")

    def __init__(self, client: int | None, take: Callable[[bytes, Callable[[bytes, int], None]], None]) -> None:
        self._client = client
        self._take = take
        self._blocks: GeneralBlockTransfer | None = None
        self.pump: Pump | None = None
        self.dropped = 0

    def from_below(self, item: Any, now_us: int) -> None:
        """Take an APDU, or hand it on."""
        if type(item) is not Apdu or not item.data or self._is_for_association(item):
            self.above(item, now_us)
        elif item.data[0] != GENERAL_BLOCK:
            self._take(item.data, self._reply_to(item))
        else:
            self._gather(item)

    def _is_for_association(self, item: Apdu) -> bool:
        return item.client == self._client and item.confirmed and item.data[0] not in UNASKED

    def _gather(self, item: Apdu) -> None:
        if self._blocks is None:
            self._blocks = GeneralBlockTransfer(requester=False, octets_max=PUSH_OCTETS_MAX)
        try:
            block = decode_general_block(item.data)
            if block.number == 1:
                self._blocks.reset()
            whole, _ = self._blocks.receive(block)
        except RemoteProtocolError:
            self._blocks.reset()
            self.dropped += 1
            return
        if whole:
            self._take(whole, self._reply_to(item))

    def _reply_to(self, item: Apdu) -> Callable[[bytes, int], None]:
        def reply(data: bytes, now_us: int) -> None:
            pump = self.pump
            if pump is not None and pump.closed is None:
                self.below(item._replace(data=data), now_us)
                pump.turn(now_us)

        return reply


class Silence(Layer[Any, Any]):
    """Ends a connection on which nothing has come for long.

    Args:
        idle_us: how long that is.
    """

    __slots__ = ("_heard_us", "_idle_us")

    def __init__(self, idle_us: int) -> None:
        self._idle_us = idle_us
        self._heard_us: int | None = None

    def from_below(self, item: Any, now_us: int) -> None:
        """Note that something came."""
        self._heard_us = now_us
        self.above(item, now_us)

    def deadline_us(self) -> int | None:
        """When silence has lasted too long."""
        return None if self._heard_us is None else self._heard_us + self._idle_us

    def on_deadline(self, now_us: int) -> None:
        """End the connection."""
        if self._heard_us is not None and now_us >= self._heard_us + self._idle_us:
            self.close("nothing was pushed for long")
