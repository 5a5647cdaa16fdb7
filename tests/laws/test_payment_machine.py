"""Laws of money through any order of tokens, cuts, outages, tariff changes, clock sets and kills, against a twin."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from emulator.meter import Meter
from emulator.metering.tariff import Calendar
from emulator.payment.state import Supply
from emulator.payment.token import Effect
from emulator.payment.token_gateway import Delivery
from emulator.relay import ControlState
from emulator.state import keep
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, make
from tests.emulator.payment.accounts import EMERGENCY, ENERGY, STANDING, TOKENS, look, table

LOADS: list[dict[str, Any]] = [
    {"constant": 0},
    {"constant": 3000},
    {"constant": 9000},
    {"constant": -1500},
    {"household": "urban"},
    {"solar": "rooftop"},
]
SPANS_MS = st.one_of(
    st.integers(1, 1000),
    st.integers(1000, HOUR_MS),
    st.integers(0, DAY_MS),
    st.sampled_from([300_000, HOUR_MS, DAY_MS]),
)
FRIENDLY = {"days": {"1": ["00:00 friendly", "10:00 normal", "17:30 friendly"]}}
ZONES = Calendar(name="other", days={1: ((0, 2), (300, 1), (1200, 3))})
AMOUNTS = st.one_of(st.integers(0, 3000), st.integers(0, 50_000), st.sampled_from([2**31 - 1]))
OPERATING_MS = 200


class PaymentMachine(RuleBasedStateMachine):
    """A meter that is looked at, killed and resumed, and a twin that gets the same inputs and is asked once."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.at_ms = START_MS
        self.accepted: list[int] = []
        self.paid = 0
        self.dark: tuple[int, int] | None = None
        """Since when the switch is open for money, and what the register of import showed then."""

    @initialize(
        load=st.sampled_from(LOADS),
        mode=st.integers(1, 7),
        deviates=st.booleans(),
        friendly=st.booleans(),
        confirmed=st.booleans(),
        zones=st.booleans(),
        collect=st.sampled_from([["disconnected", "load_limiting", "friendly"], ["friendly"], []]),
        backup=st.sampled_from(["battery", "none"]),
        supply=st.sampled_from([{"constant": 240}, {"grid": "rural", "outages_per_month": 30}]),
        phases=st.sampled_from([1, 3]),
    )
    def begin(
        self,
        *,
        load: dict[str, Any],
        mode: int,
        deviates: bool,
        friendly: bool,
        confirmed: bool,
        zones: bool,
        collect: list[str],
        backup: str,
        supply: dict[str, Any],
        phases: int,
    ) -> None:
        payment = table()
        payment["credits"][EMERGENCY]["bits"] = ["confirmation", "paid_back"] if confirmed else ["paid_back"]
        payment["charges"][ENERGY]["rates"] = {"0": 617, "2": 1213}
        payment["charges"][STANDING]["collect"] = collect
        payment["charges"]["0.0.19.20.2.255"]["remaining"] = 4000
        if friendly:
            payment["friendly"] = FRIENDLY
        self.tables = {
            "payment": payment,
            "physics": {"history_days": 1, "phases": phases},
            "relay": {"control_mode": mode, "auto_reconnect": deviates},
            "limiter": {"threshold_normal_w": 8000},
            "tariff": {"days": {"1": ["00:00 1", "06:00 2", "18:15 1"] if zones else ["00:00 1"]}},
            "clock": {"backup": backup},
        }
        self.load, self.supply_table = load, supply
        self.path = Path(self.folder.name) / "meter.state"
        self.resume()
        self.twin = self.make(START_MS)

    def make(self, start_ms: int) -> Meter:
        return make(self.tables, load=self.load, supply=self.supply_table, start_ms=start_ms)

    def resume(self) -> None:
        self.meter, self.state = keep(self.path, {"id": "MB0001", "start_ms": START_MS}, self.make)

    @property
    def both(self) -> tuple[Meter, Meter]:
        return self.meter, self.twin

    def pay(self, verb: str, *arguments: Any) -> bool:
        done = [meter.pay(self.at_ms, verb, *arguments) for meter in self.both]
        assert done[0] is done[1]
        return done[0]

    @rule(span_ms=SPANS_MS)
    def time_passes(self, span_ms: int) -> None:
        self.at_ms += span_ms
        look(self.meter, self.at_ms)

    @rule()
    def kill(self) -> None:
        """Kill -9: what had been done is done again from the file."""
        self.resume()

    @rule(identifier=st.integers(1, 12), amount=AMOUNTS)
    def token(self, identifier: int, amount: int) -> None:
        account = look(self.meter, self.at_ms)
        before = account.paid_in
        arguments = ("00", int(Delivery.REMOTE), None, Effect.CREDIT.value, identifier, amount)
        if self.pay("token", *arguments):
            assert identifier not in self.accepted
            self.accepted.append(identifier)
            self.paid += amount
            assert look(self.meter, self.at_ms).paid_in == before + amount
        else:
            assert look(self.meter, self.at_ms).paid_in == before

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def the_same_token_again(self, data: st.DataObject) -> None:
        identifier = data.draw(st.sampled_from(self.accepted))
        assert not self.pay("token", "00", 0, None, Effect.CREDIT.value, identifier, 500)

    @rule()
    def confirm_emergency_credit(self) -> None:
        self.pay("invoke_credit", EMERGENCY)

    @rule(amount=st.integers(-20_000, 20_000))
    def adjust(self, amount: int) -> None:
        self.pay("update_credit", TOKENS, amount)

    @rule(price=st.integers(0, 2000))
    def other_price(self, price: int) -> None:
        self.pay("update_unit_charge", ENERGY, [["", price]])
        self.pay("activate_passive_unit_charge", ENERGY)

    @rule(price=st.integers(0, 2000), in_ms=SPANS_MS)
    def other_price_later(self, price: int, in_ms: int) -> None:
        self.pay("update_unit_charge", ENERGY, [["", price]])
        self.pay("write_activation", ENERGY, self.at_ms + in_ms)

    @rule(verb=st.sampled_from(["close_account", "reset_account", "activate_account"]))
    def account(self, verb: str) -> None:
        self.pay(verb)

    @rule()
    def calendar(self) -> None:
        for meter in self.both:
            meter.set_passive_calendar(self.at_ms, ZONES)
            assert meter.activate_calendar(self.at_ms)

    @rule(shift_ms=st.one_of(st.integers(-2 * HOUR_MS, 2 * HOUR_MS), st.integers(-40 * DAY_MS, 40 * DAY_MS)))
    def clock_set(self, shift_ms: int) -> None:
        for meter in self.both:
            meter.shift_clock(self.at_ms, shift_ms)

    @rule(present=st.booleans())
    def supply(self, *, present: bool) -> None:
        for meter in self.both:
            (meter.restore if present else meter.outage)(self.at_ms)

    @rule(action=st.sampled_from(["remote_disconnect", "remote_reconnect", "manual_disconnect", "manual_reconnect"]))
    def switch(self, action: str) -> None:
        done = [getattr(meter.relay, action)(self.at_ms) for meter in self.both]
        assert done[0] is done[1]

    @rule(load=st.sampled_from(LOADS))
    def other_load(self, load: dict[str, Any]) -> None:
        for meter in self.both:
            meter.set_load(self.at_ms, load)

    @rule(setting=st.sampled_from([("control_mode", 2), ("control_mode", 7), ("payment_mode", 0), ("payment_mode", 1)]))
    def configure(self, setting: tuple[str, int]) -> None:
        for meter in self.both:
            assert meter.configure(*setting, self.at_ms)

    @invariant()
    def money_is_conserved_to_the_unit(self) -> None:
        if not hasattr(self, "meter"):
            return
        account = look(self.meter, self.at_ms)
        assert account.unaccounted == 0
        assert account.paid_in == self.paid

    @invariant()
    def out_of_credit_nothing_flows(self) -> None:
        if not hasattr(self, "meter"):
            return
        meter = self.meter
        account = look(meter, self.at_ms)
        if account.supply is not Supply.WITHHELD or not meter.running:
            return
        assert meter.relay.state is not ControlState.CONNECTED
        if self.at_ms >= meter.relay.since_ms + OPERATING_MS:
            assert not meter.relay.contact_closed
            assert meter.value("current", self.at_ms) == 0

    @invariant()
    def out_of_credit_no_energy_is_counted(self) -> None:
        """Between two looks, too: the register stands still for as long as the switch stays open."""
        if not hasattr(self, "meter"):
            return
        meter = self.meter
        account = look(meter, self.at_ms)
        since_ms, known = meter.relay.since_ms, self.dark
        self.dark = None
        if account.supply is Supply.WITHHELD and meter.running and self.at_ms >= since_ms + OPERATING_MS:
            self.dark = (since_ms, meter.value("active_energy_import", self.at_ms))
            assert known is None or known[0] != since_ms or known == self.dark

    @invariant()
    def supply_is_withheld_for_a_reason(self) -> None:
        if not hasattr(self, "meter") or not self.meter.running or self.meter.payment is None:
            return
        account = look(self.meter, self.at_ms)
        withheld = account.supply is Supply.WITHHELD
        if account.in_use is not None and account.available >= account.clearance_threshold:
            assert not withheld
        wanted = account.status.name == "ACTIVE" and self.meter.payment_mode == 1 and account.in_use is None
        if wanted and not self.meter.payment.friendly(self.at_ms):
            assert withheld

    def teardown(self) -> None:
        if hasattr(self, "meter"):
            at_ms = self.at_ms + DAY_MS
            assert shown(self.meter, at_ms) == shown(self.twin, at_ms)
        self.folder.cleanup()


def shown(meter: Meter, at_ms: int) -> dict[str, object]:
    """All that an account shows, and the switch with it."""
    account = look(meter, at_ms)
    return {
        "account": (account.status, account.supply, account.available, account.amount_to_clear, account.debt),
        "bits": account.status_bits(),
        "credits": [(each.amount, each.status, each.lent, each.warned) for each in account.credits],
        "charges": [
            (each.paid, each.owed, each.remaining, each.last_ms, each.last_amount, each.due_ms)
            for each in account.charges
        ],
        "switch": (meter.relay.state, meter.relay.cause, meter.relay.since_ms, meter.relay.contact_closed),
        "events": meter.event_log.rows("other", at_ms, 1, 50) + meter.event_log.rows("control", at_ms, 1, 50),
        "wake": meter.wake_ms(),
    }


TestPaymentMachine = PaymentMachine.TestCase
TestPaymentMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
