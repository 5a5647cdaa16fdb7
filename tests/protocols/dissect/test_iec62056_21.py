"""Messages of IEC 62056-21: construct's reading and the fast codec agree, on sound ones and on any octets."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocols.checksum import bcc
from protocols.dissect.iec62056_21 import MODES, PROTOCOLS, describe, plain
from protocols.dissect.tree import Node
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.data_block import DataSet, decode, encode
from protocols.iec62056_21.message import (
    LINE_END,
    Identification,
    OptionSelect,
    Request,
    with_parity,
)
from tests.protocols.iec62056_21.test_data_block import SETS
from tests.protocols.iec62056_21.test_message import IDENTIFICATIONS, REQUESTS, SELECTS


def agree_request(tree: Node, request: Request) -> None:
    assert tree.child("device_address").value == request.device_address


def agree_identification(tree: Node, meant: Identification) -> None:
    assert tree.child("manufacturer").value == meant.manufacturer
    assert tree.child("baud_rate").value == meant.baud
    assert tree.child("identification").value == meant.text
    shown = tree.child("mode_control").value if tree.has("mode_control") else None
    assert shown == (None if meant.enhanced is None else MODES.get(meant.enhanced, meant.enhanced))


def agree_select(tree: Node, select: OptionSelect) -> None:
    assert tree.child("protocol_control").value == PROTOCOLS.get(select.protocol, select.protocol)
    assert tree.child("mode_control").value == MODES.get(select.mode, select.mode)
    assert tree.child("baud_rate").value == select.baud


def agree_block(tree: Node, data_sets: tuple[DataSet, ...]) -> None:
    shown = [
        (
            each.child("address").value,
            [
                (value.child("text").value, value.child("unit").value if value.has("unit") else "")
                for value in each.child("values").children
            ],
        )
        for each in tree.child("data_sets").children
    ]
    assert shown == [(each.address, [(value.text, value.unit) for value in each.values]) for each in data_sets]


@given(REQUESTS, IDENTIFICATIONS, SELECTS)
def test_a_sign_on_is_read_alike(request: Request, identification: Identification, select: OptionSelect) -> None:
    agree_request(describe(bytes(request)), request)
    agree_identification(describe(bytes(identification)), identification)
    agree_select(describe(bytes(select)), select)


@given(st.lists(SETS, max_size=6))
def test_a_data_message_is_read_alike(data_sets: list[DataSet]) -> None:
    agree_block(describe(encode(data_sets)), tuple(data_sets))


def read_by_codec(data: bytes) -> tuple[Callable[[Node, Any], None], Any] | None:
    """How the fast codec reads it, or None."""
    lines: list[tuple[bytes, Callable[[bytes], Any], Callable[[Node, Any], None]]] = [
        (b"/?", Request.from_line, agree_request),
        (b"/", Identification.from_line, agree_identification),
        (b"\x06", OptionSelect.from_line, agree_select),
    ]
    try:
        if data.startswith(b"\x02"):
            return agree_block, decode(data)
        for start, from_line, agree in lines:
            if data.startswith(start) and data.endswith(LINE_END):
                return agree, from_line(data.removesuffix(LINE_END))
    except RemoteProtocolError:
        return None
    return None


def judge(data: bytes) -> None:
    known = read_by_codec(data)
    try:
        tree = describe(data)
    except RemoteProtocolError:
        assert known is None, data
        return
    if known is not None:
        known[0](tree, known[1])
    else:
        assert tree.name == "repeat_request_message" or tree.child("bcc").has("expected"), data


LETTERS = st.text(st.sampled_from("/?!\\\r\n\x06\x02\x03()*.:015aAZz \x7f"), max_size=24).map(str.encode)


@given(LETTERS, st.sampled_from([b"", b"/?", b"/LGZ5", b"/LGZ5\\", b"\x06", b"\x02"]), st.sampled_from([b"", LINE_END]))
def test_any_characters_are_read_alike_or_refused_by_both(text: bytes, start: bytes, end: bytes) -> None:
    judge(start + text + end)
    block = text + b"!" + end + b"\x03"
    judge(b"\x02" + block + bytes((bcc(block),)))


@given(st.binary(max_size=30))
def test_any_octets_are_read_alike_or_refused_by_both(data: bytes) -> None:
    judge(data)


@given(st.lists(SETS, max_size=3), st.integers(0), st.integers(0, 127))
def test_a_spoiled_block_is_refused_by_both_or_shown_as_spoiled(sets: list[DataSet], at: int, octet: int) -> None:
    data = bytearray(encode(sets))
    data[at % len(data)] = octet
    judge(bytes(data))


@given(IDENTIFICATIONS)
def test_parity_in_bit_7_is_taken_out(identification: Identification) -> None:
    assert plain(with_parity(bytes(identification))) == bytes(identification)
    assert plain(bytes(identification)) == bytes(identification)


def test_what_has_another_shape_is_none() -> None:
    assert plain(bytes.fromhex("c001c1000100002b0103ff0200")) is None
    assert plain(b"\x06\x01\x02\xfa\x00") is None, "a WriteRequest begins with the same octet"
