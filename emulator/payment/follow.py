"""What follows from the amounts of an account: every state moves as its table says, and the consumer is told.

Run after everything that may have changed an amount; run twice it finds nothing more to do.
"""

from typing import Final

from emulator.payment.account import Account
from emulator.payment.credit import CONFIRMATION, EMERGENCY, TOKEN, Credit
from emulator.payment.notice import Notice
from emulator.payment.state import (
    SUPPLY_STATES,
    AccountStatus,
    CreditEvent,
    CreditStatus,
    Supply,
    SupplyEvent,
    moved,
)

_SUPPLY_NOTICES: Final = {
    Supply.GIVEN: "supply_given",
    Supply.FRIENDLY: "out_of_credit_in_friendly_hours",
    Supply.WITHHELD: "out_of_credit",
}


def follow(account: Account, *, friendly: bool, prepaid: bool) -> list[Notice]:
    """Let every state follow from the amounts; what the consumer is to know of it."""
    notices: list[Notice] = []
    if account.status is AccountStatus.ACTIVE:
        while _settle_credits(account, notices):
            pass
        _warn(account, notices)
    _decide(account, notices, friendly=friendly, prepaid=prepaid)
    return notices


def _settle_credits(account: Account, notices: list[Notice]) -> bool:
    """One round through the credits; whether any has moved."""
    before = [each.status for each in account.credits]
    above = 0
    for credit in account.credits:
        if credit.amount <= credit.limit:
            if credit.move(CreditEvent.SPEND):
                notices.append(Notice("credit_exhausted", credit.amount))
        elif credit.type == TOKEN or credit.lent:
            credit.move(CreditEvent.FILL)
        _offer(account, credit, above, notices)
        above += max(0, credit.amount) if credit.usable else 0
    used = next((each for each in account.credits if each.usable), None)
    for credit in account.credits:
        if credit is used:
            credit.move(CreditEvent.TAKE)
        elif credit.status is CreditStatus.IN_USE:
            credit.move(CreditEvent.YIELD)
    return before != [each.status for each in account.credits]


def _offer(account: Account, credit: Credit, above: int, notices: list[Notice]) -> None:
    """Offer a credit, withdraw the offer, or grant what needs no confirmation."""
    if credit.type == TOKEN:
        if credit.amount > credit.limit:
            credit.move(CreditEvent.GRANT)
    elif above > credit.available_threshold:
        credit.move(CreditEvent.WITHDRAW)
    elif CONFIRMATION in credit.bits:
        if credit.move(CreditEvent.OFFER):
            notices.append(Notice("emergency_credit_selectable", credit.preset))
    elif credit.status is CreditStatus.ENABLED:
        credit.move(CreditEvent.GRANT)
        account.lend(credit)
        notices.append(Notice("emergency_credit_invoked", credit.preset))


def _warn(account: Account, notices: list[Notice]) -> None:
    low = account.available < account.low_credit_threshold
    if low and not account.low:
        notices.append(Notice("low_credit", account.available))
    account.low = low
    used = account.in_use
    if used is not None:
        warned = used.amount <= used.warning_threshold
        if warned and not used.warned:
            notices.append(Notice("credit_warning", used.amount))
        used.warned = warned


def _decide(account: Account, notices: list[Notice], *, friendly: bool, prepaid: bool) -> None:
    event = _supply_event(account, friendly=friendly, prepaid=prepaid)
    if event is None:
        return
    supply = moved(SUPPLY_STATES, account.supply, event)
    if supply is not account.supply:
        account.supply = supply
        notices.append(Notice(_SUPPLY_NOTICES[supply], account.available))


def _supply_event(account: Account, *, friendly: bool, prepaid: bool) -> SupplyEvent | None:
    used = account.in_use
    if account.status is not AccountStatus.ACTIVE or not prepaid:
        return SupplyEvent.CLEARED
    if used is None:
        if account.supply is Supply.GIVEN:
            return SupplyEvent.SPENT_IN_FRIENDLY_HOURS if friendly else SupplyEvent.SPENT
        return None if friendly else SupplyEvent.HOURS_END
    if used.type == EMERGENCY or account.available >= account.clearance_threshold:
        return SupplyEvent.CLEARED
    return None if friendly or account.supply is Supply.GIVEN else SupplyEvent.HOURS_END
