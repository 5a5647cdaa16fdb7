"""Model files load whole, or say in one sentence what is wrong with them."""

from pathlib import Path

import pytest

from protocols.model.identity import SYSTEM_TITLE_OCTETS
from protocols.model.loader import load, load_file, model_ids
from protocols.model.meter_model import MeterModel
from protocols.model.table import ModelError

TEN_LINES = """
base = "is15959-d1"
title = "ours"

[sources]
us = "written by hand"

[objects]
"3:1.0.12.7.0.255" = { scaler = -1, type = "long-unsigned" }
"1:0.0.96.50.0.255" = { value = 7, type = "unsigned", title = "own", source = "us" }
"70:0.0.96.3.10.255" = { absent = true }
"7:1.0.94.91.0.255" = { capture = ["3:1.0.12.7.0.255:2"] }
"""


def write(tmp_path: Path, text: str, name: str = "mine.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(ModelError) as caught:
        load_file(write(tmp_path, text))
    sentence = str(caught.value)
    assert "mine.toml" in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("model_id", model_ids())
def test_every_model_that_comes_with_the_project_loads(model_id: str) -> None:
    model = load(model_id)
    assert model.id == model_id
    assert model is load(model_id)


def test_bases_that_are_no_meters_are_not_listed() -> None:
    assert "is15959" not in model_ids()
    assert {"is15959-d1", "is15959-d2", "is15959-d1-integer", "is15959-d2-integer"} <= set(model_ids())
    with pytest.raises(ModelError, match="there is no such model; known are"):
        load("is15959")


def test_a_model_is_written_in_ten_lines(tmp_path: Path) -> None:
    model = load_file(write(tmp_path, TEN_LINES))
    base = load("is15959-d1")
    assert model.id == "mine"
    assert model.base == "is15959-d1"
    voltage = model.object(3, "1.0.12.7.0.255")
    assert voltage is not None
    assert (voltage.scaler, voltage.unit, voltage.title) == (-1, 35, "voltage")
    assert model.object(70, "0.0.96.3.10.255") is None
    assert model.object(1, "0.0.96.50.0.255") is not None
    assert len(model.objects) == len(base.objects)
    assert model.identity == base.identity


def test_a_base_is_found_beside_the_file(tmp_path: Path) -> None:
    write(tmp_path, TEN_LINES, "first.toml")
    model = load_file(write(tmp_path, 'base = "first"\ntitle = "second"\n', "second.toml"))
    assert model.object(1, "0.0.96.50.0.255") is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('base = "nothing"', "base is 'nothing'; it must be one of"),
        ('base = "mine"', "leads in a circle"),
        ("title = ", "this is not TOML"),
        ('title = "x"', "identity is missing"),
        (
            TEN_LINES.replace('title = "ours"', 'title = "ours"\ntitel = 1'),
            "titel is no key of this table; did you mean title",
        ),
        (TEN_LINES.replace("type =", "tipe = 1, type =", 1), "tipe is no key of this table; did you mean type"),
        (TEN_LINES.replace('source = "us"', 'source = "you"'), "source 'you' is not explained in [sources]"),
        (TEN_LINES.replace("3:1.0.12.7.0.255:2", "3:1.0.12.7.9.255:2"), "which no object of the model has"),
        (TEN_LINES.replace('"3:1.0.12.7.0.255" =', '"3:1.0.12.7.256.255" ='), "no logical name"),
        (TEN_LINES.replace("value = 7", "value = 700"), "is not in 0 to 255"),
        (TEN_LINES.replace("value = 7", 'quantity = "volts"'), "is no quantity"),
        (TEN_LINES.replace("value = 7", 'value = 7, state = "x"'), "a value has one source"),
        (TEN_LINES.replace('value = 7, type = "unsigned", ', ""), "attribute 2 (value) has no value"),
        (TEN_LINES.replace("scaler = -1", "set = [9]"), "has no attribute 9"),
        (TEN_LINES.replace("scaler = -1", "execute = [9]"), "has no method 9"),
        (TEN_LINES.replace("scaler = -1", 'unit = "volt"'), "it must be one of"),
        (TEN_LINES.replace('"1:0.0.96.50.0.255"', '"4711:0.0.96.50.0.255"'), "the catalogue does not have class 4711"),
        (TEN_LINES + "\n[relay]\ncontrol_mode = 9\n", "control_mode = 9"),
        (TEN_LINES + "\n[quirks]\nno_release = 'never'\n", "no_release is 'never'; it must be true or false"),
        (TEN_LINES + "\n[quirks]\nnorelease = true\n", "did you mean no_release?"),
        (TEN_LINES + "\n[quirks]\nhdlc_window_max = 8\n", "hdlc_window_max is between 0 and 7, not 8"),
        (TEN_LINES + "\n[identity]\nflag = 'x'\n", "must be 3 capital letters"),
        (TEN_LINES + "\n[[association]]\nclient = 48\nmechanism = 'md5'\n", "must be one of none, lls, hls"),
        (TEN_LINES + "\n[[association]]\nclient = 16\nsees = ['1:0.0.96.50.1.255']\n", "which is no object"),
        (TEN_LINES + "\n[[association]]\nclient = 16\nconformance = ['fly']\n", "conformance holds 'fly'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in complaint(tmp_path, text)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        load_file(tmp_path / "none.toml")


def test_an_unknown_class_is_carried(tmp_path: Path) -> None:
    text = TEN_LINES.replace('"1:0.0.96.50.0.255" = {', '"8192:0.0.96.50.0.255" = { version = 0,')
    own = load_file(write(tmp_path, text)).object(8192, "0.0.96.50.0.255")
    assert own is not None
    assert own.interface is None
    assert own.attribute_numbers == (1, 2)


@pytest.fixture
def d1() -> MeterModel:
    return load("is15959-d1")


def test_what_a_meter_is_called_follows_from_its_id(d1: MeterModel) -> None:
    identity = d1.identity
    assert identity.serial("MB0001") == "MB0001"
    assert identity.device_id("MB0001") == "MTBMB0001"
    assert identity.logical_device_name("MB0001") == "MTB0000000MB0001"
    titles = {identity.system_title(f"MB{number:04}") for number in range(1000)}
    assert len(titles) == 1000
    assert all(len(title) == SYSTEM_TITLE_OCTETS and title[:3] == b"MTB" for title in titles)


def test_the_four_personalities_have_the_same_objects_in_the_same_order(d1: MeterModel) -> None:
    for name in ("is15959-d1", "is15959-d2"):
        whole, integer = load(name), load(f"{name}-integer")
        assert list(whole.objects) == list(integer.objects)
        for key, each in whole.objects.items():
            assert integer.objects[key].profile == each.profile
    voltage = load("is15959-d1-integer").object(3, "1.0.12.7.0.255")
    assert voltage is not None
    assert voltage.scaler == -2


def test_profiles_keep_as_many_rows_as_the_meter_does(d1: MeterModel) -> None:
    for model in (d1, load("is15959-d2")):
        depths = {each.profile.rows: each.profile.entries for each in model.objects.values() if each.profile}
        profiles = model.physics.profiles
        assert depths["block_load"] == profiles.block_load.entries == 3360
        assert depths["daily_load"] == profiles.daily_load.entries == 70
        assert depths["billing"] == profiles.billing.entries == 13
        assert depths["events:voltage"] == model.physics.events.entries == 50
        assert depths["events:non_rollover"] == model.physics.events.non_rollover_entries


def test_the_load_limit_is_105_percent_of_the_rating(d1: MeterModel) -> None:
    for model in (d1, load("is15959-d2")):
        metering = model.physics.metering
        watts = metering.nominal_voltage_v * metering.maximum_current_a * metering.phases * 105 // 100
        assert model.physics.limiter.threshold_normal_w == watts
