"""Working a load switch: acknowledged is not done, only what contact and control state show is.

A timeout, a broken connection or a restart after `sent` ends here in reading, never in doing it again.
"""

from decimal import Decimal
from typing import Any, Final

from gateway.command.command import Open
from gateway.command.tools import Tools
from gateway.meter.scripts import MeterScripts, RelaySeen
from gateway.polling.report import detail_of
from gateway.service.script import Commit, MeterError, NoAnswerError, Script, Wait
from protocols.message.command import Rung, Verb
from protocols.message.reading import ControlState

SETTLE_MS: Final = (0, 50, 100, 250, 500, 1_000, 1_000)
"""A contact needs up to a second to move: when the state is not yet as asked, it is read again after these."""


class Switching:
    """One command that works a load switch.

    Args:
        waiting: the command.
        meter: whose switch.
        tools: what it works with.
    """

    def __init__(self, waiting: Open, meter: MeterScripts, tools: Tools) -> None:
        self._waiting = waiting
        self._command = waiting.command
        self._meter = meter
        self._tools = tools

    def _rung(self, rung: Rung, **said: Any) -> Script[bool]:
        done: bool = yield Commit(lambda now_ms: self._tools.commands.rung(self._command.id, rung, now_ms, **said))
        return done

    def work(self, *, closed: bool, resumed: bool) -> Script[int | None]:
        """Have the contact as it is asked to be; gives when to look whether the current agrees.

        Args:
            closed: as it is asked to be.
            resumed: it may have been worked already, so it is only read.
        """
        refusal: str | None = "it was interrupted after it was sent" if resumed else None
        if not resumed:
            try:
                refusal = yield from self._meter.switch(closed=closed)
            except NoAnswerError:
                refusal = "the meter did not answer"
            else:
                if refusal is None:
                    yield from self._rung(Rung.ACKNOWLEDGED)
        seen = yield from settled(self._meter, closed=closed, hopeless=refusal is not None)
        if seen is None:
            yield from self._rung(Rung.UNKNOWN, reason="the meter shows no load switch")
            return None
        return (yield from self._judge(seen, closed=closed, refusal=refusal))

    def _judge(self, seen: RelaySeen, *, closed: bool, refusal: str | None) -> Script[int | None]:
        rung = _is_as_asked(seen, closed=closed)
        command, cause = self._command, (self._command.cause or None)
        observe = rung is Rung.CONFIRMED and self._tools.observe_after_ms > 0
        reason = None if rung is not None else _shows(seen, refusal)

        def work(now_ms: int) -> int:
            self._tools.report.relay(
                self._waiting.meter,
                seen,
                now_ms,
                cause=None if rung is None else cause or "command",
                command=command.id,
            )
            self._tools.commands.rung(
                command.id, rung or Rung.FAILED, now_ms, final=not observe, reason=reason, detail=detail_of(seen)
            )
            return now_ms

        now_ms: int = yield Commit(work)
        return now_ms + self._tools.observe_after_ms if observe else None

    def observe(self) -> Script[None]:
        """Whether the current agrees with the contact; what can't be observed stays confirmed."""
        closed = self._command.verb is Verb.RECONNECT
        command_id = self._command.id

        def is_last(_now_ms: int) -> bool:
            return self._tools.report.relay_command(self._waiting.meter) == command_id

        if not (yield Commit(is_last)):
            yield from self._rung(Rung.CONFIRMED, reason="another command followed before it could be observed")
            return
        try:
            current: Decimal | None = yield from self._meter.current()
        except MeterError as error:
            yield from self._rung(Rung.CONFIRMED, reason=f"it could not be observed: {error}")
            return
        if current is None:
            yield from self._rung(Rung.CONFIRMED, reason="the meter shows no current, so nothing can be observed")
        elif (current > 0) == closed:
            yield from self._rung(Rung.OBSERVED, detail={"current": f"{current:f}"})
        elif closed:
            yield from self._rung(Rung.CONFIRMED, reason="no current flows yet, so nothing can be observed")
        else:
            yield from self._welded(current)

    def _welded(self, current: Decimal) -> Script[None]:
        reason = f"{current:f} A still flow although the contact is open"

        def work(now_ms: int) -> None:
            self._tools.report.event(self._waiting.meter, "gateway", "current_through_open_contact", now_ms)
            self._tools.commands.rung(self._command.id, Rung.CONFIRMED, now_ms, reason=reason)

        yield Commit(work)


def settled(meter: MeterScripts, *, closed: bool, hopeless: bool = False) -> Script[RelaySeen | None]:
    """Read a load switch until it is as asked, or long enough; None where the meter shows none.

    Args:
        meter: whose.
        closed: as it was asked to be.
        hopeless: nothing was acknowledged, so a short look is enough.
    """
    seen: RelaySeen | None = None
    for wait_ms in SETTLE_MS[:2] if hopeless else SETTLE_MS:
        if wait_ms:
            yield Wait(wait_ms)
        try:
            seen = yield from meter.relay()
        except NoAnswerError:
            continue
        if seen is None or _is_as_asked(seen, closed=closed) is not None:
            return seen
    if seen is None:
        raise NoAnswerError("the meter does not answer, so whether it moved is not known")
    return seen


def _is_as_asked(seen: RelaySeen, *, closed: bool) -> Rung | None:
    """What a state means for a command: contact and control state must say the same."""
    match closed, seen.output_state, seen.control_state:
        case (False, False, ControlState.DISCONNECTED) | (True, True, ControlState.CONNECTED):
            return Rung.CONFIRMED
        case True, False, ControlState.READY_FOR_RECONNECTION:
            return Rung.ARMED
        case _:
            return None


def _shows(seen: RelaySeen, refusal: str | None) -> str:
    contact = "closed" if seen.output_state else "open"
    shown = f"the meter shows {seen.control_state.value}, contact {contact}"
    return shown if refusal is None else f"{refusal}; {shown}"
