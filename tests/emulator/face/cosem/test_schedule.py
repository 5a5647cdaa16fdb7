"""Scripts and schedules as a client sees them: what may be written, and what a client can't reach through them."""

from dataclasses import replace

import pytest

from protocols.dlms.date_time import Date, Time
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import NULL, Tag, Value
from tests.emulator.living import (
    DAY_MS,
    HOUR_MS,
    START_MS,
    Living,
    array,
    enum,
    octet,
    octets,
    structure,
)

SCHEDULE, LIMIT_SCRIPTS, LIMITER = "0.0.12.0.0.255", "0.128.10.0.0.255", "0.0.17.0.0.255"
RESET_SCRIPT, SWITCH_SCRIPT, ACTIVATION_SCRIPT = "0.0.10.0.1.255", "0.0.10.0.106.255", "0.0.10.0.107.255"
PUSH_SCHEDULE, IMAGE = "0.0.15.0.4.255", "0.0.44.0.0.255"
WRITE, EXECUTE = 1, 2
EVERY_DAY = "1111111"


def number(tag: Tag, content: int) -> Value:
    return int(tag), content


def entry(
    index: int = 1,
    time: bytes = Time(18, 0, 0, 0).encode(),
    script: tuple[str, int] = (LIMIT_SCRIPTS, 2),
    weekdays: str = EVERY_DAY,
    special_days: str = "",
    dates: tuple[Date, Date] = (Date(), Date()),
    *,
    enabled: bool = True,
) -> Value:
    return structure(
        number(Tag.LONG_UNSIGNED, index),
        (int(Tag.BOOLEAN), enabled),
        octet(octets(script[0])),
        number(Tag.LONG_UNSIGNED, script[1]),
        octet(time),
        number(Tag.LONG_UNSIGNED, 0),
        (int(Tag.BIT_STRING), weekdays),
        (int(Tag.BIT_STRING), special_days),
        octet(dates[0].encode()),
        octet(dates[1].encode()),
    )


def span(first: int, last: int) -> list[Value]:
    return [number(Tag.LONG_UNSIGNED, first), number(Tag.LONG_UNSIGNED, last)]


def enabled(living: Living) -> dict[int, bool]:
    return {each[1][0][1]: each[1][1][1] for each in living.get(10, SCHEDULE, 2)}


def limit(living: Living) -> int:
    return int(living.meter.parameter("load_limit_w"))


# Class 10


def test_entries_come_and_go_and_are_switched_by_range() -> None:
    living = Living()
    for index in (3, 1, 2):
        assert living.act(10, SCHEDULE, 2, entry(index)) is ActionResult.SUCCESS
    assert enabled(living) == {1: True, 2: True, 3: True}
    assert living.act(10, SCHEDULE, 1, structure(*span(2, 3), *span(0, 0))) is ActionResult.SUCCESS
    assert enabled(living) == {1: True, 2: False, 3: False}
    assert living.act(10, SCHEDULE, 1, structure(*span(1, 1), *span(3, 9))) is ActionResult.SUCCESS
    assert enabled(living) == {1: False, 2: False, 3: True}
    assert living.act(10, SCHEDULE, 2, entry(2)) is ActionResult.SUCCESS
    assert enabled(living) == {1: False, 2: True, 3: True}
    assert living.act(10, SCHEDULE, 3, structure(*span(1, 2))) is ActionResult.SUCCESS
    assert enabled(living) == {3: True}


def test_an_entry_that_is_disabled_does_nothing() -> None:
    living = Living()
    assert living.act(10, SCHEDULE, 2, entry(enabled=False)) is ActionResult.SUCCESS
    living.go(START_MS + 2 * DAY_MS)
    assert limit(living) == 15120
    assert living.act(10, SCHEDULE, 1, structure(*span(0, 0), *span(1, 1))) is ActionResult.SUCCESS
    living.go(START_MS + 3 * DAY_MS)
    assert limit(living) == 5000


def test_a_special_day_counts_in_the_place_of_its_weekday() -> None:
    living = Living()
    calendar = replace(living.meter.tariff.history[-1][1], special_days=((None, 10, 29, 1),))
    living.meter.set_passive_calendar(START_MS, calendar)
    assert living.meter.activate_calendar(START_MS)
    assert living.set(10, SCHEDULE, 2, array(entry(special_days="10"))) is DataAccessResult.SUCCESS
    living.meter.configure("load_limit_w", 15120, living.now_ms)
    living.go(START_MS + DAY_MS)
    assert limit(living) == 5000
    living.meter.configure("load_limit_w", 15120, living.now_ms)
    living.go(START_MS + 2 * DAY_MS)
    assert limit(living) == 15120, "the second bit would have been this special day's"
    living.go(START_MS + 3 * DAY_MS)
    assert limit(living) == 5000


def test_an_entry_comes_between_its_dates_only() -> None:
    living = Living()
    dates = (Date(2024, 10, 30), Date(2024, 10, 30))
    assert living.set(10, SCHEDULE, 2, array(entry(dates=dates))) is DataAccessResult.SUCCESS
    living.go(START_MS + 2 * DAY_MS + 17 * HOUR_MS)
    assert limit(living) == 15120
    living.go(START_MS + 2 * DAY_MS + 19 * HOUR_MS)
    assert limit(living) == 5000
    living.meter.configure("load_limit_w", 15120, living.now_ms)
    living.go(START_MS + 5 * DAY_MS)
    assert limit(living) == 15120


@pytest.mark.parametrize(
    "entries",
    [
        [entry(1), entry(1)],
        [entry(time=b"\x19\x00\x00\x00")],
        [entry(weekdays="111")],
        [entry(script=("0.0.10.0.200.255", 1))],
        [entry(script=(IMAGE, 1))],
        [entry(index) for index in range(65)],
    ],
)
def test_entries_that_cannot_be_are_refused_and_change_nothing(entries: list[Value]) -> None:
    living = Living()
    assert living.act(10, SCHEDULE, 2, entry(7)) is ActionResult.SUCCESS
    assert living.set(10, SCHEDULE, 2, array(*entries)) is DataAccessResult.OTHER_REASON
    if len(entries) == 1:
        assert living.act(10, SCHEDULE, 2, entries[0]) is ActionResult.OTHER_REASON
    assert enabled(living) == {7: True}


def test_a_script_that_a_client_may_not_run_it_may_not_plan() -> None:
    living = Living()
    may = (10, SCHEDULE, 2, entry(script=(ACTIVATION_SCRIPT, 1)))
    runs = living.act(9, ACTIVATION_SCRIPT, 1, number(Tag.LONG_UNSIGNED, 1)) is not ActionResult.READ_WRITE_DENIED
    assert (living.act(*may) is ActionResult.SUCCESS) is runs


# Class 22


def when(time: bytes, date: bytes) -> Value:
    return structure(octet(time), octet(date))


@pytest.mark.parametrize(
    "times",
    [
        [when(b"\x19\x00\x00\x00", Date().encode())],
        [when(Time().encode(), b"\x07\xe8\x0d\x01\xff")],
        [when(Time(None, 0, 0, 0).encode(), Date().encode())] * 65,
    ],
)
def test_times_that_cannot_be_are_refused(times: list[Value]) -> None:
    living = Living()
    assert living.set(22, PUSH_SCHEDULE, 4, array(*times)) is DataAccessResult.OTHER_REASON
    assert living.get(22, PUSH_SCHEDULE, 4) == []


# Class 9


def action(service: int, class_id: int, name: str, index: int, parameter: Value) -> Value:
    return structure(
        enum(service),
        number(Tag.LONG_UNSIGNED, class_id),
        octet(octets(name)),
        number(Tag.INTEGER, index),
        parameter,
    )


def script(identifier: int, *actions: Value) -> Value:
    return structure(number(Tag.LONG_UNSIGNED, identifier), array(*actions))


FLOAT: Value = (int(Tag.FLOAT32), 3000.0)
ZERO: Value = (int(Tag.INTEGER), 0)


def run(living: Living, table: str, selector: int) -> ActionResult:
    return living.act(9, table, 1, number(Tag.LONG_UNSIGNED, selector))


def test_a_written_script_does_what_it_says_in_its_order() -> None:
    living = Living()
    works = script(5, action(WRITE, 71, LIMITER, 4, FLOAT), action(EXECUTE, 70, "0.0.96.3.10.255", 1, ZERO))
    assert living.set(9, LIMIT_SCRIPTS, 2, array(works)) is DataAccessResult.SUCCESS
    assert run(living, LIMIT_SCRIPTS, 2) is ActionResult.OTHER_REASON, "it was replaced"
    assert run(living, LIMIT_SCRIPTS, 5) is ActionResult.SUCCESS
    assert limit(living) == 3000
    living.go(START_MS + 1000)
    assert living.get(70, "0.0.96.3.10.255", 2) is False


@pytest.mark.parametrize(
    "wrong",
    [
        action(EXECUTE, 9, LIMIT_SCRIPTS, 1, number(Tag.LONG_UNSIGNED, 5)),
        action(EXECUTE, 9, SWITCH_SCRIPT, 1, number(Tag.LONG_UNSIGNED, 1)),
        action(WRITE, 9, LIMIT_SCRIPTS, 2, array()),
        action(EXECUTE, 18, IMAGE, 1, NULL),
        action(EXECUTE, 70, "0.0.96.3.10.255", 1, octet(b"")),
        action(WRITE, 10, SCHEDULE, 2, ZERO),
        action(WRITE, 3, "1.0.1.8.0.255", 2, FLOAT),
        action(3, 71, LIMITER, 4, FLOAT),
        action(EXECUTE, 70, "0.0.96.3.99.255", 1, ZERO),
    ],
    ids=str,
)
def test_a_script_does_nothing_that_whoever_wrote_it_may_not(wrong: Value) -> None:
    living = Living()
    before = living.get(9, LIMIT_SCRIPTS, 2)
    good = action(WRITE, 71, LIMITER, 4, FLOAT)
    assert living.set(9, LIMIT_SCRIPTS, 2, array(script(5, good, wrong))) is DataAccessResult.OTHER_REASON
    assert living.get(9, LIMIT_SCRIPTS, 2) == before
    assert limit(living) == 15120


def test_a_table_without_end_is_refused() -> None:
    living = Living()
    good = action(WRITE, 71, LIMITER, 4, FLOAT)
    many = array(*(script(each, good) for each in range(65)))
    long = array(script(1, *[good] * 17))
    for wrong in (many, long):
        assert living.set(9, LIMIT_SCRIPTS, 2, wrong) is DataAccessResult.OTHER_REASON


def test_the_reset_script_closes_a_billing_period() -> None:
    living = Living()
    before = living.get(1, "0.0.0.1.0.255", 2)
    living.now_ms = START_MS + DAY_MS
    assert run(living, RESET_SCRIPT, 1) is ActionResult.SUCCESS
    assert living.get(1, "0.0.0.1.0.255", 2) == before + 1
    assert run(living, RESET_SCRIPT, 2) is ActionResult.OTHER_REASON
