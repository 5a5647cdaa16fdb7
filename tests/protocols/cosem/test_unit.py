"""Units have the standard's codes and the symbols that readings carry."""

import pytest

from protocols.cosem.unit import UNITS_BY_SYMBOL, Unit, unit_symbol
from protocols.quantity import QUANTITIES


@pytest.mark.parametrize(
    ("code", "symbol"),
    [
        (6, "min"),
        (27, "W"),
        (28, "VA"),
        (29, "var"),
        (30, "Wh"),
        (31, "VAh"),
        (32, "varh"),
        (33, "A"),
        (35, "V"),
        (44, "Hz"),
    ],
)
def test_the_codes_that_is_15959_uses_are_right(code: int, symbol: str) -> None:
    assert unit_symbol(code) == symbol
    assert UNITS_BY_SYMBOL[symbol] == code


def test_a_count_has_no_symbol_and_an_unknown_code_stays_a_number() -> None:
    assert Unit(255).symbol == ""
    assert unit_symbol(255) == ""
    assert unit_symbol(200) == "unit(200)"


def test_every_unit_of_a_quantity_is_a_unit_of_the_blue_book() -> None:
    for quantity in QUANTITIES.values():
        assert not quantity.unit or quantity.unit in UNITS_BY_SYMBOL, quantity.name


def test_where_two_units_share_a_symbol_the_first_is_meant() -> None:
    assert UNITS_BY_SYMBOL["m3"] is Unit.CUBIC_METRE
