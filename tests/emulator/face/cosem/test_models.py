"""Every model on a real meter: each attribute of each object answers, in the type that its class says."""

from functools import cache

import pytest

from emulator.face.cosem.access import SECRETS, Access, attribute_access, method_access
from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.plan import plan_of
from emulator.meter import Meter
from protocols.cosem.catalogue import CATALOGUE
from protocols.cosem.interface_class import Depth
from protocols.dlms.selection import CaptureObject
from protocols.dlms.value import Tag, Value, decode
from protocols.model.cosem_object import CosemObject
from protocols.model.loader import load, model_ids
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, LinkTime, associate

MODELS = [model_id for model_id in model_ids() if load(model_id).objects]
MIGHTIEST_CLIENT = {"eu-three-phase": 1, "eu-three-phase-gmac": 1, "eu-three-phase-suite1": 1}


@cache
def on_meter(model_id: str) -> Desk:
    """The model on a meter, read by the client that may do most."""
    model = load(model_id)
    meter = Meter("MB0001", model, seed=7, load={"constant": 1500}, supply={"constant": 230}, start_ms=NOON_MS)
    face = CosemFace(meter, model, LinkTime())
    return Desk(face, associate(face, MIGHTIEST_CLIENT.get(model_id, 48)))


def read(desk: Desk, each: CosemObject, number: int) -> Value:
    answer = desk.face.get(desk.association, each.class_id, each.logical_name.octets, number, None, desk.now_us)
    assert isinstance(answer, bytes), (each.key, number, answer)
    return decode(answer)


@pytest.mark.parametrize("model_id", MODELS)
def test_every_object_is_of_a_class_in_the_catalogue(model_id: str) -> None:
    for each in load(model_id).objects.values():
        assert each.interface is CATALOGUE[each.class_id, each.version]
        assert each.settable <= set(each.attribute_numbers)
        assert each.executable <= {method.number for method in each.interface.methods}


def test_the_classes_that_behave_are_those_that_models_have() -> None:
    in_models = {(each.class_id, each.version) for model_id in MODELS for each in load(model_id).objects.values()}
    behaving = {key for key, each in CATALOGUE.items() if each.depth is Depth.BEHAVES}
    assert in_models <= behaving
    assert {class_id for class_id, _ in behaving} == {class_id for class_id, _ in in_models}


@pytest.mark.parametrize("model_id", MODELS)
def test_no_right_is_promised_that_comes_to_nothing(model_id: str) -> None:
    """What the object list says may be written or invoked can be, by each client."""
    model = load(model_id)
    plan = plan_of(model)
    for client, association in model.associations.items():
        view = plan.views[client]
        for each in model.objects.values():
            octets = each.logical_name.octets
            if each.class_id not in view.objects.get(octets, ()):
                continue
            for number in each.attribute_numbers:
                right, key = attribute_access(each, number, association), (each.class_id, octets, number)
                assert bool(right & Access.WRITE) == (key in view.writers), key
                assert bool(right & Access.READ) == (key in view.readers) or each.class_id in {12, 15}, key
            for method in each.executable:
                key = (each.class_id, octets, method)
                assert bool(method_access(each, method, association)) == (key in view.methods), key


@pytest.mark.parametrize("model_id", MODELS)
def test_the_logical_device_is_assigned_to_its_sap(model_id: str) -> None:
    model, desk = load(model_id), on_meter(model_id)
    assigned = [each for each in model.objects.values() if each.class_id == 17]
    for each in assigned:
        [entry] = read(desk, each, 2)[1]
        name = desk.value("1:0.0.42.0.0.255", 2)
        assert entry == (Tag.STRUCTURE, [(Tag.LONG_UNSIGNED, 1), (Tag.OCTET_STRING, name[1])])
    assert assigned or model_id.startswith("is15959")


@pytest.mark.parametrize("model_id", MODELS)
def test_every_attribute_answers_in_the_type_of_its_class(model_id: str) -> None:
    desk = on_meter(model_id)
    for each in load(model_id).objects.values():
        for number in each.attribute_numbers:
            if (each.class_id, number) in SECRETS or each.class_id == 12:
                continue  # nobody reads those; the object for short names is its own client's
            attribute = each.interface.attribute(number) if each.interface else None
            assert attribute is not None
            value = read(desk, each, number)
            if (each.class_id, number) == (15, 9) and value == (Tag.OCTET_STRING, b""):
                continue  # an association without a security setup refers to none
            assert attribute.type.matches(value), (each.key, number, value)


@pytest.mark.parametrize("model_id", MODELS)
def test_every_row_has_the_columns_that_are_captured(model_id: str) -> None:
    desk = on_meter(model_id)
    for each in load(model_id).objects.values():
        if each.class_id != 7:
            continue
        columns = [CaptureObject.from_value(column) for column in read(desk, each, 3)[1]]
        rows = read(desk, each, 2)[1]
        assert len(rows) == read(desk, each, 7)[1]
        assert all(len(row[1]) == len(columns) for row in rows)
        if each.profile and each.profile.rows in {"live", "scalers"}:
            for column, cell in zip(columns, rows[0][1], strict=True):
                captured = load(model_id).object(column.class_id, ".".join(map(str, column.instance)))
                assert captured is not None
                assert read(desk, captured, column.attribute) == cell


@pytest.mark.parametrize("model_id", MODELS)
def test_block_rows_add_up_to_the_daily_register(model_id: str) -> None:
    """As far as the wire's type allows: one step a row."""
    model = load(model_id)
    blocks, daily = model.object(7, "1.0.99.1.0.255"), model.object(7, "1.0.99.2.0.255")
    assert blocks is not None
    assert daily is not None
    desk = on_meter(model_id)
    energy = model.object(3, "1.0.1.29.0.255")
    if energy is None or blocks.profile is None:
        return  # this model's blocks hold registers, not differences
    position = [column.logical_name for column in blocks.profile.capture].index(energy.logical_name)
    rows = read(desk, blocks, 2)[1]
    days = read(desk, daily, 2)[1]
    first, last = days[-8][1], days[-1][1]
    within = [row[1] for row in rows if first[0][1][:10] < row[1][0][1][:10] <= last[0][1][:10]]
    assert len(within) == 7 * 96
    gained = sum(row[position][1] for row in within)
    step = 1 if energy.scaler == 0 else 0.001
    assert abs(gained - (last[1][1] - first[1][1])) <= step * len(within)
