"""The state diagrams show every step of every table, in words that a diagram takes."""

import re

import pytest

from docs.states import LABELS_MAX, Diagram, diagrams, page

ARROW = re.compile(r"    (\w+|\[\*\]) --> (\w+)( : [^:;]+)?")
STATE = re.compile(r"    \w+ : [^:;]+")


def _drawn(diagram: Diagram) -> str:
    title = re.escape(f"## {diagram.title}\n")
    found = re.search(title + r"(.*?)(?=\n## |\Z)", page(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("diagram", diagrams(), ids=lambda each: each.title)
def test_every_step_of_the_table_is_there(diagram: Diagram) -> None:
    drawn = _drawn(diagram)
    arrows = {match[0:2]: match[2] for match in re.findall(r"(\w+) --> (\w+) : (.+)", drawn)}
    for step in diagram.steps:
        everywhere = f"From every state, {step.event.replace(':', ' -')} leads to *{diagram.states[step.target]}*."
        if everywhere in drawn:
            continue
        label = arrows[step.source, step.target]
        assert step.event.replace(":", " -") in label.split(" / ") or label.count(" / ") == LABELS_MAX


@pytest.mark.parametrize("diagram", diagrams(), ids=lambda each: each.title)
def test_what_is_drawn_is_what_a_diagram_takes(diagram: Diagram) -> None:
    found = re.search(r"```mermaid\nstateDiagram-v2\n(.*?)```", _drawn(diagram), re.DOTALL)
    assert found is not None
    for line in found[1].splitlines():
        assert ARROW.fullmatch(line) or STATE.fullmatch(line), line


def test_tables_of_both_roles_and_all_layers_are_drawn() -> None:
    assert len(diagrams()) == len({each.table for each in diagrams()}) == 8
