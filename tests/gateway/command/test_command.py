"""Commands come in once, whatever comes; each refusal says why; everything is durable together."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.command.command import Commands
from gateway.command.door import LIFETIME_MS, Delivery
from gateway.command.guard_rule import GuardConfig
from gateway.outbox.outbox import Reply
from gateway.polling.reading import utc
from protocols.message.command import Rung
from tests.gateway.cores import NOW_MS, Cores

EXPIRES = (utc(NOW_MS) + timedelta(minutes=1)).isoformat()


def request(**more: Any) -> bytes:
    data = {"id": "c1", "verb": "disconnect", "cause": "maintenance", "expires_at": EXPIRES} | more
    return json.dumps({name: value for name, value in data.items() if value is not None}).encode()


def give(
    cores: Cores, payload: bytes, meter: str = "MB1", now_ms: int = NOW_MS, **more: Any
) -> list[tuple[str, str | None]]:
    """What the results say of one delivery: rung and rule."""
    (before,) = cores.store.sql.execute("SELECT COALESCE(MAX(id), 0) FROM outbox").fetchone()
    with cores.store.transaction():
        cores.door.receive(meter, Delivery(payload, **more), now_ms)
    return [(result.rung.value, result.rule) for result in cores.results(after=before)]


def test_a_command_in_order_is_accepted_and_waits() -> None:
    cores = Cores()
    assert give(cores, request()) == [("accepted", None)]
    (waiting,) = cores.commands.waiting()
    assert (waiting.command.id, waiting.meter, waiting.rung) == ("c1", "MB1", Rung.ACCEPTED)


@pytest.mark.parametrize(
    ("payload", "more", "expected"),
    [
        (b"", {}, ("refused", "malformed")),
        (b"\xff\xfe", {}, ("refused", "malformed")),
        (b"[]", {}, ("refused", "malformed")),
        (b'{"id":"c1"}', {}, ("refused", "malformed")),
        (request(verb="explode"), {}, ("refused", "malformed")),
        (request(unheard_of=1), {}, ("refused", "malformed")),
        (request(id="white space"), {}, ("refused", "malformed")),
        (request(expires_at="2027-01-01T00:00:00"), {}, ("refused", "malformed")),
        (request(args={"force": True}), {}, ("refused", "malformed")),
        (request(verb="read", args={}), {}, ("refused", "malformed")),
        (request(verb="read", args={"profile": "x", "obis": "1.0.1.8.0.255"}), {}, ("refused", "malformed")),
        (request(verb="write", args={"obis": "1.0.1.8", "value": 1}), {}, ("refused", "malformed")),
        (request(args={"filler": "x" * 300_000}), {}, ("refused", "malformed")),
        (request(), {"retained": True}, ("refused", "retained")),
        (request(), {"meter": "MB9"}, ("refused", "unknown-meter")),
        (request(), {"now_ms": NOW_MS + 60_000}, ("expired", None)),
        (request(), {"expires_ms": NOW_MS}, ("expired", None)),
        (request(cause=None), {}, ("refused", "evidence")),
        (request(expires_at=None), {}, ("refused", "expiry")),
        (request(), {"reply": Reply("meters/v1/gw1/MB1/command", None)}, ("refused", "response-topic")),
        (request(), {"reply": Reply("meters/v1/gw2/replay", None)}, ("refused", "response-topic")),
        (request(), {"reply": Reply("answers/+", None)}, ("refused", "response-topic")),
        (request(), {"reply": Reply("$SYS/x", None)}, ("refused", "response-topic")),
    ],
)
def test_what_is_wrong_is_refused_with_its_rule(
    payload: bytes, more: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    cores = Cores()
    assert give(cores, payload, **more) == [expected]
    assert cores.commands.waiting() == []
    assert (cores.results()[0].reason or "") != ""
    assert give(cores, request(id="c2")) == [("accepted", None)], "one bad message never stops the next"


def test_a_malformed_command_is_answered_under_its_id_if_it_has_one() -> None:
    cores = Cores()
    give(cores, b'{"id":"mine","verb":5}')
    assert cores.results()[0].id == "mine"


def test_the_same_again_gets_the_first_answer_and_moves_nothing() -> None:
    cores = Cores()
    give(cores, request())
    assert give(cores, request()) == [("accepted", None)]
    assert cores.results()[-1].repeated
    assert len(cores.commands.waiting()) == 1
    with cores.store.transaction():
        cores.commands.begin("c1", NOW_MS)
        cores.commands.rung("c1", Rung.CONFIRMED, NOW_MS, detail={"output_state": False})
    assert give(cores, request()) == [("confirmed", None)]
    assert cores.results()[-1].detail == {"output_state": False}


def test_the_same_id_with_other_content_is_refused_and_the_first_goes_on() -> None:
    cores = Cores()
    give(cores, request())
    assert give(cores, request(verb="reconnect")) == [("refused", "id-reused")]
    assert give(cores, request(), "MB2") == [("refused", "id-reused")]
    assert [waiting.command.verb for waiting in cores.commands.waiting()] == ["disconnect"]


def test_a_refused_id_stays_refused() -> None:
    cores = Cores()
    give(cores, request(cause=None))
    assert give(cores, request(cause=None)) == [("refused", "evidence")]
    assert give(cores, request()) == [("refused", "id-reused")]


def test_the_earlier_expiry_counts_and_without_one_there_is_a_lifetime() -> None:
    cores = Cores()
    give(cores, request(), expires_ms=NOW_MS + 5_000)
    give(cores, request(id="c2", verb="reconnect", expires_at=None))
    assert [waiting.expires_ms - NOW_MS for waiting in cores.commands.waiting()] == [5_000, LIFETIME_MS]


def test_it_expires_in_the_queue_and_just_before_the_wire() -> None:
    cores = Cores()
    give(cores, request())
    give(cores, request(id="c2", verb="reconnect"))
    late = NOW_MS + 60_000
    with cores.store.transaction():
        assert not cores.commands.begin("c1", late)
        assert cores.commands.expire(late) == ["c2"]
    assert [result.rung.value for result in cores.results()] == ["accepted", "accepted", "expired", "expired"]


def test_the_guard_is_asked_again_just_before_the_wire() -> None:
    cores = Cores()
    give(cores, request(cause=None, evidence={"balance": -5, "as_on": utc(NOW_MS).isoformat()}))
    with cores.store.transaction():
        cores.store.sql.execute("INSERT INTO balance VALUES ('MB1', 900, ?, ?, '')", (NOW_MS + 1, NOW_MS + 1))
        assert not cores.commands.begin("c1", NOW_MS + 10)
    last = cores.results()[-1]
    assert (last.rung, last.rule, last.final) == (Rung.REFUSED, "evidence", True)


def test_it_begins_once() -> None:
    cores = Cores()
    give(cores, request())
    with cores.store.transaction():
        assert cores.commands.begin("c1", NOW_MS)
        assert not cores.commands.begin("c1", NOW_MS)
        assert not cores.commands.begin("other", NOW_MS)
    (waiting,) = cores.commands.waiting()
    assert waiting.may_have_moved


def test_a_rung_that_can_t_follow_changes_nothing() -> None:
    cores = Cores()
    give(cores, request())
    with cores.store.transaction():
        assert not cores.commands.rung("c1", Rung.CONFIRMED, NOW_MS)
        assert not cores.commands.rung("nobody", Rung.FAILED, NOW_MS)
    assert len(cores.results()) == 1


def test_a_full_queue_and_a_full_outbox_refuse() -> None:
    cores = Cores()
    cores.around.queue_per_meter = 2
    for number in range(2):
        give(cores, request(id=f"c{number}"))
    assert give(cores, request(id="c9")) == [("refused", "queue-full")]
    cores.around.full = lambda: True
    assert give(cores, request(id="c10"), "MB2") == [("refused", "outbox-full")]


def test_a_mass_disconnect_is_stopped_at_the_configured_number() -> None:
    guard = GuardConfig.model_validate({"rule": [{"kind": "blast_radius", "per_minute": 20}]})
    cores = Cores(guard=guard)
    cores.around.groups = {f"MB{number}": () for number in range(1_000)}
    outcomes = [give(cores, request(id=f"c{number}"), f"MB{number}")[0] for number in range(1_000)]
    assert outcomes.count(("accepted", None)) == 20
    assert outcomes.count(("refused", "blast-radius")) == 980
    assert cores.commands.judgement.refused["blast-radius"] == 980
    assert give(cores, request(id="later", expires_at=None), "MB999", NOW_MS + 61_000) == [("refused", "expiry")]
    later = (utc(NOW_MS) + timedelta(minutes=9)).isoformat()
    assert give(cores, request(id="late", expires_at=later), "MB999", NOW_MS + 61_000) == [("accepted", None)]


def test_cuts_that_waited_for_their_meters_do_not_fall_into_one_minute() -> None:
    guard = GuardConfig.model_validate({"rule": [{"kind": "blast_radius", "per_minute": 3}]})
    cores = Cores(guard=guard)
    cores.around.groups = {f"MB{number}": () for number in range(9)}
    late = (utc(NOW_MS) + timedelta(hours=9)).isoformat()
    for number in range(9):
        wait_ms = number // 3 * 61_000
        assert give(cores, request(id=f"c{number}", expires_at=late), f"MB{number}", NOW_MS + wait_ms)[0][1] is None
    back_ms = NOW_MS + 3_600_000
    with cores.store.transaction():
        begun = [cores.commands.begin(f"c{number}", back_ms) for number in range(9)]
    assert begun == [True] * 3 + [False] * 6
    refused = [(result.rung, result.rule) for result in cores.results() if result.final]
    assert refused == [(Rung.REFUSED, "blast-radius")] * 6


RATE = GuardConfig.model_validate({"rule": [{"kind": "reconnect_rate", "per_minute": 1}]})


def test_what_comes_after_a_delayed_reconnect_waits_behind_it_and_a_read_does_not() -> None:
    cores = Cores(guard=RATE)
    give(cores, request(id="first", verb="reconnect"), "MB2")
    for number, verb in enumerate(["reconnect", "disconnect", "read", "set_clock"]):
        args = {"profile": "instantaneous"} if verb == "read" else {}
        give(cores, request(id=f"c{number}", verb=verb, args=args), now_ms=NOW_MS + number)
    waits = {each.command.id: each.not_before_ms - NOW_MS for each in cores.commands.waiting()}
    assert waits == {"first": 0, "c0": 60_000, "c1": 60_000, "c2": 2, "c3": 60_000}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=30), st.integers(1, 4))
def test_reconnects_never_begin_faster_than_their_rate_and_none_waits_longer_than_it_must(
    pauses_ms: list[int], per_minute: int
) -> None:
    guard = GuardConfig.model_validate({"rule": [{"kind": "reconnect_rate", "per_minute": per_minute}]})
    cores, now_ms, begins = Cores(guard=guard), NOW_MS, list[int]()
    cores.around.groups = {f"MB{number}": () for number in range(len(pauses_ms))}
    for number, pause_ms in enumerate(pauses_ms):
        now_ms += pause_ms
        give(cores, request(id=f"c{number}", verb="reconnect", expires_at=None), f"MB{number}", now_ms)
        begins.append(cores.commands.waiting()[-1].not_before_ms)
        before = begins[-1 - per_minute] if number >= per_minute else now_ms - 60_000
        assert begins[-1] == max(now_ms, before + 60_000)


def test_a_group_s_own_number_counts_its_own_cuts_and_those_of_all_count_too() -> None:
    rules = [
        {"kind": "blast_radius", "name": "north", "groups": ["north"], "per_minute": 2},
        {"kind": "blast_radius", "per_minute": 5},
    ]
    cores = Cores(guard=GuardConfig.model_validate({"rule": rules}))
    cores.around.groups = {f"MB{number}": ("north",) if number % 2 else () for number in range(20)}
    outcomes = [give(cores, request(id=f"c{number}"), f"MB{number}")[0] for number in range(20)]
    assert [rule for _, rule in outcomes[:8]] == [None, None, None, None, None, "north", "blast-radius", "north"]


def test_an_override_is_told_with_who_and_which() -> None:
    guard = GuardConfig.model_validate(
        {
            "rule": [{"kind": "protected", "reason": "a hospital"}],
            "permission": {"court": {"requested_by": ["asha"], "rules": ["protected"]}},
        }
    )
    cores, told = Cores(guard=guard), list[tuple[str, str]]()
    cores.commands.judgement.overridden = lambda meter, command: told.append((meter, command.id))
    asked = {"override": {"permission": "court", "reason": "order 12"}}
    assert give(cores, request(**asked)) == [("refused", "protected")]
    assert give(cores, request(id="c2", requested_by="asha", **asked)) == [("accepted", None)]
    assert told == [("MB1", "c2")]


def test_every_decision_is_kept() -> None:
    cores = Cores()
    give(cores, request())
    give(cores, request(id="c2", cause=None))
    rows = cores.store.sql.execute("SELECT command, effect, allowed, rule FROM decision ORDER BY id").fetchall()
    assert rows == [("c1", "cut", 1, None), ("c2", "cut", 0, "evidence")]


def test_a_response_topic_gets_a_copy_with_the_same_number() -> None:
    cores = Cores()
    give(cores, request(), reply=Reply("answers/7", b"\x01\x02"))
    cores.outbox.begin_session(new=True)
    (message,) = cores.outbox.take(10, NOW_MS)
    assert message.reply == Reply("answers/7", b"\x01\x02")
    assert message.topic == "meters/v1/gw1/MB1/result"


def test_command_decision_and_result_are_durable_together_or_not_at_all() -> None:
    cores = Cores()
    cores.store.begin()
    cores.door.receive("MB1", Delivery(request()), NOW_MS)
    cores.store.rollback()
    assert cores.commands.waiting() == []
    assert cores.results() == []
    assert cores.store.sql.execute("SELECT COUNT(*) FROM decision").fetchone() == (0,)


def test_after_a_restart_what_is_left_to_do_is_known() -> None:
    cores = Cores()
    give(cores, request())
    give(cores, request(id="c2", verb="reconnect"))
    with cores.store.transaction():
        cores.commands.begin("c1", NOW_MS)
    again = Commands(cores.store, cores.outbox, cores.topics, cores.around)
    assert [(each.command.id, each.may_have_moved) for each in again.waiting()] == [("c1", True), ("c2", False)]


def test_old_ids_are_forgotten_only_long_after() -> None:
    cores = Cores()
    give(cores, request())
    with cores.store.transaction():
        cores.commands.begin("c1", NOW_MS)
        cores.commands.rung("c1", Rung.CONFIRMED, NOW_MS)
        cores.commands.forget_old(NOW_MS + 300 * 86_400_000)
    assert give(cores, request()) == [("confirmed", None)]
    with cores.store.transaction():
        cores.commands.forget_old(NOW_MS + 500 * 86_400_000)
    assert cores.store.sql.execute("SELECT COUNT(*) FROM command").fetchone() == (0,)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["id", "verb", "args", "cause", "x"]), inner, max_size=4)
            ),
            max_leaves=8,
        ).map(lambda data: json.dumps(data).encode()),
    )
)
def test_any_payload_is_answered_once_and_nothing_is_raised(payload: bytes) -> None:
    cores = Cores()
    assert len(give(cores, payload)) == 1
