"""A tool of the gateway's command line, run beside this loop's bench or as a program of its own."""

import asyncio
import sys

from typer.testing import CliRunner, Result

from gateway.commands import app

PROGRAM = (sys.executable, "-c", "from gateway.commands import app; app()")


async def beside(*arguments: str) -> Result:
    """What a tool does, while this loop's meters answer."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments)))


async def program(*arguments: str) -> asyncio.subprocess.Process:
    """A tool as a process."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*PROGRAM, *arguments, stdout=pipe, stderr=pipe)
