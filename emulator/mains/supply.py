"""The mains in front of the meter: voltage and frequency at any instant, and outages that come by themselves.

Like a load it is a pure value with an exact integral (millivolt-milliseconds), so that the mean voltage of a block is a
difference. What a bench does to it (outage, sag, swell, a phase lost) is a happening of the meter, not of the supply.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

from emulator.mains import draw
from emulator.mains.curve import SCALE, SLOT_MS, SLOTS, Curve, Noise, Shape
from emulator.timing.zone import DAY_MS, Zone

_FREQUENCY_STEP_MS: Final = 10_000
_OUTAGE_SEARCH_DAYS: Final = 400
"""How far ahead the next outage is looked for; a grid whose outages are rarer has none."""
_OUTAGE_MS: Final = (20_000, 3 * 3_600_000)


class Switch(NamedTuple):
    """The supply goes (`present` False) or comes back."""

    at_ms: int
    present: bool


class Supply(Protocol):
    """A mains supply; every method is a pure function of true time."""

    def millivolts(self, phase: int, at_ms: int) -> int:
        """Voltage to neutral at an instant; phases count from 0."""

    def steady(self, phase: int, at_ms: int) -> int:
        """The same without what flickers within a quarter of an hour: what events are judged by."""

    def integral(self, phase: int, at_ms: int) -> int:
        """Millivolt-milliseconds from an instant long ago."""

    def integrals(self, phase: int, instants: Sequence[int]) -> list[int]:
        """The same to each of many instants."""

    def next_change(self, at_ms: int) -> int | None:
        """When `steady` may change for the first time after `at_ms`, or None."""

    def limits(self) -> tuple[int, int]:
        """The lowest and the highest millivolts that it can have by itself."""

    def spread(self) -> int:
        """Thousandths by which its phases can differ by themselves at one instant, at most."""

    def frequency_mhz(self, at_ms: int) -> int:
        """Frequency in thousandths of a hertz."""

    def next_switch(self, after_ms: int) -> Switch | None:
        """The next time that it goes or comes back by itself, or None."""


class ConstantSupply(NamedTuple):
    """The same voltage and frequency always."""

    voltage_mv: int = 240_000
    nominal_hz: int = 50

    def millivolts(self, phase: int, at_ms: int) -> int:
        """Always the same."""
        return self.voltage_mv

    def steady(self, phase: int, at_ms: int) -> int:
        """Always the same."""
        return self.voltage_mv

    def integral(self, phase: int, at_ms: int) -> int:
        """Since 1970."""
        return self.voltage_mv * at_ms

    def integrals(self, phase: int, instants: Sequence[int]) -> list[int]:
        """Since 1970."""
        return [self.voltage_mv * at_ms for at_ms in instants]

    def next_change(self, at_ms: int) -> int | None:
        """Never."""
        return None

    def limits(self) -> tuple[int, int]:
        """The voltage itself."""
        return self.voltage_mv, self.voltage_mv

    def spread(self) -> int:
        """All phases are alike."""
        return 0

    def frequency_mhz(self, at_ms: int) -> int:
        """The nominal frequency."""
        return self.nominal_hz * 1000

    def next_switch(self, after_ms: int) -> Switch | None:
        """Never."""
        return None


class _Feeder(NamedTuple):
    """Thousandths of the nominal voltage by hour, and the noise about it."""

    hours: tuple[int, ...]
    noise: Noise
    size: tuple[int, int]


# fmt: off
_FEEDERS: Final = {
    "urban": _Feeder(
        (1012, 1014, 1015, 1015, 1012, 1004, 994, 990, 992, 994, 992, 990,
         988, 988, 990, 990, 988, 982, 968, 960, 962, 975, 992, 1006),
        Noise(2, 2, 1, 1, 1, 1, 2), (985, 1010)),
    "rural": _Feeder(
        (1015, 1018, 1020, 1018, 1005, 985, 972, 975, 985, 980, 970, 965,
         965, 968, 972, 975, 970, 945, 905, 890, 895, 930, 975, 1002),
        Noise(3, 3, 1, 1, 1, 1, 2), (960, 1000)),
}
# fmt: on


class GridSupply(NamedTuple):
    """A feeder: a voltage that sags in the evening, a frequency that wanders, perhaps outages."""

    curves: tuple[Curve, ...]
    key: bytes
    nominal_hz: int
    outages_per_month: int

    def millivolts(self, phase: int, at_ms: int) -> int:
        """Voltage at an instant."""
        return self.curves[phase].value(at_ms) // SCALE

    def steady(self, phase: int, at_ms: int) -> int:
        """Voltage of the quarter of an hour."""
        return self.curves[phase].steady(at_ms) // SCALE

    def integral(self, phase: int, at_ms: int) -> int:
        """Exact, without walking."""
        return self.curves[phase].integral(at_ms) // SCALE

    def integrals(self, phase: int, instants: Sequence[int]) -> list[int]:
        """Exact, without walking."""
        return [whole // SCALE for whole in self.curves[phase].integrals(instants)]

    def next_change(self, at_ms: int) -> int | None:
        """The next quarter of an hour."""
        return at_ms - at_ms % SLOT_MS + SLOT_MS

    def limits(self) -> tuple[int, int]:
        """Bounds of the shape with all its noise."""
        curve = self.curves[0]
        days, share = curve.shape.days, sum(curve.shape.noise)
        low, high = min(map(min, days)) * curve.size, max(map(max, days)) * curve.size
        return low * (256 - share) // 256_000, high * (256 + share) // 256_000 + 1

    def spread(self) -> int:
        """The phases follow one shape; only their noise differs."""
        share = sum(self.curves[0].shape.noise)
        return 2 * share * 1000 // (256 - share) + 1

    def frequency_mhz(self, at_ms: int) -> int:
        """The nominal frequency and up to 60 mHz more or less, another every ten seconds."""
        drawn = draw.keyed(self.key, at_ms // _FREQUENCY_STEP_MS * 2, 2)
        return self.nominal_hz * 1000 + (drawn[0] + drawn[1] - 255) * 60 // 255

    def next_switch(self, after_ms: int) -> Switch | None:
        """The next beginning or end of an outage; there is at most one a day."""
        if not self.outages_per_month:
            return None
        first = after_ms // DAY_MS
        for day in range(first, first + _OUTAGE_SEARCH_DAYS):
            drawn = draw.keyed(self.key, day * 2 + 1, 12)
            if int.from_bytes(drawn[:4], "big") * 30 >= self.outages_per_month << 32:
                continue
            low_ms, high_ms = _OUTAGE_MS
            # The square of a draw: short outages are more frequent than long ones.
            length_ms = low_ms + (high_ms - low_ms) * int.from_bytes(drawn[4:8], "big") ** 2 // (1 << 64)
            begin_ms = day * DAY_MS + int.from_bytes(drawn[8:], "big") % (DAY_MS - length_ms - 1)
            if begin_ms > after_ms:
                return Switch(begin_ms, present=False)
            if begin_ms + length_ms > after_ms:
                return Switch(begin_ms + length_ms, present=True)
        return None


@cache
def _shape(feeder: str, nominal_v: int, offset_ms: int) -> Shape:
    kind = _FEEDERS[feeder]
    per_hour = SLOTS // len(kind.hours)
    values = [
        nominal_v * (hour + (kind.hours[(index + 1) % len(kind.hours)] - hour) * part // per_hour)
        for index, hour in enumerate(kind.hours)
        for part in range(per_hour)
    ]
    return Shape((values,), _only_kind, _no_season, kind.noise, offset_ms)


def _only_kind(_when: date) -> int:
    return 0


def _no_season(_when: date) -> int:
    return 1000


def supply_from_table(
    table: Mapping[str, Any], *, seed: int, meter_id: str, phases: int, nominal_v: int, nominal_hz: int, zone: Zone
) -> Supply:
    """`supply = { constant = VOLTS }` or `{ grid = "urban" | "rural", outages_per_month = N }` of a bench file.

    Raises:
        ValueError: a key or value is wrong; the sentence says what would be right.
    """
    unknown = [key for key in table if key not in {"constant", "grid", "outages_per_month"}]
    if unknown or ("constant" in table) == ("grid" in table):
        msg = f"supply: {unknown[0] if unknown else 'no kind'}: constant = VOLTS or grid = urban or rural is right"
        raise ValueError(msg)
    if "constant" in table:
        volts = table["constant"]
        if not isinstance(volts, int | float) or isinstance(volts, bool) or not 0 < volts <= 1000:
            msg = f"supply: constant = {volts!r}: volts from 1 to 1000 are right"
            raise ValueError(msg)
        return ConstantSupply(round(volts * 1000), nominal_hz)
    feeder, outages = table["grid"], table.get("outages_per_month", 0)
    if feeder not in _FEEDERS:
        msg = f"supply: grid = {feeder!r}: one of {', '.join(_FEEDERS)} is right"
        raise ValueError(msg)
    if not isinstance(outages, int) or not 0 <= outages <= 30:
        msg = f"supply: outages_per_month = {outages!r}: 0 to 30 is right"
        raise ValueError(msg)
    shape = _shape(feeder, nominal_v, zone.standard_ms)
    size = draw.between(seed, f"{meter_id}/supply/size", 0, *_FEEDERS[feeder].size)
    curves = tuple(Curve(shape, size, draw.key(seed, f"{meter_id}/supply/{phase}")) for phase in range(phases))
    return GridSupply(curves, draw.key(seed, f"{meter_id}/supply"), nominal_hz, outages)
