"""What the fleet waits for: nothing that is due is left to a later wake."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.service.fleet import Fleet

NOW_MS = 1_000_000


def fleet(due_ms: int | None, *jobs_ms: int | None) -> Fleet:
    shared = SimpleNamespace(
        clock=SimpleNamespace(now_ms=lambda: NOW_MS),
        schedule=SimpleNamespace(wake_ms=lambda: due_ms),
        waiting=[SimpleNamespace(queue=SimpleNamespace(wake_ms=lambda at_ms=at_ms: at_ms)) for at_ms in jobs_ms],
    )
    return Fleet(cast("Any", shared), cast("Any", None), cast("Any", None))


@pytest.mark.parametrize(
    ("due_ms", "jobs_ms", "expected"),
    [
        (None, (), None),
        (NOW_MS + 700, (), 700),
        (NOW_MS + 700, (NOW_MS + 300, None), 300),
        (NOW_MS + 700, (NOW_MS - 5,), 700),
        (NOW_MS, (NOW_MS + 300,), 0),
        (NOW_MS - 40, (), 0),
    ],
)
def test_a_read_that_has_come_due_since_it_was_looked_for_is_not_waited_past(
    due_ms: int | None, jobs_ms: tuple[int | None, ...], expected: int | None
) -> None:
    assert fleet(due_ms, *jobs_ms).wait_ms() == expected
