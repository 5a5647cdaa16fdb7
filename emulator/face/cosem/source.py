"""Attributes that a model writes down: from where their value stands to functions that read and write it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from emulator.face.cosem.number import number_encoder, word_encoder
from emulator.face.cosem.permitted import PERMITTED
from emulator.face.cosem.place import is_shown
from emulator.face.cosem.state import state_reader, state_writer
from protocols.cosem.data_type import FLOATS, DataType, Kind
from protocols.cosem.status_word import BITS
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value, encode
from protocols.model.cosem_object import (
    AttributeSource,
    CosemObject,
    Fixed,
    Identified,
    Measured,
    Parameter,
    State,
)
from protocols.model.identity import FOLLOWING_FROM_ID
from protocols.model.table import ModelError
from protocols.quantity import QUANTITIES

if TYPE_CHECKING:
    from emulator.face.cosem.behaviour import Reader, Source, Writer
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.stamp import Stamp
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.identity import Identity

CHANGED_BY_METHOD: Final = frozenset({(6, 2), (6, 3), (42, 4), (48, 4), (48, 5), (48, 6), (64, 2)})
"""Fixed values (class id, attribute) that a method of their object changes: registers and masks, addresses, policy."""

IDENTITIES_KEPT: Final = 256
"""Encoded names and numbers that follow from a meter's id: a client that reads them once reads them of many meters."""


def reader_of(
    source: AttributeSource, cosem_object: CosemObject, number: int, stamp: Stamp, identity: Identity
) -> Source:
    """How an attribute is read."""
    match source:
        case Fixed(value):
            return _fixed_reader(encode(value), cosem_object, number)
        case Measured(name, kind):
            return _measured_reader(name, kind, cosem_object.scaler if number in {2, 3} else 0, stamp)
        case Parameter(name, kind):
            return _parameter_reader(name, kind)
        case Identified(name, kind):
            return _identified_reader(name, kind, identity)
        case State(name, kind):
            return state_reader(name, kind)


def writer_of(source: AttributeSource, cosem_object: CosemObject, number: int) -> Writer | None:
    """How an attribute is written; None where its source cannot be."""
    match source:
        case Fixed(value):
            return _memory_writer(value, cosem_object, number)
        case Parameter(name, kind):
            return _parameter_writer(name, kind)
        case State(name, _):
            return state_writer(name)
        case _:
            return None


def _fixed_reader(encoded: bytes, cosem_object: CosemObject, number: int) -> Source:
    if is_shown(cosem_object.class_id, number):
        return lambda face, _at_ms, _selection, _association: encode(face.held(cosem_object, number))
    if number not in cosem_object.settable and (cosem_object.class_id, number) not in CHANGED_BY_METHOD:
        return encoded
    key = (cosem_object.class_id, cosem_object.logical_name.octets, number)

    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return face.memory.get(key, encoded)

    return read


def _memory_writer(fixed: Value, cosem_object: CosemObject, number: int) -> Writer:
    key = (cosem_object.class_id, cosem_object.logical_name.octets, number)
    interface = cosem_object.interface
    attribute = interface.attribute(number) if interface else None
    kind = attribute.type if attribute and attribute.type.kind is not Kind.ANY else None
    permits = PERMITTED.get((cosem_object.class_id, number))
    if permits is not None and not permits(fixed[1]):
        raise ModelError(f"{cosem_object.key}: attribute {number} cannot be {fixed[1]!r}")

    def write(face: CosemFace, _at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        if not (kind.matches(value) if kind else value[0] == fixed[0]):
            return DataAccessResult.TYPE_UNMATCHED
        if permits is not None and not permits(value[1]):
            return DataAccessResult.OTHER_REASON
        face.remember(key, encode(value))
        return DataAccessResult.SUCCESS

    return write


def _measured_reader(name: str, kind: DataType, scaler: int, stamp: Stamp) -> Reader:
    quantity = QUANTITIES[name]
    if quantity.kind == "instant":

        def read_instant(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
            return stamp.encode(face.meter.value(name, at_ms), face.meter.clock.zone)

        return read_instant
    encoder = number_encoder(quantity, kind, scaler)

    def read(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return encoder(face.meter.value(name, at_ms))

    return read


def _parameter_reader(name: str, kind: DataType) -> Reader:
    encoder = word_encoder(kind)

    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return encoder(face.meter.parameter(name))

    return read


def _parameter_writer(name: str, kind: DataType) -> Writer:
    def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        if not kind.matches(value):
            return DataAccessResult.TYPE_UNMATCHED
        content = value[1]
        if kind.tag == Tag.BIT_STRING:
            if len(content) != BITS:
                return DataAccessResult.TYPE_UNMATCHED
            content = int(content, 2)
        elif kind.tag in FLOATS:
            if not content.is_integer():
                return DataAccessResult.OTHER_REASON
            content = int(content)
        done = face.meter.configure(name, content, at_ms)
        return DataAccessResult.SUCCESS if done else DataAccessResult.OTHER_REASON

    return write


def _identified_reader(name: str, kind: DataType, identity: Identity) -> Source:
    tag = kind.tag or int(Tag.VISIBLE_STRING)

    @lru_cache(maxsize=IDENTITIES_KEPT)
    def encoded(meter_id: str) -> bytes:
        value = identity.of(name, meter_id)
        return encode((tag, value.encode() if tag == Tag.OCTET_STRING and isinstance(value, str) else value))

    if name == "firmware_version":
        works = encoded("")

        def read_version(face: CosemFace, _at_ms: int, _selection: Selection | None, _by: Association) -> bytes:
            version = face.meter.firmware_version
            return encode((tag, version.encode() if tag == Tag.OCTET_STRING else version)) if version else works

        return read_version
    if name not in FOLLOWING_FROM_ID:
        return encoded("")

    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return encoded(face.meter.id)

    return read
