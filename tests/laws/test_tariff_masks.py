"""Registers by tariff through any calendars, masks and clocks, against a meter that looks every minute."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from emulator.meter import Meter
from emulator.metering.tariff import Calendar
from emulator.metering.zoned import EMPTY_ZONES, place_of, zoned_registers
from protocols.model.activation import TARIFF_ENERGIES, TARIFF_REGISTERS, Activation
from protocols.model.physics import Physics
from tests.emulator.meters import DAY_MS, START_MS, PhysicalModel, everything

MINUTE_MS = 60_000
SPAN_MINUTES = 2 * 24 * 60
NAME = "0.0.14.0.0.255"
ENERGIES = [each for each in TARIFF_REGISTERS if each.rpartition("_t")[0] in TARIFF_ENERGIES]
SCRIPTS = ((1, "day"), (2, "night"))  # tariff 3 has none: nothing that is assigned counts in it

names = st.sampled_from(["day", "night", "holiday"])
registers = st.lists(st.sampled_from(sorted(TARIFF_REGISTERS)), min_size=2, max_size=8, unique=True)
calendars = st.lists(st.tuples(st.integers(1, 24 * 60 - 1), st.integers(1, 3)), max_size=4).map(
    lambda switches: Calendar(name="drawn", days={1: tuple(sorted({0: 1, **dict(switches)}.items()))})
)


@st.composite
def activations(draw: st.DrawFn) -> Activation:
    assigned = tuple(draw(registers))
    places = st.lists(st.integers(1, len(assigned)), max_size=4) if assigned else st.just([])
    masks = {name: tuple(draw(places)) for name in ("day", "night", *draw(st.sets(names)))}
    return Activation(logical_name=NAME, registers=assigned, masks=tuple(masks.items()), scripts=SCRIPTS)


class Deed(NamedTuple):
    """Something done at a minute; at the same one in this order: clock, calendar, masks, the mask in force, a bill."""

    minute: int
    rank: int
    what: Any


minutes = st.integers(1, SPAN_MINUTES // 20 - 1).map(lambda drawn: drawn * 20)
deeds = st.one_of(
    st.builds(Deed, minutes, st.just(0), st.integers(-90, 90).map(lambda drawn: drawn * 10)),
    st.builds(Deed, minutes, st.just(1), calendars),
    st.builds(Deed, minutes, st.just(2), activations()),
    st.builds(Deed, minutes, st.just(3), names),
    st.builds(Deed, minutes, st.just(3), names),
    st.builds(Deed, minutes, st.just(4), st.none()),
)
many = st.lists(deeds, min_size=8, max_size=20)


def do(meter: Meter, deed: Deed) -> bool:
    at_ms = START_MS + deed.minute * MINUTE_MS
    match deed.rank:
        case 0:
            meter.shift_clock(at_ms, deed.what * MINUTE_MS)
        case 1:
            meter.set_passive_calendar(at_ms, deed.what)
            meter.activate_calendar(at_ms)
        case 2:
            meter.set_activation(at_ms, deed.what)
        case 3:
            return meter.activate_mask(at_ms, NAME, deed.what)
        case _:
            meter.billing_reset(at_ms)
    return True


class Watcher:
    """Knows the time of day, the calendar's tariff and the mask in force, and looks again every minute."""

    def __init__(self, calendar: Calendar, activation: Activation) -> None:
        self.calendar, self.activation = calendar, activation
        self.clock = 0  # minutes of local time since the first midnight
        self.mask = ""
        self.look()

    def tariff(self) -> int:
        of_day = self.clock % (24 * 60)
        return [zone for minute, zone in self.calendar.days[1] if minute <= of_day][-1]

    def look(self) -> None:
        """Run the script of the tariff in force."""
        self.mask = dict(SCRIPTS).get(self.tariff(), "")

    def minute_passes(self) -> None:
        self.clock += 1
        if self.clock % (24 * 60) in dict(self.calendar.days[1]):
            self.look()

    def take(self, deed: Deed) -> None:
        match deed.rank:
            case 0:
                self.clock += deed.what
                self.look()
            case 1:
                self.calendar = deed.what
                self.look()
            case 2:
                self.activation = deed.what
            case 3:
                if deed.what in dict(self.activation.masks):
                    self.mask = deed.what

    def counting(self) -> set[str]:
        tariff, assigned = self.tariff(), self.activation.registers
        chosen = {assigned[place - 1] for place in dict(self.activation.masks).get(self.mask, ())}
        return chosen | {name for name in ENERGIES if name.endswith(f"_t{tariff}") and name not in assigned}


def a_meter(activation: Activation, calendar: Calendar) -> Meter:
    physics = Physics.from_table({"physics": {"history_days": 0}, "profiles": {"billing": {"day": 0}}})
    load = {"household": "urban"}
    meter = Meter(
        "MB0001", PhysicalModel(replace(physics, activations=(activation,))), 42, load, {"constant": 240}, START_MS
    )
    meter.set_passive_calendar(START_MS, calendar)
    meter.activate_calendar(START_MS)
    return meter


TWO = Activation(
    logical_name=NAME,
    registers=("active_energy_import_t1", "active_energy_import_t2"),
    masks=(("day", (1,)), ("night", (2,))),
    scripts=SCRIPTS,
)
TWICE_A_DAY = Calendar(name="twice a day", days={1: ((0, 1), (360, 1))})


@given(first=activations(), calendar=calendars, done=many)
@example(first=TWO, calendar=TWICE_A_DAY, done=[Deed(600, 3, "night"), Deed(660, 0, 30)])
@example(first=TWO, calendar=TWICE_A_DAY, done=[Deed(600, 3, "night"), Deed(660, 4, None), Deed(1500, 4, None)])
@example(first=TWO, calendar=TWICE_A_DAY, done=[Deed(600, 3, "night"), Deed(1200, 2, TWO), Deed(1300, 1, TWICE_A_DAY)])
@settings(max_examples=20, deadline=None)
def test_registers_by_tariff_are_those_of_a_meter_that_looks_every_minute(
    first: Activation, calendar: Calendar, done: list[Deed]
) -> None:
    meter, watcher = a_meter(first, calendar), Watcher(calendar, first)
    due: dict[tuple[int, int], Deed] = {}
    for deed in sorted(done, key=lambda each: each[:2]):
        if (deed.minute, deed.rank) not in due:  # one of a kind at each minute
            due[deed.minute, deed.rank] = deed
            do(meter, deed)
    instants = [START_MS + minute * MINUTE_MS for minute in range(SPAN_MINUTES + 1)]
    expected = list(EMPTY_ZONES)
    places = {name: (place_of(name), TARIFF_ENERGIES.index(name.rpartition("_t")[0])) for name in ENERGIES}
    chosen: list[set[str]] = []
    for minute in range(SPAN_MINUTES):
        if minute:
            watcher.minute_passes()
        for rank in range(5):
            if (minute, rank) in due:
                watcher.take(due[minute, rank])
        chosen.append(watcher.counting())
    totals = [meter.ledger.totals(at_ms) for at_ms in instants]
    for counts, (before, after) in zip(chosen, pairwise(totals), strict=True):
        for name in counts & set(ENERGIES):
            place, offset = places[name]
            expected[place] += after[offset] - before[offset]
    meter.advance(instants[-1])
    assert zoned_registers(meter, instants[-1]) == tuple(expected)


@given(
    first=activations(),
    calendar=calendars,
    done=many,
    looks=st.lists(st.integers(1, SPAN_MINUTES - 1), max_size=10),
)
@settings(max_examples=10, deadline=None)
def test_one_jump_equals_many_steps_whatever_masks_are_in_force(
    first: Activation, calendar: Calendar, done: list[Deed], looks: list[int]
) -> None:
    walker, jumper = a_meter(first, calendar), a_meter(first, calendar)
    for deed in sorted([*done, *(Deed(minute, 9, None) for minute in looks)], key=lambda each: each[:2]):
        if deed.rank == 9:
            walker.value("active_energy_import_t1", START_MS + deed.minute * MINUTE_MS)
            walker.value("max_demand_active_import_t2", START_MS + deed.minute * MINUTE_MS)
        else:
            assert do(walker, deed) is do(jumper, deed)
    at_ms = START_MS + SPAN_MINUTES * MINUTE_MS + DAY_MS
    assert everything(walker, at_ms) == everything(jumper, at_ms)
