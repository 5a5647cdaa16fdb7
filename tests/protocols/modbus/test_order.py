"""Word and byte orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.order import ORDERS


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("AB", "AB"), ("BA", "BA"), ("ABCD", "ABCD"), ("CDAB", "CDAB"), ("BADC", "BADC"), ("DCBA", "DCBA"),
        ("ABCDEFGH", "ABCDEFGH"), ("GHEFCDAB", "GHEFCDAB"), ("BADCFEHG", "BADCFEHG"), ("HGFEDCBA", "HGFEDCBA"),
        ("EFCDAB", "EFCDAB"),
    ],
)  # fmt: skip
def test_a_name_is_what_stands_on_the_wire(name: str, wire: str) -> None:
    letters = "".join(sorted(name)).encode()
    assert ORDERS[name].arrange(letters) == wire.encode()


@pytest.mark.parametrize(("short", "name"), [("CDAB", "GHEFCDAB"), ("BADC", "BADCFEHG"), ("DCBA", "HGFEDCBA")])
def test_the_short_names_stand_for_every_width(short: str, name: str) -> None:
    assert ORDERS[short] == ORDERS[name]


@given(st.sampled_from(sorted(ORDERS)), st.integers(1, 8).flatmap(lambda n: st.binary(min_size=2 * n, max_size=2 * n)))
def test_arranging_twice_changes_nothing(name: str, data: bytes) -> None:
    assert ORDERS[name].arrange(ORDERS[name].arrange(data)) == data
