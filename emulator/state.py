"""What survives a kill: each meter's inputs, appended to a file and replayed at the next start.

A meter is a function of its model, its seed and its inputs, so its non-volatile state is the list of inputs. Each is
one line, a checksum and JSON, on the disk (fsync) before it takes effect; a line torn by a kill is dropped, since what
it would have said was never answered. Faces keep what is theirs (counters, keys, written attributes) beside it as
notes, of which the last of a name counts; a name that ends with an asterisk takes away all that begin so.
"""

import json
import os
from binascii import crc32
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from emulator.limiter import EmergencyProfile
from emulator.meter import Meter
from emulator.metering.tariff import Calendar
from protocols.model.activation import Activation

VERSION: Final = 1
SUFFIX: Final = ".state"
SUPERSEDED_MAX: Final = 1000
"""Notes that newer ones have replaced, above which a file is written anew when it is opened."""

ALL: Final = "*"
"""Ends the name of a note that takes others away."""

_HEADER, _INPUT, _NOTE, _SEEN = "meter", "input", "note", "seen"


class StateError(Exception):
    """A kept state does not fit or is damaged; the sentence says what to do."""


class MeterState:
    """One meter's file.

    Args:
        path: where it is, or will be.
        header: what the meter is made from; a file that was kept for another one is refused.

    Raises:
        StateError: the file is damaged in its middle, or belongs to a meter made differently.
        OSError: the file cannot be read or written.
    """

    __slots__ = ("header", "inputs", "last_ms", "notes", "path")

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self.inputs: list[tuple[int, str, list[Any]]] = []
        self.notes: dict[str, str] = {}
        self.last_ms = 0
        """The latest instant of true time that the file knows of; a bench goes on from there, never before."""
        self.header = {"version": VERSION, **header}
        if path.exists():
            superseded = self._read()
            if superseded > SUPERSEDED_MAX:
                self._rewrite()
        else:
            self._rewrite()

    def _read(self) -> int:
        lines = self.path.read_bytes().split(b"\n")
        whole = 0
        superseded = 0
        for number, line in enumerate(lines[:-1], start=1):
            record = _decode(line)
            if record is None:
                if number < len(lines) - 1:
                    msg = f"{self.path}: line {number} is damaged: remove the file to begin anew"
                    raise StateError(msg)
                break
            superseded += self._take(record, number)
            whole += len(line) + 1
        if not whole:
            self._rewrite()
        elif whole < self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())
        return superseded

    def _take(self, record: list[Any], number: int) -> int:
        kind = record[0]
        if number == 1:
            kept = record[1] if kind == _HEADER else {}
            differs = [key for key in self.header if key != "start_ms" and kept.get(key) != self.header[key]]
            if differs:
                msg = f"{self.path} was kept for a meter with another {differs[0]}: remove it, or use another folder"
                raise StateError(msg)
            self.header = kept
            self.last_ms = kept["start_ms"]
            return 0
        if kind == _NOTE:
            return self._note(record[1], record[2])
        self.last_ms = max(self.last_ms, record[1])
        if kind == _INPUT:
            self.inputs.append((record[1], record[2], record[3]))
        return int(kind == _SEEN)

    def _note(self, name: str, value: str) -> int:
        """Have a note; gives how many lines of the file it makes needless."""
        if not name.endswith(ALL):
            again = name in self.notes
            self.notes[name] = value
            return int(again)
        gone = [each for each in self.notes if each.startswith(name.removesuffix(ALL))]
        for each in gone:
            del self.notes[each]
        return len(gone) + 1

    def _rewrite(self) -> None:
        """Write the whole file beside, then put it in place: a kill leaves the old one or the new one."""
        records: list[list[Any]] = [[_HEADER, self.header]]
        records += [[_INPUT, *each] for each in self.inputs]
        records += [[_NOTE, name, value] for name, value in self.notes.items()]
        if self.last_ms:
            records.append([_SEEN, self.last_ms])
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        # Keys that were changed over the wire stand in here: nobody else reads it.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(b"".join(map(_encode, records)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _append(self, record: list[Any]) -> None:
        with self.path.open("ab") as file:
            file.write(_encode(record))
            file.flush()
            os.fsync(file.fileno())

    def record(self, at_ms: int, name: str, arguments: tuple[object, ...]) -> None:
        """Keep an input: what `Meter.record` is set to."""
        self._append([_INPUT, at_ms, name, [_plain(each) for each in arguments]])
        self.last_ms = max(self.last_ms, at_ms)

    def put(self, name: str, value: str) -> None:
        """Keep a note; the last one of a name counts, and one that ends with an asterisk takes others away."""
        if self.notes.get(name) != value:
            self._append([_NOTE, name, value])
            self._note(name, value)

    def seen(self, at_ms: int) -> None:
        """Keep that the bench has come as far as this, so that it does not begin earlier next time."""
        if at_ms > self.last_ms:
            self._append([_SEEN, at_ms])
            self.last_ms = at_ms

    @property
    def start_ms(self) -> int:
        """When the bench began for which the meter was made."""
        return int(self.header["start_ms"])


def keep(path: Path, header: Mapping[str, Any], make: Callable[[int], Meter]) -> tuple[Meter, MeterState]:
    """Make a meter whose inputs are kept, and bring it to where it was.

    Args:
        path: its file.
        header: what it is made from (id, model, seed, load, supply, `start_ms`), as plain values.
        make: makes the meter for a bench that starts at an instant of true time.

    Raises:
        StateError: see `MeterState`.
        OSError: see `MeterState`.
    """
    state = MeterState(path, header)
    meter = make(state.start_ms)
    for at_ms, name, arguments in state.inputs:
        if name not in REPLAY:
            msg = f"{path} holds an input {name!r} of another version: remove the file to begin anew"
            raise StateError(msg)
        REPLAY[name](meter, at_ms, *arguments)
    state.inputs.clear()
    meter.record = state.record
    return meter, state


def path_of(directory: Path, meter_id: str) -> Path:
    """The file of a meter in the folder that `--state` names."""
    return directory / f"{meter_id}{SUFFIX}"


def _encode(record: list[Any]) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %b\n" % (crc32(text), text)


def _decode(line: bytes) -> list[Any] | None:
    checksum, space, text = line.partition(b" ")
    try:
        if not space or int(checksum, 16) != crc32(text):
            return None
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, list) and record else None


def _plain(argument: object) -> object:
    """An input's argument as JSON has it."""
    if isinstance(argument, Calendar):
        return {
            "name": argument.name,
            "days": {str(number): switches for number, switches in argument.days.items()},
            "weeks": dict(argument.weeks),
            "seasons": argument.seasons,
            "special_days": argument.special_days,
        }
    if isinstance(argument, Activation):
        return asdict(argument)
    if isinstance(argument, Mapping):
        return dict(argument)
    if argument is None or isinstance(argument, int | str) or type(argument) in {tuple, list, EmergencyProfile}:
        return argument
    msg = f"{argument!r} cannot be kept: give a load as a table"
    raise TypeError(msg)


def _calendar(plain: Mapping[str, Any]) -> Calendar:
    return Calendar(
        name=plain["name"],
        days={int(number): tuple(map(tuple, switches)) for number, switches in plain["days"].items()},
        weeks={name: tuple(week) for name, week in plain["weeks"].items()},
        seasons=tuple(map(tuple, plain["seasons"])),
        special_days=tuple(map(tuple, plain["special_days"])),
    )


def _activation(plain: Mapping[str, Any]) -> Activation:
    return Activation(
        logical_name=plain["logical_name"],
        registers=tuple(plain["registers"]),
        masks=tuple((name, tuple(places)) for name, places in plain["masks"]),
        scripts=tuple(map(tuple, plain["scripts"])),
    )


REPLAY: Final[dict[str, Callable[..., object]]] = {
    "remote_disconnect": lambda meter, at_ms, cause: meter.relay.remote_disconnect(at_ms, cause),
    "remote_reconnect": lambda meter, at_ms, cause: meter.relay.remote_reconnect(at_ms, cause),
    "manual_disconnect": lambda meter, at_ms, _cause: meter.relay.manual_disconnect(at_ms),
    "manual_reconnect": lambda meter, at_ms, _cause: meter.relay.manual_reconnect(at_ms),
    "set_weld": lambda meter, at_ms, weld: meter.relay.set_weld(at_ms, weld),
    "set_back_feed": lambda meter, at_ms, millivolts: meter.relay.set_back_feed(at_ms, millivolts),
    "outage": lambda meter, at_ms: meter.outage(at_ms),
    "restore": lambda meter, at_ms: meter.restore(at_ms),
    "set_voltage": lambda meter, at_ms, permille, phase: meter.set_voltage(at_ms, permille, phase),
    "set_frequency": lambda meter, at_ms, millihertz: meter.set_frequency(at_ms, millihertz),
    "set_load": lambda meter, at_ms, load: meter.set_load(at_ms, load),
    "set_input": lambda meter, at_ms, name, level: meter.set_input(at_ms, name, level),
    "set_clock": lambda meter, at_ms, utc_ms: meter.set_clock(at_ms, utc_ms),
    "set_drift": lambda meter, at_ms, ppb: meter.set_drift(at_ms, ppb),
    "set_passive_calendar": lambda meter, at_ms, calendar, activation_ms: meter.set_passive_calendar(
        at_ms, _calendar(calendar), activation_ms
    ),
    "set_activation": lambda meter, at_ms, activation: meter.set_activation(at_ms, _activation(activation)),
    "activate_mask": lambda meter, at_ms, logical_name, mask: meter.activate_mask(at_ms, logical_name, mask),
    "activate_calendar": lambda meter, at_ms: meter.activate_calendar(at_ms),
    "billing_reset": lambda meter, at_ms: meter.billing_reset(at_ms),
    "clear_profile": lambda meter, at_ms, profile: meter.clear_profile(profile, at_ms),
    "configure": lambda meter, at_ms, name, value: meter.configure(name, value, at_ms),
    "set_emergency": lambda meter, at_ms, profile, groups: meter.set_emergency(
        at_ms, EmergencyProfile(*profile) if profile else None, tuple(groups)
    ),
    "activate_firmware": lambda meter, at_ms, version: meter.activate_firmware(at_ms, version),
    "pay": lambda meter, at_ms, verb, arguments: meter.pay(at_ms, verb, *arguments),
    "log_transaction": lambda meter, at_ms, code: meter.log_transaction(at_ms, code),
    "log_other": lambda meter, at_ms, code: meter.log_other(at_ms, code),
}
"""How each kept input is done again."""
