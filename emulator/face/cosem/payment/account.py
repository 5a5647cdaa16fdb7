"""Account (class 111): what the meter's account shows, and what a client may change of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
from emulator.payment.verb import ACCOUNT_ATTRIBUTES
from protocols.cosem.obis import LogicalName
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, array, encode, octet_string, structure
from protocols.model.payment import COLLECTION_BITS, CURRENCY_UNITS
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from emulator.payment.account import Account
    from emulator.payment.charge import Charge
    from emulator.payment.credit import Credit
    from protocols.dlms.application import Association
    from protocols.dlms.value import Value
    from protocols.model.cosem_object import CosemObject

STATUS_BITS: Final = 8
CREDIT_MODE, PREPAYMENT_MODE = 1, 2
"""The first element of attribute 2."""


def account(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of an account."""
    model = maker.payment.account
    if model is None or model.name != cosem_object.logical_name:
        raise ModelError(f"{cosem_object.key}: [payment.account] of the model has no account of that name")
    stamp = maker.stamp
    currency = structure(
        [
            encode((int(Tag.UTF8_STRING), model.currency)),
            encode((int(Tag.INTEGER), model.currency_scale)),
            enum(CURRENCY_UNITS[model.currency_unit]),
        ]
    )

    return Behaviour(
        readers={
            2: account_reader(_mode_and_status),
            3: account_reader(lambda shown, _face, _at_ms: unsigned(_place_in_use(shown))),
            4: account_reader(lambda shown, _face, _at_ms: bits(shown.status_bits(), STATUS_BITS)),
            5: account_reader(lambda shown, _face, _at_ms: amount(shown.available)),
            6: account_reader(lambda shown, _face, _at_ms: amount(shown.amount_to_clear)),
            7: account_reader(lambda shown, _face, _at_ms: amount(shown.clearance_threshold)),
            8: account_reader(lambda shown, _face, _at_ms: amount(shown.debt)),
            9: account_reader(lambda shown, _face, _at_ms: _names(shown.credits)),
            10: account_reader(lambda shown, _face, _at_ms: _names(shown.charges)),
            11: account_reader(_collection),
            12: account_reader(_shares),
            13: account_reader(lambda shown, face, _at_ms: stamp.encode(shown.activated_ms, face.meter.clock.zone)),
            14: account_reader(lambda shown, face, _at_ms: stamp.encode(shown.closed_ms, face.meter.clock.zone)),
            15: currency,
            16: account_reader(lambda shown, _face, _at_ms: amount(shown.low_credit_threshold)),
            17: account_reader(lambda shown, _face, _at_ms: amount(shown.next_credit_available_threshold)),
            18: account_reader(lambda shown, _face, _at_ms: encode((int(Tag.LONG_UNSIGNED), shown.max_provision))),
            19: account_reader(lambda shown, _face, _at_ms: amount(shown.max_provision_period_s)),
        },
        writers={
            2: _write_mode,
            11: _write_collection,
            12: _write_shares,
            **{number: verb_writer("write_account", number) for number in ACCOUNT_ATTRIBUTES},
        },
        methods={
            1: verb_method("activate_account"),
            2: verb_method("close_account"),
            3: verb_method("reset_account"),
        },
    )


def _mode_and_status(shown: Account, face: CosemFace, _at_ms: int) -> bytes:
    mode = PREPAYMENT_MODE if face.meter.parameter("payment_mode") else CREDIT_MODE
    return structure([enum(mode), enum(int(shown.status))])


def _place_in_use(shown: Account) -> int:
    """The place of the credit in use among the references, 1 for the first; 0 for none."""
    used = shown.in_use
    return 0 if used is None else shown.credits.index(used) + 1


def _names(objects: Sequence[Credit] | Sequence[Charge]) -> bytes:
    return array([octet_string(each.model.name.octets) for each in objects])


def _collection(shown: Account, _face: CosemFace, _at_ms: int) -> bytes:
    return array(
        [
            structure([octet_string(credit.octets), octet_string(charge.octets), bits(when, len(COLLECTION_BITS))])
            for (credit, charge), when in sorted(shown.collection.items())
        ]
    )


def _shares(shown: Account, _face: CosemFace, _at_ms: int) -> bytes:
    return array(
        [
            structure([octet_string(each.model.name.octets), unsigned(each.share)])
            for each in shown.credits
            if each.share
        ]
    )


def _write_mode(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
    """Only the mode can be written; the status has methods."""
    (_, mode), (_, status) = value[1]
    payment = face.meter.payment
    if payment is None or status != payment.look(at_ms).status or mode not in {CREDIT_MODE, PREPAYMENT_MODE}:
        return DataAccessResult.OTHER_REASON
    return written(face.meter.configure("payment_mode", int(mode == PREPAYMENT_MODE), at_ms))


def _write_collection(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
    rows = [
        [str(LogicalName(credit)), str(LogicalName(charge)), bits_of(when)]
        for (_, credit), (_, charge), (_, when) in (row[1] for row in value[1])
    ]
    return written(face.meter.pay(at_ms, "write_collection", rows))


def _write_shares(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
    rows = [[str(LogicalName(credit)), share] for (_, credit), (_, share) in (row[1] for row in value[1])]
    return written(face.meter.pay(at_ms, "write_shares", rows))
