"""Association LN (class 15): what a client sees of the associations, its own and those of others.

0.0.40.0.0.255 is always the association that asks. The object list of an association is the same for every meter of a
model, so it is encoded once; what was negotiated is read from the connection's own association.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem import association_users
from emulator.face.cosem.access import identification, object_element, object_list
from emulator.face.cosem.behaviour import DONE, Behaviour, Executor, Outcome, Reader, Source, Writer
from emulator.face.cosem.state import SERVER_SAP
from protocols.dlms.conformance import CONFORMANCE_BITS
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value, array, decode, encode, octet_string, structure
from protocols.errors import RemoteProtocolError
from protocols.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.association import ModelAssociation
    from protocols.model.cosem_object import CosemObject

CURRENT: Final = bytes((0, 0, 40, 0, 0, 255))
"""The logical name under which every client finds its own association."""

DLMS_VERSION: Final = 6
NOT_ASSOCIATED: Final = 0
ASSOCIATED: Final = 2
LLS: Final = 1

SELECT_IDENTIFICATION: Final = 1
SELECT_CLASSES: Final = 2
SELECT_OBJECTS: Final = 3
SELECT_OBJECT: Final = 4
"""Selective access to an object list: all without rights, some classes without rights, some objects, one object."""

_NO_RIGHTS: Final = structure([array([]), array([])])


def association_ln(cosem_object: CosemObject, maker: Maker, client: int) -> Behaviour:
    """The behaviour of an association object as one client sees it."""
    own = maker.associations[client]
    of = own if cosem_object.logical_name.octets == CURRENT else maker.association_of(cosem_object)
    if of is None:
        return Behaviour()
    seen = maker.seen_by(of.client)
    whole = object_list(seen, of)
    readers: dict[int, Source] = {
        2: _object_list_reader(whole, seen, of),
        3: encode(_structure((Tag.INTEGER, of.client), (Tag.LONG_UNSIGNED, SERVER_SAP))),
        4: encode(_name(1, of.context)),
        5: _context_reader(of),
        6: encode(_name(2, of.mechanism)),
        8: _status_reader(of),
        9: octet_string(of.security_setup.octets if of.security_setup else b""),
        **association_users.readers(of),
    }
    methods: dict[int, Executor] = {2: _change_secret(of, "hls"), **association_users.methods(of)}
    known = cosem_object.attribute_numbers
    return Behaviour(
        readers={number: reader for number, reader in readers.items() if number in known},
        writers={7: _secret_writer(of)},
        methods=methods,
        selective=frozenset({2}),
    )


def _structure(*members: tuple[int, object]) -> Value:
    return int(Tag.STRUCTURE), [(int(tag), content) for tag, content in members]


def _name(arc: int, number: int) -> Value:
    """An application context (arc 1) or authentication mechanism (arc 2) name: its object identifier's elements."""
    return _structure(
        (Tag.UNSIGNED, 2),
        (Tag.UNSIGNED, 16),
        (Tag.LONG_UNSIGNED, 756),
        (Tag.UNSIGNED, 5),
        (Tag.UNSIGNED, 8),
        (Tag.UNSIGNED, arc),
        (Tag.UNSIGNED, number),
    )


def _object_list_reader(whole: bytes, seen: Sequence[CosemObject], of: ModelAssociation) -> Reader:
    def read(
        _face: CosemFace, _at_ms: int, selection: Selection | None, _association: Association
    ) -> bytes | DataAccessResult:
        if selection is None:
            return whole
        try:
            parameter = decode(selection.parameter)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED
        return _selected(selection.selector, parameter, seen, of)

    return read


def _selected(
    selector: int, parameter: Value, seen: Sequence[CosemObject], of: ModelAssociation
) -> bytes | DataAccessResult:
    match selector, parameter:
        case number, _ if number == SELECT_IDENTIFICATION:
            return array([_without_rights(each) for each in seen])
        case number, (Tag.ARRAY, classes) if number == SELECT_CLASSES:
            wanted = {content for tag, content in classes if tag == Tag.LONG_UNSIGNED}
            return array([_without_rights(each) for each in seen if each.class_id in wanted])
        case number, (Tag.ARRAY, names) if number == SELECT_OBJECTS:
            named = [_named(name, seen) for name in names]
            return array([object_element(each, of) for each in named if each is not None])
        case number, (Tag.STRUCTURE, _) if number == SELECT_OBJECT:
            one = _named(parameter, seen)
            return DataAccessResult.OBJECT_UNDEFINED if one is None else array([object_element(one, of)])
    return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def _named(name: Value, seen: Sequence[CosemObject]) -> CosemObject | None:
    match name:
        case (Tag.STRUCTURE, [(Tag.LONG_UNSIGNED, class_id), (Tag.OCTET_STRING, octets)]):
            return next(
                (each for each in seen if each.class_id == class_id and each.logical_name.octets == octets), None
            )
    return None


def _without_rights(cosem_object: CosemObject) -> bytes:
    return structure([*identification(cosem_object), _NO_RIGHTS])


def _context_reader(of: ModelAssociation) -> Reader:
    def read(_face: CosemFace, _at_ms: int, _selection: Selection | None, association: Association) -> bytes:
        conformance, longest = int(of.conformance), of.max_pdu
        if association.client == of.client:
            conformance, longest = association.conformance, association.peer_max_pdu or of.max_pdu
        return encode(
            _structure(
                (Tag.BIT_STRING, f"{conformance & CONFORMANCE_BITS:024b}"),
                (Tag.LONG_UNSIGNED, of.max_pdu),
                (Tag.LONG_UNSIGNED, longest),
                (Tag.UNSIGNED, DLMS_VERSION),
                (Tag.INTEGER, 0),
                (Tag.OCTET_STRING, b""),
            )
        )

    return read


def _status_reader(of: ModelAssociation) -> Reader:
    def read(_face: CosemFace, _at_ms: int, _selection: Selection | None, association: Association) -> bytes:
        return encode((int(Tag.ENUM), ASSOCIATED if association.client == of.client else NOT_ASSOCIATED))

    return read


def _secret_writer(of: ModelAssociation) -> Writer:
    """Attribute 7: a new LLS password (or HLS secret) from the next association on."""
    key = "lls" if of.mechanism <= LLS else "hls"

    def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        if value[0] != Tag.OCTET_STRING or not value[1]:
            return DataAccessResult.TYPE_UNMATCHED
        face.change_secret(of.client, key, Secret(value[1]), at_ms)
        return DataAccessResult.SUCCESS

    return write


def _change_secret(of: ModelAssociation, key: str) -> Executor:
    def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
        if parameter[0] != Tag.OCTET_STRING or not parameter[1]:
            return ActionResult.TYPE_UNMATCHED, None
        face.change_secret(of.client, key, Secret(parameter[1]), at_ms)
        return DONE

    return execute
