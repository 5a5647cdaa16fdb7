"""A credit (class 112): an amount of money with a limit, used in the order of priorities."""

from typing import Final

from emulator.payment.state import CREDIT_STATES, CreditEvent, CreditStatus, moved
from protocols.model.payment import CREDIT_BITS, CREDIT_TYPES, CreditModel

TOKEN, EMERGENCY = CREDIT_TYPES.values()

VISUAL, CONFIRMATION, PAID_BACK, RESETTABLE, TOKENS = range(len(CREDIT_BITS))
"""Bits of attribute 7, bit 0 first."""

USABLE: Final = frozenset({CreditStatus.INVOKED, CreditStatus.IN_USE})


class Credit:
    """One credit of one meter.

    Args:
        model: what it leaves the works with.

    Attributes:
        amount: attribute 2.
        status: attribute 8.
        lent: what has been put on it and is to be paid back.
        warned: whether its warning threshold has been reached.
    """

    __slots__ = (
        "amount",
        "available_threshold",
        "bits",
        "lent",
        "limit",
        "model",
        "preset",
        "priority",
        "share",
        "status",
        "type",
        "warned",
        "warning_threshold",
    )

    def __init__(self, model: CreditModel) -> None:
        self.model = model
        self.type = CREDIT_TYPES[model.type]
        self.priority = model.priority
        self.amount = model.opening
        self.status = CreditStatus.ENABLED
        self.lent = 0
        self.warned = False
        self.warning_threshold = model.warning_threshold
        self.limit = model.limit
        self.preset = model.preset
        self.available_threshold = model.available_threshold
        self.bits = frozenset(CREDIT_BITS.index(word) for word in model.bits)
        self.share = model.share

    @property
    def usable(self) -> bool:
        """Whether charges may be collected from it."""
        return self.status in USABLE and self.amount > self.limit

    @property
    def owed_back(self) -> int:
        """What has been used of what was lent."""
        return max(0, self.lent - self.amount) if self.lent else 0

    def move(self, event: CreditEvent) -> bool:
        """Follow an event; False where the table does not allow it."""
        allowed = (self.status, event) in CREDIT_STATES
        self.status = moved(CREDIT_STATES, self.status, event)
        return allowed
