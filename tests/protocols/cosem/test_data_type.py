"""The one-line notation of types: read, written, held against values, and filled in from tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cosem.data_type import RANGES, DataType, parse
from protocols.dlms.value import Tag, decode, encode

SIMPLE = st.sampled_from(
    ["unsigned", "long", "octet-string", "visible-string", "boolean", "float32", "any", "logical-name", "null-data"]
)
NAMES = st.from_regex(r"[a-z][a-z_]{0,5}", fullmatch=True)
NOTATIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        inner.map("array<{}>".format),
        st.dictionaries(NAMES, inner, min_size=1, max_size=3).map(
            lambda members: f"structure<{', '.join(f'{name}: {kind}' for name, kind in members.items())}>"
        ),
        st.lists(inner, min_size=2, max_size=3).map(" | ".join),
    ),
    max_leaves=8,
)


@given(NOTATIONS)
def test_what_is_written_is_read_as_the_same_type(notation: str) -> None:
    assert str(parse(str(parse(notation)))) == str(parse(notation))


@pytest.mark.parametrize(
    "notation",
    ["", "nothing", "array<", "array<unsigned", "structure<a>", "unsigned!", "unsigned unsigned", "structure<>"],
)
def test_what_is_no_notation_is_refused(notation: str) -> None:
    with pytest.raises(ValueError):
        parse(notation)


@pytest.mark.parametrize(
    ("notation", "plain", "value"),
    [
        ("unsigned", 7, (17, 7)),
        ("boolean", True, (3, True)),
        ("float32", 3, (23, 3.0)),
        ("octet-string", "text", (9, b"text")),
        ("octet-string", "hex:00FF", (9, b"\x00\xff")),
        ("visible-string", "text", (10, "text")),
        ("bit-string", "1010", (4, "1010")),
        ("logical-name", "1.0.1.8.0.255", (9, bytes((1, 0, 1, 8, 0, 255)))),
        ("null-data", "", (0, None)),
        ("array<enum>", [1, 2], (1, [(22, 1), (22, 2)])),
        ("structure<scaler: integer, unit: enum>", [-2, 27], (2, [(15, -2), (22, 27)])),
        ("structure<scaler: integer, unit: enum>", {"unit": 27, "scaler": -2}, (2, [(15, -2), (22, 27)])),
        ("null-data | array<integer>", [1], (1, [(15, 1)])),
        ("any", {"long-unsigned": 5}, (18, 5)),
    ],
)
def test_a_table_fills_a_type_in(notation: str, plain: Any, value: Any) -> None:
    kind = parse(notation)
    made = kind.make(plain)
    assert made == value
    assert kind.matches(made)
    assert decode(encode(made)) == made


@pytest.mark.parametrize(
    ("notation", "plain"),
    [
        ("unsigned", 256),
        ("unsigned", -1),
        ("unsigned", "7"),
        ("unsigned", True),
        ("boolean", 1),
        ("logical-name", "1.0.1.8.0"),
        ("logical-name", "hex:00"),
        ("octet-date-time", "hex:00"),
        ("octet-string", "hex:0"),
        ("bit-string", "12"),
        ("array<unsigned>", 1),
        ("structure<a: unsigned>", [1, 2]),
        ("structure<a: unsigned>", {"b": 1}),
        ("unsigned | boolean", "text"),
        ("any", 5),
    ],
)
def test_a_table_that_does_not_fit_is_refused(notation: str, plain: Any) -> None:
    with pytest.raises(ValueError):
        parse(notation).make(plain)


@given(st.sampled_from(sorted(RANGES)), st.integers(-(2**65), 2**65))
def test_an_integer_is_made_exactly_where_its_type_holds_it(tag: int, number: int) -> None:
    kind = parse(Tag(tag).name.lower().replace("_", "-"))
    low, high = RANGES[tag]
    if low <= number <= high:
        assert decode(encode(kind.make(number))) == (tag, number)
    else:
        with pytest.raises(ValueError):
            kind.make(number)


def test_a_value_is_held_against_its_type_all_the_way_down() -> None:
    kind: DataType = parse("array<structure<name: logical-name, time: octet-time>>")
    good = (1, [(2, [(9, bytes(6)), (9, bytes(4))])])
    assert kind.matches(good)
    assert not kind.matches((1, [(2, [(9, bytes(5)), (9, bytes(4))])]))
    assert not kind.matches((1, [(2, [(9, bytes(6))])]))
    assert not kind.matches((2, [(9, bytes(6)), (9, bytes(4))]))
    assert parse("any").matches(good)
