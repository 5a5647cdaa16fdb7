"""A scan tells our models apart by what they answer."""

import pytest

from protocols.modbus.recognise import questions, ranked
from protocols.model.loader import load
from tests.emulator.face.modbus.desk import MODELS, Desk

RECOGNITIONS = {name: made.recognitions for name in MODELS if (made := load(name).modbus) is not None}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_recognised_among_all(name: str) -> None:
    desk = Desk(name)
    answers = {request: desk.ask(request) for request in questions(RECOGNITIONS)}
    (first, certainty), *others = ranked(RECOGNITIONS, answers)
    assert first == name
    assert not others or certainty > others[0][1]


def test_a_unit_that_answers_nothing_is_none_of_them() -> None:
    assert ranked(RECOGNITIONS, {}) == []
    assert len(questions(RECOGNITIONS)) < 40
