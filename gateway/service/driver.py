"""Drives a script in real time: questions go to a meter, commits to whoever makes them durable, waits pass."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gateway.service.script import Ask, Commit, MeterError, Script, Wait

T = TypeVar("T")


async def drive(
    script: Script[T],
    ask: Callable[[Any], Awaitable[Any]],
    commit: Callable[[Callable[[int], Any]], Awaitable[Any]],
) -> T:
    """Run a script to its end.

    Args:
        script: what to do.
        ask: asks the meter; its `MeterError`s are thrown into the script.
        commit: does a piece of work durably; its errors end the script.
    """
    outcome: Any = None
    fault: MeterError | None = None
    while True:
        try:
            step = script.send(outcome) if fault is None else script.throw(fault)
        except StopIteration as stop:
            result: T = stop.value
            return result
        outcome, fault = None, None
        try:
            match step:
                case Ask(request):
                    outcome = await ask(request)
                case Commit(work):
                    outcome = await commit(work)
                case Wait(ms):
                    await asyncio.sleep(ms / 1000)
        except MeterError as error:
            fault = error
