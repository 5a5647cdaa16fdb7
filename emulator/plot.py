"""A picture of some days of a meter: load, voltage, load switch and events, all from the one state that clients read.

matplotlib is an extra and is imported when a picture is asked for.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emulator.event.event_log import LOGS
from emulator.mechanism import Model
from emulator.meter import Meter
from emulator.timing.zone import DAY_MS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEP_MS: Final = 300_000
DAYS_MAX: Final = 366
LOAD: Final[Mapping[str, Any]] = {"household": "urban"}
SUPPLY: Final[Mapping[str, Any]] = {"grid": "rural", "outages_per_month": 12}
START_MS: Final = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30: always the same picture, unless another start is asked for."""

_HOUR_MS: Final = 3_600_000
_COLOURS: Final = ("#b3261e", "#c98a00", "#1f5fa8")

Deed = tuple[int, Callable[[Meter, int], object]]


class Lived(NamedTuple):
    """What a meter has shown: at each instant (local time) power, voltages and the switch; and its events."""

    instants: list[datetime]
    kilowatts: list[float]
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
    lived = Lived([], [], [[] for _ in phases], [], [], [])
    waiting = sorted(deeds, key=lambda deed: deed[0], reverse=True)
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
    _draw(lived, f"{name}, seed {seed}, {days} days; local time", path)


def _draw(lived: Lived, title: str, path: Path) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"date.converter": "concise"}):
        figure = Figure(figsize=(12, 8), layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure, lived, title)
        figure.savefig(path, dpi=110)


def _fill(figure: "Figure", lived: Lived, title: str) -> None:
    load, voltage, switch, events = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 1.2, 1.6))
    figure.suptitle(title)
    load.fill_between(lived.instants, lived.kilowatts, step="post", color="#3f7d4e", alpha=0.25, linewidth=0)
    load.step(lived.instants, lived.kilowatts, where="post", color="#3f7d4e", linewidth=0.9)
    load.set_ylabel("load, kW")
    for phase, (volts, colour) in enumerate(zip(lived.volts, _COLOURS, strict=False), start=1):
        voltage.step(lived.instants, volts, where="post", color=colour, linewidth=0.8, label=f"L{phase}")
    voltage.set_ylabel("voltage, V")
    if len(lived.volts) > 1:
        voltage.legend(loc="lower right", ncols=3, fontsize="small")
    switch.step(
        lived.instants, lived.control_states, where="post", color="#1f5fa8", linewidth=1.4, label="control state"
    )
    switch.step(
        lived.instants,
        lived.output_states,
        where="post",
        color="#b3261e",
        linewidth=1.0,
        label="output state",
        linestyle="--",
    )
    switch.set_yticks((0, 1, 2), ("disconnected", "connected", "ready"))
    switch.set_ylim(-0.4, 2.4)
    switch.legend(loc="upper right", ncols=2, fontsize="small")
    logs = [log for log in LOGS if any(each == log for _, each, _ in lived.events)]
    for at, log, code in lived.events:
        events.plot([at], [logs.index(log)], marker="|", color="#444444", markersize=10)
        # Restorations, whose codes are even, stand below what they end.
        place = (2, 3) if code % 2 else (2, -9)
        events.annotate(str(code), (at, logs.index(log)), xytext=place, textcoords="offset points", fontsize=6)
    events.set_yticks(range(len(logs)), logs)
    events.set_ylim(-0.6, max(0, len(logs) - 1) + 0.8)
    events.set_ylabel("events")
    for axes in (load, voltage, switch, events):
        axes.grid(visible=True, alpha=0.25)
        axes.margins(x=0)
