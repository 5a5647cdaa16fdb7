"""How long a test waits for what must come, and the one way to wait for what sets no event."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

PATIENCE_S: Final = 120
"""Only a hang takes that long; a machine with much else to do does not."""


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition (a function without arguments) holds; gives what it then said."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):  # noqa: ASYNC110 (what other programs do sets no event here)
            await asyncio.sleep(0.005)
    return found
