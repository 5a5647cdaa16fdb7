"""Access rights: what a model allows a client, and how each version of the association class writes it.

Inside, a right is the bits of association LN version 3. Versions 0 to 2 have an enumeration that meters fill with
reading and writing alone: what a whole association asks for is its context's and its security setup's to say.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Final

from protocols.dlms.value import Tag, Value, array, encode, octet_string, structure
from protocols.model.association import SECURITY_BITS, ModelAssociation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocols.cosem.data_type import DataType
    from protocols.model.cosem_object import CosemObject

SECRETS: Final = frozenset({(15, 7), (19, 7), (19, 8), (19, 9)})
"""Attributes that nobody reads, by class id and number: passwords and keys."""


class Access(IntFlag):
    """Rights to an attribute as association LN version 3 writes them; a method's right is `READ`."""

    NONE = 0
    READ = 1
    WRITE = 2
    AUTHENTICATED_REQUEST = 4
    ENCRYPTED_REQUEST = 8
    SIGNED_REQUEST = 16


_EXCEPTIONS: Final = {
    "none": Access.NONE,
    "read": Access.READ,
    "write": Access.WRITE,
    "read-write": Access.READ | Access.WRITE,
}


def _protection(association: ModelAssociation) -> Access:
    access = Access.NONE
    if association.security & SECURITY_BITS["authenticated"]:
        access |= Access.AUTHENTICATED_REQUEST
    if association.security & SECURITY_BITS["encrypted"]:
        access |= Access.ENCRYPTED_REQUEST
    return access


def attribute_access(cosem_object: CosemObject, number: int, association: ModelAssociation) -> Access:
    """What a client may do with an attribute."""
    exception = cosem_object.access.get(association.client, {}).get(number)
    if exception is not None:
        access = _EXCEPTIONS[exception]
    else:
        access = Access.NONE
        if "get" in association.may and (cosem_object.class_id, number) not in SECRETS:
            access |= Access.READ
        if "set" in association.may and number in cosem_object.settable:
            access |= Access.WRITE
    return access | _protection(association) if access else access


def method_access(cosem_object: CosemObject, number: int, association: ModelAssociation) -> Access:
    """Whether a client may invoke a method."""
    if "action" in association.may and number in cosem_object.executable:
        return Access.READ | _protection(association)
    return Access.NONE


def _attribute_mode(access: Access, version: int) -> Value:
    if version >= 3:
        return int(Tag.ENUM), int(access)
    return int(Tag.ENUM), int(access & (Access.READ | Access.WRITE))


def _method_mode(access: Access, version: int) -> Value:
    if version == 0:
        return int(Tag.BOOLEAN), bool(access)
    if version >= 3:
        return int(Tag.ENUM), int(access)
    return int(Tag.ENUM), int(access & Access.READ)


def _selectors(cosem_object: CosemObject, number: int) -> Value:
    attribute = cosem_object.interface.attribute(number) if cosem_object.interface else None
    if attribute is None or not attribute.selectors:
        return int(Tag.NULL_DATA), None
    return int(Tag.ARRAY), [(int(Tag.INTEGER), selector) for selector in attribute.selectors]


def attribute_modes(cosem_object: CosemObject, association: ModelAssociation) -> Value:
    """The rights of one client to the attributes of an object, as an object list writes them."""
    modes: list[Value] = []
    for number in cosem_object.attribute_numbers:
        mode = _attribute_mode(attribute_access(cosem_object, number, association), association.version)
        modes.append((int(Tag.STRUCTURE), [(int(Tag.INTEGER), number), mode, _selectors(cosem_object, number)]))
    return int(Tag.ARRAY), modes


def method_modes(cosem_object: CosemObject, association: ModelAssociation) -> Value:
    """The rights of one client to the methods of an object."""
    modes: list[Value] = []
    for method in cosem_object.interface.methods if cosem_object.interface else ():
        mode = _method_mode(method_access(cosem_object, method.number, association), association.version)
        modes.append((int(Tag.STRUCTURE), [(int(Tag.INTEGER), method.number), mode]))
    return int(Tag.ARRAY), modes


def object_element(cosem_object: CosemObject, association: ModelAssociation) -> bytes:
    """One element of an object list, encoded, with the rights of one client."""
    rights = [encode(attribute_modes(cosem_object, association)), encode(method_modes(cosem_object, association))]
    return structure([*identification(cosem_object), structure(rights)])


def identification(cosem_object: CosemObject) -> list[bytes]:
    """Class, version and logical name, each encoded."""
    return [
        encode((int(Tag.LONG_UNSIGNED), cosem_object.class_id)),
        encode((int(Tag.UNSIGNED), cosem_object.version)),
        octet_string(cosem_object.logical_name.octets),
    ]


def object_list(objects: Iterable[CosemObject], association: ModelAssociation) -> bytes:
    """The whole list, encoded."""
    return array([object_element(each, association) for each in objects])


def parameter_fits(kind: DataType, parameter: Value) -> bool:
    """Whether a method's parameter is of its type; where the type is a plain integer, none at all will do."""
    if parameter[0] == Tag.NULL_DATA and kind.tag == Tag.INTEGER:
        return True
    return kind.matches(parameter)
