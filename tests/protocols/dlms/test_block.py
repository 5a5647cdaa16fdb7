"""Service blocks, cut and put together again."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.block import Block, BlocksIn, BlocksOut, Taken


@given(st.binary(max_size=500), st.integers(1, 60))
def test_what_is_cut_is_put_together_again(data: bytes, octets: int) -> None:
    out, into = BlocksOut(data, octets), BlocksIn()
    block = out.current()
    while True:
        assert len(block.data) <= octets
        assert into.take(block.number, block.data) is Taken.NEXT
        assert out.sent == into.octets
        if block.last:
            break
        following = out.acknowledge(block.number)
        assert following is not None
        block = following
    assert into.whole() == data
    assert into.number == len(out)
    assert out.acknowledge(into.number) is None


def test_the_block_before_is_answered_with_the_same_block_again() -> None:
    out = BlocksOut(b"abcdef", 2)
    assert out.current() == Block(False, 1, b"ab")
    assert out.acknowledge(1) == Block(False, 2, b"cd")
    assert out.acknowledge(1) == Block(False, 2, b"cd")
    assert out.acknowledge(2) == Block(True, 3, b"ef")
    assert out.acknowledge(7) is None
    assert out.acknowledge(2) == Block(True, 3, b"ef")


def test_a_block_again_counts_once_and_a_wrong_one_not_at_all() -> None:
    into = BlocksIn(octets_max=5)
    assert into.take(0, b"") is Taken.WRONG
    assert into.take(1, b"ab") is Taken.NEXT
    assert into.take(1, b"ab") is Taken.AGAIN
    assert into.take(3, b"ef") is Taken.WRONG
    assert into.take(2, b"cdef") is Taken.TOO_LONG
    assert into.whole() == b"ab"


def test_an_empty_value_is_one_empty_block() -> None:
    assert BlocksOut(b"", 10).current() == Block(True, 1, b"")
