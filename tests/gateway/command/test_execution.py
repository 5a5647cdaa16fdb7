"""A command and its meter, rung by rung: what is acknowledged is not done, only a read-back decides."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.command.door import Delivery
from gateway.command.execution import execute
from gateway.command.tools import Tools
from gateway.meter.dlms import DlmsScripts
from gateway.meter.dlms_profile import Act, Get, GetMany, Set, obis
from gateway.polling.poll import poll
from gateway.polling.reading import utc
from gateway.polling.schedule import ReadPlan
from gateway.service.script import MeterError, NoAnswerError
from protocols.message.command import Rung
from protocols.model.loader import load_file
from protocols.model.meter_model import MeterModel
from tests.gateway.cores import NOW_MS, Cores
from tests.gateway.drive import Clock, Driver
from tests.gateway.fake_meter import IST, FakeMeter, new_payment

EXPIRES = (utc(NOW_MS) + timedelta(minutes=1)).isoformat()
RECHARGE = {
    "payment": "p1", "amount": 50_000, "total": 150_000, "balance": 42_000, "at": utc(NOW_MS - 60_000).isoformat(),
}  # fmt: skip


class Bench:
    """One meter, the cores, and a clock."""

    def __init__(self, model: MeterModel | None = None, **meter: Any) -> None:
        self.clock = Clock(NOW_MS)
        self.meter = FakeMeter(self.clock.now, NOW_MS - 86_400_000, **meter)
        self.cores = Cores()
        self.scripts = DlmsScripts(IST, model)
        self.driver = Driver(self.clock, self.meter.ask, self.cores.store)
        plans = {"block_load": ReadPlan.model_validate("15m")}
        self.tools = Tools(commands=self.cores.commands, report=self.cores.report, plans=plans)

    def receive(self, verb: str, command_id: str = "c1", **more: Any) -> None:
        data = {"id": command_id, "verb": verb, "cause": "maintenance", "expires_at": EXPIRES} | more
        with self.cores.store.transaction():
            self.cores.door.receive("MB1", Delivery(json.dumps(data).encode()), self.clock.now_ms)

    def execute(self, command_id: str = "c1", stop_after: int | None = None) -> int | None:
        self.driver.steps = 0
        waiting = self.cores.commands.find(command_id)
        assert waiting is not None
        return self.driver.run(execute(waiting, self.scripts, self.tools), stop_after)

    def to_the_end(self, command_id: str = "c1") -> None:
        while (again_ms := self.execute(command_id)) is not None:
            self.clock.now_ms = max(self.clock.now_ms, again_ms)

    def rungs(self) -> list[str]:
        return [result.rung.value for result in self.cores.results()]

    def last(self) -> Any:
        return self.cores.results()[-1]


def only(request_type: type, error: MeterError, *, done: bool = False, bench: Bench | None = None) -> Any:
    """A fault for one kind of request; with `done` the meter had done it before the answer was lost."""

    def fault(request: Any) -> MeterError | None:
        if not isinstance(request, request_type):
            return None
        if done and bench is not None:
            bench.meter.ask(request)
        return error

    return fault


def test_a_disconnect_goes_up_the_ladder_to_observed() -> None:
    bench = Bench()
    bench.receive("disconnect")
    bench.to_the_end()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "confirmed", "observed"]
    assert [result.final for result in bench.cores.results()] == [False, False, False, False, True]
    assert (bench.meter.output_state, len(bench.meter.moves)) == (False, 1)
    relay = json.loads(bench.cores.bodies("/relay")[-1])
    assert (relay["output_state"], relay["cause"], relay["command"]) == (False, "maintenance", "c1")


def test_a_reconnect_that_needs_the_button_is_armed() -> None:
    bench = Bench(control_mode=1, output_state=False, control_state=0)
    bench.receive("reconnect")
    bench.to_the_end()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "armed"]
    assert bench.last().final


def test_a_lost_answer_is_no_failure_the_read_back_decides() -> None:
    for done, expected in ((True, "confirmed"), (False, "failed")):
        bench = Bench()
        bench.driver.fault = only(Act, NoAnswerError("silence"), done=done, bench=bench)
        bench.receive("disconnect")
        bench.execute()
        assert bench.rungs() == ["accepted", "sent", expected]


def test_no_read_back_is_unknown_and_never_done() -> None:
    bench = Bench()
    bench.receive("disconnect")
    bench.driver.fault = only(GetMany, NoAnswerError("silence"))
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "unknown"]


def test_an_acknowledged_contact_that_does_not_move_is_a_failure() -> None:
    bench = Bench(stuck=True)
    bench.receive("disconnect")
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "failed"]
    assert "contact closed" in bench.last().reason


def test_a_refusal_is_named_with_what_the_meter_shows() -> None:
    bench = Bench()
    bench.meter.denied.add((70, obis("0.0.96.3.10.255"), -1))
    bench.receive("disconnect")
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "failed"]
    assert "read-write-denied; the meter shows connected" in bench.last().reason


def test_current_through_an_open_contact_is_an_event_and_the_command_stays_confirmed() -> None:
    bench = Bench()
    bench.receive("disconnect")
    again_ms = bench.execute()
    assert again_ms == bench.clock.now_ms + 2_000
    bench.meter.output_state = True  # the read-back of the current sees it flow
    bench.execute()
    assert bench.rungs()[-1] == "confirmed"
    assert "1.50 A still flow" in bench.last().reason
    assert len(bench.cores.bodies("/event")) == 1


def test_a_command_that_another_followed_is_not_observed() -> None:
    bench = Bench()
    bench.receive("disconnect")
    bench.execute()
    bench.receive("reconnect", "c2")
    bench.execute("c2")
    bench.execute("c1")
    assert bench.last().id == "c1"
    assert (bench.last().rung, bench.last().final) == (Rung.CONFIRMED, True)


@pytest.mark.parametrize("verb", ["disconnect", "reconnect"])
def test_wherever_the_world_ends_the_relay_moves_at_most_once_and_the_ladder_ends(verb: str) -> None:
    for stop_after in range(14):
        bench = Bench(output_state=verb == "disconnect", control_state=int(verb == "disconnect"))
        bench.receive(verb)
        bench.execute(stop_after=stop_after)
        for _ in range(3):
            for waiting in bench.cores.commands.waiting():
                bench.driver.run(execute(waiting, bench.scripts, bench.tools))
        assert len(bench.meter.moves) <= 1
        assert bench.last().final
        ends = {"observed", "failed", "confirmed"}
        assert bench.last().rung.value in ends
        assert (bench.last().rung.value == "failed") is (bench.meter.output_state is (verb == "disconnect"))


def test_expired_while_it_waited_nothing_moves() -> None:
    bench = Bench()
    bench.receive("disconnect")
    bench.clock.now_ms += 61_000
    bench.execute()
    assert bench.rungs() == ["accepted", "expired"]
    assert bench.meter.moves == []


def test_a_read_brings_its_rows() -> None:
    bench = Bench()
    bench.receive("read", args={"profile": "instantaneous"})
    bench.receive("read", "c2", args={"obis": "1.0.11.7.0.255", "class": 3})
    bench.execute()
    assert bench.last().rows[0].values[0].name == "voltage"
    bench.execute("c2")
    assert [(value.value, value.unit) for value in bench.last().rows[0].values] == [("1.50", "A")]
    assert bench.rungs() == ["accepted", "accepted", "sent", "confirmed", "sent", "confirmed"]


def test_a_read_that_the_meter_refuses_fails_with_its_reason() -> None:
    bench = Bench()
    bench.receive("read", args={"obis": "1.0.99.99.0.255", "class": 3})
    bench.execute()
    assert (bench.rungs()[-1], "object-undefined" in bench.last().reason) == ("failed", True)


def test_a_write_is_confirmed_by_what_the_meter_shows() -> None:
    bench = Bench()
    bench.meter.payment = new_payment()
    args = {"obis": "0.0.94.96.24.255", "class": 1, "type": "double_long", "value": -7}
    bench.receive("write", args=args)
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "confirmed"]
    assert bench.last().detail == {"shown": "-7"}


def test_a_write_that_is_denied_fails_with_the_meter_s_reason() -> None:
    bench = Bench()
    bench.meter.payment = new_payment()
    bench.meter.denied.add((1, obis("0.0.94.96.24.255"), 2))
    bench.receive("write", args={"obis": "0.0.94.96.24.255", "class": 1, "type": "double_long", "value": -7})
    bench.execute()
    assert (bench.rungs()[-1], bench.last().reason) == ("failed", "read-write-denied")


def test_a_method_without_read_back_ends_as_unknown_though_it_was_acknowledged() -> None:
    bench = Bench()
    bench.receive(
        "execute", args={"class": 9, "obis": "0.0.10.0.1.255", "method": 1, "type": "long_unsigned", "parameter": 1}
    )
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "unknown"]


def test_executing_the_switch_s_method_is_a_relay_command_like_any_other() -> None:
    bench = Bench()
    bench.receive("execute", args={"class": 70, "obis": "0.0.96.3.10.255", "method": 1})
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "confirmed"]
    assert not bench.meter.output_state


def test_the_clock_is_set_within_its_limit_and_read_back() -> None:
    bench = Bench(clock_off_ms=20_000)
    bench.receive("set_clock")
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "confirmed"]
    assert abs(bench.meter.clock_off_ms) < 1_000


def test_a_clock_that_is_too_far_off_is_not_set() -> None:
    bench = Bench(clock_off_ms=7_200_000)
    bench.receive("set_clock")
    bench.execute()
    assert bench.rungs() == ["accepted", "failed"]
    assert "7200 s is more than the 60 s" in bench.last().reason
    assert bench.meter.clock_off_ms == 7_200_000


def test_a_recharge_writes_the_five_objects_in_the_safe_order_and_tells_the_balance() -> None:
    bench = Bench()
    bench.meter.payment = new_payment(-8_000)
    bench.receive("recharge", args=RECHARGE)
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "confirmed"]
    names = [".".join(map(str, name)) for _, name, _ in bench.meter.writes]
    assert names == [f"0.0.94.96.{number}.255" for number in (24, 25, 21, 23, 22)]
    balance = json.loads(bench.cores.bodies("/balance")[-1])
    assert (balance["balance"], balance["last_recharge"]["amount"], balance["source"]) == (42_000, 50_000, "head-end")


def test_a_half_done_recharge_is_repaired_wherever_the_world_ended_and_counts_once() -> None:
    for stop_after in range(14):
        bench = Bench()
        bench.meter.payment = new_payment(-8_000)
        bench.receive("recharge", args=RECHARGE)
        bench.execute(stop_after=stop_after)
        for waiting in bench.cores.commands.waiting():
            bench.driver.run(execute(waiting, bench.scripts, bench.tools))
        assert bench.rungs()[-1] == "confirmed"
        assert bench.meter.payment[obis("0.0.94.96.24.255")][1] == 42_000
        assert len(bench.meter.writes) == 5, "what was written already is not written again"


def test_the_same_payment_is_never_applied_twice_whatever_the_command_s_id() -> None:
    bench = Bench()
    bench.meter.payment = new_payment(-8_000)
    bench.receive("recharge", args=RECHARGE)
    bench.execute()
    bench.receive("recharge", "c2", args=RECHARGE)
    bench.execute("c2")
    assert (bench.rungs()[-1], "on the meter already" in bench.last().reason) == ("failed", True)
    bench.receive("recharge", "c3", args=RECHARGE | {"payment": "p2", "balance": 92_000, "total": 200_000})
    bench.execute("c3")
    assert bench.rungs()[-1] == "confirmed"


def test_a_payment_that_was_begun_with_other_amounts_is_refused() -> None:
    bench = Bench()
    bench.meter.payment = new_payment()
    bench.receive("recharge", args=RECHARGE)
    bench.driver.fault = only(Set, NoAnswerError("silence"))
    bench.execute()
    bench.driver.fault = lambda _request: None
    bench.receive("recharge", "c2", args=RECHARGE | {"amount": 1})
    bench.execute("c2")
    assert "other amounts" in bench.last().reason


def test_a_balance_is_set_and_told() -> None:
    bench = Bench()
    bench.meter.payment = new_payment()
    bench.receive("set_balance", args={"balance": 1_234, "as_on": utc(NOW_MS - 5_000).isoformat()})
    bench.execute()
    assert json.loads(bench.cores.bodies("/balance")[-1])["balance"] == 1_234


def test_a_load_limit_is_written_in_the_meter_s_own_type_and_read_back() -> None:
    bench = Bench()
    bench.receive("load_limit", args={"watts": 2_000, "over_s": 30})
    bench.execute()
    assert bench.rungs() == ["accepted", "sent", "acknowledged", "confirmed"]
    assert (bench.meter.limiter[4][1], bench.meter.limiter[6][1]) == (2_000.0, 30)


def test_sync_reads_all_that_is_missing_and_then_is_confirmed() -> None:
    bench = Bench()
    bench.receive("sync")
    bench.to_the_end()
    assert bench.rungs() == ["accepted", "sent", "confirmed"]
    rows = [row for body in bench.cores.bodies("/reading/block_load") for row in json.loads(body)["rows"]]
    assert len(rows) == len({row["at"] for row in rows}) == 97


def test_a_verb_that_the_meter_does_not_have_fails_with_a_sentence() -> None:
    bench = Bench()
    bench.receive("set_balance", args={"balance": 1, "as_on": utc(NOW_MS).isoformat()})
    bench.meter.denied |= {(1, obis("0.0.94.96.24.255"), 2), (1, obis("0.0.94.96.25.255"), 2)}
    bench.execute()
    assert bench.rungs()[-1] == "failed"


@pytest.fixture
def rupees(tmp_path: Path) -> MeterModel:
    """A meter that counts money in whole rupees."""
    file = tmp_path / "rupees.toml"
    file.write_text('base = "is15959-d1"\ntitle = "in rupees"\n[payment]\nunit = "major"\n')
    return load_file(file)


def test_money_is_minor_units_whatever_the_meter_counts(rupees: MeterModel) -> None:
    bench = Bench(rupees)
    bench.receive("recharge", args=RECHARGE)
    bench.execute()
    assert bench.last().rung is Rung.CONFIRMED
    shown = [bench.meter.ask(Get(1, obis(f"0.0.94.96.{number}.255"), 2))[1] for number in (21, 23, 24)]
    assert shown == [500, 1_500, 420]
    (told,) = bench.cores.bodies("/balance")
    assert json.loads(told)["balance"] == 42_000
    bench.driver.run(poll("MB1", "balance", ReadPlan.model_validate("1h"), bench.scripts, bench.cores.report))
    assert bench.cores.bodies("/balance") == [told], "what the meter shows is the same money"


def test_money_that_the_meter_can_t_hold_is_not_rounded(rupees: MeterModel) -> None:
    bench = Bench(rupees)
    bench.receive("set_balance", args={"balance": 12_345, "as_on": utc(NOW_MS).isoformat()})
    bench.execute()
    assert (bench.last().rung, bench.last().reason) == (
        Rung.FAILED, "the meter counts whole units of 100; 12345 can't be written",
    )  # fmt: skip
