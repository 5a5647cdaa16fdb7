"""The page of DLMS features names tests that exist, and has no row without one."""

import ast
from functools import cache
from pathlib import Path

import pytest

from docs.dlms import FEATURES
from docs.proof.feature import Feature
from docs.proof.objects import BEHAVIOUR
from protocols.cosem.catalogue import CATALOGUE
from protocols.cosem.interface_class import Depth

ROOT = Path(__file__).parents[2]
ROWS = [feature for features in FEATURES.values() for feature in features]
BEHAVING = {each.class_id for each in CATALOGUE.values() if each.depth is Depth.BEHAVES}


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and name in functions(path)


@pytest.mark.parametrize("feature", ROWS, ids=lambda each: each.name)
def test_every_feature_names_tests_that_exist(feature: Feature) -> None:
    _, server, client = feature
    assert server or client
    for test in (*server, *client):
        assert is_there(test), test


@pytest.mark.parametrize("class_id", sorted(BEHAVING))
def test_a_class_that_is_said_to_behave_is_shown_to(class_id: int) -> None:
    assert BEHAVIOUR[class_id]
    for test in BEHAVIOUR[class_id]:
        assert is_there(test), test


def test_nothing_is_shown_of_a_class_that_is_only_described() -> None:
    assert set(BEHAVIOUR) == BEHAVING
