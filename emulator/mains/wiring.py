"""How a meter is connected: from supply, load, contact and what somebody has done to it, to what its element sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.load import load_from_table
from emulator.load.element import Element
from emulator.mains.supply import supply_from_table
from emulator.metering.energy import FORWARDED_ONLY, NORMAL, REVERSED, Route, Scene, lag_only

if TYPE_CHECKING:
    from emulator.load import Load
    from emulator.mains.supply import Supply
    from emulator.mechanism import Mechanism


def load_of(meter: Mechanism, given: Load | Mapping[str, Any]) -> Load:
    """What hangs behind a meter, or is made for it from the table that says so."""
    if not isinstance(given, Mapping):
        return given
    phases = meter.physics.metering.phases
    return load_from_table(given, seed=meter.seed, meter_id=meter.id, phases=phases, zone=meter.zone)


def supply_of(meter: Mechanism, given: Supply | Mapping[str, Any] | None) -> Supply:
    """What hangs before it; an urban feeder where nothing is said."""
    if given is not None and not isinstance(given, Mapping):
        return given
    metering = meter.physics.metering
    return supply_from_table(
        {"grid": "urban"} if given is None else given,
        seed=meter.seed,
        meter_id=meter.id,
        phases=metering.phases,
        nominal_v=metering.nominal_voltage_v,
        nominal_hz=metering.nominal_frequency_hz,
        zone=meter.zone,
    )


def scene_of(meter: Mechanism, at_ms: int) -> Scene:
    """What the metering element of a meter sees from now on."""
    levels, power = meter.monitor.levels, meter.power
    volts = power.volts if power.present else (0,) * len(power.volts)
    carried = (1000 - levels.get("bypass", 0)) if meter.relay.contact_closed else 0
    shares = tuple(
        0 if not volt or f"ct_open_l{phase}" in levels else share * carried // 1000
        for phase, (share, volt) in enumerate(zip(meter.load.shares, volts, strict=True), start=1)
    )
    routes = tuple(_route(meter, f"reverse_current_l{phase}" in levels) for phase in range(1, len(volts) + 1))
    neutral = 0 if "neutral_missing" in levels else 1000 - levels.get("earth_load", 0)
    return Scene(_seen(meter, sum(shares), at_ms), meter.supply, shares, volts, routes, neutral)


def _seen(meter: Mechanism, share: int, at_ms: int) -> Load:
    """The load as the metering element sees it, which so many thousandths of it pass."""
    metering = meter.physics.metering
    start_mva = metering.starting_current_ma * metering.nominal_voltage_v * metering.phases
    if not share or not (start_mva or meter.error_ppm):
        return meter.load
    return Element(meter.load, meter.error_ppm, -(-start_mva * 1000 // share), at_ms)


def _route(meter: Mechanism, reversed_current: bool) -> Route:  # noqa: FBT001 (one fact of a phase)
    route = FORWARDED_ONLY if not meter.metering_mode else REVERSED if reversed_current else NORMAL
    return lag_only(route) if meter.apparent_lag_only and meter.load.leading else route
