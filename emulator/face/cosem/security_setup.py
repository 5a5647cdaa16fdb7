"""Security setup (class 64): the policy that requests must meet, and new keys wrapped by the master key.

A setup belongs to the associations that refer to it. A policy can be strengthened, never weakened; keys count from the
next association on, all of a transfer or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome, Reader
from protocols.dlms.security.control import AUTHENTICATED, ENCRYPTED
from protocols.dlms.security.key_wrap import unwrap_key
from protocols.dlms.security.refused import Refused
from protocols.dlms.value import Tag, Value, array, encode, octet_string
from protocols.model.cosem_object import CosemObject, Fixed
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.association import ModelAssociation
    from protocols.secret import Secret

CLASS: Final = 64

KEYS: Final = {0: "block", 1: "broadcast", 2: "authentication", 3: "master"}
"""key_id of key_transfer, and the configuration's name of that key."""

BITS_SINCE_VERSION: Final = 1
"""From this version on a policy is bits: 0x04 authenticated request, 0x08 encrypted request."""


def required_by(policy: int, version: int) -> int:
    """What a policy asks of the security control byte of a request."""
    if version < BITS_SINCE_VERSION:
        return (AUTHENTICATED if policy & 1 else 0) | (ENCRYPTED if policy & 2 else 0)
    return (AUTHENTICATED if policy & 0x04 else 0) | (ENCRYPTED if policy & 0x08 else 0)


def clients_of(cosem_object: CosemObject, associations: Iterable[ModelAssociation]) -> tuple[int, ...]:
    """Client SAPs of the associations that refer to a setup."""
    return tuple(each.client for each in associations if each.security_setup == cosem_object.logical_name)


def resume(face: CosemFace) -> None:
    """Ask again for what policies that were activated before a restart ask for."""
    model = face.plan.model
    for each in model.objects.values():
        kept = face.recall((each.class_id, each.logical_name.octets, 2)) if each.class_id == CLASS else None
        if kept is not None:
            face.require(clients_of(each, model.associations.values()), required_by(kept[1], each.version))


def security_setup(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a security setup."""
    policy = cosem_object.attributes.get(2)
    if not isinstance(policy, Fixed):
        raise ModelError(f"{cosem_object.key}: a security setup needs attributes.2, the policy from the works")
    clients = clients_of(cosem_object, maker.associations.values())
    key = (cosem_object.class_id, cosem_object.logical_name.octets, 2)
    readers: dict[int, bytes | Reader] = {4: _read_client_title, 5: _read_server_title}
    if cosem_object.version >= BITS_SINCE_VERSION:
        readers[6] = array([])
    return Behaviour(
        readers=readers,
        methods={
            1: _activate(key, policy.value[1], cosem_object.version, clients),
            2: _transfer(clients),
        },
    )


def _read_client_title(_face: CosemFace, _at_ms: int, _selection: Selection | None, association: Association) -> bytes:
    return octet_string(association.client_title)


def _read_server_title(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
    return octet_string(face.plan.model.identity.system_title(face.meter.id))


def _activate(key: tuple[int, bytes, int], works: int, version: int, clients: tuple[int, ...]) -> Executor:
    def execute(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        kept = face.recall(key)
        now = works if kept is None else kept[1]
        wanted = parameter[1]
        if wanted & now != now:
            return REFUSED  # something that is asked for now would no longer be
        face.remember(key, encode((int(Tag.ENUM), wanted)))
        face.require(clients, required_by(wanted, version))
        return DONE

    return execute


def _transfer(clients: tuple[int, ...]) -> Executor:
    def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
        changed: list[tuple[int, str, Secret]] = []
        for client in clients:
            master = face.associations()[client].secrets["master"]
            for _, ((_, key_id), (_, wrapped)) in parameter[1]:
                key = unwrap_key(master, wrapped)
                if key_id not in KEYS or isinstance(key, Refused):
                    return REFUSED
                changed.append((client, KEYS[key_id], key))
        face.change_keys(changed, at_ms)
        return DONE if changed else REFUSED

    return execute
