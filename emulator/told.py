"""How the emulator's commands tell what is wrong with their files: one sentence, and exit status 2."""

import contextlib
from collections.abc import Iterator
from typing import Final

import typer

from emulator.bench.file import BenchError
from emulator.line.endpoint import EndpointError
from protocols.model.table import ModelError

WRONG_USE: Final = 2
"""Exit status for wrong use or configuration."""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors of configuration become their sentences on standard error and exit status 2."""
    try:
        yield
    except (BenchError, EndpointError, ModelError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_USE) from None
