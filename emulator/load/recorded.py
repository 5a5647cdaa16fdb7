"""A load recorded elsewhere: a CSV file of `start,wh`, reproduced by the registers to the watt-hour.

`start` is ISO 8601 with its offset (so daylight saving is never in doubt), `wh` the energy of the interval that begins
there, spread evenly over it; negative means fed. An interval lasts until the next start, but not longer than the usual
step of the file: what lies beyond is a gap without load. What is out of the ordinary is kept in `notes`, one sentence
each, for whoever starts the bench to print.
"""

import csv
import gzip
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from io import TextIOWrapper
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from emulator.load.base import UNITY, Energies, Power, PowerFactor

_MILLI_WH: Final = 3600
"""Watt-milliseconds of a thousandth of a watt-hour."""

ROWS_MAX: Final = 2_000_000
"""Rows of a file: 57 years of quarter hours; more is taken for a mistake."""
LINE_MAX: Final = 200
"""Characters of a line; ours have some forty."""
WATT_HOURS_MAX: Final = 10**9
"""Of one interval, drawn or fed: what a power station makes in an hour."""
NOTES_MAX: Final = 100
_GZIP_MAGIC: Final = b"\x1f\x8b"
_LONE_STEP_MS: Final = 3_600_000


class Recording(NamedTuple):
    """A file's intervals: starts and ends, energies in thousandths of a watt-hour, sums before each."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    milli_wh: tuple[int, ...]
    imported: tuple[int, ...]
    exported: tuple[int, ...]
    peak_mw: int
    notes: tuple[str, ...]


def read_recording(path: Path) -> Recording:
    """Read a recording, gzip or plain.

    Raises:
        ValueError: it can't be read, or a line is wrong; the sentence names file, line and what would be right.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror or error}): a CSV file of start,wh is right, plain or gzip"
        raise ValueError(msg) from error


@lru_cache(maxsize=64)
def _read(path: Path, _modified_ns: int) -> Recording:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        binary = gzip.GzipFile(fileobj=file) if packed else file
        with TextIOWrapper(binary, "utf-8-sig", newline="") as text:
            try:
                return recording(_lines(text, str(path)), str(path))
            except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
                msg = f"{path}: not a CSV text file, or damaged ({error}): write it again, plain or gzip"
                raise ValueError(msg) from error


def _lines(text: TextIO, name: str) -> Iterator[str]:
    """Lines of a length that they can have: a file of one endless line is never held whole."""
    number = 1
    while line := text.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX:
            msg = f"{name}: line {number} has more than {LINE_MAX} characters: start,wh is right"
            raise ValueError(msg)
        yield line
        number += 1


def recording(lines: Iterable[str], name: str) -> Recording:
    """Make a recording of CSV lines."""
    notes: list[str] = []
    rows = sorted(_merged(_rows(lines, name, notes), notes))
    if not rows:
        msg = f"{name}: no interval below the header: lines such as 2024-10-28T00:00:00+05:30,125 are right"
        raise ValueError(msg)
    starts = [start for start, _, _ in rows]
    steps = Counter(later - earlier for earlier, later in pairwise(starts))
    usual_ms = max(steps, key=lambda step: (steps[step], -step)) if steps else _LONE_STEP_MS
    ends: list[int] = []
    for (start, _, line), following in zip(rows, [*starts[1:], starts[-1] + usual_ms], strict=True):
        end = min(following, start + usual_ms)
        if following > end:
            notes.append(f"line {line}: a gap of {_span(following - end)} follows this interval, without load")
        elif end < start + usual_ms:
            notes.append(f"line {line}: overlaps the next interval by {_span(start + usual_ms - end)} and is shortened")
        ends.append(end)
    energies = [energy for _, energy, _ in rows]
    fed = sum(energy < 0 for energy in energies)
    if fed:
        notes.append(f"{fed} negative values are taken as energy fed")
    return Recording(
        tuple(starts),
        tuple(ends),
        tuple(energies),
        tuple(accumulate((max(energy, 0) for energy in energies), initial=0)),
        tuple(accumulate((max(-energy, 0) for energy in energies), initial=0)),
        max(
            abs(energy) * _MILLI_WH * 1000 // (end - start) + 1
            for energy, start, end in zip(energies, starts, ends, strict=True)
        ),
        (*notes[:NOTES_MAX], f"and {len(notes) - NOTES_MAX} more") if len(notes) > NOTES_MAX else tuple(notes),
    )


def _rows(lines: Iterable[str], name: str, notes: list[str]) -> Iterator[tuple[int, int, int]]:
    """(start, thousandths of a watt-hour, line) as they stand in the file."""
    reader = csv.reader(lines, quoting=csv.QUOTE_NONE)  # so that every row is one line
    header = [each.strip().strip('"').lower() for each in next(reader, [])]
    if header != ["start", "wh"]:
        msg = f"{name}: line 1 is {','.join(header)!r}: the header start,wh is right"
        raise ValueError(msg)
    before: datetime | None = None
    for cells in reader:
        line = reader.line_num
        if not cells:
            continue
        if line > ROWS_MAX:
            msg = f"{name}: more than {ROWS_MAX} rows"
            raise ValueError(msg)
        if len(cells) != 2:
            msg = f"{name}: line {line} has {len(cells)} columns: start,wh is right"
            raise ValueError(msg)
        start = _start(cells[0].strip().strip('"'), f"{name}: line {line}")
        if before is not None and start < before:
            notes.append(f"line {line}: earlier than the line before; put in order")
        elif before is not None and start.utcoffset() != before.utcoffset():
            notes.append(f"line {line}: the offset changes from {before:%z} to {start:%z} (daylight saving)")
        before = start
        yield int(start.timestamp()) * 1000 + start.microsecond // 1000, _energy(cells[1], f"{name}: line {line}"), line


def _merged(rows: Iterable[tuple[int, int, int]], notes: list[str]) -> list[tuple[int, int, int]]:
    by_start: dict[int, tuple[int, int, int]] = {}
    for start, energy, line in rows:
        if start in by_start:
            notes.append(f"line {line}: the same start as line {by_start[start][2]}; their energies are added")
            energy += by_start[start][1]  # noqa: PLW2901 (the sum takes its place)
        by_start[start] = (start, energy, line)
    return list(by_start.values())


def _start(text: str, where: str) -> datetime:
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{where}: start {text!r}: a time such as 2024-10-28T00:00:00+05:30 is right"
        raise ValueError(msg) from error
    if start.utcoffset() is None:
        msg = f"{where}: start {text!r} has no offset: one such as +05:30 or Z says which instant is meant"
        raise ValueError(msg)
    return start


def _energy(text: str, where: str) -> int:
    try:
        watt_hours = Decimal(text.strip().strip('"'))
    except InvalidOperation as error:
        msg = f"{where}: wh {text!r}: a number of watt-hours with a decimal point is right"
        raise ValueError(msg) from error
    if not watt_hours.is_finite() or abs(watt_hours) > WATT_HOURS_MAX:
        msg = f"{where}: wh {text!r}: at most {WATT_HOURS_MAX} watt-hours are right"
        raise ValueError(msg)
    milli = watt_hours.scaleb(3)
    whole = int(milli)
    if whole != milli:
        msg = f"{where}: wh {text!r}: at most three decimals are kept"
        raise ValueError(msg)
    return whole


def _span(span_ms: int) -> str:
    return str(timedelta(milliseconds=span_ms))


class RecordedLoad(NamedTuple):
    """A recording at a power factor, spread over the phases; before and behind it there is no load."""

    recording: Recording
    factor: PowerFactor = UNITY
    shares: tuple[int, ...] = (1000,)

    @property
    def leading(self) -> bool:
        """Whether its reactive power leads."""
        return self.factor.leading

    def cumulative(self, at_ms: int) -> Energies:
        """Energy since the recording began."""
        record = self.recording
        index = bisect_right(record.starts, at_ms) - 1
        if index < 0:
            return self.factor.energies(0, 0, 0)
        start, end, energy = record.starts[index], record.ends[index], record.milli_wh[index]
        part = abs(energy) * _MILLI_WH * (min(at_ms, end) - start) // (end - start)
        imported, exported = record.imported[index] * _MILLI_WH, record.exported[index] * _MILLI_WH
        if energy >= 0:
            return self.factor.energies(imported + part, exported, 0)
        return self.factor.energies(imported, exported + part, 0)

    def cumulatives(self, instants: Sequence[int]) -> list[Energies]:
        """To each of many instants."""
        return [self.cumulative(at_ms) for at_ms in instants]

    def power(self, at_ms: int) -> Power:
        """The even power of the interval."""
        record = self.recording
        index = bisect_right(record.starts, at_ms) - 1
        if index < 0 or at_ms >= record.ends[index]:
            return Power(0, 0, 0)
        length_ms = record.ends[index] - record.starts[index]
        return self.factor.power(record.milli_wh[index] * _MILLI_WH * 1000 // length_ms)

    def steady(self, at_ms: int) -> Power:
        """The even power of the interval."""
        return self.power(at_ms)

    def next_change(self, at_ms: int) -> int | None:
        """The end of the interval, or the beginning of the next one."""
        record = self.recording
        index = bisect_right(record.starts, at_ms) - 1
        if index >= 0 and at_ms < record.ends[index]:
            return record.ends[index]
        return record.starts[index + 1] if index + 1 < len(record.starts) else None

    def ceiling(self, at_ms: int) -> tuple[int, int | None]:
        """The interval's own power, until it ends."""
        return self.power(at_ms).apparent_mva, self.next_change(at_ms)

    def peak_mva(self) -> int:
        """The largest that it can ever be."""
        return self.factor.apparent_mva(self.recording.peak_mw)

    def least_power_factor(self, above_mva: int) -> int:
        """The power factor when no more than that flows."""
        return self.factor.least(above_mva)
