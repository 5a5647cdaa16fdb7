"""Every rule of the guard: the case that it stops and the case that it lets through."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.command.effect import Effect
from gateway.command.guard import Case, KnownBalance, Verdict, judge, moratorium_of
from gateway.command.guard_rule import GuardConfig, Rule
from protocols.message.command import Command
from tests.gateway.cores import NOW_MS

NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
DAY_MS = 86_400_000
EVIDENCE = {"balance": -500, "as_on": (NOW - timedelta(hours=1)).isoformat()}


def command(**more: Any) -> Command:
    data = {"id": "c1", "verb": "disconnect", "expires_at": (NOW + timedelta(minutes=1)).isoformat()} | more
    return Command.model_validate(data)


def case(asked: Command, effect: Effect = Effect.CUT, **more: Any) -> Case:
    known: dict[str, Any] = {
        "command": asked, "meter": "MB1", "groups": ("north",), "effect": effect, "now_ms": NOW_MS,
        "clock_trusted": True, "headend_seen_ms": NOW_MS, "balance": None,
        "fleet": lambda _rule: 100, "cuts_since": lambda _since, _rule: 0,
        "restores_since": lambda _since, _rule: iter(()),
    }  # fmt: skip
    return Case(**known | more)


def guard(*rules: dict[str, Any], **more: Any) -> GuardConfig:
    return GuardConfig.model_validate({"rule": list(rules)} | more)


def cut(config: GuardConfig | None = None, asked: Command | None = None, **more: Any) -> Verdict:
    """What the guard says to a cut that is in order but for what the test changes."""
    return judge(config or guard(), case(asked or command(evidence=EVIDENCE), **more))


def at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).isoformat()


def test_a_cut_in_order_passes() -> None:
    assert cut() == Verdict(allowed=True)


def test_what_touches_no_supply_is_not_judged() -> None:
    assert judge(guard(), case(command(expires_at=None), Effect.NONE, clock_trusted=False)).allowed


def test_a_cut_without_expiry_is_refused() -> None:
    assert cut(asked=command(evidence=EVIDENCE, expires_at=None)).rule == "expiry"


def test_a_cut_is_refused_while_the_clock_is_not_trusted() -> None:
    assert cut(clock_trusted=False).rule == "clock"


MORATORIUM = {"kind": "moratorium", "name": "app down", "reason": "the app does not open", "until": at(5)}


@pytest.mark.parametrize(
    ("rule", "asked", "stops"),
    [
        (MORATORIUM, {}, True),
        (MORATORIUM | {"until": at(-1)}, {}, False),
        (MORATORIUM | {"since": at(1)}, {}, False),
        (MORATORIUM | {"groups": ["north"]}, {}, True),
        (MORATORIUM | {"groups": ["south"]}, {}, False),
        (MORATORIUM | {"meters": ["MB1"]}, {}, True),
        (MORATORIUM, {"cause": "safety"}, False),
        (MORATORIUM | {"causes": ["safety"]}, {"cause": "safety"}, True),
    ],
)
def test_a_moratorium_holds_for_whom_and_what_it_names(
    rule: dict[str, Any], asked: dict[str, Any], *, stops: bool
) -> None:
    verdict = cut(guard(rule), command(evidence=EVIDENCE, **asked))
    assert verdict.allowed is not stops
    assert not stops or (verdict.rule == "app down" and "the app does not open" in (verdict.reason or ""))


def test_a_silent_head_end_is_a_moratorium_by_itself() -> None:
    rule = {"kind": "headend_silence", "longer_than": "12h"}
    assert cut(guard(rule), headend_seen_ms=NOW_MS - 13 * 3_600_000).rule == "headend-silent"
    assert cut(guard(rule), headend_seen_ms=NOW_MS - 11 * 3_600_000).allowed
    assert cut(guard(rule), command(cause="fraud"), headend_seen_ms=0).allowed


HOURS = {"kind": "hours", "from": "10:00", "to": "12:59", "zone": "Asia/Kolkata"}


def ist(text: str) -> dict[str, Any]:
    instant = datetime.fromisoformat(text + "+05:30")
    as_on = (instant - timedelta(hours=1)).isoformat()
    asked = command(evidence={"balance": -1, "as_on": as_on}, expires_at=(instant + timedelta(hours=1)).isoformat())
    return {"asked": asked, "now_ms": round(instant.timestamp() * 1000), "headend_seen_ms": 0}


@pytest.mark.parametrize(
    ("rule", "when", "stops"),
    [
        (HOURS, "2026-11-24T10:00", False),
        (HOURS, "2026-11-24T12:59", False),
        (HOURS, "2026-11-24T13:00", True),
        (HOURS, "2026-11-24T09:59", True),
        (HOURS | {"days": ["mon"]}, "2026-11-24T11:00", True),
        (HOURS | {"days": ["tue"]}, "2026-11-24T11:00", False),
        (HOURS | {"holidays": ["2026-11-24"]}, "2026-11-24T11:00", True),
        (HOURS | {"holidays": ["2026-11-25"]}, "2026-11-24T11:00", False),
        (HOURS | {"from": "22:00", "to": "05:00"}, "2026-11-24T23:30", False),
        (HOURS | {"from": "22:00", "to": "05:00"}, "2026-11-24T12:00", True),
    ],
)
def test_cuts_come_on_allowed_days_and_hours_only(rule: dict[str, Any], when: str, *, stops: bool) -> None:
    verdict = cut(guard(rule), **ist(when))
    assert verdict.allowed is not stops
    assert not stops or verdict.rule == "hours"


def test_protected_meters_are_not_cut_save_for_safety() -> None:
    config = guard({"kind": "protected", "meters": ["MB1"], "reason": "a hospital"})
    assert cut(config).rule == "protected"
    assert cut(config, command(cause="maintenance")).rule == "protected"
    assert cut(config, command(cause="safety")).allowed
    assert cut(config, meter="MB2").allowed


@pytest.mark.parametrize(
    ("evidence", "known", "stops"),
    [
        (None, None, "evidence: the balance and its time"),
        ({"balance": -500, "as_on": at(-25)}, None, "old, older than"),
        ({"balance": -500, "as_on": at(-23)}, None, None),
        ({"balance": -500, "as_on": at(1)}, None, "in the future"),
        ({"balance": 1, "as_on": at(-1)}, None, "above 0"),
        ({"balance": 0, "as_on": at(-1)}, None, None),
        (EVIDENCE, KnownBalance(100, NOW_MS, None), "newer balance"),
        (EVIDENCE, KnownBalance(-100, NOW_MS, None), None),
        (EVIDENCE, KnownBalance(100, NOW_MS - 2 * DAY_MS, None), None),
        (EVIDENCE, KnownBalance(-500, NOW_MS - DAY_MS, NOW_MS), "recharge"),
        (EVIDENCE, KnownBalance(-500, NOW_MS - DAY_MS, NOW_MS - DAY_MS), None),
    ],
)
def test_a_cut_for_non_payment_rests_on_fresh_evidence_that_nothing_contradicts(
    evidence: dict[str, Any] | None, known: KnownBalance | None, stops: str | None
) -> None:
    verdict = cut(asked=command(evidence=evidence), balance=known)
    assert verdict.allowed is (stops is None)
    if stops is not None:
        assert verdict.rule == "evidence"
        assert stops in (verdict.reason or "")


def test_other_causes_need_no_evidence() -> None:
    for cause in ("safety", "maintenance", "consumer_request", "fraud"):
        assert cut(asked=command(cause=cause)).allowed


def counted(cuts: dict[int, int]) -> Callable[[int, Rule], int]:
    return lambda since_ms, _rule: next(
        count for span_ms, count in sorted(cuts.items()) if NOW_MS - since_ms <= span_ms
    )


@pytest.mark.parametrize(
    ("rule", "cuts", "stops"),
    [
        ({"per_minute": 5}, {60_000: 5}, True),
        ({"per_minute": 5}, {60_000: 4}, False),
        ({"per_hour": 50}, {3_600_000: 50}, True),
        ({"per_hour": 50}, {3_600_000: 49}, False),
        ({"share": 0.1}, {DAY_MS: 10}, True),
        ({"share": 0.1}, {DAY_MS: 9}, False),
        ({"per_minute": 0}, {60_000: 0}, True),
    ],
)
def test_the_blast_radius_bounds_cuts_of_every_cause(
    rule: dict[str, Any], cuts: dict[int, int], *, stops: bool
) -> None:
    config = guard({"kind": "blast_radius"} | rule)
    for asked in (command(evidence=EVIDENCE), command(cause="safety")):
        verdict = cut(config, asked, cuts_since=counted(cuts))
        assert verdict.allowed is not stops
        assert not stops or verdict.rule == "blast-radius"


def test_at_the_wire_cuts_are_counted_again() -> None:
    config = guard({"kind": "blast_radius", "per_minute": 1})
    assert cut(config, at_wire=True).allowed
    assert cut(config, cuts_since=counted({60_000: 1}), at_wire=True).rule == "blast-radius"


def test_without_a_rule_of_one_s_own_there_is_a_blast_radius() -> None:
    assert cut(cuts_since=counted({DAY_MS: 20})).rule == "blast-radius"


def test_a_rule_of_some_meters_leaves_the_others_what_is_built_in() -> None:
    long = {"kind": "evidence", "name": "north", "groups": ["north"], "not_older_than": "7d"}
    old = command(evidence=EVIDENCE | {"as_on": at(-48)})
    assert cut(guard(long), old).allowed
    assert cut(guard(long), old, groups=("south",)).rule == "evidence"
    wide = {"kind": "blast_radius", "name": "north", "groups": ["north"], "per_minute": 1000}
    assert cut(guard(wide), cuts_since=counted({DAY_MS: 20})).rule == "blast-radius"
    assert cut(guard(wide | {"groups": []}), cuts_since=counted({DAY_MS: 20})).allowed


def reconnect(config: GuardConfig, **more: Any) -> Verdict:
    return judge(config, case(command(verb="reconnect", expires_at=None), Effect.RESTORE, **more))


def test_a_reconnect_is_never_held_for_money_or_by_a_clock() -> None:
    config = guard(MORATORIUM, HOURS, {"kind": "protected", "reason": "a hospital"})
    known = KnownBalance(-99_999, NOW_MS, None)
    assert reconnect(config, balance=known, clock_trusted=False, headend_seen_ms=0).allowed


def test_only_a_named_safety_hold_stops_a_reconnect() -> None:
    config = guard({"kind": "safety_hold", "name": "line work", "groups": ["north"], "reason": "men on the line"})
    verdict = reconnect(config)
    assert (verdict.allowed, verdict.rule, verdict.reason) == (False, "line work", "men on the line")
    assert reconnect(config, groups=("south",)).allowed


def test_a_reconnect_rate_delays_and_does_not_refuse() -> None:
    config = guard({"kind": "reconnect_rate", "per_minute": 10})

    def begun(*ago_s: int) -> Verdict:
        return reconnect(config, restores_since=lambda _since, _rule: (NOW_MS - ago * 1000 for ago in ago_s))

    assert begun(*range(9)).delay_ms == 0
    assert (begun(*range(10)).allowed, begun(*range(10)).delay_ms) == (True, 51_000)
    assert begun(*range(-70, -60), 1, 2).delay_ms == 121_000, "those to come count like those that were"


PERMISSION = {"storm-desk": {"requested_by": ["asha"], "rules": ["app down", "hours", "expiry"]}}


@pytest.mark.parametrize(
    ("override", "requested_by", "passes"),
    [
        ({"permission": "storm-desk", "reason": "court order 12"}, "asha", True),
        ({"permission": "storm-desk", "reason": "court order 12"}, "ravi", False),
        ({"permission": "other", "reason": "court order 12"}, "asha", False),
        (None, "asha", False),
    ],
)
def test_an_override_needs_its_own_permission_and_is_named(
    override: dict[str, str] | None,
    requested_by: str,
    passes: bool,  # noqa: FBT001
) -> None:
    config = guard(MORATORIUM, permission=PERMISSION)
    verdict = cut(config, command(evidence=EVIDENCE, override=override, requested_by=requested_by))
    assert verdict.allowed is passes
    assert verdict.override == ("storm-desk" if passes else None)


def test_no_override_passes_a_rule_that_the_permission_does_not_name_or_a_missing_expiry() -> None:
    override = {"permission": "storm-desk", "reason": "court order 12"}
    config = guard({"kind": "protected", "reason": "a hospital"}, permission=PERMISSION)
    assert cut(config, command(evidence=EVIDENCE, override=override, requested_by="asha")).rule == "protected"
    without = command(evidence=EVIDENCE, override=override, requested_by="asha", expires_at=None)
    assert cut(config, without).rule == "expiry"


def test_the_status_says_why_nobody_is_cut_now() -> None:
    assert moratorium_of(guard(MORATORIUM), NOW_MS, NOW_MS) == f"app down: the app does not open, until {at(5)}"
    assert moratorium_of(guard(MORATORIUM | {"groups": ["north"]}), NOW_MS, NOW_MS) is None
    silence = guard({"kind": "headend_silence", "longer_than": "1h"})
    assert "no heartbeat for 2h" in (moratorium_of(silence, NOW_MS, NOW_MS - 7_200_000) or "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "moratorium", "name": "x", "reason": "y"},
        {"kind": "moratorium", "name": "x", "reason": "y", "until": "2026-01-01T00:00:00"},
        {"kind": "hours", "from": "25:00"},
        {"kind": "hours", "zone": "Mars/Olympus"},
        {"kind": "blast_radius", "share": 2},
        {"kind": "safety_hold", "name": "x"},
        {"kind": "unheard_of"},
    ],
)
def test_a_wrong_rule_is_refused_when_the_configuration_is_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        guard(wrong)
