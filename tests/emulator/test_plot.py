"""Pictures: what is drawn is what the meter has shown."""

from datetime import datetime
from pathlib import Path

import pytest

from emulator.plot import START_MS, example, happened, live, plot, spans
from protocols.model import load
from protocols.model.physics import Physics
from tests.emulator.meters import PhysicalModel, make


def test_what_is_drawn_is_what_the_meter_shows() -> None:
    meter = make(load={"constant": 1500})
    lived = live(meter, START_MS, 2, example(START_MS, 2))
    assert len(lived.instants) == 2 * 288 + 1
    assert (lived.instants[0].hour, lived.instants[0].tzinfo) == (0, None)
    dark = [index for index, power in enumerate(lived.kilowatts) if power == 0]
    cut = [index for index, state in enumerate(lived.control_states) if state == 0]
    # The contact follows the state within its operating time, so a sample may fall between.
    assert set(dark) <= set(cut) | {cut[-1] + 1}
    assert len(dark) == len(cut) == 72
    assert {code for _, _, code in lived.events} == {201, 202, 301, 302, 9, 10}
    assert max(lived.volts[0]) == 240
    assert set(lived.output_states) == {0, 1}
    assert lived.kilowatt_hours == [(27.0, 0.0), (36.0, 0.0)]  # a quarter of the first day's hours is dark
    assert sorted((log, name, ended is not None) for log, name, _, ended in happened(lived.events)) == [
        ("control", "disconnected 301-302", True),
        ("other", "magnet 201-202", True),
        ("voltage", "low voltage 9-10", True),
    ]


def test_what_is_not_over_yet_and_what_never_lasts_are_marks() -> None:
    at = datetime(2024, 10, 28, 12)  # noqa: DTZ001 (an axis shows local time as it is)
    events = [(at, "other", 201), (at, "transaction", 151), (at, "non_rollover", 251), (at, "power", 102)]
    assert happened(events) == [
        ("transaction", "clock set 151", at, None),
        ("non_rollover", "cover open 251", at, None),
        ("power", "power restored 102", at, None),
        ("other", "magnet 201", at, None),
    ]


def test_a_stretch_ends_when_something_else_is_shown() -> None:
    instants = [datetime(2024, 10, 28, hour) for hour in range(5)]  # noqa: DTZ001 (an axis shows local time as it is)
    assert spans(instants, [1, 0, 0, 1, 0], [0]) == [(instants[1], instants[3]), (instants[4], instants[4])]


@pytest.mark.parametrize("name", ["is15959-d1", "is15959-d2"])
def test_a_picture_is_written(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "meter.png"
    plot(load(name), name, 2, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 20_000


def test_days_out_of_range_are_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 to 366"):
        plot(PhysicalModel(Physics()), "any", 0, tmp_path / "never.png")
