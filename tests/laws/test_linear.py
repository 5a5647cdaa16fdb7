"""Twice the input costs every decoder and both roles about twice the steps, whatever the input is.

Steps are counted as the interpreter makes them, not timed: each call of a function, ours or the interpreter's.
"""

import sys
from types import FrameType
from typing import Any

import pytest

from tests.fuzz.found import Target, targets

OCTETS = 700
PATTERNS = (b"\0", b"\xff", b"~", b"~\xa0", b"\x01\x01", b"\x13\x01", b"/?!\r\n")
"""Nothing, fill, flags, frames that begin and do not go on, nesting, descriptions, sign-ons."""

TWICE = 3
"""Work that grows with the square would be four times as much; the halves of an input differ in what they ask for."""

SLACK = 200
"""Steps that do not depend on the input."""

TARGETS = targets()


def steps(target: Target, data: bytes) -> int:
    count = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        target.take(data)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_twice_the_input_is_about_twice_the_work(target: Target) -> None:
    for pattern in (*PATTERNS, *filter(None, target.seeds)):
        long = pattern * (2 * OCTETS // len(pattern) + 1)
        once, twice = steps(target, long[:OCTETS]), steps(target, long[: 2 * OCTETS])
        assert twice <= TWICE * once + SLACK, (pattern.hex(), once, twice)
