"""Selective access: which part of an attribute is wanted. Of a profile's buffer, rows by range or by entry.

In an APDU a selection is a selector and one encoded value (`Selection`); what they mean is the interface class's
matter. The two descriptors of the profile generic class (7) are spelled out here, in both directions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from protocols.dlms.value import Tag, Value, decode, encode
from protocols.errors import RemoteProtocolError

RANGE_SELECTOR = 1
ENTRY_SELECTOR = 2


@dataclass(slots=True)
class Selection:
    """The selective access of a request.

    Attributes:
        selector: which way of selecting.
        parameter: the access parameters, one encoded value.
    """

    selector: int
    parameter: bytes

    def encode(self) -> bytes:
        """The octets within a request."""
        return bytes((self.selector,)) + self.parameter


@dataclass(frozen=True, slots=True)
class CaptureObject:
    """A column: `attribute` of an object, of which `data_index` picks one element (0 is the whole)."""

    class_id: int
    instance: bytes
    attribute: int
    data_index: int = 0

    def value(self) -> Value:
        """The capture_object_definition of the Blue Book."""
        return (
            Tag.STRUCTURE,
            [
                (Tag.LONG_UNSIGNED, self.class_id),
                (Tag.OCTET_STRING, self.instance),
                (Tag.INTEGER, self.attribute),
                (Tag.LONG_UNSIGNED, self.data_index),
            ],
        )

    @classmethod
    def from_value(cls, value: Value) -> "CaptureObject":
        """The column that a capture_object_definition names.

        Raises:
            RemoteProtocolError: the value is no such definition.
        """
        match value:
            case (
                Tag.STRUCTURE,
                [
                    (Tag.LONG_UNSIGNED, class_id),
                    (Tag.OCTET_STRING, instance),
                    (Tag.INTEGER, attribute),
                    (Tag.LONG_UNSIGNED, data_index),
                ],
            ) if len(instance) == 6:
                return cls(class_id, instance, attribute, data_index)
        raise RemoteProtocolError("this is not a capture object definition")


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeDescriptor:
    """The rows whose restricting column lies between two values, both included.

    Attributes:
        restricting_object: the column compared, most often the clock.
        from_value, to_value: the bounds, as COSEM values.
        selected_values: the columns wanted; empty for all.
    """

    selector: ClassVar[int] = RANGE_SELECTOR

    restricting_object: CaptureObject
    from_value: Value
    to_value: Value
    selected_values: Sequence[CaptureObject] = ()

    def selection(self) -> Selection:
        """The descriptor as it stands in a request."""
        columns = (Tag.ARRAY, [column.value() for column in self.selected_values])
        descriptor = [self.restricting_object.value(), self.from_value, self.to_value, columns]
        return Selection(self.selector, encode((Tag.STRUCTURE, descriptor)))

    @classmethod
    def from_selection(cls, selection: Selection) -> "RangeDescriptor":
        """The range that a request's selection asks for.

        Raises:
            RemoteProtocolError: it asks for something else, or is malformed.
        """
        match selection.selector, decode(selection.parameter):
            case cls.selector, (Tag.STRUCTURE, [restricting, from_value, to_value, (Tag.ARRAY, columns)]):
                return cls(
                    restricting_object=CaptureObject.from_value(restricting),
                    from_value=from_value,
                    to_value=to_value,
                    selected_values=tuple(map(CaptureObject.from_value, columns)),
                )
        raise RemoteProtocolError("this is not a range descriptor")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDescriptor:
    """Rows and columns by number, counted from 1, both ends included; 0 as an upper end is the last there is."""

    selector: ClassVar[int] = ENTRY_SELECTOR

    from_entry: int = 1
    to_entry: int = 0
    from_selected_value: int = 1
    to_selected_value: int = 0

    def selection(self) -> Selection:
        """The descriptor as it stands in a request."""
        descriptor = [
            (Tag.DOUBLE_LONG_UNSIGNED, self.from_entry),
            (Tag.DOUBLE_LONG_UNSIGNED, self.to_entry),
            (Tag.LONG_UNSIGNED, self.from_selected_value),
            (Tag.LONG_UNSIGNED, self.to_selected_value),
        ]
        return Selection(self.selector, encode((Tag.STRUCTURE, descriptor)))

    @classmethod
    def from_selection(cls, selection: Selection) -> "EntryDescriptor":
        """The entries that a request's selection asks for.

        Raises:
            RemoteProtocolError: it asks for something else, or is malformed.
        """
        match selection.selector, decode(selection.parameter):
            case cls.selector, (
                Tag.STRUCTURE,
                [
                    (Tag.DOUBLE_LONG_UNSIGNED, from_entry),
                    (Tag.DOUBLE_LONG_UNSIGNED, to_entry),
                    (Tag.LONG_UNSIGNED, from_column),
                    (Tag.LONG_UNSIGNED, to_column),
                ],
            ):
                return cls(
                    from_entry=from_entry,
                    to_entry=to_entry,
                    from_selected_value=from_column,
                    to_selected_value=to_column,
                )
        raise RemoteProtocolError("this is not an entry descriptor")
