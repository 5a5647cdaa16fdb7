"""The activity calendar and special days: what is written becomes the meter's calendar, and is read back."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.face.cosem.face import CosemFace
from emulator.timing.zone import zone
from protocols.dlms.date_time import Date, DateTime, Time, encode_utc_ms
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value, encode
from protocols.model.loader import load, load_file
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, FakeMeter, LinkTime, associate, desk

CALENDAR = bytes((0, 0, 13, 0, 0, 255))
SPECIAL = bytes((0, 0, 11, 0, 0, 255))
SCRIPTS = bytes((0, 0, 10, 0, 100, 255))
KEY = "20:0.0.13.0.0.255"
INDIA = zone("Asia/Kolkata")


def octets(content: bytes) -> Value:
    return int(Tag.OCTET_STRING), content


def structure(*members: Value) -> Value:
    return int(Tag.STRUCTURE), list(members)


def array(*elements: Value) -> Value:
    return int(Tag.ARRAY), list(elements)


def unsigned(number: int) -> Value:
    return int(Tag.UNSIGNED), number


def switch(hour: int, script: int) -> Value:
    return structure(octets(Time(hour, 0, 0, 0).encode()), octets(SCRIPTS), (int(Tag.LONG_UNSIGNED), script))


NAME = octets(b"TOD2")
SEASON_START = DateTime(Date(None, 4, 1), Time(0, 0, 0, 0)).encode()
SEASONS = array(structure(octets(b"summer"), octets(SEASON_START), octets(b"w1")))
WEEKS = array(structure(octets(b"w1"), *[unsigned(1)] * 5, unsigned(2), unsigned(2)))
DAYS = array(
    structure(unsigned(1), array(switch(0, 1), switch(18, 2), switch(22, 1))),
    structure(unsigned(2), array(switch(6, 3), switch(21, 4))),
)
TABLES = {6: NAME, 7: SEASONS, 8: WEEKS, 9: DAYS}


@pytest.fixture
def d1() -> Desk:
    return desk(load("is15959-d1"))


def meter_of(each: Desk) -> FakeMeter:
    meter = each.face.meter
    assert isinstance(meter, FakeMeter)
    return meter


def write(each: Desk, number: int, value: Value, class_id: int = 20, instance: bytes = CALENDAR) -> DataAccessResult:
    return each.face.set(each.association, class_id, instance, number, None, encode(value), each.now_us)


def activate(each: Desk) -> ActionResult:
    return each.face.action(each.association, 20, CALENDAR, 1, None, each.now_us)[0]


def test_the_calendar_from_the_works_is_read_as_tables(d1: Desk) -> None:
    assert d1.value(KEY, 2) == octets(b"works")
    day = d1.value(KEY, 5)[1][0]
    assert day == structure(unsigned(1), array(switch(0, 1)))
    assert len(d1.value(KEY, 3)[1]) == len(d1.value(KEY, 4)[1]) == 1
    assert d1.value(KEY, 9) == array()


def test_a_passive_calendar_becomes_active_on_command_and_reads_as_written(d1: Desk) -> None:
    assert activate(d1) is ActionResult.OTHER_REASON
    for number, value in TABLES.items():
        assert write(d1, number, value) is DataAccessResult.SUCCESS
        assert d1.value(KEY, number) == value
    assert d1.value(KEY, 2) == octets(b"works")
    assert activate(d1) is ActionResult.SUCCESS
    for number, value in TABLES.items():
        assert d1.value(KEY, number - 4) == value
    calendar = meter_of(d1).tariff.at(NOON_MS)
    monday = int(datetime(2024, 10, 28, 14, 0, tzinfo=UTC).timestamp() * 1000)  # 19:30 in India
    assert calendar.zone(monday, INDIA) == 2
    assert calendar.zone(NOON_MS, INDIA) == 1


def test_an_active_calendar_keeps_its_tables_when_another_is_prepared(d1: Desk) -> None:
    for number, value in TABLES.items():
        write(d1, number, value)
    activate(d1)
    write(d1, 6, octets(b"NEXT"))
    assert d1.value(KEY, 2) == NAME
    assert d1.value(KEY, 3) == SEASONS
    assert d1.value(KEY, 6) == octets(b"NEXT")


def test_until_a_days_first_switch_its_last_zone_goes_on(d1: Desk) -> None:
    for number, value in TABLES.items():
        write(d1, number, value)
    activate(d1)
    calendar = meter_of(d1).tariff.at(NOON_MS)
    assert calendar.days[2] == ((0, 4), (360, 3), (1260, 4))


def test_an_activation_time_is_kept_in_meter_time(d1: Desk) -> None:
    when = octets(encode_utc_ms(NOON_MS + 3_600_000, -330))
    assert write(d1, 10, when) is DataAccessResult.TEMPORARY_FAILURE
    for number, value in TABLES.items():
        write(d1, number, value)
    assert write(d1, 10, when) is DataAccessResult.SUCCESS
    assert meter_of(d1).tariff.passive_ms == NOON_MS + 3_600_000
    assert d1.value(KEY, 10)[1][:8] == when[1][:8]


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (8, array(structure(octets(b"w1"), *[unsigned(9)] * 7))),
        (7, array(structure(octets(b"summer"), octets(SEASON_START), octets(b"none")))),
        (9, array(structure(unsigned(1), array(switch(0, 9))), structure(unsigned(2), array(switch(0, 1))))),
        (9, array(structure(unsigned(1), array()), structure(unsigned(2), array(switch(0, 1))))),
    ],
)
def test_tables_that_do_not_fit_together_do_not_reach_the_meter(d1: Desk, number: int, value: Value) -> None:
    for each, table in (TABLES | {number: value}).items():
        assert write(d1, each, table) is DataAccessResult.SUCCESS
    assert meter_of(d1).tariff.passive is None
    assert activate(d1) is ActionResult.OTHER_REASON


def test_a_table_of_the_wrong_type_is_refused(d1: Desk) -> None:
    assert write(d1, 9, NAME) is DataAccessResult.TYPE_UNMATCHED
    assert write(d1, 2, NAME) is DataAccessResult.READ_WRITE_DENIED


@pytest.fixture
def with_special_days(tmp_path: Path) -> Desk:
    path = tmp_path / "days.toml"
    path.write_text(
        'base = "is15959-d1"\ntitle = "with special days"\n'
        '[objects]\n"11:0.0.11.0.0.255" = { set = [2], execute = [1, 2], source = "GK" }\n'
        "[tariff.days]\n1 = ['00:00 1']\n2 = ['00:00 2']\n",
        encoding="utf-8",
    )
    model = load_file(path)
    face = CosemFace(FakeMeter(model), model, LinkTime())
    return Desk(face, associate(face, 48))


def special(index: int, when: Date, day: int) -> Value:
    return structure((int(Tag.LONG_UNSIGNED), index), octets(when.encode()), unsigned(day))


def act(each: Desk, method: int, value: Value) -> ActionResult:
    return each.face.action(each.association, 11, SPECIAL, method, encode(value), each.now_us)[0]


def test_special_days_are_written_inserted_and_deleted(with_special_days: Desk) -> None:
    each = with_special_days
    holiday, once = special(1, Date(None, 1, 26), 2), special(2, Date(2024, 10, 28), 2)
    assert write(each, 2, array(once, holiday), 11, SPECIAL) is DataAccessResult.SUCCESS
    assert each.value("11:0.0.11.0.0.255", 2) == array(holiday, once)
    assert meter_of(each).tariff.at(NOON_MS).zone(NOON_MS, INDIA) == 2
    assert act(each, 2, (int(Tag.LONG_UNSIGNED), 2)) is ActionResult.SUCCESS
    assert meter_of(each).tariff.at(NOON_MS).zone(NOON_MS, INDIA) == 1
    assert act(each, 1, special(2, Date(None, 8, 15), 2)) is ActionResult.SUCCESS
    assert len(each.value("11:0.0.11.0.0.255", 2)[1]) == 2
    assert act(each, 2, (int(Tag.LONG_UNSIGNED), 9)) is ActionResult.OTHER_REASON
    assert act(each, 1, special(1, Date(None, None, 1), 2)) is ActionResult.OTHER_REASON
    assert act(each, 1, special(1, Date(None, 8, 15), 9)) is ActionResult.OTHER_REASON
