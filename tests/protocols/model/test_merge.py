"""What a model says counts; the rest is its base's."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.model.merge import merge

TABLES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
).filter(lambda each: isinstance(each, dict))


@given(TABLES, TABLES)
def test_the_model_counts_before_its_base(base: dict[str, object], derived: dict[str, object]) -> None:
    merged = merge(base, derived)
    assert set(merged) == set(base) | set(derived)
    for key, value in derived.items():
        if not isinstance(value, dict):
            assert merged[key] == value
    assert merge(merged, derived) == merged


@given(TABLES)
def test_nothing_laid_over_a_base_leaves_it(base: dict[str, object]) -> None:
    assert merge(base, {}) == base
    assert merge({}, base) == base


def test_an_absent_object_is_taken_out() -> None:
    base = {"objects": {"1:x": {"value": 1}, "1:y": {"value": 2}}}
    assert merge(base, {"objects": {"1:x": {"absent": True}}}) == {"objects": {"1:y": {"value": 2}}}


def test_associations_are_merged_by_client() -> None:
    base = {"association": [{"client": 16, "mechanism": "none"}, {"client": 32, "mechanism": "lls"}]}
    derived = {"association": [{"client": 32, "mechanism": "hls"}, {"client": 48}, {"client": 16, "absent": True}]}
    assert merge(base, derived) == {"association": [{"client": 32, "mechanism": "hls"}, {"client": 48}]}


def test_other_lists_are_replaced_whole() -> None:
    assert merge({"list": [1, 2]}, {"list": [3]}) == {"list": [3]}
