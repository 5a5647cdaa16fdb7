"""The seven event logs: rows first in first out, a running number each, and one log that never rolls over."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from protocols.model.physics import Events

LOGS: Final = ("voltage", "current", "power", "transaction", "other", "non_rollover", "control")
"""Their names, in the order of the COSEM value group F of their objects."""

CAPTURING: Final = frozenset({"voltage", "current", "other"})
"""Logs whose rows hold what the meter measured."""


class Code:
    """Event codes that stand for no condition."""

    POWER_FAILURE: Final = 101
    POWER_RESTORED: Final = 102
    CLOCK_SET: Final = 151
    DEMAND_PERIOD: Final = 152
    CAPTURE_PERIOD: Final = 153
    BILLING_DATES: Final = 154
    ACTIVITY_CALENDAR: Final = 155
    FIRMWARE_ACTIVATED: Final = 157
    LOAD_LIMIT: Final = 158
    LOAD_LIMIT_ENABLED: Final = 159
    LOAD_LIMIT_DISABLED: Final = 160
    ESW_FILTER: Final = 165
    DEMAND_RESET: Final = 166
    METERING_MODE: Final = 167
    RELAY_TIMES: Final = 182
    APPARENT_LAG_LEAD: Final = 191
    APPARENT_LAG: Final = 192
    POSTPAID: Final = 211
    PREPAID: Final = 212
    FORWARDED_ONLY: Final = 213
    IMPORT_EXPORT: Final = 214
    DISCONNECTED: Final = 301
    CONNECTED: Final = 302


class EventRow(NamedTuple):
    """A row of a log: meter time UTC, code, what was measured then by quantity, and the log's running number."""

    utc_ms: int
    code: int
    values: Mapping[str, int]
    sequence: int
    cause: str = ""


NOTHING_MEASURED: Final[Mapping[str, int]] = MappingProxyType({})


@lru_cache(maxsize=2)
def captured(phases: int) -> tuple[str, ...]:
    """The quantities that the rows of the capturing logs hold."""
    if phases == 1:
        of_phases = ["current", "voltage", "power_factor"]
    else:
        of_phases = [f"{name}_l{phase}" for name in ("current", "voltage", "power_factor") for phase in (1, 2, 3)]
    return (*of_phases, "active_energy_import", "active_energy_export", "tamper_count", "current_neutral")


class EventLog:
    """The logs of one meter; a log takes memory when its first event comes.

    Args:
        model: depths.
    """

    __slots__ = ("_counts", "_model", "_rows")

    def __init__(self, model: Events) -> None:
        self._model = model
        self._rows: dict[str, list[EventRow]] = {}
        self._counts: dict[str, int] = {}

    def depth(self, log: str) -> int:
        """How many rows a log keeps."""
        return self._model.non_rollover_entries if log == "non_rollover" else self._model.entries

    def append(
        self, log: str, utc_ms: int, code: int, values: Mapping[str, int] = NOTHING_MEASURED, cause: str = ""
    ) -> EventRow:
        """Log an event; the oldest row gives way, but in the log that never rolls over a full log stays as it is."""
        sequence = self._counts[log] = self._counts.get(log, 0) + 1
        row = EventRow(utc_ms, code, values, sequence, cause)
        rows = self._rows.setdefault(log, [])
        if len(rows) < self.depth(log):
            rows.append(row)
        elif log != "non_rollover":
            del rows[0]
            rows.append(row)
        return row

    def entries(self, log: str, at_ms: int) -> int:
        """How many rows a log holds."""
        return len(self._rows.get(log, ()))

    def rows(self, log: str, at_ms: int, first: int, last: int) -> list[EventRow]:
        """Rows `first` to `last`, 1 being the oldest."""
        return self._rows.get(log, [])[max(0, first - 1) : max(0, last)]

    def sequence(self, log: str) -> int:
        """The running number of a log's last event, 0 before the first."""
        return self._counts.get(log, 0)
