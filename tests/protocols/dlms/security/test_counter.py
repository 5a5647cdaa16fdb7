"""Invocation counters over kills, and policies as class 64 writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.security.control import AUTHENTICATED, COUNTER_MAX, ENCRYPTED, PROTECTED
from protocols.dlms.security.counter import AHEAD, InvocationCounter
from protocols.dlms.security.policy import SIGNED, Policy, policy_of, strengthened


@given(st.lists(st.one_of(st.just("kill"), st.integers(0, 3 * AHEAD)), max_size=30))
def test_no_value_is_used_twice_whenever_the_program_is_killed(steps: list[str | int]) -> None:
    kept = [0]
    counter = InvocationCounter(0, kept.append)
    highest = -1
    for step in steps:
        if isinstance(step, str):
            counter = InvocationCounter(kept[-1], kept.append)
        elif step % 2:
            counter.use(counter.lowest + step)
            highest = counter.lowest - 1
        else:
            value = counter.take()
            assert value > highest
            highest = value
        assert kept[-1] > highest
    assert kept == sorted(kept)


def test_one_use_in_many_is_kept() -> None:
    kept: list[int] = []
    counter = InvocationCounter(5, kept.append)
    assert [counter.take() for _ in range(AHEAD)] == list(range(5, 5 + AHEAD))
    assert kept == [5 + AHEAD]


def test_a_counter_ends_and_never_goes_back() -> None:
    counter = InvocationCounter(COUNTER_MAX)
    assert not counter.used_up
    assert counter.take() == COUNTER_MAX
    assert counter.used_up
    counter.raise_to(7)
    assert counter.used_up


@pytest.mark.parametrize(
    ("value", "version", "policy"),
    [
        (0, 0, Policy()),
        (1, 0, Policy(AUTHENTICATED, AUTHENTICATED)),
        (2, 0, Policy(ENCRYPTED, ENCRYPTED)),
        (3, 0, Policy(PROTECTED, PROTECTED)),
        (4, 0, None),
        (0x04, 1, Policy(AUTHENTICATED, 0)),
        (0x08 | 0x40, 1, Policy(ENCRYPTED, ENCRYPTED)),
        (0xFC, 1, Policy(PROTECTED | SIGNED, PROTECTED | SIGNED)),
        (0x01, 1, None),
        (0x100, 1, None),
    ],
)
def test_policies_are_read_as_their_version_writes_them(value: int, version: int, policy: Policy | None) -> None:
    assert policy_of(value, version) == policy


def test_a_policy_is_stronger_only_where_nothing_is_given_up() -> None:
    assert strengthened(Policy(AUTHENTICATED, 0), Policy(PROTECTED, SIGNED))
    assert not strengthened(Policy(AUTHENTICATED, 0), Policy(ENCRYPTED, 0))
    assert not strengthened(Policy(0, SIGNED), Policy(SIGNED, 0))
