"""What is wrong with settings, in sentences for people: file, line, key, and what would be right."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocols.secret import masked
from protocols.settings.toml_line import line_of

SECRETS: Final = frozenset({"keys", "next_keys", "password", "fleet_keys"})
"""Keys that name secrets; what stands there by mistake is not shown."""
UNSHOWN: Final = frozenset({"auth"})
"""Keys where a password is written by mistake."""
GIVEN_MAX: Final = 60
"""So much of what was given is shown."""


def sentences(
    error: ValidationError, root: type[BaseModel], data: Mapping[str, Any], text: str, name: str
) -> list[str]:
    """One sentence a fault, with file, line and key.

    Args:
        error: what pydantic found.
        root: the model of the whole file.
        data: the file, read.
        text: the file, as it is.
        name: what the file is called.
    """
    return [_sentence(each, root, data, text, name) for each in error.errors(include_url=False)]


def placed(path: Sequence[str | int], fault: str, data: Mapping[str, Any], text: str, name: str) -> str:
    """A fault with its place: file, line and key.

    Args:
        path: the keys that lead there.
        fault: what is wrong.
        data: the file, read.
        text: the file, as it is.
        name: what the file is called.
    """
    line = line_of(text, path)
    where = f"{name}, line {line}" if line else name
    key = _key(path, data)
    return f"{where}: {key}: {fault}" if key else f"{where}: {fault}"


def nearest(word: str, known: Iterable[str]) -> str:
    """What to do about a word that is not known, as the end of a sentence."""
    names = list(known)
    near = get_close_matches(word, names, n=1)
    if near:
        return f"did you mean `{near[0]}`"
    return f"known here are {', '.join(names)}" if names else "there are none"


def _sentence(error: ErrorDetails, root: type[BaseModel], data: Mapping[str, Any], text: str, name: str) -> str:
    path = _as_written(error["loc"])
    return placed(path, _fault(error, path, root), data, text, name)


def _as_written(place: Sequence[str | int]) -> list[str | int]:
    """Pydantic puts the tried member of a union into the place; a person does not write it."""
    kind = 3 if tuple(place[:2]) == ("guard", "rule") else None
    return [part for index, part in enumerate(place) if index != kind and not _is_union_word(part)]


def _is_union_word(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in {"literal", "str", "constrained-str"})


def _key(path: Sequence[str | int], data: Mapping[str, Any]) -> str:
    """`meter "MB0001", key read.block_load`, so that a person finds it among five thousand."""
    if len(path) >= 2 and path[0] == "meter" and isinstance(path[1], int):
        meters = data.get("meter")
        entry = meters[path[1]] if isinstance(meters, list | tuple) and path[1] < len(meters) else None
        title = entry.get("id", path[1] + 1) if isinstance(entry, dict) else path[1] + 1
        rest = _dotted(path[2:])
        return f'meter "{title}"' + (f", key {rest}" if rest else "")
    return f"key {_dotted(path)}" if path else ""


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _fault(error: ErrorDetails, path: list[str | int], root: type[BaseModel]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return _unknown(str(path[-1]) if path else "", path, root)
        case "missing":
            return "is missing"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case "string_pattern_mismatch":
            key = str(path[-1]) if path else ""
            return f"{masked(repr(error['input']))} can't be read; write {_LOOKS.get(key, error['msg'])}"
        case "union_tag_invalid":
            context = error.get("ctx", {})
            known = re.findall(r"'([^']+)'", str(context.get("expected_tags")))
            return f"kind {context.get('tag')!r} is not known; {nearest(str(context.get('tag')), known)}"
        case "timezone_aware":
            return "a time needs its offset, such as 2024-10-28T00:00:00+05:30"
        case "tuple_type" if isinstance(error["input"], dict):
            return f"there may be several of them: write [[{'.'.join(map(str, path))}]], in double brackets"
        case _ if SECRETS.intersection(path):
            return "name the secret by { env = ... } or { file = ... }; it does not stand in the file itself"
        case _:
            given = error["input"]
            showable = isinstance(given, str | int | float | bool) and not UNSHOWN.intersection(path)
            shown = f" (given: {masked(repr(given))[:GIVEN_MAX]})" if showable else ""
            message = str(error["msg"])
            return message[:1].lower() + message[1:] + shown


_LOOKS: Final = {
    "from": "a time of day such as 06:00",
    "to": "a time of day such as 20:00",
    "window": "two times of day such as 00:10-06:00",
    "listen": "HOST:PORT such as 127.0.0.1:9108, or off",
    "system_title": "16 hexadecimal digits",
}
"""What a person would write where a pattern was not met."""


def _unknown(word: str, path: list[str | int], root: type[BaseModel]) -> str:
    section = root
    for part in path[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            section = _section_of(section.model_fields[part].annotation) or section
    return f"unknown key; {nearest(word, (info.alias or name for name, info in section.model_fields.items()))}"


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a key holds: itself, in a list or by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _section_of(each)) is not None), None)
