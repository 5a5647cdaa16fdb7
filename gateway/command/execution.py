"""One command with one meter, from the queue to its end, as a script.

`sent` is durable before anything reaches the wire. Afterwards only a read-back decides: a time-out, a broken connection
or a restart in between ends in reading, never in doing it again. A script gives back when the command is to be looked
at once more (milliseconds UTC), or None when it is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gateway.command.command import Commands, Open
from gateway.command.firmware_job import Images, install
from gateway.command.key_job import Rotation, rotate
from gateway.meter.scripts import BalanceSeen, MeterScripts, RelaySeen, Written
from gateway.polling.poll import poll
from gateway.polling.reading import utc, utc_ms
from gateway.polling.report import Report, detail_of
from gateway.polling.schedule import HISTORIES, ReadPlan
from gateway.service.script import Commit, MeterError, NoAnswerError, NoConnectionError, RefusedError, Script, Wait
from protocols.message.args import (
    Args,
    ExecuteArgs,
    FirmwareArgs,
    LoadLimitArgs,
    ReadArgs,
    RechargeArgs,
    RotateKeysArgs,
    SetBalanceArgs,
    SetClockArgs,
    SyncArgs,
    TariffArgs,
    WriteArgs,
    args_of,
)
from protocols.message.command import Rung, Verb
from protocols.message.reading import ControlState

SETTLE_MS: Final = (0, 50, 100, 250, 500, 1_000, 1_000)
"""A contact needs up to a second to move: when the state is not yet as asked, it is read again after these."""
READ_BACK_MS: Final = 600_000
"""For so long after its expiry a command that was sent is read back, before it ends as unknown."""
CLOCK_AGREES_MS: Final = 5_000


@dataclass(slots=True, kw_only=True)
class Tools:
    """What a script of a command works with."""

    commands: Commands
    report: Report
    observe_after_ms: int = 2_000
    clock_limit_ms: int = 60_000
    plans: Mapping[str, ReadPlan] = field(default_factory=dict)
    """How the meter's profiles are read, for `sync`."""
    images: Images = field(default=lambda _name: None)
    """Firmware images by name."""
    rotation: Rotation | None = None
    """The meter's keys, for `rotate_keys`."""


def execute(waiting: Open, meter: MeterScripts, tools: Tools) -> Script[int | None]:
    """Do what is left to do of a command."""
    script = _Execution(waiting, meter, tools)
    try:
        return (yield from script.run())
    except RefusedError as error:
        yield from script.rung(Rung.FAILED, reason=str(error))
    except NoConnectionError:
        raise
    except MeterError as error:
        yield from script.unless_known(str(error))
    return None


class _Execution:
    """A command, its meter, and where it stands."""

    def __init__(self, waiting: Open, meter: MeterScripts, tools: Tools) -> None:
        self._waiting = waiting
        self._command = waiting.command
        self._meter = meter
        self._tools = tools

    def run(self) -> Script[int | None]:
        waiting = self._waiting
        if waiting.rung is Rung.CONFIRMED:
            yield from self._observe()
            return None
        if self._command.verb is Verb.READ:
            return (yield from self._read())
        if not waiting.may_have_moved:
            refusal = yield from self._before()
            if refusal is not None:
                yield from self.rung(Rung.FAILED, reason=refusal)
                return None
            if not (yield Commit(lambda now_ms: self._tools.commands.begin(self._command.id, now_ms))):
                return None
        return (yield from self._after_sent(resumed=waiting.may_have_moved))

    def rung(self, rung: Rung, **said: Any) -> Script[bool]:
        """The command has come further."""
        done: bool = yield Commit(lambda now_ms: self._tools.commands.rung(self._command.id, rung, now_ms, **said))
        return done

    def unless_known(self, reason: str) -> Script[None]:
        """Something stayed open: unknown once it may have moved, else failed."""
        if not (yield from self.rung(Rung.UNKNOWN, reason=reason)):
            yield from self.rung(Rung.FAILED, reason=reason)

    def _args(self) -> Args:
        return args_of(self._command.verb, self._command.args)

    # ---- before the wire

    def _before(self) -> Script[str | None]:
        """What can be known to be impossible before anything is sent."""
        args, meter, stated = self._args(), self._waiting.meter, self._command.args
        if isinstance(args, RechargeArgs):
            payment = args.payment  # applied once, whatever id the command has that carries it

            def begin(now_ms: int) -> str | None:
                return self._tools.report.payment(meter, payment, self._command.id, stated, now_ms)

            refusal: str | None = yield Commit(begin)
            return refusal
        if isinstance(args, SetClockArgs):
            shown = yield from self._meter.clock()
            now_ms: int = yield Commit(lambda now: now)
            target = now_ms if args.to is None else utc_ms(args.to)
            step = abs(target - utc_ms(shown))
            if step > self._tools.clock_limit_ms:
                limit = self._tools.clock_limit_ms // 1000
                return f"a step of {step // 1000} s is more than the {limit} s that are allowed at once"
        return None

    # ---- after `sent` is durable

    def _after_sent(self, *, resumed: bool) -> Script[int | None]:
        match self._args():
            case ExecuteArgs() as args:
                return (yield from self._execute(args, resumed=resumed))
            case WriteArgs() | SetBalanceArgs() | RechargeArgs() | LoadLimitArgs() as args:
                return (yield from self._write(args))
            case SetClockArgs() as args:
                return (yield from self._set_clock(args, resumed=resumed))
            case SyncArgs() as args:
                return (yield from self._sync(args))
            case TariffArgs() as args:
                yield from self._end_write(args, (yield from self._meter.tariff(args)))
                return None
            case RotateKeysArgs() as args:
                waiting = self._tools.commands.find
                known: Open | None = yield Commit(lambda _now_ms: waiting(self._command.id))
                return (yield from rotate(known or self._waiting, args, self._tools.commands, self._tools.rotation))
            case FirmwareArgs() as args:
                return (yield from install(self._waiting, args, self._tools.commands, self._tools.images))
            case _ if self._command.verb in {Verb.DISCONNECT, Verb.RECONNECT}:
                closed = self._command.verb is Verb.RECONNECT
                return (yield from self._switch(closed=closed, resumed=resumed))
        yield from self.rung(Rung.FAILED, reason=f"{self._command.verb} is not possible with this meter")
        return None

    def _switch(self, *, closed: bool, resumed: bool) -> Script[int | None]:
        refusal: str | None = "it was interrupted after it was sent" if resumed else None
        if not resumed:
            try:
                refusal = yield from self._meter.switch(closed=closed)
            except NoAnswerError:
                refusal = "the meter did not answer"
            else:
                if refusal is None:
                    yield from self.rung(Rung.ACKNOWLEDGED)
        seen = yield from settled(self._meter, closed=closed, hopeless=refusal is not None)
        if seen is None:
            yield from self.rung(Rung.UNKNOWN, reason="the meter shows no load switch")
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

    def _observe(self) -> Script[None]:
        """Whether the current agrees with the contact; what can't be observed stays confirmed."""
        closed = self._command.verb is Verb.RECONNECT
        command_id = self._command.id

        def is_last(_now_ms: int) -> bool:
            return self._tools.report.relay_command(self._waiting.meter) == command_id

        if not (yield Commit(is_last)):
            yield from self.rung(Rung.CONFIRMED, reason="another command followed before it could be observed")
            return
        try:
            current: Decimal | None = yield from self._meter.current()
        except MeterError as error:
            yield from self.rung(Rung.CONFIRMED, reason=f"it could not be observed: {error}")
            return
        if current is None:
            yield from self.rung(Rung.CONFIRMED, reason="the meter shows no current, so nothing can be observed")
        elif (current > 0) == closed:
            yield from self.rung(Rung.OBSERVED, detail={"current": f"{current:f}"})
        elif closed:
            yield from self.rung(Rung.CONFIRMED, reason="no current flows yet, so nothing can be observed")
        else:
            yield from self._welded(current)

    def _welded(self, current: Decimal) -> Script[None]:
        reason = f"{current:f} A still flow although the contact is open"

        def work(now_ms: int) -> None:
            self._tools.report.event(self._waiting.meter, "gateway", "current_through_open_contact", now_ms)
            self._tools.commands.rung(self._command.id, Rung.CONFIRMED, now_ms, reason=reason)

        yield Commit(work)

    def _execute(self, args: ExecuteArgs, *, resumed: bool) -> Script[int | None]:
        if args.class_id == 70 and args.method in {1, 2}:
            return (yield from self._switch(closed=args.method == 2, resumed=resumed))
        if resumed:
            yield from self.rung(Rung.UNKNOWN, reason="it was interrupted, and a method has nothing to read back")
            return None
        refusal = yield from self._meter.execute(args)
        if refusal is not None:
            yield from self.rung(Rung.FAILED, reason=refusal)
            return None
        yield from self.rung(Rung.ACKNOWLEDGED)
        yield from self.rung(Rung.UNKNOWN, reason="the meter acknowledged; a method has nothing to read back")
        return None

    def _write(self, args: WriteArgs | SetBalanceArgs | RechargeArgs | LoadLimitArgs) -> Script[int | None]:
        """Writes hold results, so what an interruption left is found by reading and only the rest is written."""
        match args:
            case WriteArgs():
                outcome = yield from self._meter.write(args)
            case SetBalanceArgs():
                outcome = yield from self._meter.set_balance(args)
            case RechargeArgs():
                outcome = yield from self._meter.recharge(args)
            case LoadLimitArgs():
                outcome = yield from self._meter.load_limit(args)
        yield from self._end_write(args, outcome)
        return None

    def _end_write(self, args: Args, outcome: Written) -> Script[None]:
        detail = None if outcome.shown is None else {"shown": outcome.shown}
        if not outcome.as_asked:
            reason = outcome.refusal or "the meter shows something else"
            yield from self.rung(Rung.FAILED, reason=reason, detail=detail)
            return

        def work(now_ms: int) -> None:
            if outcome.refusal is None:
                self._tools.commands.rung(self._command.id, Rung.ACKNOWLEDGED, now_ms)
            self._remember(args, now_ms)
            self._tools.commands.rung(self._command.id, Rung.CONFIRMED, now_ms, detail=detail)

        yield Commit(work)

    def _remember(self, args: Args, now_ms: int) -> None:
        """Money that is now on the meter is told as its balance."""
        meter, report = self._waiting.meter, self._tools.report
        if isinstance(args, SetBalanceArgs):
            report.balance(meter, BalanceSeen(args.balance, args.as_on), "head-end", now_ms)
        elif isinstance(args, RechargeArgs):
            seen = BalanceSeen(args.balance, args.as_on or args.at, args.amount, args.at, args.total)
            report.balance(meter, seen, "head-end", now_ms)
            report.payment_done(meter, args.payment)

    def _set_clock(self, args: SetClockArgs, *, resumed: bool) -> Script[int | None]:
        refusal = "it was interrupted after it was sent" if resumed else None
        if not resumed:
            now_ms: int = yield Commit(lambda now: now)
            refusal = yield from self._meter.set_clock(utc(now_ms) if args.to is None else args.to)
            if refusal is None:
                yield from self.rung(Rung.ACKNOWLEDGED)
        shown = yield from self._meter.clock()
        now_ms = yield Commit(lambda now: now)
        target = now_ms if args.to is None else utc_ms(args.to)
        off_ms = utc_ms(shown) - target
        agrees = abs(off_ms) <= CLOCK_AGREES_MS or (args.to is not None and 0 <= off_ms <= READ_BACK_MS)
        detail = {"clock": shown.isoformat()}
        if agrees:
            yield from self.rung(Rung.CONFIRMED, detail=detail)
        else:
            yield from self.rung(Rung.FAILED, reason=refusal or f"the clock is {off_ms / 1000} s off", detail=detail)
        return None

    def _sync(self, args: SyncArgs) -> Script[int | None]:
        """One missing stretch of each history at a time, so that other commands come between."""
        plans = self._tools.plans
        wanted = args.profiles or tuple(name for name in plans if name in HISTORIES)
        more = False
        for profile in wanted:
            plan = plans.get(profile) or ReadPlan.model_validate("1d")
            outcome = yield from poll(self._waiting.meter, profile, plan, self._meter, self._tools.report)
            more |= outcome.more
        if more:
            now_ms: int = yield Commit(lambda now: now)
            return now_ms
        yield from self.rung(Rung.CONFIRMED, detail={"profiles": list(wanted)})
        return None

    def _read(self) -> Script[int | None]:
        args = self._args()
        if not isinstance(args, ReadArgs):
            return None
        if not self._waiting.may_have_moved and not (
            yield Commit(lambda now_ms: self._tools.commands.begin(self._command.id, now_ms))
        ):
            return None
        rows = yield from self._meter.get(args)
        yield from self.rung(Rung.CONFIRMED, rows=rows)
        return None


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
