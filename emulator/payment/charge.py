"""A charge (class 113): what energy, time and payments cost, collected in whole units without losing a fraction.

What is due is exact: consumption counts whole steps of the energy register, and a step costs a rational number of the
currency's smallest unit. `owed` is kept in `DIVISIONS`ths of a unit; whole units are collected, the rest is carried.
"""

from typing import Final, NamedTuple

from protocols.cosem.obis import LogicalName
from protocols.model.payment import CHARGE_TYPES, PROPORTION_ALL, ChargeModel

PLACES: Final = 20
DIVISIONS: Final = 10**PLACES
"""Parts of a unit of money that what is owed is counted in: whatever scales a model names, a step is a whole number."""

MILLI: Final = 3
"""Registers count thousandths of a watt-hour: 10**3 of them are one."""

CONSUMPTION, TIME, PAYMENT = CHARGE_TYPES.values()

REGISTER: Final = 3
IMPORT_REGISTER: Final = LogicalName.parse("1.0.1.8.0.255")


class UnitCharge(NamedTuple):
    """Attributes 5 and 6 of class 113.

    Attributes:
        commodity_scale, price_scale: powers of ten of a unit (in watt-hours) and of a charge (in the currency).
        commodity: class id, logical name, attribute of what is charged for.
        table: (index, charge per unit); an index is a tariff zone's number as one octet, empty for all others.
    """

    commodity_scale: int
    price_scale: int
    commodity: tuple[int, bytes, int]
    table: tuple[tuple[bytes, int], ...]

    def price(self, zone: int) -> int:
        """The charge per unit in a tariff zone, before scaling."""
        prices = dict(self.table)
        return prices.get(bytes((zone,)), prices.get(b"", 0))

    @property
    def single(self) -> bool:
        """Whether all zones cost the same."""
        return all(index == b"" for index, _ in self.table)

    def exponent(self, currency_scale: int) -> int:
        """The power of ten of the price of a thousandth of a watt-hour, in the smallest unit of money."""
        return self.price_scale - currency_scale - self.commodity_scale - MILLI

    def exact(self, currency_scale: int) -> bool:
        """Whether that price is a whole number of `DIVISIONS`ths."""
        return all(
            0 <= PLACES + exponent <= 2 * PLACES
            for exponent in (self.exponent(currency_scale), self.price_scale - currency_scale)
        )


class Charge:
    """One charge of one meter.

    Args:
        model: what it leaves the works with.
        currency_scale: the power of ten of the smallest unit of money.

    Attributes:
        paid: attribute 2, all that it has ever collected.
        remaining: attribute 12, what is left to be paid of a charge that ends.
        owed: `DIVISIONS`ths of a unit that are due and not yet collected.
        due_ms: when a charge over time falls due next, true time.
        last_ms, last_amount: the last collection (meter time), 0 for never.
    """

    __slots__ = (
        "_currency_scale",
        "activation_ms",
        "active",
        "continuous",
        "due_ms",
        "last_amount",
        "last_ms",
        "model",
        "owed",
        "paid",
        "passive",
        "percentage",
        "period_s",
        "priority",
        "proportion",
        "remaining",
        "type",
    )

    def __init__(self, model: ChargeModel, currency_scale: int) -> None:
        self.model = model
        self.type = CHARGE_TYPES[model.type]
        self.priority = model.priority
        self.paid = self.owed = 0
        self.remaining = model.remaining
        table = tuple((bytes((zone,)) if zone else b"", price) for zone, price in model.rates)
        commodity = (REGISTER, IMPORT_REGISTER.octets, 2) if self.type == CONSUMPTION else (0, bytes(6), 0)
        self.active = self.passive = UnitCharge(model.commodity_scale, model.price_scale, commodity, table)
        self.activation_ms: int | None = None
        self.period_s = model.period_s
        self.continuous = model.continuous
        self.proportion = model.proportion
        self.percentage = bool(model.proportion)
        self.due_ms = 0
        self.last_ms = self.last_amount = 0
        self._currency_scale = currency_scale

    @property
    def runs(self) -> bool:
        """Whether anything is to be collected: a charge that ends has come to its end when nothing remains."""
        return self.continuous or self.remaining > 0

    def per_step(self, zone: int, step_mwh: int) -> int:
        """`DIVISIONS`ths of a unit for one step of the energy register."""
        return self.active.price(zone) * step_mwh * _scaled(self.active.exponent(self._currency_scale))

    def per_period(self) -> int:
        """`DIVISIONS`ths of a unit for one period, or for one payment."""
        return self.active.price(0) * _scaled(self.active.price_scale - self._currency_scale)

    def collectable(self, more: int = 0) -> int:
        """Whole units that are due, with so many `DIVISIONS`ths more."""
        whole = (self.owed + more) // DIVISIONS
        return whole if self.continuous else min(whole, self.remaining)

    def of_payment(self, amount: int) -> int:
        """What a payment-event charge collects of a payment."""
        if self.type != PAYMENT or not self.runs:
            return 0
        wanted = amount * self.proportion // PROPORTION_ALL if self.percentage else self.per_period() // DIVISIONS
        return min(wanted, amount) if self.continuous else min(wanted, amount, self.remaining)

    def collected(self, amount: int) -> None:
        """Take note of a collection; a charge that ends leaves no fraction behind."""
        self.paid += amount
        if not self.continuous:
            self.remaining -= amount
            if not self.remaining:
                self.owed = 0

    def activate(self) -> None:
        """The passive unit charge becomes the active one."""
        self.active = self.passive
        self.activation_ms = None


def _scaled(exponent: int) -> int:
    """`DIVISIONS` times a power of ten."""
    return int(10 ** (PLACES + exponent))
