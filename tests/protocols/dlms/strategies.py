"""Hypothesis strategies of what DLMS carries, for every test that needs any."""

from typing import Any

from hypothesis import strategies as st

from protocols.dlms.value import Tag, Value


def _ranged(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(min_value=low, max_value=high)


def _signed(octets: int) -> st.SearchStrategy[int]:
    return _ranged(-(1 << 8 * octets - 1), (1 << 8 * octets - 1) - 1)


def _unsigned(octets: int) -> st.SearchStrategy[int]:
    return _ranged(0, (1 << 8 * octets) - 1)


_CONTENTS: dict[Tag, st.SearchStrategy[Any]] = {
    Tag.NULL_DATA: st.none(),
    Tag.BOOLEAN: st.booleans(),
    Tag.BIT_STRING: st.text("01", max_size=40),
    Tag.DOUBLE_LONG: _signed(4),
    Tag.DOUBLE_LONG_UNSIGNED: _unsigned(4),
    Tag.OCTET_STRING: st.binary(max_size=40) | st.binary(min_size=120, max_size=300),
    Tag.VISIBLE_STRING: st.text(st.characters(max_codepoint=255), max_size=20),
    Tag.UTF8_STRING: st.text(max_size=20),
    Tag.BCD: _unsigned(1),
    Tag.INTEGER: _signed(1),
    Tag.LONG: _signed(2),
    Tag.UNSIGNED: _unsigned(1),
    Tag.LONG_UNSIGNED: _unsigned(2),
    Tag.LONG64: _signed(8),
    Tag.LONG64_UNSIGNED: _unsigned(8),
    Tag.ENUM: _unsigned(1),
    Tag.FLOAT32: st.floats(width=32, allow_nan=False),
    Tag.FLOAT64: st.floats(allow_nan=False),
    Tag.DATE_TIME: st.binary(min_size=12, max_size=12),
    Tag.DATE: st.binary(min_size=5, max_size=5),
    Tag.TIME: st.binary(min_size=4, max_size=4),
    Tag.DELTA_INTEGER: _signed(1),
    Tag.DELTA_LONG: _signed(2),
    Tag.DELTA_DOUBLE_LONG: _signed(4),
    Tag.DELTA_UNSIGNED: _unsigned(1),
    Tag.DELTA_LONG_UNSIGNED: _unsigned(2),
    Tag.DELTA_DOUBLE_LONG_UNSIGNED: _unsigned(4),
    Tag.DONT_CARE: st.none(),
}


def _tagged(tag: Tag) -> st.SearchStrategy[Value]:
    return st.tuples(st.just(int(tag)), _CONTENTS[tag])


def scalars() -> st.SearchStrategy[Value]:
    """Values of every tag that holds no other value."""
    return st.one_of([_tagged(tag) for tag in _CONTENTS])


@st.composite
def compact_arrays(draw: st.DrawFn) -> Value:
    """Compact arrays whose elements are scalars, structures, or arrays within structures."""
    leaf = st.sampled_from([tag for tag in _CONTENTS if tag not in {Tag.NULL_DATA, Tag.DONT_CARE}])
    columns = draw(st.lists(leaf, min_size=1, max_size=4))
    repeat = draw(st.integers(min_value=0, max_value=3))
    count = draw(st.integers(min_value=0, max_value=4))
    if draw(st.booleans()):
        items = [draw(_tagged(columns[0])) for _ in range(count)]
        return int(Tag.COMPACT_ARRAY), (bytes((columns[0],)), items)
    described = bytes((Tag.STRUCTURE, len(columns) + 1, *columns, Tag.ARRAY, 0, repeat, columns[0]))
    rows = []
    for _ in range(count):
        cells = [draw(_tagged(tag)) for tag in columns]
        cells.append((int(Tag.ARRAY), [draw(_tagged(columns[0])) for _ in range(repeat)]))
        rows.append((int(Tag.STRUCTURE), cells))
    return int(Tag.COMPACT_ARRAY), (described, rows)


def values() -> st.SearchStrategy[Value]:
    """Any COSEM value, nested."""

    def nested(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
        return st.tuples(st.sampled_from([1, 2]), st.lists(inner, max_size=5))

    return st.recursive(scalars() | compact_arrays(), nested, max_leaves=12)
