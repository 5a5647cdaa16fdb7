"""How a meter deals with money: the `[payment]` section of a model.

Every IS 15959 meter has the mirror objects that a head-end writes; `unit` says what their integers count and `mode`
what the meter leaves the works with. A meter that keeps an account of its own has `[payment.account]`, its credits and
charges (tables named by logical name, so that a derived model can change one), perhaps hours in which nobody is cut
off, and a token gateway. Money is integers of the currency's smallest unit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from protocols.cosem.obis import LogicalName
from protocols.model.table import Table

CREDIT_TYPES: Final = {"token": 0, "emergency": 2}
CHARGE_TYPES: Final = {"consumption": 0, "time": 1, "payment": 2}
CREDIT_BITS: Final = ("visual", "confirmation", "paid_back", "resettable", "tokens")
COLLECTION_BITS: Final = ("disconnected", "load_limiting", "friendly")
CURRENCY_UNITS: Final = {"time": 0, "consumption": 1, "monetary": 2}
"""Enumerations of classes 111 to 113 that a model may name; the standard's other credit types are not played."""

AMOUNT_MIN: Final = -(2**31)
AMOUNT_MAX: Final = 2**31 - 1
"""An amount is a double-long on the wire."""
PRICE_MAX: Final = 2**15 - 1
"""A charge per unit is a long."""
PROPORTION_ALL: Final = 10_000
"""A proportion is in hundredths of a percent."""

T = TypeVar("T")

CURRENCY_SCALE: Final = -2
"""A currency's minor unit, where a model does not say otherwise: paise, cents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditModel:
    """`[payment.credits."NAME"]`: class 112.

    Attributes:
        name: its logical name.
        type: "token" or "emergency".
        priority: 1 is used first.
        warning_threshold: at this amount the consumer is warned.
        limit: at this amount it is exhausted.
        preset: what an emergency credit lends.
        available_threshold: at this much available credit the next one is offered.
        bits: words of `CREDIT_BITS`.
        opening: what stands on it when the bench starts.
        share: percent of a token that it receives.
    """

    name: LogicalName
    type: str
    priority: int
    warning_threshold: int
    limit: int
    preset: int
    available_threshold: int
    bits: frozenset[str]
    opening: int
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeModel:
    """`[payment.charges."NAME"]`: class 113.

    Attributes:
        name: its logical name.
        type: "consumption", "time" or "payment".
        priority: 1 is collected first.
        rates: charge per unit by tariff zone; zone 0 is for all that have none of their own.
        price_scale, commodity_scale: powers of ten of a charge (of the currency) and of a unit (of a watt-hour).
        period_s: how often a charge over time falls due.
        continuous: it goes on for ever; else it ends when nothing remains to be paid.
        proportion: hundredths of a percent of a token that are collected; 0 collects the charge per unit.
        remaining: what is owed when the bench starts.
        credits: what it is collected from; empty for all.
        collect: words of `COLLECTION_BITS`: when it is collected besides ordinary times.
    """

    name: LogicalName
    type: str
    priority: int
    rates: tuple[tuple[int, int], ...]
    price_scale: int
    commodity_scale: int
    period_s: int
    continuous: bool
    proportion: int
    remaining: int
    credits: tuple[LogicalName, ...]
    collect: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StsModel:
    """`[payment.gateway.sts]`: whose tokens the meter takes; see `protocols.sts.decoder_key.Decoder`.

    Attributes:
        issuer: six digits that the primary account number begins with.
        supply_group: six digits.
        tariff: two digits, the tariff index.
        key_revision: of the vending key, 1 to 9.
        base_date: the year that identifiers count from: 1993, 2014 or 2035.
    """

    issuer: str
    supply_group: str
    tariff: str
    key_revision: int
    base_date: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayModel:
    """`[payment.gateway]`: class 115.

    Attributes:
        name: its logical name.
        identifiers: how many token identifiers the meter remembers.
        sts: whose STS tokens it takes; without, it takes the bench's.
    """

    name: LogicalName
    identifiers: int
    sts: StsModel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendlyModel:
    """`[payment.friendly]`: hours in which nobody is cut off.

    Attributes:
        days: for each day profile, (minute of the day, whether friendly hours begin then).
        week: the day profile of each weekday, Monday first; empty for the first one always.
        special_days: (month, day, day profile).
    """

    days: tuple[tuple[int, tuple[tuple[int, bool], ...]], ...]
    week: tuple[int, ...]
    special_days: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountModel:
    """`[payment.account]`: class 111, with all that belongs to it.

    Attributes:
        name: its logical name.
        currency, currency_scale: what amounts are counted in, and the power of ten of the smallest unit.
        currency_unit: "monetary", "consumption" or "time".
        low_credit_threshold: below this much available credit the consumer is told.
        next_credit_available_threshold: at this much the status shows what comes next.
        clearance_threshold: what has to be available before withheld supply comes back.
        max_provision: the most that charges on payments collect in a period; 0 is no bound.
        max_provision_period_s: that period; 0 is a day.
        credits, charges: those of the tables below.
        friendly, gateway: likewise, where there are any.
    """

    name: LogicalName
    currency: str
    currency_scale: int
    currency_unit: str
    low_credit_threshold: int
    next_credit_available_threshold: int
    clearance_threshold: int
    max_provision: int
    max_provision_period_s: int
    credits: tuple[CreditModel, ...]
    charges: tuple[ChargeModel, ...]
    friendly: FriendlyModel | None
    gateway: GatewayModel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The section.

    Attributes:
        unit: whether the mirror objects count the currency's "minor" units (paise) or "major" ones (rupees).
        prepaid: the payment mode the meter leaves the works with.
        account: None where the head-end keeps the money.
    """

    unit: str = "minor"
    prepaid: bool = False
    account: AccountModel | None = None

    @property
    def minor_units(self) -> int:
        """How many of the currency's minor units one unit of the mirror is."""
        scale = CURRENCY_SCALE if self.account is None else self.account.currency_scale
        return 1 if self.unit == "minor" else int(10 ** max(0, -scale))

    @classmethod
    def from_table(cls, content: Mapping[str, Any]) -> "Payment":
        """Read `[payment]`.

        Raises:
            ModelError: a key or a value is wrong.
        """
        table = Table(content, "[payment]")
        payment = cls(
            unit=table.choose("unit", ("minor", "major"), "minor"),
            prepaid=table.choose("mode", ("postpaid", "prepaid"), "postpaid") == "prepaid",
            account=_account(table) if "account" in table else None,
        )
        table.done()
        return payment


def _account(table: Table) -> AccountModel:
    own = table.table("account")
    account = AccountModel(
        name=_name(own, own.take("name", str)),
        currency=own.take("currency", str, "INR"),
        currency_scale=_within(own, "currency_scale", -4, 4, CURRENCY_SCALE),
        currency_unit=own.choose("currency_unit", CURRENCY_UNITS, "monetary"),
        low_credit_threshold=_amount(own, "low_credit_threshold"),
        next_credit_available_threshold=_amount(own, "next_credit_available_threshold"),
        clearance_threshold=_amount(own, "clearance_threshold"),
        max_provision=_within(own, "max_provision", 0, 0xFFFF, 0),
        max_provision_period_s=_within(own, "max_provision_period_s", 0, AMOUNT_MAX, 0),
        credits=_named(table, "credits", _credit),
        charges=_named(table, "charges", _charge),
        friendly=_friendly(table.table("friendly")) if "friendly" in table else None,
        gateway=_gateway(table.table("gateway")) if "gateway" in table else None,
    )
    own.done()
    _check(account, table)
    return account


def _check(account: AccountModel, table: Table) -> None:
    if not any("tokens" in each.bits and each.type == "token" for each in account.credits):
        table.refuse('one of the credits is of type "token" and has "tokens" among its bits')
    if sum(each.share for each in account.credits) != 100:
        table.refuse("the shares of the credits are percent of a token: they make 100 together")
    known = {each.name for each in account.credits}
    for charge in account.charges:
        for name in charge.credits:
            if name not in known:
                table.refuse(f"charge {charge.name}: {name} is none of the credits")


def _named(table: Table, key: str, read: Callable[[LogicalName, Table], T]) -> tuple[T, ...]:
    rows = table.table(key)
    return tuple(read(_name(rows, name), rows.table(name)) for name in rows.names())


def _credit(name: LogicalName, table: Table) -> CreditModel:
    bits = _words(table, "bits", CREDIT_BITS, ["tokens"])
    credit = CreditModel(
        name=name,
        type=table.choose("type", CREDIT_TYPES),
        priority=_within(table, "priority", 1, 255),
        warning_threshold=_amount(table, "warning_threshold"),
        limit=_amount(table, "limit"),
        preset=_within(table, "preset", 0, AMOUNT_MAX, 0),
        available_threshold=_amount(table, "available_threshold"),
        bits=bits,
        opening=_amount(table, "opening"),
        share=_within(table, "share", 0, 100, 0),
    )
    table.done()
    if credit.share and "tokens" not in bits:
        table.refuse('a credit that receives a share of tokens has "tokens" among its bits')
    return credit


def _charge(name: LogicalName, table: Table) -> ChargeModel:
    rates = table.table("rates", {})
    charge = ChargeModel(
        name=name,
        type=table.choose("type", CHARGE_TYPES),
        priority=_within(table, "priority", 1, 255),
        rates=tuple(sorted((_zone(rates, zone), _within(rates, zone, 0, PRICE_MAX)) for zone in rates.names())),
        price_scale=_within(table, "price_scale", -6, 6, -2),
        commodity_scale=_within(table, "commodity_scale", 0, 6, 3),
        period_s=_within(table, "period_s", 0, 366 * 86_400, 0),
        continuous=table.take("continuous", bool, True),
        proportion=_within(table, "proportion", 0, PROPORTION_ALL, 0),
        remaining=_within(table, "remaining", 0, AMOUNT_MAX, 0),
        credits=tuple(_name(table, each) for each in table.take("credits", list, [])),
        collect=_words(table, "collect", COLLECTION_BITS, list(COLLECTION_BITS)),
    )
    table.done()
    if charge.type == "time" and not charge.period_s:
        table.refuse("a charge over time falls due every period_s seconds: say how many")
    return charge


def _zone(table: Table, key: str) -> int:
    if not (key.isdecimal() and int(key) <= 8):
        table.refuse(f"{key} is no tariff zone; write 1 to 8, or 0 for all that have no rate of their own")
    return int(key)


def _gateway(table: Table) -> GatewayModel:
    gateway = GatewayModel(
        name=_name(table, table.take("name", str)),
        identifiers=_within(table, "identifiers", 1, 1000, 50),
        sts=_sts(table.table("sts")) if "sts" in table else None,
    )
    table.done()
    return gateway


def _sts(table: Table) -> StsModel:
    sts = StsModel(
        issuer=_digits(table, "issuer", 6),
        supply_group=_digits(table, "supply_group", 6),
        tariff=_digits(table, "tariff", 2),
        key_revision=_within(table, "key_revision", 1, 9),
        base_date=table.take("base_date", int, 2014),
    )
    table.done()
    if sts.base_date not in {1993, 2014, 2035}:
        table.refuse(f"base_date is {sts.base_date}; it must be one of 1993, 2014, 2035")
    return sts


def _friendly(table: Table) -> FriendlyModel:
    days = table.table("days")
    friendly = FriendlyModel(
        days=tuple((_day_number(days, name), _switches(days, name)) for name in days.names()),
        week=tuple(table.take("week", list, [])),
        special_days=tuple(_special_days(table.table("special_days", {}))),
    )
    table.done()
    known = {number for number, _ in friendly.days}
    if len(friendly.week) not in {0, 7} or any(day not in known for day in friendly.week):
        table.refuse("week holds seven numbers of day profiles, Monday first")
    if any(number not in known for *_, number in friendly.special_days):
        table.refuse("special_days are numbers of day profiles")
    return friendly


def _day_number(table: Table, name: str) -> int:
    if not name.isdecimal():
        table.refuse(f"{name} is no day profile's number")
    return int(name)


def _switches(table: Table, name: str) -> tuple[tuple[int, bool], ...]:
    switches: list[tuple[int, bool]] = []
    for text in table.take(name, list):
        time, _, word = str(text).partition(" ")
        hour, colon, minute = time.partition(":")
        if not (colon and hour.isdecimal() and minute.isdecimal()) or int(hour) > 23 or int(minute) > 59:
            table.refuse(f"{name} holds {text!r}; write it like '17:30 friendly'")
        if word not in {"friendly", "normal"}:
            table.refuse(f"{name} holds {text!r}; after the time stands friendly or normal")
        switches.append((int(hour) * 60 + int(minute), word == "friendly"))
    if not switches or switches[0][0] or switches != sorted(set(switches)):
        table.refuse(f"{name} begins with 00:00, and its times are in order")
    return tuple(switches)


def _special_days(table: Table) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for name in table.names():
        number = table.take(name, int)
        try:
            when = date.fromisoformat(f"2000-{name}")
        except ValueError:
            table.refuse(f"{name} is no day of the year; write it like 01-26")
        found.append((when.month, when.day, number))
    return found


def _name(table: Table, text: object) -> LogicalName:
    try:
        return LogicalName.parse(str(text))
    except ValueError as error:
        table.refuse(str(error))


def _within(table: Table, key: str, low: int, high: int, default: int | None = None) -> int:
    value = table.take(key, int) if default is None else table.take(key, int, default)
    if not low <= value <= high:
        table.refuse(f"{key} is {value}; it must be a whole number from {low} to {high}")
    return value


def _amount(table: Table, key: str) -> int:
    return _within(table, key, AMOUNT_MIN, AMOUNT_MAX, 0)


def _digits(table: Table, key: str, count: int) -> str:
    text = table.take(key, str)
    if not (len(text) == count and text.isascii() and text.isdecimal()):
        table.refuse(f"{key} is {text!r}; it must be {count} digits")
    return text


def _words(table: Table, key: str, known: tuple[str, ...], default: list[str]) -> frozenset[str]:
    words = table.take(key, list, default)
    for word in words:
        if word not in known:
            table.refuse(f"{key} holds {word!r}; it may hold {', '.join(known)}")
    return frozenset(words)
