"""Complaints about a model file name the place and say what would be right."""

import pytest

from protocols.model.table import ModelError, Table


def test_a_missing_key_is_named_with_its_type() -> None:
    with pytest.raises(ModelError, match=r"file\.toml: title is missing; it is text"):
        Table({}, "file.toml").take("title", str)


def test_a_wrong_type_is_shown_with_the_right_one() -> None:
    with pytest.raises(ModelError, match="count is 'x'; it must be a whole number"):
        Table({"count": "x"}, "file.toml").take("count", int)
    with pytest.raises(ModelError, match="count is True; it must be a whole number"):
        Table({"count": True}, "file.toml").take("count", int)


def test_a_whole_number_does_where_a_number_is_wanted() -> None:
    assert Table({"share": 1}, "file.toml").take("share", float) == 1.0


def test_a_key_that_nobody_took_is_refused_with_the_nearest_right_one() -> None:
    table = Table({"titel": "x"}, "file.toml")
    table.take("title", str, "")
    with pytest.raises(ModelError, match="titel is no key of this table; did you mean title"):
        table.done()


def test_a_key_like_no_other_is_refused_with_all_of_them() -> None:
    table = Table({"zzz": 1}, "file.toml")
    table.take("title", str, "")
    with pytest.raises(ModelError, match="the keys here are title"):
        table.done()


def test_inner_tables_say_where_they_stand() -> None:
    table = Table({"rows": [{"a": 1}], "inner": {}}, "file.toml")
    with pytest.raises(ModelError, match=r"file\.toml: rows\[1\]: b is missing"):
        table.tables("rows")[0].take("b", int)
    with pytest.raises(ModelError, match=r"file\.toml: inner: b is missing"):
        table.table("inner").take("b", int)
    with pytest.raises(ModelError, match="must be a list of tables"):
        Table({"rows": [1]}, "file.toml").tables("rows")


def test_a_word_outside_the_choices_is_refused_with_them() -> None:
    with pytest.raises(ModelError, match="must be one of a, b"):
        Table({"word": "c"}, "file.toml").choose("word", ["a", "b"])
