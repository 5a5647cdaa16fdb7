"""Real and completed frames of tests/vectors/hdlc.toml, read as told there."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame, Kind, decode, encode
from protocols.hdlc.framer import HdlcFramer
from protocols.link import Apdu
from protocols.machine import Stack
from protocols.wrapper import Role, Wrapper

VECTORS: dict[str, Any] = tomllib.loads((Path(__file__).parents[2] / "vectors" / "hdlc.toml").read_text())


def all_events(stack: Stack) -> list[Any]:
    seen = []
    while (event := stack.next_event()) is not None:
        seen.append(event)
    return seen


@pytest.mark.parametrize("vector", VECTORS["frame"], ids=lambda vector: str(vector["name"]))
def test_a_frame_reads_as_told_whole_byte_by_byte_and_twice(vector: dict[str, Any]) -> None:
    wire = bytes.fromhex(vector["hex"])
    frame = decode(wire)
    assert encode(frame) == wire
    assert frame.kind is Kind[vector["kind"]]
    assert frame.poll_final is vector["poll_final"]
    assert Address.from_bytes(frame.destination).upper == vector["destination"]
    if "client" in vector:
        assert Address.from_bytes(frame.source).upper == vector["client"]
    for pieces in ([wire], [bytes((octet,)) for octet in wire], [wire + wire], [wire + wire[1:]]):
        stack = Stack([HdlcFramer()])
        for piece in pieces:
            stack.receive_data(piece, 0)
        events: list[Frame] = all_events(stack)
        assert events == [frame] * len(events)
        assert events


@pytest.mark.parametrize("vector", VECTORS["wrapper"], ids=lambda vector: str(vector["name"]))
def test_a_push_goes_to_the_client_that_its_header_names(vector: dict[str, Any]) -> None:
    wire = bytes.fromhex(vector["hex"])
    assert len(wire) == 8 + vector["length"]
    for pieces in ([wire], [bytes((octet,)) for octet in wire]):
        stack = Stack([Wrapper(Role.CLIENT)])
        for piece in pieces:
            stack.receive_data(piece, 0)
        assert all_events(stack) == [Apdu(vector["client"], vector["source_wport"], wire[8:])]
