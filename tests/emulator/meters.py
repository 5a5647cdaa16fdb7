"""Meters for tests: a physical model without objects, and what is compared of two of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.event.event_log import LOGS, EventRow
from emulator.load import Load
from emulator.mains.supply import Supply
from emulator.meter import Meter
from emulator.metering.quantities import QUANTITY_READERS
from emulator.timing.zone import Zone
from protocols.model.physics import Physics

START_MS = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30, when the app of the seed went dark."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

BLOCK = ["clock", "block_active_energy_import", "block_apparent_energy_import", "block_active_energy_export"]
DAILY = ["clock", "active_energy_import", "apparent_energy_import", "active_energy_export"]
BILLING = ["billing_date", "active_energy_import", "active_energy_export", "billing_power_on_minutes"]


@dataclass(frozen=True)
class PhysicalModel:
    """A model of which only the physics matters."""

    physics: Physics


def make(
    table: Mapping[str, Any] | None = None,
    *,
    load: Load | Mapping[str, Any] | None = None,
    supply: Supply | Mapping[str, Any] | None = None,
    seed: int = 42,
    meter_id: str = "MB0001",
    local: Zone | None = None,
    start_ms: int = START_MS,
) -> Meter:
    """A meter of a model table; without one, a single-phase meter that was installed three days before the start."""
    tables = {"physics": {"history_days": 3}} | dict(table or {})
    model = PhysicalModel(Physics.from_table(tables))
    return Meter(
        meter_id,
        model,
        seed,
        {"constant": 1000} if load is None else load,
        supply or {"constant": 240},
        start_ms,
        local,
    )


def everything(meter: Meter, at_ms: int, *, leave: frozenset[str] = frozenset()) -> dict[str, object]:
    """All that a meter shows at an instant."""
    shown: dict[str, object] = {
        name: meter.value(name, at_ms) for name in QUANTITY_READERS[meter.physics.metering.phases] if name not in leave
    }
    for profile, columns in (("block_load", BLOCK), ("daily_load", DAILY), ("billing", BILLING)):
        shown[profile] = meter.history.rows(profile, at_ms, 1, meter.history.entries(profile, at_ms), columns)
    for log in LOGS:
        shown[log] = events(meter, log, at_ms)
    shown["status word"] = meter.event_status_word(at_ms)
    shown["wake"] = meter.wake_ms()
    return shown


def events(meter: Meter, log: str, at_ms: int) -> list[EventRow]:
    """All rows of a log."""
    meter.advance(at_ms)
    return meter.event_log.rows(log, at_ms, 1, meter.event_log.entries(log, at_ms))


def codes(meter: Meter, log: str, at_ms: int) -> list[int]:
    """All codes of a log."""
    return [row.code for row in events(meter, log, at_ms)]
