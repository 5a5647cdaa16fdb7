"""What a meter said: readings, its relay, its balance, its events.

A value is the exact decimal of what was on the wire, as text, so that no float on the way can change a digit.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field, model_serializer

from protocols.message.envelope import Instant, Message, Streamed


class Quality(StrEnum):
    """How far a value can be trusted."""

    GOOD = "good"
    STALE = "stale"
    SUSPECT = "suspect"
    ERROR = "error"


class Value(Message):
    """One value. `value` is None when there is none to be had; the reason then says why."""

    name: str
    obis: str | None = Field(default=None, description="COSEM logical name, as 1.0.1.8.0.255")
    attribute: int | None = Field(default=None, description="given where it is not the value itself (2)")
    register_address: int | None = Field(
        default=None, alias="register", ge=0, le=0xFFFF, description="zero-based wire address"
    )
    value: str | None = Field(description="exact decimal, text, or a time in ISO 8601")
    unit: str | None = Field(default=None, description="symbol, absent where there is none")
    quality: Quality = Quality.GOOD
    reason: str | None = Field(default=None, description="why the quality is not good")

    @model_serializer(mode="plain")
    def _only_what_says_something(self) -> dict[str, Any]:
        out: dict[str, Any] = {"name": self.name}
        if self.obis is not None:
            out["obis"] = self.obis
        if self.attribute is not None:
            out["attribute"] = self.attribute
        if self.register_address is not None:
            out["register"] = self.register_address
        out["value"] = self.value
        if self.unit is not None:
            out["unit"] = self.unit
        out["quality"] = self.quality.value
        if self.reason is not None:
            out["reason"] = self.reason
        return out


class Row(Message):
    """One row of a profile, or one pass over a register group; `at` is the meter's own time where it has one."""

    at: Instant | None = None
    values: tuple[Value, ...]


class Reading(Streamed):
    """Rows of one profile (`instantaneous`, `block_load`, `daily_load`, `billing`, `nameplate`) or register group."""

    meter: str
    profile: str
    read_at: Instant = Field(description="when the gateway read it, UTC")
    rows: tuple[Row, ...]


class ControlState(StrEnum):
    """Class 70, attribute 3."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    READY_FOR_RECONNECTION = "ready_for_reconnection"


class Relay(Streamed):
    """What the disconnect control says; for a Modbus meter, what its read-back register says."""

    meter: str
    read_at: Instant
    output_state: bool
    control_state: ControlState
    control_mode: int | None = None
    cause: str | None = Field(default=None, description="what the last change was for, as far as we know")
    command: str | None = Field(default=None, description="the id of the command that changed it")
    since: Instant | None = Field(default=None, description="when this state was first seen")


class LastRecharge(Message):
    """The last payment that the meter knows of."""

    amount: int = Field(description="minor units")
    at: Instant | None = None
    total: int | None = Field(default=None, description="total recharged, minor units")


class PaymentMode(StrEnum):
    """Object 0-0:94.96.20."""

    POSTPAID = "postpaid"
    PREPAID = "prepaid"


class Balance(Streamed):
    """The last known balance, readable while every server is down. Money is integer minor units."""

    meter: str
    read_at: Instant
    balance: int = Field(description="minor units; negative when owed")
    currency: str = Field(default="INR", description="as the meter's account counts: of an STS meter Wh")
    as_on: Instant = Field(description="the time the balance is of")
    last_recharge: LastRecharge | None = None
    payment_mode: PaymentMode | None = None
    source: str = Field(description="meter, or head-end when it came by set_balance")


class Event(Streamed):
    """Something that happened: a row of an event log, a bit of the event status word, a push."""

    meter: str
    kind: str = Field(description="log, status_word, push, event_notification, last_gasp, first_breath, gateway")
    at: Instant | None = None
    read_at: Instant
    code: int | None = None
    name: str
    log: str | None = None
    bits: tuple[str, ...] | None = None
    values: tuple[Value, ...] = ()
