"""Charge (class 113): what is collected, at which prices, and how much it has been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour, Outcome, outcome
from emulator.face.cosem.payment.wire import (
    account_reader,
    amount,
    bits,
    enum,
    unsigned,
    verb_method,
    verb_writer,
    written,
)
from emulator.payment.verb import CHARGE_ATTRIBUTES
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, array, encode, octet_string, structure
from protocols.errors import RemoteProtocolError
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.behaviour import Reader
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from emulator.face.cosem.stamp import Stamp
    from emulator.payment.charge import Charge, UnitCharge
    from protocols.dlms.application import Association
    from protocols.dlms.value import Value
    from protocols.model.cosem_object import CosemObject

PERCENTAGE, CONTINUOUS = 0, 1
CONFIGURATION_BITS: Final = 2


def charge(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a charge."""
    model, logical_name = maker.payment.account, cosem_object.logical_name
    if model is None or all(each.name != logical_name for each in model.charges):
        raise ModelError(f"{cosem_object.key}: [payment.charges] of the model has no charge of that name")
    name, stamp = str(logical_name), maker.stamp

    def read(one: Callable[[Charge], bytes]) -> Reader:
        return account_reader(lambda shown, _face, _at_ms: one(shown.charge(logical_name)))

    def instant(one: Callable[[Charge], int | None]) -> Reader:
        return account_reader(
            lambda shown, face, _at_ms: stamp.encode(one(shown.charge(logical_name)) or 0, face.meter.clock.zone)
        )

    return Behaviour(
        readers={
            2: read(lambda each: amount(each.paid)),
            3: read(lambda each: enum(each.type)),
            4: read(lambda each: unsigned(each.priority)),
            5: read(lambda each: _unit_charge(each.active)),
            6: read(lambda each: _unit_charge(each.passive)),
            7: instant(lambda each: each.activation_ms),
            8: read(lambda each: encode((int(Tag.DOUBLE_LONG_UNSIGNED), each.period_s))),
            9: read(lambda each: bits(_configuration(each), CONFIGURATION_BITS)),
            10: account_reader(
                lambda shown, face, _at_ms: stamp.encode_date_time(
                    shown.charge(logical_name).last_ms or 0, face.meter.clock.zone
                )
            ),
            11: read(lambda each: amount(each.last_amount)),
            12: read(lambda each: amount(each.remaining)),
            13: read(lambda each: encode((int(Tag.LONG_UNSIGNED), each.proportion))),
        },
        writers={6: _write_passive(name), 7: _write_activation(name, stamp)}
        | {number: verb_writer("write_charge", name, number) for number in CHARGE_ATTRIBUTES},
        methods={
            1: _update_unit_charge(name),
            2: verb_method("activate_passive_unit_charge", name),
            3: verb_method("collect", name),
            4: verb_method("update_remaining", name, takes=True),
            5: verb_method("set_remaining", name, takes=True),
        },
    )


def _configuration(each: Charge) -> set[int]:
    return ({PERCENTAGE} if each.percentage else set()) | ({CONTINUOUS} if each.continuous else set())


def _unit_charge(unit_charge: UnitCharge) -> bytes:
    class_id, logical_name, attribute = unit_charge.commodity
    return structure(
        [
            structure(
                [
                    encode((int(Tag.INTEGER), unit_charge.commodity_scale)),
                    encode((int(Tag.INTEGER), unit_charge.price_scale)),
                ]
            ),
            structure(
                [
                    encode((int(Tag.LONG_UNSIGNED), class_id)),
                    octet_string(logical_name),
                    encode((int(Tag.INTEGER), attribute)),
                ]
            ),
            array(
                [structure([octet_string(index), encode((int(Tag.LONG), price))]) for index, price in unit_charge.table]
            ),
        ]
    )


def _rows(table: Value) -> list[list[object]]:
    return [[index.hex(), price] for (_, index), (_, price) in (row[1] for row in table[1])]


def _write_passive(name: str) -> Callable[[CosemFace, int, Value, Association], DataAccessResult]:
    def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        (_, scales), (_, commodity), table = value[1]
        (_, commodity_scale), (_, price_scale) = scales
        (_, class_id), (_, logical_name), (_, attribute) = commodity
        unit_charge = [commodity_scale, price_scale, [class_id, logical_name.hex(), attribute], _rows(table)]
        return written(face.meter.pay(at_ms, "write_passive", name, unit_charge))

    return write


def _write_activation(name: str, stamp: Stamp) -> Callable[[CosemFace, int, Value, Association], DataAccessResult]:
    def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        try:
            meter_ms = stamp.decode(value[1], face.meter.clock.zone)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED
        return written(face.meter.pay(at_ms, "write_activation", name, meter_ms))

    return write


def _update_unit_charge(name: str) -> Callable[[CosemFace, int, Value, Association], Outcome]:
    def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
        return outcome(face.meter.pay(at_ms, "update_unit_charge", name, _rows(parameter)))

    return execute
