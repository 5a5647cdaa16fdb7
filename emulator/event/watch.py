"""Conditions that count once they have lasted: found by searching forward, so that a jump finds what steps find.

Between two happenings the electrical scene changes only at known instants, so a watch walks from change to change, and
over whole days (or for ever) where a bound says that nothing can be. It notes since when the condition has been other
than what is logged; when that has lasted, it flips.
"""

from typing import Final, Protocol

FAR: Final = 1 << 62
"""An instant that never comes."""

SEARCH_MS: Final = 2 * 86_400_000
"""How far ahead a watch searches at once; if nothing is found, it wakes then and searches on. Some 200 changes."""


class Judge(Protocol):
    """What a watch asks; pure functions of true time until the next happening."""

    def holds(self, at_ms: int) -> bool:
        """Whether the condition is given from `at_ms` to the next change."""

    def next_change(self, at_ms: int) -> int:
        """When that may change for the first time after `at_ms`; `FAR` if never."""

    def quiet_until(self, at_ms: int) -> int:
        """Until when the condition surely is not given; `at_ms` when that is not sure, `FAR` for always."""


class Watch:
    """One condition of one meter.

    Args:
        occurrence_ms: how long it must be given before it counts.
        restoration_ms: how long it must be gone before that counts.
        at_ms: where the watch begins.
    """

    __slots__ = ("_cursor_ms", "_since_ms", "active", "due_ms", "flips", "occurrence_ms", "restoration_ms")

    def __init__(self, occurrence_ms: int, restoration_ms: int, at_ms: int) -> None:
        self.occurrence_ms = occurrence_ms
        self.restoration_ms = restoration_ms
        self.active = False
        self.due_ms = FAR
        self.flips = False
        self._cursor_ms = at_ms
        self._since_ms: int | None = None

    def plan(self, judge: Judge) -> None:
        """Find when to wake: at a flip, or where the search ends."""
        until_ms = self._cursor_ms + SEARCH_MS
        flip_ms, since_ms, quiet = self._walk(judge, until_ms)
        self.flips = flip_ms is not None
        if flip_ms is not None:
            self.due_ms = flip_ms
        else:
            self.due_ms = FAR if quiet and since_ms is None else until_ms

    def settle(self, judge: Judge, at_ms: int) -> None:
        """Walk to an instant, at or before `due_ms`, under what has held until then."""
        if self.flips and self.due_ms <= at_ms:
            self.active = not self.active
            self._since_ms = None
            self.flips = False
        elif at_ms > self._cursor_ms:
            _, self._since_ms, _ = self._walk(judge, at_ms)
        self._cursor_ms = at_ms
        self.due_ms = FAR

    def forget(self, at_ms: int) -> None:
        """Lose what has been seen but not logged, as a power failure does, and look again from an instant on."""
        self._cursor_ms = at_ms
        self._since_ms = None
        self.due_ms = FAR
        self.flips = False

    def _walk(self, judge: Judge, until_ms: int) -> tuple[int | None, int | None, bool]:
        """From the cursor: the first flip, since when the condition has been other, whether it stays so for ever."""
        at_ms, since_ms = self._cursor_ms, self._since_ms
        lasting_ms = self.restoration_ms if self.active else self.occurrence_ms
        while at_ms < until_ms:
            if not self.active:
                quiet_ms = judge.quiet_until(at_ms)
                if quiet_ms > at_ms:
                    since_ms = None
                    if quiet_ms >= FAR:
                        return None, None, True
                    at_ms = quiet_ms
                    continue
            change_ms = judge.next_change(at_ms)
            if judge.holds(at_ms) is self.active:
                since_ms = None
                if change_ms >= FAR:
                    return None, None, True
            else:
                since_ms = at_ms if since_ms is None else since_ms
                if since_ms + lasting_ms <= min(change_ms, until_ms):
                    return since_ms + lasting_ms, since_ms, False
            at_ms = change_ms
        return None, since_ms, False
