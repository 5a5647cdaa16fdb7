"""How far a row can be trusted by its time: what can't be of then is marked and passed on unchanged.

A meter's clock that is minutes off is an everyday thing, and told as an event. One that is an hour off puts rows into
another hour and day; one that stands still shows the same row again and again.
"""

from typing import Final, NamedTuple

from gateway.configuration.span import written
from gateway.polling.reading import utc_ms
from protocols.message.reading import Quality, Row

OFF_MS: Final = 3_600_000
"""So far off, a row is in another hour: `suspect`."""
STANDS_MS: Final = 60_000
"""A row of now that is shown for longer under the same time is `stale`; stamps have seconds."""


class Shown(NamedTuple):
    """The newest time that a meter showed for a profile, and when it first did."""

    stamp_ms: int
    since_ms: int


def shown_after(before: Shown | None, rows: tuple[Row, ...], now_ms: int) -> Shown | None:
    """What is known of a profile's time once these rows were read."""
    stamps = [utc_ms(row.at) for row in rows if row.at is not None]
    if not stamps:
        return before
    newest = max(stamps)
    return before if before is not None and before.stamp_ms == newest else Shown(newest, now_ms)


def judged(rows: tuple[Row, ...], shown: Shown | None, now_ms: int, *, history: bool) -> tuple[Row, ...]:
    """The rows, those marked whose time can't be right.

    Args:
        rows: what was read.
        shown: what is known of the profile's time, these rows included.
        now_ms: our clock, which is trusted.
        history: rows of a history are older than now, and the same ones may be asked for again.
    """
    return tuple(_judged(row, shown, now_ms, history=history) for row in rows)


def _judged(row: Row, shown: Shown | None, now_ms: int, *, history: bool) -> Row:
    if row.at is None:
        return row
    stamp_ms = utc_ms(row.at)
    ahead_ms = stamp_ms - now_ms
    if ahead_ms > OFF_MS:
        return _marked(row, Quality.SUSPECT, f"the meter's time is {written(ahead_ms)} ahead")
    if history:
        return row
    if shown is not None and shown.stamp_ms == stamp_ms and now_ms - shown.since_ms > STANDS_MS:
        return _marked(row, Quality.STALE, f"the meter has shown this row for {written(now_ms - shown.since_ms)}")
    if -ahead_ms > OFF_MS:
        return _marked(row, Quality.SUSPECT, f"the meter's time is {written(-ahead_ms)} behind")
    return row


def _marked(row: Row, quality: Quality, reason: str) -> Row:
    """What is an error already stays one."""
    values = tuple(
        value.model_copy(update={"quality": quality, "reason": reason}) if value.quality is Quality.GOOD else value
        for value in row.values
    )
    return row.model_copy(update={"values": values})
