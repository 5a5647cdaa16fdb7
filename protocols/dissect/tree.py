"""What a dissector gives: a tree of named fields, each with the octets it stands in and what they mean."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

OCTETS_SHOWN_MAX: Final = 24  # of one field, so that a line of `lines` fits a terminal

FieldValue = int | str | bytes | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """One field.

    Attributes:
        name: the standard's, in lower case with underscores.
        start: its first octet.
        end: the octet after its last; fields of a few bits share the octets they stand in.
        value: what it means, or None where the children say it.
        children: the fields inside it, in order.
    """

    name: str
    start: int
    end: int
    value: FieldValue = None
    children: tuple["Node", ...] = ()

    def child(self, name: str) -> "Node":
        """The child of that name.

        Raises:
            KeyError: there is none.
        """
        for child in self.children:
            if child.name == name:
                return child
        raise KeyError(name)

    def has(self, name: str) -> bool:
        """Whether there is a child of that name."""
        return any(child.name == name for child in self.children)

    def moved(self, by: int) -> "Node":
        """The same field so many octets further on: to put one description inside another."""
        return replace(
            self,
            start=self.start + by,
            end=self.end + by,
            children=tuple(child.moved(by) for child in self.children),
        )

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "Node"]]:
        """This field and all inside it, with how deep each stands."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


def lines(tree: Node, data: bytes) -> Iterator[str]:
    """The tree as text: where, which octets, which field, what it means."""
    for depth, node in tree.walk():
        octets = data[node.start : node.end]
        shown = octets[:OCTETS_SHOWN_MAX].hex(" ") + (" ..." if len(octets) > OCTETS_SHOWN_MAX else "")
        value = "" if node.value is None else f" = {_text(node.value)}"
        yield f"{node.start:5d}..{node.end:<5d} {'  ' * depth}{node.name}{value}  [{shown}]"


def _text(value: FieldValue) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} octets"
    return f"{value} (0x{value:X})" if isinstance(value, int) and not isinstance(value, bool) else str(value)
