"""Register activation (class 6): which registers there are to choose from, and the masks that choose them.

The mask in force is the tariff zone's; it is read, and by its name looked for in the list. The methods change the
lists, which are kept as anything that is written. What zone registers count follows the zone alone, whatever the
masks say of it: a meter whose masks were taken away loses no energy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome
from protocols.dlms.value import Tag, Value, encode
from protocols.model.cosem_object import CosemObject, Fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association

REGISTERS, MASKS = 2, 3

REGISTERS_MAX: Final = 255
"""Masks name registers by an octet, counted from 1."""

MASKS_MAX: Final = 32
"""More than there are tariff zones, with names to spare."""


def register_activation(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of a register activation object."""

    def table(number: int) -> Callable[[CosemFace], list[Value]]:
        key = (cosem_object.class_id, cosem_object.logical_name.octets, number)
        source = cosem_object.attributes.get(number)
        works: list[Value] = source.value[1] if isinstance(source, Fixed) else []

        def held(face: CosemFace) -> list[Value]:
            written = face.recall(key)
            return list(works if written is None else written[1])

        return held

    registers, masks = table(REGISTERS), table(MASKS)

    def changing(number: int, change: Callable[[CosemFace, int, Value], list[Value] | None]) -> Executor:
        key = (cosem_object.class_id, cosem_object.logical_name.octets, number)

        def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
            changed = change(face, at_ms, parameter)
            if changed is None:
                return REFUSED
            face.remember(key, encode((int(Tag.ARRAY), changed)))
            return DONE

        return execute

    def add_register(face: CosemFace, _at_ms: int, register: Value) -> list[Value] | None:
        held = registers(face)
        return None if register in held or len(held) >= REGISTERS_MAX else [*held, register]

    def add_mask(face: CosemFace, _at_ms: int, mask: Value) -> list[Value] | None:
        name, chosen = mask[1]
        known = len(registers(face))
        others = [each for each in masks(face) if each[1][0] != name]
        fits = all(1 <= index <= known for _, index in chosen[1])
        return [*others, mask] if fits and len(others) < MASKS_MAX else None

    def delete_mask(face: CosemFace, at_ms: int, name: Value) -> list[Value] | None:
        held = masks(face)
        others = [each for each in held if each[1][0] != name]
        in_force = name[1] == mask_in_force(face, at_ms)
        return None if in_force or len(others) == len(held) else others

    return Behaviour(
        methods={1: changing(REGISTERS, add_register), 2: changing(MASKS, add_mask), 3: changing(MASKS, delete_mask)}
    )


def mask_in_force(face: CosemFace, at_ms: int) -> bytes:
    """The name of the mask in force: T1 to T8, by tariff zone."""
    return b"T%d" % face.meter.value("tariff_zone", at_ms)
