"""The mechanism of a meter: its parts joined by time, and the electrical scene that they make.

Nothing runs while time passes. `advance` does what is due (a bill, a trip, an event that has lasted long enough) in
order and at its own instant, whatever the step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from emulator.event.event_log import CAPTURING, NOTHING_MEASURED, Code, EventLog, EventRow
from emulator.event.happening import Happening, Kind
from emulator.event.status_word import BILLING, FIRST_BREATH, LAST_GASP, SWITCH, mask
from emulator.event.tamper import Monitor
from emulator.event.watch import FAR
from emulator.limiter import LoadLimiter
from emulator.load import Load, load_from_table
from emulator.load.element import Element
from emulator.mains.draw import between
from emulator.mains.scene import phases
from emulator.mains.supply import Supply, supply_from_table
from emulator.metering.activation import ActivationCourse, Entry
from emulator.metering.billing import BillBook
from emulator.metering.energy import FORWARDED_ONLY, NORMAL, PHASE_REGISTERS, REVERSED, Ledger, Scene, Segment, lag_only
from emulator.metering.tariff import ActiveCalendar, Calendar
from emulator.metering.zoned import EMPTY_ZONES
from emulator.payment.prepayment import Prepayment
from emulator.relay import LoadSwitch
from emulator.timing.clock import STANDS_STILL, STATUS_DOUBTFUL, ClockSegment, MeterClock
from emulator.timing.zone import DAY_MS, Zone, zone

if TYPE_CHECKING:
    from emulator.metering.maxima import Found
    from protocols.model.physics import Physics

MILLI_WH_PER_KWH: Final = 1_000_000
DEFAULT_ZONE: Final = "Asia/Kolkata"
SCENES_MAX: Final = 20_000
"""Changes of scene that a meter remembers, some 500 bytes each; beyond, the oldest quarter goes, with its rows."""
COURSES_MAX: Final = 1000
"""Likewise for courses of the clock, calendars, and capture or integration periods, which every row looks through."""


class Model(Protocol):
    """What a meter needs of its model."""

    @property
    def physics(self) -> Physics:
        """The physical sections."""


Listener = Callable[[Happening], None]
Recorder = Callable[[int, str, tuple[object, ...]], None]


class Mechanism(ABC):
    """What `emulator.meter.Meter` is made of.

    Args:
        id: its serial number, which also tells its draws from those of other meters.
        model: shared by all meters of it.
        seed: of the bench.
        load: what hangs behind it, or the table that says so.
        supply: what hangs before it, the table that says so, or None for an urban feeder.
        start_ms: true time when the bench begins; the meter has been in service for the model's `history_days` then.
        local: where it hangs; the model's zone comes first.
    """

    __slots__ = (
        "_bench_present",
        "_due_ms",
        "_grid_present",
        "_listeners",
        "_now_ms",
        "_passing",
        "_ready_ms",
        "_switch_ms",
        "_volts",
        "activation",
        "apparent_lag_only",
        "billing",
        "block_periods",
        "cleared",
        "clock",
        "demand_periods",
        "error_ppm",
        "esw_filter",
        "event_log",
        "firmware_version",
        "frequency_mhz",
        "id",
        "installed_ms",
        "known_since_ms",
        "ledger",
        "limiter",
        "load",
        "maxima",
        "metering_mode",
        "model",
        "monitor",
        "payment",
        "payment_mode",
        "physics",
        "power_failure_count",
        "programming_count",
        "record",
        "relay",
        "seed",
        "supply",
        "tariff",
        "zone",
        "zoned_base",
    )

    # Told here, since tables of other modules read them.
    apparent_lag_only: int
    billing: BillBook
    block_periods: list[tuple[int, int]]
    clock: MeterClock
    demand_periods: list[tuple[int, int]]
    esw_filter: int
    firmware_version: str
    installed_ms: int
    known_since_ms: int
    limiter: LoadLimiter
    metering_mode: int
    monitor: Monitor
    payment: Prepayment | None
    payment_mode: int
    physics: Physics
    power_failure_count: int
    programming_count: int
    relay: LoadSwitch

    def __init__(
        self,
        id: str,  # noqa: A002 (the contract's name)
        model: Model,
        seed: int,
        load: Load | Mapping[str, Any],
        supply: Supply | Mapping[str, Any] | None,
        start_ms: int,
        local: Zone | None = None,
    ) -> None:
        self.id = id
        self.model = model
        self.seed = seed
        self.physics = physics = model.physics
        self.zone = zone(physics.clock.zone) if physics.clock.zone else (local or zone(DEFAULT_ZONE))
        self.load = self._load(load)
        self.supply = self._supply(supply)
        self.installed_ms = self.known_since_ms = begin_ms = start_ms - physics.metering.history_days * DAY_MS
        self._now_ms = start_ms
        self._grid_present = self._bench_present = True
        self._volts = (1000,) * physics.metering.phases
        self._ready_ms = 0
        self._switch_ms = FAR
        self._passing: list[tuple[int, int]] = []
        self._listeners: tuple[Listener, ...] = ()
        self.record: Recorder | None = None
        self.frequency_mhz: int | None = None
        self.firmware_version = ""  # the model's, until another one is activated
        self.metering_mode = int(physics.metering.metering_mode == "import_export")
        self.apparent_lag_only = int(physics.metering.apparent_energy == "lag")
        self.esw_filter = mask(physics.events.esw_filter)
        self.payment_mode = int(physics.payment.prepaid)
        self.payment = None
        self.power_failure_count = self.programming_count = 0
        self.block_periods = [(begin_ms, physics.profiles.block_load.period_s)]
        self.demand_periods = [(begin_ms, physics.metering.demand_period_s)]
        self.maxima: dict[str, Found] = {}
        self.cleared: dict[str, int] = {}
        self.zoned_base = (begin_ms, EMPTY_ZONES)
        self.clock = MeterClock(self.zone, begin_ms)
        self.relay = LoadSwitch(self, physics.relay, begin_ms)
        self.limiter = LoadLimiter(physics, self.relay)
        self.monitor = Monitor(physics)
        self.event_log = EventLog(physics.events)
        self.tariff = ActiveCalendar(Calendar.from_model(physics.tariff), begin_ms)
        self.activation = ActivationCourse(physics.activations, begin_ms)
        self.billing = BillBook(physics.profiles.billing, self.clock, begin_ms)
        registers = (0,) * (PHASE_REGISTERS * physics.metering.phases + 1)
        spread_ppm = physics.metering.error_spread_ppm
        self.error_ppm = physics.metering.error_ppm + between(seed, f"{id}/error", 0, -spread_ppm, spread_ppm)
        self.ledger = Ledger(Segment(begin_ms, self._scene(begin_ms), registers))
        self._begin(start_ms)

    def _load(self, load: Load | Mapping[str, Any]) -> Load:
        if not isinstance(load, Mapping):
            return load
        phases = self.physics.metering.phases
        return load_from_table(load, seed=self.seed, meter_id=self.id, phases=phases, zone=self.zone)

    def _supply(self, supply: Supply | Mapping[str, Any] | None) -> Supply:
        if supply is not None and not isinstance(supply, Mapping):
            return supply
        metering = self.physics.metering
        given = {"grid": "urban"} if supply is None else supply
        return supply_from_table(
            given,
            seed=self.seed,
            meter_id=self.id,
            phases=metering.phases,
            nominal_v=metering.nominal_voltage_v,
            nominal_hz=metering.nominal_frequency_hz,
            zone=self.zone,
        )

    def _begin(self, start_ms: int) -> None:
        """Before the bench starts nothing has happened but bills; from then on the meter watches."""
        self.billing.catch_up(start_ms)
        drift_ppb = self.physics.clock.drift_ppb
        if drift_ppb:
            self.clock.begin(ClockSegment(start_ms, start_ms, drift_ppb))
            self.billing.plan(start_ms)
        if (account := self.physics.payment.account) is not None:
            self.payment = Prepayment(self, account, start_ms)
        self._plan_switch(start_ms)
        self._plan(start_ms)

    # Time

    def advance(self, at_ms: int) -> None:
        """Do all that is due up to an instant of true time, in order; one jump equals many steps."""
        while self._due_ms <= at_ms:
            self._now_ms = max(self._now_ms, self._due_ms)
            self._fire(self._now_ms)
            self.replan()
        self._now_ms = max(self._now_ms, at_ms)

    @property
    def now_ms(self) -> int:
        """The instant up to which all has been done."""
        return self._now_ms

    def wake_ms(self) -> int | None:
        """When something will happen by itself, or None."""
        return None if self._due_ms >= FAR else self._due_ms

    def _fire(self, now_ms: int) -> None:
        """Do what is due now: supply, tariff, limits, contact, conditions, billing, in this order."""
        if self._switch_ms <= now_ms:
            self._grid_present = not self._grid_present
            self._plan_switch(now_ms)
            self._supply_changed(now_ms)
        if 0 < self._ready_ms <= now_ms:
            self._become_ready(now_ms)
        if self._tariff_due_ms() <= now_ms:
            self._activate(now_ms)
        if self.limiter.emergency_due_ms(self.clock, now_ms) <= now_ms:
            self._settle(now_ms)
            self.limiter.turn_emergency()
            self._plan(now_ms)
            self._tell(now_ms, Kind.LIMIT, "emergency", int(self.limiter.emergency_active))
        due_ms = self.relay.due_ms(running=self.running)
        if due_ms is not None and due_ms <= now_ms:
            self.relay.fire(now_ms)
        self._judge(now_ms)
        if self.payment is not None and self.payment.due_ms <= now_ms:
            self.payment.plan(now_ms)
        if self.billing.due_ms <= now_ms:
            self.billing.fire(now_ms, self.monitor.tamper_count)
            self._bill(now_ms)

    def _judge(self, now_ms: int) -> None:
        """Do what has lasted long enough by now: trips and events."""
        if self.limiter.due_ms() <= now_ms:
            self.limiter.fire(self.ledger.segments[-1], now_ms)
        if self.monitor.due_ms() <= now_ms:
            for condition, occurred in self.monitor.fire(self.ledger.segments[-1], now_ms):
                code = condition.occurrence if occurred else condition.restoration
                if code is not None:
                    self._log(now_ms, condition.log, code)

    def replan(self) -> None:
        """Find when something is due next."""
        now_ms = self._now_ms
        relay_ms = self.relay.due_ms(running=self.running)
        self._due_ms = min(
            self._switch_ms,
            self._ready_ms or FAR,
            FAR if relay_ms is None else max(relay_ms, now_ms),
            self.limiter.due_ms(),
            self.limiter.emergency_due_ms(self.clock, now_ms),
            self.monitor.due_ms(),
            self.billing.due_ms,
            self._tariff_due_ms(),
            FAR if self.payment is None else self.payment.due_ms,
        )

    def take(self, at_ms: int, name: str, *arguments: object) -> int:
        """Take an input from outside: do all that is due before it, keep it where inputs are kept; its instant."""
        at_ms = max(at_ms, self._now_ms)
        self.advance(at_ms)
        if self.record is not None:
            self.record(at_ms, name, arguments)
        return at_ms

    # The electrical scene

    def _scene(self, at_ms: int) -> Scene:
        levels = self.monitor.levels
        present = self._grid_present and self._bench_present
        volts = self._volts if present else (0,) * len(self._volts)
        carried = (1000 - levels.get("bypass", 0)) if self.relay.contact_closed else 0
        shares = tuple(
            0 if not volt or f"ct_open_l{phase}" in levels else share * carried // 1000
            for phase, (share, volt) in enumerate(zip(self.load.shares, volts, strict=True), start=1)
        )
        routes = tuple(self._route(f"reverse_current_l{phase}" in levels) for phase in range(1, len(volts) + 1))
        neutral = 0 if "neutral_missing" in levels else 1000 - levels.get("earth_load", 0)
        return Scene(self._seen(sum(shares), at_ms), self.supply, shares, volts, routes, neutral)

    def _seen(self, share: int, at_ms: int) -> Load:
        """The load as the metering element sees it, which so many thousandths of it pass."""
        metering = self.physics.metering
        start_mva = metering.starting_current_ma * metering.nominal_voltage_v * metering.phases
        if not share or not (start_mva or self.error_ppm):
            return self.load
        return Element(self.load, self.error_ppm, -(-start_mva * 1000 // share), at_ms)

    def _route(self, reversed_current: bool) -> tuple[tuple[int, ...], ...]:  # noqa: FBT001 (one fact of a phase)
        route = FORWARDED_ONLY if not self.metering_mode else REVERSED if reversed_current else NORMAL
        return lag_only(route) if self.apparent_lag_only and self.load.leading else route

    def _settle(self, at_ms: int) -> None:
        """Before something changes: do what has lasted long enough, and note what has been so until now."""
        self._judge(at_ms)
        segment = self.ledger.segments[-1]
        self.monitor.settle(segment, at_ms)
        self.limiter.settle(segment, at_ms)

    def _plan(self, at_ms: int) -> None:
        """After something has changed: begin a segment if it is another scene, and find what is due."""
        levels = self.monitor.levels
        if self.relay.stuck:
            levels["switch_weld"] = 1
        else:
            levels.pop("switch_weld", None)
        self.ledger.begin(at_ms, self._scene(at_ms))
        self._bound()
        if self.running:
            segment = self.ledger.segments[-1]
            self.monitor.plan(segment, at_ms)
            self.limiter.plan(segment, at_ms)
        self._account(at_ms)
        self.replan()

    def _bound(self) -> None:
        """Forget the oldest when there is too much to remember."""
        segments, clocks, calendars = self.ledger.segments, self.clock.segments, self.tariff.history
        if len(segments) > SCENES_MAX:
            self.forget_before(segments[SCENES_MAX // 4].start_ms)
        if len(clocks) > COURSES_MAX:
            self.forget_before(clocks[COURSES_MAX // 4].start_ms)
        if len(calendars) > COURSES_MAX:
            self.forget_before(calendars[COURSES_MAX // 4][0])
        if len(self.activation.history) > COURSES_MAX:
            self.forget_before(self.activation.history[COURSES_MAX // 4].at_ms)
        for periods in (self.block_periods, self.demand_periods):
            if len(periods) > COURSES_MAX:
                self.forget_before(periods[COURSES_MAX // 4][0])
                del periods[: COURSES_MAX // 4]

    # Supply

    @property
    def powered(self) -> bool:
        """Whether the meter has supply on any phase."""
        return self.ledger.segments[-1].powered

    @property
    def running(self) -> bool:
        """Whether the meter has supply and has booted."""
        return self._ready_ms == 0

    def answers(self, at_ms: int) -> bool:
        """False without supply or while it boots."""
        if self._now_ms <= at_ms < self._due_ms:  # nothing is due: as nearly every poll finds it
            self._now_ms = at_ms
        else:
            self.advance(at_ms)
        return self._ready_ms == 0

    def _plan_switch(self, at_ms: int) -> None:
        switch = self.supply.next_switch(at_ms)
        self._switch_ms = FAR if switch is None else switch.at_ms

    def _supply_changed(self, at_ms: int) -> None:
        was = self.powered
        if self.running:
            self._settle(at_ms)
        has = any(self._volts) and self._grid_present and self._bench_present
        if was and not has:
            self._ready_ms = FAR
        self._plan(at_ms)
        if was and not has:
            self._power_failed(at_ms)
        elif has and not was:
            self._power_restored(at_ms)

    def _power_failed(self, at_ms: int) -> None:
        self.power_failure_count += 1
        self.monitor.suspend(at_ms)
        self.limiter.forget()
        if self.physics.clock.backup == "none":
            self._begin_clock(at_ms, self.clock.meter_ms(at_ms), status=STATUS_DOUBTFUL)
        self._log(at_ms, "power", Code.POWER_FAILURE)
        self._pass(at_ms, LAST_GASP)
        self.replan()
        self._tell(at_ms, Kind.POWER_FAILED, value=int(self.physics.power_failure.last_gasp))

    def _power_restored(self, at_ms: int) -> None:
        if self.physics.clock.backup == "none":
            self._begin_clock(at_ms, self.clock.meter_ms(at_ms), status=STATUS_DOUBTFUL)
        self._ready_ms = at_ms + self.physics.power_failure.boot_ms
        self._log(at_ms, "power", Code.POWER_RESTORED)
        self._pass(at_ms, FIRST_BREATH)
        self.replan()
        self._tell(at_ms, Kind.POWER_RESTORED)

    def _reboot(self, at_ms: int, boot_ms: int) -> None:
        """Nothing answers for a while, though there is supply."""
        if not self.running:
            return
        self._settle(at_ms)
        self.monitor.suspend(at_ms)
        self.limiter.forget()
        self._ready_ms = at_ms + boot_ms
        self.replan()
        self._tell(at_ms, Kind.REBOOT)

    def _become_ready(self, at_ms: int) -> None:
        self._ready_ms = 0
        segment = self.ledger.segments[-1]
        self.monitor.resume(segment, at_ms)
        self.limiter.plan(segment, at_ms)
        self._account(at_ms)
        self._tell(at_ms, Kind.READY)

    # Load switch: what it tells its owner

    def switched(self, at_ms: int, *, connected: bool, cause: str) -> None:
        """The logic has disconnected or connected: an event with its cause, and bits that pass."""
        self._pass(at_ms, SWITCH)
        for phase in range(len(self._volts)):
            self._pass(at_ms, 124 + phase)
        self._log(at_ms, "control", Code.CONNECTED if connected else Code.DISCONNECTED, cause)
        if self.running:
            self._settle(at_ms)
            self._plan(at_ms)
        else:
            self._account(at_ms)
        self._tell(at_ms, Kind.SWITCHED, cause, int(connected))

    def contact_moved(self, at_ms: int) -> None:
        """The contact itself has moved: another scene begins."""
        if self.running:
            self._settle(at_ms)
        self._plan(at_ms)
        self._tell(at_ms, Kind.CONTACT, value=int(self.relay.contact_closed))

    def supply_mv(self, at_ms: int) -> int:
        """The voltage in front of the switch, on the first phase, once all that is due has been done."""
        self.advance(at_ms)
        return phases(self.ledger.segment(at_ms), at_ms)[0].voltage_mv

    # Clock, tariff, bills

    def _begin_clock(self, at_ms: int, utc_ms: int, status: int = 0) -> None:
        stopped = self.physics.clock.backup == "none" and not self.powered
        before = self.clock.segment(at_ms).ppb
        drift = self.physics.clock.drift_ppb if before == STANDS_STILL else before
        self.clock.begin(ClockSegment(at_ms, utc_ms, STANDS_STILL if stopped else drift, status))
        self._bound()
        self.billing.clock_set(at_ms)
        self._account(at_ms)

    def _activate(self, at_ms: int) -> bool:
        if not self.tariff.activate(at_ms):
            return False
        self._bound()
        self._account(at_ms)
        self._log(at_ms, "transaction", Code.ACTIVITY_CALENDAR)
        self._tell(at_ms, Kind.TARIFF, self.tariff.at(at_ms).name)
        return True

    def _choose(self, entry: Entry) -> None:
        """Registers by tariff count otherwise from now on."""
        self.activation.begin(entry)
        self._bound()
        self._account(entry.at_ms)
        self.replan()

    def _tariff_due_ms(self) -> int:
        passive_ms = self.tariff.passive_ms
        segment = self.clock.segments[-1]
        if passive_ms is None or segment.ppb == STANDS_STILL:
            return FAR
        return max(self._now_ms, segment.true_ms(passive_ms))

    def _bill(self, at_ms: int) -> None:
        self._pass(at_ms, BILLING)
        self._tell(at_ms, Kind.BILL, value=self.billing.count)

    # Payment

    def _account(self, at_ms: int) -> None:
        """Something has changed that charges or supply may depend on."""
        if self.payment is not None:
            self.payment.plan(at_ms)

    def paid(self, at_ms: int, name: str, code: int, amount: int) -> None:
        """The account has something to say: an event, and a happening with the amount."""
        self._log(at_ms, "other", code)
        self._tell(at_ms, Kind.PAYMENT, name, amount)

    # Telling

    def subscribe(self, listener: Listener) -> None:
        """Call a listener with everything that happens, at once and in order."""
        self._listeners = (*self._listeners, listener)

    @abstractmethod
    def forget_before(self, at_ms: int) -> None:
        """Forget what was before an instant; registers stay what they are."""

    @abstractmethod
    def measured(self, at_ms: int) -> dict[str, int]:
        """What the capturing logs keep with an event."""

    def _tell(self, at_ms: int, kind: Kind, name: str = "", value: int = 0) -> None:
        if self._listeners:
            happening = Happening(at_ms, kind, name, value)
            for listener in self._listeners:
                listener(happening)

    def _log(self, at_ms: int, log: str, code: int, cause: str = "") -> EventRow:
        values = self.measured(at_ms) if log in CAPTURING else NOTHING_MEASURED
        row = self.event_log.append(log, self.clock.meter_ms(at_ms), code, values, cause)
        self._tell(at_ms, Kind.EVENT, log, code)
        return row

    def _pass(self, at_ms: int, bit: int) -> None:
        """A bit of the status word goes up for a while."""
        until_ms = at_ms + self.physics.events.transient_s * 1000
        self._passing = [(each, end) for each, end in self._passing if end > at_ms and each != bit]
        self._passing.append((bit, until_ms))
