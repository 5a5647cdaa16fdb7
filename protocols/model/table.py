"""One table of a model file while it is read: every key is taken once, by type, and what is left over is refused.

A complaint is one sentence that names the file, the key and what would be right.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, NoReturn, TypeVar

T = TypeVar("T")

_REQUIRED: Final = object()
_NAMES: Final[dict[type, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    object: "a value",
}


class ModelError(ValueError):
    """A model file says something that cannot be; the text is one sentence for whoever wrote the file."""


class Table:
    """A table being read.

    Args:
        content: the table.
        where: what complaints begin with: the file and the way to this table.
    """

    __slots__ = ("_content", "_known", "_taken", "where")

    def __init__(self, content: Mapping[str, Any], where: str) -> None:
        self.where = where
        self._content = content
        self._taken: set[str] = set()
        self._known: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def take(self, key: str, kind: type[T], default: Any = _REQUIRED) -> T:
        """The value of `key`, which must be of that type; without a default it must be there.

        Raises:
            ModelError: it is missing or of another type.
        """
        self._taken.add(key)
        if key not in self._content:
            if default is _REQUIRED:
                self.refuse(f"{key} is missing; it is {_NAMES[kind]}")
            return default  # type: ignore[no-any-return]  # the caller's own value
        value = self._content[key]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.refuse(f"{key} is {value!r}; it must be {_NAMES[kind]}")
        return value

    def choose(self, key: str, choices: Iterable[str], default: Any = _REQUIRED) -> str:
        """The value of `key`, which must be one of these words."""
        choices = tuple(choices)
        value = self.take(key, str, default)
        if value not in choices:
            self.refuse(f"{key} is {value!r}; it must be one of {', '.join(choices)}")
        return value

    def table(self, key: str, default: Any = _REQUIRED) -> "Table":
        """The table under `key`."""
        return Table(self.take(key, dict, default), f"{self.where}: {key}")

    def tables(self, key: str) -> list["Table"]:
        """The tables listed under `key`; none where the key is missing."""
        rows = self.take(key, list, [])
        for row in rows:
            if not isinstance(row, dict):
                self.refuse(f"{key} holds {row!r}; it must be a list of tables")
        return [Table(row, f"{self.where}: {key}[{number}]") for number, row in enumerate(rows, 1)]

    def names(self) -> Iterable[str]:
        """All keys, for a table whose keys are data."""
        return self._content.keys()

    def done(self, also: Iterable[str] = ()) -> None:
        """Refuse what nobody took.

        Args:
            also: keys that would have been right, for the suggestion, though nobody asked for them.

        Raises:
            ModelError: a key is left over.
        """
        for key in self._content:
            if key not in self._taken:
                known = sorted(self._taken | set(also))
                close = get_close_matches(key, known, 1)
                right = f"did you mean {close[0]}?" if close else f"the keys here are {', '.join(known)}"
                self.refuse(f"{key} is no key of this table; {right}")

    def refuse(self, sentence: str) -> NoReturn:
        """Complain about this table."""
        raise ModelError(f"{self.where}: {sentence}")
