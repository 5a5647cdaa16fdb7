"""The Indian mirror objects 0.0.94.96.21 to 25 on a meter that keeps its own account: they show it.

On other meters they are attributes that a head-end writes, and show what it wrote. Whether they count paise or rupees
is the model's matter; rupees are rounded down, so that nobody reads money that is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.number import plain_encoder
from protocols.dlms.results import DataAccessResult
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.behaviour import Reader
    from emulator.face.cosem.face import CosemFace
    from emulator.payment.account import Account
    from protocols.cosem.data_type import DataType
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection

AMOUNTS: Final[dict[str, Callable[[Account], int]]] = {
    "recharge": lambda account: account.last_payment[0],
    "total": lambda account: account.paid_in,
    "balance": lambda account: account.balance,
}
"""What `state = "payment:..."` may name, in money."""

INSTANTS: Final = ("recharge_at", "as_on")
"""What it may name, in time: of the last token, and now, since the account is always up to date."""


def payment_state(part: str, kind: DataType) -> Reader:
    """A reader of one part of the account."""
    if part not in AMOUNTS and part not in INSTANTS:
        raise ModelError(f'state = "payment:{part}": one of {", ".join((*AMOUNTS, *INSTANTS))} stands after the colon')

    def read(
        face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association
    ) -> bytes | DataAccessResult:
        payment = face.meter.payment
        if payment is None:
            return DataAccessResult.OBJECT_UNAVAILABLE
        account = payment.look(at_ms)
        if part in INSTANTS:
            now_ms = face.meter.clock.reading(at_ms).utc_ms
            return face.plan.stamp.encode(now_ms if part == "as_on" else account.last_payment[1], face.meter.clock.zone)
        return plain_encoder(kind)(AMOUNTS[part](account) // face.plan.model.physics.payment.minor_units)

    return read
