"""Drives scripts in simulated time against a fake meter, with faults on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.outbox.store import Store
from gateway.service.script import Ask, Commit, MeterError, Script, Wait

T = TypeVar("T")


@dataclass(slots=True)
class Clock:
    """A clock that only moves when it is told to."""

    now_ms: int

    def now(self) -> int:
        return self.now_ms


@dataclass(slots=True)
class Driver:
    """Runs scripts.

    `fault` is asked before each request to the meter: it may return an error to throw instead of asking, and it may
    have asked all the same.
    """

    clock: Clock
    ask: Callable[[Any], Any]
    store: Store
    ask_ms: int = 20
    fault: Callable[[Any], MeterError | None] = field(default=lambda _request: None)
    steps: int = 0

    def run(self, script: Script[T], stop_after: int | None = None) -> T | None:
        """Run to the end, or, with `stop_after`, until the world ends after so many steps."""
        outcome: Any = None
        error: MeterError | None = None
        while True:
            try:
                step = script.send(outcome) if error is None else script.throw(error)
            except StopIteration as stop:
                result: T = stop.value
                return result
            outcome, error = None, None
            self.steps += 1
            if stop_after is not None and self.steps > stop_after:
                return None
            match step:
                case Ask(request):
                    self.clock.now_ms += self.ask_ms
                    error = self.fault(request)
                    if error is None:
                        outcome = self.ask(request)
                case Commit(work):
                    with self.store.transaction():
                        outcome = work(self.clock.now_ms)
                case Wait(ms):
                    self.clock.now_ms += ms
