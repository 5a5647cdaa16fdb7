"""What a face keeps through a power failure and a restart, as named lines of text.

A meter's own state is kept by the meter; a face adds what was written to attributes that mean nothing to it, and the
passwords and keys that a client has changed.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from protocols.cosem.obis import LogicalName
from protocols.secret import Secret

Key = tuple[int, bytes, int]
"""Class id, logical name, number of an attribute; negative for the parameter of a method."""

_WRITTEN: Final = "cosem"
_SECRET: Final = "secret"  # noqa: S105 (a word, not a password)


def written_note(key: Key) -> str:
    """The name of the note for a written attribute."""
    class_id, octets, number = key
    return f"{_WRITTEN} {class_id} {LogicalName(octets)} {number}"


def secret_note(client: int, name: str) -> str:
    """The name of the note for a changed password or key."""
    return f"{_SECRET} {client} {name}"


def written(notes: Mapping[str, str]) -> dict[Key, bytes]:
    """The written attributes among kept notes."""
    found: dict[Key, bytes] = {}
    for words, text in _of(notes, _WRITTEN):
        found[int(words[0]), LogicalName.parse(words[1]).octets, int(words[2])] = bytes.fromhex(text)
    return found


def secrets(notes: Mapping[str, str]) -> dict[int, dict[str, Secret]]:
    """The changed passwords and keys among kept notes, by client SAP."""
    found: dict[int, dict[str, Secret]] = {}
    for words, text in _of(notes, _SECRET):
        found.setdefault(int(words[0]), {})[words[1]] = Secret(bytes.fromhex(text))
    return found


def _of(notes: Mapping[str, str], kind: str) -> Iterator[tuple[list[str], str]]:
    for name, text in notes.items():
        first, *words = name.split()
        if first == kind:
            yield words, text
