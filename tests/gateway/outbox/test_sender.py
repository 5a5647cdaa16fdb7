"""The sender: within the window, in order, and only what is durable."""

from itertools import count

import pytest

from gateway.outbox.outbox import Reply, RowKind
from gateway.outbox.sender import Sender
from tests.gateway.cores import NOW_MS, Cores


class Session:
    """A broker's session that keeps what it is given."""

    def __init__(self, window: int = 3) -> None:
        self.window = window
        self.sent: list[tuple[int, str, int | None]] = []
        self.broken = False
        self._mids = count(1)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        expiry_s: int | None = None,
    ) -> int:
        del payload, retain, correlation
        if self.broken:
            raise ConnectionError("gone")
        mid = next(self._mids)
        self.sent.append((mid, topic, expiry_s))
        return mid


class Bench:
    """A sender on a store in memory; `turn` is one group of the store's."""

    def __init__(self, rows: int, window: int = 3) -> None:
        self.cores = Cores()
        self.wakes = 0
        self.lost: list[str] = []
        self.sender = Sender(self.cores.outbox, self._wake, lambda: NOW_MS, self.lost.append)
        self.session = Session(window)
        with self.cores.store.transaction():
            for index in range(rows):
                self._put(f"MB{index}", "reading/instantaneous")

    def _wake(self) -> None:
        self.wakes += 1

    def _put(self, meter: str, what: str) -> None:
        kind = RowKind.READING if what.startswith("reading") else RowKind.EVENT
        self.cores.outbox.put(f"meters/v1/gw1/{meter}/{what}", meter, kind, b'{"meter":"x"}', NOW_MS)

    def put(self, meter: str, what: str) -> None:
        with self.cores.store.transaction():
            self._put(meter, what)

    def begin(self) -> None:
        with self.cores.store.transaction():
            self.cores.outbox.begin_session(new=True)
        self.sender.begin(self.session)

    def turn(self) -> int:
        with self.cores.store.transaction():
            collected = self.sender.collect()
        self.sender.deliver(collected)
        return len(collected)

    def waiting(self) -> int:
        return self.cores.outbox.totals.queued


def test_nothing_leaves_without_a_session() -> None:
    bench = Bench(rows=2)
    assert bench.turn() == 0
    assert bench.waiting() == 2


def test_the_window_is_never_exceeded_and_each_puback_makes_room() -> None:
    bench = Bench(rows=5)
    bench.begin()
    assert bench.turn() == 3
    assert bench.turn() == 0
    assert bench.sender.in_flight == 3
    bench.sender.on_puback(1, None)
    assert bench.turn() == 1
    for mid in (2, 3, 4):
        bench.sender.on_puback(mid, None)
    assert bench.turn() == 1
    assert [mid for mid, _, _ in bench.session.sent] == [1, 2, 3, 4, 5]


def test_what_the_broker_does_not_take_waits_for_the_next_session() -> None:
    bench = Bench(rows=1)
    bench.begin()
    bench.turn()
    bench.sender.on_puback(1, "Not authorized")
    assert bench.sender.rejected == 1
    assert bench.lost == [
        "the broker does not take meters/v1/gw1/MB0/reading/instantaneous: Not authorized; look at its ACLs"
    ]
    assert bench.turn() == 0
    bench.session = Session()
    bench.begin()
    assert bench.turn() == 1
    assert bench.session.sent[0][1].endswith("MB0/reading/instantaneous")


def test_a_session_that_breaks_while_publishing_is_told_and_nothing_is_lost() -> None:
    bench = Bench(rows=2)
    bench.begin()
    bench.session.broken = True
    bench.turn()
    assert bench.lost == ["publishing stopped: gone"]
    bench.session = Session()
    bench.begin()
    assert bench.turn() == 2


def test_a_puback_for_nothing_is_nothing() -> None:
    bench = Bench(rows=0)
    bench.begin()
    bench.sender.on_puback(77, None)
    assert bench.sender.in_flight == 0


def test_copies_of_results_and_the_status_keep_to_the_window_too() -> None:
    bench = Bench(rows=0)
    bench.sender.status_topic = "meters/v1/gw1/status"
    with bench.cores.store.transaction():
        for number in range(4):
            topic, reply = f"meters/v1/gw1/MB{number}/result", Reply(f"answers/{number}", None)
            bench.cores.outbox.put(topic, "MB", RowKind.RESULT, b'{"id":"x"}', NOW_MS, reply=reply)
    bench.begin()
    seen = 0
    for _ in range(8):
        bench.sender.status_body = lambda _seq: b"{}"
        bench.turn()
        assert len(bench.session.sent) - seen <= bench.session.window
        for mid, _, _ in bench.session.sent[seen:]:
            seen += 1
            bench.sender.on_puback(mid, None)
            assert len(bench.session.sent) - seen <= bench.session.window
    topics = [topic for _, topic, _ in bench.session.sent]
    assert sorted(set(topics) - {bench.sender.status_topic}) == sorted(
        [f"meters/v1/gw1/MB{number}/result" for number in range(4)] + [f"answers/{number}" for number in range(4)]
    )
    assert topics.count("answers/0") == 1


def test_the_status_goes_first_and_once() -> None:
    bench = Bench(rows=1)
    bench.sender.status_topic = "meters/v1/gw1/status"
    bench.sender.status_body = lambda _seq: b"{}"
    bench.begin()
    assert bench.turn() == 2
    assert bench.session.sent[0][1] == "meters/v1/gw1/status"
    assert bench.turn() == 0


def test_only_readings_expire_at_the_broker() -> None:
    bench = Bench(rows=1)
    bench.put("MB9", "event")
    bench.sender.readings_expire_s = 60
    bench.begin()
    bench.turn()
    assert {topic.split("/", 4)[4]: expiry for _, topic, expiry in bench.session.sent} == {
        "reading/instantaneous": 60, "event": None,
    }  # fmt: skip


def test_a_disk_without_room_takes_the_same_again() -> None:
    bench = Bench(rows=2)
    bench.begin()

    def fail() -> None:
        with bench.cores.store.transaction():
            assert len(bench.sender.collect()) == 2
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail()
    with bench.cores.store.transaction():
        bench.sender.undone()
    assert bench.turn() == 2
