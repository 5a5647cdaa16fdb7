"""Who is there: the gateway (also as its last will), each meter, the head-end."""

from enum import StrEnum

from pydantic import Field

from protocols.message.envelope import Instant, Message, Seq, Streamed


class Hole(Message):
    """Messages that can't be kept or given again, and why.

    With `from` and `to` it names numbers of the stream; without, rows that never got a number because they were
    given up before they were sent.
    """

    from_seq: Seq | None = Field(default=None, alias="from")
    to_seq: Seq | None = Field(default=None, alias="to")
    reason: str
    rows: int = Field(ge=0)
    first_at: Instant | None = None
    last_at: Instant | None = None


class GatewayState(StrEnum):
    """`offline` comes from the last will or from an orderly stop."""

    ONLINE = "online"
    OFFLINE = "offline"


class GatewayStatus(Streamed):
    """Retained; at least once a minute. `sent_through` lets a head-end see that the end of the stream was lost."""

    status: GatewayState
    online: bool = Field(description="the same as `status`, for whoever wants a yes or no")
    version: str | None = None
    read_at: Instant | None = None
    sent_through: int | None = Field(default=None, ge=0, description="the highest seq ever taken for the wire")
    holes: tuple[Hole, ...] = ()
    queued: int | None = Field(default=None, ge=0, description="rows that wait to be sent")
    meters: dict[str, int] | None = Field(default=None, description="how many are online, degraded, offline")
    clock_trusted: bool | None = None
    moratorium: str | None = Field(default=None, description="why no meter is cut now, if so")
    remarks: tuple[str, ...] = Field(default=(), description="what an operator should know: disk, store, configuration")


class MeterState(StrEnum):
    """`degraded` meters answer, but not as they should."""

    ONLINE = "online"
    OFFLINE = "offline"
    DEGRADED = "degraded"


class MeterStatus(Streamed):
    """Retained; on every change."""

    meter: str
    status: MeterState
    reason: str | None = None
    read_at: Instant
    last_seen: Instant | None = None
    consecutive_failures: int = Field(default=0, ge=0)


class HeadendStatus(Message):
    """The head-end's heartbeat, retained; the guard listens to its age."""

    status: GatewayState
    at: Instant
    version: str | None = None
