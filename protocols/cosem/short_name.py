"""Short names: where a class's attributes and methods stand, counted from its object's base name.

Attribute n stands at `base_name + 8 * (n - 1)`; where the methods begin is each class's own matter. Sources: the short
name columns of the blue book's class tables as public clients of it agree on them.
"""

from typing import Final

from protocols.cosem.catalogue import find
from protocols.cosem.interface_class import InterfaceClass

STEP: Final = 8
"""Short names from one attribute, or one method, to the next."""

ASSOCIATION_BASE_NAME: Final = 0xFA00
"""The current association's own base name, the same in every meter."""

FIRST_METHODS: Final[dict[int, int]] = {
    3: 0x28,
    4: 0x38,
    5: 0x48,
    6: 0x30,
    7: 0x58,
    8: 0x60,
    9: 0x20,
    11: 0x10,
    12: 0x20,
    15: 0x60,
    17: 0x20,
    18: 0x40,
    20: 0x50,
    40: 0x38,
    42: 0x60,
    48: 0x60,
    61: 0x28,
    64: 0x30,
    65: 0x40,
    66: 0x48,
    67: 0x80,
    68: 0x30,
    70: 0x20,
    72: 0x60,
    111: 0x98,
    112: 0x58,
    113: 0x68,
    115: 0x30,
    122: 0x20,
    124: 0x50,
}
"""By class id: the offset of method 1."""


def attribute_offset(number: int) -> int:
    """Where an attribute stands."""
    return STEP * (number - 1)


def method_offset(class_id: int, number: int, version: int | None = None) -> int | None:
    """Where a method stands; None where methods of the class have no short names that we know.

    Args:
        class_id: the class.
        number: the method's.
        version: where it is known; a later one may have attributes where the methods of the first began.
    """
    first = FIRST_METHODS.get(class_id)
    if first is None:
        return None
    interface = None if version is None else find(class_id, version)
    if interface is not None and interface.methods:
        lowest = first + STEP * (interface.methods[0].number - 1)
        if lowest <= attribute_offset(interface.attributes[-1].number):
            return None
    return first + STEP * (number - 1)


def width(interface: InterfaceClass) -> int:
    """How many short names an object of the class takes."""
    offsets = [attribute_offset(each.number) for each in interface.attributes]
    methods = (method_offset(interface.class_id, each.number, interface.version) for each in interface.methods)
    return max(*offsets, *(each for each in methods if each is not None), 0) + STEP
