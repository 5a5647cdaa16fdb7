"""The users of an association (class 15 from version 2 on): who of a client may associate, and who does so now.

A list without anybody lets everybody in; with somebody on it, an AARQ must carry the identification of one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import DONE, REFUSED, Executor, Outcome
from protocols.dlms.value import NULL, Tag, Value, array, encode

if TYPE_CHECKING:
    from emulator.face.cosem.behaviour import Reader
    from emulator.face.cosem.face import CosemFace
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.association import ModelAssociation

USER_LIST, CURRENT_USER = 10, 11
ADD_USER, REMOVE_USER = 5, 6

CLASS: Final = 15
USERS_MAX: Final = 16
NAME_OCTETS_MAX: Final = 64

_NOBODY: Final = encode((int(Tag.STRUCTURE), [NULL, NULL]))


def readers(of: ModelAssociation) -> dict[int, Reader]:
    """The list, and who of it the asking association is."""

    def read_list(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return array([encode(each) for each in users_of(face, of)])

    def read_current(face: CosemFace, _at_ms: int, _selection: Selection | None, association: Association) -> bytes:
        asking = association.user_id if association.client == of.client else None
        return next((encode(each) for each in users_of(face, of) if _id(each) == asking), _NOBODY)

    return {USER_LIST: read_list, CURRENT_USER: read_current}


def methods(of: ModelAssociation) -> dict[int, Executor]:
    """Put somebody on the list, and take somebody off it."""

    def add(face: CosemFace, _at_ms: int, user: Value, _association: Association) -> Outcome:
        known = users_of(face, of)
        name = user[1][1][1]
        if len(known) >= USERS_MAX or len(name) > NAME_OCTETS_MAX or _id(user) in map(_id, known):
            return REFUSED
        return _kept(face, of, [*known, user])

    def remove(face: CosemFace, _at_ms: int, user: Value, _association: Association) -> Outcome:
        known = users_of(face, of)
        return _kept(face, of, [each for each in known if each != user]) if user in known else REFUSED

    return {ADD_USER: add, REMOVE_USER: remove}


def users_of(face: CosemFace, of: ModelAssociation) -> list[Value]:
    """The users on an association's list."""
    kept = face.recall(_key(of))
    return [] if kept is None else list(kept[1])


def resume(face: CosemFace) -> None:
    """Ask again for those whom lists of an earlier run name."""
    for of in face.plan.model.associations.values():
        if known := users_of(face, of):
            face.admit_users(of.client, map(_id, known))


def _key(of: ModelAssociation) -> tuple[int, bytes, int]:
    return CLASS, of.logical_name.octets, USER_LIST


def _kept(face: CosemFace, of: ModelAssociation, users: list[Value]) -> Outcome:
    face.remember(_key(of), encode((int(Tag.ARRAY), users)))
    face.admit_users(of.client, map(_id, users))
    return DONE


def _id(user: Value) -> int:
    return int(user[1][0][1])
