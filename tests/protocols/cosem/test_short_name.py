"""Short names: what the classes of the catalogue have stand in each other's way nowhere."""

import pytest

from protocols.cosem.catalogue import CATALOGUE
from protocols.cosem.interface_class import InterfaceClass
from protocols.cosem.short_name import STEP, attribute_offset, method_offset, width


@pytest.mark.parametrize("interface", CATALOGUE.values(), ids=lambda each: f"{each.class_id}v{each.version}")
def test_attributes_and_methods_of_a_class_have_short_names_of_their_own(interface: InterfaceClass) -> None:
    taken = [attribute_offset(each.number) for each in interface.attributes]
    methods = [method_offset(interface.class_id, each.number, interface.version) for each in interface.methods]
    taken += [offset for offset in methods if offset is not None]
    assert len(set(taken)) == len(taken)
    assert all(offset % STEP == 0 and offset < width(interface) for offset in taken)


@pytest.mark.parametrize(
    ("class_id", "number", "offset"),
    [
        (70, 1, 0x20),
        (70, 2, 0x28),
        (7, 2, 0x60),
        (8, 1, 0x60),
        (12, 3, 0x30),
        (18, 1, 0x40),
        (64, 1, 0x30),
        (115, 1, 0x30),
    ],
)
def test_methods_stand_where_the_class_tables_have_them(class_id: int, number: int, offset: int) -> None:
    assert method_offset(class_id, number) == offset


def test_methods_that_nobody_has_given_a_place_have_none() -> None:
    assert method_offset(21, 1) is None
    assert method_offset(40, 1, 0) == 0x38
    assert method_offset(12, 3, 4) == 0x30
    assert method_offset(40, 1, 2) is None  # its port reference stands there
