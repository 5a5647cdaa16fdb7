"""A meter whose zone has daylight saving: days of 23 and 25 hours, and nothing lost between them."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from emulator.meter import Meter
from protocols.model import load

BERLIN = ZoneInfo("Europe/Berlin")
ENERGY = "active_energy_import"


def local_ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=BERLIN).timestamp() * 1000)  # type: ignore[misc, arg-type]  # parts of a date


@pytest.mark.parametrize(("change", "quarters"), [((2025, 3, 30), 92), ((2024, 10, 27), 100)], ids=["spring", "autumn"])
def test_the_day_of_a_change_has_its_own_number_of_quarters_and_adds_up(
    change: tuple[int, int, int], quarters: int
) -> None:
    year, month, day = change
    at_ms = local_ms(year, month, day + 1, 1)
    start_ms = local_ms(year, month, day - 3)
    meter = Meter("EU0001", load("eu-three-phase"), 42, {"household": "urban"}, {"constant": 230}, start_ms)
    meter.advance(at_ms)
    history = meter.history
    days = history.rows("daily_load", at_ms, 1, history.entries("daily_load", at_ms), ["clock", ENERGY])[-4:]
    assert [stamp for stamp, _ in days] == [local_ms(year, month, day + step) for step in (-2, -1, 0, 1)]
    entries = history.entries("block_load", at_ms)
    blocks = history.rows("block_load", at_ms, entries - 400, entries, ["clock", f"block_{ENERGY}"])
    counts = []
    for (begin_ms, before), (end_ms, after) in pairwise(days):
        within = [energy for stamp, energy in blocks if begin_ms < stamp <= end_ms]
        assert sum(within) == after - before > 0
        counts.append(len(within))
    assert counts == [96, 96, quarters]
    assert len({stamp for stamp, _ in blocks}) == len(blocks)


def test_tariff_zones_change_by_the_hour_that_people_see() -> None:
    start_ms = local_ms(2024, 10, 25)
    meter = Meter("EU0001", load("eu-three-phase"), 42, {"constant": 1000}, {"constant": 230}, start_ms)
    for day in (25, 28):  # a Friday in summer time, a Monday in winter time
        for hour, zone in ((5, 2), (6, 1), (21, 1), (22, 2)):
            at_ms = local_ms(2024, 10, day, hour, 30)
            meter.advance(at_ms)
            assert meter.value("tariff_zone", at_ms) == zone
