"""Security setup (class 64, versions 0 and 1): policy, keys transferred or agreed, key pairs and certificates.

A setup belongs to the associations that refer to it. A policy can be strengthened, never weakened. New keys are all
taken or none; they stand beside the old ones until a client uses them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from emulator.face.cosem.behaviour import DONE, REFUSED, WRONG_TYPE, Behaviour, Executor, Outcome, Reader
from emulator.keys.certificate_store import PAIR_TYPES, Entity, serial_octets
from emulator.keys.keyring import Keyring
from protocols.dlms.results import ActionResult
from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.policy import policy_of, strengthened
from protocols.dlms.security.refused import Refused
from protocols.dlms.value import Tag, Value, array, encode, octet_string
from protocols.model.cosem_object import CosemObject, Fixed
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from emulator.keys.certificate_store import CertificateStore
    from emulator.keys.ring import Ring
    from protocols.dlms.application import Association
    from protocols.dlms.security.certificate import Certificate
    from protocols.dlms.selection import Selection
    from protocols.model.association import ModelAssociation

CLASS: Final = 64
GLOBAL_KEYS_CHANGED: Final = 164
"""What the transaction log of an IS 15959 meter keeps of new keys."""

BY_ENTITY: Final = 0
BY_SERIAL: Final = 1
"""How export and removal name a certificate."""

_CERTIFICATE_TYPES: Final = {usage: number for number, usage in PAIR_TYPES.items()}
_OTHER_TYPE: Final = 3


def required_by(policy: int, version: int) -> int:
    """What a policy asks of the security control byte of a request."""
    found = policy_of(policy, version)
    return 0 if found is None else found.request & PROTECTED


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
    readers: dict[int, bytes | Reader] = {4: _read_client_title, 5: _read_server_title}
    methods: dict[int, Executor] = {}
    if clients:
        methods = {1: _activate(cosem_object, policy.value[1], clients), 2: _transfer(clients)}
    if clients and cosem_object.version >= 1:
        readers[6] = _read_certificates(clients)
        methods |= _methods_of_version_1(clients)
    elif cosem_object.version >= 1:
        readers[6] = array([])
    return Behaviour(readers=readers, methods=methods)


def _ring(face: CosemFace, clients: tuple[int, ...]) -> Ring:
    keyring = face.keyring or Keyring(face, None)
    return keyring.ring(clients[0])


def _read_client_title(_face: CosemFace, _at_ms: int, _selection: Selection | None, association: Association) -> bytes:
    return octet_string(association.client_title)


def _read_server_title(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
    return octet_string(face.plan.model.identity.system_title(face.meter.id))


def _activate(cosem_object: CosemObject, works: int, clients: tuple[int, ...]) -> Executor:
    key, version = (cosem_object.class_id, cosem_object.logical_name.octets, 2), cosem_object.version

    def execute(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        kept = face.recall(key)
        now = policy_of(works if kept is None else kept[1], version)
        wanted = policy_of(parameter[1], version)
        if now is None or wanted is None or not strengthened(now, wanted):
            return REFUSED  # reserved, or something that is asked for now would no longer be
        face.remember(key, encode((int(Tag.ENUM), parameter[1])))
        face.require(clients, required_by(parameter[1], version))
        _ring(face, clients).set_policy(wanted)
        return DONE

    return execute


# ---- keys


def _transfer(clients: tuple[int, ...]) -> Executor:
    def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
        ring = _ring(face, clients)
        keys = ring.unwrapped(_rows(parameter))
        if isinstance(keys, Refused):
            return REFUSED
        ring.change(keys)
        face.meter.log_transaction(at_ms, GLOBAL_KEYS_CHANGED)
        return DONE

    return execute


def _agree(clients: tuple[int, ...]) -> Executor:
    def execute(face: CosemFace, at_ms: int, parameter: Value, association: Association) -> Outcome:
        ring, rows = _ring(face, clients), _rows(parameter)
        agreed = ring.agreed(rows, association.client)
        if isinstance(agreed, Refused) or not rows:
            return REFUSED
        keys, answers = agreed
        ring.change(keys)
        face.meter.log_transaction(at_ms, GLOBAL_KEYS_CHANGED)
        returned: list[Value] = [
            (int(Tag.STRUCTURE), [(int(Tag.ENUM), key_id), (int(Tag.OCTET_STRING), answer)])
            for (key_id, _), answer in zip(rows, answers, strict=True)
        ]
        return ActionResult.SUCCESS, encode((int(Tag.ARRAY), returned))

    return execute


def _rows(parameter: Value) -> list[tuple[int, bytes]]:
    """The (key_id, data) structures of a transfer or an agreement."""
    return [(key_id, bytes(data)) for _, ((_, key_id), (_, data)) in parameter[1]]


# ---- pairs and certificates


def _methods_of_version_1(clients: tuple[int, ...]) -> dict[int, Executor]:
    return {
        3: _agree(clients),
        4: _generate_pair(clients),
        5: _request_certificate(clients),
        6: _import_certificate(clients),
        7: _with_certificate(clients, _exported),
        8: _with_certificate(clients, _removed),
    }


def _generate_pair(clients: tuple[int, ...]) -> Executor:
    def execute(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        ring, usage = _ring(face, clients), PAIR_TYPES.get(parameter[1])
        if usage is None or ring.setup.suite.curve is None or ring.entropy is None:
            return REFUSED
        ring.certificates.generate(usage, ring.entropy)
        return DONE

    return execute


def _request_certificate(clients: tuple[int, ...]) -> Executor:
    def execute(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        ring, usage = _ring(face, clients), PAIR_TYPES.get(parameter[1])
        if usage is None or ring.setup.suite.curve is None:
            return REFUSED
        return ActionResult.SUCCESS, octet_string(ring.certificates.request(usage))

    return execute


def _import_certificate(clients: tuple[int, ...]) -> Executor:
    def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
        ring = _ring(face, clients)
        if ring.setup.suite.curve is None:
            return REFUSED
        at = datetime.fromtimestamp(face.meter.clock.reading(at_ms).utc_ms / 1000, UTC)
        return DONE if ring.certificates.take(bytes(parameter[1]), at) is None else REFUSED

    return execute


def _exported(_store: CertificateStore, certificate: Certificate) -> Outcome:
    return ActionResult.SUCCESS, octet_string(certificate.encode())


def _removed(store: CertificateStore, certificate: Certificate) -> Outcome:
    store.remove(certificate)
    return DONE


def _with_certificate(clients: tuple[int, ...], act: Callable[[CertificateStore, Certificate], Outcome]) -> Executor:
    def execute(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        store = _ring(face, clients).certificates
        try:
            certificate = _identified(store, parameter)
        except (ValueError, TypeError):
            return WRONG_TYPE
        return (ActionResult.OBJECT_UNAVAILABLE, None) if certificate is None else act(store, certificate)

    return execute


def _identified(store: CertificateStore, parameter: Value) -> Certificate | None:
    """The certificate that a certificate_identification names.

    Raises:
        ValueError, TypeError: it is none.
    """
    (_, kind), (_, options) = parameter[1]
    first, *rest = (content for _, content in options)
    if kind == BY_ENTITY:
        of, title = rest
        return store.find(Entity(first), PAIR_TYPES.get(of), bytes(title))
    if kind == BY_SERIAL:
        (issuer,) = rest
        return store.find_by_serial(bytes(first), bytes(issuer))
    raise ValueError(f"certificates are not identified by {kind}")


def _read_certificates(clients: tuple[int, ...]) -> Reader:
    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        store = _ring(face, clients).certificates
        return encode((int(Tag.ARRAY), [_row(store, each) for each in store.certificates]))

    return read


def _row(store: CertificateStore, certificate: Certificate) -> Value:
    def octets(content: bytes) -> Any:
        return int(Tag.OCTET_STRING), content

    return int(Tag.STRUCTURE), [
        (int(Tag.ENUM), int(store.entity_of(certificate))),
        (int(Tag.ENUM), _CERTIFICATE_TYPES.get(certificate.usage, _OTHER_TYPE)),
        octets(serial_octets(certificate)),
        octets(certificate.x509.issuer.public_bytes()),
        octets(certificate.x509.subject.public_bytes()),
        octets(b""),
    ]
