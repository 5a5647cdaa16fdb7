"""Which stretches of a meter's history we have: what is missing is asked for by range, and nothing else.

A profile's rows are known up to an instant (`through_ms`, the newest row seen), and before it there may be stretches
that an outage left out. A stretch that the meter has answered for is covered, however few rows it had: a meter
without supply makes none.
"""

import json
from typing import Final, Literal, NamedTuple

STRETCHES_MAX: Final = 64
"""More gaps than this become one stretch that spans the oldest two: reading a row twice beats losing one."""

SETTLED_MS: Final = 3_600_000
"""An answer without rows for a stretch that ended so long ago is believed: a meter's clock may lag, not that far."""


class Stretch(NamedTuple):
    """From the first missing instant to the last, both included, in milliseconds UTC."""

    first_ms: int
    last_ms: int


class Coverage(NamedTuple):
    """What is known of one profile of one meter."""

    through_ms: int
    missing: tuple[Stretch, ...] = ()
    asked_ms: int = 0
    """The end of the latest stretch that was answered, whether it had rows or not."""

    @classmethod
    def begin(cls, now_ms: int, depth_ms: int) -> "Coverage":
        """Nothing is known yet; what is older than `depth_ms` is not asked for."""
        return cls(now_ms - depth_ms - 1)

    def want(
        self, now_ms: int, span_ms: int, depth_ms: int, order: Literal["oldest", "newest", "off"], period_ms: int = 0
    ) -> Stretch | None:
        """The stretch to ask for next, or None when all is there.

        Args:
            now_ms: rows up to now exist.
            span_ms: the longest stretch that one request asks for.
            depth_ms: how far back the meter keeps rows; what is older is given up.
            order: with `newest` the latest rows come first; with `off` only they do.
            period_ms: how far apart rows are: within it of the last answer there is nothing newer to come first.
        """
        floor = now_ms - depth_ms
        since = max(self.through_ms + 1, floor)
        recent = [Stretch(since, now_ms)] if since <= now_ms else []
        old = [Stretch(max(each.first_ms, floor), each.last_ms) for each in self.missing if each.last_ms >= floor]
        match order:
            case "oldest":
                stretches = sorted(old) + recent
                return _head(stretches[0], span_ms) if stretches else None
            case "newest":
                newer = now_ms - self.asked_ms > period_ms
                stretches = recent * newer + sorted(old, reverse=True) + recent
                return _tail(stretches[0], span_ms) if stretches else None
            case _:
                return _tail(recent[0], span_ms) if recent else None

    def received(self, asked: Stretch, newest_ms: int | None, now_ms: int) -> "Coverage":
        """The meter has answered for a stretch.

        Args:
            asked: what was asked for.
            newest_ms: the stamp of the newest row it gave, None for no row.
            now_ms: a row that claims to be later does not hide what comes before it.
        """
        missing = _without(self.missing, asked)
        if asked.last_ms <= self.through_ms:
            return Coverage(self.through_ms, missing, self.asked_ms)
        if asked.first_ms > self.through_ms + 1:
            missing = (*missing, Stretch(self.through_ms + 1, asked.first_ms - 1))
        if asked.last_ms < now_ms - SETTLED_MS:
            through = asked.last_ms
        else:
            newest = asked.first_ms - 1 if newest_ms is None else min(newest_ms, now_ms)
            through = max(newest, asked.first_ms - 1)
        return Coverage(max(through, self.through_ms), _bounded(missing), max(asked.last_ms, self.asked_ms))

    def since(self, floor_ms: int) -> "Coverage":
        """Without what the meter no longer keeps: nobody asks for it, so it is not missing any more."""
        kept = tuple(each for each in self.missing if each.last_ms >= floor_ms)
        return self if len(kept) == len(self.missing) else self._replace(missing=kept)

    def to_json(self) -> str:
        """What is missing and until when was asked, as text, for the store."""
        return json.dumps([self.asked_ms, self.missing])

    @classmethod
    def from_store(cls, through_ms: int, missing: str) -> "Coverage":
        """Back from the store."""
        asked_ms, stretches = json.loads(missing)
        return cls(through_ms, tuple(Stretch(*each) for each in stretches), asked_ms)


def _head(stretch: Stretch, span_ms: int) -> Stretch:
    return Stretch(stretch.first_ms, min(stretch.last_ms, stretch.first_ms + span_ms - 1))


def _tail(stretch: Stretch, span_ms: int) -> Stretch:
    return Stretch(max(stretch.first_ms, stretch.last_ms - span_ms + 1), stretch.last_ms)


def _without(stretches: tuple[Stretch, ...], covered: Stretch) -> tuple[Stretch, ...]:
    left: list[Stretch] = []
    for each in stretches:
        if each.last_ms < covered.first_ms or each.first_ms > covered.last_ms:
            left.append(each)
            continue
        if each.first_ms < covered.first_ms:
            left.append(Stretch(each.first_ms, covered.first_ms - 1))
        if each.last_ms > covered.last_ms:
            left.append(Stretch(covered.last_ms + 1, each.last_ms))
    return tuple(left)


def _bounded(stretches: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    ordered = sorted(stretches)
    while len(ordered) > STRETCHES_MAX:
        ordered[0:2] = [Stretch(ordered[0].first_ms, max(ordered[0].last_ms, ordered[1].last_ms))]
    return tuple(ordered)
