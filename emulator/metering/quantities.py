"""What each quantity shows now: one table of names for single-phase meters and one for three-phase meters."""

from __future__ import annotations

from collections.abc import Callable
from math import atan2, degrees
from typing import TYPE_CHECKING, Final

from emulator.mains import draw
from emulator.mains.scene import Phase, line_mv, neutral_ma, phases
from emulator.metering.columns import ENERGY_NAMES, PHASE_ENERGY_NAMES
from emulator.metering.demand import DEMANDS
from emulator.metering.energy import PHASE_REGISTERS, total
from emulator.metering.maxima import last_demand, running_maximum
from emulator.metering.tariff import ZONES
from emulator.metering.zoned import place_of, zone_at, zoned_registers
from protocols.model.activation import TARIFF_DEMANDS, TARIFF_ENERGIES
from protocols.quantity import QUANTITIES

if TYPE_CHECKING:
    from emulator.meter import Meter

Reader = Callable[["Meter", int], int]

_DRAW_MS: Final = 600_000
_MINUTE_MS: Final = 60_000


def _phases(meter: Meter, at_ms: int) -> tuple[Phase, ...]:
    return phases(meter.ledger.segment(at_ms), at_ms)


def power_factor(active: int, reactive: int, apparent: int) -> int:
    """In thousandths, negative for lead; unity when nothing flows."""
    if not apparent:
        return 1000
    factor = min(1000, (abs(active) * 1000 + apparent // 2) // apparent)
    return factor if reactive >= 0 else -factor


def _angle(active: int, reactive: int) -> int:
    return round(degrees(atan2(reactive, active)) * 1000) if active or reactive else 0


def _of_phase(phase: int) -> dict[str, Reader]:
    def one(meter: Meter, at_ms: int) -> Phase:
        return _phases(meter, at_ms)[phase]

    return {
        "voltage": lambda meter, at_ms: one(meter, at_ms).voltage_mv,
        "current": lambda meter, at_ms: one(meter, at_ms).current_ma,
        "active_power": lambda meter, at_ms: one(meter, at_ms).active_mw,
        "reactive_power": lambda meter, at_ms: one(meter, at_ms).reactive_mvar,
        "apparent_power": lambda meter, at_ms: one(meter, at_ms).apparent_mva,
        "power_factor": lambda meter, at_ms: power_factor(*one(meter, at_ms)[1:]),
        "phase_angle": lambda meter, at_ms: _angle(*one(meter, at_ms)[1:3]),
        "voltage_thd": lambda meter, at_ms: _thd(meter, at_ms, phase, 120, 280) if one(meter, at_ms).voltage_mv else 0,
        "current_thd": lambda meter, at_ms: (
            _thd(meter, at_ms, phase, 500, 1800) if one(meter, at_ms).apparent_mva else 0
        ),
    }


def _thd(meter: Meter, at_ms: int, phase: int, low: int, high: int) -> int:
    return draw.between(meter.seed, f"{meter.id}/thd/{phase}/{high}", at_ms // _DRAW_MS, low, high)


def _summed(place: int) -> Reader:
    return lambda meter, at_ms: sum(phase[place] for phase in _phases(meter, at_ms))


def _mean(read: Reader, others: tuple[Reader, ...]) -> Reader:
    count = 1 + len(others)
    return lambda meter, at_ms: (read(meter, at_ms) + sum(other(meter, at_ms) for other in others)) // count


def _total_factor(meter: Meter, at_ms: int) -> int:
    every = _phases(meter, at_ms)
    if len(every) == 1:
        return power_factor(*every[0][1:])
    return power_factor(*(sum(phase[place] for phase in every) for place in (1, 2, 3)))


def _total_angle(meter: Meter, at_ms: int) -> int:
    every = _phases(meter, at_ms)
    return _angle(*(sum(phase[place] for phase in every) for place in (1, 2)))


def _neutral(meter: Meter, at_ms: int) -> int:
    segment = meter.ledger.segment(at_ms)
    return neutral_ma(tuple(phase.current_ma for phase in phases(segment, at_ms)), segment.neutral)


def _line(one: int, other: int) -> Reader:
    def read(meter: Meter, at_ms: int) -> int:
        every = _phases(meter, at_ms)
        return line_mv(every[one].voltage_mv, every[other].voltage_mv)

    return read


def _frequency(meter: Meter, at_ms: int) -> int:
    if not meter.ledger.segment(at_ms).powered:
        return 0
    fixed = meter.frequency_mhz
    return meter.supply.frequency_mhz(at_ms) if fixed is None else fixed


def _energy(indexes: tuple[int, ...]) -> Reader:
    if len(indexes) == 1:
        (only,) = indexes
        return lambda meter, at_ms: meter.scale.shown(total(meter.ledger.registers(at_ms), only))

    def read(meter: Meter, at_ms: int) -> int:
        registers, scale = meter.ledger.registers(at_ms), meter.scale
        return sum(scale.quantised(total(registers, index)) for index in indexes) % scale.rollover

    return read


def _phase_energy(indexes: tuple[int, ...], phase: int) -> Reader:
    first = phase * PHASE_REGISTERS

    def read(meter: Meter, at_ms: int) -> int:
        registers, scale = meter.ledger.registers(at_ms), meter.scale
        return sum(scale.quantised(registers[first + index]) for index in indexes) % scale.rollover

    return read


def _zoned(name: str) -> Reader:
    where = place_of(name)
    return lambda meter, at_ms: meter.scale.shown(zoned_registers(meter, at_ms)[where])


def _demand(name: str) -> Reader:
    return lambda meter, at_ms: last_demand(meter, name, at_ms)


def _maximum(name: str) -> Reader:
    return lambda meter, at_ms: running_maximum(meter, name, at_ms).value


def _maximum_at(name: str) -> Reader:
    return lambda meter, at_ms: running_maximum(meter, name, at_ms).stamp_ms


def _on_ms(meter: Meter, at_ms: int) -> int:
    return meter.ledger.registers(at_ms)[-1]


def _last_row(profile: str, name: str) -> Reader:
    def read(meter: Meter, at_ms: int) -> int:
        last = meter.history.entries(profile, at_ms)
        return meter.history.rows(profile, at_ms, last, last, [name])[0][0] if last else 0

    return read


def _billing(name: str) -> Reader:
    return _last_row("billing", name)


def _billing_date(meter: Meter, _at_ms: int) -> int:
    return meter.billing.bills[-1].stamp_ms if meter.billing.bills else 0


def _signal(meter: Meter, at_ms: int) -> int:
    return draw.between(meter.seed, f"{meter.id}/signal", at_ms // _DRAW_MS, -105, -72)


_COMMON: Final[dict[str, Reader]] = {
    "frequency": _frequency,
    "current_neutral": _neutral,
    "active_power": _summed(1),
    "reactive_power": _summed(2),
    "apparent_power": _summed(3),
    "power_factor": _total_factor,
    "phase_angle": _total_angle,
    **{name: _energy(indexes) for name, indexes in ENERGY_NAMES.items()},
    "power_on_minutes": lambda meter, at_ms: _on_ms(meter, at_ms) // _MINUTE_MS,
    "power_off_minutes": lambda meter, at_ms: (at_ms - meter.installed_ms - _on_ms(meter, at_ms)) // _MINUTE_MS,
    "running_hours": lambda meter, at_ms: _on_ms(meter, at_ms) // 36_000,
    "tamper_count": lambda meter, _at_ms: meter.monitor.tamper_count,
    "billing_count": lambda meter, _at_ms: meter.billing.count,
    "programming_count": lambda meter, _at_ms: meter.programming_count,
    "power_failure_count": lambda meter, _at_ms: meter.power_failure_count,
    "billing_date": _billing_date,
    "clock": lambda meter, at_ms: meter.clock.meter_ms(at_ms),
    "output_state": lambda meter, at_ms: int(meter.relay.output_state(at_ms)),
    "control_state": lambda meter, _at_ms: int(meter.relay.state),
    "control_mode": lambda meter, _at_ms: meter.relay.control_mode,
    "load_limit": lambda meter, _at_ms: meter.limiter.threshold_active_w * 1000,
    "tariff_zone": zone_at,
    "signal_strength": _signal,
    **{f"{name}_t{zone}": _zoned(f"{name}_t{zone}") for name in TARIFF_ENERGIES for zone in range(1, ZONES + 1)},
    **{
        f"{name}_t{zone}{suffix}": read(f"{name}_t{zone}".removeprefix("max_demand_"))
        for name in TARIFF_DEMANDS
        for zone in range(1, ZONES + 1)
        for suffix, read in (("", _maximum), ("_at", _maximum_at))
    },
    **{
        name: _last_row("block_load", name)
        for name in (
            *(
                f"block_{each}"
                for each in ENERGY_NAMES
                if not each.endswith("total") and "reactive_energy_i" not in each and "reactive_energy_e" not in each
            ),
            "average_voltage",
            "average_current",
            "average_current_neutral",
            "average_power_factor",
            "meter_health",
        )
    },
    **{
        name: _billing(name)
        for name in (
            "billing_power_factor",
            "billing_power_factor_export",
            "billing_power_on_minutes",
            "billing_tamper_count",
        )
    },
}


def _demands(names: tuple[str, ...]) -> dict[str, Reader]:
    readers: dict[str, Reader] = {}
    for name in names:
        readers[f"demand_{name}"] = _demand(name)
        readers[f"max_demand_{name}"] = _maximum(name)
        if name in {"active_import", "active_export", "apparent_import", "apparent_export"}:
            readers[f"max_demand_{name}_at"] = _maximum_at(name)
    return readers


def _readers(count: int) -> dict[str, Reader]:
    readers = dict(_COMMON)
    by_phase = [_of_phase(phase) for phase in range(count)]
    for phase, of_phase in enumerate(by_phase, start=1):
        readers |= {f"{name}_l{phase}": read for name, read in of_phase.items()}
        readers |= {
            f"{name}_l{phase}": _phase_energy(indexes, phase - 1) for name, indexes in PHASE_ENERGY_NAMES.items()
        }
        readers |= {
            f"average_{name}_l{phase}": _last_row("block_load", f"average_{name}_l{phase}")
            for name in ("voltage", "current")
        }
    for name in ("voltage", "current", "voltage_thd", "current_thd"):
        first, *others = (of_phase[name] for of_phase in by_phase)
        readers[name] = _mean(first, tuple(others)) if others else first
    if count == 3:
        lines = {"voltage_l1_l2": _line(0, 1), "voltage_l2_l3": _line(1, 2), "voltage_l3_l1": _line(2, 0)}
        readers |= lines
        first, *others = lines.values()
        readers["voltage_line"] = _mean(first, tuple(others))
    readers |= _demands(tuple(name for name in DEMANDS if name.removeprefix("current_l") not in _PHASES[count:]))
    return {name: read for name, read in readers.items() if name in QUANTITIES}


_PHASES: Final = ("1", "2", "3")

QUANTITY_READERS: Final[dict[int, dict[str, Reader]]] = {count: _readers(count) for count in (1, 3)}
"""By number of phases, then by name of `protocols.quantity`."""
