"""What a meter tells those who listen: the journal, the pushes, the bench page."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What has happened."""

    POWER_FAILED = "power_failed"
    POWER_RESTORED = "power_restored"
    REBOOT = "reboot"
    READY = "ready"
    SWITCHED = "switched"
    CONTACT = "contact"
    EVENT = "event"
    CLOCK = "clock"
    BILL = "bill"
    TARIFF = "tariff"
    CONFIGURED = "configured"
    LIMIT = "limit"
    LOAD = "load"
    PAYMENT = "payment"


class Happening(NamedTuple):
    """Something that has happened, at an instant of true time.

    `name` and `value` say more: a log and an event code, a cause and the new state, a parameter and its value.
    """

    at_ms: int
    kind: Kind
    name: str = ""
    value: int = 0
