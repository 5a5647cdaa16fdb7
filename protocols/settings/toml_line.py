"""On which line of a TOML file a key stands: `tomllib` says what a file holds, not where.

A scan of headers and of keys at the beginning of lines; good enough to point a person at the right line, and when a
key can't be found its table's line is given.
"""

import re
from collections.abc import Sequence
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)

Path = tuple[str | int, ...]


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line, counted from 1, of the deepest part of `path` that the text shows.

    Args:
        text: the file.
        path: as pydantic names a place: `("meter", 0, "read")`.
    """
    best: tuple[int, int] | None = None
    for number, found in _places(text):
        depth = _shared(found, path)
        if depth == len(found) and depth and (best is None or depth > best[0]):
            best = depth, number
    return best[1] if best else None


def _places(text: str) -> list[tuple[int, Path]]:
    places: list[tuple[int, Path]] = []
    table: Path = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            names = _split(header[2])
            if header[1] == "[[":
                key = ".".join(names)
                counts[key] = counts.get(key, -1) + 1
            table = _indexed(names, counts)
            places.append((number, table))
        elif key_match := _KEY.match(line):
            places.append((number, (*table, *_split(key_match[1]))))
    return places


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _indexed(names: list[str], counts: dict[str, int]) -> Path:
    path: list[str | int] = []
    for index, name in enumerate(names):
        path.append(name)
        key = ".".join(names[: index + 1])
        if key in counts:
            path.append(counts[key])
    return tuple(path)


def _shared(found: Path, path: Sequence[str | int]) -> int:
    depth = 0
    for mine, theirs in zip(found, path, strict=False):
        if mine != theirs:
            break
        depth += 1
    return depth
