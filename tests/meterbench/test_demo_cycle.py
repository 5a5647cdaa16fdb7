"""The demo says complete only when the broker has shown every step."""

from typing import Any

from meterbench.demo.cycle import RelayCycle

Message = tuple[str, dict[str, Any]]


def reading(meter: str, amps: str) -> Message:
    values = [{"name": "current", "value": amps, "unit": "A"}]
    return f"meters/v1/gw1/{meter}/reading/instantaneous", {"rows": [{"values": values}]}


def relay(meter: str, *, closed: bool) -> Message:
    return f"meters/v1/gw1/{meter}/relay", {"output_state": closed}


def result(meter: str, command: dict[str, Any], rung: str) -> Message:
    return f"meters/v1/gw1/{meter}/result", {"id": command["id"], "rung": rung, "reason": "because"}


def test_the_cycle_is_complete_once_every_step_was_seen() -> None:
    cycle = RelayCycle("gw1", ["A", "B"])
    assert not cycle.take(*relay("A", closed=True))
    assert not cycle.take(*reading("A", "2.0"))
    assert "B" in cycle.missing()
    ((topic, cut),) = cycle.take(*reading("B", "2.0"))
    assert topic == "meters/v1/gw1/A/command"
    assert (cut["verb"], cut["cause"]) == ("disconnect", "maintenance")
    assert cut["expires_at"]
    assert not cycle.take(*result("A", cut, "accepted"))
    assert not cycle.take(*reading("A", "0.000")), "dark before it was confirmed proves nothing"
    cycle.take(*result("A", cut, "confirmed"))
    assert not cycle.take(*reading("A", "1.5")), "still carrying current"
    ((_, restore),) = cycle.take(*reading("A", "0.000"))
    assert restore["verb"] == "reconnect"
    assert restore["id"] != cut["id"]
    cycle.take(*result("A", restore, "observed"))
    assert cycle.missing()
    cycle.take(*reading("A", "1.5"))
    assert not cycle.missing()


def test_a_refusal_is_said() -> None:
    cycle = RelayCycle("gw1", ["A"])
    cycle.take(*relay("A", closed=True))
    ((_, cut),) = cycle.take(*reading("A", "2.0"))
    cycle.take(*result("A", cut, "refused"))
    assert cycle.missing() == "the gateway answered refused: because"


def test_an_answer_to_somebody_elses_command_moves_nothing() -> None:
    cycle = RelayCycle("gw1", ["A"])
    cycle.take(*relay("A", closed=True))
    ((_, cut),) = cycle.take(*reading("A", "2.0"))
    cycle.take(*result("A", {**cut, "id": "other"}, "confirmed"))
    cycle.take(*reading("A", "0.000"))
    assert cycle.missing() == "the disconnect was not confirmed"
