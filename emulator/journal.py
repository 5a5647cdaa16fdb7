"""The journal: every request, answer and happening as one JSON line each, to assert on and to look at.

A tap is a layer whose two sides are alike, put between link and association (or between Modbus framer and server). It
notes four values a passing item; hexadecimal, times and masking are made when the buffer is written out. Passwords and
keys are masked (see `emulator.mask`).
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from emulator.mask import is_block, mask
from protocols.link import Apdu
from protocols.machine import Layer

NOTES_MAX: Final = 2000
"""Notes in memory before they are written: a few hundred kilobytes at most, since APDUs are bounded."""

_log = logging.getLogger(__name__)


class Journal:
    """Notes in memory, written out when there are enough of them and whenever `flush` is called.

    A full disk loses notes, says so once on the log and counts them in `lost`; meters go on.

    Args:
        file: where the lines go.
        true_ms: true time at an instant of link time.
    """

    def __init__(self, file: TextIO, true_ms: Callable[[int], int]) -> None:
        self.lost = 0
        self._file = file
        self._true_ms = true_ms
        self._notes: list[tuple[int, int, str, str, Any]] = []
        self._secret_blocks: set[tuple[str, int]] = set()

    def note(self, now_us: int, meter_id: str, what: str, item: Any = None) -> None:
        """Write down later what happens now.

        Args:
            now_us: link time.
            meter_id: whose.
            what: "request", "answer", or the name of a happening.
            item: the APDU or ADU; for a happening a mapping of further keys, or None.
        """
        self._notes.append((now_us, self._true_ms(now_us), meter_id, what, item))
        if len(self._notes) >= NOTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write out what was noted."""
        notes, self._notes = self._notes, []
        if not notes:
            return
        try:
            self._file.write("".join(self._line(*note) for note in notes))
            self._file.flush()
        except OSError as error:
            if not self.lost:
                _log.error("the journal cannot be written (%s); free some space, the meters go on", error)
            self.lost += len(notes)

    def close(self) -> None:
        """Write out what was noted and close the file."""
        self.flush()
        try:
            self._file.close()
        except OSError as error:
            _log.warning("the journal's end may be missing (%s)", error)

    def _line(self, now_us: int, true_ms: int, meter_id: str, what: str, item: Any) -> str:
        at = datetime.fromtimestamp(true_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"at": at, "link_us": now_us, "meter": meter_id, "what": what}
        if isinstance(item, Apdu):
            line |= self._apdu(meter_id, what, item)
        elif isinstance(item, dict):
            line |= item
        elif hasattr(item, "pdu"):
            line |= {"unit": item.unit, "hex": item.pdu.hex()}
        elif item is not None:
            line["note"] = str(item)
        return json.dumps(line, separators=(",", ":")) + "\n"

    def _apdu(self, meter_id: str, what: str, item: Apdu) -> dict[str, Any]:
        line: dict[str, Any] = {"client": item.client, "server": item.server}
        data, hidden = item.data, False
        if what == "request":
            key = (meter_id, item.client)
            data, hidden = mask(data, continued=key in self._secret_blocks)
            if hidden and is_block(data):
                self._secret_blocks.add(key)
            elif not is_block(data):
                self._secret_blocks.discard(key)
        line["hex"] = data.hex()
        if hidden:
            line["masked"] = True
        return line


class Tap(Layer[Any, Any]):
    """Notes everything that passes and changes nothing.

    Args:
        journal: where to.
        meter_id: whose an item is.
    """

    def __init__(self, journal: Journal, meter_id: Callable[[Any], str]) -> None:
        self._note = journal.note
        self._meter_id = meter_id

    def from_below(self, item: Any, now_us: int) -> None:
        """A request, or the link coming and going."""
        what = "request" if _carries_data(item) else type(item).__name__
        self._note(now_us, self._meter_id(item), what, item)
        self.above(item, now_us)

    def from_above(self, item: Any, now_us: int) -> None:
        """An answer, or something unasked."""
        what = "answer" if _carries_data(item) else type(item).__name__
        self._note(now_us, self._meter_id(item), what, item)
        self.below(item, now_us)


def _carries_data(item: Any) -> bool:
    return type(item) is Apdu or hasattr(item, "pdu")
