"""A key or password that does not show itself."""

import hmac


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
