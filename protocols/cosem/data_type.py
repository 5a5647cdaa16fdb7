"""The types of attributes, in a notation of one line: what the catalogue writes, servers check and tables fill in.

    unsigned                                  one tag by its name
    logical-name, octet-date-time             an octet-string with a known inside
    array<T>                                  any number of T
    structure<scaler: integer, unit: enum>    named members, in order
    null-data | octet-string                  one of several
    any                                       a CHOICE that the object decides

`DataType.matches` says whether a decoded value fits; `DataType.make` turns what stands in a table (numbers, text,
lists, tables by member name) into the tagged value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any, Final

from protocols.cosem.obis import LogicalName
from protocols.dlms.value import Tag, Value

TAGS: Final[dict[str, int]] = {
    tag.name.lower().replace("_", "-"): int(tag) for tag in Tag if tag not in {Tag.ARRAY, Tag.STRUCTURE, Tag.DONT_CARE}
}
"""The tag of each simple type by the standard's name."""

RANGES: Final[dict[int, tuple[int, int]]] = {
    Tag.DOUBLE_LONG: (-(2**31), 2**31 - 1),
    Tag.DOUBLE_LONG_UNSIGNED: (0, 2**32 - 1),
    Tag.BCD: (0, 2**8 - 1),
    Tag.INTEGER: (-(2**7), 2**7 - 1),
    Tag.LONG: (-(2**15), 2**15 - 1),
    Tag.UNSIGNED: (0, 2**8 - 1),
    Tag.LONG_UNSIGNED: (0, 2**16 - 1),
    Tag.LONG64: (-(2**63), 2**63 - 1),
    Tag.LONG64_UNSIGNED: (0, 2**64 - 1),
    Tag.ENUM: (0, 2**8 - 1),
}
"""The least and the greatest value of each integer type by its tag."""

FLOATS: Final = frozenset({Tag.FLOAT32, Tag.FLOAT64})

_ALIASES: Final = {"logical-name": 6, "octet-date-time": 12, "octet-date": 5, "octet-time": 4}
"""Octet strings with a known inside, and how many octets each has."""

_TOKEN: Final = re.compile(r"\s*([A-Za-z0-9_-]+|[<>:,|])")


class Kind(Enum):
    """How a type is made."""

    ANY = auto()
    SIMPLE = auto()
    ALIAS = auto()
    ARRAY = auto()
    STRUCTURE = auto()
    CHOICE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataType:
    """One type; `parse` makes it from the notation.

    Attributes:
        kind: how it is made.
        name: the standard's name of a simple type, or of the known inside of an octet-string.
        members: of a structure, by name; of a choice and an array with an empty name.
    """

    kind: Kind
    name: str = ""
    members: tuple[tuple[str, "DataType"], ...] = ()

    @property
    def tag(self) -> int | None:
        """The tag on the wire; None where only the value decides."""
        match self.kind:
            case Kind.SIMPLE:
                return TAGS[self.name]
            case Kind.ALIAS:
                return int(Tag.OCTET_STRING)
            case Kind.ARRAY:
                return int(Tag.ARRAY)
            case Kind.STRUCTURE:
                return int(Tag.STRUCTURE)
            case _:
                return None

    def matches(self, value: Value) -> bool:
        """Whether a tagged value is of this type, all the way down."""
        match self.kind:
            case Kind.ANY:
                return True
            case Kind.CHOICE:
                return any(each.matches(value) for _, each in self.members)
        tag, content = value
        if tag != self.tag:
            return False
        match self.kind:
            case Kind.ALIAS:
                return len(content) == _ALIASES[self.name]
            case Kind.ARRAY:
                return all(self.members[0][1].matches(each) for each in content)
            case Kind.STRUCTURE:
                return len(content) == len(self.members) and all(
                    kind.matches(each) for (_, kind), each in zip(self.members, content, strict=True)
                )
            case _:
                return True

    def make(self, plain: Any) -> Value:
        """The tagged value of what stands in a table.

        Text becomes a string of this type; `hex:` before it gives octets by their digits; a logical name is dotted
        text. A structure is a list in order or a table by member name; where any type may stand, a table names it
        (`{ unsigned = 3 }`). The first alternative of a choice that fits is taken.

        Raises:
            ValueError: `plain` is not a value of this type.
        """
        match self.kind:
            case Kind.ANY if isinstance(plain, Mapping) and len(plain) == 1:
                ((notation, content),) = plain.items()
                return parse(notation).make(content)
            case Kind.ANY:
                raise ValueError(f"{plain!r} stands where any type may: write {{ TYPE = {plain!r} }}")
            case Kind.CHOICE:
                return self._make_choice(plain)
            case Kind.ARRAY if isinstance(plain, list):
                return int(Tag.ARRAY), [self.members[0][1].make(each) for each in plain]
            case Kind.STRUCTURE if isinstance(plain, list | Mapping):
                return int(Tag.STRUCTURE), list(self._make_members(plain))
            case Kind.ALIAS if self.name == "logical-name" and isinstance(plain, str) and not plain.startswith("hex:"):
                return int(Tag.OCTET_STRING), LogicalName.parse(plain).octets
            case Kind.SIMPLE | Kind.ALIAS:
                return self._make_simple(plain)
        raise ValueError(f"{plain!r} is no {self}")

    def _make_choice(self, plain: Any) -> Value:
        for _, each in self.members:
            try:
                return each.make(plain)
            except ValueError:
                continue
        raise ValueError(f"{plain!r} is none of {self}")

    def _make_members(self, plain: list[Any] | Mapping[str, Any]) -> Iterator[Value]:
        names = [name for name, _ in self.members]
        if isinstance(plain, Mapping):
            if set(plain) != set(names):
                raise ValueError(f"a structure here has the members {', '.join(names)}")
            plain = [plain[name] for name in names]
        if len(plain) != len(names):
            raise ValueError(f"a structure here has {len(names)} members: {', '.join(names)}")
        for (_, kind), each in zip(self.members, plain, strict=True):
            yield kind.make(each)

    def _make_simple(self, plain: Any) -> Value:
        tag = self.tag
        if tag == Tag.NULL_DATA and plain in ("", [], None):
            return 0, None
        if tag == Tag.BOOLEAN and isinstance(plain, bool):
            return tag, plain
        if tag in RANGES and isinstance(plain, int) and not isinstance(plain, bool):
            low, high = RANGES[tag]
            if low <= plain <= high:
                return tag, plain
            raise ValueError(f"{plain} is not in {low} to {high}, the range of {self.name}")
        if tag in FLOATS and isinstance(plain, int | float) and not isinstance(plain, bool):
            return tag, float(plain)
        if tag is not None and isinstance(plain, str):
            return tag, self._make_text(tag, plain)
        raise ValueError(f"{plain!r} is no {self}")

    def _make_text(self, tag: int, text: str) -> Any:
        if tag == Tag.BIT_STRING and set(text) <= {"0", "1"}:
            return text
        if tag not in _TEXTUAL:
            raise ValueError(f"{text!r} is no {self}")
        octets = bytes.fromhex(text.removeprefix("hex:")) if text.startswith("hex:") else text.encode()
        if self.kind is Kind.ALIAS and len(octets) != _ALIASES[self.name]:
            raise ValueError(f"{text!r} is no {self.name}: it has {_ALIASES[self.name]} octets, written hex:...")
        return octets if tag in _BINARY else octets.decode()

    def __str__(self) -> str:
        match self.kind:
            case Kind.ANY:
                return "any"
            case Kind.ARRAY:
                return f"array<{self.members[0][1]}>"
            case Kind.STRUCTURE:
                return f"structure<{', '.join(f'{name}: {kind}' for name, kind in self.members)}>"
            case Kind.CHOICE:
                return " | ".join(str(kind) for _, kind in self.members)
            case _:
                return self.name


_BINARY: Final = frozenset({Tag.OCTET_STRING, Tag.DATE_TIME, Tag.DATE, Tag.TIME})
_TEXTUAL: Final = _BINARY | {Tag.VISIBLE_STRING, Tag.UTF8_STRING}


@cache
def parse(notation: str) -> DataType:
    """Read the notation.

    Raises:
        ValueError: it is not in the notation, or a type's name is unknown.
    """
    tokens = _TOKEN.findall(notation)
    if "".join(tokens) != "".join(notation.split()):
        raise ValueError(f"{notation!r} has a character that the notation of types does not know")
    parser = _Parser([*tokens, ""], notation)
    result = parser.choice()
    parser.expect("")
    return result


class _Parser:
    """Recursive descent over the tokens of one notation; the last token is empty."""

    __slots__ = ("_at", "_notation", "_tokens")

    def __init__(self, tokens: list[str], notation: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._notation = notation

    def _next(self) -> str:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _take(self, token: str) -> bool:
        if self._tokens[self._at] != token:
            return False
        self._at += 1
        return True

    def expect(self, token: str) -> None:
        if not self._take(token):
            raise ValueError(f"{self._notation!r}: {token or 'the end'!r} expected, {self._tokens[self._at]!r} found")

    def choice(self) -> DataType:
        first = self._single()
        alternatives = [first]
        while self._take("|"):
            alternatives.append(self._single())
        if len(alternatives) == 1:
            return first
        return DataType(kind=Kind.CHOICE, members=tuple(("", each) for each in alternatives))

    def _single(self) -> DataType:
        name = self._next()
        if name == "array":
            self.expect("<")
            element = self.choice()
            self.expect(">")
            return DataType(kind=Kind.ARRAY, members=(("", element),))
        if name == "structure":
            self.expect("<")
            members = [self._member()]
            while self._take(","):
                members.append(self._member())
            self.expect(">")
            return DataType(kind=Kind.STRUCTURE, members=tuple(members))
        if name == "any":
            return DataType(kind=Kind.ANY)
        if name in TAGS:
            return DataType(kind=Kind.SIMPLE, name=name)
        if name in _ALIASES:
            return DataType(kind=Kind.ALIAS, name=name)
        raise ValueError(f"{self._notation!r}: {name!r} is no type")

    def _member(self) -> tuple[str, DataType]:
        name = self._next()
        self.expect(":")
        return name, self.choice()
