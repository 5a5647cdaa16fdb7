"""Which of our models a Modbus unit is: every read that tells them apart, each asked once, until one is certain."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from gateway.service.script import Ask, NoAnswerError, RefusedError, Script
from protocols.modbus.pdu import Response
from protocols.modbus.recognise import CERTAINTY, Recognition, questions, ranked
from protocols.model.loader import load, model_ids

CERTAIN: Final = CERTAINTY["code"]
"""A maker's own code says it: nothing more is asked."""

SILENT_MAX: Final = 2
"""Questions without any answer after which nobody is there; a meter may be silent to one that it does not know."""


@cache
def recognitions() -> Mapping[str, Sequence[Recognition]]:
    """What tells each of our models, by its name."""
    models = {name: load(name).modbus for name in model_ids()}
    return {name: each.recognitions for name, each in models.items() if each is not None and each.recognitions}


def recognise() -> Script[list[tuple[str, int]]]:
    """The models that a unit may be, the likeliest first, with how certain that is.

    Raises:
        NoAnswerError: nobody answers.
    """
    models, answers, answered = recognitions(), dict[Any, Response | None](), False
    for number, question in enumerate(questions(models), 1):
        try:
            answers[question] = yield Ask(question)
            answered = True
        except RefusedError:
            answered = True
        except NoAnswerError:
            if not answered and number >= SILENT_MAX:
                raise
        likely = ranked(models, answers)
        if likely and likely[0][1] >= CERTAIN:
            return likely
    return ranked(models, answers)
