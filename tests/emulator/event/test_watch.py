"""A watch finds by jumping what looking at every second finds."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from emulator.event.watch import FAR, Watch

END_MS = 5000


class Pattern(NamedTuple):
    """A condition that is given in some stretches; `bounded` lets it tell when it surely is not."""

    stretches: tuple[tuple[int, int], ...]
    bounded: bool

    def holds(self, at_ms: int) -> bool:
        return any(begin <= at_ms < end for begin, end in self.stretches)

    def next_change(self, at_ms: int) -> int:
        edges = sorted(edge for stretch in self.stretches for edge in stretch if edge > at_ms)
        return edges[0] if edges else FAR

    def quiet_until(self, at_ms: int) -> int:
        if not self.bounded or self.holds(at_ms):
            return at_ms
        begins = [begin for begin, _ in self.stretches if begin > at_ms]
        return min(begins, default=FAR)


STRETCHES = st.lists(st.tuples(st.integers(0, END_MS), st.integers(1, 400)), max_size=8).map(
    lambda drawn: tuple((begin, begin + length) for begin, length in drawn)
)


def slowly(pattern: Pattern, occurrence_ms: int, restoration_ms: int) -> list[int]:
    """Look at every millisecond."""
    flips, active, since = [], False, 0
    for at_ms in range(END_MS):
        if pattern.holds(at_ms) is active:
            since = at_ms + 1
        if at_ms + 1 - since >= (restoration_ms if active else occurrence_ms):
            flips.append(at_ms + 1)
            active, since = not active, at_ms + 1
    return flips


@given(
    stretches=STRETCHES,
    bounded=st.booleans(),
    occurrence_ms=st.integers(1, 200),
    restoration_ms=st.integers(1, 200),
    settled=st.lists(st.integers(0, END_MS), max_size=6),
)
def test_jumping_finds_what_looking_finds(
    stretches: tuple[tuple[int, int], ...],
    bounded: bool,  # noqa: FBT001 (drawn by name)
    occurrence_ms: int,
    restoration_ms: int,
    settled: list[int],
) -> None:
    pattern = Pattern(stretches, bounded)
    watch = Watch(occurrence_ms, restoration_ms, 0)
    watch.plan(pattern)
    flips: list[int] = []
    for stop_ms in [*sorted(settled), END_MS]:
        while watch.due_ms <= stop_ms:
            due_ms, flipping = watch.due_ms, watch.flips
            if flipping:
                flips.append(due_ms)
            watch.settle(pattern, due_ms)
            watch.plan(pattern)
        watch.settle(pattern, stop_ms)
        watch.plan(pattern)
    assert flips == slowly(pattern, occurrence_ms, restoration_ms)
