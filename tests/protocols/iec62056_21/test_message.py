"""The messages of a sign-on, and their characters."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.message import BAUDS, Identification, OptionSelect, Request, with_parity, without_parity
from protocols.iec62056_21.sign_on import Characters

LETTERS = st.sampled_from("ABCXYZ")
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="/!\\"), max_size=16)
REQUESTS = st.builds(Request, device_address=st.text(st.sampled_from("0123456789ABCabc "), max_size=32))
IDENTIFICATIONS = st.builds(
    Identification,
    manufacturer=st.builds(lambda *letters: "".join(letters), LETTERS, LETTERS, st.sampled_from("ABCabc")),
    baud_character=st.sampled_from(sorted(BAUDS)),
    text=TEXT,
    enhanced=st.one_of(st.none(), st.sampled_from("0123456789@")),
)
SELECTS = st.builds(
    OptionSelect,
    protocol=st.sampled_from("012"),
    baud_character=st.sampled_from(sorted(BAUDS)),
    mode=st.sampled_from("012Ab"),
)


@given(st.one_of(REQUESTS, IDENTIFICATIONS, SELECTS))
def test_what_is_written_is_read(message: Request | Identification | OptionSelect) -> None:
    wire = bytes(message)
    assert wire.endswith(b"\r\n")
    assert type(message).from_line(wire[:-2]) == message


@given(st.sampled_from([Request, Identification, OptionSelect]), st.binary(max_size=40))
def test_any_octets_are_a_message_or_a_remote_protocol_error(kind: Any, data: bytes) -> None:
    for line in (data, b"/" + data, b"/?" + data + b"!", b"/ABC5" + data, b"\x06" + data):
        try:
            message = kind.from_line(line)
        except RemoteProtocolError:
            continue
        assert bytes(message) == line + b"\r\n"


def test_messages_stand_on_the_wire_as_the_standard_writes_them() -> None:
    assert bytes(Request()) == b"/?!\r\n"
    assert bytes(Request(device_address="0012345")) == b"/?0012345!\r\n"
    meter = Identification.from_line(rb"/LGZ5\2ZMD3104107.B32"[:20])
    assert (meter.manufacturer, meter.baud, meter.offers_hdlc) == ("LGZ", 9600, True)
    assert bytes(OptionSelect(protocol="2", baud_character="5", mode="2")) == b"\x06252\r\n"
    assert OptionSelect.from_line(b"\x06050").is_read_out


def test_a_third_letter_in_lower_case_says_that_the_meter_is_quick() -> None:
    assert Identification(manufacturer="ABC").reaction_us == 200_000
    assert Identification(manufacturer="ABc").reaction_us == 20_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: Request(device_address="/"),
        lambda: Request(device_address="1" * 33),
        lambda: Identification(manufacturer="AB"),
        lambda: Identification(manufacturer="aBC"),
        lambda: Identification(manufacturer="ABC", baud_character="9"),
        lambda: Identification(manufacturer="ABC", text="x" * 17),
        lambda: Identification(manufacturer="ABC", text="\\2"),
        lambda: Identification(manufacturer="ABC", enhanced="12"),
        lambda: OptionSelect(protocol="", baud_character="5", mode="0"),
    ],
)
def test_what_the_standard_does_not_have_can_not_be_made(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


@given(st.binary(max_size=50).map(lambda data: bytes(octet & 0x7F for octet in data)))
def test_parity_in_bit_7_comes_off_again(data: bytes) -> None:
    assert all(octet.bit_count() % 2 == 0 for octet in with_parity(data))
    assert without_parity(with_parity(data)) == data


def test_a_character_of_wrong_parity_is_in_no_message() -> None:
    assert without_parity(b"\x2f\xaf") == b"\x7f/"


def test_messages_are_found_among_noise() -> None:
    characters = Characters(parity_in_bit_7=False)
    characters.take(b"\x00/\xff/?!\r\n\r\nzz\r\n\x06050\r\n/AB")
    assert [characters.message() for _ in range(3)] == [b"/?!", b"\x06050", None]
    characters.take(b"C5\r\n")
    assert characters.message() == b"/ABC5"


def test_what_is_held_of_noise_is_bounded() -> None:
    characters = Characters(parity_in_bit_7=False)
    for _ in range(100):
        characters.take(b"/" * 1000)
        assert characters.message() is None
    assert len(characters._held) <= 64
