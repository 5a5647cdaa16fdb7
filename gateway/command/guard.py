"""The guard: whether a command that touches supply may go on, and by the name of which rule it may not.

Pure: all that a rule looks at comes in a `Case`. A cut passes every rule that concerns its meter and its cause; a
reconnect is never held for money: only a named safety hold stops it, and a rate may delay it. The same table is asked
when a command comes in and again just before the wire.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.command.effect import Effect
from gateway.command.guard_rule import (
    DAYS,
    AnyRule,
    BlastRadius,
    Evidence,
    GuardConfig,
    HeadendSilence,
    Hours,
    Moratorium,
    Protected,
    ReconnectRate,
    Rule,
    SafetyHold,
)
from gateway.configuration.span import written
from protocols.message.command import Cause, Command

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
FUTURE_MS: Final = 300_000
"""Evidence may claim to be this much later than our clock, not more."""

NO_EXPIRY: Final = "expiry"
CLOCK: Final = "clock"
NEVER_OVERRIDDEN: Final = frozenset({NO_EXPIRY, CLOCK})


class KnownBalance(NamedTuple):
    """What the gateway itself has seen of a meter's money."""

    balance: int
    as_on_ms: int
    recharge_ms: int | None


class Case(NamedTuple):
    """All that a rule may look at."""

    command: Command
    meter: str
    groups: tuple[str, ...]
    effect: Effect
    now_ms: int
    clock_trusted: bool
    headend_seen_ms: int
    """The head-end's last heartbeat; before the first one, when the gateway started to listen."""
    balance: KnownBalance | None
    fleet: Callable[[Rule], int]
    """How many meters a rule is for."""
    cuts_since: Callable[[int, Rule], int]
    """How many other cuts of the meters that a rule is for were let in, or went on the wire, since an instant."""
    restores_since: Callable[[int, Rule], Iterator[int]]
    """When reconnects of the meters that a rule is for begin or began, the last first, back to an instant."""
    at_wire: bool = False
    """The command was let through before and is about to be sent."""


class Verdict(NamedTuple):
    """`delay_ms` is for a reconnect that has to wait its turn; `override` names the permission that passed a rule."""

    allowed: bool
    rule: str | None = None
    reason: str | None = None
    delay_ms: int = 0
    override: str | None = None


PASSED: Final = Verdict(allowed=True)


def judge(config: GuardConfig, case: Case) -> Verdict:
    """Ask every rule of the table."""
    if case.effect is Effect.NONE:
        return PASSED
    if case.effect is Effect.RESTORE:
        return _restore(config, case)
    for name, fault in ((NO_EXPIRY, _expiry(case)), (CLOCK, _clock(case))):
        if fault is not None:
            return Verdict(allowed=False, rule=name, reason=fault)
    override = None
    for rule in config.rules_for(case.meter, case.groups):
        fault = _cut_fault(rule, case)
        if fault is None:
            continue
        permission = _permission(config, rule.name, case)
        if permission is None:
            return Verdict(allowed=False, rule=rule.name, reason=fault)
        override = permission
    return Verdict(allowed=True, override=override)


def moratorium_of(config: GuardConfig, now_ms: int, headend_seen_ms: int) -> str | None:
    """What a status says: why nobody is cut for non-payment now, if a rule for all says so."""
    for rule in config.rule:
        if not rule.is_for_all:
            continue
        if isinstance(rule, Moratorium) and _in_force(rule, now_ms):
            return f"{rule.name}: {rule.reason}, until {rule.until.isoformat()}"
        if isinstance(rule, HeadendSilence) and now_ms - headend_seen_ms > rule.longer_than:
            return f"{rule.name}: no heartbeat for {written(now_ms - headend_seen_ms)}"
    return None


def cause_of(command: Command) -> Cause:
    """Absent means non-payment."""
    return command.cause or Cause.NON_PAYMENT


def _restore(config: GuardConfig, case: Case) -> Verdict:
    delay = 0
    for rule in config.rules_for(case.meter, case.groups):
        if isinstance(rule, SafetyHold):
            return Verdict(allowed=False, rule=rule.name, reason=rule.reason)
        if isinstance(rule, ReconnectRate) and not case.at_wire:
            begins = case.restores_since(case.now_ms - MINUTE_MS, rule)
            minute_before = next(islice(begins, rule.per_minute - 1, None), None)
            if minute_before is not None:
                delay = max(delay, minute_before + MINUTE_MS - case.now_ms)
    return Verdict(allowed=True, delay_ms=delay)


def _permission(config: GuardConfig, rule: str, case: Case) -> str | None:
    asked = case.command.override
    if asked is None or rule in NEVER_OVERRIDDEN:
        return None
    known = config.permission.get(asked.permission)
    if known is None or rule not in known.rules or case.command.requested_by not in known.requested_by:
        return None
    return asked.permission


def _expiry(case: Case) -> str | None:
    return "what can end supply needs expires_at" if case.command.expires_at is None else None


def _clock(case: Case) -> str | None:
    return None if case.clock_trusted else "the gateway's own clock is not trusted"


def _cut_fault(rule: AnyRule, case: Case) -> str | None:
    match rule:
        case Moratorium() if cause_of(case.command) in rule.causes and _in_force(rule, case.now_ms):
            return f"{rule.reason} (until {rule.until.isoformat()})"
        case HeadendSilence() if cause_of(case.command) in rule.causes:
            silent = case.now_ms - case.headend_seen_ms
            return f"the head-end has been silent for {written(silent)}" if silent > rule.longer_than else None
        case Hours() if cause_of(case.command) in rule.causes:
            return _hours_fault(rule, case.now_ms)
        case Protected() if cause_of(case.command) in rule.causes:
            return rule.reason
        case Evidence() if cause_of(case.command) in rule.causes:
            return _evidence_fault(rule, case)
        case BlastRadius():
            return _blast_fault(rule, case)
        case _:
            return None


def _in_force(rule: Moratorium, now_ms: int) -> bool:
    begun = rule.since is None or rule.since.timestamp() * 1000 <= now_ms
    return begun and now_ms < rule.until.timestamp() * 1000


def _hours_fault(rule: Hours, now_ms: int) -> str | None:
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(rule.zone))
    if local.date() in rule.holidays:
        return f"{local.date().isoformat()} is a holiday"
    if DAYS[local.weekday()] not in rule.days:
        return f"no cuts on {DAYS[local.weekday()]}"
    clock = local.strftime("%H:%M")
    within = rule.start <= clock <= rule.end if rule.start <= rule.end else not rule.end < clock < rule.start
    return None if within else f"it is {clock}; cuts are allowed from {rule.start} to {rule.end}"


def _evidence_fault(rule: Evidence, case: Case) -> str | None:
    evidence = case.command.evidence
    if evidence is None:
        return "a cut for non-payment carries evidence: the balance and its time"
    as_on_ms = round(evidence.as_on.timestamp() * 1000)
    age_ms = case.now_ms - as_on_ms
    if age_ms > rule.not_older_than:
        return f"the balance is {written(age_ms)} old, older than {written(rule.not_older_than)}"
    if age_ms < -FUTURE_MS:
        return "the balance is dated in the future"
    if evidence.balance > rule.limit:
        return f"a balance of {evidence.balance} is above {rule.limit}"
    known = case.balance
    if known is None:
        return None
    if known.recharge_ms is not None and known.recharge_ms > as_on_ms:
        return "a recharge has been seen since that balance"
    if known.as_on_ms > as_on_ms and known.balance > rule.limit:
        return f"a newer balance of {known.balance} has been seen"
    return None


def _blast_fault(rule: BlastRadius, case: Case) -> str | None:
    most_of_fleet = None if rule.share is None else max(1, int(rule.share * case.fleet(rule)))
    bounds = (
        (rule.per_minute, MINUTE_MS, "minute"),
        (rule.per_hour, HOUR_MS, "hour"),
        (most_of_fleet, rule.share_within, written(rule.share_within)),
    )
    for most, span_ms, name in bounds:
        if most is not None and case.cuts_since(case.now_ms - span_ms, rule) >= most:
            return f"{most} cuts within a {name} are the most that are allowed"
    return None
