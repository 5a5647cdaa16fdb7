"""Push setups in a model: what their payload has, and what a model file may not say of them."""

from pathlib import Path

import pytest

from protocols.model.cosem_object import Capture
from protocols.model.loader import load, load_file
from protocols.model.push import elements, setups
from protocols.model.table import ModelError

INDIAN = ("is15959-d1", "is15959-d2", "is15959-d1-integer", "is15959-d2-integer")
HEAD = """
base = "is15959-d1"
title = "ours"
[objects."40:0.0.25.9.0.255"]
"""


@pytest.mark.parametrize("model_id", INDIAN)
def test_every_indian_push_begins_with_who_and_what(model_id: str) -> None:
    model = load(model_id)
    for setup in setups(model).values():
        assert setup.push is not None
        found = elements(setup.push, model.objects)
        assert [str(each) for each in found[:2]] == ["1:0.0.96.1.2.255:2", f"40:{setup.logical_name}:1"]
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(("model_id", "count"), [("is15959-d1", 24), ("is15959-d2", 37)])
def test_the_instant_push_has_the_columns_of_its_profile_behind_its_own(model_id: str, count: int) -> None:
    model = load(model_id)
    profile = model.object(7, "1.0.94.91.0.255")
    setup = model.object(40, "0.0.25.9.0.255")
    assert profile is not None
    assert profile.profile is not None
    assert setup is not None
    assert setup.push is not None
    found = elements(setup.push, model.objects)
    rest = [each for each in profile.profile.capture if each not in setup.push.capture]
    assert list(found) == [*setup.push.capture, *rest]
    assert len(found) == count


def test_the_european_meter_pushes_its_profile_and_its_power_failures() -> None:
    model = load("eu-three-phase")
    assert {str(each.logical_name) for each in setups(model).values()} == {"0.0.25.9.0.255", "0.4.25.9.0.255"}
    assert Capture.parse("1:0.0.42.0.0.255:2") in {
        elements(each.push, model.objects)[0] for each in setups(model).values() if each.push
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('push_row = "1.0.99.99.0.255"', "push_row is 1.0.99.99.0.255, which is no profile of the model"),
        ('push_row = "1.0.1.8.0.255"', "which is no profile of the model"),
        ('push_row = "one"', "'one' is no logical name"),
        ('push = ["1:0.0.96.99.2.255:2"]', "pushes 1:0.0.96.99.2.255:2, which no object of the model has"),
        ('push = ["1:0.0.96.1.2.255:7"]', "which no object of the model has"),
        ('push = ["nonsense"]', "nonsense"),
        ('push = "1:0.0.96.1.2.255:2"', "push"),
        ('push_on = "whenever"', "push_on"),
        ('push_off = "now"', "push_off"),
    ],
)
def test_a_setup_that_cannot_be_is_told_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load_file(path)
    assert sentence in str(caught.value)
    assert "40:0.0.25.9.0.255" in str(caught.value)
    assert "\n" not in str(caught.value)
