"""The catalogue is whole: every class that the project names, numbered without gaps."""

import pytest

from protocols.cosem.catalogue import CATALOGUE, VERSIONS, find
from protocols.cosem.interface_class import Depth, InterfaceClass

NAMED = [
    *(1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15),
    *range(17, 31),
    *range(40, 49),
    *range(61, 69),
    *(70, 71, 72, 111, 112, 113, 115, 116, 122, 124),
]


@pytest.mark.parametrize("class_id", NAMED)
def test_every_class_that_was_asked_for_is_there(class_id: int) -> None:
    assert find(class_id) is not None


@pytest.mark.parametrize("interface", CATALOGUE.values(), ids=lambda each: f"{each.class_id}v{each.version}")
def test_attributes_are_numbered_from_one_and_methods_rise(interface: InterfaceClass) -> None:
    assert [each.number for each in interface.attributes] == list(range(1, len(interface.attributes) + 1))
    numbers = [each.number for each in interface.methods]
    assert numbers == sorted(set(numbers))
    names = [each.name for each in interface.attributes] + [each.name for each in interface.methods]
    assert len(set(names)) == len(names)
    for attribute in interface.attributes:
        assert interface.attribute(attribute.number) is attribute
        assert interface.number_of(attribute.name) == attribute.number


def test_the_newest_version_is_found_without_a_version() -> None:
    newest = find(15)
    assert newest is not None
    assert newest.version == 3
    assert VERSIONS[15] == (0, 1, 2, 3)
    assert find(15, 9) is None
    assert find(4711) is None


def test_the_classes_that_matter_most_behave() -> None:
    for class_id in (1, 3, 4, 7, 8, 15, 70, 71):
        interface = find(class_id)
        assert interface is not None
        assert interface.depth is Depth.BEHAVES


def test_numbers_outside_a_class_are_not_there() -> None:
    register = find(3)
    assert register is not None
    assert register.attribute(0) is None
    assert register.attribute(4) is None
    assert register.method(2) is None
    assert register.number_of("nothing") is None
