"""One line and its meters: order, back-off, and that a dead meter costs only its own share."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.polling.bus import BACKOFF_FIRST_MS, BACKOFF_MAX_MS, POLLS_PER_METER_MAX, Job, Line
from gateway.polling.schedule import Priority
from tests.gateway.cores import NOW_MS


def poll(meter: str, key: str = "instantaneous", at_ms: int = NOW_MS, deadline_ms: int | None = None) -> Job:
    return Job(meter, Priority.INSTANTANEOUS, key, at_ms, deadline_ms)


def command(meter: str, number: int, at_ms: int = NOW_MS) -> Job:
    return Job(meter, Priority.COMMAND, f"command:{number}", at_ms, work=str(number))


def next_key(line: Line, now_ms: int = NOW_MS, *, answered: bool = True) -> str | None:
    job = line.next(now_ms)
    if job is None:
        return None
    line.done(now_ms, answered=answered)
    return f"{job.meter}/{job.key}"


def test_there_is_one_conversation_at_a_time() -> None:
    line = Line()
    line.add(poll("A"))
    line.add(poll("B"))
    assert line.next(NOW_MS) is not None
    assert line.next(NOW_MS) is None
    assert line.wake_ms() is None
    line.done(NOW_MS, answered=True)
    assert line.next(NOW_MS) is not None


def test_commands_go_before_polls_and_in_the_order_they_came() -> None:
    line = Line()
    line.add(poll("A", at_ms=NOW_MS - 5))
    line.add(command("B", 1, NOW_MS - 2))
    line.add(command("B", 2, NOW_MS - 1))
    line.add(Job("A", Priority.ON_DEMAND, "command:3", NOW_MS - 4))
    assert [next_key(line) for _ in range(5)] == ["B/command:1", "B/command:2", "A/command:3", "A/instantaneous", None]


def test_a_poll_that_waits_is_not_queued_twice_and_keeps_its_place() -> None:
    line = Line()
    line.add(poll("A", at_ms=NOW_MS - 10))
    line.add(poll("B", at_ms=NOW_MS - 5))
    line.add(poll("A", at_ms=NOW_MS))
    assert [next_key(line) for _ in range(3)] == ["A/instantaneous", "B/instantaneous", None]


def test_a_silent_meter_rests_for_a_growing_time_and_is_probed() -> None:
    line = Line()
    now_ms, rests = NOW_MS, []
    for _ in range(12):
        line.add(poll("A", at_ms=now_ms))
        wake = line.wake_ms()
        assert wake is not None
        rests.append(wake - now_ms)
        now_ms = wake
        assert next_key(line, now_ms, answered=False) == "A/instantaneous"
    assert rests[:4] == [0, BACKOFF_FIRST_MS, 2 * BACKOFF_FIRST_MS, 4 * BACKOFF_FIRST_MS]
    assert rests[-1] == BACKOFF_MAX_MS
    assert line.failures("A") == 12


def test_a_meter_may_be_probed_more_often_than_the_others_on_its_line() -> None:
    line = Line()
    for meter, most_ms in (("A", 3_000), ("B", BACKOFF_MAX_MS)):
        for _ in range(3):
            line.add(command(meter, 1))
            assert line.next(NOW_MS) is not None
            line.done(NOW_MS, answered=False, backoff_max_ms=most_ms)
    line.add(poll("B"))
    assert line.wake_ms() == NOW_MS + 4 * BACKOFF_FIRST_MS
    line.add(poll("A"))
    assert line.wake_ms() == NOW_MS + 3_000


def test_one_answer_ends_the_rest() -> None:
    line = Line()
    line.add(poll("A"))
    next_key(line, answered=False)
    line.add(command("A", 1))
    assert next_key(line) == "A/command:1"
    line.add(poll("A"))
    assert next_key(line) == "A/instantaneous"
    assert line.failures("A") == 0


def test_a_command_is_tried_at_once_though_its_meter_rests() -> None:
    line = Line()
    line.add(poll("A"))
    next_key(line, answered=False)
    line.add(poll("A"))
    line.add(command("A", 1))
    assert [next_key(line), next_key(line, answered=False)] == ["A/command:1", "A/instantaneous"]


def test_commands_of_a_silent_meter_keep_their_order_and_wait_behind_the_first() -> None:
    line = Line()
    for number in (1, 2, 3):
        line.add(command("A", number))  # all in the same instant, as after a restart
    first = line.next(NOW_MS)
    assert first is not None
    line.again(first, NOW_MS + 1_000)
    line.done(NOW_MS, answered=False)
    assert line.next(NOW_MS) is None
    assert line.wake_ms() == NOW_MS + 1_000
    assert [next_key(line, NOW_MS + 1_000) for _ in range(3)] == ["A/command:1", "A/command:2", "A/command:3"]


def test_a_new_command_or_an_answered_poll_ends_the_wait_of_those_before() -> None:
    for news in (command("A", 2), poll("A")):
        line = Line()
        line.add(command("A", 1))
        first = line.next(NOW_MS)
        assert first is not None
        line.again(first, NOW_MS + 30_000)
        line.done(NOW_MS, answered=False)
        line.add(news)
        now_ms = line.wake_ms()
        assert now_ms is not None
        assert now_ms < NOW_MS + 30_000
        keys = [next_key(line, now_ms), next_key(line, now_ms)]
        assert keys in (["A/command:1", "A/command:2"], ["A/instantaneous", "A/command:1"])


def test_a_job_waits_for_its_instant_and_ends_with_its_deadline() -> None:
    line = Line()
    line.add(command("A", 1, NOW_MS + 500))
    line.add(poll("B", deadline_ms=NOW_MS - 1))
    assert next_key(line) is None
    assert line.dropped == 1
    assert line.wake_ms() == NOW_MS + 500
    assert next_key(line, NOW_MS + 500) == "A/command:1"


def test_too_many_polls_push_out_the_oldest_of_the_least_urgent_and_never_a_command() -> None:
    line = Line()
    for number in range(POLLS_PER_METER_MAX):
        line.add(command("A", number))
        line.add(poll("A", f"poll {number}", NOW_MS + number))
    line.add(Job("A", Priority.EVENT, "events", NOW_MS - 1))
    line.add(poll("A", "one more", NOW_MS + 1000))
    keys = {job.key for job in line._waiting()}
    assert {"poll 0", "poll 1"}.isdisjoint(keys)
    assert {"events", "one more", "poll 2"} <= keys
    assert sum(key.startswith("command:") for key in keys) == POLLS_PER_METER_MAX


def test_a_forgotten_meter_has_no_jobs() -> None:
    line = Line()
    line.add(poll("A"))
    line.forget("A")
    assert (len(line), next_key(line)) == (0, None)


@settings(max_examples=12, deadline=None)
@given(dead=st.sets(st.integers(0, 29), max_size=5), seed=st.integers(0, 1000))
def test_dead_meters_cost_the_others_no_more_than_their_own_time(dead: set[int], seed: int) -> None:
    """Thirty meters on one line at 100 ms a read, a second for a time-out, each read once a minute for an hour."""
    line = Line()
    now_ms, delays = NOW_MS, dict[int, int]()
    dues = sorted(
        (NOW_MS + minute * 60_000 + (number * 977 + seed) % 6_000, number)
        for minute in range(60)
        for number in range(30)
    )
    position = 0
    while now_ms < NOW_MS + 3_600_000:
        while position < len(dues) and dues[position][0] <= now_ms:
            line.add(poll(f"M{dues[position][1]}", at_ms=dues[position][0]))
            position += 1
        job = line.next(now_ms)
        if job is None:
            upcoming = [each for each in (line.wake_ms(), dues[position][0] if position < len(dues) else None) if each]
            now_ms = max(now_ms + 1, min(upcoming, default=now_ms + 1_000))
            continue
        number = int(job.meter[1:])
        delays[number] = max(delays.get(number, 0), now_ms - job.at_ms)
        now_ms += 1_000 if number in dead else 100
        line.done(now_ms, answered=number not in dead)
    alive = [delay for number, delay in delays.items() if number not in dead]
    assert max(alive) <= 3_500 + 1_000 * len(dead)
