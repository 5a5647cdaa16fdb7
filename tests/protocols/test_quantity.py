"""Quantities have one name, one unit, one scale."""

from decimal import Decimal

from protocols.quantity import QUANTITIES


def test_a_canonical_integer_is_an_exact_decimal() -> None:
    assert QUANTITIES["voltage_l1"].decimal(230_123) == Decimal("230.123")
    assert QUANTITIES["active_energy_import"].decimal(10**15 + 1) == Decimal("1000000000000.001")
    assert QUANTITIES["billing_count"].decimal(12) == Decimal(12)


def test_every_quantity_that_is_an_instant_is_in_milliseconds() -> None:
    assert all(quantity.exponent == -3 for quantity in QUANTITIES.values() if quantity.kind == "instant")


def test_names_are_unique_and_plain() -> None:
    assert len(QUANTITIES) > 150
    for name, quantity in QUANTITIES.items():
        assert quantity.name == name
        assert name.replace("_", "").isalnum()
        assert name == name.lower()
        assert quantity.title
