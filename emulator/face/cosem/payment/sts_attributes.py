"""IEC 62055-41 attributes (class 116): whose STS tokens a meter takes, as it decodes them.

Everything comes from what its decoder key is derived from, so it is what a vending system must know of the meter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour
from emulator.payment.token import decoder_of
from protocols.dlms.value import Tag, Value, encode
from protocols.model.table import ModelError
from protocols.secret import Secret
from protocols.sts.decoder_key import DECODER_KEY_OCTETS
from protocols.sts.key_change import SUB_CLASSES, KeyChange

if TYPE_CHECKING:
    from collections.abc import Callable

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
    works = KeyChange(
        key=Secret(bytes(DECODER_KEY_OCTETS)),
        supply_group=decoder.supply_group,
        tariff=decoder.tariff,
        key_type=decoder.key_type,
        key_revision=decoder.key_revision,
    )

    def of_key(shown: Callable[[KeyChange], bytes]) -> Reader:
        """What the key in force belongs to, as the works or the last key change has it."""

        def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
            payment = face.meter.payment
            change = None if payment is None or payment.gateway is None else payment.gateway.change
            return shown(works if change is None else change)

        return read

    readers: dict[int, bytes | Reader] = {
        2: read_pan,
        3: encode((int(Tag.VISIBLE_STRING), "electricity")),
        4: encode((int(Tag.ARRAY), [(int(Tag.UNSIGNED), NUMERIC)])),
        5: _unsigned(MISTY1),
        6: of_key(lambda key: encode((int(Tag.DOUBLE_LONG_UNSIGNED), int(key.supply_group)))),
        7: of_key(lambda key: _unsigned(int(key.tariff))),
        8: of_key(lambda key: _unsigned(key.key_revision)),
        9: of_key(lambda key: _unsigned(key.key_type)),
        10: of_key(lambda key: _unsigned(key.key_expiry)),
        11: _unsigned(len(SUB_CLASSES)),
        12: encode((int(Tag.VISIBLE_STRING), "")),  # no certificate
    }
    return Behaviour(readers=readers)


def _unsigned(number: int) -> bytes:
    return encode((int(Tag.UNSIGNED), number))
