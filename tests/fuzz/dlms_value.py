"""COSEM values, selections and date-times: what decodes has an encoding that means the same, and is skipped alike."""

from contextlib import suppress

from protocols.dlms.date_time import DateTime
from protocols.dlms.selection import EntryDescriptor, RangeDescriptor, Selection
from protocols.dlms.value import Value, decode_from, encode, skip, split
from protocols.errors import RemoteProtocolError

SEEDS = [
    bytes.fromhex("0101 0206 090C07E80A1C01000000FFFEB600 1743660000 0600000001 120065 02020F00161E 0301"),
    bytes.fromhex("13 02021217 0C 000140000000 000240400000"),
    bytes.fromhex("13 01000311 06 010203040506"),
    bytes.fromhex("0204 0204120008090600000100 00FF0F02120000 0600000001 0600000002 0100"),
    bytes.fromhex("0204 0600000001 0600000004 120001 120000"),
    bytes.fromhex("0404A0 0A034D4242 0C02C3A9 14FFFFFFFFFFFFFFFF 183FF0000000000000"),
    bytes.fromhex("01820002 1901020304050607080900010200 FF"),
    bytes.fromhex("07E80A1C01000000FFFEB600"),
]


def target(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        value, end = decode_from(data)
        assert skip(data, 0) == end
        octets = encode(value)
        # Twice, since NaN equals nothing: the octets are compared.
        assert encode(_again(octets)) == octets
    for kind, selector in ((RangeDescriptor, 1), (EntryDescriptor, 2)):
        with suppress(RemoteProtocolError):
            wanted = kind.from_selection(Selection(selector, data))
            wanted.selection()
    with suppress(RemoteProtocolError):
        moment = DateTime.decode(data[:12])
        assert moment.encode() == data[:12]
        moment.utc_ms()
    with suppress(RemoteProtocolError):
        assert b"".join(split(data)) == data[len(data) - sum(map(len, split(data))) :]


def _again(octets: bytes) -> Value:
    value, end = decode_from(octets)
    assert end == len(octets)
    return value
