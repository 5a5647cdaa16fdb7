"""Meters with an account, for tests."""

from typing import Any

from emulator.meter import Meter
from emulator.payment.account import Account
from emulator.payment.prepayment import Prepayment
from emulator.payment.token import Effect
from emulator.payment.token_gateway import Delivery
from tests.emulator.meters import START_MS, make

TOKENS = "0.0.19.10.0.255"
EMERGENCY = "0.0.19.10.1.255"
ENERGY = "0.0.19.20.0.255"
STANDING = "0.0.19.20.1.255"
ARREARS = "0.0.19.20.2.255"

MINUTE_MS = 60_000


def table(**changed: Any) -> dict[str, Any]:
    """A model's `[payment]`: 600 paise a unit, 1000 a day, 20 % of each payment for arrears, 5000 of emergency."""
    payment: dict[str, Any] = {
        "mode": "prepaid",
        "account": {
            "name": "0.0.19.0.0.255",
            "low_credit_threshold": 5000,
            "next_credit_available_threshold": 2000,
        },
        "credits": {
            TOKENS: {"type": "token", "priority": 1, "share": 100, "warning_threshold": 3000, "opening": 10_000},
            EMERGENCY: {
                "type": "emergency",
                "priority": 2,
                "preset": 5000,
                "available_threshold": 1000,
                "bits": ["confirmation", "paid_back"],
            },
        },
        "charges": {
            ENERGY: {"type": "consumption", "priority": 1, "rates": {"0": 600}},
            STANDING: {"type": "time", "priority": 2, "rates": {"0": 1000}, "period_s": 86_400},
            ARREARS: {"type": "payment", "priority": 3, "proportion": 2000, "continuous": False, "remaining": 0},
        },
        "gateway": {"name": "0.0.19.40.0.255", "identifiers": 5},
    }
    for key, value in changed.items():
        payment[key] = payment[key] | value if isinstance(payment.get(key), dict) else value
    return payment


def prepaid(payment: dict[str, Any] | None = None, *, watts: int = 1000, **sections: Any) -> Meter:
    """A meter with an account, by the defaults of `table`."""
    tables = {"payment": table() if payment is None else payment, **sections}
    return make(tables, load={"constant": watts})


def prepayment(meter: Meter) -> Prepayment:
    """The account on a meter that has one."""
    assert meter.payment is not None
    return meter.payment


def look(meter: Meter, at_ms: int) -> Account:
    """The account as it is at an instant."""
    return prepayment(meter).look(at_ms)


def balance(meter: Meter, at_ms: int, name: str = TOKENS) -> int:
    """What stands on a credit."""
    account = look(meter, at_ms)
    return next(each.amount for each in account.credits if str(each.model.name) == name)


def enter(meter: Meter, at_ms: int, identifier: int, amount: int) -> bool:
    """Enter a token that has been found good."""
    return meter.pay(at_ms, "token", "00", int(Delivery.REMOTE), None, Effect.CREDIT.value, identifier, amount)


def notices(meter: Meter) -> list[tuple[int, str, int]]:
    """Everything that the account says from now on: true time, name, amount."""
    heard: list[tuple[int, str, int]] = []
    meter.subscribe(
        lambda each: heard.append((each.at_ms - START_MS, each.name, each.value)) if each.kind == "payment" else None
    )
    return heard
