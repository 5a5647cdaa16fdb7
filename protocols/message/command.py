"""What a head-end may ask for, and every rung of the ladder that answers it."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from protocols.message.envelope import Instant, Message, Seq, Stream, Streamed
from protocols.message.reading import Row

CommandId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


class Verb(StrEnum):
    """What can be asked of a meter."""

    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"
    SET_CLOCK = "set_clock"
    SET_BALANCE = "set_balance"
    RECHARGE = "recharge"
    LOAD_LIMIT = "load_limit"
    SYNC = "sync"
    FIRMWARE = "firmware"
    ROTATE_KEYS = "rotate_keys"
    TARIFF = "tariff"


READS: Final = (Verb.READ, Verb.SYNC)
"""Verbs that change nothing: they do not wait for a command that is delayed."""


class Cause(StrEnum):
    """Why a supply is to be cut or given back; absent means `non_payment`."""

    NON_PAYMENT = "non_payment"
    SAFETY = "safety"
    MAINTENANCE = "maintenance"
    CONSUMER_REQUEST = "consumer_request"
    FRAUD = "fraud"


class Evidence(Message):
    """What a cut for non-payment rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    balance: int = Field(description="minor units")
    as_on: Instant


class Override(Message):
    """Asks to pass a rule of the guard by a named permission of the gateway's configuration; always logged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    permission: str
    reason: str = Field(min_length=3)


class Command(Message):
    """One request. The same `id` again gets the answer as it stands and moves nothing; other content is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: CommandId
    verb: Verb
    args: dict[str, Any] = Field(default_factory=dict)
    cause: Cause | None = None
    evidence: Evidence | None = None
    expires_at: Instant | None = None
    requested_by: str | None = Field(default=None, max_length=128)
    override: Override | None = None


class Rung(StrEnum):
    """How far a command has come, or how it ended."""

    ACCEPTED = "accepted"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    OBSERVED = "observed"
    ARMED = "armed"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"
    UNKNOWN = "unknown"


ENDS: Final = frozenset({Rung.OBSERVED, Rung.ARMED, Rung.REFUSED, Rung.EXPIRED, Rung.FAILED, Rung.UNKNOWN})
"""Rungs after which nothing follows; `confirmed` is the end too when `final` says so."""


class Result(Streamed):
    """One rung. `rule` names the guard's rule that refused; `final` says that nothing follows."""

    meter: str
    id: str = Field(description="the command's; empty when the command could not be read")
    verb: str | None = None
    rung: Rung
    final: bool
    read_at: Instant
    reason: str | None = None
    rule: str | None = None
    repeated: bool = Field(default=False, description="the same id came again; nothing moved this time")
    override: str | None = Field(default=None, description="the permission by which a rule was passed")
    rows: tuple[Row, ...] | None = Field(default=None, description="what was read")
    detail: dict[str, Any] | None = Field(default=None, description="what the meter said, by name")


class Replay(Message):
    """Asks for messages again: `from` and `to` are included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: Stream
    from_seq: Seq = Field(alias="from")
    to_seq: Seq = Field(alias="to")


class Ack(Message):
    """Says that everything up to `seq` has arrived."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: Stream
    seq: Annotated[int, Field(ge=0)]
