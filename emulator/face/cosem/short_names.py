"""Short-name referencing: base names for what a client sees, and the association object (class 12) that tells them.

Base names are given out in the order of the object list, which is the same in every meter of a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.access import attribute_modes, method_modes
from emulator.face.cosem.behaviour import WRONG_TYPE, Behaviour, Executor, Outcome, Reader, Source
from protocols.cosem.short_name import ASSOCIATION_BASE_NAME, attribute_offset, method_offset, width
from protocols.dlms.application import ShortName
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import NULL, Tag, Value, array, decode, encode, octet_string, structure
from protocols.errors import RemoteProtocolError
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.association import ModelAssociation
    from protocols.model.cosem_object import CosemObject

ASSOCIATION_SN: Final = 12
FIRST_BASE_NAME: Final = 0x0100
LAST_BASE_NAME: Final = 0x7FFF
"""A base name is a long: a number above would be negative."""

ALL: Final = 1
BY_CLASS: Final = 2
BY_NAME: Final = 3
"""Selective access to the object list."""


def base_names(objects: Sequence[CosemObject], where: str) -> dict[CosemObject, int]:
    """A base name for each object.

    Raises:
        ModelError: they are too many.
    """
    names: dict[CosemObject, int] = {}
    free = FIRST_BASE_NAME
    for each in objects:
        if each.class_id == ASSOCIATION_SN:
            names[each] = ASSOCIATION_BASE_NAME
            continue
        names[each] = free
        free += width(each.interface) if each.interface else attribute_offset(max(each.attribute_numbers) + 1)
    if free > LAST_BASE_NAME:
        raise ModelError(f"{where}: there are more objects than short names up to {LAST_BASE_NAME:#x}")
    return names


def short_names(names: dict[CosemObject, int]) -> dict[int, ShortName]:
    """What each short name stands for."""
    table: dict[int, ShortName] = {}
    for each, base in names.items():
        octets = each.logical_name.octets
        for number in each.attribute_numbers:
            table[base + attribute_offset(number)] = ShortName(each.class_id, octets, number)
        for method in each.interface.methods if each.interface else ():
            offset = method_offset(each.class_id, method.number, each.version)
            if offset is not None:
                table[base + offset] = ShortName(each.class_id, octets, method.number, method=True)
    return table


def association_sn(cosem_object: CosemObject, maker: Maker, client: int) -> Behaviour:
    """The behaviour of the association object of a client that refers by short names."""
    own = maker.associations[client]
    names = base_names(maker.seen_by(client), cosem_object.key)
    setup = octet_string(own.security_setup.octets if own.security_setup else bytes(6))
    readers: dict[int, Source] = {
        2: _object_list_reader(names),
        3: array([_rights(each, base, own) for each, base in names.items()]),
        4: setup,
        5: array([]),
        6: structure([encode((int(Tag.UNSIGNED), 0)), encode((int(Tag.VISIBLE_STRING), ""))]),
    }
    methods: dict[int, Executor] = {3: _read_by_logical_name}
    return Behaviour(readers=readers, methods=methods, selective=frozenset({2}))


def _long(number: int) -> bytes:
    return encode((int(Tag.LONG), number - 0x10000 if number > LAST_BASE_NAME else number))


def _element(each: CosemObject, base: int) -> bytes:
    return structure(
        [
            _long(base),
            encode((int(Tag.LONG_UNSIGNED), each.class_id)),
            encode((int(Tag.UNSIGNED), each.version)),
            octet_string(each.logical_name.octets),
        ]
    )


def _rights(each: CosemObject, base: int, own: ModelAssociation) -> bytes:
    return structure([_long(base), encode(attribute_modes(each, own)), encode(method_modes(each, own))])


def _object_list_reader(names: dict[CosemObject, int]) -> Reader:
    whole = array([_element(each, base) for each, base in names.items()])

    def read(
        _face: CosemFace, _at_ms: int, selection: Selection | None, _association: Association
    ) -> bytes | DataAccessResult:
        if selection is None:
            return whole
        try:
            (_, wanted) = decode(selection.parameter)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED
        if selection.selector == BY_CLASS:
            return array([_element(each, base) for each, base in names.items() if each.class_id == wanted])
        if selection.selector == BY_NAME:
            return array([_element(each, base) for each, base in names.items() if each.logical_name.octets == wanted])
        return whole if selection.selector == ALL else DataAccessResult.SCOPE_OF_ACCESS_VIOLATED

    return read


def _read_by_logical_name(face: CosemFace, at_ms: int, parameter: Value, association: Association) -> Outcome:
    """Method 3: values of attributes that are named by class and logical name; null-data for what is not there."""
    values = []
    view = face.plan.views[association.client]
    for _, ((_, class_id), (_, instance), (_, number)) in parameter[1]:
        source = view.readers.get((class_id, instance, number))
        value = source if source is None or isinstance(source, bytes) else source(face, at_ms, None, association)
        values.append(value if isinstance(value, bytes) else encode(NULL))
    if not values:
        return WRONG_TYPE
    return ActionResult.SUCCESS, array(values)
