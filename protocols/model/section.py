"""A physical section of a model: a TOML table read into a frozen value, checked key by key against its fields.

A complaint names the section, the key and what would be right; `loader` puts the file before it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints


def check_range(section: str, name: str, value: int, low: int, high: int) -> None:
    """A whole number within bounds, or a ValueError."""
    if not low <= value <= high:
        msg = f"[{section}] {name} = {value}: a whole number from {low} to {high} is right"
        raise ValueError(msg)


def check_choice(section: str, name: str, value: object, choices: tuple[object, ...]) -> None:
    """One of some values, or a ValueError."""
    if value not in choices:
        msg = f"[{section}] {name} = {value!r}: one of {', '.join(map(str, choices))} is right"
        raise ValueError(msg)


def _expected(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return "a list"
    return {int: "a whole number", bool: "true or false", str: "text"}.get(hint, "a table")


def _fits(hint: Any, value: object) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, list | tuple) and all(_fits(get_args(hint)[0], each) for each in value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True


def table_of(section: str, table: object, known: Iterable[str]) -> Mapping[str, Any]:
    """A TOML table whose keys are all known."""
    if not isinstance(table, Mapping):
        msg = f"[{section}] is a table of keys"
        raise ValueError(msg)  # noqa: TRY004 (a wrong model is a ValueError throughout)
    names = list(known)
    for key in table:
        if key not in names:
            near = get_close_matches(str(key), names, 1)
            right = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(names)}"
            msg = f"[{section}] {key} is not a key of this section: {right}"
            raise ValueError(msg)
    return table


def read(kind: type[Any], section: str, table: object) -> dict[str, Any]:
    """The keyword arguments of `kind` in a TOML table, checked key by key against its fields."""
    hints = get_type_hints(kind)
    taken: dict[str, Any] = {}
    for key, value in table_of(section, table, [each.name for each in fields(kind)]).items():
        if not _fits(hints[key], value):
            msg = f"[{section}] {key} = {value!r}: {_expected(hints[key])} is right"
            raise ValueError(msg)
        taken[key] = tuple(value) if isinstance(value, list) else value
    for each in fields(kind):
        if each.default is MISSING and each.default_factory is MISSING and each.name not in taken:
            msg = f"[{section}] needs the key {each.name}"
            raise ValueError(msg)
    return taken


def keyed(section: str, table: Mapping[Any, Any], key: Callable[[Any], Any]) -> dict[Any, tuple[Any, ...]]:
    """A table whose keys are read by a function and whose values are lists."""
    for name, value in table.items():
        if not isinstance(value, list | tuple):
            msg = f"[{section}] {name} = {value!r}: a list is right"
            raise ValueError(msg)  # noqa: TRY004 (a wrong model is a ValueError throughout)
    return {key(name): tuple(value) for name, value in table.items()}
