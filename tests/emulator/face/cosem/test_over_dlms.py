"""The face behind our server, asked by our client: blocks, lists, ranges, actions, and short names."""

from pathlib import Path

import pytest

from protocols.cosem.short_name import ASSOCIATION_BASE_NAME, attribute_offset, method_offset
from protocols.dlms.ask.outcome import Associated
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import EntryDescriptor, Selection
from protocols.dlms.value import Tag, Value, encode
from protocols.model.cosem_object import CosemObject
from protocols.model.loader import load, load_file
from protocols.model.meter_model import MeterModel
from tests.emulator.face.cosem.conversation import Conversation

CURRENT = bytes((0, 0, 40, 0, 0, 255))
BLOCK = bytes((1, 0, 99, 1, 0, 255))
SWITCH = bytes((0, 0, 96, 3, 10, 255))
INSTANTANEOUS = bytes((1, 0, 94, 91, 0, 255))
SN_CLIENT = 3
EU = load("eu-three-phase")


@pytest.mark.parametrize("model_id", ["is15959-d1", "is15959-d2"])
def test_an_object_list_arrives_in_blocks(model_id: str) -> None:
    model = load(model_id)
    talk = Conversation(model, 48)
    assert isinstance(talk.associated, Associated)
    tag, listed = talk.run(talk.client.get(AttributeDescriptor(15, CURRENT, 2), talk.now_us))
    assert tag == Tag.ARRAY
    assert len(listed) == sum(each.listed for each in model.objects.values())


def test_the_public_client_gets_no_blocks_and_only_what_it_sees() -> None:
    talk = Conversation(load("is15959-d1"), 16)
    nameplate = talk.run(talk.client.get(AttributeDescriptor(7, bytes((0, 0, 94, 91, 10, 255)), 2), talk.now_us))
    assert nameplate[1][0][1][0] == (Tag.VISIBLE_STRING, "MB0001")
    refused = talk.run(talk.client.get(AttributeDescriptor(7, INSTANTANEOUS, 2), talk.now_us))
    assert refused is DataAccessResult.OBJECT_UNDEFINED


def test_35_days_of_load_profile_arrive_in_blocks() -> None:
    talk = Conversation(load("is15959-d1"), 32)
    rows = talk.run(talk.client.get(AttributeDescriptor(7, BLOCK, 2), talk.now_us))[1]
    assert len(rows) == 3360
    few = EntryDescriptor(from_entry=3359, to_entry=3360, from_selected_value=1, to_selected_value=2).selection()
    last = talk.run(talk.client.get(AttributeDescriptor(7, BLOCK, 2, few), talk.now_us))[1]
    assert last == [(int(Tag.STRUCTURE), row[1][:2]) for row in rows[-2:]]


def test_the_relay_opens_and_the_current_stops() -> None:
    talk = Conversation(load("is15959-d1"), 48)
    current = AttributeDescriptor(3, bytes((1, 0, 11, 7, 0, 255)), 2)
    energy = AttributeDescriptor(3, bytes((1, 0, 1, 8, 0, 255)), 2)
    assert talk.run(talk.client.get(current, talk.now_us))[1] > 0
    answer = talk.run(talk.client.action(MethodDescriptor(70, SWITCH, 1), (int(Tag.INTEGER), 0), talk.now_us))
    assert answer.result is ActionResult.SUCCESS
    talk.now_us += 60_000_000
    assert talk.run(talk.client.get(current, talk.now_us)) == (Tag.FLOAT32, 0.0)
    assert talk.run(talk.client.get(AttributeDescriptor(70, SWITCH, 2), talk.now_us)) == (Tag.BOOLEAN, False)
    assert talk.run(talk.client.get(AttributeDescriptor(70, SWITCH, 3), talk.now_us)) == (Tag.ENUM, 0)
    before = talk.run(talk.client.get(energy, talk.now_us))
    talk.now_us += 3600_000_000
    assert talk.run(talk.client.get(energy, talk.now_us)) == before


# Short names


@pytest.fixture(scope="module")
def by_short_names() -> Conversation:
    return Conversation(EU, SN_CLIENT)


def read(talk: Conversation, name: int, selection: Selection | None = None) -> Value | DataAccessResult:
    (answer,) = talk.run(talk.client.read([(name, selection)], talk.now_us))
    assert isinstance(answer, tuple | DataAccessResult)
    return answer


def base_name(talk: Conversation, key: str) -> int:
    wanted = EU.object(int(key.partition(":")[0]), key.partition(":")[2])
    assert isinstance(wanted, CosemObject)
    listed = read(talk, ASSOCIATION_BASE_NAME + attribute_offset(2))
    assert isinstance(listed, tuple)
    octets = wanted.logical_name.octets
    for each in listed[1]:
        (_, base), (_, class_id), _, (_, instance) = each[1]
        if (class_id, instance) == (wanted.class_id, octets):
            return int(base)
    raise AssertionError(f"{key} has no base name")


def test_the_association_tells_the_base_names(by_short_names: Conversation) -> None:
    listed = read(by_short_names, ASSOCIATION_BASE_NAME + attribute_offset(2))
    assert isinstance(listed, tuple)
    assert len(listed[1]) == len([each for each in EU.objects.values() if each.class_id != 15])
    assert read(by_short_names, ASSOCIATION_BASE_NAME) == (Tag.OCTET_STRING, CURRENT)
    own = next(each[1] for each in listed[1] if each[1][1][1] == 12)
    assert own[0][1] & 0xFFFF == ASSOCIATION_BASE_NAME
    by_class = Selection(2, encode((Tag.LONG_UNSIGNED, 5)))
    demands = read(by_short_names, ASSOCIATION_BASE_NAME + attribute_offset(2), by_class)
    assert isinstance(demands, tuple)
    assert len(demands[1]) == 2
    rights = read(by_short_names, ASSOCIATION_BASE_NAME + attribute_offset(3))
    assert isinstance(rights, tuple)
    assert len(rights[1]) == len(listed[1])


def test_a_register_is_read_by_its_short_name(by_short_names: Conversation) -> None:
    name = base_name(by_short_names, "3:1.0.1.8.0.255")
    value = read(by_short_names, name + attribute_offset(2))
    assert isinstance(value, tuple)
    assert value[0] == Tag.DOUBLE_LONG_UNSIGNED
    assert value[1] > 0
    assert read(by_short_names, name + attribute_offset(3)) == (Tag.STRUCTURE, [(Tag.INTEGER, 0), (Tag.ENUM, 30)])
    assert read(by_short_names, 0x7FF0) is DataAccessResult.OBJECT_UNDEFINED


def test_a_profile_is_read_in_part_by_parameterised_access(by_short_names: Conversation) -> None:
    name = base_name(by_short_names, "7:1.0.99.1.0.255") + attribute_offset(2)
    rows = read(by_short_names, name, EntryDescriptor(from_entry=1, to_entry=3).selection())
    assert isinstance(rows, tuple)
    assert len(rows[1]) == 3


def test_a_method_is_invoked_by_writing_to_its_short_name() -> None:
    talk = Conversation(EU, SN_CLIENT)
    name = base_name(talk, "70:0.0.96.3.10.255")
    offset = method_offset(70, 1)
    assert offset is not None
    (result,) = talk.run(talk.client.write([(name + offset, None)], [(int(Tag.INTEGER), 0)], talk.now_us))
    assert result is DataAccessResult.SUCCESS
    assert read(talk, name + attribute_offset(3)) == (Tag.ENUM, 0)


OWN_OBJECTS = """
base = "eu-three-phase"
title = "short names ciphered, and a class that nobody knows"
[[association]]
client = 3
mechanism = "hls-gmac"
context = "sn-ciphered"
security = ["authenticated", "encrypted"]
[objects."8192:0.0.96.50.0.255"]
version = 3
title = "the maker's own"
attributes.2 = { value = 7, type = "unsigned" }
attributes.3 = { value = "own", type = "octet-string" }
set = [2]
source = "bench"
"""
OWN = bytes((0, 0, 96, 50, 0, 255))


@pytest.fixture
def own_objects(tmp_path: Path) -> MeterModel:
    path = tmp_path / "model.toml"
    path.write_text(OWN_OBJECTS, encoding="utf-8")
    return load_file(path)


def test_short_names_are_read_and_written_ciphered_too(own_objects: MeterModel) -> None:
    talk = Conversation(own_objects, SN_CLIENT)
    assert isinstance(talk.associated, Associated)
    name = base_name(talk, "70:0.0.96.3.10.255")
    assert read(talk, name + attribute_offset(4)) == (Tag.ENUM, 4)
    (written,) = talk.run(talk.client.write([(name + attribute_offset(4), None)], [(int(Tag.ENUM), 2)], talk.now_us))
    assert written is DataAccessResult.SUCCESS
    assert read(talk, name + attribute_offset(4)) == (Tag.ENUM, 2)


def test_an_object_of_a_class_that_nobody_knows_is_listed_read_and_written(own_objects: MeterModel) -> None:
    talk = Conversation(own_objects, 1)
    listed = talk.run(talk.client.get(AttributeDescriptor(15, CURRENT, 2), talk.now_us))[1]
    [own] = [each[1] for each in listed if each[1][2][1] == OWN]
    assert own[:2] == [(Tag.LONG_UNSIGNED, 8192), (Tag.UNSIGNED, 3)]
    assert [(each[1][0][1], each[1][1][1]) for each in own[3][1][0][1]] == [(1, 1), (2, 3), (3, 1)]
    wanted = [AttributeDescriptor(8192, OWN, number) for number in (1, 2, 3, 4)]
    *values, missing = talk.run(talk.client.get_list(wanted, talk.now_us))
    assert values == [(Tag.OCTET_STRING, OWN), (Tag.UNSIGNED, 7), (Tag.OCTET_STRING, b"own")]
    assert missing is DataAccessResult.READ_WRITE_DENIED
    second = AttributeDescriptor(8192, OWN, 2)
    assert talk.run(talk.client.set(second, (int(Tag.UNSIGNED), 9), talk.now_us)) is DataAccessResult.SUCCESS
    assert talk.run(talk.client.set(second, (int(Tag.ENUM), 9), talk.now_us)) is DataAccessResult.TYPE_UNMATCHED
    assert talk.run(talk.client.get(second, talk.now_us)) == (Tag.UNSIGNED, 9)


def test_attributes_are_read_by_logical_name_too(by_short_names: Conversation) -> None:
    offset = method_offset(12, 3)
    assert offset is not None
    wanted: Value = (
        int(Tag.STRUCTURE),
        [(int(Tag.LONG_UNSIGNED), 70), (int(Tag.OCTET_STRING), SWITCH), (int(Tag.INTEGER), 3)],
    )
    selection = Selection(0, encode((int(Tag.ARRAY), [wanted])))
    assert read(by_short_names, ASSOCIATION_BASE_NAME + offset, selection) == (Tag.ARRAY, [(Tag.ENUM, 1)])
