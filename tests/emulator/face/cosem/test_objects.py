"""Limiter, scripts, billing schedule, identity and memory: what other objects of the models do."""

import pytest

from emulator.face.cosem.state import state_reader
from protocols.cosem.data_type import parse
from protocols.dlms.date_time import LAST_DAY, Date, Time, encode_utc_ms
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value, encode
from protocols.model.loader import load
from protocols.model.table import ModelError
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, FakeMeter, desk

LIMITER = bytes((0, 0, 17, 0, 0, 255))
RESET_SCRIPT = bytes((0, 0, 10, 0, 1, 255))
SWITCH_SCRIPT = bytes((0, 0, 10, 0, 106, 255))
BILLING_DATES = bytes((0, 0, 15, 0, 0, 255))
BALANCE = bytes((0, 0, 94, 96, 24, 255))
FILTER = bytes((0, 0, 94, 91, 26, 255))


@pytest.fixture
def d1() -> Desk:
    return desk(load("is15959-d1"))


def meter_of(each: Desk) -> FakeMeter:
    meter = each.face.meter
    assert isinstance(meter, FakeMeter)
    return meter


def write(each: Desk, class_id: int, instance: bytes, number: int, value: Value) -> DataAccessResult:
    return each.face.set(each.association, class_id, instance, number, None, encode(value), each.now_us)


def run(each: Desk, table: bytes, script: int) -> ActionResult:
    parameter = encode((int(Tag.LONG_UNSIGNED), script))
    return each.face.action(each.association, 9, table, 1, parameter, each.now_us)[0]


def schedule(day: int, hour: int = 0, minute: int = 0) -> Value:
    entry = [
        (int(Tag.OCTET_STRING), Time(hour, minute, 0, 0).encode()),
        (int(Tag.OCTET_STRING), Date(day=day).encode()),
    ]
    return int(Tag.ARRAY), [(int(Tag.STRUCTURE), entry)]


def test_the_reset_script_ends_the_billing_period(d1: Desk) -> None:
    assert run(d1, RESET_SCRIPT, 1) is ActionResult.SUCCESS
    assert meter_of(d1).resets == [NOON_MS]
    assert run(d1, RESET_SCRIPT, 2) is ActionResult.OTHER_REASON


def test_a_script_invokes_the_method_that_it_names(d1: Desk) -> None:
    assert run(d1, SWITCH_SCRIPT, 1) is ActionResult.SUCCESS
    assert not meter_of(d1).relay.connected
    assert run(d1, SWITCH_SCRIPT, 2) is ActionResult.SUCCESS
    assert meter_of(d1).relay.connected
    meter_of(d1).relay.willing = False
    assert run(d1, SWITCH_SCRIPT, 1) is ActionResult.OTHER_REASON


def test_billing_dates_are_a_day_of_the_month_and_an_hour(d1: Desk) -> None:
    key = "22:0.0.15.0.0.255"
    assert d1.value(key, 4) == (Tag.ARRAY, [])
    assert write(d1, 22, BILLING_DATES, 4, schedule(1)) is DataAccessResult.SUCCESS
    assert meter_of(d1).parameters["billing_day"] == 1
    assert d1.value(key, 4) == schedule(1)
    assert write(d1, 22, BILLING_DATES, 4, schedule(LAST_DAY)) is DataAccessResult.SUCCESS
    assert meter_of(d1).parameters["billing_day"] == 31
    assert write(d1, 22, BILLING_DATES, 4, schedule(5, hour=6)) is DataAccessResult.SUCCESS
    assert (meter_of(d1).parameters["billing_day"], meter_of(d1).parameters["billing_hour"]) == (5, 6)
    assert d1.value(key, 4) == schedule(5, hour=6)
    assert write(d1, 22, BILLING_DATES, 4, schedule(5, hour=7)) is DataAccessResult.SUCCESS
    assert d1.value(key, 4) == schedule(5, hour=7)
    assert write(d1, 22, BILLING_DATES, 4, schedule(5, hour=7, minute=30)) is DataAccessResult.OTHER_REASON
    assert write(d1, 22, BILLING_DATES, 4, (int(Tag.ARRAY), schedule(1)[1] * 2)) is DataAccessResult.OTHER_REASON
    assert write(d1, 22, BILLING_DATES, 4, (int(Tag.ARRAY), [])) is DataAccessResult.SUCCESS
    assert meter_of(d1).parameters["billing_day"] == 0


def test_the_emergency_profile_reaches_the_limiter(d1: Desk) -> None:
    key = "71:0.0.17.0.0.255"
    when = encode_utc_ms(NOON_MS, -330)
    profile: Value = (
        int(Tag.STRUCTURE),
        [(int(Tag.LONG_UNSIGNED), 7), (int(Tag.OCTET_STRING), when), (int(Tag.DOUBLE_LONG_UNSIGNED), 600)],
    )
    groups: Value = (int(Tag.ARRAY), [(int(Tag.LONG_UNSIGNED), 7)])
    # IS 15959 lets the utility set the normal threshold and the durations only.
    assert write(d1, 71, LIMITER, 8, profile) is DataAccessResult.READ_WRITE_DENIED
    inside = d1.face.plan.inside.writers
    assert inside[71, LIMITER, 8][1](d1.face, NOON_MS, profile, d1.association) is DataAccessResult.SUCCESS
    assert inside[71, LIMITER, 9][1](d1.face, NOON_MS, groups, d1.association) is DataAccessResult.SUCCESS
    assert meter_of(d1).limiter.emergency == (7, NOON_MS, 600)
    assert d1.value(key, 8)[1][0] == (Tag.LONG_UNSIGNED, 7)
    assert d1.value(key, 8)[1][1][1][:8] == when[:8]
    assert d1.value(key, 9) == groups
    assert d1.value(key, 10) == (Tag.BOOLEAN, False)


def test_what_the_meter_does_not_know_is_remembered(d1: Desk) -> None:
    other = desk(load("is15959-d1"))
    assert write(d1, 1, BALANCE, 2, (int(Tag.DOUBLE_LONG), -1250)) is DataAccessResult.SUCCESS
    assert d1.value("1:0.0.94.96.24.255", 2) == (Tag.DOUBLE_LONG, -1250)
    assert other.value("1:0.0.94.96.24.255", 2) == (Tag.DOUBLE_LONG, 0)
    assert write(d1, 1, BALANCE, 2, (int(Tag.VISIBLE_STRING), "much")) is DataAccessResult.TYPE_UNMATCHED


def test_the_mis_numbered_payment_objects_are_other_names_of_the_right_ones(d1: Desk) -> None:
    alias = bytes((0, 0, 94, 91, 24, 255))
    assert write(d1, 1, alias, 2, (int(Tag.DOUBLE_LONG), 4200)) is DataAccessResult.SUCCESS
    assert d1.value("1:0.0.94.96.24.255", 2) == d1.value("1:0.0.94.91.24.255", 2) == (Tag.DOUBLE_LONG, 4200)
    assert d1.value("1:0.0.94.91.24.255", 1) == (Tag.OCTET_STRING, alias)
    listed = [each[1][2][1] for each in d1.value("15:0.0.40.0.0.255", 2)[1]]
    assert alias not in listed
    assert BALANCE in listed


def test_the_filter_of_the_status_word_is_128_bits(d1: Desk) -> None:
    bits = "1" + "0" * 127
    assert d1.value("1:0.0.94.91.18.255", 2) == (Tag.BIT_STRING, bits)
    assert write(d1, 1, FILTER, 2, (int(Tag.BIT_STRING), bits)) is DataAccessResult.SUCCESS
    assert meter_of(d1).parameters["esw_filter"] == 1 << 127
    assert d1.value("1:0.0.94.91.26.255", 2) == (Tag.BIT_STRING, bits)
    assert write(d1, 1, FILTER, 2, (int(Tag.BIT_STRING), "1")) is DataAccessResult.TYPE_UNMATCHED


def test_a_number_that_is_not_whole_is_no_parameter(d1: Desk) -> None:
    assert write(d1, 71, LIMITER, 4, (int(Tag.FLOAT32), 2000.5)) is DataAccessResult.OTHER_REASON


def test_a_changed_secret_is_logged(d1: Desk) -> None:
    name = bytes((0, 0, 40, 0, 3, 255))
    assert write(d1, 15, name, 7, (int(Tag.OCTET_STRING), b"new")) is DataAccessResult.SUCCESS
    assert meter_of(d1).transactions == [162]
    assert write(d1, 15, name, 7, (int(Tag.OCTET_STRING), b"")) is DataAccessResult.TYPE_UNMATCHED


def test_what_was_written_survives_a_restart(d1: Desk) -> None:
    notes: dict[str, str] = {"somebody": "else"}
    d1.face.keep({}, notes.__setitem__)
    name = bytes((0, 0, 40, 0, 2, 255))
    write(d1, 1, BALANCE, 2, (int(Tag.DOUBLE_LONG), -1250))
    write(d1, 1, BALANCE, 2, (int(Tag.DOUBLE_LONG), 900))
    write(d1, 15, name, 7, (int(Tag.OCTET_STRING), b"fresh"))
    again = desk(load("is15959-d1"))
    again.face.keep(notes, notes.__setitem__)
    assert again.value("1:0.0.94.96.24.255", 2) == (Tag.DOUBLE_LONG, 900)
    assert again.face.associations()[32].secrets["lls"].matches(b"fresh")
    assert meter_of(again).transactions == []
    assert len(notes) == 3


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("last_evnet:voltage", "it must be one of billing_periods, billing_schedule"),
        ("last_event:volts", "a log: voltage, current"),
        ("event_sequence", "a log: voltage, current"),
        ("invocation_counter:me", "after the colon stands a client"),
        ("payment:owed", "stands after the colon"),
    ],
)
def test_a_state_that_no_meter_has_is_refused_with_those_that_there_are(state: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        state_reader(state, parse("double-long-unsigned"))
