"""A token gateway (class 115): what was entered last and how it ended, and the identifiers that count only once.

A meter remembers a number of identifiers. One that it remembers has been used; when its memory is full, one that is
older than all it remembers may have been, and is refused too.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from enum import IntEnum

from emulator.payment.state import TOKEN_STATES, TokenStatus
from protocols.model.payment import GatewayModel
from protocols.sts.key_change import SUB_CLASSES, KeyChange, joined


class Delivery(IntEnum):
    """Attribute 5."""

    REMOTE = 0
    LOCAL = 1
    MANUAL = 2


class Reason(IntEnum):
    """The bit of the second element of attribute 6 that tells why a token ended as it did."""

    USED = 0
    OLD = 1
    OVERFLOW = 2
    NOT_ACTIVE = 3


class TokenGateway:
    """One meter's gateway.

    Args:
        model: how much it remembers.

    Attributes:
        token, entered_ms, description, delivery: attributes 2 to 5, of the last token.
        status, reason: attribute 6.
        change: the last key change that was carried out, or None.
    """

    __slots__ = (
        "_depth",
        "_identifiers",
        "_sections",
        "change",
        "delivery",
        "description",
        "entered_ms",
        "reason",
        "status",
        "token",
    )

    def __init__(self, model: GatewayModel) -> None:
        self._depth = model.identifiers
        self._identifiers: list[int] = []
        self._sections: dict[int, int] = {}
        self.change: KeyChange | None = None
        self.token = b""
        self.entered_ms = 0
        self.description: tuple[str, ...] = ()
        self.delivery = Delivery.REMOTE
        self.status = TokenStatus.RECEIVED
        self.reason: Reason | None = None

    @property
    def identifiers(self) -> tuple[int, ...]:
        """What it remembers, the oldest first."""
        return tuple(self._identifiers)

    def objection(self, identifier: int) -> Reason | None:
        """Why an identifier does not count, or None."""
        known = self._identifiers
        place = bisect_left(known, identifier)
        if place < len(known) and known[place] == identifier:
            return Reason.USED
        return Reason.OLD if place == 0 and len(known) == self._depth else None

    def remember(self, identifier: int) -> None:
        """An identifier counts, once and for all."""
        insort(self._identifiers, identifier)
        if len(self._identifiers) > self._depth:
            del self._identifiers[0]

    def take_section(self, sub_class: int, content: int) -> bool:
        """A section of a key change; with the last one the key is another. False where together they say nonsense."""
        self._sections[sub_class] = content
        if len(self._sections) < len(SUB_CLASSES):
            return True
        change = joined(self._sections)
        self._sections.clear()
        if change is None:
            return False
        self.change = change
        if change.rollover:
            self._identifiers.clear()  # they count from another date now, from small numbers on
        return True


def concluded(checks: Iterable[bool]) -> TokenStatus:
    """The state that a token ends in; a check that fails is the last that is made."""
    status = TokenStatus.RECEIVED
    for passed in checks:
        status = TOKEN_STATES[status, passed]
        if not passed:
            break
    return status
