"""Where parts of a meter keep what must survive: notes by name, durable before they take effect, or in memory alone."""

from collections.abc import Callable, Mapping


class Book:
    """Notes of one meter. Until `open`, and on a bench that keeps no state, they are forgotten with the program."""

    __slots__ = ("_notes", "_put")

    def __init__(self) -> None:
        self._notes: Mapping[str, str] = {}
        self._put: Callable[[str, str], None] | None = None

    def open(self, notes: Mapping[str, str], put: Callable[[str, str], None]) -> None:
        """Take up what was kept, and keep from now on.

        Args:
            notes: what was kept, by name.
            put: keeps one note, durably.
        """
        self._notes = notes
        self._put = put

    @property
    def keeps(self) -> bool:
        """Whether what is put survives the program."""
        return self._put is not None

    def get(self, name: str) -> str | None:
        """What was kept under a name."""
        return self._notes.get(name)

    def put(self, name: str, text: str) -> None:
        """Keep it."""
        if self._put is not None:
            self._put(name, text)
