"""Status mapping (class 63): a status word of its own order, made of bits of the event status word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour
from protocols.cosem.status_word import BITS
from protocols.dlms.value import Tag, encode

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject

MAPPING: Final = 3
OCTET: Final = 8


def status_mapping(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of a status mapping object.

    Its mapping table says which bit of the event status word each bit shows, or where in it the first one stands, the
    others following to the end. A status word has whole octets; bits that the table says nothing of are 0.
    """

    def read(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        _, (tag, mapping) = face.held(cosem_object, MAPPING)[1]
        entries = [entry for _, entry in mapping] if tag == Tag.ARRAY else range(mapping, BITS)
        word = f"{face.meter.event_status_word(at_ms):0{BITS}b}"
        bits = "".join(word[entry] for entry in entries)
        return encode((int(Tag.BIT_STRING), bits + "0" * (-len(bits) % OCTET)))

    return Behaviour(readers={2: read})
