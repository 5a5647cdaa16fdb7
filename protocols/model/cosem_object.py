"""The COSEM objects of a model: which class, which name, and where each attribute's value comes from.

In a model file the table `[objects]` has one key an object, class and logical name, and most objects take one line:

    "3:1.0.12.7.0.255" = { quantity = "voltage", type = "float32", scaler = 0, unit = "V", source = "D1" }

A value comes from a quantity of the meter (`protocols/quantity.py`), a parameter that can be set, the meter's identity,
a named state, or it is fixed (`value`). Attributes that the class's own behaviour makes (a clock's, a relay's) are not
written down. Everything here is data: the emulator's COSEM face and the docs give it life.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from protocols.cosem.data_type import DataType
from protocols.cosem.interface_class import InterfaceClass
from protocols.cosem.obis import LogicalName
from protocols.cosem.unit import Unit
from protocols.dlms.value import Value

DATA: Final = 1
REGISTER: Final = 3
EXTENDED_REGISTER: Final = 4
DEMAND_REGISTER: Final = 5
SCRIPT_TABLE: Final = 9
PUSH_SETUP: Final = 40
COMPACT_DATA: Final = 62
PROFILE_GENERIC: Final = 7

BUILT: Final[dict[int, frozenset[int]]] = {
    5: frozenset({2, 5, 6, 7, 8, 9}),
    6: frozenset({4}),
    7: frozenset(range(2, 9)),
    8: frozenset(range(2, 10)),
    11: frozenset({2}),
    12: frozenset(range(2, 7)),
    15: frozenset(range(2, 12)),
    18: frozenset({3, 4, 6, 7}),
    20: frozenset(range(2, 11)),
    40: frozenset({2, 13}),
    47: frozenset({6, 7, 8}),
    62: frozenset({2, 3, 5, 6}),
    63: frozenset({2}),
    64: frozenset({4, 5, 6}),
    71: frozenset({8, 9, 10}),
    111: frozenset(range(2, 20)),
    112: frozenset(range(2, 12)),
    113: frozenset(range(2, 14)),
    115: frozenset(range(2, 7)),
    116: frozenset(range(2, 13)),
}
"""Attributes that the behaviour of their class makes; all others are written down in the model."""

PUSH_ON: Final = ("asking", "status_word", "block_load", "billing", "power")
"""What makes a push setup push: its method alone (which scripts and schedules invoke too), a change of the event status
word, the end of a block, a bill, or a power failure and its end."""

ACCESS: Final = ("none", "read", "write", "read-write")
SORT_METHODS: Final = ("fifo", "lifo", "largest", "smallest", "nearest_to_zero", "furthest_from_zero")
"""Profile generic, attribute 4, in the order of its enumeration, which begins with 1."""


class Fixed(NamedTuple):
    """A value that stands in the model; where it may be set, it is what the meter left the works with."""

    value: Value


class Measured(NamedTuple):
    """A quantity of the meter as this wire type; the scaler stands in the scaler_unit attribute."""

    quantity: str
    type: DataType


class Parameter(NamedTuple):
    """A parameter of the meter, which a client with the right may set."""

    name: str
    type: DataType


class Identified(NamedTuple):
    """Something of the meter's identity."""

    name: str
    type: DataType


class State(NamedTuple):
    """A state of the meter that is no quantity, such as the event status word; `name` may have a part after a colon."""

    name: str
    type: DataType


AttributeSource = Fixed | Measured | Parameter | Identified | State


class Capture(NamedTuple):
    """One column of a profile: an attribute of an object."""

    class_id: int
    logical_name: LogicalName
    attribute: int
    data_index: int = 0

    @classmethod
    def parse(cls, text: str) -> "Capture":
        """Read `3:1.0.1.8.0.255:2`, with `:n` after it for an element of the attribute.

        Raises:
            ValueError: the text is not of that form.
        """
        parts = text.split(":")
        if len(parts) not in {3, 4} or not all(part.isdecimal() for part in (parts[0], *parts[2:])):
            raise ValueError(f"{text!r} is no capture object; write class:name:attribute, like 3:1.0.1.8.0.255:2")
        data_index = int(parts[3]) if len(parts) > 3 else 0
        return cls(int(parts[0]), LogicalName.parse(parts[1]), int(parts[2]), data_index)

    def __str__(self) -> str:
        end = f":{self.data_index}" if self.data_index else ""
        return f"{self.class_id}:{self.logical_name}:{self.attribute}{end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOptions:
    """What a profile (class 7) captures and keeps.

    Attributes:
        rows: "live" for one row of present values, "scalers" for the one row of a scaler profile, or the name of a
            profile or an event log of the meter ("block_load", "events:voltage").
        capture: the columns, in order; a scaler profile has those of the profile it belongs to.
        scaler_of: the profile whose scalers these are, for a scaler profile.
        period: seconds between rows; 0 where something else captures. A word names the parameter that holds it.
        entries: how many rows are kept.
        sort_method: how the rows stand in the buffer.
        sort_object: the column they are sorted by; None for the order of capture.
    """

    rows: str
    capture: tuple[Capture, ...] = ()
    scaler_of: LogicalName | None = None
    period: int | str = 0
    entries: int = 1
    sort_method: str = "fifo"
    sort_object: Capture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """What a push setup (class 40) sends, and what makes it do so.

    Attributes:
        capture: the first elements, in order.
        row: a profile of the model whose columns follow, or None; those that it has in common with `capture` come once.
        on: one of `PUSH_ON`.
    """

    capture: tuple[Capture, ...]
    row: LogicalName | None = None
    on: str = "asking"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CosemObject:
    """One object of a model; there is one of each, so they are compared and hashed by identity.

    Attributes:
        class_id, version, logical_name: what it is.
        interface: its class in the catalogue, or None where the catalogue does not have it.
        title: a few words for people.
        source: keys of the model's `[sources]`.
        attributes: where the values come from, by number; without those that the class's behaviour makes.
        scaler, unit: of a register.
        settable: attributes that a client with the right to set may write.
        executable: methods that a client with the right to act may invoke.
        access: exceptions, by client and attribute number.
        profile: for class 7; class 62 has only its columns.
        push: for class 40.
        runs: for a script table, what the meter does itself, by script number.
        listed: whether the object list shows it; a column may be captured that is not there.
        same_as: the object of the same class that this is another name of, or None.
    """

    class_id: int
    version: int
    logical_name: LogicalName
    interface: InterfaceClass | None
    title: str
    source: tuple[str, ...]
    attributes: Mapping[int, AttributeSource] = field(default_factory=dict)
    scaler: int = 0
    unit: int = Unit.COUNT
    settable: frozenset[int] = frozenset()
    executable: frozenset[int] = frozenset()
    access: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    profile: ProfileOptions | None = None
    push: PushOptions | None = None
    runs: Mapping[int, str] = field(default_factory=dict)
    listed: bool = True
    same_as: LogicalName | None = None

    @property
    def key(self) -> str:
        """How model files name it: class and logical name."""
        return f"{self.class_id}:{self.logical_name}"

    @property
    def attribute_numbers(self) -> tuple[int, ...]:
        """All its attributes, the logical name among them."""
        if self.interface is None:
            return (1, *sorted(self.attributes))
        return tuple(each.number for each in self.interface.attributes)
