"""What is wrong with a configuration, in sentences for people: file, line, key, and what would be right."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.configuration.toml_line import line_of

SECRETS: Final = frozenset({"keys", "next_keys", "password", "fleet_keys"})
"""Keys that name secrets; what stands there by mistake is not shown."""


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


def _sentence(error: ErrorDetails, root: type[BaseModel], data: Mapping[str, Any], text: str, name: str) -> str:
    path = _as_written(error["loc"])
    fault = _fault(error, path, root)
    line = line_of(text, path)
    where = f"{name}, line {line}" if line else name
    key = _key(path, data)
    return f"{where}: {key}: {fault}" if key else f"{where}: {fault}"


def _as_written(place: Sequence[str | int]) -> list[str | int]:
    """Pydantic puts the tried member of a union into the place; a person does not write it."""
    kind = 3 if place[:2] == ("guard", "rule") else None
    return [part for index, part in enumerate(place) if index != kind and not _is_union_word(part)]


def _is_union_word(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in {"literal", "str", "constrained-str"})


def _key(path: list[str | int], data: Mapping[str, Any]) -> str:
    """`meter "MB0001": read.block_load`, so that a person finds it among five thousand."""
    if len(path) >= 2 and path[0] == "meter" and isinstance(path[1], int):
        meters = data.get("meter")
        entry = meters[path[1]] if isinstance(meters, list) and path[1] < len(meters) else None
        title = entry.get("id", path[1] + 1) if isinstance(entry, dict) else path[1] + 1
        rest = ".".join(map(str, path[2:]))
        return f'meter "{title}"' + (f", key {rest}" if rest else "")
    return "key " + ".".join(map(str, path)) if path else ""


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
            return f"{error['input']!r} can't be read; write {_LOOKS.get(key, error['msg'])}"
        case "model_type" if SECRETS.intersection(path):
            return "name the secret by { env = ... } or { file = ... }; it does not stand in the file itself"
        case _:
            given = error["input"]
            shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
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
    near = get_close_matches(word, section.model_fields, n=1)
    hint = f"did you mean `{near[0]}`" if near else f"known here are {', '.join(section.model_fields)}"
    return f"unknown key; {hint}"


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a key holds: itself, in a list or by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _section_of(each)) is not None), None)
