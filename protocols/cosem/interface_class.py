"""What an interface class is: numbered attributes and methods with names and types (IEC 62056-6-2).

The catalogue is made of these, and everything runs from it: the emulator's object list and its check of written
values, the client's names for what it read, the pages in `docs/`, and the tests.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from protocols.cosem.data_type import DataType, parse


class Depth(Enum):
    """How far a class goes with us: its attributes are only written down, or objects of it act as a meter's do."""

    DESCRIBED = "described"
    BEHAVES = "behaves"


class Attribute(NamedTuple):
    """One attribute; `selectors` are the selective access parameters that the class defines for it."""

    number: int
    name: str
    type: DataType
    selectors: tuple[int, ...] = ()


class Method(NamedTuple):
    """One method and the type of its parameter."""

    number: int
    name: str
    parameter: DataType


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceClass:
    """One interface class in one version.

    Attributes:
        class_id, version: its number and version.
        name: the standard's name.
        attributes: all of them in order, the logical name first.
        methods: all of them in order.
        depth: whether objects of it behave or are only described.
    """

    class_id: int
    version: int
    name: str
    attributes: tuple[Attribute, ...]
    methods: tuple[Method, ...]
    depth: Depth

    def attribute(self, number: int) -> Attribute | None:
        """The attribute of that number, or None where the class has none."""
        position = number - 1
        return self.attributes[position] if 0 <= position < len(self.attributes) else None

    def method(self, number: int) -> Method | None:
        """The method of that number, or None where the class has none."""
        return next((each for each in self.methods if each.number == number), None)

    def number_of(self, name: str) -> int | None:
        """The number of an attribute by its name, or None."""
        return next((each.number for each in self.attributes if each.name == name), None)


LOGICAL_NAME = Attribute(1, "logical_name", parse("logical-name"))


def interface_class(
    class_id: int,
    version: int,
    name: str,
    attributes: Iterable[str] = (),
    methods: Iterable[str] = (),
    *,
    behaves: bool = False,
) -> InterfaceClass:
    """Make a class from lines such as `"value: any"` and `"buffer: array<any> [1, 2]"`.

    Attributes count from 2 (1 is the logical name), methods from 1; where a class leaves methods out, a line starts
    with its own number (`"8 reply: octet-string"`). Without a type an attribute is `any` and a method's parameter the
    integer 0; numbers in brackets are the selective access parameters.
    """
    return InterfaceClass(
        class_id=class_id,
        version=version,
        name=name,
        attributes=(LOGICAL_NAME, *(_attribute(number, line) for number, line in enumerate(attributes, 2))),
        methods=tuple(_method(number, line) for number, line in enumerate(methods, 1)),
        depth=Depth.BEHAVES if behaves else Depth.DESCRIBED,
    )


def _attribute(number: int, line: str) -> Attribute:
    line, _, selectors = line.partition(" [")
    name, _, notation = line.partition(": ")
    chosen = tuple(int(each) for each in selectors.rstrip("]").split(",")) if selectors else ()
    return Attribute(number, name, parse(notation or "any"), chosen)


def _method(number: int, line: str) -> Method:
    name, _, notation = line.partition(": ")
    first, _, rest = name.partition(" ")
    if first.isdigit():
        number, name = int(first), rest
    return Method(number, name, parse(notation or "integer"))
