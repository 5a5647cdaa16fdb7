"""Payloads: what the model says is taken, what is null or wrong is published as without value, nothing ever crashes."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.push.payload import MalformedPushError, Pushed, device_id_of, forms_of, split_payload, understand
from protocols.dlms.value import Tag, Value, encode, structure
from protocols.message.reading import Quality
from protocols.model.loader import load
from tests.emulator.living import ALERT, BILL, BLOCK, HOUR_MS, INSTANT, POWER, START_MS, Living, Sent, octets
from tests.protocols.dlms.strategies import values as any_values

IST = ZoneInfo("Asia/Kolkata")
MODELS = ("is15959-d1", "is15959-d2", "is15959-d1-integer", "is15959-d2-integer")


def pushed_by(model: str) -> dict[str, Sent]:
    """One push of each setup of a model, as its meters make them."""
    living = Living(model)
    living.direct()
    living.act(40, INSTANT, 1)
    living.go(START_MS + HOUR_MS)
    living.meter.billing_reset(START_MS + HOUR_MS)
    living.go(START_MS + HOUR_MS)
    living.meter.outage(START_MS + 2 * HOUR_MS)
    living.go(START_MS + 2 * HOUR_MS)
    living.meter.restore(START_MS + 3 * HOUR_MS)
    living.go(START_MS + 4 * HOUR_MS)
    return {each.setup: each for each in living.sent}


def body_of(sent: Sent) -> bytes:
    return sent.push.apdu[6:]


def read(body: bytes, model: str | None = "is15959-d1") -> Pushed:
    return understand(split_payload(body), None if model is None else load(model), IST)


def changed(body: bytes, place: int, value: Value) -> bytes:
    cells = [encode(each) for each in split_payload(body)]
    cells[place] = encode(value)
    return structure(cells)


@pytest.fixture(scope="module")
def d1() -> dict[str, Sent]:
    return pushed_by("is15959-d1")


@pytest.mark.parametrize("model", MODELS)
def test_every_push_of_every_model_is_understood(model: str) -> None:
    found = pushed_by(model)
    assert set(found) == {INSTANT, ALERT, BLOCK, POWER, BILL}
    for name, sent in found.items():
        pushed = read(body_of(sent), model)
        assert pushed.setup == name
        assert pushed.form is not None
        assert pushed.row.at is not None
        assert all(each.quality is Quality.GOOD for each in pushed.row.values)
        assert device_id_of(split_payload(body_of(sent))) == "MTBMB0001"


@pytest.mark.parametrize("model", ["is15959-d1", "is15959-d2"])
def test_a_meter_whose_model_is_not_said_is_taken_by_the_length_of_what_it_sends(model: str) -> None:
    for name, sent in pushed_by(model).items():
        pushed = read(body_of(sent), None)
        assert (pushed.setup, pushed.form is not None) == (name, True)
        assert all(each.quality is Quality.GOOD for each in pushed.row.values)


def test_values_have_names_units_and_scalers_of_the_model(d1: dict[str, Sent]) -> None:
    pushed = read(body_of(d1[INSTANT]))
    values = {each.name: each for each in pushed.row.values}
    assert (values["voltage"].value, values["voltage"].unit) == ("230", "V")
    assert (values["active_power"].value, values["active_power"].unit) == ("500", "W")
    assert values["output_state"].value == "1"
    assert pushed.form is not None
    assert pushed.form.profile == "instantaneous"
    block = read(body_of(d1[BLOCK]))
    assert block.form is not None
    assert block.form.profile == "block_load"
    bill = read(body_of(d1[BILL]))
    assert bill.form is not None
    assert bill.form.profile == "billing"
    assert bill.row.at is not None
    assert bill.row.at.isoformat() == "2024-10-28T01:00:00+05:30"


def test_the_status_word_and_the_power_event_are_told_apart(d1: dict[str, Sent]) -> None:
    alert, power = read(body_of(d1[ALERT])), read(body_of(d1[POWER]))
    assert alert.word is not None
    assert len(alert.word) == 128
    assert (power.code, power.word, alert.code) == (102, None, None)


def test_an_element_that_is_null_has_no_value_and_the_others_have(d1: dict[str, Sent]) -> None:
    pushed = read(changed(body_of(d1[INSTANT]), 3, (0, None)))
    voltage, current = pushed.row.values[:2]
    assert (voltage.value, voltage.quality, voltage.reason) == (None, Quality.ERROR, "the meter sent no value")
    assert current.quality is Quality.GOOD


def test_an_element_of_another_type_is_not_believed(d1: dict[str, Sent]) -> None:
    wrong = read(changed(body_of(d1[INSTANT]), 3, (int(Tag.LONG_UNSIGNED), 23000)))
    voltage = wrong.row.values[0]
    assert (voltage.value, voltage.quality) == (None, Quality.ERROR)
    assert voltage.reason == "the model says float32, the meter sent long-unsigned"


def test_a_payload_of_another_length_is_refused(d1: dict[str, Sent]) -> None:
    cells = [encode(each) for each in split_payload(body_of(d1[INSTANT]))]
    for fewer in (cells[:-1], [*cells, encode((0, None))]):
        with pytest.raises(MalformedPushError, match=r"push setup 0\.0\.25\.9\.0\.255 has 24 elements"):
            read(structure(fewer))


def test_without_a_clock_it_is_known_when_it_came_but_not_when_it_was(d1: dict[str, Sent]) -> None:
    pushed = read(changed(body_of(d1[ALERT]), 2, (0, None)))
    assert pushed.row.at is None
    assert pushed.word is not None


def test_a_setup_that_the_model_does_not_have_is_shown_by_position() -> None:
    body = structure([encode((int(Tag.VISIBLE_STRING), "MTBMB0001")), encode((9, octets("0.130.25.9.0.255"))), b"\x00"])
    pushed = read(body)
    assert (pushed.setup, pushed.form) == ("0.130.25.9.0.255", None)
    assert [each.name for each in pushed.row.values] == ["element_1", "element_2", "element_3"]


def test_a_makers_bit_string_of_one_length_octet_is_taken(d1: dict[str, Sent]) -> None:
    cells = [encode(each) for each in split_payload(body_of(d1[ALERT]))]
    assert cells[3][:3] == b"\x04\x81\x80"
    lenient = structure([*cells[:3], b"\x04\x80" + cells[3][3:]])
    assert read(lenient).word == read(body_of(d1[ALERT])).word


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\x01\x00",
        b"\x02",
        b"\x02\x05\x00",
        b"\x02\x01\x09\x05ab",
        b"\x02\x01\x00\x00",
        b"\x02\x82\xff\xff",
    ],
)
def test_what_is_no_flat_structure_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPushError):
        split_payload(body)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_octets_are_a_payload_or_refused(body: bytes) -> None:
    _survives(b"\x02" + body)


@given(st.lists(any_values(), max_size=30), st.sampled_from((ALERT, INSTANT, BLOCK, POWER, BILL, None)))
def test_any_values_in_any_place_are_published_or_refused(cells: list[Any], setup: str | None) -> None:
    encoded = [encode(each) for each in cells]
    if setup is not None and len(encoded) > 1:
        encoded[1] = encode((9, octets(setup)))
    _survives(structure(encoded))


@settings(max_examples=200)
@given(place=st.integers(0, 34), value=any_values(), setup=st.sampled_from((ALERT, INSTANT, BLOCK, POWER, BILL)))
def test_one_wrong_element_spoils_no_other(place: int, value: Any, setup: str) -> None:
    found = _D1[setup]
    if place >= len(split_payload(found)):
        return
    pushed = _survives(changed(found, place, value))
    if pushed is not None and pushed.form is not None and place > 2:
        good = [each for each in pushed.row.values if each.quality is Quality.GOOD]
        assert len(good) >= len(pushed.row.values) - 1


_D1 = {name: body_of(sent) for name, sent in pushed_by("is15959-d1").items()}


def _survives(body: bytes) -> Pushed | None:
    pushed = None
    for model in ("is15959-d1", None):
        try:
            pushed = read(body, model)
        except MalformedPushError:
            continue
        for each in pushed.row.values:
            each.model_dump_json()
    return pushed


def test_forms_are_made_once_for_a_model() -> None:
    model = load("is15959-d1")
    assert forms_of(model) is forms_of(model)
