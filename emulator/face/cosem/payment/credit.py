"""Credit (class 112): one amount of an account, with its limit and status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.face.cosem.behaviour import Behaviour
from emulator.face.cosem.payment.wire import (
    account_reader,
    amount,
    bits,
    bits_of,
    enum,
    unsigned,
    verb_method,
    verb_writer,
    written,
)
from emulator.face.cosem.stamp import ENCODED_UNDEFINED
from emulator.payment.verb import CREDIT_ATTRIBUTES
from protocols.model.payment import CREDIT_BITS
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.behaviour import Reader
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from emulator.payment.credit import Credit
    from protocols.dlms.application import Association
    from protocols.dlms.results import DataAccessResult
    from protocols.dlms.value import Value
    from protocols.model.cosem_object import CosemObject


def credit(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a credit."""
    model, logical_name = maker.payment.account, cosem_object.logical_name
    if model is None or all(each.name != logical_name for each in model.credits):
        raise ModelError(f"{cosem_object.key}: [payment.credits] of the model has no credit of that name")
    name = str(logical_name)

    def read(one: Callable[[Credit], bytes]) -> Reader:
        return account_reader(lambda shown, _face, _at_ms: one(shown.credit(logical_name)))

    def write_bits(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        return written(face.meter.pay(at_ms, "write_credit_bits", name, bits_of(value[1])))

    return Behaviour(
        readers={
            2: read(lambda each: amount(each.amount)),
            3: read(lambda each: enum(each.type)),
            4: read(lambda each: unsigned(each.priority)),
            5: read(lambda each: amount(each.warning_threshold)),
            6: read(lambda each: amount(each.limit)),
            7: read(lambda each: bits(each.bits, len(CREDIT_BITS))),
            8: read(lambda each: enum(int(each.status))),
            9: read(lambda each: amount(each.preset)),
            10: read(lambda each: amount(each.available_threshold)),
            11: ENCODED_UNDEFINED,
        },
        writers={7: write_bits} | {number: verb_writer("write_credit", name, number) for number in CREDIT_ATTRIBUTES},
        methods={
            1: verb_method("update_credit", name, takes=True),
            2: verb_method("set_credit", name, takes=True),
            3: verb_method("invoke_credit", name),
        },
    )
