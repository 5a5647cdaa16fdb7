"""Store and forward: durable first, numbered in sending order, kept after the PUBACK, given again on request."""

import json
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outbox.outbox import Outbox, Outgoing, RowKind, runs
from gateway.outbox.store import Store
from tests.gateway.cores import NOW_MS, memory_store


def put(outbox: Outbox, meter: str, number: int, now_ms: int = NOW_MS, *, retain: bool = False) -> None:
    kind = RowKind.STATE if retain else RowKind.READING
    topic = f"meters/v1/gw1/{meter}/" + ("relay" if retain else "reading/block_load")
    outbox.put(topic, meter, kind, json.dumps({"meter": meter, "n": number}).encode(), now_ms, retain=retain)


def numbers(messages: Iterable[Outgoing]) -> list[int]:
    return [json.loads(message.payload)["n"] for message in messages]


def connected(store: Store | None = None, *, new: bool = True) -> Outbox:
    outbox = Outbox(store or memory_store())
    outbox.begin_session(new=new)
    return outbox


def test_a_row_gets_its_number_when_it_is_first_taken_and_keeps_it() -> None:
    outbox = connected()
    for number in range(3):
        put(outbox, "MB1", number)
    taken = outbox.take(10, NOW_MS)
    assert [message.seq for message in taken] == [1, 2, 3]
    assert outbox.sent_through == 3
    outbox.begin_session(new=False)
    again = outbox.take(10, NOW_MS)
    assert [(message.seq, message.payload, message.again) for message in again] == [
        (message.seq, message.payload, True) for message in taken
    ]


def test_numbers_go_on_after_a_restart_even_when_the_shelf_is_empty() -> None:
    store = memory_store()
    outbox = connected(store)
    put(outbox, "MB1", 0)
    outbox.take(10, NOW_MS)
    outbox.puback([1])
    store.sql.execute("DELETE FROM outbox")
    reborn = connected(store)
    put(reborn, "MB1", 1)
    assert [message.seq for message in reborn.take(10, NOW_MS)] == [2]


def test_what_was_acknowledged_is_not_sent_again_by_itself_but_stays_for_a_replay() -> None:
    outbox = connected()
    for number in range(4):
        put(outbox, "MB1", number)
    sent = outbox.take(10, NOW_MS)
    outbox.puback([1, 2, 4])
    outbox.begin_session(new=False)
    assert [message.seq for message in outbox.take(10, NOW_MS)] == [3]
    assert outbox.replay(outbox.stream, 1, 2, NOW_MS) is None
    assert [message.payload for message in outbox.take(10, NOW_MS)] == [sent[0].payload, sent[1].payload]
    assert outbox.idle


def test_live_rows_overtake_the_backlog_which_keeps_its_order_and_says_that_it_waited() -> None:
    store = memory_store()
    before = Outbox(store)
    for number in range(3):
        put(before, "MB1", number)
    outbox = connected(store)
    put(outbox, "MB1", 100)
    taken = outbox.take(10, NOW_MS)
    assert numbers(taken) == [100, 0, 1, 2]
    assert [json.loads(message.payload)["historical"] for message in taken] == [False, True, True, True]


def test_a_row_that_waits_long_within_a_session_is_historical_too() -> None:
    outbox = connected()
    put(outbox, "MB1", 0)
    (message,) = outbox.take(1, NOW_MS + 30_000)
    assert json.loads(message.payload)["historical"] is True


def test_an_older_state_never_replaces_a_newer_one_at_the_broker() -> None:
    store = memory_store()
    before = Outbox(store)
    put(before, "MB1", 0, retain=True)
    outbox = connected(store)
    put(outbox, "MB1", 1, retain=True)
    live, late = outbox.take(10, NOW_MS)
    assert (numbers([live, late]), live.retain, late.retain) == ([1, 0], True, False)


def test_a_new_session_gets_the_newest_state_of_each_topic_again_unchanged() -> None:
    outbox = connected()
    put(outbox, "MB1", 0, retain=True)
    put(outbox, "MB1", 1, retain=True)
    put(outbox, "MB2", 2, retain=True)
    first = outbox.take(10, NOW_MS)
    outbox.puback([1, 2, 3])
    outbox.begin_session(new=True)
    again = outbox.take(10, NOW_MS)
    assert [message.payload for message in again] == [first[1].payload, first[2].payload]
    assert all(message.retain for message in again)
    outbox.begin_session(new=False)
    assert outbox.take(10, NOW_MS) == []


def test_a_replayed_state_is_not_retained() -> None:
    outbox = connected()
    put(outbox, "MB1", 0, retain=True)
    outbox.take(10, NOW_MS)
    outbox.puback([1])
    outbox.replay(outbox.stream, 1, 1, NOW_MS)
    assert [message.retain for message in outbox.take(10, NOW_MS)] == [False]


def test_a_replay_that_can_t_be_is_refused_with_the_reason() -> None:
    outbox = connected()
    put(outbox, "MB1", 0)
    outbox.take(10, NOW_MS)
    assert "stream" in (outbox.replay("01J00000000000000000000000", 1, 1, NOW_MS) or "")
    for first, last in ((2, 1), (1, 2), (5, 9)):
        assert "no range" in (outbox.replay(outbox.stream, first, last, NOW_MS) or "")


def test_a_replay_of_what_is_gone_names_a_hole_once() -> None:
    store = memory_store()
    outbox = connected(store)
    for number in range(5):
        put(outbox, "MB1", number)
    outbox.take(10, NOW_MS)
    store.sql.execute("DELETE FROM outbox WHERE seq IN (2, 3)")
    for _ in range(2):
        outbox.replay(outbox.stream, 1, 5, NOW_MS)
    (hole,) = outbox.holes.all()
    assert (hole.from_seq, hole.to_seq, hole.rows) == (2, 3, 2)


def test_a_long_replay_goes_out_in_pieces_and_loses_nothing() -> None:
    outbox = connected()
    for number in range(10):
        put(outbox, "MB1", number)
    outbox.take(10, NOW_MS)
    outbox.puback(range(1, 11))
    outbox.replay(outbox.stream, 1, 10, NOW_MS)
    assert [numbers(outbox.take(4, NOW_MS)) for _ in range(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], []]


def test_the_status_is_numbered_at_once_and_says_that_itself_was_sent() -> None:
    outbox = connected()
    put(outbox, "MB1", 0)
    outbox.take(1, NOW_MS)
    seen: list[int] = []

    def body(sent_through: int) -> bytes:
        seen.append(sent_through)
        return b'{"status":"online","n":9}'

    message = outbox.status("meters/v1/gw1/status", body, NOW_MS)
    assert (message.seq, seen, message.retain, outbox.sent_through) == (2, [2], True, 2)


def test_an_acknowledgement_by_the_head_end_is_cumulative_and_never_beyond_what_was_sent() -> None:
    outbox = connected()
    put(outbox, "MB1", 0)
    outbox.take(1, NOW_MS)
    assert outbox.ack(outbox.stream, 1) is None
    assert outbox.totals.confirmed == 1
    assert outbox.ack(outbox.stream, 0) is None
    assert outbox.totals.confirmed == 1
    assert "never sent" in (outbox.ack(outbox.stream, 2) or "")
    assert "stream" in (outbox.ack("01J00000000000000000000000", 1) or "")


def test_what_a_rolled_back_transaction_did_is_forgotten_in_memory_too() -> None:
    store = memory_store()
    outbox = connected(store)
    before = outbox.totals
    store.begin()
    put(outbox, "MB1", 0)
    outbox.take(1, NOW_MS)
    store.rollback()
    assert outbox.totals == before
    assert outbox.take(1, NOW_MS) == []


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(["MB1", "MB2"])),
        st.tuples(st.just("take"), st.integers(1, 4)),
        st.tuples(st.just("ack"), st.integers(0, 5)),
        st.tuples(st.just("session"), st.booleans()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("replay"), st.tuples(st.integers(1, 8), st.integers(1, 8))),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_whatever_happens_each_number_has_one_payload_and_none_is_left_out(
    happenings: list[tuple[str, object]],
) -> None:
    store = memory_store()
    outbox = connected(store)
    sent: dict[int, bytes] = {}
    in_flight: list[int] = []
    made = 0

    def take(limit: int) -> None:
        for message in outbox.take(limit, NOW_MS):
            assert sent.setdefault(message.seq, message.payload) == message.payload
            in_flight.append(message.seq)

    for what, how in happenings:
        if what == "put":
            put(outbox, str(how), made)
            made += 1
        elif what == "take" and isinstance(how, int):
            take(how)
        elif what == "ack" and isinstance(how, int):
            done, in_flight[:] = in_flight[:how], in_flight[how:]
            outbox.puback(done)
        elif what == "session":
            in_flight.clear()
            outbox.begin_session(new=bool(how))
        elif what == "restart":
            outbox, in_flight[:] = connected(store), []
        elif what == "replay" and isinstance(how, tuple):
            outbox.replay(outbox.stream, int(how[0]), int(how[1]), NOW_MS)
    outbox.begin_session(new=True)
    while not outbox.idle:
        take(7)
    assert sorted(sent) == list(range(1, made + 1))
    for meter in ("MB1", "MB2"):
        order = [json.loads(sent[seq])["n"] for seq in sorted(sent) if json.loads(sent[seq])["meter"] == meter]
        assert sorted(order) == sorted(set(order))


@given(st.sets(st.integers(0, 200)))
def test_runs_cover_exactly_the_numbers(numbers: set[int]) -> None:
    covered = [number for first, last in runs(sorted(numbers)) for number in range(first, last + 1)]
    assert covered == sorted(numbers)
