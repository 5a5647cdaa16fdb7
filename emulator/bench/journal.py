"""The journal: every request, answer and happening as one JSON line each, to assert on and to look at.

A tap is a layer whose two sides are alike, put between link and association (or between Modbus framer and server). It
keeps what passes as it is; times and hexadecimal are made when the buffer is written out, since a meter that answers
must not wait for that. A request that is answered at once is one note with its answer. Passwords and keys are masked
(see `emulator.bench.mask`).
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from emulator.bench.mask import WRITING_SOMETHING, is_block, mask
from protocols.dlms.serve.happened import ApduRefused, AssociationClosed, AssociationOpened, AssociationRefused
from protocols.link import Apdu, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Layer
from protocols.modbus.adu import Adu

NOTES_MAX: Final = 256
"""Notes in memory before they are written: no more than the processor's cache holds, where APDUs are short."""

LINK: Final = {LinkUp: "link up", LinkDown: "link down", LinkDisconnect: "link disconnect"}

ASSOCIATION: Final = {
    AssociationOpened: "association opened",
    AssociationRefused: "association refused",
    AssociationClosed: "association closed",
    ApduRefused: "apdu refused",
}

REQUEST: Final = "request"
ANSWER: Final = "answer"

_log = logging.getLogger(__name__)

HEX: Final = '"hex":"'
MASKED: Final = '"masked":true,"hex":"'

_Note = tuple[int, Any, Any, Any]
"""Link time, true time or None, the beginning of the line, and what the rest of it is made of; of an exchange the
beginnings of its two lines, its request and its answer."""


class Journal:
    """Notes in memory, written out when there are enough of them and whenever `flush` is called.

    Whoever changes the bench clock flushes first, since times are made in `flush`. A full disk loses notes, says so
    once on the log and counts them in `lost`; meters go on.

    Args:
        file: where the lines go.
        true_ms: true time at an instant of link time.

    Attributes:
        lost: notes that could not be written.
        notes: what is not written yet.
    """

    def __init__(self, file: TextIO, true_ms: Callable[[int], int]) -> None:
        self.lost = 0
        self.notes: list[_Note] = []
        self._file = file
        self._true_ms = true_ms
        self._second = -1
        self._date = ""

    def note(self, now_us: int, meter_id: str, what: str, more: Mapping[str, Any], at_ms: int | None = None) -> None:
        """Write down later what happens now.

        Args:
            now_us: link time.
            meter_id: whose.
            what: the name of a happening.
            more: further keys of the line.
            at_ms: true time, where it is not that of `now_us`: happenings are found out a little later.
        """
        self.keep((now_us, at_ms, line_start(meter_id, what), more))

    def keep(self, note: _Note) -> None:
        """Keep one note, and write all of them out when there are many."""
        self.notes.append(note)
        if len(self.notes) >= NOTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write out what was noted."""
        notes = self.notes
        if not notes:
            return
        self.notes = []
        try:
            self._file.write("".join(self._lines(notes)))
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

    def _lines(self, notes: list[_Note]) -> list[str]:
        lines: list[str] = []
        then_ms, at, true_ms = -1, "", self._true_ms
        for now_us, kind, start, item in notes:
            at_ms = kind if type(kind) is int else true_ms(now_us)
            if at_ms != then_ms:  # at full speed a millisecond has dozens of requests
                then_ms, at = at_ms, self._at(at_ms)
            stamp = f"{at}{now_us},"
            if type(kind) is tuple:
                asked, answered = kind
                lines.append(f'{stamp}{asked}{start.hex()}"}}\n{stamp}{answered}{item.hex()}"}}\n')
            elif type(item) is bytes:
                lines.append(f'{stamp}{start}{item.hex()}"}}\n')
            else:
                more = ",".join([f'"{key}":{json.dumps(value)}' for key, value in item.items()])
                lines.append(f"{stamp}{start}{more}}}\n" if more else f"{stamp}{start[:-1]}}}\n")
        return lines

    def _at(self, at_ms: int) -> str:
        second, milli = divmod(at_ms, 1000)
        if second != self._second:
            self._second, self._date = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f'{{"at":"{self._date}.{milli:03}Z","link_us":'


def line_start(meter_id: str, what: str, **numbers: int) -> str:
    """The beginning of a line behind its times; ids and names of happenings need no escaping."""
    return f'"meter":"{meter_id}","what":"{what}",' + "".join(f'"{name}":{value},' for name, value in numbers.items())


class Tap(Layer[Any, Any]):
    """Notes what passes between a link and an association, and changes nothing.

    Args:
        journal: where to.
        meter_id: whose it is.
    """

    __slots__ = ("_client", "_journal", "_meter_id", "_secret_blocks", "_server", "_starts")

    def __init__(self, journal: Journal, meter_id: str) -> None:
        self._journal = journal
        self._meter_id = meter_id
        self._client = self._server = -1
        self._starts = ("", "")
        self._secret_blocks: set[tuple[int, int]] = set()

    def from_below(self, item: Any, now_us: int) -> None:
        """A request, or the link coming and going."""
        if type(item) is Apdu:
            client, server, data, _ = item
            if client != self._client or server != self._server:
                self._begin(client, server)
            if data[:1] in WRITING_SOMETHING:
                self._keep_masked(now_us, data)
            else:
                self._journal.keep((now_us, None, self._starts[0], data))
        else:
            self._note_link(item, now_us)
        self.above(item, now_us)

    def from_above(self, item: Any, now_us: int) -> None:
        """An answer, something unasked, or the order to take the link down."""
        if type(item) is Apdu:
            client, server, data, _ = item
            if client != self._client or server != self._server:
                self._begin(client, server)
            self._journal.keep((now_us, None, self._starts[1], data))
        else:
            self._note_link(item, now_us)
        self.below(item, now_us)

    def answer(self, client: int, server: int, data: bytes, now_us: int) -> Any:
        """A request, its answer, and nothing in between: what is answered at once changes nothing."""
        answer = self.ask(client, server, data, now_us)
        if answer is not None:
            if client != self._client or server != self._server:
                self._begin(client, server)
            journal = self._journal
            notes = journal.notes
            notes.append((now_us, self._starts, data, answer))
            if len(notes) >= NOTES_MAX:
                journal.flush()
        return answer

    def _begin(self, client: int, server: int) -> None:
        """Prepare the beginnings of lines for this pair of SAPs: mostly there is but one on a connection."""
        self._client, self._server = client, server
        request, answer = (
            line_start(self._meter_id, what, client=client, server=server) + HEX for what in (REQUEST, ANSWER)
        )
        self._starts = (request, answer)

    def _note_link(self, item: Any, now_us: int) -> None:
        self._journal.note(now_us, self._meter_id, LINK[type(item)], item._asdict())

    def _keep_masked(self, now_us: int, data: bytes) -> None:
        pair, block = (self._client, self._server), is_block(data)
        data, hidden = mask(data, continued=pair in self._secret_blocks)
        if hidden and block:
            self._secret_blocks.add(pair)
        elif not block:
            self._secret_blocks.discard(pair)
        request = self._starts[0]
        self._journal.keep((now_us, None, request.removesuffix(HEX) + MASKED if hidden else request, data))


class Events(Layer[Any, Any]):
    """On top of an association server: what it says of associations becomes notes, or nothing.

    Args:
        journal: where to, or None.
        meter_id: whose they are.
    """

    def __init__(self, journal: Journal | None, meter_id: str) -> None:
        self._journal = journal
        self._meter_id = meter_id

    def from_below(self, item: Any, now_us: int) -> None:
        """An association was opened, refused or closed, or an APDU in it was refused."""
        if self._journal is not None and type(item) in ASSOCIATION:
            self._journal.note(now_us, self._meter_id, ASSOCIATION[type(item)], item._asdict())


class UnitTap(Layer[Any, Any]):
    """Notes what passes between a Modbus framer and a server.

    Args:
        journal: where to.
        meter_ids: whose, by unit identifier.
    """

    def __init__(self, journal: Journal, meter_ids: Mapping[int, str]) -> None:
        self._journal = journal
        self._starts = {
            unit: (line_start(meter_id, REQUEST, unit=unit) + HEX, line_start(meter_id, ANSWER, unit=unit) + HEX)
            for unit, meter_id in meter_ids.items()
        }

    def from_below(self, item: Any, now_us: int) -> None:
        """A request, or noise."""
        if type(item) is Adu:
            unit, pdu, _ = item
            self._journal.keep((now_us, None, (self._starts.get(unit) or _stranger(unit))[0], pdu))
        else:
            self._journal.note(now_us, "", "noise", {"reason": item.reason})
        self.above(item, now_us)

    def from_above(self, item: Adu, now_us: int) -> None:
        """An answer."""
        self._journal.keep((now_us, None, (self._starts.get(item.unit) or _stranger(item.unit))[1], item.pdu))
        self.below(item, now_us)


def _stranger(unit: int) -> tuple[str, str]:
    """The beginnings for a unit that nobody has here: a broadcast, or a question for nobody."""
    return line_start("", REQUEST, unit=unit) + HEX, line_start("", ANSWER, unit=unit) + HEX
