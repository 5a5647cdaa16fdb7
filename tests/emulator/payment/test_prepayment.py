"""An account on a meter: exact instants, supply that follows, and the switch that somebody else has opened."""

from dataclasses import replace

from emulator.limiter import EmergencyProfile
from emulator.meter import Meter
from emulator.payment.state import CreditStatus, Supply
from emulator.relay import Cause
from protocols.model.activation import Activation
from protocols.model.physics import Physics
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, PhysicalModel, codes, make
from tests.emulator.payment.accounts import (
    EMERGENCY,
    STANDING,
    TOKENS,
    balance,
    enter,
    look,
    notices,
    prepaid,
    prepayment,
    table,
)


def switch(meter: Meter) -> str:
    """The state of the load switch."""
    return meter.relay.state.name


def test_a_kilowatt_hour_costs_its_price_to_the_unit() -> None:
    meter = prepaid()
    assert balance(meter, START_MS + HOUR_MS) == 10_000 - 600
    # A step of the register, 100 mWh, takes 360 ms; the seventeenth completes a unit.
    assert balance(meter, START_MS + HOUR_MS + 17 * 360 - 1) == 10_000 - 600
    assert balance(meter, START_MS + HOUR_MS + 17 * 360) == 10_000 - 601


def steps_ms(units: int) -> int:
    """When a kilowatt at 600 an hour has cost so much: whole steps of 360 ms, 50 of them for three units."""
    return -(-units * 50 // 3) * 360


def test_money_runs_out_at_the_exact_instant_and_the_switch_opens() -> None:
    meter = prepaid()
    heard = notices(meter)
    # 10,000 paise at 600 an hour: 16 h 40 min; the standing charge comes at midnight only.
    meter.advance(START_MS + DAY_MS - 1)
    spent_ms = steps_ms(10_000)
    assert heard == [
        (steps_ms(5001), "low_credit", 4999),
        (steps_ms(7000), "credit_warning", 3000),
        (steps_ms(9000), "emergency_credit_selectable", 5000),
        (spent_ms, "credit_exhausted", 0),
        (spent_ms, "out_of_credit", 0),
    ]
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert meter.relay.cause == Cause.CREDIT
    assert meter.relay.since_ms == START_MS + spent_ms
    assert meter.value("active_power", START_MS + DAY_MS - 1) == 0
    assert look(meter, START_MS + DAY_MS - 1).supply is Supply.WITHHELD
    # What flows while the contact operates is an overdraft: 200 ms of a kilowatt cost less than a unit.
    assert balance(meter, START_MS + DAY_MS - 1) == 0


def test_a_token_brings_supply_back_by_the_meters_own_logic() -> None:
    meter = prepaid()
    at_ms = START_MS + 20 * HOUR_MS
    assert enter(meter, at_ms, 1, 2000)
    assert switch(meter) == "CONNECTED"
    assert balance(meter, at_ms) == 2000
    assert meter.value("active_power", at_ms + 1000) == 1_000_000
    assert codes(meter, "control", at_ms) == [301, 302]
    assert codes(meter, "other", at_ms)[-2:] == [909, 908]


def test_neither_the_button_nor_a_remote_reconnect_gives_supply_without_credit() -> None:
    meter = prepaid(relay={"control_mode": 2})
    at_ms = START_MS + 20 * HOUR_MS
    assert not meter.relay.manual_reconnect(at_ms)
    meter.relay.remote_reconnect(at_ms + 1000)
    meter.advance(at_ms + 2000)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert not meter.relay.contact_closed


def test_credit_never_reconnects_what_was_cut_remotely() -> None:
    meter = prepaid()
    meter.relay.remote_disconnect(START_MS + HOUR_MS)
    assert enter(meter, START_MS + 2 * HOUR_MS, 1, 100_000)
    meter.advance(START_MS + DAY_MS)
    assert switch(meter) == "DISCONNECTED"
    # Out of credit at the same time: the remote cut stays the stronger one.
    out = prepaid()
    out.relay.remote_disconnect(START_MS + 20 * HOUR_MS)
    assert switch(out) == "DISCONNECTED"
    enter(out, START_MS + 21 * HOUR_MS, 1, 100_000)
    assert switch(out) == "DISCONNECTED"
    assert out.relay.remote_reconnect(START_MS + 22 * HOUR_MS)
    assert switch(out) == "CONNECTED"


def test_without_a_local_reconnect_the_button_must_be_pressed() -> None:
    meter = prepaid(relay={"control_mode": 4, "auto_reconnect": False})
    at_ms = START_MS + 20 * HOUR_MS
    assert enter(meter, at_ms, 1, 2000)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert meter.relay.manual_reconnect(at_ms + 1000)
    assert switch(meter) == "CONNECTED"


def test_a_load_limit_keeps_its_own_rules_beside_money() -> None:
    meter = prepaid(watts=3000, limiter={"threshold_normal_w": 2000})
    meter.advance(START_MS + 61_000)
    assert meter.relay.cause == Cause.LOAD_LIMIT
    enter(meter, START_MS + 70_000, 1, 500)
    assert switch(meter) == "READY_FOR_RECONNECTION"  # its five minutes have not passed
    meter.advance(START_MS + 361_000)
    assert switch(meter) == "CONNECTED"


def test_emergency_credit_is_offered_confirmed_used_and_paid_back_first() -> None:
    meter = prepaid()
    refused_ms = START_MS + HOUR_MS
    assert not meter.pay(refused_ms, "invoke_credit", EMERGENCY)
    at_ms = START_MS + 17 * HOUR_MS
    assert look(meter, at_ms).supply is Supply.WITHHELD
    assert meter.pay(at_ms, "invoke_credit", EMERGENCY)
    account = look(meter, at_ms)
    assert (account.supply, account.available, account.lent) == (Supply.GIVEN, 5000, 5000)
    assert switch(meter) == "CONNECTED"
    later_ms = at_ms + 2 * HOUR_MS
    assert balance(meter, later_ms, EMERGENCY) == 5000 - 1200
    assert look(meter, later_ms).amount_to_clear == 1200
    assert enter(meter, later_ms, 1, 1000)
    assert (balance(meter, later_ms, EMERGENCY), balance(meter, later_ms)) == (4800, 0)
    assert enter(meter, later_ms, 2, 1000)
    assert (balance(meter, later_ms, EMERGENCY), balance(meter, later_ms)) == (0, 800)
    emergency = look(meter, later_ms).credits[1]
    assert (emergency.status, emergency.lent) == (CreditStatus.SELECTABLE, 0)
    assert look(meter, later_ms).unaccounted == 0


def test_emergency_credit_without_confirmation_takes_over_by_itself_and_ends() -> None:
    credits_table = {EMERGENCY: table()["credits"][EMERGENCY] | {"bits": ["paid_back"], "available_threshold": 0}}
    meter = prepaid(table(credits=credits_table))
    heard = notices(meter)
    meter.advance(START_MS + 23 * HOUR_MS)
    assert [name for _, name, _ in heard][-3:] == ["credit_exhausted", "emergency_credit_invoked", "low_credit"]
    assert switch(meter) == "CONNECTED"
    meter.advance(START_MS + 3 * DAY_MS)
    assert [name for _, name, _ in heard][-2:] == ["credit_exhausted", "out_of_credit"]
    assert look(meter, START_MS + 3 * DAY_MS).supply is Supply.WITHHELD


FRIENDLY = {
    "days": {"1": ["00:00 friendly", "11:00 normal", "17:30 friendly"], "2": ["00:00 friendly"]},
    "week": [1, 1, 1, 1, 1, 1, 2],
    "special_days": {"10-29": 2},
}


def test_friendly_hours_keep_supply_and_the_balance_runs_below_zero() -> None:
    # 2 kW: out of credit at 08:20, a Monday; friendly until 11:00.
    meter = prepaid(table(friendly=FRIENDLY), watts=2000)
    nine_ms = START_MS + 9 * HOUR_MS
    assert look(meter, nine_ms).supply is Supply.FRIENDLY
    assert switch(meter) == "CONNECTED"
    assert balance(meter, nine_ms) == 10_000 - 9 * 1200
    meter.advance(START_MS + 11 * HOUR_MS)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert meter.relay.since_ms == START_MS + 11 * HOUR_MS
    # Friendly hours do not bring back what was withheld; the special day's are no other.
    meter.advance(START_MS + 30 * HOUR_MS)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    owed = -balance(meter, START_MS + 30 * HOUR_MS)
    assert owed == 11 * 1200 - 10_000 + 1000
    assert enter(meter, START_MS + 30 * HOUR_MS, 1, owed)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert enter(meter, START_MS + 30 * HOUR_MS, 2, 1)
    assert switch(meter) == "CONNECTED"


def test_a_charge_over_time_is_collected_at_midnight_whatever_the_clock_is_set_to() -> None:
    meter = prepaid(watts=0)
    assert balance(meter, START_MS + DAY_MS - 1) == 10_000
    assert balance(meter, START_MS + DAY_MS) == 9000
    meter.set_clock(START_MS + DAY_MS + 1, START_MS + 30 * DAY_MS)
    assert balance(meter, START_MS + DAY_MS + 2) == 9000
    meter.set_clock(START_MS + DAY_MS + 3, START_MS)
    assert balance(meter, START_MS + 2 * DAY_MS - 1) == 9000
    assert balance(meter, START_MS + 2 * DAY_MS) == 8000


def test_charges_fall_due_in_the_dark_and_are_followed_up_with_the_supply() -> None:
    meter = prepaid(watts=0)
    meter.outage(START_MS + HOUR_MS)
    meter.advance(START_MS + 20 * DAY_MS)
    assert switch(meter) == "CONNECTED"
    meter.restore(START_MS + 20 * DAY_MS)
    meter.advance(START_MS + 20 * DAY_MS + HOUR_MS)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert balance(meter, START_MS + 20 * DAY_MS + HOUR_MS) == 10_000 - 20_000


def test_what_is_not_collected_while_disconnected_is_not_owed() -> None:
    charges = {STANDING: table()["charges"][STANDING] | {"collect": ["load_limiting", "friendly"]}}
    meter = prepaid(table(charges=charges), watts=0)
    meter.relay.remote_disconnect(START_MS + HOUR_MS)
    assert balance(meter, START_MS + 3 * DAY_MS) == 10_000
    meter.relay.remote_reconnect(START_MS + 3 * DAY_MS + 1)
    assert balance(meter, START_MS + 4 * DAY_MS) == 9000


def test_what_is_not_collected_while_the_load_is_limited_is_not_owed() -> None:
    charges = {STANDING: table()["charges"][STANDING] | {"collect": ["disconnected", "friendly"]}}
    meter = prepaid(table(charges=charges), watts=0)
    at_ms = START_MS + HOUR_MS
    meter.set_emergency(START_MS, EmergencyProfile(1, at_ms, 86_400), (1,))
    assert balance(meter, START_MS + DAY_MS + 1) == 10_000
    assert balance(meter, START_MS + 2 * DAY_MS) == 9000


def test_each_tariff_zone_has_its_price() -> None:
    charges = {
        "0.0.19.20.0.255": {"type": "consumption", "priority": 1, "rates": {"1": 500, "2": 800}},
        STANDING: {"absent": True},
    }
    payment = table()
    payment["charges"] = {"0.0.19.20.0.255": charges["0.0.19.20.0.255"]}
    meter = prepaid(payment, tariff={"days": {"1": ["00:00 1", "06:00 2", "10:00 1"]}})
    assert balance(meter, START_MS + 12 * HOUR_MS) == 10_000 - 8 * 500 - 4 * 800


def test_a_tariff_that_a_client_puts_in_force_has_its_price_until_the_calendar_switches() -> None:
    payment = table()
    payment["charges"] = {"0.0.19.20.0.255": {"type": "consumption", "priority": 1, "rates": {"1": 500, "2": 800}}}
    name = "0.0.14.0.0.255"
    activation = Activation(
        logical_name=name,
        registers=("active_energy_import_t1", "active_energy_import_t2"),
        masks=(("T1", (1,)), ("T2", (2,))),
        scripts=((1, "T1"), (2, "T2")),
    )
    tables = {"physics": {"history_days": 3}, "payment": payment, "tariff": {"days": {"1": ["00:00 1", "10:00 2"]}}}
    physics = replace(Physics.from_table(tables), activations=(activation,))
    load, supply = {"constant": 1000}, {"constant": 240}
    meter = Meter("MB0001", PhysicalModel(physics), 42, load, supply, START_MS)
    assert meter.activate_mask(START_MS + 4 * HOUR_MS, name, "T2")
    assert meter.activate_mask(START_MS + 11 * HOUR_MS, name, "T1")
    assert balance(meter, START_MS + 12 * HOUR_MS) == 10_000 - 4 * 500 - 6 * 800 - 800 - 500


def test_another_unit_charge_counts_from_its_instant_and_no_fraction_is_lost() -> None:
    meter = prepaid()
    at_ms = START_MS + HOUR_MS + 3000  # half a paisa is owed
    assert meter.pay(at_ms, "update_unit_charge", "0.0.19.20.0.255", [["", 1200]])
    assert meter.pay(at_ms, "write_activation", "0.0.19.20.0.255", at_ms)
    assert balance(meter, at_ms + 9 * 360) == 10_000 - 601
    assert balance(meter, at_ms + HOUR_MS) == 10_000 - 600 - 1200
    assert look(meter, at_ms + HOUR_MS).charges[0].active.price(1) == 1200
    assert codes(meter, "other", at_ms + HOUR_MS).count(912) == 1


def test_payment_charges_take_their_part_of_each_token_until_nothing_remains() -> None:
    charges = {"0.0.19.20.2.255": table()["charges"]["0.0.19.20.2.255"] | {"remaining": 500}}
    meter = prepaid(table(charges=charges), watts=0)
    assert enter(meter, START_MS + 1, 1, 1000)
    assert balance(meter, START_MS + 1) == 10_800
    assert look(meter, START_MS + 1).debt == 300
    assert enter(meter, START_MS + 2, 2, 10_000)
    account = look(meter, START_MS + 2)
    assert (account.debt, balance(meter, START_MS + 2)) == (0, 10_800 + 9700)
    assert (account.charges[2].paid, account.charges[2].last_amount) == (500, 300)


def test_a_provision_bounds_what_payments_lose_in_a_period() -> None:
    charges = {"0.0.19.20.2.255": table()["charges"]["0.0.19.20.2.255"] | {"remaining": 50_000}}
    account = {"max_provision": 300, "max_provision_period_s": 86_400}
    meter = prepaid(table(charges=charges, account=account), watts=0)
    assert enter(meter, START_MS + 1, 1, 1000)
    assert enter(meter, START_MS + 2, 2, 1000)
    assert look(meter, START_MS + 2).charges[2].paid == 300
    assert enter(meter, START_MS + DAY_MS + 1, 3, 1000)
    assert look(meter, START_MS + DAY_MS + 1).charges[2].paid == 500


def test_an_amount_that_would_overflow_is_refused_with_an_event_and_the_meter_stays_as_it_was() -> None:
    meter = prepaid(watts=0)
    huge = 2**31 - 1
    assert not meter.pay(START_MS + 1, "update_credit", TOKENS, huge)
    assert not enter(meter, START_MS + 2, 1, huge)
    assert not meter.pay(START_MS + 3, "update_remaining", "0.0.19.20.2.255", -1)
    assert balance(meter, START_MS + 4) == 10_000
    assert codes(meter, "other", START_MS + 4) == [911, 911, 910, 911]
    assert enter(meter, START_MS + 5, 1, 100)  # the identifier has not been used up
    assert balance(meter, START_MS + 5) == 10_100


def test_a_charge_that_would_overflow_by_a_payment_is_refused() -> None:
    charges = {"0.0.19.20.2.255": table()["charges"]["0.0.19.20.2.255"] | {"continuous": True}}
    meter = prepaid(table(charges=charges), watts=0)
    look(meter, START_MS).charges[2].paid = 2**31 - 100
    assert not enter(meter, START_MS + 1, 1, 1000)
    assert (look(meter, START_MS + 1).charges[2].paid, balance(meter, START_MS + 1)) == (2**31 - 100, 10_000)
    assert enter(meter, START_MS + 2, 1, 100)


def test_a_charge_that_ends_collects_no_more_than_remains() -> None:
    charges = {
        "0.0.19.20.0.255": table()["charges"]["0.0.19.20.0.255"] | {"continuous": False, "remaining": 250},
    }
    meter = prepaid(table(charges=charges))
    assert balance(meter, START_MS + 10 * HOUR_MS) == 10_000 - 250
    charge = look(meter, START_MS + 11 * HOUR_MS).charges[0]
    assert (charge.paid, charge.remaining, charge.owed) == (250, 0, 0)


def test_postpaid_a_meter_gives_supply_on_credit_and_the_mode_leaves_events() -> None:
    meter = prepaid(watts=2000)
    assert meter.configure("payment_mode", 0, START_MS + HOUR_MS)
    assert meter.configure("payment_mode", 0, START_MS + HOUR_MS + 1)
    assert balance(meter, START_MS + 20 * HOUR_MS) == 10_000 - 20 * 1200
    assert switch(meter) == "CONNECTED"
    assert meter.configure("payment_mode", 1, START_MS + 20 * HOUR_MS)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert [code for code in codes(meter, "other", START_MS + DAY_MS - 1) if code < 900] == [211, 212]


def test_the_mode_events_come_on_every_indian_meter() -> None:
    meter = make()
    assert meter.configure("payment_mode", 1, START_MS + 1)
    assert codes(meter, "other", START_MS + 1) == [212]
    assert not meter.configure("payment_mode", 2, START_MS + 2)
    assert not meter.pay(START_MS + 3, "close_account")


def test_a_closed_account_collects_nothing_and_withholds_nothing() -> None:
    meter = prepaid()
    at_ms = START_MS + 20 * HOUR_MS
    assert meter.pay(at_ms, "close_account")
    assert switch(meter) == "CONNECTED"
    assert not enter(meter, at_ms, 1, 500)
    owed = balance(meter, at_ms)
    assert balance(meter, at_ms + 3 * DAY_MS) == owed
    assert not meter.pay(at_ms + 3 * DAY_MS, "activate_account")
    assert meter.pay(at_ms + 3 * DAY_MS, "reset_account")
    assert balance(meter, at_ms + 3 * DAY_MS) == 0
    assert look(meter, at_ms + 3 * DAY_MS).unaccounted == 0
    assert meter.pay(at_ms + 3 * DAY_MS, "activate_account")
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert enter(meter, at_ms + 3 * DAY_MS, 1, 500)
    assert switch(meter) == "CONNECTED"


def test_a_collection_is_dated_by_the_instant_at_which_its_unit_became_due() -> None:
    often, once = prepaid(watts=100), prepaid(watts=100)
    for minute in range(180):
        look(often, START_MS + minute * 60_000)
    for meter in (often, once):
        charge = look(meter, START_MS + 3 * HOUR_MS + 1234).charges[0]
        assert (charge.last_ms, charge.last_amount) == (START_MS + 3 * HOUR_MS, 1)


def test_a_clearance_threshold_must_be_reached_before_supply_comes_back() -> None:
    meter = prepaid(table(account={"clearance_threshold": 1000}))
    at_ms = START_MS + 20 * HOUR_MS
    assert look(meter, at_ms).amount_to_clear == 1000
    assert enter(meter, at_ms, 1, 999)
    assert switch(meter) == "READY_FOR_RECONNECTION"
    assert enter(meter, at_ms + 1, 2, 1)
    assert switch(meter) == "CONNECTED"


def test_the_account_of_a_meter_without_load_wakes_it_for_the_standing_charge_alone() -> None:
    meter = prepaid(watts=0)
    assert prepayment(meter).due_ms == START_MS + DAY_MS
