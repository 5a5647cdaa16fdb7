"""What a meter is made of, apart from its objects: the physical sections of a model, each a frozen value.

A model's TOML holds `[physics]`, `[relay]`, `[limiter]`, `[profiles.*]`, `[events]`, `[clock]`, `[tariff]`,
`[power_failure]`, `[firmware]` and `[payment]` (told in `payment.py`). `Physics.from_table` takes the whole model and
reads these sections; every key has a default, and a wrong key or value is a `ValueError` that names the key and what
would be right. The numbers that are defaults here are those of an Indian single-phase meter (IS 15959 D1); a model
states what differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocols.model.activation import Activation
from protocols.model.payment import Payment
from protocols.model.section import check_choice, check_range, read, table_of
from protocols.model.tariff import Tariff

BLOCK_PERIODS_S: Final = (60, 300, 600, 900, 1800, 3600)
"""Capture and integration periods that divide an hour; 900, 1800 and 3600 are the field's, the others for benches."""

ERROR_PPM_MAX: Final = 200_000
"""A meter that is wrong by more than a fifth is broken."""

ESW_FILTER_DEFAULT: Final = (*range(13), *range(81, 88), 89, 110, 111, 117, 122, 123, 124)
"""Bits that may show in the event status word: those set in the filter of a real D2 meter, and 89, 110, 111."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metering:
    """`[physics]`: the metering element and its registers.

    `register_resolution_mwh` is the step of energy registers; `rollover_kwh` is where they start again from zero.
    `apparent_energy` is the method for VAh: "lag_lead" counts every reactive power, "lag" takes leading power as
    unity. `history_days` is how long the meter has been in service when a bench starts: its registers, bills and
    profile rows are those of that time. `demand_periods` above 1 makes the demand a sliding one over that many
    periods. `error_ppm` is the error of the metering element in millionths, positive for a meter that runs fast;
    `error_spread_ppm` adds to it another one for each meter, drawn between minus and plus so much. Below
    `starting_current_ma`, in each of all phases alike, nothing is measured; 0 means that the least is.
    """

    phases: Literal[1, 3] = 1
    nominal_voltage_v: int = 240
    nominal_frequency_hz: Literal[50, 60] = 50
    basic_current_a: int = 10
    maximum_current_a: int = 60
    register_resolution_mwh: int = 100
    rollover_kwh: int = 1_000_000
    apparent_energy: Literal["lag_lead", "lag"] = "lag_lead"
    metering_mode: Literal["import_export", "forwarded_only"] = "import_export"
    demand_period_s: int = 1800
    demand_periods: int = 1
    history_days: int = 400
    error_ppm: int = 0
    error_spread_ppm: int = 0
    starting_current_ma: int = 0

    def __post_init__(self) -> None:
        check_range("physics", "nominal_voltage_v", self.nominal_voltage_v, 50, 500)
        check_range("physics", "basic_current_a", self.basic_current_a, 1, 1000)
        check_range("physics", "maximum_current_a", self.maximum_current_a, 1, 10_000)
        check_range("physics", "register_resolution_mwh", self.register_resolution_mwh, 1, 1_000_000)
        check_range("physics", "rollover_kwh", self.rollover_kwh, 1, 10_000_000_000)
        check_range("physics", "demand_periods", self.demand_periods, 1, 60)
        check_range("physics", "history_days", self.history_days, 0, 3650)
        check_range("physics", "error_ppm", self.error_ppm, -ERROR_PPM_MAX, ERROR_PPM_MAX)
        check_range("physics", "error_spread_ppm", self.error_spread_ppm, 0, ERROR_PPM_MAX)
        check_range("physics", "starting_current_ma", self.starting_current_ma, 0, 10_000)
        check_choice("physics", "demand_period_s", self.demand_period_s, BLOCK_PERIODS_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """`[relay]`: the load switch, class 70.

    `auto_reconnect` is the named deviation of the Indian models: in a mode that has neither, the meter itself
    reconnects after a local trip (transition h), and a remote reconnect leads out of "ready for reconnection".
    `output_state` says what attribute 2 reports: the sensed "contact" or the last "command".
    `after_lock_out` is what happens when the lock-out ends: the meter tries again, or waits for somebody.
    `over_current_a` 0 means that the switch does not trip by itself on current.
    """

    fitted: bool = True
    control_mode: Literal[0, 1, 2, 3, 4, 5, 6, 7] = 4
    auto_reconnect: bool = True
    auto_reconnect_interval_s: int = 300
    auto_reconnect_attempts: int = 4
    lock_out_s: int = 1800
    after_lock_out: Literal["reconnect", "wait"] = "reconnect"
    operating_ms: int = 200
    read_back_lag_ms: int = 300
    output_state: Literal["contact", "command"] = "contact"
    over_current_a: int = 63
    over_current_s: int = 60

    def __post_init__(self) -> None:
        check_range("relay", "auto_reconnect_interval_s", self.auto_reconnect_interval_s, 1, 86_400)
        check_range("relay", "auto_reconnect_attempts", self.auto_reconnect_attempts, 0, 100)
        check_range("relay", "lock_out_s", self.lock_out_s, 1, 86_400)
        check_range("relay", "operating_ms", self.operating_ms, 0, 60_000)
        check_range("relay", "read_back_lag_ms", self.read_back_lag_ms, 0, 60_000)
        check_range("relay", "over_current_a", self.over_current_a, 0, 100_000)
        check_range("relay", "over_current_s", self.over_current_s, 1, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiter:
    """`[limiter]`: the load limiter, class 71, on active power. A threshold of 0 means no limit."""

    fitted: bool = True
    threshold_normal_w: int = 15_120
    threshold_emergency_w: int = 5_000
    min_over_threshold_duration_s: int = 60
    min_under_threshold_duration_s: int = 300

    def __post_init__(self) -> None:
        check_range("limiter", "threshold_normal_w", self.threshold_normal_w, 0, 10_000_000)
        check_range("limiter", "threshold_emergency_w", self.threshold_emergency_w, 0, 10_000_000)
        check_range("limiter", "min_over_threshold_duration_s", self.min_over_threshold_duration_s, 1, 86_400)
        check_range("limiter", "min_under_threshold_duration_s", self.min_under_threshold_duration_s, 1, 86_400)


Outage = Literal["fill", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockProfile:
    """`[profiles.block_load]`: rows at every period of the meter's time.

    `outage` says whether intervals without supply leave a row ("fill", with zeros) or none ("skip").
    """

    period_s: int = 900
    entries: int = 3360
    outage: Outage = "fill"

    def __post_init__(self) -> None:
        check_choice("profiles.block_load", "period_s", self.period_s, BLOCK_PERIODS_S)
        check_range("profiles.block_load", "entries", self.entries, 1, 35_040)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyProfile:
    """`[profiles.daily_load]`: rows at local midnight."""

    entries: int = 70
    outage: Outage = "fill"

    def __post_init__(self) -> None:
        check_range("profiles.daily_load", "entries", self.entries, 1, 3660)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingProfile:
    """`[profiles.billing]`: closed periods and, as the last row, the current one.

    `day` 0 means that no schedule closes a period; a billing day behind the end of a month is the month's last.
    """

    entries: int = 13
    day: int = 1
    hour: int = 0

    def __post_init__(self) -> None:
        check_range("profiles.billing", "entries", self.entries, 1, 60)
        check_range("profiles.billing", "day", self.day, 0, 31)
        check_range("profiles.billing", "hour", self.hour, 0, 23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """`[profiles]`: depth and period of the captured profiles."""

    block_load: BlockProfile = field(default_factory=BlockProfile)
    daily_load: DailyProfile = field(default_factory=DailyProfile)
    billing: BillingProfile = field(default_factory=BillingProfile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """`[events]`: the logs, when a condition counts, and what the status word shows.

    Voltage thresholds are thousandths of the nominal voltage, unbalance thousandths of the mean, the current of
    the over-current event thousandths of the maximum current, a low power factor thousandths. A threshold of 0
    switches its event off. `transient_s` is how long the bits of passing events (84 to 87) stay up. `push_given_up` and
    `push_delivered` are the codes of a push setup whose pushes reach nobody, and do again; 0 logs none. No standard
    that we have seen has codes for it: the defaults stand among those from 889 on, which makers use as they like.
    """

    entries: int = 50
    non_rollover_entries: int = 2
    occurrence_s: int = 180
    restoration_s: int = 180
    over_voltage_permille: int = 1150
    low_voltage_permille: int = 750
    missing_voltage_permille: int = 500
    voltage_unbalance_permille: int = 100
    over_current_permille: int = 1050
    current_unbalance_permille: int = 0
    low_power_factor_permille: int = 500
    over_load: bool = True
    transient_s: int = 900
    push_given_up: int = 921
    push_delivered: int = 922
    esw_filter: tuple[int, ...] = ESW_FILTER_DEFAULT

    def __post_init__(self) -> None:
        check_range("events", "entries", self.entries, 1, 1000)
        check_range("events", "non_rollover_entries", self.non_rollover_entries, 1, 1000)
        for name in ("push_given_up", "push_delivered"):
            check_range("events", name, getattr(self, name), 0, 0xFFFF)
        check_range("events", "occurrence_s", self.occurrence_s, 0, 86_400)
        check_range("events", "restoration_s", self.restoration_s, 0, 86_400)
        check_range("events", "transient_s", self.transient_s, 1, 86_400)
        for bit in self.esw_filter:
            check_range("events", "esw_filter", bit, 0, 127)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """`[clock]`: the meter's own clock.

    `zone` "" takes the bench's. `deviation` is what a COSEM date-time says of the offset: local time minus UTC
    ("plus", +330 for India), UTC minus local time ("minus", the blue book's sign), or "not_specified".
    `backup` "battery" lets the clock run through a power failure; with "none" it stands still and its status says so.
    """

    zone: str = ""
    deviation: Literal["plus", "minus", "not_specified"] = "minus"
    drift_ppb: int = 0
    backup: Literal["battery", "none"] = "battery"

    def __post_init__(self) -> None:
        if self.zone and not _is_zone(self.zone):
            msg = f"[clock] zone = {self.zone!r}: a time zone such as Asia/Kolkata or Europe/Berlin is right"
            raise ValueError(msg)
        check_range("clock", "drift_ppb", self.drift_ppb, -100_000_000, 100_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFailure:
    """`[power_failure]`: what a loss of supply does.

    `boot_ms` passes after restoration before the meter answers. `invocation_counters` "lost" makes the counters of
    received frames start from zero again, a fault seen in the field. `last_gasp` says whether the module has a reserve
    for one last push; of so many thousandths of them nothing arrives.
    """

    boot_ms: int = 3000
    invocation_counters: Literal["kept", "lost"] = "kept"
    last_gasp: bool = True
    last_gasp_lost_permille: int = 100

    def __post_init__(self) -> None:
        check_range("power_failure", "boot_ms", self.boot_ms, 0, 600_000)
        check_range("power_failure", "last_gasp_lost_permille", self.last_gasp_lost_permille, 0, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """`[firmware]`: what a new firmware costs.

    `verify_ms` is how long verifying takes, `activation_delay_ms` passes between the order to activate and the restart,
    and for `reboot_ms` nothing answers then. `invocation_counters` "lost" makes the counters of received frames start
    from zero again with it, a fault seen in the field.
    """

    verify_ms: int = 2000
    activation_delay_ms: int = 1000
    reboot_ms: int = 20_000
    invocation_counters: Literal["kept", "lost"] = "kept"

    def __post_init__(self) -> None:
        check_range("firmware", "verify_ms", self.verify_ms, 0, 600_000)
        check_range("firmware", "activation_delay_ms", self.activation_delay_ms, 0, 600_000)
        check_range("firmware", "reboot_ms", self.reboot_ms, 0, 3_600_000)


SECTIONS: Final = (
    "physics",
    "relay",
    "limiter",
    "profiles",
    "events",
    "clock",
    "tariff",
    "power_failure",
    "firmware",
    "payment",
)
"""The tables of a model that `Physics.from_table` reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """The physical half of a model; one value shared by all meters of it.

    `activations` say which registers by tariff count when; they follow from the model's objects.
    """

    metering: Metering = field(default_factory=Metering)
    relay: Relay = field(default_factory=Relay)
    limiter: Limiter = field(default_factory=Limiter)
    profiles: Profiles = field(default_factory=Profiles)
    events: Events = field(default_factory=Events)
    clock: Clock = field(default_factory=Clock)
    tariff: Tariff = field(default_factory=Tariff)
    power_failure: PowerFailure = field(default_factory=PowerFailure)
    firmware: Firmware = field(default_factory=Firmware)
    payment: Payment = field(default_factory=Payment)
    activations: tuple[Activation, ...] = ()

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Read the sections of a whole model; tables of other parts are not looked at.

        Raises:
            ValueError: a key or a value is wrong; the sentence names it and says what would be right.
        """
        return cls(
            metering=Metering(**read(Metering, "physics", table.get("physics", {}))),
            relay=Relay(**read(Relay, "relay", table.get("relay", {}))),
            limiter=Limiter(**read(Limiter, "limiter", table.get("limiter", {}))),
            profiles=_profiles(table.get("profiles", {})),
            events=Events(**read(Events, "events", table.get("events", {}))),
            clock=Clock(**read(Clock, "clock", table.get("clock", {}))),
            tariff=Tariff.from_table(table.get("tariff", {})),
            power_failure=PowerFailure(**read(PowerFailure, "power_failure", table.get("power_failure", {}))),
            firmware=Firmware(**read(Firmware, "firmware", table.get("firmware", {}))),
            payment=Payment.from_table(table.get("payment", {})),
        )


_PROFILE_KINDS: Final[dict[str, type[Any]]] = {
    "block_load": BlockProfile,
    "daily_load": DailyProfile,
    "billing": BillingProfile,
}


def _profiles(table: object) -> Profiles:
    known = table_of("profiles", table, _PROFILE_KINDS)
    return Profiles(
        **{name: _PROFILE_KINDS[name](**read(_PROFILE_KINDS[name], f"profiles.{name}", known[name])) for name in known}
    )
