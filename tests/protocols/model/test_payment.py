"""The `[payment]` section: what it takes, and what is wrong told in a sentence."""

from typing import Any

import pytest

from protocols.cosem.obis import LogicalName
from protocols.model.loader import load
from protocols.model.payment import Payment
from protocols.model.table import ModelError
from tests.emulator.payment.accounts import EMERGENCY, ENERGY, STANDING, TOKENS, table


def test_a_model_that_says_nothing_leaves_money_to_the_head_end() -> None:
    payment = Payment.from_table({})
    assert (payment.unit, payment.prepaid, payment.account) == ("minor", False, None)
    assert load("is15959-d1").physics.payment == payment


def test_an_account_is_read_with_credits_charges_hours_and_gateway() -> None:
    friendly = {"days": {"1": ["00:00 normal", "17:30 friendly"]}, "week": [1] * 7, "special_days": {"01-26": 1}}
    payment = Payment.from_table(table(unit="major", friendly=friendly))
    account = payment.account
    assert account is not None
    assert (payment.unit, payment.prepaid) == ("major", True)
    assert [str(each.name) for each in account.credits] == [TOKENS, EMERGENCY]
    assert account.charges[0].rates == ((0, 600),)
    assert account.friendly is not None
    assert account.friendly.days == ((1, ((0, False), (1050, True))),)
    assert account.friendly.special_days == ((1, 26, 1),)
    assert account.gateway is not None
    assert account.gateway.name == LogicalName.parse("0.0.19.40.0.255")


def changed(path: str, value: Any) -> dict[str, Any]:
    """The table of the tests with one entry made another; dots in names are written as slashes' neighbours."""
    content = table(friendly={"days": {"1": ["00:00 normal"]}})
    content["gateway"]["sts"] = {"issuer": "600727", "supply_group": "123457", "tariff": "01", "key_revision": 1}
    *way, last = path.split("/")
    inner = content
    for key in way:
        inner = inner[key]
    inner[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("unit", "rupee", "unit is 'rupee'; it must be one of minor, major"),
        ("mood", 1, "mood is no key"),
        ("account/name", "x", "no logical name"),
        ("account/currency_unit", "gold", "one of time, consumption, monetary"),
        ("account/max_provision", 65_536, "0 to 65535"),
        (f"credits/{TOKENS}/type", "gift", "one of token, emergency"),
        (f"credits/{TOKENS}/share", 99, "100 together"),
        (f"credits/{TOKENS}/bits", ["visual"], 'has "tokens" among its bits'),
        (f"credits/{TOKENS}/type", "emergency", 'type "token"'),
        (f"credits/{TOKENS}/bits", ["tokens", "golden"], "it may hold visual"),
        (f"credits/{TOKENS}/opening", 2**31, "whole number from"),
        (f"credits/{TOKENS}/priority", 0, "1 to 255"),
        (f"charges/{ENERGY}/rates", {"9": 1}, "9 is no tariff zone"),
        (f"charges/{ENERGY}/rates", {"0": 40_000}, "0 to 32767"),
        (f"charges/{ENERGY}/credits", ["0.0.19.10.9.255"], "none of the credits"),
        (f"charges/{ENERGY}/collect", ["sometimes"], "it may hold disconnected"),
        (f"charges/{STANDING}/period_s", 0, "say how many"),
        ("friendly/days/1", ["00:00 cosy"], "friendly or normal"),
        ("friendly/days/1", ["25:00 friendly"], "like '17:30 friendly'"),
        ("friendly/days/1", ["01:00 friendly"], "begins with 00:00"),
        ("friendly/days/x", ["00:00 friendly"], "no day profile's number"),
        ("friendly/week", [1, 1], "seven numbers"),
        ("friendly/special_days", {"01-26": 3}, "numbers of day profiles"),
        ("friendly/special_days", {"13-40": 1}, "like 01-26"),
        ("gateway/identifiers", 0, "1 to 1000"),
        ("gateway/sts/issuer", "6007", "6 digits"),
        ("gateway/sts/base_date", 2000, "1993, 2014, 2035"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(path: str, value: Any, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        Payment.from_table(changed(path, value))
