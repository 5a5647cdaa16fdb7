"""Rows add up: blocks to days, to bills, to the register, exactly; as float32 within a step of it a row."""

import struct
from itertools import pairwise
from math import frexp
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.meter import Meter
from emulator.metering.tariff import Calendar
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, everything, make

ENERGIES = ("active_energy_import", "apparent_energy_import", "active_energy_export", "apparent_energy_export")
BLOCK = [f"block_{name}" for name in ENERGIES]
MILLI_WH_PER_KWH = 1_000_000
SPAN_MS = 40 * DAY_MS


class Deed(NamedTuple):
    """Something done to a meter."""

    at_ms: int
    name: str
    argument: Any = None


def do(meter: Meter, deed: Deed) -> None:
    at_ms = START_MS + deed.at_ms
    match deed.name:
        case "cut":
            meter.relay.remote_disconnect(at_ms)
        case "connect":
            meter.relay.remote_reconnect(at_ms)
        case "dark":
            meter.outage(at_ms)
        case "lit":
            meter.restore(at_ms)
        case "clock":
            meter.shift_clock(at_ms, deed.argument)
        case "bill":
            meter.billing_reset(at_ms)
        case "tariff":
            meter.set_passive_calendar(at_ms, deed.argument)
            meter.activate_calendar(at_ms)
        case "load":
            meter.set_load(at_ms, deed.argument)


CALENDARS = [
    Calendar(name="one", days={1: ((0, 1),)}),
    Calendar(name="three", days={1: ((0, 1), (375, 2), (1100, 3))}),
]
INSTANTS = st.integers(0, SPAN_MS)
LOADS: list[dict[str, Any]] = [{"household": "urban"}, {"solar": "rooftop"}, {"constant": 3000}]


def deeds_of(name: str, arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Deed]:
    return st.tuples(INSTANTS, arguments).map(lambda drawn: Deed(drawn[0], name, drawn[1]))


DEEDS = st.one_of(
    *(deeds_of(name, st.none()) for name in ("cut", "connect", "dark", "lit", "bill")),
    deeds_of("tariff", st.sampled_from(CALENDARS)),
    deeds_of("load", st.sampled_from(LOADS)),
)
CLOCKS = deeds_of("clock", st.integers(-3 * DAY_MS, 3 * DAY_MS))
TABLE = {
    "physics": {"history_days": 33, "rollover_kwh": 1_000_000},
    "profiles": {"block_load": {"entries": 35_040, "period_s": 1800}, "daily_load": {"entries": 3000}},
    "tariff": {"days": {"1": ["00:00 1", "06:15 2", "18:20 3"]}},
}


def lived(deeds: list[Deed]) -> Meter:
    meter = make(TABLE, load={"solar": "rooftop"}, supply={"grid": "urban"})
    for deed in sorted(deeds, key=lambda each: each.at_ms):
        do(meter, deed)
    return meter


def column(meter: Meter, profile: str, at_ms: int, name: str) -> list[int]:
    rows = meter.history.rows(profile, at_ms, 1, meter.history.entries(profile, at_ms), [name])
    return [row[0] for row in rows]


@given(deeds=st.lists(DEEDS, max_size=12), end_ms=st.integers(SPAN_MS, SPAN_MS + DAY_MS))
@settings(max_examples=25, deadline=None)
def test_blocks_days_bills_and_register_tell_the_same(deeds: list[Deed], end_ms: int) -> None:
    meter = lived(deeds)
    at_ms = START_MS + end_ms
    stamps = column(meter, "block_load", at_ms, "clock")
    midnights = column(meter, "daily_load", at_ms, "clock")
    bills = column(meter, "billing", at_ms, "billing_date")
    for name, block in zip(ENERGIES, BLOCK, strict=True):
        blocks = column(meter, "block_load", at_ms, block)
        days = column(meter, "daily_load", at_ms, name)
        for (begin, end), (before, after) in zip(pairwise(midnights), pairwise(days), strict=True):
            within = [row for stamp, row in zip(stamps, blocks, strict=True) if begin < stamp <= end]
            assert len(within) == 48
            assert sum(within) == after - before
        registers = column(meter, "billing", at_ms, name)
        known = dict(zip(midnights, days, strict=True))
        scheduled = [(stamp, value) for stamp, value in zip(bills[:-1], registers, strict=False) if stamp in known]
        assert all(known[stamp] == value for stamp, value in scheduled)
        assert registers[-1] == meter.value(name, at_ms)
        zones = sum(meter.value(f"{name}_t{zone}", at_ms) for zone in range(1, 9))
        assert 0 <= registers[-1] - zones < 8 * meter.physics.metering.register_resolution_mwh


@given(deeds=st.lists(st.one_of(DEEDS, CLOCKS), max_size=12))
@settings(max_examples=25, deadline=None)
def test_with_a_clock_that_was_set_every_row_still_adds_up(deeds: list[Deed]) -> None:
    meter = lived(deeds)
    at_ms = START_MS + SPAN_MS
    for name, block in zip(ENERGIES, BLOCK, strict=True):
        sums = [0]
        for row in column(meter, "block_load", at_ms, block):
            assert row >= 0
            sums.append(sums[-1] + row)
        days = column(meter, "daily_load", at_ms, name)
        assert set(days) <= set(sums)
        assert days == sorted(days)
        assert meter.value(name, at_ms) >= sums[-1]
        registers = column(meter, "billing", at_ms, name)
        assert registers == sorted(registers)
        assert registers[-1] == meter.value(name, at_ms)


def as_float32(milli_wh: int) -> float:
    """An energy as a face writes it: kilowatt-hours in a float32."""
    return float(struct.unpack(">f", struct.pack(">f", milli_wh / MILLI_WH_PER_KWH))[0])


def step(kwh: float) -> float:
    """The distance between a float32 and the next."""
    return float(2.0 ** (frexp(kwh)[1] - 24))


@given(deeds=st.lists(DEEDS, max_size=6))
@settings(max_examples=10, deadline=None)
def test_in_float32_a_row_is_wrong_by_a_step_of_the_type_at_most(deeds: list[Deed]) -> None:
    meter = lived(deeds)
    at_ms = START_MS + SPAN_MS
    days = column(meter, "daily_load", at_ms, "active_energy_import")
    blocks = column(meter, "block_load", at_ms, "block_active_energy_import")
    for before, after in pairwise(days):
        difference = as_float32(after) - as_float32(before)
        assert abs(difference - (after - before) / MILLI_WH_PER_KWH) <= step(as_float32(after))
    total = sum(map(as_float32, blocks))
    allowed = sum(step(as_float32(row)) for row in blocks) + step(as_float32(sum(blocks)))
    assert abs(total - sum(blocks) / MILLI_WH_PER_KWH) <= allowed


@given(deeds=st.lists(st.one_of(DEEDS, CLOCKS), max_size=10), steps=st.lists(INSTANTS, max_size=30))
@settings(max_examples=20, deadline=None)
def test_one_jump_equals_many_steps(deeds: list[Deed], steps: list[int]) -> None:
    walker, jumper = make(TABLE, load={"household": "urban"}), make(TABLE, load={"household": "urban"})
    ordered = sorted([*deeds, *(Deed(at_ms, "look") for at_ms in steps)], key=lambda each: each.at_ms)
    for deed in ordered:
        if deed.name == "look":
            walker.value("max_demand_active_import", START_MS + deed.at_ms)
            walker.history.rows("billing", START_MS + deed.at_ms, 1, 1, ["active_energy_import_t2"])
        else:
            do(walker, deed)
            do(jumper, deed)
    at_ms = START_MS + SPAN_MS + HOUR_MS
    assert everything(walker, at_ms) == everything(jumper, at_ms)
