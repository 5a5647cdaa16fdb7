"""One command with one meter, from the queue to its end, as a script.

`sent` is durable before anything reaches the wire. Afterwards only a read-back decides: a time-out, a broken connection
or a restart in between ends in reading, never in doing it again. A script gives back when the command is to be looked
at once more (milliseconds UTC), or None when it is over.
"""

from typing import Any, Final

from gateway.command.command import Open
from gateway.command.firmware_job import install
from gateway.command.key_job import rotate
from gateway.command.switching import Switching
from gateway.command.tools import Tools
from gateway.meter.scripts import BalanceSeen, MeterScripts, Written
from gateway.polling.poll import poll
from gateway.polling.reading import utc, utc_ms
from gateway.polling.schedule import HISTORIES, ReadPlan
from gateway.service.script import Commit, MeterError, NoConnectionError, RefusedError, Script
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

READ_BACK_MS: Final = 600_000
"""For so long after its expiry a command that was sent is read back, before it ends as unknown."""
CLOCK_AGREES_MS: Final = 5_000


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
            yield from self._switching().observe()
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

    def _switching(self) -> Switching:
        return Switching(self._waiting, self._meter, self._tools)

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
                return (yield from self._switching().work(closed=closed, resumed=resumed))
        yield from self.rung(Rung.FAILED, reason=f"{self._command.verb} is not possible with this meter")
        return None

    def _execute(self, args: ExecuteArgs, *, resumed: bool) -> Script[int | None]:
        if args.class_id == 70 and args.method in {1, 2}:
            return (yield from self._switching().work(closed=args.method == 2, resumed=resumed))
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
