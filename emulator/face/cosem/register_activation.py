"""Register activation (class 6): registers to choose from, masks that choose them, and the mask in force.

The lists are kept as anything that is written, and the meter is told what they mean: which registers by tariff count
from now on. Only registers by tariff can be assigned: what a meter counts in all no mask can stop.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome, Writer
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value, encode, octet_string
from protocols.model.activation import ACTIVE_MASK, ASSIGNMENT, MASKS, masks_of, tariff_register
from protocols.model.cosem_object import CosemObject, Fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection

_MOST: Final = {ASSIGNMENT: 255, MASKS: 32}
"""Masks name registers by an octet, counted from 1; there are more masks than tariff zones, with names to spare."""

_ARRAY: Final = int(Tag.ARRAY)


def register_activation(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a register activation object."""
    name = str(cosem_object.logical_name)

    def table(number: int) -> Callable[[CosemFace], list[Value]]:
        key = (cosem_object.class_id, cosem_object.logical_name.octets, number)
        source = cosem_object.attributes.get(number)
        works: list[Value] = source.value[1] if isinstance(source, Fixed) else []

        def held(face: CosemFace) -> list[Value]:
            written = face.recall(key)
            return list(works if written is None else written[1])

        return held

    registers, masks = table(ASSIGNMENT), table(MASKS)

    def changing(number: int, change: Callable[[CosemFace, int, Value], list[Value] | None]) -> Executor:
        def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
            changed = change(face, at_ms, parameter)
            return DONE if changed is not None and take(face, at_ms, number, changed) else REFUSED

        return execute

    def writing(number: int) -> Writer:
        def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
            done = take(face, at_ms, number, value[1])
            return DataAccessResult.SUCCESS if done else DataAccessResult.OTHER_REASON

        return write

    def take(face: CosemFace, at_ms: int, number: int, changed: list[Value]) -> bool:
        """Tell the meter what a list means now, and keep it; False where it can mean nothing."""
        before = face.meter.activation.of(name)
        quantities = [tariff_register(each, maker.objects) for each in changed] if number == ASSIGNMENT else []
        if before is None or None in quantities or len(changed) > _MOST[number]:
            return False
        try:
            if number == MASKS:
                after = replace(before, masks=masks_of(changed))
            else:
                after = replace(before, registers=tuple(each for each in quantities if each))
        except ValueError:  # a mask names what is not assigned
            return False
        face.meter.set_activation(at_ms, after)
        face.remember((cosem_object.class_id, cosem_object.logical_name.octets, number), encode((_ARRAY, changed)))
        return True

    def add_register(face: CosemFace, _at_ms: int, register: Value) -> list[Value] | None:
        held = registers(face)
        return None if register in held else [*held, register]

    def add_mask(face: CosemFace, _at_ms: int, mask: Value) -> list[Value] | None:
        return [*(each for each in masks(face) if each[1][0] != mask[1][0]), mask]

    def delete_mask(face: CosemFace, at_ms: int, mask_name: Value) -> list[Value] | None:
        held = masks(face)
        others = [each for each in held if each[1][0] != mask_name]
        in_force = mask_name[1].decode("latin-1") == face.meter.active_mask(at_ms, name)
        return None if in_force or len(others) == len(held) else others

    def read_active(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return octet_string(face.meter.active_mask(at_ms, name).encode("latin-1"))

    def write_active(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        done = face.meter.activate_mask(at_ms, name, value[1].decode("latin-1"))
        return DataAccessResult.SUCCESS if done else DataAccessResult.OTHER_REASON

    return Behaviour(
        readers={ACTIVE_MASK: read_active},
        writers={ASSIGNMENT: writing(ASSIGNMENT), MASKS: writing(MASKS), ACTIVE_MASK: write_active},
        methods={1: changing(ASSIGNMENT, add_register), 2: changing(MASKS, add_mask), 3: changing(MASKS, delete_mask)},
    )
