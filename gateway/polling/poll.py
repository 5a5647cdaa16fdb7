"""One scheduled read of one meter, as a script: rows and the knowledge of what is missing become durable together.

A history is read by the stretch that is missing and no more, one stretch at a time, so that a command never waits for
more than one. A script gives back whether more is missing.
"""

from typing import Any, Final, NamedTuple

from gateway.meter.scripts import MeterScripts, RelaySeen, Table
from gateway.polling.coverage import Coverage, Stretch
from gateway.polling.reading import utc_ms
from gateway.polling.report import Report
from gateway.polling.schedule import HISTORIES, ReadPlan
from gateway.service.script import Commit, RefusedError, Script
from protocols.cosem.event_code import event_name

SPAN_DEFAULT_MS: Final = 86_400_000
"""How much of a history without a period (events, billing) is asked for at once, times the plan's rows."""

EVENT_LOGS: Final = (
    "events_voltage", "events_current", "events_power", "events_transaction", "events_other", "events_non_rollover",
    "events_control",
)  # fmt: skip

RELAY, BALANCE, CLOCK, EVENTS = "relay", "balance", "clock", "events"
OWN_READS: Final = (RELAY, BALANCE, CLOCK, EVENTS)
"""Reads that are no profile of their own."""


class Outcome:
    """What a poll found, for whoever called it."""

    __slots__ = ("clock_off_ms", "more", "relay_moved")

    def __init__(self) -> None:
        self.more = False
        """The history has further missing stretches."""
        self.relay_moved = False
        """The contact is not as it was last seen: the load switch is to be read."""
        self.clock_off_ms: int | None = None
        """How far the meter's clock is ahead of ours."""


class _Wanted(NamedTuple):
    """A stretch to ask for, what was known then, and when that was."""

    coverage: Coverage
    stretch: Stretch
    at_ms: int


def poll(meter_id: str, profile: str, plan: ReadPlan, meter: MeterScripts, report: Report) -> Script[Outcome]:
    """Read what the schedule asks for."""
    outcome = Outcome()
    if profile == RELAY:
        yield from _relay(meter_id, meter, report)
    elif profile == BALANCE:
        yield from _balance(meter_id, meter, report)
    elif profile == CLOCK:
        shown = yield from meter.clock()
        now_ms: int = yield Commit(lambda now: now)
        outcome.clock_off_ms = utc_ms(shown) - now_ms
    elif profile == EVENTS:
        for log in EVENT_LOGS:
            try:
                outcome.more |= yield from _history(meter_id, log, plan, meter, report)
            except RefusedError:
                continue  # a meter has the logs it has
    elif profile in HISTORIES:
        outcome.more = yield from _history(meter_id, profile, plan, meter, report)
    else:
        table = yield from meter.read(profile)
        yield from _present(meter_id, table, report, outcome)
    return outcome


def _present(meter_id: str, table: Table, report: Report, outcome: Outcome) -> Script[None]:
    contact = _contact(table)

    def work(now_ms: int) -> bool | None:
        report.table(meter_id, table, now_ms)
        if table.newest_ms is not None and table.profile == "instantaneous":
            outcome.clock_off_ms = table.newest_ms - now_ms
        return report.output_state(meter_id)

    known: bool | None = yield Commit(work)
    outcome.relay_moved = contact is not None and contact != known


def _contact(table: Table) -> bool | None:
    for row in table.rows:
        for value in row.values:
            if value.name == "output_state" and value.value is not None:
                return value.value == "1"
    return None


def _relay(meter_id: str, meter: MeterScripts, report: Report) -> Script[None]:
    seen: RelaySeen | None = yield from meter.relay()
    if seen is not None:
        found = seen
        yield Commit(lambda now_ms: report.relay(meter_id, found, now_ms))


def _balance(meter_id: str, meter: MeterScripts, report: Report) -> Script[None]:
    seen = yield from meter.balance()
    if seen is not None:
        found = seen
        yield Commit(lambda now_ms: report.balance(meter_id, found, "meter", now_ms))


def _history(meter_id: str, profile: str, plan: ReadPlan, meter: MeterScripts, report: Report) -> Script[bool]:
    period = yield from _period(meter_id, profile, meter, report)
    span = period * plan.rows if period else SPAN_DEFAULT_MS * plan.rows
    depth = plan.depth if plan.depth is not None else HISTORIES.get(profile, HISTORIES["events"])

    def begin(now_ms: int) -> _Wanted | None:
        coverage = report.coverage(meter_id, profile) or Coverage.begin(now_ms, depth)
        stretch = coverage.want(now_ms, span, depth, plan.catch_up, period)
        return None if stretch is None else _Wanted(coverage, stretch, now_ms)

    wanted: _Wanted | None = yield Commit(begin)
    if wanted is None:
        return False
    table = yield from meter.read(profile, wanted.stretch)

    def store(now_ms: int) -> bool:
        if profile in EVENT_LOGS:
            _events(meter_id, profile, table, report, now_ms)
        elif table.rows:
            report.table(meter_id, table, now_ms)
        # The answer is of when it was asked for; what has happened since is not covered by it.
        coverage = wanted.coverage.received(wanted.stretch, table.newest_ms, wanted.at_ms).since(wanted.at_ms - depth)
        report.cover(meter_id, profile, coverage)
        left = wanted.stretch.last_ms < wanted.at_ms or bool(coverage.missing)
        return left and plan.catch_up != "off" and coverage != wanted.coverage

    more: bool = yield Commit(store)
    return more


def _period(meter_id: str, profile: str, meter: MeterScripts, report: Report) -> Script[int]:
    known: int | None = yield Commit(lambda _now_ms: report.period_ms(meter_id, profile))
    if known is not None:
        return known
    period = yield from meter.period_ms(profile)

    def work(_now_ms: int) -> Any:
        report.remember_period(meter_id, profile, period)

    yield Commit(work)
    return period


def _events(meter_id: str, log: str, table: Table, report: Report, now_ms: int) -> None:
    for row in table.rows:
        code = next((each.value for each in row.values if (each.obis or "").startswith("0.0.96.11.")), None)
        number = int(code) if code is not None and code.isdecimal() else None
        name = log if number is None else event_name(number)
        report.event(meter_id, "log", name, now_ms, row=row, code=number, log=log)
