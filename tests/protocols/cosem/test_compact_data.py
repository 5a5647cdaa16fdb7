"""Compact data: what is put into a buffer by its template comes out of it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cosem.compact_data import buffer_of, rows_of, template_of
from protocols.dlms.value import Tag, Value
from protocols.errors import RemoteProtocolError
from tests.protocols.dlms.strategies import compact_arrays

ROW: Value = (
    Tag.STRUCTURE,
    [
        (Tag.OCTET_STRING, b"abc"),
        (Tag.DOUBLE_LONG_UNSIGNED, 7),
        (Tag.ARRAY, [(Tag.LONG, -1), (Tag.LONG, 2)]),
        (Tag.BOOLEAN, True),
    ],
)


@given(compact_arrays(), st.integers(0, 255))
def test_what_is_put_in_comes_out(compact_array: Value, template_id: int) -> None:
    template, rows = compact_array[1]
    assert rows_of(buffer_of(template_id, rows), template, template_id) == rows


@given(st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 2**32 - 1)), min_size=1, max_size=5))
def test_the_template_of_a_row_fits_all_rows_of_its_kind(contents: list[tuple[bytes, int]]) -> None:
    rows: list[Value] = [
        (Tag.STRUCTURE, [(Tag.OCTET_STRING, octets), (Tag.DOUBLE_LONG_UNSIGNED, number)]) for octets, number in contents
    ]
    assert rows_of(buffer_of(1, rows), template_of(rows[0]), 1) == rows


def test_a_row_lies_without_tags() -> None:
    assert template_of(ROW) == bytes.fromhex("0204 09 06 010002 10 03".replace(" ", ""))
    assert buffer_of(1, [ROW]) == bytes.fromhex("01 03616263 00000007 ffff0002 01".replace(" ", ""))


@pytest.mark.parametrize(
    ("buffer", "template", "said"),
    [
        (b"", b"\x11", "names no template"),
        (b"\x02\x05", b"\x11", "names template 2, where the object has template 1"),
        (b"\x01\x05", b"\x11\x11", "octets"),
        (b"\x01\x05", b"", "."),
        (b"\x01\x05", b"\x12", "within an element"),
    ],
)
def test_what_does_not_fit_is_refused(buffer: bytes, template: bytes, said: str) -> None:
    with pytest.raises(RemoteProtocolError, match=said):
        rows_of(buffer, template, 1)


@given(st.binary(max_size=40), st.binary(max_size=20), st.integers(0, 255))
def test_any_octets_are_rows_or_a_remote_protocol_error(buffer: bytes, template: bytes, template_id: int) -> None:
    try:
        rows_of(buffer, template, template_id)
    except RemoteProtocolError:
        return
