"""Frames of HDLC: round trip, vectors, and what is no frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hdlc.frame import (
    KINDS,
    Drop,
    Frame,
    Kind,
    decode,
    encode,
    information_control,
    read,
    supervisory_control,
    unnumbered_control,
)
from tests.protocols.hdlc.strategies import FRAMES


@given(FRAMES)
def test_what_is_encoded_is_decoded(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=40))
def test_any_octets_are_a_frame_or_a_remote_protocol_error(data: bytes) -> None:
    for octets in (data, b"~" + data + b"~"):
        try:
            frame = decode(octets)
        except RemoteProtocolError:
            continue
        assert encode(frame) == octets


@given(FRAMES, st.data())
def test_a_flipped_bit_is_never_taken_for_a_frame(frame: Frame, data: st.DataObject) -> None:
    body = bytearray(encode(frame)[1:-1])
    bit = data.draw(st.integers(0, 8 * len(body) - 1))
    body[bit >> 3] ^= 1 << (bit & 7)
    assert isinstance(read(bytes(body)), Drop)


def test_a_frame_longer_than_255_octets_uses_the_upper_length_bits() -> None:
    wire = encode(Frame(b"\x03", b"\x21", 0x10, bytes(300), segmented=True))
    assert wire[1:3] == bytes.fromhex("A935")
    assert decode(wire).segmented


def test_a_frame_longer_than_the_length_field_is_our_own_fault() -> None:
    assert len(encode(Frame(bytes(4), bytes(4), 0x10, bytes(2032)))) == 2047 + 2
    with pytest.raises(LocalProtocolError):
        encode(Frame(bytes(4), bytes(4), 0x10, bytes(2033)))


@pytest.mark.parametrize("final", [False, True])
def test_every_control_octet_we_write_is_read_as_what_it_is(*, final: bool) -> None:
    for kind in (Kind.SNRM, Kind.DISC, Kind.UI, Kind.UA, Kind.DM, Kind.FRMR):
        frame = Frame(b"\x03", b"\x21", unnumbered_control(kind, poll_final=final))
        assert (frame.kind, frame.poll_final) == (kind, final)
    for receive in range(8):
        for kind in (Kind.RR, Kind.RNR):
            frame = Frame(b"\x03", b"\x21", supervisory_control(kind, receive, poll_final=final))
            assert (frame.kind, frame.receive_sequence, frame.poll_final) == (kind, receive, final)
        for send in range(8):
            frame = Frame(b"\x03", b"\x21", information_control(send, receive, poll_final=final))
            assert (frame.kind, frame.send_sequence, frame.receive_sequence, frame.poll_final) == (
                Kind.INFORMATION,
                send,
                receive,
                final,
            )


def test_control_octets_are_those_of_the_standard() -> None:
    names = {0x93: Kind.SNRM, 0x53: Kind.DISC, 0x73: Kind.UA, 0x1F: Kind.DM, 0x97: Kind.FRMR, 0x13: Kind.UI}
    assert {octet: KINDS[octet] for octet in names} == names
    assert KINDS[0x19] is Kind.UNKNOWN  # REJ is not among the frames of this profile


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("A0 08 03 21 93 0F 01", Drop.BAD_FORMAT),
        ("B0 07 03 21 93 0F 01", Drop.BAD_FORMAT),
        ("A0 06 03 21 93 0F", Drop.BAD_FORMAT),
        ("A0 07 02 20 92 0F 01", Drop.BAD_ADDRESS),
        ("A0 08 02 22 22 21 93 00", Drop.BAD_ADDRESS),
        ("A0 07 03 21 93 0F 02", Drop.BAD_FCS),
        ("A0 0A 03 21 10 00 00 00 00 00", Drop.BAD_HCS),
    ],
)
def test_what_is_no_frame_says_why(body: str, reason: Drop) -> None:
    assert read(bytes.fromhex(body)) is reason
