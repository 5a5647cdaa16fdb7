"""What the demo shows: a live table of the meters and the messages as they pass; plain lines without a terminal."""

from collections import deque
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

COLUMNS: Final = (
    ("volts", "V", ("voltage", "voltage_l1"), 1),
    ("amps", "A", ("current", "current_l1"), 1),
    ("watts", "W", ("active_power",), 1),
    ("kilowatt-hours", "kWh", ("active_energy_import",), 1000),
)
MESSAGES_SHOWN: Final = 12


class Board:
    """The meters as the broker's messages tell of them.

    Args:
        meters: ids, in the order of the rows.
        broker: its URL, for the title.
        models: the model of each meter.
    """

    def __init__(self, meters: list[str], broker: str, models: dict[str, str]) -> None:
        self._meters: dict[str, dict[str, str]] = {meter: {"model": models.get(meter, "")} for meter in meters}
        self._broker = broker
        self._messages: deque[str] = deque(maxlen=MESSAGES_SHOWN)
        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=4) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._live.update(self._picture())
        else:
            print(f"broker {self._broker}; meters {', '.join(self._meters)}", flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Show one line among the messages."""
        self._messages.append(line)
        if self._live is None:
            print(line, flush=True)
        else:
            self._live.update(self._picture())

    def take(self, topic: str, payload: dict[str, Any]) -> None:
        """Take one message of the gateway."""
        rest = topic.split("/")[3:]
        if len(rest) < 2:
            self.say(f"gateway    {payload.get('status', 'offline')}")
            return
        meter, kind = rest[0], rest[1]
        row = self._meters.setdefault(meter, {})
        if kind == "relay":
            row["relay"] = "closed" if payload.get("output_state") else "OPEN"
            self.say(f"relay      {meter} {row['relay']}")
        elif kind == "reading" and rest[2] == "instantaneous":
            _fill(row, payload)
            values = "  ".join(f"{row[name]} {unit}" for name, unit, *_ in COLUMNS if name in row)
            self.say(f"reading    {meter} {rest[2]:<14} {values}")
        elif kind == "reading":
            self.say(f"reading    {meter} {rest[2]:<14} {len(payload.get('rows', []))} rows")
        elif kind == "result":
            self.say(f"result     {meter} {payload.get('verb', '')} {payload.get('rung', '')}")
        elif kind == "status":
            row["status"] = str(payload.get("status", ""))

    def _picture(self) -> Group:
        table = Table(title=f"meters, as the broker at {self._broker} tells", expand=True)
        for heading in ("meter", "model", "status", "relay"):
            table.add_column(heading)
        for name, unit, *_ in COLUMNS:
            table.add_column(f"{name} ({unit})", justify="right")
        table.add_column("last read")
        for meter, row in self._meters.items():
            relay = Text(row.get("relay", ""), style="bold red" if row.get("relay") == "OPEN" else "green")
            cells = [row.get(name, "") for name, *_ in COLUMNS]
            table.add_row(meter, row.get("model", ""), row.get("status", ""), relay, *cells, row.get("read_at", ""))
        return Group(table, Panel("\n".join(self._messages), title="messages"), Text("Ctrl-C ends it", style="dim"))


def _fill(row: dict[str, str], payload: dict[str, Any]) -> None:
    last = payload.get("rows", [{}])[-1]
    values = {value.get("name"): value.get("value") for value in last.get("values", [])}
    for column, _, names, divisor in COLUMNS:
        for name in names:
            if values.get(name) is not None:
                row[column] = f"{float(values[name]) / divisor:.3f}" if divisor > 1 else f"{float(values[name]):.2f}"
                break
    row["read_at"] = str(payload.get("read_at", ""))[11:19]
