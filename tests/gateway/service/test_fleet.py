"""What the fleet waits for: nothing that is due is left to a later wake."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.command.command import Open
from gateway.service.clock import Pace
from gateway.service.fleet import Fleet
from protocols.message.command import Command, Rung

NOW_MS = 1_000_000


def fleet(due_ms: int | None, *jobs_ms: int | None, per_second: float = 50) -> Fleet:
    shared = SimpleNamespace(
        clock=SimpleNamespace(now_ms=lambda: NOW_MS),
        schedule=SimpleNamespace(wake_ms=lambda: due_ms),
        waiting=[SimpleNamespace(queue=SimpleNamespace(wake_ms=lambda at_ms=at_ms: at_ms)) for at_ms in jobs_ms],
    )
    return Fleet(cast("Any", shared), cast("Any", None), Pace(per_second), cast("Any", None))


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


def test_commands_begin_at_a_pace_and_one_that_is_delayed_holds_up_nobody_else() -> None:
    begun: list[tuple[str, int]] = []
    line = SimpleNamespace(add=lambda job: begun.append((job.work, job.at_ms - NOW_MS)))
    many = fleet(None, per_second=10)
    many.line_of = {"MB1": cast("Any", line), "MB2": cast("Any", line)}
    for number, (meter, not_before_ms) in enumerate([("MB1", 60_000), ("MB2", 0), ("MB2", 0), ("MB9", 0), ("MB1", 0)]):
        command = Command.model_validate({"id": f"c{number}", "verb": "reconnect"})
        many.begin(Open(command, meter, Rung.ACCEPTED, 0, NOW_MS + not_before_ms, NOW_MS, {}))
    assert begun == [("c0", 60_000), ("c1", 100), ("c2", 200), ("c4", 300)]
