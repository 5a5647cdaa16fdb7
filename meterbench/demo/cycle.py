"""What the demo waits for: every meter read, then one meter cut, seen dark, restored and seen alive. Pure.

Messages in, commands out. A step is done when the broker shows it: `confirmed` or `observed` on `result`, and a
reading whose current is zero, or not.
"""

import datetime as dt
import enum
import uuid
from typing import Any, Final

COMMAND_LIFETIME: Final = dt.timedelta(seconds=60)
DONE: Final = frozenset({"confirmed", "observed"})
FAILED: Final = frozenset({"refused", "expired", "failed", "unknown"})


class Step(enum.Enum):
    """Where the cycle stands."""

    READ = "not every meter was read"
    CUT = "the disconnect was not confirmed"
    DARK = "no reading showed the cut meter without current"
    RESTORE = "the reconnect was not confirmed"
    ALIVE = "no reading showed the restored meter with current"
    COMPLETE = ""


class RelayCycle:
    """The demo's relay cycle on the first meter that has a relay.

    Args:
        gateway_id: the gateway whose meters these are.
        meters: every meter that must be read.
    """

    def __init__(self, gateway_id: str, meters: list[str]) -> None:
        self._gateway_id = gateway_id
        self._unread = set(meters)
        self._meter: str | None = None
        self._step = Step.READ
        self._command_id = ""
        self._failure = ""

    def missing(self) -> str:
        """What has not been seen yet, in one sentence, or "" when all has."""
        if self._failure:
            return self._failure
        if self._step is Step.READ and self._unread:
            return f"{Step.READ.value}: {', '.join(sorted(self._unread))}"
        return self._step.value

    def take(self, topic: str, payload: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Take one message; returns the commands to publish, as (topic, payload)."""
        match topic.split("/")[3:]:
            case [meter, "relay"] if self._meter is None and payload.get("output_state"):
                self._meter = meter
            case [meter, "reading", profile]:
                return self._reading(meter, profile, payload)
            case [meter, "result"] if meter == self._meter and payload.get("id") == self._command_id:
                self._result(payload)
        return []

    def _reading(self, meter: str, profile: str, payload: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        self._unread.discard(meter)
        if self._step is Step.READ and not self._unread and self._meter is not None:
            self._step = Step.CUT
            return [self._command("disconnect")]
        if meter != self._meter or profile != "instantaneous":
            return []
        current = _current(payload)
        if self._step is Step.DARK and current == 0:
            self._step = Step.RESTORE
            return [self._command("reconnect")]
        if self._step is Step.ALIVE and current:
            self._step = Step.COMPLETE
        return []

    def _result(self, payload: dict[str, Any]) -> None:
        rung = payload.get("rung")
        if rung in DONE:
            self._step = {Step.CUT: Step.DARK, Step.RESTORE: Step.ALIVE}.get(self._step, self._step)
        elif rung in FAILED:
            self._failure = f"the gateway answered {rung}: {payload.get('reason', 'no reason given')}"

    def _command(self, verb: str) -> tuple[str, dict[str, Any]]:
        self._command_id = str(uuid.uuid4())
        expires_at = dt.datetime.now(dt.UTC) + COMMAND_LIFETIME  # noqa: TID251 (a program's edge)
        command = {
            "id": self._command_id,
            "verb": verb,
            "cause": "maintenance",
            "expires_at": expires_at.isoformat(),
            "requested_by": "demo",
        }
        return f"meters/v1/{self._gateway_id}/{self._meter}/command", command


def _current(payload: dict[str, Any]) -> float | None:
    for value in reversed(payload.get("rows", [{}])[-1].get("values", [])):
        if value.get("name") in {"current", "current_l1"} and value.get("value") is not None:
            return float(value["value"])
    return None
