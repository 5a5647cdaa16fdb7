"""A scheduled read: rows and what is known to be missing become durable together, and only what is missing is asked."""

import json
from typing import Any

import pytest

from gateway.meter.dlms import DlmsScripts
from gateway.meter.dlms_profile import obis
from gateway.polling.coverage import Stretch
from gateway.polling.poll import Outcome, poll
from gateway.polling.schedule import ReadPlan
from gateway.service.script import NoAnswerError
from protocols.dlms.selection import CaptureObject
from protocols.dlms.value import Tag
from tests.gateway.cores import NOW_MS, Cores
from tests.gateway.drive import Clock, Driver
from tests.gateway.fake_meter import CLOCK, IST, FakeMeter, new_payment, stamp

QUARTER_MS = 900_000
NOW = NOW_MS - NOW_MS % QUARTER_MS


class Bench:
    """One meter that is polled."""

    def __init__(self, **meter: Any) -> None:
        self.clock = Clock(NOW)
        self.meter = FakeMeter(self.clock.now, NOW - 100 * QUARTER_MS, **meter)
        self.cores = Cores()
        self.scripts = DlmsScripts(IST)
        self.driver = Driver(self.clock, self.meter.ask, self.cores.store)

    def poll(self, profile: str, **plan: Any) -> Outcome:
        read = ReadPlan.model_validate({"every": "15m"} | plan)
        outcome = self.driver.run(poll("MB1", profile, read, self.scripts, self.cores.report))
        assert outcome is not None
        return outcome

    def told(self, topic_end: str) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.cores.bodies(topic_end)]

    def stamps(self) -> list[str]:
        return [row["at"] for reading in self.told("reading/block_load") for row in reading["rows"]]


def test_a_history_comes_in_stretches_and_each_row_once() -> None:
    bench = Bench()
    more = [bench.poll("block_load", rows=30, depth="2d").more for _ in range(7)]
    assert more[-1] is False
    assert all(more[: more.index(False)])
    stamps = bench.stamps()
    assert len(stamps) == len(set(stamps)) == 101
    assert stamps == sorted(stamps)


def test_after_an_outage_only_what_is_missing_is_asked_for() -> None:
    bench = Bench()
    while bench.poll("block_load", depth="2d").more:
        pass
    before = len(bench.stamps())
    bench.clock.now_ms += 5 * QUARTER_MS
    assert not bench.poll("block_load").more
    assert len(bench.stamps()) == before + 5


def test_the_newest_may_come_first() -> None:
    bench = Bench()
    bench.poll("block_load", rows=10, depth="2d", catch_up="newest")
    assert len(bench.stamps()) == 10
    newest = max(bench.stamps())
    while bench.poll("block_load", rows=10, depth="2d", catch_up="newest").more:
        pass
    stamps = bench.stamps()
    assert max(stamps) == newest
    assert len(stamps) == len(set(stamps)) == 101


def test_without_catch_up_only_the_last_stretch_is_read() -> None:
    bench = Bench()
    assert not bench.poll("block_load", rows=10, depth="2d", catch_up="off").more
    assert len(bench.stamps()) == 10


def test_rows_and_what_is_known_of_them_are_durable_together() -> None:
    bench = Bench()
    bench.driver.fault = lambda request: (
        NoAnswerError("silence") if getattr(request, "attribute", 0) == 2 and request.selection else None
    )
    with pytest.raises(NoAnswerError):
        bench.poll("block_load", depth="2d")
    assert bench.cores.report.coverage("MB1", "block_load") is None
    assert bench.stamps() == []


def test_a_contact_that_is_not_as_it_was_is_read_at_once() -> None:
    bench = Bench()
    bench.poll("relay")
    assert not bench.poll("instantaneous").relay_moved
    bench.meter.output_state = False
    assert bench.poll("instantaneous").relay_moved
    bench.poll("relay")
    assert [relay["output_state"] for relay in bench.told("MB1/relay")][-1] is False
    assert bench.told("MB1/relay")[-1]["cause"] == "local", "nobody asked the gateway for it"


def test_a_state_that_did_not_change_is_not_told_again() -> None:
    bench = Bench(payment=new_payment(500))
    for _ in range(3):
        bench.poll("relay")
        bench.poll("balance")
    assert len(bench.told("MB1/relay")) == len(bench.told("MB1/balance")) == 1


def test_how_far_a_clock_is_off_is_found_out_by_the_way() -> None:
    bench = Bench(clock_off_ms=7000)
    off_ms = bench.poll("clock").clock_off_ms
    assert off_ms is not None
    assert 6000 <= off_ms <= 7000
    assert bench.poll("instantaneous").clock_off_ms is not None


def test_a_log_s_rows_are_events_with_what_their_codes_say() -> None:
    class Logging(FakeMeter):
        def _get(self, get: Any) -> Any:
            if get.instance != obis("0.0.99.98.4.255"):
                return super()._get(get)
            code = CaptureObject(1, obis("0.0.96.11.4.255"), 2)
            match get.attribute:
                case 3:
                    return (Tag.ARRAY, [CLOCK.value(), code.value()])
                case 4:
                    return (Tag.DOUBLE_LONG_UNSIGNED, 0)
            rows = [(NOW - 50_000, 201), (NOW - 40_000, 202), (NOW - 30_000, 9999)]
            return (
                Tag.ARRAY, [(Tag.STRUCTURE, [stamp(at), (Tag.LONG_UNSIGNED, number)]) for at, number in rows],
            )  # fmt: skip

    bench = Bench()
    bench.meter = Logging(bench.clock.now, NOW)
    bench.driver.ask = bench.meter.ask
    bench.poll("events")
    told = bench.told("MB1/event")
    assert [(each["kind"], each["log"], each["code"], each["name"]) for each in told] == [
        ("log", "events_other", 201, "magnet"),
        ("log", "events_other", 202, "magnet_over"),
        ("log", "events_other", 9999, "event_9999"),
    ]


def test_a_meter_without_payment_objects_tells_no_balance() -> None:
    bench = Bench()
    bench.poll("balance")
    assert bench.told("MB1/balance") == []


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_what_a_meter_no_longer_keeps_is_given_up_and_the_reading_ends(order: str) -> None:
    bench = Bench()
    polls = 1
    while bench.poll("block_load", rows=10, depth="1d", catch_up=order).more:
        polls += 1
        assert polls < 100
    coverage = bench.cores.report.coverage("MB1", "block_load")
    assert coverage is not None
    assert coverage.missing == ()


def test_a_stretch_is_from_its_first_to_its_last_instant() -> None:
    bench = Bench()
    table = bench.driver.run(bench.scripts.read("block_load", Stretch(NOW - QUARTER_MS, NOW)))
    assert table is not None
    assert len(table.rows) == 2
    table = bench.driver.run(bench.scripts.read("block_load", Stretch(NOW - QUARTER_MS + 1, NOW - 1)))
    assert table is not None
    assert len(table.rows) == 0


def test_a_meter_of_another_hour_is_suspect_unless_our_own_clock_is() -> None:
    bench = Bench(clock_off_ms=2 * 3_600_000)
    bench.poll("instantaneous")
    bench.cores.report.clock_trusted = lambda: False
    bench.poll("instantaneous")
    readings = bench.told("reading/instantaneous")
    assert [each["rows"][0]["values"][0]["quality"] for each in readings] == ["suspect", "good"]
    assert readings[0]["rows"][0]["values"][0]["reason"] == "the meter's time is 2h ahead"
