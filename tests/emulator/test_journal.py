"""The journal's lines, its bounds, and that a tap changes nothing."""

import io
import json
from typing import Any

from emulator.journal import NOTES_MAX, Journal, Tap
from protocols.link import Apdu, LinkUp
from protocols.machine import Layer, Stack
from protocols.modbus.adu import Adu

SET_SECRET_FIRST = bytes.fromhex("C102C1000F0000280003FF07000000000001030904616263")
SET_SECRET_LATER = bytes.fromhex("C103C1010000000202") + b"de"


def journal() -> tuple[Journal, io.StringIO]:
    file = io.StringIO()
    return Journal(file, lambda now_us: 1_730_053_800_000 + now_us // 1000), file


def lines(file: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.getvalue().splitlines()]


class Answers(Layer[Any, Any]):
    def from_below(self, item: Any, now_us: int) -> None:
        self.below(item, now_us)


def test_a_tap_notes_requests_and_answers_and_changes_nothing() -> None:
    book, file = journal()
    stack = Stack([Tap(book, lambda _item: "MB0001"), Answers()])
    items = [LinkUp(16, 1), Apdu(16, 1, b"\xc0\x01"), Adu(7, b"\x03\x00\x00\x00\x01", 9)]
    for item in items:
        stack.receive_data(item, 5_000)
    assert stack.data_to_send(5_000) == items
    book.flush()
    assert [(line["what"], line.get("hex")) for line in lines(file)] == [
        ("LinkUp", None),
        ("LinkUp", None),
        ("request", "c001"),
        ("answer", "c001"),
        ("request", "0300000001"),
        ("answer", "0300000001"),
    ]
    assert lines(file)[2] == {
        "at": "2024-10-27T18:30:00.005Z",
        "link_us": 5000,
        "meter": "MB0001",
        "what": "request",
        "client": 16,
        "server": 1,
        "hex": "c001",
    }
    assert lines(file)[4]["unit"] == 7


def test_a_secret_in_blocks_is_masked_to_its_end_and_not_beyond() -> None:
    book, file = journal()
    for data in (SET_SECRET_FIRST, SET_SECRET_LATER, b"\xc0\x01", SET_SECRET_LATER):
        book.note(0, "MB0001", "request", Apdu(48, 1, data))
    book.flush()
    assert [line.get("masked", False) for line in lines(file)] == [True, True, False, False]
    assert b"abc".hex() not in file.getvalue()


def test_happenings_stand_beside_requests() -> None:
    book, file = journal()
    book.note(0, "MB0001", "supply-lost", {"cause": "bench"})
    book.note(0, "MB0001", "closed", "the peer closed the connection")
    book.flush()
    assert [line["what"] for line in lines(file)] == ["supply-lost", "closed"]
    assert lines(file)[0]["cause"] == "bench"
    assert lines(file)[1]["note"] == "the peer closed the connection"


def test_memory_is_bounded_by_writing() -> None:
    book, file = journal()
    for _ in range(NOTES_MAX):
        book.note(0, "MB0001", "request", Apdu(16, 1, b"\xc0"))
    assert len(lines(file)) == NOTES_MAX


def test_a_full_disk_loses_notes_and_counts_them() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    book = Journal(Full(), lambda _now_us: 0)
    for _ in range(3):
        book.note(0, "MB0001", "request", Apdu(16, 1, b"\xc0"))
        book.flush()
    assert book.lost == 3
    book.close()
