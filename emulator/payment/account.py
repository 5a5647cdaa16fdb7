"""An account (class 111): credits and charges, and every unit of money accounted for.

Pure: it knows amounts and what is so at the moment (`Moment`), no meter and no clock. Whatever order things happen in,
what came in is what was collected and what is left: `paid_in + adjusted + lent = collected + remaining`, to the unit.
"""

from typing import Final, NamedTuple

from emulator.payment.charge import DIVISIONS, Charge
from emulator.payment.credit import CONFIRMATION, EMERGENCY, PAID_BACK, TOKEN, USABLE, Credit
from emulator.payment.state import (
    ACCOUNT_STATES,
    AccountEvent,
    AccountStatus,
    CreditEvent,
    CreditStatus,
    Supply,
)
from protocols.cosem.obis import LogicalName
from protocols.model.payment import AMOUNT_MAX, AMOUNT_MIN, COLLECTION_BITS, AccountModel

DISCONNECTED, LOAD_LIMITING, FRIENDLY = range(len(COLLECTION_BITS))
"""Bits of a collection configuration, bit 0 first."""

IN_CREDIT, LOW_CREDIT, NEXT_ENABLED, NEXT_SELECTABLE, NEXT_SELECTED, SELECTABLE_IN_USE, OUT_OF_CREDIT = range(7)
"""Bits of attribute 4, bit 0 first."""


_NEXT: Final = {
    CreditStatus.ENABLED: NEXT_ENABLED,
    CreditStatus.SELECTABLE: NEXT_SELECTABLE,
    CreditStatus.INVOKED: NEXT_SELECTED,
}


class Moment(NamedTuple):
    """What decides which charges are collected now."""

    disconnected: bool = False
    limited: bool = False
    friendly: bool = False

    def permits(self, bits: frozenset[int]) -> bool:
        """Whether a collection configuration allows collecting now."""
        return (
            (not self.disconnected or DISCONNECTED in bits)
            and (not self.limited or LOAD_LIMITING in bits)
            and (not self.friendly or FRIENDLY in bits)
        )


class Account:
    """One meter's account.

    Args:
        model: what it leaves the works with.

    Attributes:
        status: second element of attribute 2.
        supply: what it says of the supply.
        credits, charges: by priority.
        collection: for each credit and charge that belong together, the bits of when it is collected.
        paid_in, adjusted: money that came by tokens, and by the utility's methods.
        last_payment: amount and meter time of the last token; zeros before the first.
        provision: the period of `max_provision` that runs, and what payment charges have collected in it.
        low: whether available credit is below its threshold.
    """

    __slots__ = (
        "activated_ms",
        "adjusted",
        "charges",
        "clearance_threshold",
        "closed_ms",
        "collection",
        "credits",
        "last_payment",
        "low",
        "low_credit_threshold",
        "max_provision",
        "max_provision_period_s",
        "model",
        "next_credit_available_threshold",
        "paid_in",
        "provision",
        "status",
        "supply",
    )

    def __init__(self, model: AccountModel) -> None:
        self.model = model
        self.status = AccountStatus.ACTIVE
        self.supply = Supply.GIVEN
        self.activated_ms = self.closed_ms = 0
        self.credits = sorted(map(Credit, model.credits), key=_priority)
        self.charges = sorted((Charge(each, model.currency_scale) for each in model.charges), key=_priority)
        self.collection = {
            (credit.model.name, charge.model.name): frozenset(map(COLLECTION_BITS.index, charge.model.collect))
            for charge in self.charges
            for credit in self.credits
            if not charge.model.credits or credit.model.name in charge.model.credits
        }
        self.low_credit_threshold = model.low_credit_threshold
        self.next_credit_available_threshold = model.next_credit_available_threshold
        self.clearance_threshold = model.clearance_threshold
        self.max_provision = model.max_provision
        self.max_provision_period_s = model.max_provision_period_s
        self.paid_in = 0
        self.last_payment = (0, 0)
        self.adjusted = sum(credit.amount for credit in self.credits)
        self.provision = (0, 0)
        self.low = False

    # What it shows

    @property
    def in_use(self) -> Credit | None:
        """The credit that charges are collected from."""
        return next((each for each in self.credits if each.status is CreditStatus.IN_USE), None)

    @property
    def available(self) -> int:
        """Attribute 5: what is left on credits that may be used."""
        return sum(max(0, each.amount) for each in self.credits if each.status in USABLE)

    @property
    def debt(self) -> int:
        """Attribute 8: what is left to be paid of charges that end."""
        return sum(each.remaining for each in self.charges)

    @property
    def lent(self) -> int:
        """What is lent at the moment, used or not."""
        return sum(each.lent for each in self.credits)

    @property
    def balance(self) -> int:
        """What is left when everything lent is paid back: below zero when owed."""
        return sum(each.amount for each in self.credits) - self.lent

    @property
    def amount_to_clear(self) -> int:
        """Attribute 6: what is to be paid back, and what is missing on the tokens' credits."""
        missing = self.clearance_threshold if self.supply is not Supply.GIVEN else 0
        on_tokens = sum(each.amount for each in self.credits if each.type == TOKEN)
        return sum(each.owed_back for each in self.credits) + max(0, missing - on_tokens)

    @property
    def unaccounted(self) -> int:
        """Money that came in and is neither collected nor left: always 0."""
        collected = sum(each.paid for each in self.charges)
        left = sum(each.amount for each in self.credits)
        return self.paid_in + self.adjusted + self.lent - collected - left

    def status_bits(self) -> frozenset[int]:
        """Attribute 4."""
        used = self.in_use
        bits = {OUT_OF_CREDIT if used is None else IN_CREDIT}
        if self.low and used is not None:
            bits.add(LOW_CREDIT)
        others = (each for each in self.credits if each is not used and each.type == EMERGENCY)
        following = next((each for each in others if each.status in _NEXT), None)
        if following is not None and self.available <= self.next_credit_available_threshold:
            bits.add(_NEXT[following.status])
        if used is not None and CONFIRMATION in used.bits:
            bits.add(SELECTABLE_IN_USE)
        return frozenset(bits)

    # Collecting

    def sources(self, charge: Charge, moment: Moment) -> list[Credit]:
        """The credits that a charge may be collected from now, first first."""
        name = charge.model.name
        configured = ((each, self.collection.get((each.model.name, name))) for each in self.credits)
        return [credit for credit, bits in configured if bits is not None and moment.permits(bits)]

    def source(self, charge: Charge, moment: Moment) -> Credit | None:
        """The credit that the next unit of a charge is collected from; None while it is not collected."""
        sources = self.sources(charge, moment)
        return _first(sources) if sources else None

    def collect(self, charge: Charge, amount: int, moment: Moment) -> None:
        """Collect whole units of a charge: from each credit down to its limit, the rest as an overdraft."""
        sources = self.sources(charge, moment)
        left = amount if sources else 0
        taken = left
        while left:
            source = _first(sources)
            part = min(left, source.amount - source.limit) if source.usable else left
            source.amount -= part
            left -= part
        charge.owed -= taken * DIVISIONS
        charge.collected(taken)

    # Money that comes in

    def room(self, credit: Credit, amount: int) -> bool:
        """Whether a credit can hold so much more."""
        return AMOUNT_MIN <= credit.amount + amount <= AMOUNT_MAX

    def pay(self, amount: int, period: int, meter_ms: int) -> bool:
        """Take a payment: charges on payments first, then what was lent, then credits by their shares.

        Args:
            amount: of the token.
            period: which period of `max_provision` runs.
            meter_ms: what the meter's clock shows.

        Returns:
            False, and nothing has changed, where a credit or a charge cannot hold it.
        """
        provision, begun = self._provision(period), 0
        taken: list[tuple[Charge, int]] = []
        left = amount
        for charge in self.charges:
            part = min(charge.of_payment(amount), left, provision - begun)
            if part:
                taken.append((charge, part))
                begun, left = begun + part, left - part
        shares = self._shares(left)
        if not all(self.room(credit, part) for credit, part in shares):
            return False
        if any(charge.paid + part > AMOUNT_MAX for charge, part in taken):
            return False
        for charge, part in taken:
            charge.collected(part)
            charge.last_ms, charge.last_amount = meter_ms, part
        self.provision = (period, (self.provision[1] if self.provision[0] == period else 0) + begun)
        self.paid_in += amount
        self.last_payment = (amount, meter_ms)
        for credit, part in shares:
            self._receive(credit, part)
        return True

    def _provision(self, period: int) -> int:
        """What payment charges may still collect in a period."""
        if not self.max_provision:
            return AMOUNT_MAX
        begun = self.provision[1] if self.provision[0] == period else 0
        return max(0, self.max_provision - begun)

    def _shares(self, amount: int) -> list[tuple[Credit, int]]:
        """How a payment is divided: what was lent is paid back first, the last credit takes what division leaves."""
        shares: list[tuple[Credit, int]] = []
        for credit in self.credits:
            part = min(amount, credit.owed_back)
            if part:
                shares.append((credit, part))
                amount -= part
        receiving = [each for each in self.credits if each.share]
        parts = [amount * each.share // 100 for each in receiving]
        parts[-1] += amount - sum(parts)
        return shares + list(zip(receiving, parts, strict=True))

    def _receive(self, credit: Credit, amount: int) -> None:
        credit.amount += amount
        if credit.lent and credit.amount >= credit.lent:
            credit.amount -= credit.lent
            credit.lent = 0
            credit.move(CreditEvent.REPAY)

    def adjust(self, credit: Credit, amount: int) -> bool:
        """Add to a credit (or take from it) by the utility's word; False where it cannot hold that."""
        if not self.room(credit, amount):
            return False
        self.adjusted += amount
        self._receive(credit, amount)
        return True

    def invoke(self, credit: Credit) -> bool:
        """The consumer confirms a credit that is offered."""
        if credit.status is not CreditStatus.SELECTABLE:
            return False
        credit.move(CreditEvent.CONFIRM)
        self.lend(credit)
        return True

    def lend(self, credit: Credit) -> None:
        """Put what is preset on a credit: as a loan, or as a gift."""
        credit.amount += credit.preset
        if PAID_BACK in credit.bits:
            credit.lent += credit.preset
        else:
            self.adjusted += credit.preset

    # Its life

    def move(self, event: AccountEvent, meter_ms: int) -> bool:
        """Activate, close or reset; False where that is not possible now."""
        status = ACCOUNT_STATES.get((self.status, event))
        if status is None:
            return False
        self.status = status
        if status is AccountStatus.ACTIVE:
            self.activated_ms, self.closed_ms = meter_ms, 0
        elif status is AccountStatus.CLOSED:
            self.closed_ms = meter_ms
        return True

    def empty(self) -> None:
        """Take everything off all credits and forget what is owed: for a new account."""
        for credit in self.credits:
            self.adjusted += credit.lent - credit.amount
            credit.amount = credit.lent = 0
            credit.status, credit.warned = CreditStatus.ENABLED, False
        for charge in self.charges:
            charge.owed = charge.remaining = 0
        self.low = False

    def sort(self) -> None:
        """Other priorities: another order."""
        self.credits.sort(key=_priority)
        self.charges.sort(key=_priority)

    def credit(self, name: LogicalName) -> Credit:
        """The credit of that name."""
        return next(each for each in self.credits if each.model.name == name)

    def charge(self, name: LogicalName) -> Charge:
        """The charge of that name."""
        return next(each for each in self.charges if each.model.name == name)


def _priority(each: Credit | Charge) -> int:
    return each.priority


def _first(sources: list[Credit]) -> Credit:
    """The first that can be used; where none can, the first goes below its limit."""
    return next((each for each in sources if each.usable), sources[0])
