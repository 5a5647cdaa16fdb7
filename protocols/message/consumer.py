"""What a head-end tells a consumer: each day's deduction as its own line, each recharge stage by stage, messages."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from protocols.message.envelope import Instant, Message


class Deduction(Message):
    """One day's deduction of one meter: once per meter and day, however late it is posted. Minor units."""

    meter: str
    day: date
    energy_wh: int
    energy_charge: int
    fixed_charge: int
    duty: int
    rebate: int = 0
    arrears: int = 0
    total: int
    balance: int = Field(description="after this deduction")
    slabs: tuple[dict[str, int], ...] = Field(default=(), description="energy_wh, rate and charge of each slab")
    posted_at: Instant


class RechargeStage(StrEnum):
    """Where a payment is on its way to the lamp that burns."""

    PAID = "paid"
    POSTED = "posted"
    COMMANDED = "commanded"
    ON_METER = "on_meter"
    SUPPLY_BACK = "supply_back"
    HELD = "held"


class Recharge(Message):
    """One stage of one payment; `held_by` names the stage that holds it."""

    meter: str
    payment: str
    amount: int
    stage: RechargeStage
    balance: int | None = None
    at: Instant
    held_by: str | None = None


class ConsumerMessageKind(StrEnum):
    """What a consumer is told of."""

    LOW_BALANCE = "low_balance"
    NEGATIVE_BALANCE = "negative_balance"
    RECHARGE = "recharge"
    DEDUCTION = "deduction"
    CUT = "cut"
    RESTORED = "restored"
    MORATORIUM = "moratorium"


class ConsumerMessage(Message):
    """A text for the phone, with what it is about."""

    meter: str
    kind: ConsumerMessageKind
    text: str
    at: Instant
    balance: int | None = None
