"""A picture of some days of a meter: load, voltage, load switch and events, all from the one state that clients read.

matplotlib is an extra and is imported when a picture is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, NamedTuple

from emulator.event.condition import CONDITIONS
from emulator.event.event_log import LOGS, Code
from emulator.mechanism import Model
from emulator.meter import MILLI_WH_PER_KWH, Meter
from emulator.timing.zone import DAY_MS

STEP_MS: Final = 300_000
DAYS_MAX: Final = 366
LOAD: Final[Mapping[str, Any]] = {"household": "urban"}
SUPPLY: Final[Mapping[str, Any]] = {"grid": "rural", "outages_per_month": 12}
START_MS: Final = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30: always the same picture, unless another start is asked for."""

_HOUR_MS: Final = 3_600_000
_PHASES: Final = ("#b3261e", "#c98a00", "#1f5fa8")
_DRAWN, _FED, _INK, _PALE = "#3f7d4e", "#c98a00", "#33373d", "#8a9099"
_STATES: Final = ("#c4554d", "#7fb08a", "#e0b64f")
"""Of the load switch: disconnected, connected, ready for reconnection."""
_STATE_NAMES: Final = ("disconnected", "connected", "ready for reconnection")

_LABELS_ABREAST: Final = 8
"""How many names of events there is room for in a row; what has none is drawn without."""

Deed = tuple[int, Callable[[Meter, int], object]]


class Lived(NamedTuple):
    """What a meter has shown: at each instant (local time) power, voltages and the switch; days' energies; events."""

    instants: list[datetime]
    kilowatts: list[float]
    kilowatt_hours: list[tuple[float, float]]
    volts: list[list[float]]
    control_states: list[int]
    output_states: list[int]
    events: list[tuple[datetime, str, int]]


def example(start_ms: int, days: int) -> list[Deed]:
    """Something to see, spread over the days: a magnet, a cut for non-payment and its end, a sag."""
    part_ms = days * DAY_MS // 8
    return [
        (start_ms + part_ms, lambda meter, at_ms: meter.set_input(at_ms, "magnet")),
        (start_ms + part_ms + 2 * _HOUR_MS, lambda meter, at_ms: meter.set_input(at_ms, "magnet", 0)),
        (start_ms + 3 * part_ms, lambda meter, at_ms: meter.relay.remote_disconnect(at_ms, "non_payment")),
        (start_ms + 4 * part_ms, lambda meter, at_ms: meter.relay.remote_reconnect(at_ms)),
        (start_ms + 6 * part_ms, lambda meter, at_ms: meter.set_voltage(at_ms, 720)),
        (start_ms + 6 * part_ms + 2 * _HOUR_MS, lambda meter, at_ms: meter.set_voltage(at_ms, 1000)),
    ]


def live(meter: Meter, start_ms: int, days: int, deeds: list[Deed]) -> Lived:
    """Let a meter live some days, do the deeds at their time, and note what it shows."""
    local = timezone(timedelta(milliseconds=meter.zone.offset_ms(start_ms)))
    phases = range(1, meter.physics.metering.phases + 1)
    lived = Lived([], [], [], [[] for _ in phases], [], [], [])
    waiting = sorted(deeds, key=lambda deed: deed[0], reverse=True)
    energies = ("active_energy_import", "active_energy_export")
    before = [meter.value(name, start_ms) for name in energies]
    for at_ms in range(start_ms, start_ms + days * DAY_MS + 1, STEP_MS):
        while waiting and waiting[-1][0] <= at_ms:
            due_ms, deed = waiting.pop()
            deed(meter, due_ms)
        lived.instants.append(_local(at_ms, local))
        lived.kilowatts.append(meter.value("active_power", at_ms) / 1e6)
        for phase in phases:
            lived.volts[phase - 1].append(meter.value(f"voltage_l{phase}", at_ms) / 1e3)
        lived.control_states.append(meter.value("control_state", at_ms))
        lived.output_states.append(meter.value("output_state", at_ms))
        if at_ms > start_ms and (at_ms - start_ms) % DAY_MS == 0:
            after = [meter.value(name, at_ms) for name in energies]
            drawn, fed = ((now - then) / MILLI_WH_PER_KWH for now, then in zip(after, before, strict=True))
            lived.kilowatt_hours.append((drawn, fed))
            before = after
    end_ms = start_ms + days * DAY_MS
    for log in LOGS:
        for row in meter.event_log.rows(log, end_ms, 1, meter.event_log.entries(log, end_ms)):
            lived.events.append((_local(row.utc_ms, local), log, row.code))
    return lived


def _local(at_ms: int, local: timezone) -> datetime:
    # Without its offset: an axis shows local time as it is.
    return datetime.fromtimestamp(at_ms / 1000, local).replace(tzinfo=None)


def plot(model: Model, name: str, days: int, path: Path, *, seed: int = 42, start_ms: int = START_MS) -> None:
    """Draw some days of a meter of a model into a file (PNG, SVG, PDF by its suffix).

    Args:
        model: the meter's.
        name: of the model, for the title.
        days: 1 to 366.
        path: the picture.
        seed: of the bench.
        start_ms: true time when the days begin.

    Raises:
        ValueError: `days` is out of range, or the suffix is none that matplotlib writes.
        ImportError: the extra `plot` is not installed.
        OSError: the file cannot be written.
    """
    if not 1 <= days <= DAYS_MAX:
        msg = f"{days} days: 1 to {DAYS_MAX} are right"
        raise ValueError(msg)
    meter = Meter("PLOT01", model, seed, LOAD, SUPPLY, start_ms)
    lived = live(meter, start_ms, days, example(start_ms, days))
    metering = model.physics.metering
    _draw(lived, f"{name}  ·  seed {seed}  ·  {days} days, local time", metering.nominal_voltage_v, path)


def _draw(lived: Lived, title: str, nominal_v: int, path: Path) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    look: Any = {
        "date.converter": "concise",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": _PALE,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "font.size": 9,
        "legend.frameon": False,
    }
    with rc_context(look):
        figure = Figure(figsize=(12, 8.4), layout="constrained")
        FigureCanvasAgg(figure)
        load, voltage, switch, events = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 0.7, 1.7))
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=_INK)
        _load(load, lived)
        _voltage(voltage, lived, nominal_v)
        _switch(switch, lived)
        _events(events, lived)
        for axes in (load, voltage, switch, events):
            axes.grid(visible=True, axis="x", color=_PALE, alpha=0.25)
            axes.margins(x=0)
            for begun, ended in spans(
                lived.instants, [not any(each) for each in zip(*lived.volts, strict=True)], [True]
            ):
                axes.axvspan(begun, ended, color=_PALE, alpha=0.25, linewidth=0)
        figure.align_ylabels()
        figure.savefig(path, dpi=110)


def spans(instants: list[datetime], values: Sequence[int], wanted: Sequence[int]) -> list[tuple[datetime, datetime]]:
    """The stretches in which what was shown was one of some values; each lasts until something else was shown."""
    found: list[tuple[datetime, datetime]] = []
    begun: datetime | None = None
    for at, value in zip(instants, values, strict=True):
        if value in wanted and begun is None:
            begun = at
        elif value not in wanted and begun is not None:
            found.append((begun, at))
            begun = None
    return found if begun is None else [*found, (begun, instants[-1])]


def _load(axes: Any, lived: Lived) -> None:
    for sign, colour in ((1, _DRAWN), (-1, _FED)):
        power = [sign * max(0.0, sign * each) for each in lived.kilowatts]
        if any(power):
            axes.fill_between(lived.instants, power, step="post", color=colour, alpha=0.3, linewidth=0)
            axes.step(lived.instants, power, where="post", color=colour, linewidth=0.9)
    axes.axhline(0, color=_PALE, linewidth=0.6)
    axes.set_ylabel("load, kW")
    axes.margins(y=0.12)
    if min(lived.kilowatts) >= 0:
        axes.set_ylim(0, max(0.1, *lived.kilowatts) * 1.15)
    if len(lived.kilowatt_hours) > 31:  # no room for a number a day
        return
    for day, (drawn, fed) in enumerate(lived.kilowatt_hours):
        told = f"{drawn:.1f} kWh" + (f", {fed:.1f} fed" if fed else "")
        noon = lived.instants[0] + timedelta(days=day, hours=12)
        axes.annotate(told, (noon, 1), xycoords=("data", "axes fraction"), ha="center", va="top", color=_INK)


def _voltage(axes: Any, lived: Lived, nominal_v: int) -> None:
    for phase, (volts, colour) in enumerate(zip(lived.volts, _PHASES, strict=False), start=1):
        axes.step(lived.instants, volts, where="post", color=colour, linewidth=0.8, label=f"L{phase}")
    axes.axhline(nominal_v, color=_PALE, linewidth=0.8, linestyle=":")
    axes.annotate(
        f"nominal {nominal_v} V",
        (0, nominal_v),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=7,
        color=_PALE,
    )
    axes.set_ylabel("voltage, V")
    axes.set_ylim(0, nominal_v * 1.25)
    if len(lived.volts) > 1:
        axes.legend(loc="lower right", ncols=3, fontsize="small")


def _switch(axes: Any, lived: Lived) -> None:
    """Two bars: what the logic says, and what the contact does; they part for a weld, or while it moves."""
    from matplotlib.patches import Patch

    for row, states in enumerate((lived.output_states, lived.control_states)):
        for state, colour in enumerate(_STATES):
            bars: Any = [(begun, ended - begun) for begun, ended in spans(lived.instants, states, [state])]
            axes.broken_barh(bars, (row - 0.36, 0.72), color=colour, linewidth=0)
    axes.set_yticks((0, 1), ("contact", "control state"))
    axes.set_ylim(-0.6, 1.6)
    shown = sorted(set(lived.control_states) | set(lived.output_states))
    patches = [Patch(color=_STATES[state], label=_STATE_NAMES[state]) for state in shown]
    axes.legend(handles=patches, loc="lower right", bbox_to_anchor=(1, 0.95), ncols=3, fontsize="small")


def _events(axes: Any, lived: Lived) -> None:
    """What lasted as bars from its occurrence to its restoration, the rest as marks."""
    logs = [log for log in LOGS if any(each == log for _, each, _ in lived.events)]
    first, last = lived.instants[0], lived.instants[-1]
    room = (last - first) / _LABELS_ABREAST
    free = dict.fromkeys(logs, first)
    for log, name, begun, ended in sorted(happened(lived.events), key=lambda each: each[2]):
        row, lasts, until = logs.index(log), ended is not None, ended or begun
        axes.plot(
            [begun, until],
            [row, row],
            color=_INK,
            linewidth=5 if lasts else 0,
            alpha=0.55,
            marker=None if lasts else "D",
            markersize=4,
            solid_capstyle="projecting",
        )
        left = until + room > last
        if begun - room * left < free[log]:
            continue  # it would stand on the one before
        free[log] = until + room * (not left)
        axes.annotate(
            name,
            (begun if left else until, row),
            xytext=(-5 if left else 5, 0),
            textcoords="offset points",
            va="center",
            ha="right" if left else "left",
            fontsize=7,
            color=_INK,
        )
    axes.set_yticks(range(len(logs)), logs)
    axes.set_ylim(-0.7, max(0, len(logs) - 1) + 0.7)
    axes.set_ylabel("events")


def happened(events: list[tuple[datetime, str, int]]) -> list[tuple[str, str, datetime, datetime | None]]:
    """Log, name, beginning and end (None for what does not last) of what was logged, a restoration ending its event."""
    open_since: dict[int, datetime] = {}
    found: list[tuple[str, str, datetime, datetime | None]] = []
    for at, log, code in events:
        if code in _ENDS and _ENDS[code] in open_since:
            begun = open_since.pop(_ENDS[code])
            found.append((log, f"{_NAMES[_ENDS[code]]} {_ENDS[code]}-{code}", begun, at))
        elif code in _ENDS.values():
            open_since[code] = at
        else:
            found.append((log, f"{_NAMES.get(code, 'event')} {code}", at, None))
    logs = {code: log for _, log, code in events}
    found += [(logs[code], f"{_NAMES[code]} {code}", at, None) for code, at in open_since.items()]
    return found


_CODES: Final = {getattr(Code, name): name.lower().replace("_", " ") for name in vars(Code) if name.isupper()}
_NAMES: Final = _CODES | {each.occurrence: each.name.replace("_", " ") for each in CONDITIONS}
_ENDS: Final = {each.restoration: each.occurrence for each in CONDITIONS if each.restoration is not None} | {
    Code.POWER_RESTORED: Code.POWER_FAILURE,
    Code.CONNECTED: Code.DISCONNECTED,
}
"""What each restoration ends."""
