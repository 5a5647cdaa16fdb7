"""The days and seasons of households, shops, works and roofs, as hourly watts: plausible, not measured.

Evening peaks, the cooling months before the monsoon and the shapes' heights follow what is generally told of Indian
distribution feeders; no source is claimed for a single number, and a recorded load is there for whoever has one.
"""

from datetime import date
from functools import cache
from typing import Final, NamedTuple

from emulator.mains.curve import SLOTS, Noise, Shape

_HOURS: Final = 24
_HOUR_SLOTS: Final = SLOTS // _HOURS


class Profile(NamedTuple):
    """Hourly watts of a working day and a day of rest, thousandths for each month, noise, and how meters differ."""

    working: tuple[int, ...]
    rest: tuple[int, ...]
    months: tuple[int, ...]
    noise: Noise
    size: tuple[int, int]
    power_factor: tuple[int, int]
    idle_va: int
    rest_days: tuple[int, ...] = (6,)


_HOT: Final = (820, 850, 930, 1120, 1280, 1300, 1180, 1120, 1080, 960, 820, 810)
_EVEN: Final = (980, 980, 990, 1010, 1020, 1020, 1010, 1000, 1000, 1000, 990, 1000)
_SUN: Final = (860, 960, 1080, 1150, 1160, 980, 800, 790, 890, 960, 900, 830)

# fmt: off
HOUSEHOLD: Final = {
    "urban": Profile(
        (190, 170, 160, 155, 165, 260, 480, 520, 380, 300, 280, 290,
         310, 300, 290, 300, 340, 450, 690, 860, 900, 780, 520, 290),
        (210, 190, 175, 165, 170, 220, 380, 520, 560, 520, 470, 450,
         480, 470, 430, 420, 450, 540, 720, 880, 930, 820, 580, 340),
        _HOT, Noise(70, 55, 20, 12, 16, 20, 40), (450, 1900), (860, 970), 18),
    "rural": Profile(
        (60, 55, 50, 50, 80, 150, 180, 140, 110, 100, 95, 100,
         110, 105, 100, 100, 110, 160, 300, 360, 330, 230, 120, 75),
        (62, 56, 50, 50, 78, 150, 185, 150, 120, 110, 105, 110,
         118, 112, 105, 105, 115, 165, 300, 365, 335, 235, 125, 78),
        _HOT, Noise(80, 55, 20, 12, 16, 16, 40), (500, 1800), (820, 960), 8),
}
COMMERCIAL: Final = {
    "shop": Profile(
        (300, 300, 300, 300, 300, 320, 380, 520, 900, 1500, 1900, 2100,
         2150, 2050, 2000, 2050, 2200, 2500, 2800, 2750, 2300, 1300, 500, 320),
        (300, 300, 300, 300, 300, 310, 330, 380, 500, 700, 850, 900,
         900, 850, 800, 800, 850, 900, 950, 900, 700, 450, 340, 310),
        _HOT, Noise(40, 35, 15, 10, 12, 14, 30), (600, 2200), (880, 980), 60),
    "works": Profile(
        (900, 880, 880, 880, 900, 1200, 2600, 5200, 6800, 7400, 7600, 7300,
         6100, 6900, 7500, 7400, 7000, 5600, 3400, 2200, 1600, 1300, 1100, 950),
        (860, 850, 850, 850, 850, 860, 880, 900, 920, 930, 940, 930,
         920, 910, 900, 900, 890, 890, 890, 880, 880, 870, 860, 860),
        _EVEN, Noise(35, 30, 12, 8, 10, 12, 30), (700, 2500), (780, 930), 220),
}
_BEHIND_ROOF: Final = Profile(
    (190, 170, 160, 155, 165, 260, 400, 260, 0, 0, 0, 0,
     0, 0, 0, 0, 190, 450, 690, 860, 900, 780, 520, 290),
    (210, 190, 175, 165, 170, 220, 340, 280, 0, 0, 0, 0,
     0, 0, 0, 0, 220, 540, 720, 880, 930, 820, 580, 340),
    _HOT, Noise(70, 55, 0, 12, 16, 20, 40), (700, 1700), (900, 990), 0)
SOLAR: Final = {"rooftop": _BEHIND_ROOF}
FED: Final = {
    "rooftop": Profile(
        (0, 0, 0, 0, 0, 0, 0, 0, 500, 1300, 1900, 2300, 2400, 2200, 1700, 900, 0, 0, 0, 0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0, 0, 0, 0, 450, 1200, 1800, 2200, 2300, 2100, 1600, 850, 0, 0, 0, 0, 0, 0, 0, 0),
        _SUN, Noise(70, 70, 0, 25, 30, 20, 30), (600, 1600), (950, 1000), 0),
}
# fmt: on

KINDS: Final = {"household": HOUSEHOLD, "commercial": COMMERCIAL, "solar": SOLAR}


def _slots(hours: tuple[int, ...]) -> tuple[int, ...]:
    """Quarters of an hour between hourly values; an hour of zero is zero from its beginning to its end."""
    values: list[int] = []
    for hour, value in enumerate(hours):
        after = hours[(hour + 1) % _HOURS]
        for part in range(_HOUR_SLOTS):
            even = value if not value or not after else value + (after - value) * part // _HOUR_SLOTS
            values.append(even)
    return tuple(values)


def _month_factor(months: tuple[int, ...], when: date) -> int:
    """Between the middles of two months, in proportion."""
    after_middle = when.day - 15
    other = months[(when.month if after_middle > 0 else when.month - 2) % 12]
    return months[when.month - 1] + (other - months[when.month - 1]) * abs(after_middle) // 31


@cache
def shape(profile: Profile, offset_ms: int) -> Shape:
    """The shape that all meters of a profile and zone share."""
    return Shape(
        (_slots(profile.working), _slots(profile.rest)),
        lambda when: int(when.weekday() in profile.rest_days),
        lambda when: _month_factor(profile.months, when),
        profile.noise,
        offset_ms,
    )
