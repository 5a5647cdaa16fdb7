"""Compact data (class 62): captured values without tags, and the template that says how to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour, Source
from protocols.cosem.compact_data import buffer_of, template_of
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import NULL, Tag, Value, array, decode, encode, octet_string, structure
from protocols.model.cosem_object import Capture, CosemObject, Fixed
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection

CAPTURED_WHEN_READ: Final = 1
"""capture_method: the buffer is made when it is read, not by the capture method."""

_NO_RESTRICTION: Final = structure([encode((int(Tag.ENUM), 0)), encode(NULL)])


def compact_data(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a compact data object."""
    template = cosem_object.attributes.get(4)
    if cosem_object.profile is None or not isinstance(template, Fixed):
        raise ModelError(f"{cosem_object.key}: compact data needs its columns and attributes.4, the template's id")
    sources = [maker.source(each) for each in cosem_object.profile.capture]
    template_id = template.value[1]

    def read_buffer(face: CosemFace, at_ms: int, _selection: Selection | None, association: Association) -> bytes:
        values = _values(face, at_ms, sources, association)
        return octet_string(buffer_of(template_id, [(int(Tag.STRUCTURE), values)]))

    def read_template(face: CosemFace, at_ms: int, _selection: Selection | None, association: Association) -> bytes:
        values = _values(face, at_ms, sources, association)
        return octet_string(template_of((int(Tag.STRUCTURE), values)))

    restricted = cosem_object.version > 0
    return Behaviour(
        readers={
            2: read_buffer,
            3: array([_definition(each, restricted=restricted) for each in cosem_object.profile.capture]),
            5: read_template,
            6: encode((int(Tag.ENUM), CAPTURED_WHEN_READ)),
        }
    )


def _definition(capture: Capture, *, restricted: bool) -> bytes:
    members = [
        encode((int(Tag.LONG_UNSIGNED), capture.class_id)),
        octet_string(capture.logical_name.octets),
        encode((int(Tag.INTEGER), capture.attribute)),
        encode((int(Tag.LONG_UNSIGNED), capture.data_index)),
    ]
    return structure([*members, _NO_RESTRICTION] if restricted else members)


def _values(face: CosemFace, at_ms: int, sources: list[Source], association: Association) -> list[Value]:
    answers = [each if isinstance(each, bytes) else each(face, at_ms, None, association) for each in sources]
    return [NULL if isinstance(each, DataAccessResult) else decode(each) for each in answers]
