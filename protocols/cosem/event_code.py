"""Event codes of IS 15959 logs: what the number in a row of a log says.

Codes come in pairs, the odd one for what has begun and the even one for what is over, save where something only
happens. A number is named here when public head-end code or a public tool names it; makers add their own.
"""

from collections.abc import Mapping
from typing import Final

PAIRS: Final[Mapping[int, str]] = {
    1: "voltage_missing_l1",
    3: "voltage_missing_l2",
    5: "voltage_missing_l3",
    7: "over_voltage",
    9: "low_voltage",
    11: "voltage_unbalance",
    51: "reverse_current_l1",
    53: "reverse_current_l2",
    55: "reverse_current_l3",
    57: "ct_open_l1",
    59: "ct_open_l2",
    61: "ct_open_l3",
    63: "current_unbalance",
    65: "current_bypass",
    67: "over_current",
    69: "earth_load",
    101: "power_failure",
    201: "magnet",
    203: "neutral_disturbance",
    205: "low_power_factor",
    207: "neutral_missing",
    209: "module_cover_open",
    215: "over_load",
}
"""What begins with a code and is over with the next."""

SINGLES: Final[Mapping[int, str]] = {
    151: "clock_set",
    152: "demand_period_set",
    153: "capture_period_set",
    154: "billing_dates_set",
    155: "activity_calendar_set",
    157: "firmware_activated",
    158: "load_limit_set",
    159: "load_limit_enabled",
    160: "load_limit_disabled",
    161: "lls_secret_changed",
    162: "hls_key_changed_us",
    163: "hls_key_changed_fw",
    164: "global_keys_changed",
    165: "status_word_filter_set",
    166: "demand_reset",
    167: "metering_mode_changed",
    169: "image_activation_scheduled",
    178: "import_export_mode_set",
    182: "relay_times_set",
    183: "load_limit_scheduled",
    211: "postpaid_mode_set",
    212: "prepaid_mode_set",
    213: "forwarded_only_mode_set",
    214: "import_export_mode_set",
    251: "meter_cover_open",
    301: "load_switch_disconnected",
    302: "load_switch_connected",
}
"""What happens and is not over."""


def event_name(code: int) -> str:
    """What a code says, or its number where nobody knows.

    >>> event_name(201), event_name(202), event_name(301), event_name(889)
    ('magnet', 'magnet_over', 'load_switch_disconnected', 'event_889')
    """
    if code in SINGLES:
        return SINGLES[code]
    if code in PAIRS:
        return PAIRS[code]
    begun = PAIRS.get(code - 1)
    return f"event_{code}" if begun is None else f"{begun}_over"
