"""What only the European meter has: demand registers, tariff masks, compact data, attribute 0, rights as bits."""

import re
from pathlib import Path

import pytest

from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.plan import plan_of
from emulator.meter import Meter
from protocols.dlms.date_time import DateTime
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import Selection
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.model.loader import load, load_file
from protocols.model.meter_model import MeterModel
from protocols.model.table import ModelError
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, LinkTime, associate

MODEL = load("eu-three-phase")
DEMAND = "5:1.0.1.4.0.255"
SWITCH = bytes((0, 0, 96, 3, 10, 255))
CURRENT = bytes((0, 0, 40, 0, 0, 255))


def on_meter(client: int = 1, model: MeterModel = MODEL) -> Desk:
    """A meter that imports 3 kW evenly; its clock is Berlin's, at 07:30 on a Monday."""
    meter = Meter("EU0001", model, seed=1, load={"constant": 3000}, supply={"constant": 230}, start_ms=NOON_MS)
    face = CosemFace(meter, model, LinkTime())
    return Desk(face, associate(face, client))


@pytest.fixture
def eu() -> Desk:
    return on_meter()


def test_a_demand_register_grows_through_its_period_to_the_mean(eu: Desk) -> None:
    assert eu.value(DEMAND, 3) == (Tag.DOUBLE_LONG_UNSIGNED, 3000)
    assert eu.value(DEMAND, 2) == (Tag.DOUBLE_LONG_UNSIGNED, 0)
    eu.now_us += 450 * 1_000_000
    assert abs(eu.value(DEMAND, 2)[1] - 1500) <= 4  # half of the period is over; its register steps by watt-hours
    assert eu.value(DEMAND, 8) == (Tag.DOUBLE_LONG_UNSIGNED, 900)
    start = DateTime.decode(eu.value(DEMAND, 7)[1])
    assert (start.time.hour, start.time.minute) == (7, 30)
    assert eu.value(DEMAND, 6) == eu.value(DEMAND, 7)


def test_an_extended_register_says_when_its_value_was_captured(eu: Desk) -> None:
    highest = "4:1.0.1.6.0.255"
    before, at = eu.value(highest, 2), DateTime.decode(eu.value(highest, 5)[1])
    assert before[0] == Tag.DOUBLE_LONG_UNSIGNED
    assert abs(before[1] - 3000) <= 4
    assert (at.time.minute or 0) % 15 == 0  # the end of a period
    assert eu.value(highest, 3) == eu.value("5:1.0.1.4.0.255", 4)
    assert eu.value(highest, 4) == (Tag.NULL_DATA, None)
    assert isinstance(eu.face.meter, Meter)
    eu.face.meter.set_load(eu.now_us // 1000, {"constant": 5000})
    eu.now_us += 1800 * 1_000_000
    assert eu.value(highest, 2) == (Tag.DOUBLE_LONG_UNSIGNED, 5000)
    later = DateTime.decode(eu.value(highest, 5)[1]).time
    assert (later.hour, later.minute) == (7, 45)  # the first whole period with the new load


def test_the_active_mask_follows_the_tariff(eu: Desk) -> None:
    assert eu.value("6:0.0.14.0.0.255", 4) == (Tag.OCTET_STRING, b"T1")
    eu.now_us += 15 * 3600 * 1_000_000  # past 22:00
    assert eu.value("6:0.0.14.0.0.255", 4) == (Tag.OCTET_STRING, b"T2")
    assert eu.value("1:0.0.96.14.0.255", 2) == (Tag.UNSIGNED, 2)


ACTIVATION = "6:0.0.14.0.0.255"
WIDER = """
base = "eu-three-phase"
title = "European meter that also shows apparent energy by tariff"
[objects."9:0.0.10.0.100.255"]
set = [2]
[objects."6:0.0.14.0.0.255"]
set = [2, 3, 4]
[objects."3:1.0.9.8.1.255"]
quantity = "apparent_energy_import_t1"
type = "double-long-unsigned"
unit = "VAh"
source = "blue"
[objects."3:1.0.9.8.2.255"]
quantity = "apparent_energy_import_t2"
type = "double-long-unsigned"
unit = "VAh"
source = "blue"
"""


@pytest.fixture
def wider(tmp_path: Path) -> Desk:
    """The same meter with two registers by tariff that no mask knows yet."""
    path = tmp_path / "wider.toml"
    path.write_text(WIDER, encoding="utf-8")
    return on_meter(model=load_file(path))


def act(desk: Desk, method: int, value: Value) -> ActionResult:
    """A method of the register activation object."""
    return desk.face.action(desk.association, 6, bytes((0, 0, 14, 0, 0, 255)), method, encode(value), desk.now_us)[0]


def activate(desk: Desk, name: bytes) -> DataAccessResult:
    """Its active_mask, written."""
    octets = bytes((0, 0, 14, 0, 0, 255))
    value = encode((int(Tag.OCTET_STRING), name))
    return desk.face.set(desk.association, 6, octets, 4, None, value, desk.now_us)


def definition(*name: int) -> Value:
    return Tag.STRUCTURE, [(Tag.LONG_UNSIGNED, 3), (Tag.OCTET_STRING, bytes(name))]


def mask(name: bytes, *registers: int) -> Value:
    chosen = [(Tag.UNSIGNED, register) for register in registers]
    return Tag.STRUCTURE, [(Tag.OCTET_STRING, name), (Tag.ARRAY, chosen)]


def hours(desk: Desk, count: int) -> None:
    desk.now_us += count * 3_600_000_000


def tariffs(desk: Desk) -> list[int]:
    """Active energy imported by both tariffs, and apparent energy where the model shows it, in watt-hours."""
    names = ["1.0.1.8.1", "1.0.1.8.2"]
    names += ["1.0.9.8.1", "1.0.9.8.2"] if desk.face.plan.model.object(3, "1.0.9.8.1.255") else []
    return [desk.value(f"3:{name}.255", 2)[1] for name in names]


def test_registers_and_masks_are_added_and_taken_away_but_for_the_mask_in_force(wider: Desk) -> None:
    masks = wider.value(ACTIVATION, 3)[1]
    assert act(wider, 1, definition(1, 0, 1, 8, 0, 255)) is ActionResult.OTHER_REASON  # totals count always
    assert act(wider, 1, definition(1, 0, 9, 8, 1, 255)) is ActionResult.SUCCESS
    assert act(wider, 1, definition(1, 0, 9, 8, 1, 255)) is ActionResult.OTHER_REASON  # it is there
    assert len(wider.value(ACTIVATION, 2)[1]) == 7
    assert act(wider, 2, mask(b"T3", 1, 7)) is ActionResult.SUCCESS
    assert act(wider, 2, mask(b"T4", 8)) is ActionResult.OTHER_REASON  # there is no eighth register
    assert act(wider, 2, mask(b"T3", 7)) is ActionResult.SUCCESS  # in the place of the one before
    assert wider.value(ACTIVATION, 3)[1] == [*masks, mask(b"T3", 7)]
    assert act(wider, 3, (Tag.OCTET_STRING, b"T1")) is ActionResult.OTHER_REASON  # it is in force
    assert act(wider, 3, (Tag.OCTET_STRING, b"T3")) is ActionResult.SUCCESS
    assert act(wider, 3, (Tag.OCTET_STRING, b"T3")) is ActionResult.OTHER_REASON
    assert wider.value(ACTIVATION, 3)[1] == masks
    assert act(wider, 3, (Tag.UNSIGNED, 1)) is ActionResult.TYPE_UNMATCHED


def test_a_mask_that_a_client_changes_decides_which_registers_count(wider: Desk) -> None:
    """At 07:30 tariff 1 is in force, 3 kW flow; from 22:00 on tariff 2 is."""
    begun = tariffs(wider)
    hours(wider, 1)
    assert [now - before for now, before in zip(tariffs(wider), begun, strict=True)] == [3000, 0, 3000, 0]
    # Both registers of active energy by T1's mask; apparent energy by no mask, once it is assigned.
    assert act(wider, 2, mask(b"T1", 1, 2)) is ActionResult.SUCCESS
    assert act(wider, 1, definition(1, 0, 9, 8, 1, 255)) is ActionResult.SUCCESS
    assert act(wider, 1, definition(1, 0, 9, 8, 2, 255)) is ActionResult.SUCCESS
    begun = tariffs(wider)
    hours(wider, 2)
    assert [now - before for now, before in zip(tariffs(wider), begun, strict=True)] == [6000, 6000, 0, 0]
    assert act(wider, 2, mask(b"T2", 8)) is ActionResult.SUCCESS
    hours(wider, 12)  # 22:30
    begun = tariffs(wider)
    hours(wider, 1)
    assert [now - before for now, before in zip(tariffs(wider), begun, strict=True)] == [0, 0, 0, 3000]


def test_a_mask_that_a_client_puts_in_force_counts_until_the_calendar_switches(eu: Desk) -> None:
    demand = "4:1.0.1.6.2.255"
    assert activate(eu, b"T9") is DataAccessResult.OTHER_REASON
    assert activate(eu, b"T2") is DataAccessResult.SUCCESS
    assert eu.value(ACTIVATION, 4) == (Tag.OCTET_STRING, b"T2")
    assert eu.value("1:0.0.96.14.0.255", 2) == (Tag.UNSIGNED, 2)
    begun = tariffs(eu)
    hours(eu, 3)
    assert [now - before for now, before in zip(tariffs(eu), begun, strict=True)] == [0, 9000]
    assert eu.value(demand, 2)[1] == 3000
    hours(eu, 24)  # midnight, six o'clock and ten in the evening have switched since
    assert eu.value(ACTIVATION, 4) == (Tag.OCTET_STRING, b"T1")
    begun = tariffs(eu)
    hours(eu, 1)
    assert [now - before for now, before in zip(tariffs(eu), begun, strict=True)] == [3000, 0]


def test_a_mask_of_no_tariff_is_told_as_tariff_nought(eu: Desk) -> None:
    assert act(eu, 2, mask(b"holiday", 3)) is ActionResult.SUCCESS
    assert activate(eu, b"holiday") is DataAccessResult.SUCCESS
    assert eu.value("1:0.0.96.14.0.255", 2) == (Tag.UNSIGNED, 0)
    begun = tariffs(eu)
    hours(eu, 1)
    assert tariffs(eu) == begun


def test_the_tariffication_script_puts_its_mask_in_force(eu: Desk) -> None:
    script = bytes((0, 0, 10, 0, 100, 255))
    selector = encode((int(Tag.LONG_UNSIGNED), 2))
    assert eu.face.action(eu.association, 9, script, 1, selector, eu.now_us)[0] is ActionResult.SUCCESS
    assert eu.value(ACTIVATION, 4) == (Tag.OCTET_STRING, b"T2")


def test_a_mask_list_that_is_written_whole_counts_and_one_that_cannot_be_is_refused(wider: Desk) -> None:
    def write(*masks: Value) -> DataAccessResult:
        octets = bytes((0, 0, 14, 0, 0, 255))
        return wider.face.set(wider.association, 6, octets, 3, None, encode((Tag.ARRAY, list(masks))), wider.now_us)

    assert write(mask(b"T1", 7)) is DataAccessResult.OTHER_REASON
    assert write(mask(b"T1", 2), mask(b"T2", 1)) is DataAccessResult.SUCCESS
    begun = tariffs(wider)
    hours(wider, 1)
    assert [now - before for now, before in zip(tariffs(wider), begun, strict=True)][:2] == [0, 3000]


def test_a_script_table_that_a_client_writes_names_other_masks(wider: Desk) -> None:
    script, activation = bytes((0, 0, 10, 0, 100, 255)), bytes((0, 0, 14, 0, 0, 255))

    def begins(number: int, name: bytes) -> Value:
        names = (Tag.LONG_UNSIGNED, 6), (Tag.OCTET_STRING, activation), (Tag.INTEGER, 4), (Tag.OCTET_STRING, name)
        action = (Tag.STRUCTURE, [(Tag.ENUM, 1), *names])
        return Tag.STRUCTURE, [(Tag.LONG_UNSIGNED, number), (Tag.ARRAY, [action])]

    table = encode((Tag.ARRAY, [begins(1, b"T2"), begins(2, b"T1")]))
    assert wider.face.set(wider.association, 9, script, 2, None, table, wider.now_us) is DataAccessResult.SUCCESS
    assert wider.value(ACTIVATION, 4) == (Tag.OCTET_STRING, b"T2")
    hours(wider, 15)
    assert wider.value(ACTIVATION, 4) == (Tag.OCTET_STRING, b"T1")


@pytest.mark.parametrize(
    ("assigned", "masks", "complaint"),
    [
        ('[[3, "1.0.1.8.0.255"]]', "[]", "assigns 3:1.0.1.8.0.255, which is no register by tariff"),
        ('[[3, "1.0.1.8.1.255"]]', '[["T1", [2]]]', "mask 'T1' names a register beyond the 1 assigned"),
    ],
)
def test_a_model_that_assigns_what_cannot_be_is_refused(
    assigned: str, masks: str, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(
        f'base = "eu-three-phase"\ntitle = "wrong"\n[objects."6:0.0.14.0.0.255"]\n'
        f"attributes.2 = {{ value = {assigned} }}\nattributes.3 = {{ value = {masks} }}\n",
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match=re.escape(complaint)):
        load_file(path)


def test_tariff_registers_add_up_to_the_total(eu: Desk) -> None:
    total, first, second = (eu.value(f"3:1.0.1.8.{zone}.255", 2)[1] for zone in (0, 1, 2))
    assert abs(first + second - total) <= 1


def test_compact_data_is_read_with_its_template(eu: Desk) -> None:
    key = "62:0.0.66.0.1.255"
    buffer, template = eu.value(key, 2)[1], eu.value(key, 5)[1]
    assert buffer[:1] == bytes((eu.value(key, 4)[1],))
    rows = decode(b"\x13" + template + bytes((len(buffer) - 1,)) + buffer[1:])[1][1]
    assert len(rows) == 1
    expected = [
        eu.value(name, 2) for name in ("8:0.0.1.0.0.255", "3:1.0.1.8.0.255", "3:1.0.2.8.0.255", "3:1.0.16.7.0.255")
    ]
    assert rows[0][1] == expected


def test_attribute_zero_is_all_attributes(eu: Desk) -> None:
    whole = eu.value("70:0.0.96.3.10.255", 0)
    assert whole == (Tag.STRUCTURE, [eu.value("70:0.0.96.3.10.255", number) for number in (1, 2, 3, 4)])
    hidden = eu.value("15:0.0.40.0.3.255", 0)
    assert hidden[1][6] == (Tag.NULL_DATA, None)
    missing = eu.face.get(eu.association, 3, SWITCH, 0, None, eu.now_us)
    assert missing is DataAccessResult.OBJECT_CLASS_INCONSISTENT


def test_attribute_zero_needs_its_conformance() -> None:
    public = on_meter(16)
    assert public.face.get(public.association, 8, bytes((0, 0, 1, 0, 0, 255)), 0, None, 0) is (
        DataAccessResult.READ_WRITE_DENIED
    )


def rights(desk: Desk, instance: bytes) -> tuple[dict[int, int], dict[int, int]]:
    element = next(each[1] for each in desk.value("15:0.0.40.0.0.255", 2)[1] if each[1][2][1] == instance)
    attributes, methods = element[3][1]
    return (
        {row[1][0][1]: row[1][1][1] for row in attributes[1]},
        {row[1][0][1]: row[1][1][1] for row in methods[1]},
    )


def test_rights_are_an_enumeration_or_bits_by_the_associations_version() -> None:
    assert rights(on_meter(1), SWITCH) == ({1: 1, 2: 1, 3: 1, 4: 3}, {1: 1, 2: 1})
    assert rights(on_meter(2), SWITCH) == ({1: 1, 2: 1, 3: 1, 4: 1}, {1: 0, 2: 0})


VERSIONED = """
base = "eu-three-phase"
title = "an association in another version"
[[association]]
client = 1
version = {version}
[objects]
"15:0.0.40.0.3.255" = {{ version = {version}, title = "management", set = [7], execute = [2], source = "blue" }}
"""


YES: Value = (Tag.ENUM, 1)


@pytest.mark.parametrize(
    ("version", "attributes", "right"), [(0, 8, (Tag.BOOLEAN, True)), (1, 9, YES), (2, 11, YES), (3, 11, YES)]
)
def test_an_association_of_each_version_tells_rights_in_its_way_and_enforces_them(
    tmp_path: Path, version: int, attributes: int, right: Value
) -> None:
    path = tmp_path / "model.toml"
    path.write_text(VERSIONED.format(version=version), encoding="utf-8")
    desk = on_meter(1, load_file(path))
    listed = [each[1] for each in desk.value("15:0.0.40.0.0.255", 2)[1]]
    own = next(each for each in listed if each[2] == (Tag.OCTET_STRING, CURRENT))
    assert own[:2] == [(Tag.LONG_UNSIGNED, 15), (Tag.UNSIGNED, version)]
    assert len(own[3][1][0][1]) == attributes
    hidden = desk.face.get(desk.association, 15, CURRENT, attributes + 1, None, desk.now_us)
    assert hidden is DataAccessResult.READ_WRITE_DENIED
    switch = next(each for each in listed if each[2] == (Tag.OCTET_STRING, SWITCH))
    assert [each[1][1] for each in switch[3][1][1][1]] == [right, right]
    assert [each[1][1] for each in switch[3][1][0][1]] == [(Tag.ENUM, mode) for mode in (1, 1, 1, 3)]
    results = []
    for number in (1, 2, 3, 4):
        value = encode(desk.value("70:0.0.96.3.10.255", number))
        results.append(desk.face.set(desk.association, 70, SWITCH, number, None, value, desk.now_us))
    assert results == [DataAccessResult.READ_WRITE_DENIED] * 3 + [DataAccessResult.SUCCESS]
    assert desk.face.action(desk.association, 70, SWITCH, 1, None, desk.now_us)[0] is ActionResult.SUCCESS
    reader = on_meter(2, load_file(path))
    assert reader.face.action(reader.association, 70, SWITCH, 1, None, 0)[0] is ActionResult.READ_WRITE_DENIED


def test_what_a_ciphered_association_asks_of_each_request_stands_in_the_bits_of_version_3() -> None:
    asked = 0b1100  # authenticated and encrypted
    attributes, methods = rights(on_meter(1, load("eu-three-phase-gmac")), SWITCH)
    assert attributes == {1: asked | 1, 2: asked | 1, 3: asked | 1, 4: asked | 3}
    assert methods == {1: asked | 1, 2: asked | 1}


def test_an_association_and_its_object_are_of_one_version(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text(VERSIONED.format(version=1).replace("version = 1\n[obj", "version = 2\n[obj"), encoding="utf-8")
    with pytest.raises(ModelError, match="version 1, but its association has 2"):
        plan_of(load_file(path))


def user(number: int, name: str) -> Value:
    return int(Tag.STRUCTURE), [(int(Tag.UNSIGNED), number), (int(Tag.VISIBLE_STRING), name)]


def test_users_of_an_association_are_listed_told_apart_and_kept(eu: Desk) -> None:
    notes: dict[str, str] = {}
    eu.face.keep({}, notes.__setitem__)
    readers = bytes((0, 0, 40, 0, 2, 255))

    def act(method: int, value: Value) -> ActionResult:
        return eu.face.action(eu.association, 15, readers, method, encode(value), eu.now_us)[0]

    assert eu.value("15:0.0.40.0.2.255", 10) == (Tag.ARRAY, [])
    assert not eu.face.associations()[2].users
    assert act(5, user(3, "Ann")) is ActionResult.SUCCESS
    assert act(5, user(7, "Bob")) is ActionResult.SUCCESS
    assert act(5, user(7, "Eve")) is ActionResult.OTHER_REASON  # there is a 7
    assert act(6, user(3, "Bob")) is ActionResult.OTHER_REASON  # there is no such user
    assert eu.value("15:0.0.40.0.2.255", 10) == (Tag.ARRAY, [user(3, "Ann"), user(7, "Bob")])
    assert eu.face.associations()[2].users == {3, 7}

    reader = Desk(eu.face, associate(eu.face, 2))
    nobody = (Tag.STRUCTURE, [(Tag.NULL_DATA, None)] * 2)
    assert reader.value("15:0.0.40.0.0.255", 11) == nobody
    reader.association.user_id = 7
    assert reader.value("15:0.0.40.0.0.255", 11) == user(7, "Bob")
    assert eu.value("15:0.0.40.0.2.255", 11) == nobody  # management is none of them
    refused, _ = reader.face.action(reader.association, 15, readers, 5, encode(user(9, "Eve")), 0)
    assert refused is ActionResult.READ_WRITE_DENIED

    again = on_meter()
    again.face.keep(notes, lambda _name, _text: None)
    assert again.face.associations()[2].users == {3, 7}
    for each in (user(3, "Ann"), user(7, "Bob")):
        assert act(6, each) is ActionResult.SUCCESS
    assert not eu.face.associations()[2].users  # and everybody is let in again
    for number in range(16):
        assert act(5, user(number, "many")) is ActionResult.SUCCESS
    assert act(5, user(16, "one too many")) is ActionResult.OTHER_REASON


def select(desk: Desk, selector: int, parameter: Value) -> bytes | DataAccessResult:
    return desk.face.get(desk.association, 15, CURRENT, 2, Selection(selector, encode(parameter)), desk.now_us)


def test_an_object_list_is_selected_by_class_and_by_object(eu: Desk) -> None:
    everything = select(eu, 1, (int(Tag.NULL_DATA), None))
    assert isinstance(everything, bytes)
    assert len(decode(everything)[1]) == len([each for each in MODEL.objects.values() if each.class_id != 12])
    registers = select(eu, 2, (int(Tag.ARRAY), [(int(Tag.LONG_UNSIGNED), 5)]))
    assert isinstance(registers, bytes)
    assert [each[1][0] for each in decode(registers)[1]] == [(Tag.LONG_UNSIGNED, 5)] * 2
    name: Value = (int(Tag.STRUCTURE), [(int(Tag.LONG_UNSIGNED), 70), (int(Tag.OCTET_STRING), SWITCH)])
    for selector, parameter in ((3, (int(Tag.ARRAY), [name])), (4, name)):
        one = select(eu, selector, parameter)
        assert isinstance(one, bytes)
        assert [each[1][2][1] for each in decode(one)[1]] == [SWITCH]
    nothing: Value = (int(Tag.STRUCTURE), [(int(Tag.LONG_UNSIGNED), 1), (int(Tag.OCTET_STRING), SWITCH)])
    assert select(eu, 4, nothing) is DataAccessResult.OBJECT_UNDEFINED
    assert select(eu, 9, nothing) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def test_the_emergency_threshold_is_set_by_its_profile(eu: Desk) -> None:
    limiter = bytes((0, 0, 17, 0, 0, 255))
    when = eu.value("8:0.0.1.0.0.255", 2)
    profile: Value = (
        int(Tag.STRUCTURE),
        [(int(Tag.LONG_UNSIGNED), 1), (int(Tag.OCTET_STRING), when[1]), (int(Tag.DOUBLE_LONG_UNSIGNED), 600)],
    )
    result = eu.face.set(eu.association, 71, limiter, 8, None, encode(profile), eu.now_us)
    assert result is DataAccessResult.SUCCESS
    eu.now_us += 1_000_000
    assert eu.value("71:0.0.17.0.0.255", 10) == (Tag.BOOLEAN, True)
    assert eu.value("71:0.0.17.0.0.255", 3) == (Tag.DOUBLE_LONG_UNSIGNED, 3000)
    eu.now_us += 600 * 1_000_000
    assert eu.value("71:0.0.17.0.0.255", 10) == (Tag.BOOLEAN, False)


def test_the_newest_event_stands_first(eu: Desk) -> None:
    for method in (1, 2):
        eu.now_us += 10_000_000
        assert eu.face.action(eu.association, 70, SWITCH, method, None, eu.now_us)[0] is ActionResult.SUCCESS
    codes = [row[1][1][1] for row in eu.value("7:0.0.99.98.2.255", 2)[1]]
    assert codes == [302, 301]


def test_a_load_profile_is_forgotten_on_request(eu: Desk) -> None:
    load_profile = bytes((1, 0, 99, 1, 0, 255))
    assert eu.value("7:1.0.99.1.0.255", 7)[1] == 8640
    result, _ = eu.face.action(eu.association, 7, load_profile, 1, None, eu.now_us)
    assert result is ActionResult.SUCCESS
    assert eu.value("7:1.0.99.1.0.255", 7)[1] == 0
    bills = bytes((0, 0, 98, 1, 0, 255))
    assert eu.face.action(eu.association, 7, bills, 1, None, eu.now_us)[0] is ActionResult.READ_WRITE_DENIED
