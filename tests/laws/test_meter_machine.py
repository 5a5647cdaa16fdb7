"""Laws of one meter through any sequence of inputs, against a twin that is never asked and takes no small steps."""

from itertools import accumulate
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from emulator.event.condition import INPUTS
from emulator.meter import Meter
from emulator.relay import ControlState
from tests.emulator.meters import BILLING, BLOCK, DAILY, DAY_MS, HOUR_MS, START_MS, everything, make

LOADS: list[dict[str, Any]] = [
    {"constant": 0},
    {"constant": 700, "power_factor": 0.8},
    {"constant": 20_000},
    {"constant": -1500, "power_factor": 0.9, "lead": True},
    {"household": "urban"},
    {"solar": "rooftop"},
]
SPANS_MS = st.one_of(
    st.integers(1, 1000),
    st.integers(1000, HOUR_MS),
    st.sampled_from([300_000, 900_000, HOUR_MS]),
    st.integers(0, DAY_MS),
)
MODES = st.integers(0, 7)


class MeterMachine(RuleBasedStateMachine):
    """A meter that is watched at every step, and a twin that gets the same inputs and is looked at once, at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.at_ms = START_MS

    @initialize(
        load=st.sampled_from(LOADS),
        mode=MODES,
        deviates=st.booleans(),
        phases=st.sampled_from([1, 3]),
        outage=st.sampled_from(["fill", "skip"]),
        switches=st.sampled_from([["00:00 1"], ["00:00 2", "06:00 1", "18:15 3"]]),
        backup=st.sampled_from(["battery", "none"]),
        drift=st.sampled_from([0, 50_000, -2_000_000]),
        supply=st.sampled_from([{"constant": 240}, {"grid": "rural", "outages_per_month": 30}]),
        element=st.sampled_from([{}, {"error_ppm": -7_001}, {"starting_current_ma": 1500, "error_spread_ppm": 20_000}]),
    )
    def begin(
        self,
        *,
        load: dict[str, Any],
        mode: int,
        deviates: bool,
        phases: int,
        outage: str,
        switches: list[str],
        backup: str,
        drift: int,
        supply: dict[str, Any],
        element: dict[str, int],
    ) -> None:
        table = {
            "physics": {"history_days": 2, "phases": phases, **element},
            "relay": {"control_mode": mode, "auto_reconnect": deviates},
            "limiter": {"threshold_normal_w": 15_000},
            "profiles": {"block_load": {"outage": outage}, "daily_load": {"outage": "fill"}},
            "tariff": {"days": {"1": switches}},
            "clock": {"backup": backup, "drift_ppb": drift},
        }
        self.fill = outage == "fill"
        self.meter = make(table, load=load, supply=supply)
        self.twin = make(table, load=load, supply=supply)
        self.energy = (0, 0)
        self.remotely_cut = False
        self.frozen: tuple[object, int] | None = None

    @property
    def both(self) -> tuple[Meter, Meter]:
        return self.meter, self.twin

    @rule(span_ms=SPANS_MS)
    def time_passes(self, span_ms: int) -> None:
        self.at_ms += span_ms
        self.meter.advance(self.at_ms)

    @rule()
    def remote_disconnect(self) -> None:
        done = [meter.relay.remote_disconnect(self.at_ms) for meter in self.both]
        assert done[0] is done[1]
        if done[0]:
            assert self.meter.relay.state is ControlState.DISCONNECTED
            self.remotely_cut = True

    @rule()
    def remote_reconnect(self) -> None:
        done = [meter.relay.remote_reconnect(self.at_ms) for meter in self.both]
        assert done[0] is done[1]
        if done[0]:
            self.remotely_cut = False

    @rule()
    def press_to_disconnect(self) -> None:
        for meter in self.both:
            meter.relay.manual_disconnect(self.at_ms)

    @rule()
    def press_to_reconnect(self) -> None:
        for meter in self.both:
            meter.relay.manual_reconnect(self.at_ms)

    @rule(weld=st.sampled_from([None, "closed", "open"]))
    def weld(self, weld: str | None) -> None:
        self.frozen = None
        for meter in self.both:
            meter.relay.set_weld(self.at_ms, weld)

    @rule(present=st.booleans())
    def supply(self, *, present: bool) -> None:
        for meter in self.both:
            (meter.restore if present else meter.outage)(self.at_ms)

    @rule(permille=st.sampled_from([0, 400, 700, 1000, 1200]), phase=st.sampled_from([None, 1]))
    def voltage(self, permille: int, phase: int | None) -> None:
        for meter in self.both:
            meter.set_voltage(self.at_ms, permille, phase)

    @rule(load=st.sampled_from(LOADS))
    def other_load(self, load: dict[str, Any]) -> None:
        for meter in self.both:
            meter.set_load(self.at_ms, load)

    @rule(name=st.sampled_from(sorted(INPUTS)), level=st.sampled_from([0, 400, 1000]))
    def bench_input(self, name: str, level: int) -> None:
        for meter in self.both:
            meter.set_input(self.at_ms, name, level)

    @rule(shift_ms=st.one_of(st.integers(-2 * HOUR_MS, 2 * HOUR_MS), st.integers(-40 * DAY_MS, 40 * DAY_MS)))
    def clock_set(self, shift_ms: int) -> None:
        for meter in self.both:
            meter.shift_clock(self.at_ms, shift_ms)

    @rule(
        setting=st.sampled_from(
            [
                ("block_period_s", 1800),
                ("block_period_s", 900),
                ("demand_period_s", 900),
                ("load_limit_w", 500),
                ("load_limit_w", 15_000),
                ("metering_mode", 0),
                ("metering_mode", 1),
                ("apparent_energy", 1),
                ("billing_day", 29),
            ]
        )
    )
    def configure(self, setting: tuple[str, int]) -> None:
        name, value = setting
        done = [meter.configure(name, value, self.at_ms) for meter in self.both]
        assert done == [True, True]

    @rule(mode=MODES)
    def control_mode(self, mode: int) -> None:
        for meter in self.both:
            assert meter.configure("control_mode", mode, self.at_ms)
        if not mode:
            self.remotely_cut = False

    @rule()
    def billing_reset(self) -> None:
        for meter in self.both:
            meter.billing_reset(self.at_ms)

    @invariant()
    def registers_never_fall(self) -> None:
        if not hasattr(self, "meter"):
            return
        energy = (
            self.meter.value("active_energy_import", self.at_ms),
            self.meter.value("active_energy_export", self.at_ms),
        )
        assert energy >= self.energy
        assert energy[1] >= self.energy[1]
        self.energy = energy

    @invariant()
    def an_open_contact_carries_nothing(self) -> None:
        if not hasattr(self, "meter"):
            return
        if self.meter.relay.contact_closed and self.meter.powered:
            self.frozen = None
            return
        for name in ("current", "active_power", "apparent_power", "reactive_power", "current_neutral"):
            assert self.meter.value(name, self.at_ms) == 0
        # The contact may have closed and opened between two looks; these tell whether it can have.
        relay, log = self.meter.relay, self.meter.event_log
        since = (relay.since_ms, relay.weld, relay.contact_closed, log.sequence("power"))
        energy = self.meter.value("active_energy_import", self.at_ms)
        if self.frozen and self.frozen[0] == since:
            assert self.frozen[1] == energy
        self.frozen = (since, energy)

    @invariant()
    def nothing_reconnects_a_remote_cut(self) -> None:
        if hasattr(self, "meter") and self.remotely_cut:
            assert self.meter.relay.state is ControlState.DISCONNECTED

    @invariant()
    def voltage_times_current_is_power(self) -> None:
        if not hasattr(self, "meter"):
            return
        for phase in range(1, self.meter.physics.metering.phases + 1):
            volts, amps, power = (
                self.meter.value(f"{name}_l{phase}", self.at_ms) for name in ("voltage", "current", "apparent_power")
            )
            assert abs(volts * amps // 1000 - power) <= volts // 1000 + 1

    @invariant()
    def rows_add_up_to_the_register(self) -> None:
        if not hasattr(self, "meter"):
            return
        history = self.meter.history
        count = history.entries("block_load", self.at_ms)
        rows = history.rows("block_load", self.at_ms, 1, count, BLOCK)
        for place, name in ((1, "active_energy_import"), (2, "apparent_energy_import"), (3, "active_energy_export")):
            sums = [0, *accumulate(row[place] for row in rows)]
            now = self.meter.value(name, self.at_ms)
            assert sums == sorted(sums)
            assert sums[-1] <= now
            if not self.fill:
                continue
            for daily in history.rows("daily_load", self.at_ms, 1, history.entries("daily_load", self.at_ms), DAILY):
                assert daily[place] in sums
        bills = history.rows("billing", self.at_ms, 1, history.entries("billing", self.at_ms), BILLING)
        assert bills[-1][1] == self.meter.value("active_energy_import", self.at_ms)
        assert [bill[1] for bill in bills] == sorted(bill[1] for bill in bills)

    def teardown(self) -> None:
        if not hasattr(self, "meter"):
            return
        at_ms = self.at_ms + DAY_MS
        assert everything(self.meter, at_ms) == everything(self.twin, at_ms)


TestMeterMachine = MeterMachine.TestCase
TestMeterMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
