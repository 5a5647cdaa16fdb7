"""Logical names are read in every form people write, and valid by construction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cosem.obis import LogicalName


@given(st.binary(min_size=6, max_size=6))
def test_a_name_survives_both_written_forms(octets: bytes) -> None:
    name = LogicalName(octets)
    assert LogicalName.parse(str(name)) == name
    assert LogicalName.parse(name.reduced) == name


@pytest.mark.parametrize(
    ("text", "dotted"),
    [
        ("1.0.1.8.0.255", "1.0.1.8.0.255"),
        ("1-0:1.8.0", "1.0.1.8.0.255"),
        ("1.8.0", "0.0.1.8.0.255"),
        ("1-0:1.8.0*3", "1.0.1.8.0.3"),
        ("1-0:1.8.0&3", "1.0.1.8.0.3"),
    ],
)
def test_short_forms_are_filled_in(text: str, dotted: str) -> None:
    assert str(LogicalName.parse(text)) == dotted


@pytest.mark.parametrize(
    "text", ["", "1.0.1.8.0.256", "a.b.c.d.e.f", "1.0.1.8.0.255.0", "1-0:", "1.0.1.8.0.-1", "1..1.8.0.255"]
)
def test_what_is_no_name_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="no logical name"):
        LogicalName.parse(text)


def test_five_octets_are_no_name() -> None:
    with pytest.raises(ValueError, match="6 octets"):
        LogicalName(bytes(5))


def test_names_sort_as_their_groups_do() -> None:
    names = [LogicalName.parse(text) for text in ("1.0.9.8.0.255", "0.0.96.1.0.255", "1.0.1.8.0.255")]
    assert [str(name) for name in sorted(names)] == ["0.0.96.1.0.255", "1.0.1.8.0.255", "1.0.9.8.0.255"]
