"""Conditions that a meter logs, as one table: code, log, status bit, and whether it counts as tamper.

A condition is either an input that the bench sets (a magnet, a cover, a missing neutral) or is judged from the
electrical scene (`rule.py`); both count only once they have lasted (`monitor.py`).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple


class Condition(NamedTuple):
    """One row of the table of conditions.

    `occurrence` and `restoration` are event codes (None: never restored, latched); `bit` is that of the event status
    word; `phases` is 1 or 3 for what only such a meter has, 0 for any; `phase` counts from 0.
    """

    name: str
    log: str
    occurrence: int
    restoration: int | None
    bit: int | None
    tamper: bool
    phases: int = 0
    phase: int = 0


def _by_phase(stem: str, log: str, first_code: int, bits: tuple[int | None, ...]) -> Iterator[Condition]:
    for phase, bit in enumerate(bits):
        code = first_code + 2 * phase
        phases = 3 if phase or stem != "reverse_current" else 0
        yield Condition(f"{stem}_l{phase + 1}", log, code, code + 1, bit, tamper=True, phases=phases, phase=phase)


CONDITIONS: Final = (
    *_by_phase("missing_voltage", "voltage", 1, (0, 1, 2)),
    Condition("over_voltage", "voltage", 7, 8, 3, tamper=False),
    Condition("low_voltage", "voltage", 9, 10, 4, tamper=False),
    Condition("voltage_unbalance", "voltage", 11, 12, 5, tamper=False, phases=3),
    *_by_phase("reverse_current", "current", 51, (6, 7, 8)),
    *_by_phase("ct_open", "current", 57, (None, None, None)),
    Condition("current_unbalance", "current", 63, 64, 9, tamper=False, phases=3),
    Condition("bypass", "current", 65, 66, 10, tamper=True),
    Condition("over_current", "current", 67, 68, 11, tamper=False),
    Condition("earth_load", "current", 69, 70, 51, tamper=True, phases=1),
    Condition("magnet", "other", 201, 202, 81, tamper=True),
    Condition("neutral_disturbance", "other", 203, 204, 82, tamper=True),
    Condition("low_power_factor", "other", 205, 206, 12, tamper=False),
    Condition("neutral_missing", "other", 207, 208, 89, tamper=True, phases=1),
    Condition("module_removed", "other", 209, 210, 110, tamper=False),
    Condition("over_load", "other", 215, 216, 111, tamper=False),
    Condition("cover_open", "non_rollover", 251, None, 83, tamper=True),
    Condition("switch_weld", "non_rollover", 253, None, None, tamper=False),
)
"""Every condition, in the order of its code within its log."""

INDEX: Final = {condition.name: index for index, condition in enumerate(CONDITIONS)}

INPUTS: Final = frozenset(
    {
        *(f"{stem}_l{phase}" for stem in ("reverse_current", "ct_open") for phase in (1, 2, 3)),
        "bypass",
        "earth_load",
        "magnet",
        "neutral_disturbance",
        "neutral_missing",
        "module_removed",
        "cover_open",
        "switch_weld",
    }
)
"""Conditions that are given because somebody says so."""
