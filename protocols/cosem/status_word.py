"""The event status word of IS 15959 meters (0-0:94.91.18): what its 128 bits say, the first on the wire being bit 0.

Bits 0 to 12, 51 and 81 to 87 are those that several sources give alike; the others are amendments and makers' own, as a
public test tool names them, and a meter may mean something else by them.
"""

from collections.abc import Iterator
from typing import Final

BITS: Final = 128

SWITCH: Final = 84
LAST_GASP: Final = 85
FIRST_BREATH: Final = 86

NAMES: Final[dict[int, str]] = {
    0: "voltage_missing_l1",
    1: "voltage_missing_l2",
    2: "voltage_missing_l3",
    3: "over_voltage",
    4: "low_voltage",
    5: "voltage_unbalance",
    6: "reverse_current_l1",
    7: "reverse_current_l2",
    8: "reverse_current_l3",
    9: "current_unbalance",
    10: "current_bypass",
    11: "over_current",
    12: "low_power_factor",
    51: "earth_load",
    61: "module_cover_restored",
    62: "neutral_missing_restored",
    63: "unauthorised_export",
    81: "magnet",
    82: "neutral_disturbance",
    83: "meter_cover_open",
    SWITCH: "load_switch",
    LAST_GASP: "last_gasp",
    FIRST_BREATH: "first_breath",
    87: "billing_reset",
    89: "neutral_missing",
    93: "firmware_upgrade",
    99: "password_failure",
    103: "battery_low",
    110: "module_cover_open",
    111: "over_load",
    116: "high_temperature",
    124: "relay_l1",
    125: "relay_l2",
    126: "relay_l3",
    127: "relay_neutral",
}


def bits_of(word: str) -> Iterator[int]:
    """The bits that are set in a word as a bit string.

    >>> list(bits_of("1001"))
    [0, 3]
    """
    return (number for number, bit in enumerate(word) if bit == "1")


def name_of(bit: int) -> str:
    """What a bit says, or its number where nobody knows.

    >>> name_of(84), name_of(40)
    ('load_switch', 'bit_40')
    """
    return NAMES.get(bit, f"bit_{bit}")
