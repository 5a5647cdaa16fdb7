"""The journal's lines, its bounds, and that a tap changes nothing."""

import io
import json
from typing import Any

from emulator.bench.journal import NOTES_MAX, Journal, Tap, UnitTap
from protocols.link import Apdu, LinkUp
from protocols.machine import Layer, Stack
from protocols.modbus.adu import Adu, Noise
from protocols.wrapper import Role, Wrapper, encode

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


class AnswersAtOnce(Answers):
    def answer(self, client: int, server: int, data: bytes, now_us: int) -> bytes | None:
        return b"\xc4" + data[1:] if data.startswith(b"\xc0") else None


def test_a_tap_notes_requests_and_answers_and_changes_nothing() -> None:
    book, file = journal()
    dlms = Stack([Tap(book, "MB0001"), Answers()])
    modbus = Stack([UnitTap(book, {7: "MB0001"}), Answers()])
    items = [LinkUp(16, 1), Apdu(16, 1, b"\xc0\x01")]
    for item in items:
        dlms.receive_data(item, 5_000)
    assert dlms.data_to_send(5_000) == items
    request = Adu(7, b"\x03\x00\x00\x00\x01", 9)
    modbus.receive_data(request, 5_000)
    assert modbus.data_to_send(5_000) == [request]
    book.flush()
    assert [(line["what"], line.get("hex")) for line in lines(file)] == [
        ("link up", None),
        ("link up", None),
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


def test_what_is_answered_at_once_is_noted_like_anything_else() -> None:
    book, file = journal()
    stack = Stack([Wrapper(Role.SERVER), Tap(book, "MB0001"), AnswersAtOnce()])
    for client, data in ((16, b"\xc0\x01"), (32, b"\xc0\x02"), (32, b"\xc3\x01"), (32, b"\xc0\x03")):
        stack.receive_data(encode(client, 1, data), 7_000)
    assert len(stack.data_to_send(7_000)) == 4
    book.flush()
    assert [(line["what"], line["client"], line["hex"]) for line in lines(file)] == [
        ("request", 16, "c001"),
        ("answer", 16, "c401"),
        ("request", 32, "c002"),
        ("answer", 32, "c402"),
        ("request", 32, "c301"),
        ("answer", 32, "c301"),
        ("request", 32, "c003"),
        ("answer", 32, "c403"),
    ]
    assert {line["link_us"] for line in lines(file)} == {7_000}


def test_exchanges_are_written_out_before_they_are_too_many() -> None:
    book, file = journal()
    stack = Stack([Wrapper(Role.SERVER), Tap(book, "MB0001"), AnswersAtOnce()])
    for _ in range(NOTES_MAX):
        stack.receive_data(encode(16, 1, b"\xc0\x01"), 7_000)
    assert len(lines(file)) == 2 * NOTES_MAX


def test_noise_on_a_line_is_noted() -> None:
    book, file = journal()
    stack = Stack([UnitTap(book, {}), Layer()])
    stack.receive_data(Noise("checksum"), 0)
    assert stack.next_event() == Noise("checksum")
    book.flush()
    assert (lines(file)[0]["what"], lines(file)[0]["reason"]) == ("noise", "checksum")


def test_a_secret_in_blocks_is_masked_to_its_end_and_not_beyond() -> None:
    book, file = journal()
    stack = Stack([Tap(book, "MB0001"), Answers()])
    for data in (SET_SECRET_FIRST, SET_SECRET_LATER, b"\xc1\x01", SET_SECRET_LATER):
        stack.receive_data(Apdu(48, 1, data), 0)
    book.flush()
    requests = [line for line in lines(file) if line["what"] == "request"]
    assert [line.get("masked", False) for line in requests] == [True, True, False, False]
    assert b"abc".hex() not in "".join(line["hex"] for line in requests)


def test_happenings_stand_beside_requests() -> None:
    book, file = journal()
    book.note(0, "MB0001", "supply-lost", {"cause": "bench"})
    book.note(5, "MB0001", "closed", {}, at_ms=0)
    book.flush()
    assert [line["what"] for line in lines(file)] == ["supply-lost", "closed"]
    assert lines(file)[0]["cause"] == "bench"
    assert lines(file)[1]["at"] == "1970-01-01T00:00:00.000Z"


def test_memory_is_bounded_by_writing() -> None:
    book, file = journal()
    for _ in range(NOTES_MAX):
        book.note(0, "MB0001", "event", {})
    assert len(lines(file)) == NOTES_MAX


def test_a_full_disk_loses_notes_and_counts_them() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    book = Journal(Full(), lambda _now_us: 0)
    for _ in range(3):
        book.note(0, "MB0001", "event", {})
        book.flush()
    assert book.lost == 3
    book.close()
