"""`load = { ... }` of a bench file, read into a load."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from emulator.load.base import Load, PowerFactor
from emulator.load.constant import ConstantLoad
from emulator.load.recorded import RecordedLoad, read_recording
from emulator.load.shapes import KINDS
from emulator.load.stochastic import make
from emulator.mains import draw
from emulator.timing.zone import Zone

_KINDS: Final = ("constant", "recorded", *KINDS)
_OPTIONS: Final = ("power_factor", "lead", "size", "shares")
_WATTS_MAX: Final = 100_000_000


def load_from_table(
    table: Mapping[str, Any], *, seed: int, meter_id: str, phases: int, zone: Zone, directory: Path | None = None
) -> Load:
    """A meter's load: one of `constant` (watts), `recorded` (a file), `household`, `commercial`, `solar` (a profile).

    Options: `power_factor` (0 to 1) and `lead`, `size` (thousandths of the profile) and, with three phases, `shares`
    (thousandths of each phase).

    Raises:
        ValueError: a key or value is wrong, or a recording can't be read; the sentence says what would be right.
    """
    kinds = [key for key in table if key in _KINDS]
    unknown = [key for key in table if key not in _KINDS and key not in _OPTIONS]
    if len(kinds) != 1 or unknown:
        wrong = f"{unknown[0]} is not a key" if unknown else f"{len(kinds)} kinds are named"
        msg = f"load: {wrong}: one of {', '.join(_KINDS)} is right, with {', '.join(_OPTIONS)} as options"
        raise ValueError(msg)
    purpose = f"{meter_id}/load"
    shares = _shares(table.get("shares"), seed, purpose, phases)
    kind, value = kinds[0], table[kinds[0]]
    if kind in KINDS:
        size = table.get("size")
        if size is not None and (not isinstance(size, int) or not 1 <= size <= 1_000_000):
            msg = f"load: size = {size!r}: thousandths of the profile, from 1, are right"
            raise ValueError(msg)
        load = make(kind, value, seed, purpose, zone.standard_ms, size)._replace(shares=shares)
        return load._replace(factor=_factor(table, load.factor))
    if kind == "recorded":
        return RecordedLoad(read_recording((directory or Path()) / str(value)), _factor(table, PowerFactor()), shares)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _WATTS_MAX:
        msg = f"load: constant = {value!r}: whole watts are right, negative to feed"
        raise ValueError(msg)
    return ConstantLoad(value, _factor(table, PowerFactor()), shares)


def _factor(table: Mapping[str, Any], default: PowerFactor) -> PowerFactor:
    value, lead = table.get("power_factor"), table.get("lead", False)
    if lead not in (True, False):
        msg = f"load: lead = {lead!r}: true or false is right"
        raise ValueError(msg)
    if value is None:
        if not lead:
            return default
        msg = "load: lead needs a power_factor, such as 0.95"
        raise ValueError(msg)
    if not isinstance(value, int | float) or not 0 < value <= 1:
        msg = f"load: power_factor = {value!r}: more than 0 and at most 1 is right"
        raise ValueError(msg)
    return PowerFactor.from_permille(max(1, round(value * 1000)), leading=lead)


def _shares(value: object, seed: int, purpose: str, phases: int) -> tuple[int, ...]:
    if value is not None:
        shares = tuple(each for each in value if isinstance(each, int)) if isinstance(value, list | tuple) else ()
        if len(shares) != phases or sum(shares) != 1000 or min(shares) < 0:
            msg = f"load: shares = {value!r}: {phases} whole numbers that make 1000 are right"
            raise ValueError(msg)
        return shares
    if phases == 1:
        return (1000,)
    first, second = (draw.between(seed, f"{purpose}/shares", index, 290, 380) for index in range(2))
    return (first, second, 1000 - first - second)
