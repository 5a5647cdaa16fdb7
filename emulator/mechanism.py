"""The mechanism of a meter: its parts joined by time.

Nothing runs while time passes. `advance` does what is due (a bill, a trip, an event that has lasted long enough) in
order and at its own instant, whatever the step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from emulator.event.event_log import Code, EventLog
from emulator.event.happening import Kind
from emulator.event.monitor import Monitor
from emulator.event.status_word import BILLING, SWITCH, mask
from emulator.event.teller import Listener, Teller
from emulator.event.watch import FAR
from emulator.limiter import LoadLimiter
from emulator.mains.draw import between
from emulator.mains.scene import phases
from emulator.mains.wiring import load_of, scene_of, supply_of
from emulator.memory import bound
from emulator.metering.activation import ActivationCourse, Entry
from emulator.metering.billing import BillBook
from emulator.metering.energy import PHASE_REGISTERS, Ledger, Segment
from emulator.metering.tariff import ActiveCalendar, Calendar
from emulator.metering.zoned import EMPTY_ZONES
from emulator.payment.prepayment import Prepayment
from emulator.power import Power
from emulator.relay import LoadSwitch
from emulator.timing.clock import STANDS_STILL, ClockSegment, MeterClock
from emulator.timing.zone import DAY_MS, Zone, zone

if TYPE_CHECKING:
    from emulator.load import Load
    from emulator.mains.supply import Supply
    from emulator.metering.maxima import Found
    from protocols.model.physics import Physics

DEFAULT_ZONE: Final = "Asia/Kolkata"


class Model(Protocol):
    """What a meter needs of its model."""

    @property
    def physics(self) -> Physics:
        """The physical sections."""


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
        "_due_ms",
        "_now_ms",
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
        "power",
        "power_failure_count",
        "programming_count",
        "record",
        "relay",
        "seed",
        "supply",
        "tariff",
        "teller",
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
        self.load = load_of(self, load)
        self.supply = supply_of(self, supply)
        self.installed_ms = self.known_since_ms = begin_ms = start_ms - physics.metering.history_days * DAY_MS
        self._now_ms = start_ms
        self.power = Power(self, physics.metering.phases)
        self.teller = Teller(self)
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
        drawn_ppm = between(seed, f"{id}/error", 0, -spread_ppm, spread_ppm) if spread_ppm else 0
        self.error_ppm = physics.metering.error_ppm + drawn_ppm
        self.ledger = Ledger(Segment(begin_ms, scene_of(self, begin_ms), registers))
        self._begin(start_ms)

    def _begin(self, start_ms: int) -> None:
        """Before the bench starts nothing has happened but bills; from then on the meter watches."""
        self.billing.catch_up(start_ms)
        drift_ppb = self.physics.clock.drift_ppb
        if drift_ppb:
            self.clock.begin(ClockSegment(start_ms, start_ms, drift_ppb))
            self.billing.plan(start_ms)
        if (account := self.physics.payment.account) is not None:
            self.payment = Prepayment(self, account, start_ms)
        self.power.look_ahead(start_ms)
        self.plan(start_ms)

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
        if self.power.switch_ms <= now_ms:
            self.power.switch(now_ms)
        if 0 < self.power.ready_ms <= now_ms:
            self.power.become_ready(now_ms)
        if self._tariff_due_ms() <= now_ms:
            self._activate(now_ms)
        if self.limiter.emergency_due_ms(self.clock, now_ms) <= now_ms:
            self.settle(now_ms)
            self.limiter.turn_emergency()
            self.plan(now_ms)
            self.teller.tell(now_ms, Kind.LIMIT, "emergency", int(self.limiter.emergency_active))
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
                    self.teller.log(now_ms, condition.log, code)

    def replan(self) -> None:
        """Find when something is due next."""
        now_ms = self._now_ms
        relay_ms = self.relay.due_ms(running=self.running)
        self._due_ms = min(
            self.power.switch_ms,
            self.power.ready_ms or FAR,
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

    def settle(self, at_ms: int) -> None:
        """Before something changes: do what has lasted long enough, and note what has been so until now."""
        self._judge(at_ms)
        segment = self.ledger.segments[-1]
        self.monitor.settle(segment, at_ms)
        self.limiter.settle(segment, at_ms)

    def plan(self, at_ms: int) -> None:
        """After something has changed: begin a segment if it is another scene, and find what is due."""
        levels = self.monitor.levels
        if self.relay.stuck:
            levels["switch_weld"] = 1
        else:
            levels.pop("switch_weld", None)
        self.ledger.begin(at_ms, scene_of(self, at_ms))
        bound(self)
        if self.running:
            segment = self.ledger.segments[-1]
            self.monitor.plan(segment, at_ms)
            self.limiter.plan(segment, at_ms)
        self.reckon(at_ms)
        self.replan()

    # Supply

    @property
    def powered(self) -> bool:
        """Whether the meter has supply on any phase."""
        return self.ledger.segments[-1].powered

    @property
    def running(self) -> bool:
        """Whether the meter has supply and has booted."""
        return self.power.ready_ms == 0

    def answers(self, at_ms: int) -> bool:
        """False without supply or while it boots."""
        if self._now_ms <= at_ms < self._due_ms:  # nothing is due: as nearly every poll finds it
            self._now_ms = at_ms
        else:
            self.advance(at_ms)
        return self.power.ready_ms == 0

    # Load switch: what it tells its owner

    def switched(self, at_ms: int, *, connected: bool, cause: str) -> None:
        """The logic has disconnected or connected: an event with its cause, and bits that pass."""
        self.teller.show(at_ms, SWITCH)
        for phase in range(len(self.power.volts)):
            self.teller.show(at_ms, 124 + phase)
        self.teller.log(at_ms, "control", Code.CONNECTED if connected else Code.DISCONNECTED, cause)
        if self.running:
            self.settle(at_ms)
            self.plan(at_ms)
        else:
            self.reckon(at_ms)
        self.teller.tell(at_ms, Kind.SWITCHED, cause, int(connected))

    def contact_moved(self, at_ms: int) -> None:
        """The contact itself has moved: another scene begins."""
        if self.running:
            self.settle(at_ms)
        self.plan(at_ms)
        self.teller.tell(at_ms, Kind.CONTACT, value=int(self.relay.contact_closed))

    def supply_mv(self, at_ms: int) -> int:
        """The voltage in front of the switch, on the first phase, once all that is due has been done."""
        self.advance(at_ms)
        return phases(self.ledger.segment(at_ms), at_ms)[0].voltage_mv

    # Clock, tariff, bills

    def begin_clock(self, at_ms: int, utc_ms: int, status: int = 0) -> None:
        """The clock takes another course: it shows this now."""
        stopped = self.physics.clock.backup == "none" and not self.powered
        before = self.clock.segment(at_ms).ppb
        drift = self.physics.clock.drift_ppb if before == STANDS_STILL else before
        self.clock.begin(ClockSegment(at_ms, utc_ms, STANDS_STILL if stopped else drift, status))
        bound(self)
        self.billing.clock_set(at_ms)
        self.reckon(at_ms)

    def _activate(self, at_ms: int) -> bool:
        if not self.tariff.activate(at_ms):
            return False
        bound(self)
        self.reckon(at_ms)
        self.teller.log(at_ms, "transaction", Code.ACTIVITY_CALENDAR)
        self.teller.tell(at_ms, Kind.TARIFF, self.tariff.at(at_ms).name)
        return True

    def _choose(self, entry: Entry) -> None:
        """Registers by tariff count otherwise from now on."""
        self.activation.begin(entry)
        bound(self)
        self.reckon(entry.at_ms)
        self.replan()

    def _tariff_due_ms(self) -> int:
        passive_ms = self.tariff.passive_ms
        segment = self.clock.segments[-1]
        if passive_ms is None or segment.ppb == STANDS_STILL:
            return FAR
        return max(self._now_ms, segment.true_ms(passive_ms))

    def _bill(self, at_ms: int) -> None:
        self.teller.show(at_ms, BILLING)
        self.teller.tell(at_ms, Kind.BILL, value=self.billing.count)

    # Payment

    def reckon(self, at_ms: int) -> None:
        """Something has changed that charges or supply may depend on."""
        if self.payment is not None:
            self.payment.plan(at_ms)

    def paid(self, at_ms: int, name: str, code: int, amount: int) -> None:
        """The account has something to say: an event, and a happening with the amount."""
        self.teller.log(at_ms, "other", code)
        self.teller.tell(at_ms, Kind.PAYMENT, name, amount)

    # Telling

    def subscribe(self, listener: Listener) -> None:
        """Call a listener with everything that happens, at once and in order."""
        self.teller.subscribe(listener)

    @abstractmethod
    def measured(self, at_ms: int) -> dict[str, int]:
        """What the capturing logs keep with an event."""
