"""Topic names of the contract: built in one place, taken apart in one place.

`P` is the prefix, `G` a gateway, `M` a meter; the table of all topics stands in `docs/contract.md`.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

DEFAULT_PREFIX: Final = "meters/v1"
HEADEND: Final = "headend"
"""The one name at a gateway's place in a topic that no gateway may have."""

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a gateway, a meter or a profile may be called: safe as one level of a topic and in a file name."""

PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")


class Kind(StrEnum):
    """What a topic carries."""

    GATEWAY_STATUS = "gateway_status"
    METER_STATUS = "meter_status"
    READING = "reading"
    BALANCE = "balance"
    RELAY = "relay"
    EVENT = "event"
    COMMAND = "command"
    RESULT = "result"
    REPLAY = "replay"
    ACK = "ack"
    HEADEND_STATUS = "headend_status"
    DEDUCTION = "deduction"
    RECHARGE = "recharge"
    MESSAGE = "message"


RETAINED: Final = frozenset(
    {Kind.GATEWAY_STATUS, Kind.METER_STATUS, Kind.BALANCE, Kind.RELAY, Kind.HEADEND_STATUS},
)
"""Topics whose last message the broker keeps; all others are refused or ignored when they come retained."""

_OF_METER: Final = {
    "status": Kind.METER_STATUS,
    "balance": Kind.BALANCE,
    "relay": Kind.RELAY,
    "event": Kind.EVENT,
    "command": Kind.COMMAND,
    "result": Kind.RESULT,
}
_OF_GATEWAY: Final = {"status": Kind.GATEWAY_STATUS, "replay": Kind.REPLAY, "ack": Kind.ACK}
_OF_CONSUMER: Final = {"deduction": Kind.DEDUCTION, "recharge": Kind.RECHARGE, "message": Kind.MESSAGE}


class Address(NamedTuple):
    """A topic taken apart; what does not apply is an empty string."""

    kind: Kind
    gateway: str = ""
    meter: str = ""
    profile: str = ""


class Topics:
    """The topics of one gateway.

    Args:
        gateway: its identifier; not `headend`.
        prefix: what all topics begin with.

    Raises:
        ValueError: for a name that can't be a level of a topic.
    """

    __slots__ = ("_base", "gateway", "prefix")

    def __init__(self, gateway: str, prefix: str = DEFAULT_PREFIX) -> None:
        if not IDENTIFIER.fullmatch(gateway) or gateway == HEADEND:
            raise ValueError(
                f"{gateway!r} can't be a gateway's id: letters, digits, '.', '_', '-', and not {HEADEND!r}"
            )
        if not PREFIX.fullmatch(prefix) or "//" in prefix or prefix.endswith("/"):
            raise ValueError(f"{prefix!r} can't be a topic prefix")
        self.gateway = gateway
        self.prefix = prefix
        self._base = f"{prefix}/{gateway}"

    @property
    def status(self) -> str:
        """The gateway's own status, retained, and its last will."""
        return f"{self._base}/status"

    @property
    def replay(self) -> str:
        """Where the head-end asks for holes to be filled."""
        return f"{self._base}/replay"

    @property
    def ack(self) -> str:
        """Where the head-end says what has arrived."""
        return f"{self._base}/ack"

    @property
    def headend_status(self) -> str:
        """The head-end's heartbeat."""
        return f"{self.prefix}/{HEADEND}/status"

    def of_meter(self, kind: Kind, meter: str) -> str:
        """The topic of a meter for every kind but readings."""
        if kind is Kind.METER_STATUS:
            return f"{self._base}/{meter}/status"
        return f"{self._base}/{meter}/{kind.value}"

    def reading(self, meter: str, profile: str) -> str:
        """Where the rows of one profile or register group go."""
        return f"{self._base}/{meter}/reading/{profile}"

    def consumer(self, kind: Kind, meter: str) -> str:
        """What a consumer is told: a deduction, a recharge or a message."""
        return f"{self.prefix}/{HEADEND}/consumer/{meter}/{kind.value}"

    def subscriptions(self) -> tuple[str, ...]:
        """The filters of everything that a gateway listens to."""
        return (f"{self._base}/+/command", self.replay, self.ack, self.headend_status)


def parse(topic: str, prefix: str = DEFAULT_PREFIX) -> Address | None:
    """Take a topic apart, or None when it is not one of the contract's.

    >>> parse("meters/v1/gw1/MB0001/reading/block_load")
    Address(kind=<Kind.READING: 'reading'>, gateway='gw1', meter='MB0001', profile='block_load')
    """
    if not topic.startswith(prefix + "/"):
        return None
    levels = topic[len(prefix) + 1 :].split("/")
    if not all(IDENTIFIER.fullmatch(level) for level in levels):
        return None
    match levels:
        case ["headend", "status"]:
            return Address(Kind.HEADEND_STATUS)
        case ["headend", "consumer", meter, name] if name in _OF_CONSUMER:
            return Address(_OF_CONSUMER[name], meter=meter)
        case ["headend", *_]:
            return None
        case [gateway, name] if name in _OF_GATEWAY:
            return Address(_OF_GATEWAY[name], gateway)
        case [gateway, meter, "reading", profile]:
            return Address(Kind.READING, gateway, meter, profile)
        case [gateway, meter, name] if name in _OF_METER:
            return Address(_OF_METER[name], gateway, meter)
        case _:
            return None
