"""What meters do by themselves: pushes that follow from what happens, scripts at their times, new firmware."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errand.push import Pusher, PushState
from emulator.event.event_log import Code
from protocols.dlms.date_time import Date, Time
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value
from protocols.firmware_image import FirmwareImage
from tests.emulator.living import (
    ALERT,
    BILL,
    BLOCK,
    DAY_MS,
    HOUR_MS,
    INSTANT,
    MINUTE_MS,
    POWER,
    START_MS,
    Living,
    Sent,
    array,
    bits,
    enum,
    octet,
    octets,
    structure,
)

PUSH_SCHEDULE, ACTIVATION_SCHEDULE, IMAGE = "0.0.15.0.4.255", "0.0.15.0.2.255", "0.0.44.0.0.255"
LIMIT_SCRIPTS, SCHEDULE, LIMITER = "0.128.10.0.0.255", "0.0.12.0.0.255", "0.0.17.0.0.255"


def when(time: Time, date: Date | None = None) -> Value:
    return structure(octet(time.encode()), octet((date or Date()).encode()))


def number(tag: Tag, content: int) -> Value:
    return int(tag), content


def setups(sent: list[Sent]) -> list[str]:
    return [each.setup for each in sent]


# Pushes


def test_a_meter_that_nobody_has_directed_pushes_nothing() -> None:
    living = Living()
    living.meter.relay.remote_disconnect(START_MS + 1)
    living.meter.outage(START_MS + HOUR_MS)
    living.meter.restore(START_MS + 2 * HOUR_MS)
    assert not living.go(START_MS + 40 * DAY_MS)


def test_the_instant_push_comes_with_its_schedule_and_in_the_models_order() -> None:
    living = Living()
    living.direct(INSTANT)
    entries = array(when(Time(None, 0, 0, 0)), when(Time(None, 30, 0, 0)))
    assert living.set(22, PUSH_SCHEDULE, 4, entries) is DataAccessResult.SUCCESS
    sent = living.go(START_MS + 2 * HOUR_MS)
    assert [each.at_ms - START_MS for each in sent] == [half * HOUR_MS // 2 for half in (1, 2, 3, 4)]
    values = sent[0].values
    assert values[0] == "MTBMB0001"
    assert values[1] == octets(INSTANT)
    assert len(values) == 24
    assert values[3] == 230.0
    assert values[-1] == 15120.0


def test_the_push_method_pushes_at_once_and_is_refused_where_nothing_is_directed() -> None:
    living = Living()
    assert living.act(40, INSTANT, 1) is ActionResult.OTHER_REASON
    living.direct(INSTANT)
    assert living.act(40, INSTANT, 1) is ActionResult.SUCCESS
    assert setups(living.go(START_MS + 1)) == [INSTANT]
    assert living.act(9, "0.0.10.0.108.255", 1, number(Tag.LONG_UNSIGNED, 1)) is ActionResult.SUCCESS
    assert setups(living.go(START_MS + 2)) == [INSTANT]


def test_each_block_is_pushed_when_it_ends_with_the_values_of_its_row() -> None:
    living = Living()
    living.go(START_MS + 7 * MINUTE_MS)
    living.direct(BLOCK)
    sent = living.go(START_MS + HOUR_MS)
    assert [(each.at_ms - START_MS) // MINUTE_MS for each in sent] == [15, 30, 45, 60]
    clock, voltage, import_kwh = sent[1].values[2:5]
    row = living.meter.history.rows(
        "block_load",
        living.now_ms,
        living.meter.history.entries("block_load", START_MS + HOUR_MS) - 2,
        living.meter.history.entries("block_load", START_MS + HOUR_MS) - 2,
        ["clock", "average_voltage", "block_active_energy_import"],
    )[0]
    assert living.face.plan.stamp.decode(clock, living.meter.zone) == row[0] == START_MS + 30 * MINUTE_MS
    assert voltage == row[1] / 1000
    assert import_kwh == pytest.approx(row[2] / 1_000_000)


def test_a_block_of_another_period_is_pushed_with_that() -> None:
    living = Living()
    living.direct(BLOCK)
    living.go(START_MS + 20 * MINUTE_MS)
    assert living.set(1, "1.0.0.8.4.255", 2, number(Tag.LONG_UNSIGNED, 1800)) is DataAccessResult.SUCCESS
    sent = living.go(START_MS + 2 * HOUR_MS)
    assert [(each.at_ms - START_MS) // MINUTE_MS for each in sent] == [30, 60, 90, 120]


def test_the_switch_a_bill_and_a_condition_are_alerted_each_with_its_bit() -> None:
    living = Living()
    living.direct(ALERT)
    living.meter.relay.remote_disconnect(START_MS + MINUTE_MS)
    [switched] = living.go(START_MS + 2 * MINUTE_MS)
    assert bits(switched.values[3]) == [84, 124]
    living.meter.billing_reset(START_MS + HOUR_MS)
    [billed] = living.go(START_MS + HOUR_MS)
    assert bits(billed.values[3]) == [87]
    living.meter.set_input(START_MS + 2 * HOUR_MS, "magnet", 1000)
    [magnet] = living.go(START_MS + 2 * HOUR_MS + 10 * MINUTE_MS)
    assert magnet.at_ms == START_MS + 2 * HOUR_MS + 3 * MINUTE_MS
    assert bits(magnet.values[3]) == [81]
    living.meter.set_input(START_MS + 3 * HOUR_MS, "magnet", 0)
    [gone] = living.go(START_MS + 4 * HOUR_MS)
    assert not bits(gone.values[3])


def test_what_the_filter_hides_is_not_alerted() -> None:
    living = Living()
    living.direct(ALERT)
    hidden = (int(Tag.BIT_STRING), "".join("0" if bit in {84, 124} else "1" for bit in range(128)))
    assert living.set(1, "0.0.94.91.26.255", 2, hidden) is DataAccessResult.SUCCESS
    living.meter.relay.remote_disconnect(START_MS + MINUTE_MS)
    assert not living.go(START_MS + HOUR_MS)


def test_a_bill_is_pushed_with_the_row_it_has_closed() -> None:
    living = Living()
    living.direct(BILL)
    living.go(START_MS + HOUR_MS)
    living.meter.billing_reset(START_MS + HOUR_MS)
    [bill] = living.go(START_MS + HOUR_MS)
    assert len(bill.values) == 35
    assert living.face.plan.stamp.decode(bill.values[3], living.meter.zone) == START_MS + HOUR_MS


def test_a_power_failure_has_one_last_word_and_its_end_a_first_breath() -> None:
    living = Living()
    living.direct(ALERT, POWER)
    living.meter.outage(START_MS + HOUR_MS)
    gasp = living.go(START_MS + 2 * HOUR_MS)
    assert [(each.setup, each.at_ms - START_MS, each.push.dying) for each in gasp] == [
        (POWER, HOUR_MS, True),
        (ALERT, HOUR_MS, True),
    ]
    assert gasp[0].values[3] == Code.POWER_FAILURE
    assert bits(gasp[1].values[3]) == [85]
    living.meter.restore(START_MS + 2 * HOUR_MS)
    breath = living.go(START_MS + 3 * HOUR_MS)
    boot_ms = living.meter.physics.power_failure.boot_ms
    assert {(each.setup, each.at_ms - START_MS - 2 * HOUR_MS) for each in breath} == {
        (POWER, boot_ms),
        (ALERT, boot_ms),
    }
    assert [each.values[3] for each in breath if each.setup == POWER] == [Code.POWER_RESTORED]
    assert [bits(each.values[3]) for each in breath if each.setup == ALERT] == [[86]]


def test_first_breaths_are_spread_over_the_interval() -> None:
    waits = []
    for meter in range(40):
        living = Living(meter_id=f"MB{meter:04}")
        living.direct(ALERT, random_s=120)
        living.meter.outage(START_MS + HOUR_MS)
        living.meter.restore(START_MS + 2 * HOUR_MS)
        sent = [each for each in living.go(START_MS + 3 * HOUR_MS) if not each.push.dying]
        waits.append(sent[0].at_ms - START_MS - 2 * HOUR_MS - living.meter.physics.power_failure.boot_ms)
    assert min(waits) >= 0
    assert max(waits) <= 120_000
    assert len({wait // 24_000 for wait in waits}) == 5


def test_some_last_gasps_are_lost_by_seed_and_always_the_same() -> None:
    def gasps() -> list[bool]:
        heard = []
        for meter in range(60):
            living = Living(meter_id=f"MB{meter:04}")
            living.direct(ALERT)
            living.meter.outage(START_MS + HOUR_MS)
            heard.append(bool(living.go(START_MS + HOUR_MS)))
        return heard

    first = gasps()
    assert first == gasps()
    assert 1 <= first.count(False) <= 20  # a tenth, as the model says


def test_pushes_that_were_queued_do_not_outlive_the_supply() -> None:
    living = Living()
    living.direct(ALERT, random_s=600)
    living.meter.relay.remote_disconnect(START_MS + 1)
    living.go(START_MS + 2)
    living.meter.outage(START_MS + 3)
    living.go(START_MS + 3)
    living.errands.pusher.take()
    assert set(living.errands.pusher.states.values()) == {PushState.IDLE}
    assert not living.go(START_MS + HOUR_MS)


class Noting(Pusher):
    """Notes what it is given to push, whatever becomes of it."""

    __slots__ = ("given",)

    def __init__(self, living: Living) -> None:
        super().__init__(living.meter, living.errands._settings, living.errands._reached)
        self.given: list[tuple[int, bytes, bytes]] = []

    def push(self, setup: bytes, body: bytes, at_ms: int, *, only_newest: bool = False) -> bool:
        self.given.append((at_ms, setup, body))
        return super().push(setup, body, at_ms, only_newest=only_newest)

    def last_gasp(self, setup: bytes, body: bytes, at_ms: int, *, lost: bool) -> None:
        self.given.append((at_ms, setup, body))
        super().last_gasp(setup, body, at_ms, lost=lost)


def test_a_meter_that_pushes_nothing_holds_nothing_for_it() -> None:
    living = Living()
    living.jump(START_MS + 24 * HOUR_MS)
    living.meter.outage(living.now_ms)
    living.jump(living.now_ms + HOUR_MS)
    living.meter.restore(living.now_ms)
    living.jump(living.now_ms + HOUR_MS)
    assert living.errands._pusher is None
    assert not living.errands.waiting


@settings(max_examples=10, deadline=None)
@given(
    stops=st.lists(st.integers(1, 5 * HOUR_MS), max_size=6),
    cut=st.none() | st.tuples(st.integers(1, 3 * HOUR_MS), st.integers(1, HOUR_MS)),
)
def test_a_jump_has_the_same_to_push_as_steps(stops: list[int], cut: tuple[int, int] | None) -> None:
    def run(stops: list[int]) -> list[tuple[int, bytes, bytes]]:
        living = Living()
        living.errands._pusher = noting = Noting(living)
        living.direct(random_s=30)
        living.set(22, PUSH_SCHEDULE, 4, array(when(Time(None, 20, 0, 0))))
        pending = sorted(START_MS + stop for stop in stops)
        if cut is not None:
            _walk(living, pending, START_MS + cut[0])
            living.meter.outage(START_MS + cut[0])
            living.jump(START_MS + cut[0])  # whoever changes a meter has it looked at, as a bench does
            _walk(living, pending, START_MS + sum(cut))
            living.meter.restore(START_MS + sum(cut))
            living.jump(START_MS + sum(cut))
        _walk(living, pending, START_MS + 5 * HOUR_MS)
        return noting.given

    assert run(stops) == run([])


def _walk(living: Living, stops: list[int], to_ms: int) -> None:
    while stops and stops[0] < to_ms:
        living.jump(max(stops.pop(0), living.now_ms))
    living.jump(to_ms)


# Schedules


def test_a_schedule_reduces_the_load_limit_in_the_evening_and_on_workdays_only() -> None:
    living = Living()
    workdays = "1111100"

    def entry(index: int, hour: int, script: int) -> Value:
        return structure(
            number(Tag.LONG_UNSIGNED, index),
            (int(Tag.BOOLEAN), True),
            octet(octets(LIMIT_SCRIPTS)),
            number(Tag.LONG_UNSIGNED, script),
            octet(Time(hour, 0, 0, 0).encode()),
            number(Tag.LONG_UNSIGNED, 0xFFFF),
            (int(Tag.BIT_STRING), workdays),
            (int(Tag.BIT_STRING), ""),
            octet(Date().encode()),
            octet(Date().encode()),
        )

    assert living.set(10, SCHEDULE, 2, array(entry(1, 18, 2), entry(2, 23, 1))) is DataAccessResult.SUCCESS
    limits = []
    for day in range(7):
        for hour in (17, 19, 23):
            living.go(START_MS + day * DAY_MS + hour * HOUR_MS + MINUTE_MS)
            limits.append(living.meter.parameter("load_limit_w"))
    assert limits == [15120, 5000, 15120] * 5 + [15120] * 6
    assert living.act(10, SCHEDULE, 3, structure(number(Tag.LONG_UNSIGNED, 1), number(Tag.LONG_UNSIGNED, 1))) is (
        ActionResult.SUCCESS
    )
    living.go(START_MS + 8 * DAY_MS)
    assert living.meter.parameter("load_limit_w") == 15120


def test_entries_that_a_power_failure_has_passed_are_kept_within_their_window() -> None:
    living = Living()

    def entry(index: int, script: int, window: int) -> Value:
        return structure(
            number(Tag.LONG_UNSIGNED, index),
            (int(Tag.BOOLEAN), True),
            octet(octets(LIMIT_SCRIPTS)),
            number(Tag.LONG_UNSIGNED, script),
            octet(Time(2, 0, 0, 0).encode()),
            number(Tag.LONG_UNSIGNED, window),
            (int(Tag.BIT_STRING), "1111111"),
            (int(Tag.BIT_STRING), ""),
            octet(Date().encode()),
            octet(Date().encode()),
        )

    assert living.set(10, SCHEDULE, 2, array(entry(1, 2, 90))) is DataAccessResult.SUCCESS
    for day, dark_until_h, expected in ((0, 3, 5000), (1, 4, 15120)):
        living.meter.configure("load_limit_w", 15120, START_MS + day * DAY_MS + HOUR_MS)
        living.meter.outage(START_MS + day * DAY_MS + HOUR_MS)
        living.go(START_MS + day * DAY_MS + dark_until_h * HOUR_MS)
        assert living.meter.parameter("load_limit_w") == 15120
        living.meter.restore(START_MS + day * DAY_MS + dark_until_h * HOUR_MS)
        living.go(START_MS + day * DAY_MS + (dark_until_h + 1) * HOUR_MS)
        assert living.meter.parameter("load_limit_w") == expected


# Firmware


def transferred(living: Living, image: FirmwareImage) -> None:
    data = image.encode()
    begun = structure(octet(image.identifier), number(Tag.DOUBLE_LONG_UNSIGNED, len(data)))
    assert living.act(18, IMAGE, 1, begun) is ActionResult.SUCCESS
    block = living.get(18, IMAGE, 2)
    for place in range(-(-len(data) // block)):
        part = structure(number(Tag.DOUBLE_LONG_UNSIGNED, place), octet(data[place * block : (place + 1) * block]))
        assert living.act(18, IMAGE, 2, part) is ActionResult.SUCCESS
    assert living.get(18, IMAGE, 4) == -(-len(data) // block)


FIRMWARE = FirmwareImage(hardware="MTB/D1", version="MTB-02.00", body=bytes(1000))


def test_new_firmware_restarts_the_meter_and_shows_afterwards() -> None:
    living = Living()
    living.direct(ALERT, POWER)
    transferred(living, FIRMWARE)
    assert living.act(18, IMAGE, 3) is ActionResult.TEMPORARY_FAILURE
    living.go(START_MS + 3000)
    assert living.get(18, IMAGE, 6) == 3
    programmed = living.get(1, "0.0.96.2.0.255", 2)
    assert living.act(18, IMAGE, 4) is ActionResult.SUCCESS
    assert living.meter.answers(START_MS + 3500), "its answer still leaves"
    living.go(START_MS + 5000)
    assert not living.meter.answers(START_MS + 5000)
    living.go(START_MS + 4000 + 20_000)
    assert living.meter.answers(START_MS + 24_000)
    assert living.get(1, "1.0.0.2.0.255", 2) == "MTB-02.00"
    assert living.get(18, IMAGE, 6) == 6
    assert living.get(1, "0.0.96.2.0.255", 2) == programmed + 1
    assert [event.code for event in living.meter.event_log.rows("transaction", living.now_ms, 1, 99)][-1] == 157
    assert not living.sent, "a restart by order is no power failure"


def test_firmware_is_activated_by_the_single_action_schedule() -> None:
    living = Living()
    transferred(living, FIRMWARE)
    living.act(18, IMAGE, 3)
    at_two = array(when(Time(2, 0, 0, 0), Date(2024, 10, 28)))
    assert living.set(22, ACTIVATION_SCHEDULE, 4, at_two) is DataAccessResult.SUCCESS
    living.go(START_MS + 2 * HOUR_MS - 1)
    assert living.get(18, IMAGE, 6) == 3
    living.go(START_MS + 3 * HOUR_MS)
    assert living.get(1, "1.0.0.2.0.255", 2) == "MTB-02.00"


def test_an_activation_that_a_power_failure_has_passed_is_done_when_the_supply_is_back() -> None:
    living = Living()
    transferred(living, FIRMWARE)
    living.act(18, IMAGE, 3)
    living.set(22, ACTIVATION_SCHEDULE, 4, array(when(Time(2, 0, 0, 0), Date(2024, 10, 28))))
    living.go(START_MS + HOUR_MS)
    living.meter.outage(START_MS + HOUR_MS)
    living.go(START_MS + 5 * HOUR_MS)
    living.meter.restore(START_MS + 5 * HOUR_MS)
    living.go(START_MS + 5 * HOUR_MS + MINUTE_MS)
    assert living.meter.firmware_version == "MTB-02.00"


def test_a_wrong_image_leaves_the_meter_as_it_was() -> None:
    living = Living()
    transferred(living, FirmwareImage(hardware="MTB/D2", version="MTB-02.00", body=bytes(1000)))
    living.act(18, IMAGE, 3)
    living.go(START_MS + MINUTE_MS)
    assert living.get(18, IMAGE, 6) == 4
    assert living.act(18, IMAGE, 4) is ActionResult.OTHER_REASON
    living.go(START_MS + HOUR_MS)
    assert living.meter.firmware_version == ""
    assert living.meter.answers(living.now_ms)
    assert living.get(18, IMAGE, 7) == []


def test_a_written_destination_must_be_one() -> None:
    living = Living()
    for service, place in ((0, b"not a port:x"), (0, b"127.0.0.1:99999"), (3, b"mail@example.org")):
        wrong = structure(enum(service), octet(place), enum(0))
        assert living.set(40, ALERT, 3, wrong) is DataAccessResult.OTHER_REASON
    assert living.get(40, ALERT, 3)[1][1] == b""


def test_a_destination_that_cannot_be_reached_is_given_up_and_the_meter_goes_on() -> None:
    living = Living()
    living.direct(ALERT)
    living.deliver = False
    living.meter.relay.remote_disconnect(START_MS + 1)
    assert len(living.go(START_MS + HOUR_MS)) == 4  # three retries, as the model says
    assert living.errands.pusher.reports[-1].word == "given up"
    assert living.meter.answers(living.now_ms)


def test_a_place_that_nobody_answers_at_is_one_event_until_somebody_does() -> None:
    living = Living()
    living.direct(INSTANT)
    assert living.set(40, INSTANT, 6, (int(Tag.UNSIGNED), 2)) is DataAccessResult.SUCCESS
    before = living.meter.value("active_energy_import", living.now_ms)
    for delivered in (True, False, False, True, True, False):
        living.deliver = delivered
        living.act(40, INSTANT, 1)
        living.go(living.now_ms + HOUR_MS)
    rows = living.meter.event_log.rows("other", living.now_ms, 1, 50)
    assert [each.code for each in rows] == [921, 922, 921]
    assert living.meter.value("active_energy_import", living.now_ms) > before, "it is the meter that it was"
    assert living.meter.relay.contact_closed


def test_a_place_that_is_none_is_refused_and_the_setup_stays_as_it_was() -> None:
    living = Living()
    living.direct(INSTANT)
    before = living.get(40, INSTANT, 3)
    for to in (b"no host", b"127.0.0.1:0", b"127.0.0.1:4059/x", b"\xff:1", b"[::1", b"a" * 300):
        assert living.set(40, INSTANT, 3, structure(enum(0), octet(to), enum(0))) is not DataAccessResult.SUCCESS
    assert living.get(40, INSTANT, 3) == before
