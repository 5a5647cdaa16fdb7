"""How far something long is, on standard error: one way for every tool.

On a terminal it is one line that is written over and wiped away in the end. Elsewhere it is told only when it was asked
for, a line each time a tenth more is done (or twice as much, where nobody knows how much there is), as an object each
with `--json`.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple

import typer

from protocols.dlms.ask import conversation
from protocols.dlms.ask.session import Repeated
from protocols.iec62056_21.reader import ReadOutProgress

ProgressOption = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress", help="Tell how far it is; without, on a terminal only.", show_default=False
    ),
]


class Progress(NamedTuple):
    """So much is done.

    Attributes:
        done: how much.
        most: of how much at most, or None where nobody knows.
        sentence: for people.
    """

    done: int
    most: int | None
    sentence: str


Teller = Callable[[Progress], None]


@contextlib.contextmanager
def progress(*, wanted: bool | None, as_json: bool) -> Iterator[Teller]:
    """What tells of progress, for the length of a block.

    Args:
        wanted: told whatever standard error is, or not told; None is as it is.
        as_json: as objects, for programs.
    """
    terminal = sys.stderr.isatty()
    if not (terminal if wanted is None else wanted):
        yield lambda _progress: None
    elif as_json or not terminal:
        yield _line_by_line(as_json=as_json)
    else:
        try:
            yield lambda told: typer.echo(f"\r{told.sentence}\x1b[K", nl=False, err=True)
        finally:
            typer.echo("\r\x1b[K", nl=False, err=True)


def _line_by_line(*, as_json: bool) -> Teller:
    told: list[tuple[int | None, int]] = []

    def tell(progress: Progress) -> None:
        step = progress.done.bit_length() if progress.most is None else progress.done * 10 // max(progress.most, 1)
        if told[-1:] != [(progress.most, step)]:
            told.append((progress.most, step))
            typer.echo(json.dumps(progress._asdict()) if as_json else progress.sentence, err=True)

    return tell


def of_conversation(tell: Teller) -> Callable[[Any], None]:
    """What passes on a DLMS link beside the answers, as progress: blocks that came, and how often was asked again."""
    blocks = dict[int, int]()

    def notice(event: Any) -> None:
        if isinstance(event, conversation.Progress):
            count = blocks[event.ticket] = blocks.get(event.ticket, 0) + 1
            tell(Progress(event.octets, None, f"{count} blocks, {event.octets} octets"))
        elif isinstance(event, ReadOutProgress):
            tell(Progress(event.characters, None, f"{event.characters} characters"))
        elif isinstance(event, Repeated):
            tell(Progress(0, None, f"no answer yet, asked again ({event.tries})"))

    return notice
