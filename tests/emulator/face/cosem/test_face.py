"""The face answers what a model says, to whom it says."""

import pytest

from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import Selection
from protocols.dlms.value import Tag, decode, encode
from protocols.model.loader import load
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, FakeMeter, desk

CLOCK = bytes((0, 0, 1, 0, 0, 255))
SWITCH = bytes((0, 0, 96, 3, 10, 255))
LIMITER = bytes((0, 0, 17, 0, 0, 255))
VOLTAGE = bytes((1, 0, 12, 7, 0, 255))
SERIAL = bytes((0, 0, 96, 1, 0, 255))


@pytest.fixture
def d1() -> Desk:
    return desk(load("is15959-d1"))


def meter_of(each: Desk) -> FakeMeter:
    meter = each.face.meter
    assert isinstance(meter, FakeMeter)
    return meter


def test_a_register_is_the_nearest_float32_of_the_exact_decimal(d1: Desk) -> None:
    meter_of(d1).values["active_energy_import"] = 123_456_789
    assert d1.value("3:1.0.1.8.0.255", 2) == (Tag.FLOAT32, 123.456787109375)
    assert d1.value("3:1.0.1.8.0.255", 3) == (Tag.STRUCTURE, [(Tag.INTEGER, 3), (Tag.ENUM, 30)])


def test_the_nameplate_is_one_row_in_the_order_of_is_15959(d1: Desk) -> None:
    assert d1.value("7:0.0.94.91.10.255", 2)[1][0][1] == [
        (Tag.VISIBLE_STRING, "MB0001"),
        (Tag.VISIBLE_STRING, "MTBMB0001"),
        (Tag.VISIBLE_STRING, "meterbench"),
        (Tag.VISIBLE_STRING, "MTB-01.00"),
        (Tag.UNSIGNED, 6),
        (Tag.VISIBLE_STRING, "D1"),
        (Tag.VISIBLE_STRING, "(10-60) A"),
        (Tag.LONG_UNSIGNED, 2025),
    ]


def test_what_a_client_does_not_see_is_undefined_to_it() -> None:
    public = desk(load("is15959-d1"), 16)
    get = public.face.get
    assert get(public.association, 3, VOLTAGE, 2, None, 0) is DataAccessResult.OBJECT_UNDEFINED
    assert get(public.association, 3, SERIAL, 2, None, 0) is DataAccessResult.OBJECT_CLASS_INCONSISTENT
    assert get(public.association, 1, SERIAL, 3, None, 0) is DataAccessResult.READ_WRITE_DENIED


def test_only_the_client_with_the_right_moves_the_relay(d1: Desk) -> None:
    reader = desk(load("is15959-d1"), 32)
    zero = encode((Tag.INTEGER, 0))
    assert reader.face.action(reader.association, 70, SWITCH, 1, zero, 0)[0] is ActionResult.READ_WRITE_DENIED
    assert d1.face.action(d1.association, 70, SWITCH, 1, zero, d1.now_us) == (ActionResult.SUCCESS, None)
    assert not meter_of(d1).relay.connected
    assert d1.face.action(d1.association, 70, SWITCH, 2, None, d1.now_us) == (ActionResult.SUCCESS, None)
    assert meter_of(d1).relay.connected
    assert d1.face.action(d1.association, 70, SWITCH, 3, zero, 0)[0] is ActionResult.READ_WRITE_DENIED
    wrong = encode((Tag.BOOLEAN, True))
    assert d1.face.action(d1.association, 70, SWITCH, 1, wrong, 0)[0] is ActionResult.TYPE_UNMATCHED


def test_a_switch_that_its_mode_forbids_is_refused(d1: Desk) -> None:
    meter_of(d1).relay.willing = False
    assert d1.face.action(d1.association, 70, SWITCH, 1, None, d1.now_us) == (ActionResult.OTHER_REASON, None)


def test_a_parameter_is_written_in_its_own_type_only(d1: Desk) -> None:
    write = d1.face.set
    assert write(d1.association, 70, SWITCH, 4, None, encode((Tag.ENUM, 6)), 0) is DataAccessResult.SUCCESS
    assert d1.value("70:0.0.96.3.10.255", 4) == (Tag.ENUM, 6)
    assert write(d1.association, 70, SWITCH, 4, None, encode((Tag.UNSIGNED, 6)), 0) is DataAccessResult.TYPE_UNMATCHED
    assert write(d1.association, 70, SWITCH, 2, None, encode((Tag.BOOLEAN, True)), 0) is (
        DataAccessResult.READ_WRITE_DENIED
    )
    assert write(d1.association, 71, LIMITER, 4, None, encode((Tag.FLOAT32, 2000.0)), 0) is DataAccessResult.SUCCESS
    assert d1.value("71:0.0.17.0.0.255", 4) == (Tag.FLOAT32, 2000.0)


def test_a_selection_of_what_has_no_parts_is_refused(d1: Desk) -> None:
    selection = Selection(1, encode((Tag.NULL_DATA, None)))
    assert d1.face.get(d1.association, 8, CLOCK, 2, selection, 0) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def test_the_current_association_is_the_one_that_asks() -> None:
    for client in (16, 32, 48):
        each = desk(load("is15959-d1"), client)
        assert each.value("15:0.0.40.0.0.255", 3)[1][0] == (Tag.INTEGER, client)
        assert each.value("15:0.0.40.0.0.255", 8) == (Tag.ENUM, 2)


def test_nobody_reads_the_secret(d1: Desk) -> None:
    for name in ((0, 0, 40, 0, 0, 255), (0, 0, 40, 0, 3, 255)):
        assert d1.face.get(d1.association, 15, bytes(name), 7, None, 0) is DataAccessResult.READ_WRITE_DENIED


def test_a_new_password_counts_from_the_next_association_on(d1: Desk) -> None:
    name = bytes((0, 0, 40, 0, 2, 255))
    assert d1.face.set(d1.association, 15, name, 7, None, encode((Tag.OCTET_STRING, b"fresh")), 0) is (
        DataAccessResult.SUCCESS
    )
    profiles = d1.face.associations()
    assert profiles[32].secrets["lls"].matches(b"fresh")
    assert profiles[48].secrets["lls"].matches(b"meterbench")


def test_the_clock_is_set_by_date_time_and_shifted_by_seconds(d1: Desk) -> None:
    wanted = bytes.fromhex("07E80A1CFF0D0F00008000FF")  # 2024-10-28 13:15:00, deviation not specified
    assert d1.face.set(d1.association, 8, CLOCK, 2, None, encode((Tag.OCTET_STRING, wanted)), d1.now_us) is (
        DataAccessResult.SUCCESS
    )
    assert meter_of(d1).clock.reading(NOON_MS).utc_ms - NOON_MS == 75 * 60_000
    no_year_of_a_meter = bytes.fromhex("076C0A1CFF0D0F00008000FF")  # 1900
    assert d1.face.set(
        d1.association, 8, CLOCK, 2, None, encode((Tag.OCTET_STRING, no_year_of_a_meter)), d1.now_us
    ) is (DataAccessResult.OTHER_REASON)
    shift = encode((Tag.LONG, -30))
    assert d1.face.action(d1.association, 8, CLOCK, 6, shift, d1.now_us)[0] is ActionResult.SUCCESS
    too_far = encode((Tag.LONG, 901))
    assert d1.face.action(d1.association, 8, CLOCK, 6, too_far, d1.now_us)[0] is ActionResult.OTHER_REASON
    assert d1.face.action(d1.association, 8, CLOCK, 1, None, d1.now_us)[0] is ActionResult.SUCCESS
    assert meter_of(d1).clock.reading(NOON_MS).utc_ms - NOON_MS == 75 * 60_000


def test_meters_of_a_model_share_one_plan() -> None:
    model = load("is15959-d1")
    assert desk(model).face.plan is desk(model).face.plan


def test_an_object_list_names_every_object_with_rights(d1: Desk) -> None:
    listed = d1.value("15:0.0.40.0.0.255", 2)[1]
    switch = next(each[1] for each in listed if each[1][2][1] == SWITCH)
    attributes, methods = switch[3][1]
    modes = {row[1][0][1]: row[1][1][1] for row in attributes[1]}
    assert modes == {1: 1, 2: 1, 3: 1, 4: 3}
    assert [row[1][1][1] for row in methods[1]] == [1, 1]
    model = load("is15959-d1")
    assert len(listed) == sum(each.listed for each in model.objects.values())


def test_every_attribute_that_the_list_says_is_readable_can_be_read(d1: Desk) -> None:
    for element in d1.value("15:0.0.40.0.0.255", 2)[1]:
        (_, class_id), _, (_, instance), (_, rights) = element[1]
        for row in rights[0][1]:
            number, mode = row[1][0][1], row[1][1][1]
            answer = d1.face.get(d1.association, class_id, instance, number, None, d1.now_us)
            assert isinstance(answer, bytes) == bool(mode & 1), (class_id, instance, number, answer)
            if isinstance(answer, bytes):
                decode(answer)
