"""What may be done to an account from outside: one table, since a meter keeps its inputs by name and does them again.

Every argument is something that JSON has; objects are named by their dotted logical names. A verb answers whether it
was done; one that was not leaves everything as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.payment.charge import TIME, UnitCharge
from emulator.payment.credit import TOKEN
from emulator.payment.state import AccountEvent, AccountStatus, TokenStatus
from emulator.payment.token import Effect
from emulator.payment.token_gateway import Delivery, Reason, concluded
from protocols.cosem.obis import LogicalName
from protocols.model.payment import AMOUNT_MAX, CREDIT_BITS, PROPORTION_ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.payment.charge import Charge
    from emulator.payment.credit import Credit
    from emulator.payment.prepayment import Prepayment
    from emulator.payment.token_gateway import TokenGateway

RATES_MAX: Final = 64
"""Entries of a charge table; meters have eight zones, and an index may be longer than ours."""


def _credit(payment: Prepayment, name: str) -> Credit:
    return payment.account.credit(LogicalName.parse(name))


def _charge(payment: Prepayment, name: str) -> Charge:
    return payment.account.charge(LogicalName.parse(name))


def _told(payment: Prepayment, at_ms: int, done: bool, amount: int) -> bool:  # noqa: FBT001 (what was answered)
    """An amount that does not fit is refused with an event."""
    if not done:
        payment.tell(at_ms, "amount_refused", amount)
    return done


# Tokens


def token(
    payment: Prepayment, at_ms: int, entered: str, delivery: int, failure: int | None, effect: str, identifier: int,
    amount: int,
) -> bool:  # fmt: skip
    """A token was entered.

    Args:
        payment: the account.
        at_ms: when.
        entered: its octets, in hexadecimal.
        delivery: attribute 5 of the gateway.
        failure: the status that its format has found, or None.
        effect: of `emulator.payment.token.Effect`.
        identifier: of the token.
        amount: of the token.
    """
    gateway = payment.gateway
    if gateway is None:
        return False
    gateway.token, gateway.delivery = bytes.fromhex(entered), Delivery(delivery)
    gateway.entered_ms = payment.meter_ms(at_ms)
    gateway.reason = None
    if effect == Effect.KEY.value:
        return _key_section(payment, gateway, at_ms, identifier, amount)
    gateway.description = () if failure is not None else (effect, str(identifier), str(amount))

    def checks() -> Iterator[bool]:
        yield failure != TokenStatus.FORMAT_FAILURE
        yield failure != TokenStatus.AUTHENTICATION_FAILURE
        gateway.reason = None if failure is not None else gateway.objection(identifier)
        yield failure is None and gateway.reason is None
        if payment.account.status is not AccountStatus.ACTIVE:
            gateway.reason = Reason.NOT_ACTIVE
            yield False
        done = payment.pay(amount, at_ms) if effect == Effect.CREDIT.value else _clear(payment)
        gateway.reason = None if done else Reason.OVERFLOW
        yield done

    gateway.status = concluded(checks())
    accepted = gateway.status is TokenStatus.EXECUTION_OK
    if accepted:
        gateway.remember(identifier)
    elif gateway.reason is Reason.OVERFLOW:
        payment.tell(at_ms, "amount_refused", amount)
    payment.tell(at_ms, "token_accepted" if accepted else "token_refused", amount)
    return accepted


def _key_section(payment: Prepayment, gateway: TokenGateway, at_ms: int, sub_class: int, content: int) -> bool:
    """A section of a key change moves no money, and its content is told to nobody."""
    gateway.description = (Effect.KEY.value, str(sub_class))
    accepted = gateway.take_section(sub_class, content)
    gateway.status = concluded((True, True, True, accepted))
    payment.tell(at_ms, "token_accepted" if accepted else "token_refused", 0)
    return accepted


def _clear(payment: Prepayment) -> bool:
    account = payment.account
    return all(account.adjust(each, -each.amount) for each in account.credits if each.type == TOKEN and each.amount > 0)


# Account


def activate_account(payment: Prepayment, at_ms: int) -> bool:
    """Method 1 of class 111: charges begin to be collected."""
    done = payment.account.move(AccountEvent.ACTIVATE, payment.meter_ms(at_ms))
    if done:
        for charge in payment.account.charges:
            payment.begin_period(charge, at_ms)
        payment.tell(at_ms, "account_activated", payment.account.available)
    return done


def close_account(payment: Prepayment, at_ms: int) -> bool:
    """Method 2: nothing more is collected or credited, and supply does not depend on it."""
    done = payment.account.move(AccountEvent.CLOSE, payment.meter_ms(at_ms))
    if done:
        payment.tell(at_ms, "account_closed", payment.account.available)
    return done


def reset_account(payment: Prepayment, at_ms: int) -> bool:
    """Method 3: a closed account becomes a new one, its credits empty; what was collected stays written down."""
    account = payment.account
    done = account.move(AccountEvent.RESET, payment.meter_ms(at_ms))
    if done:
        account.empty()
        payment.tell(at_ms, "account_reset", 0)
    return done


def write_account(payment: Prepayment, _at_ms: int, attribute: int, value: int) -> bool:
    """Thresholds and provisions, attributes 7 and 16 to 19."""
    setattr(payment.account, ACCOUNT_ATTRIBUTES[attribute], value)
    return True


ACCOUNT_ATTRIBUTES: Final = {
    7: "clearance_threshold",
    16: "low_credit_threshold",
    17: "next_credit_available_threshold",
    18: "max_provision",
    19: "max_provision_period_s",
}
"""Attributes of class 111 that are numbers and may be written."""


def write_collection(payment: Prepayment, _at_ms: int, rows: list[list[Any]]) -> bool:
    """Attribute 11: which charges are collected from which credits, and when."""
    credits_known = {str(each.model.name): each.model.name for each in payment.account.credits}
    charges_known = {str(each.model.name): each.model.name for each in payment.account.charges}
    if any(credit not in credits_known or charge not in charges_known for credit, charge, _ in rows):
        return False
    payment.account.collection = {
        (credits_known[credit], charges_known[charge]): frozenset(bits) for credit, charge, bits in rows
    }
    return True


def write_shares(payment: Prepayment, _at_ms: int, rows: list[list[Any]]) -> bool:
    """Attribute 12: how a token is divided; percent, 100 together."""
    shares = dict(rows)
    known = {str(each.model.name): each for each in payment.account.credits}
    if len(shares) != len(rows) or not shares.keys() <= known.keys() or sum(shares.values()) != 100:
        return False
    for name, credit in known.items():
        credit.share = shares.get(name, 0)
    return True


# Credits


def update_credit(payment: Prepayment, at_ms: int, name: str, amount: int) -> bool:
    """Method 1 of class 112: add to the amount."""
    return _told(payment, at_ms, payment.account.adjust(_credit(payment, name), amount), amount)


def set_credit(payment: Prepayment, at_ms: int, name: str, amount: int) -> bool:
    """Method 2: make it this amount."""
    credit = _credit(payment, name)
    return _told(payment, at_ms, payment.account.adjust(credit, amount - credit.amount), amount)


def invoke_credit(payment: Prepayment, at_ms: int, name: str) -> bool:
    """Method 3: the consumer confirms a credit that is offered."""
    credit = _credit(payment, name)
    done = payment.account.invoke(credit)
    if done:
        payment.tell(at_ms, "emergency_credit_invoked", credit.preset)
    return done


def write_credit(payment: Prepayment, _at_ms: int, name: str, attribute: int, value: int) -> bool:
    """Attributes 4, 5, 6, 9 and 10."""
    setattr(_credit(payment, name), CREDIT_ATTRIBUTES[attribute], value)
    payment.account.sort()
    return True


CREDIT_ATTRIBUTES: Final = {
    4: "priority",
    5: "warning_threshold",
    6: "limit",
    9: "preset",
    10: "available_threshold",
}
"""Attributes of class 112 that are numbers and may be written."""


def write_credit_bits(payment: Prepayment, _at_ms: int, name: str, bits: list[int]) -> bool:
    """Attribute 7."""
    if any(bit >= len(CREDIT_BITS) for bit in bits):
        return False
    _credit(payment, name).bits = frozenset(bits)
    return True


# Charges


def update_unit_charge(payment: Prepayment, _at_ms: int, name: str, rows: list[list[Any]]) -> bool:
    """Method 1 of class 113: other prices in the passive unit charge, index by index."""
    charge = _charge(payment, name)
    table = dict(charge.passive.table) | {bytes.fromhex(index): price for index, price in rows}
    if len(table) > RATES_MAX:
        return False
    charge.passive = charge.passive._replace(table=tuple(sorted(table.items())))
    return True


def activate_passive_unit_charge(payment: Prepayment, at_ms: int, name: str) -> bool:
    """Method 2: from now on the passive unit charge counts."""
    charge = _charge(payment, name)
    charge.activate()
    payment.tell(at_ms, "unit_charge_activated", charge.priority)
    return True


def collect(payment: Prepayment, at_ms: int, name: str) -> bool:
    """Method 3: collect a period's charge now, besides those that fall due by themselves."""
    charge = _charge(payment, name)
    if charge.type != TIME or payment.account.status is not AccountStatus.ACTIVE:
        return False
    return payment.collect_once(charge, at_ms)


def update_remaining(payment: Prepayment, at_ms: int, name: str, amount: int) -> bool:
    """Method 4: add to what remains to be paid."""
    charge = _charge(payment, name)
    done = 0 <= charge.remaining + amount <= AMOUNT_MAX
    if done:
        charge.remaining += amount
    return _told(payment, at_ms, done, amount)


def set_remaining(payment: Prepayment, at_ms: int, name: str, amount: int) -> bool:
    """Method 5: make it this amount."""
    return update_remaining(payment, at_ms, name, amount - _charge(payment, name).remaining)


def write_charge(payment: Prepayment, at_ms: int, name: str, attribute: int, value: int) -> bool:
    """Attributes 4, 8 and 13; a period that is none, or a proportion above all, is refused."""
    charge = _charge(payment, name)
    if (attribute == 13 and value > PROPORTION_ALL) or (attribute == 8 and charge.type == TIME and not value):
        return _told(payment, at_ms, False, value)
    setattr(charge, CHARGE_ATTRIBUTES[attribute], value)
    payment.account.sort()
    return True


CHARGE_ATTRIBUTES: Final = {4: "priority", 8: "period_s", 13: "proportion"}
"""Attributes of class 113 that are numbers and may be written."""


def write_passive(payment: Prepayment, at_ms: int, name: str, unit_charge: list[Any]) -> bool:
    """Attribute 6: another passive unit charge; one whose step has no exact price is refused."""
    commodity_scale, price_scale, (class_id, logical_name, attribute), rows = unit_charge
    charge = _charge(payment, name)
    written = UnitCharge(
        commodity_scale,
        price_scale,
        (class_id, bytes.fromhex(logical_name), attribute),
        tuple((bytes.fromhex(index), price) for index, price in rows),
    )
    done = len(rows) <= RATES_MAX and written.exact(payment.account.model.currency_scale)
    if done:
        charge.passive = written
    return _told(payment, at_ms, done, 0)


def write_activation(payment: Prepayment, _at_ms: int, name: str, meter_ms: int | None) -> bool:
    """Attribute 7: when the passive unit charge becomes the active one, by the meter's clock; None for not planned."""
    _charge(payment, name).activation_ms = meter_ms
    return True


VERBS: Final[dict[str, Callable[..., bool]]] = {
    each.__name__: each
    for each in (
        token,
        activate_account,
        close_account,
        reset_account,
        write_account,
        write_collection,
        write_shares,
        update_credit,
        set_credit,
        invoke_credit,
        write_credit,
        write_credit_bits,
        update_unit_charge,
        activate_passive_unit_charge,
        collect,
        update_remaining,
        set_remaining,
        write_charge,
        write_passive,
        write_activation,
    )
}
"""By name, as inputs are kept."""
