"""Units of a scaler_unit: the enumeration of IEC 62056-6-2 with the symbols that readings carry.

Source: the unit table of the public excerpt of the Blue Book (DLMS UA 1000-1, edition 12 and later); codes that it
leaves reserved are absent, and a wire code that is not here stays a bare number.
"""

from enum import IntEnum, unique
from typing import Final, NamedTuple


class ScalerUnit(NamedTuple):
    """How to read a register's integer: `value * 10**scaler` in `unit` (a code of `Unit`, or one we do not know)."""

    scaler: int
    unit: int


@unique
class Unit(IntEnum):
    """A physical unit by its code on the wire."""

    YEAR = 1
    MONTH = 2
    WEEK = 3
    DAY = 4
    HOUR = 5
    MINUTE = 6
    SECOND = 7
    DEGREE = 8
    DEGREE_CELSIUS = 9
    CURRENCY = 10
    METRE = 11
    METRE_PER_SECOND = 12
    CUBIC_METRE = 13
    CUBIC_METRE_CORRECTED = 14
    CUBIC_METRE_PER_HOUR = 15
    CUBIC_METRE_PER_HOUR_CORRECTED = 16
    CUBIC_METRE_PER_DAY = 17
    CUBIC_METRE_PER_DAY_CORRECTED = 18
    LITRE = 19
    KILOGRAM = 20
    NEWTON = 21
    NEWTON_METRE = 22
    PASCAL = 23
    BAR = 24
    JOULE = 25
    JOULE_PER_HOUR = 26
    WATT = 27
    VOLT_AMPERE = 28
    VAR = 29
    WATT_HOUR = 30
    VOLT_AMPERE_HOUR = 31
    VAR_HOUR = 32
    AMPERE = 33
    COULOMB = 34
    VOLT = 35
    VOLT_PER_METRE = 36
    FARAD = 37
    OHM = 38
    OHM_METRE = 39
    WEBER = 40
    TESLA = 41
    AMPERE_PER_METRE = 42
    HENRY = 43
    HERTZ = 44
    PULSE_PER_WATT_HOUR = 45
    PULSE_PER_VAR_HOUR = 46
    PULSE_PER_VOLT_AMPERE_HOUR = 47
    VOLT_SQUARED_HOUR = 48
    AMPERE_SQUARED_HOUR = 49
    KILOGRAM_PER_SECOND = 50
    SIEMENS = 51
    KELVIN = 52
    PULSE_PER_VOLT_SQUARED_HOUR = 53
    PULSE_PER_AMPERE_SQUARED_HOUR = 54
    PULSE_PER_CUBIC_METRE = 55
    PERCENT = 56
    AMPERE_HOUR = 57
    WATT_HOUR_PER_CUBIC_METRE = 60
    JOULE_PER_CUBIC_METRE = 61
    MOLE_PERCENT = 62
    GRAM_PER_CUBIC_METRE = 63
    PASCAL_SECOND = 64
    JOULE_PER_KILOGRAM = 65
    GRAM_PER_SQUARE_CENTIMETRE = 66
    ATMOSPHERE = 67
    DECIBEL_MILLIWATT = 70
    DECIBEL_MICROVOLT = 71
    DECIBEL = 72
    OTHER = 254
    COUNT = 255

    @property
    def symbol(self) -> str:
        """What a reading carries; the empty string for a count and where the unit is not in the table's list."""
        return _SYMBOLS[self]


_SYMBOLS: Final[dict[Unit, str]] = dict(
    zip(
        Unit,
        (
            *("a", "mo", "wk", "d", "h", "min", "s", "deg", "degC", "currency", "m", "m/s"),
            *("m3", "m3", "m3/h", "m3/h", "m3/d", "m3/d", "l", "kg", "N", "Nm", "Pa", "bar", "J", "J/h"),
            *("W", "VA", "var", "Wh", "VAh", "varh", "A", "C", "V", "V/m", "F", "Ohm", "Ohm m2/m"),
            *("Wb", "T", "A/m", "H", "Hz", "1/Wh", "1/varh", "1/VAh", "V2h", "A2h", "kg/s", "S", "K"),
            *("1/V2h", "1/A2h", "1/m3", "%", "Ah", "Wh/m3", "J/m3", "mol%", "g/m3", "Pa s", "J/kg", "g/cm2", "atm"),
            *("dBm", "dBuV", "dB", "", ""),
        ),
        strict=True,
    )
)

UNITS_BY_SYMBOL: Final[dict[str, Unit]] = {symbol: unit for unit, symbol in reversed(_SYMBOLS.items()) if symbol}
"""For tables that write a unit as its symbol; where two units share one, the uncorrected (first) unit is meant."""


def unit_symbol(code: int) -> str:
    """The symbol of a unit code from the wire; a code that is not in the table gives `unit(CODE)`."""
    try:
        return Unit(code).symbol
    except ValueError:
        return f"unit({code})"
