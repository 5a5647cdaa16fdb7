"""The data block of a read-out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.checksum import bcc
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.data_block import DataSet, Value, decode, encode

PLAIN = st.text(st.sampled_from("0123456789.:-&ABCkWhV"), max_size=16)
VALUES = st.builds(Value, text=PLAIN, unit=st.sampled_from(["", "kWh", "V", "A", "kvarh"]))
SETS = st.builds(
    DataSet,
    address=st.text(st.sampled_from("0123456789.:-*&F"), min_size=1, max_size=16),
    values=st.lists(VALUES, min_size=1, max_size=3).map(tuple),
)


@given(st.lists(SETS, max_size=6))
def test_what_is_written_is_read(data_sets: list[DataSet]) -> None:
    assert list(decode(encode(data_sets))) == data_sets


@given(st.binary(max_size=80))
def test_any_octets_are_a_block_or_a_remote_protocol_error(data: bytes) -> None:
    for body in (data, data + b"!\r\n"):
        checked = body + b"\x03"
        for message in (data, b"\x02" + checked + bytes((bcc(checked),))):
            try:
                decode(message)
            except RemoteProtocolError:
                continue


def block(text: str) -> bytes:
    checked = text.encode() + b"\x03"
    return b"\x02" + checked + bytes((bcc(checked),))


def test_a_block_reads_as_meters_write_it() -> None:
    message = block(
        "0.0.0(12345678)\r\n1-0:1.8.0*255(000123.45*kWh)\r\n1.6.1(0.512*kW)(24-10-28,18:30)2.8.0(0)\r\n!\r\n",
    )
    assert decode(message) == (
        DataSet(address="0.0.0", values=(Value(text="12345678"),)),
        DataSet(address="1-0:1.8.0*255", values=(Value(text="000123.45", unit="kWh"),)),
        DataSet(address="1.6.1", values=(Value(text="0.512", unit="kW"), Value(text="24-10-28,18:30"))),
        DataSet(address="2.8.0", values=(Value(text="0"),)),
    )


def test_a_set_without_an_address_goes_on_with_the_one_before() -> None:
    assert decode(block("1.8.1(1)\r\n(2)\r\n!\r\n")) == (
        DataSet(address="1.8.1", values=(Value(text="1"), Value(text="2"))),
    )


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x02!\r\n\x03\x00",
        block("1.8.0(1)\r\n"),
        block("1.8.0(1\r\n!\r\n"),
        block("1.8.0\r\n!\r\n"),
        block("1.8.0(1)\r\n!more\r\n"),
        block("1.8.0(1*k*h)\r\n!\r\n"),
    ],
)
def test_what_is_no_block_is_refused(message: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(message)


@pytest.mark.parametrize("text", ["(", ")", "!", "*", "\r", "é"])
def test_what_would_break_a_block_can_not_be_in_it(text: str) -> None:
    with pytest.raises(ValueError):
        Value(text=text)
