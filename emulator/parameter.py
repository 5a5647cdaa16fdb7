"""What can be configured in a meter: one table of names, how each is read, what it may be, and what writing it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from emulator.event.event_log import Code
from emulator.event.status_word import BITS
from protocols.model.physics import BLOCK_PERIODS_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.meter import Meter

WATTS_MAX: Final = 10_000_000
SECONDS_MAX: Final = 86_400


class Parameter(NamedTuple):
    """How a parameter is read, checked and written, and the transaction that its writing logs."""

    read: Callable[[Meter], int]
    allowed: Callable[[int], bool]
    write: Callable[[Meter, int, int], None]
    code: int | None


def _up_to(limit: int, least: int = 0) -> Callable[[int], bool]:
    return lambda value: least <= value <= limit


def _relay_attribute(name: str) -> Parameter:
    return Parameter(
        lambda meter: int(getattr(meter.relay, name)),
        _up_to(SECONDS_MAX, 0 if name == "tries" else 1),
        lambda meter, value, _at_ms: setattr(meter.relay, name, value),
        Code.RELAY_TIMES,
    )


def _limiter_attribute(name: str, limit: int, least: int) -> Parameter:
    return Parameter(
        lambda meter: int(getattr(meter.limiter, name)),
        _up_to(limit, least),
        lambda meter, value, _at_ms: setattr(meter.limiter, name, value),
        Code.LOAD_LIMIT,
    )


def _set_load_limit(meter: Meter, value: int, _at_ms: int) -> None:
    meter.limiter.threshold_normal_w = value
    meter.monitor.over_load_w = value


def _set_control_mode(meter: Meter, value: int, at_ms: int) -> None:
    meter.relay.set_control_mode(at_ms, value)


PARAMETERS: Final[dict[str, Parameter]] = {
    "control_mode": Parameter(
        lambda meter: meter.relay.control_mode, _up_to(7), _set_control_mode, Code.LOAD_LIMIT_ENABLED
    ),
    "load_limit_w": Parameter(
        lambda meter: meter.limiter.threshold_normal_w, _up_to(WATTS_MAX), _set_load_limit, Code.LOAD_LIMIT
    ),
    "load_limit_emergency_w": _limiter_attribute("threshold_emergency_w", WATTS_MAX, 0),
    "over_threshold_duration_s": _limiter_attribute("over_s", SECONDS_MAX, 1),
    "under_threshold_duration_s": _limiter_attribute("under_s", SECONDS_MAX, 1),
    "auto_reconnect_interval_s": _relay_attribute("interval_s"),
    "auto_reconnect_attempts": _relay_attribute("tries"),
    "lock_out_s": _relay_attribute("lock_out_s"),
    "block_period_s": Parameter(
        lambda meter: meter.block_periods[-1][1],
        lambda value: value in BLOCK_PERIODS_S,
        lambda meter, value, at_ms: meter.begin_period(meter.block_periods, at_ms, value),
        Code.CAPTURE_PERIOD,
    ),
    "demand_period_s": Parameter(
        lambda meter: meter.demand_periods[-1][1],
        lambda value: value in BLOCK_PERIODS_S,
        lambda meter, value, at_ms: meter.begin_period(meter.demand_periods, at_ms, value),
        Code.DEMAND_PERIOD,
    ),
    "billing_day": Parameter(
        lambda meter: meter.billing.day,
        _up_to(31),
        lambda meter, value, at_ms: meter.billing.set_day(at_ms, value, meter.billing.hour),
        Code.BILLING_DATES,
    ),
    "billing_hour": Parameter(
        lambda meter: meter.billing.hour,
        _up_to(23),
        lambda meter, value, at_ms: meter.billing.set_day(at_ms, meter.billing.day, value),
        Code.BILLING_DATES,
    ),
    "metering_mode": Parameter(
        lambda meter: meter.metering_mode,
        _up_to(1),
        lambda meter, value, _at_ms: setattr(meter, "metering_mode", value),
        Code.METERING_MODE,
    ),
    "payment_mode": Parameter(
        lambda meter: meter.payment_mode,
        _up_to(1),
        lambda meter, value, _at_ms: setattr(meter, "payment_mode", value),
        None,
    ),
    "apparent_energy": Parameter(
        lambda meter: meter.apparent_lag_only,
        _up_to(1),
        lambda meter, value, _at_ms: setattr(meter, "apparent_lag_only", value),
        Code.APPARENT_LAG_LEAD,
    ),
    "esw_filter": Parameter(
        lambda meter: meter.esw_filter,
        _up_to((1 << BITS) - 1),
        lambda meter, value, _at_ms: setattr(meter, "esw_filter", value),
        Code.ESW_FILTER,
    ),
}
"""Every parameter by name; whole numbers. `metering_mode` is 0 forwarded only, 1 import and export; `payment_mode` 0
postpaid, 1 prepaid; `apparent_energy` 0 lag and lead, 1 lag only; `esw_filter` a 128-bit word whose highest bit is
bit 0."""


MODE_CODES: Final = {
    "metering_mode": (Code.FORWARDED_ONLY, Code.IMPORT_EXPORT),
    "payment_mode": (Code.POSTPAID, Code.PREPAID),
}
"""What the log of other events keeps of a mode that has changed, by its new value."""


def code_of(name: str, value: int) -> int | None:
    """The transaction that a write logs; some codes depend on the value, and some parameters have none."""
    if name == "control_mode":
        return Code.LOAD_LIMIT_ENABLED if value else Code.LOAD_LIMIT_DISABLED
    if name == "apparent_energy":
        return Code.APPARENT_LAG if value else Code.APPARENT_LAG_LEAD
    return PARAMETERS[name].code
