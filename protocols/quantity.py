"""What meters measure: one name, unit and integer scale for each quantity, shared by faces, models and readings.

Inside the project a quantity is always an integer in the unit and exponent of this table ("canonical integer"):
`voltage_l1` 230123 is 230.123 V. Faces turn it into a wire type with a scaler; the gateway turns wire values into
exact decimals of the same unit. The names are what models name (`quantity = "voltage_l1"`) and what MQTT carries.

Suffixes: `_l1 _l2 _l3` one phase (R, Y, B), `_t1` to `_t8` one tariff zone, `_at` the instant of a maximum (UTC
milliseconds). Signs: active and reactive power are positive for import and lag; a power factor is positive for lag
and negative for lead; energy registers never fall.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple


class Quantity(NamedTuple):
    """A quantity: the value is `integer * 10**exponent` in `unit`.

    `unit` is the symbol that readings carry ("" where there is none); `kind` is "gauge", "register" (never falls),
    "demand", "count", "state" or "instant".
    """

    name: str
    unit: str
    exponent: int
    kind: str
    title: str

    def decimal(self, integer: int) -> Decimal:
        """The exact value in `unit` of a canonical integer."""
        return Decimal(integer).scaleb(self.exponent)


PHASES: Final = ("l1", "l2", "l3")
TARIFF_ZONES: Final = tuple(f"t{zone}" for zone in range(1, 9))

_PHASED: Final = (
    ("voltage", "V", -3, "gauge", "voltage to neutral"),
    ("current", "A", -3, "gauge", "current"),
    ("active_power", "W", -3, "gauge", "active power"),
    ("reactive_power", "var", -3, "gauge", "reactive power"),
    ("apparent_power", "VA", -3, "gauge", "apparent power"),
    ("power_factor", "", -3, "gauge", "power factor"),
    ("phase_angle", "deg", -3, "gauge", "angle between voltage and current"),
    ("voltage_thd", "%", -2, "gauge", "total harmonic distortion of the voltage"),
    ("current_thd", "%", -2, "gauge", "total harmonic distortion of the current"),
    ("average_voltage", "V", -3, "gauge", "mean voltage of the block period"),
    ("average_current", "A", -3, "gauge", "mean current of the block period"),
    ("demand_current", "A", -3, "demand", "current demand"),
    ("max_demand_current", "A", -3, "demand", "maximum current demand"),
    ("active_energy_import", "Wh", -3, "register", "active energy imported"),
    ("active_energy_export", "Wh", -3, "register", "active energy exported"),
    ("active_energy_total", "Wh", -3, "register", "active energy, imported plus exported"),
    ("reactive_energy_import", "varh", -3, "register", "reactive energy imported (Q1 + Q2)"),
    ("reactive_energy_export", "varh", -3, "register", "reactive energy exported (Q3 + Q4)"),
    ("reactive_energy_total", "varh", -3, "register", "reactive energy, imported plus exported"),
)

_ZONED: Final = (
    ("active_energy_import", "Wh", -3, "register", "active energy imported"),
    ("active_energy_export", "Wh", -3, "register", "active energy exported"),
    ("apparent_energy_import", "VAh", -3, "register", "apparent energy while importing"),
    ("apparent_energy_export", "VAh", -3, "register", "apparent energy while exporting"),
    ("max_demand_active_import", "W", -3, "demand", "maximum demand, active import"),
    ("max_demand_active_import_at", "", -3, "instant", "when that maximum was reached"),
    ("max_demand_apparent_import", "VA", -3, "demand", "maximum demand, apparent import"),
    ("max_demand_apparent_import_at", "", -3, "instant", "when that maximum was reached"),
)

_SINGLE: Final = (
    ("current_neutral", "A", -3, "gauge", "neutral current"),
    ("average_current_neutral", "A", -3, "gauge", "mean neutral current of the block period"),
    ("voltage_l1_l2", "V", -3, "gauge", "voltage between L1 and L2"),
    ("voltage_l2_l3", "V", -3, "gauge", "voltage between L2 and L3"),
    ("voltage_l3_l1", "V", -3, "gauge", "voltage between L3 and L1"),
    ("voltage_line", "V", -3, "gauge", "mean voltage between phases"),
    ("frequency", "Hz", -3, "gauge", "frequency"),
    ("apparent_energy_import", "VAh", -3, "register", "apparent energy while importing"),
    ("apparent_energy_export", "VAh", -3, "register", "apparent energy while exporting"),
    ("apparent_energy_total", "VAh", -3, "register", "apparent energy, import plus export"),
    ("reactive_energy_q1", "varh", -3, "register", "reactive energy, quadrant 1"),
    ("reactive_energy_q2", "varh", -3, "register", "reactive energy, quadrant 2"),
    ("reactive_energy_q3", "varh", -3, "register", "reactive energy, quadrant 3"),
    ("reactive_energy_q4", "varh", -3, "register", "reactive energy, quadrant 4"),
    ("block_active_energy_import", "Wh", -3, "gauge", "active energy imported in the block period"),
    ("block_active_energy_export", "Wh", -3, "gauge", "active energy exported in the block period"),
    ("block_apparent_energy_import", "VAh", -3, "gauge", "apparent energy in the block period, importing"),
    ("block_apparent_energy_export", "VAh", -3, "gauge", "apparent energy in the block period, exporting"),
    ("block_reactive_energy_q1", "varh", -3, "gauge", "reactive energy in the block period, quadrant 1"),
    ("block_reactive_energy_q2", "varh", -3, "gauge", "reactive energy in the block period, quadrant 2"),
    ("block_reactive_energy_q3", "varh", -3, "gauge", "reactive energy in the block period, quadrant 3"),
    ("block_reactive_energy_q4", "varh", -3, "gauge", "reactive energy in the block period, quadrant 4"),
    ("demand_active", "W", -3, "demand", "active demand, import plus export"),
    ("demand_active_import", "W", -3, "demand", "active demand, import"),
    ("demand_active_export", "W", -3, "demand", "active demand, export"),
    ("demand_apparent", "VA", -3, "demand", "apparent demand"),
    ("max_demand_active", "W", -3, "demand", "maximum demand, active import plus export"),
    ("max_demand_apparent", "VA", -3, "demand", "maximum demand, apparent"),
    ("max_demand_active_export", "W", -3, "demand", "maximum demand, active export"),
    ("max_demand_active_export_at", "", -3, "instant", "when that maximum was reached"),
    ("max_demand_apparent_export", "VA", -3, "demand", "maximum demand, apparent export"),
    ("max_demand_apparent_export_at", "", -3, "instant", "when that maximum was reached"),
    ("demand_current_neutral", "A", -3, "demand", "neutral current demand"),
    ("max_demand_current_neutral", "A", -3, "demand", "maximum neutral current demand"),
    ("average_power_factor", "", -3, "gauge", "mean power factor of the block period"),
    ("billing_power_factor", "", -3, "gauge", "mean power factor of the billing period"),
    ("billing_power_factor_export", "", -3, "gauge", "mean export power factor of the billing period"),
    ("power_on_minutes", "min", 0, "register", "cumulative time with supply"),
    ("power_off_minutes", "min", 0, "register", "cumulative time without supply"),
    ("billing_power_on_minutes", "min", 0, "gauge", "time with supply in the billing period"),
    ("tamper_count", "", 0, "count", "tampers seen"),
    ("billing_tamper_count", "", 0, "count", "tampers seen in the billing period"),
    ("billing_count", "", 0, "count", "billing periods closed"),
    ("programming_count", "", 0, "count", "parameter changes"),
    ("power_failure_count", "", 0, "count", "power failures"),
    ("billing_date", "", -3, "instant", "end of the last billing period"),
    ("clock", "", -3, "instant", "what the meter's clock says"),
    ("output_state", "", 0, "state", "1 while the contact is closed, as class 70 reports it"),
    ("control_state", "", 0, "state", "0 disconnected, 1 connected, 2 ready for reconnection"),
    ("control_mode", "", 0, "state", "class 70 control mode"),
    ("load_limit", "W", -3, "state", "threshold that the limiter watches now"),
    ("running_hours", "h", -2, "register", "cumulative time with supply"),
    ("tariff_zone", "", 0, "state", "tariff zone in force, 1 to 8"),
    ("signal_strength", "dBm", 0, "gauge", "mean received signal strength"),
    ("meter_health", "", 0, "state", "the maker's health word"),
)


def _quantities() -> Iterator[Quantity]:
    for name, unit, exponent, kind, title in _PHASED:
        yield Quantity(name, unit, exponent, kind, title)
        for phase in PHASES:
            yield Quantity(f"{name}_{phase}", unit, exponent, kind, f"{title}, {phase.upper()}")
    for name, unit, exponent, kind, title in _ZONED:
        stem, at = name.removesuffix("_at"), "_at" if name.endswith("_at") else ""
        for zone in TARIFF_ZONES:
            yield Quantity(f"{stem}_{zone}{at}", unit, exponent, kind, f"{title}, tariff zone {zone[1:]}")
        if "max_demand" in name:
            yield Quantity(name, unit, exponent, kind, title)
    for row in _SINGLE:
        yield Quantity(*row)


QUANTITIES: Final[dict[str, Quantity]] = {quantity.name: quantity for quantity in _quantities()}
"""Every quantity by name. For a single-phase meter `voltage` and `voltage_l1` are the same thing."""
