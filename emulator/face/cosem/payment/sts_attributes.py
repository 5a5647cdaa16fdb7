"""IEC 62055-41 attributes (class 116): whose STS tokens a meter takes, as it decodes them.

Everything comes from what its decoder key is derived from, so it is what a vending system must know of the meter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour
from emulator.payment.token import decoder_of
from protocols.dlms.value import Tag, Value, encode
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from emulator.face.cosem.behaviour import Reader
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject

ISSUER_DIGITS: Final = 6
NUMERIC: Final = 2
"""Token carrier type: twenty digits, keyed in or sent."""

MISTY1: Final = 11
"""Encryption algorithm."""

NEVER_EXPIRES: Final = 255


def sts_attributes(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of an IEC 62055-41 attributes object."""
    account = maker.payment.account
    gateway = account.gateway if account is not None else None
    if gateway is None or gateway.sts is None:
        raise ModelError(f"{cosem_object.key}: the model takes no STS tokens; it has no [payment.gateway.sts]")
    sts = gateway.sts

    def read_pan(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        pan = decoder_of(face.meter.id, sts).pan
        members: list[Value] = [
            (int(Tag.DOUBLE_LONG_UNSIGNED), int(pan[:ISSUER_DIGITS])),
            (int(Tag.LONG64_UNSIGNED), int(pan[ISSUER_DIGITS:-1])),
            (int(Tag.UNSIGNED), int(pan[-1])),
        ]
        return encode((int(Tag.STRUCTURE), members))

    decoder = decoder_of("", sts)
    readers: dict[int, bytes | Reader] = {
        2: read_pan,
        3: encode((int(Tag.VISIBLE_STRING), "electricity")),
        4: encode((int(Tag.ARRAY), [(int(Tag.UNSIGNED), NUMERIC)])),
        5: _unsigned(MISTY1),
        6: encode((int(Tag.DOUBLE_LONG_UNSIGNED), int(decoder.supply_group))),
        7: _unsigned(int(decoder.tariff)),
        8: _unsigned(decoder.key_revision),
        9: _unsigned(decoder.key_type),
        10: _unsigned(NEVER_EXPIRES),
        11: _unsigned(0),  # no key change tokens
        12: encode((int(Tag.VISIBLE_STRING), "")),  # and no certificate
    }
    return Behaviour(readers=readers)


def _unsigned(number: int) -> bytes:
    return encode((int(Tag.UNSIGNED), number))
