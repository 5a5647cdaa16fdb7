"""A key or password that does not show itself, and what may be shown of what could be one by mistake."""

import hmac
import re
from pathlib import Path
from typing import Final

_LIKE_A_KEY: Final = re.compile(r"[0-9A-Fa-f]{32,}")
_LIKE_A_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")


def masked(text: str) -> str:
    """A sentence without what looks like a key: people write them into the wrong places.

    >>> masked("'000102030405060708090A0B0C0D0E0F' is no model")
    "'(it may be a key)' is no model"
    """
    return _LIKE_A_KEY.sub("(it may be a key)", text)


def shown_variable(name: str) -> str:
    """An environment variable's name for people, where it is one and not the secret itself.

    >>> shown_variable("MB_HLS"), shown_variable("hls-Zr4kWv9-0123")
    ('MB_HLS', 'that it names')
    """
    return name if _LIKE_A_VARIABLE.fullmatch(name) and not _LIKE_A_KEY.fullmatch(name) else "that it names"


def shown_file(path: str, beside: Path) -> str:
    """A key file's path for people, where it is one and not the secret itself.

    >>> shown_file("keys/hls.key", Path("a")), shown_file("hls-Zr4kWv9-0123", Path("a"))
    ('a/keys/hls.key', 'that it names')
    """
    return str(beside / path) if ("." in path or "/" in path) and not _LIKE_A_KEY.search(path) else "that it names"


class Secret:
    """Bytes that `repr`, `str` and `format` never show; `reveal` is the one way to them.

    Args:
        value: the key or password; text is taken as UTF-8.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves, for the one call that computes with them."""
        return self._value

    def matches(self, other: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self._value, other)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        msg = "a Secret is not pickled"
        raise TypeError(msg)
