"""What a bench file lets the roles of Modbus Security do."""

import re
from itertools import pairwise

import pytest

from emulator.bench.file import BenchError, check
from emulator.line.roles import KINDS, ROLES, rights_of
from protocols.modbus.security import NO_ROLE, READ_FUNCTIONS

METER = {"id": "EA0001", "model": "sdm120", "listen": ["modbus+tcp://127.0.0.1:0"]}


def test_a_bench_that_says_nothing_has_four_roles() -> None:
    bench = check({"meter": [METER]}, "test")
    assert bench.rights == ROLES
    assert ROLES[NO_ROLE] == READ_FUNCTIONS


def test_what_a_bench_says_counts_alone() -> None:
    said = {"Viewer": "read", "Keeper": [3, 4, 16], "": "none"}
    rights = check({"meter": [METER], "roles": said}, "test").rights
    assert rights == {"Viewer": KINDS["read"], "Keeper": frozenset({3, 4, 16}), "": frozenset()}


@pytest.mark.parametrize("right", ["reads", [3, 99], [True], 3, None])
def test_what_is_no_right_is_told_with_what_would_be(right: object) -> None:
    with pytest.raises(ValueError, match=re.escape("none, read, write, all or a list of function codes out of 1, 2")):
        rights_of({"Viewer": right})
    with pytest.raises(BenchError, match="Viewer"):
        check({"meter": [METER], "roles": {"Viewer": right}}, "test")


def test_every_kind_of_right_holds_the_ones_before_it() -> None:
    kinds = list(KINDS.values())
    assert all(less < more for less, more in pairwise(kinds))
