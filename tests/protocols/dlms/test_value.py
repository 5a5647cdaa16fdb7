import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.dlms.value import (
    NESTING_MAX,
    Tag,
    Value,
    array,
    decode,
    decode_from,
    encode,
    octet_string,
    skip,
    split,
    structure,
)
from protocols.errors import RemoteProtocolError
from tests.protocols.dlms.strategies import values


@given(values())
def test_what_is_encoded_decodes_to_itself(value: Value) -> None:
    assert decode(encode(value)) == value


@given(values(), st.binary(max_size=4))
def test_a_value_is_found_among_other_octets_and_skipped_to_the_same_end(value: Value, after: bytes) -> None:
    octets = encode(value)
    assert decode_from(b"xx" + octets + after, 2) == (value, 2 + len(octets))
    assert skip(b"xx" + octets + after, 2) == 2 + len(octets)


@given(values())
def test_every_truncation_is_refused(value: Value) -> None:
    octets = encode(value)
    for cut in range(len(octets)):
        with pytest.raises(RemoteProtocolError):
            decode(octets[:cut])
        with pytest.raises(RemoteProtocolError):
            skip(octets[:cut], 0)


@given(st.binary(max_size=200))
@example(b"\x01\x84\xff\xff\xff\xff")
@example(b"\x13\x02\x00\x01\x00")
@example(b"\x13\x01\xff\xff\x01\xff\xff\x00\x02\x00\x00")
@example(b"\x09\x80")
def test_any_octets_are_a_value_or_refused(data: bytes) -> None:
    try:
        value, end = decode_from(data)
    except RemoteProtocolError:
        return
    assert skip(data, 0) == end
    again = encode(value)
    assert encode(decode(again)) == again


@given(values(), st.data())
def test_a_changed_octet_gives_a_value_or_a_refusal(value: Value, data: st.DataObject) -> None:
    octets = bytearray(encode(value))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(octets))
    except RemoteProtocolError:
        return


def test_nesting_beyond_the_limit_is_refused_and_up_to_it_is_not() -> None:
    assert decode(b"\x01\x01" * NESTING_MAX + b"\x00")[0] == Tag.ARRAY
    with pytest.raises(RemoteProtocolError, match="nested deeper"):
        decode(b"\x01\x01" * (NESTING_MAX + 1) + b"\x00")
    with pytest.raises(RemoteProtocolError, match="nested too deep"):
        decode(b"\x13" + b"\x01\x00\x01" * (NESTING_MAX + 1) + b"\x11\x00")


def test_a_compact_array_cannot_multiply_null_data() -> None:
    hundred_nulls_and_an_octet = b"\x02\x65" + bytes(100) + b"\x11"
    with pytest.raises(RemoteProtocolError, match="next to no octets"):
        decode(b"\x13" + hundred_nulls_and_an_octet + b"\x01\x05")
    with pytest.raises(RemoteProtocolError, match="next to no octets"):
        decode(b"\x13\x00\x01\x00")

    # Announces hundreds of thousands of values in 67 octets: found by fuzzing, it took seconds.
    with pytest.raises(RemoteProtocolError, match="ends within an element"):
        decode(
            bytes.fromhex(
                "1301810302060002020212000c0000000000020101810102010181020000000002010181010181020c0000000201018101018102"
                "0c00000000000000020101810200000000"
            )
        )


def test_a_compact_array_must_have_whole_elements() -> None:
    assert decode(bytes.fromhex("130100021104111213 14".replace(" ", "")))[1][1] == [
        (1, [(17, 0x11), (17, 0x12)]),
        (1, [(17, 0x13), (17, 0x14)]),
    ]
    with pytest.raises(RemoteProtocolError, match="ends within an element"):
        decode(bytes.fromhex("1301000211 03111213".replace(" ", "")))


def test_a_compact_array_of_structures_reads_as_rows() -> None:
    octets = bytes.fromhex("13 02 02 12 17 0C 0001 40000000 0002 40400000".replace(" ", ""))
    rows = [(2, [(18, 1), (23, 2.0)]), (2, [(18, 2), (23, 3.0)])]
    assert decode(octets) == (19, (bytes.fromhex("02021217"), rows))
    assert encode(decode(octets)) == octets


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("00", (0, None)),
        ("0301", (3, True)),
        ("0404A0", (4, "1010")),
        ("05FFFFFFFE", (5, -2)),
        ("0600000001", (6, 1)),
        ("0906010100FF02FF", (9, bytes.fromhex("010100FF02FF"))),
        ("0A034D4242", (10, "MBB")),
        ("0C02C3A9", (12, "é")),
        ("0FFF", (15, -1)),
        ("10FFFE", (16, -2)),
        ("1101", (17, 1)),
        ("120102", (18, 258)),
        ("14FFFFFFFFFFFFFFFF", (20, -1)),
        ("150000000000000005", (21, 5)),
        ("1623", (22, 35)),
        ("1743660000", (23, 230.0)),
        ("183FF0000000000000", (24, 1.0)),
        ("19" + "07E80A1C01000000000000" + "00", (25, bytes.fromhex("07E80A1C0100000000000000"))),
        ("02020F00161E", (2, [(15, 0), (22, 30)])),
        ("01820001" + "1105", (1, [(17, 5)])),
    ],
)
def test_known_octets_have_their_known_meaning(octets: str, value: Value) -> None:
    assert decode(bytes.fromhex(octets)) == value


@pytest.mark.parametrize(
    "value",
    [
        (17, 256),
        (17, None),
        (16, 1 << 15),
        (7, 1),
        (9, "text"),
        (10, "☃"),
        (4, "012"),
        (25, bytes(11)),
        (2, [1]),
        (19, (b"\x11", [(18, 1)])),
        (19, (b"\x02\x01\x11", [(2, [])])),
        (19, (b"\x11\x11", [])),
        (23, 1e300),
        (300, 1),
    ],
)
def test_what_a_tag_cannot_hold_is_our_own_mistake(value: Value) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode(value)


def test_encoded_parts_join_to_arrays_and_structures() -> None:
    row = structure([octet_string(b"12"), encode((23, 1.5))])
    assert decode(array([row] * 200)) == (1, [(2, [(9, b"12"), (23, 1.5)])] * 200)
    assert list(split(array([row] * 200))) == [row] * 200
    assert octet_string(bytes(300)) == encode((9, bytes(300)))


@pytest.mark.parametrize("data", [b"", b"\x09\x00", b"\x01\x01", b"\x01\x00\x00"])
def test_only_a_whole_array_or_structure_splits(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        list(split(data))


def test_a_float32_keeps_its_octets() -> None:
    assert encode(decode(b"\x17" + struct.pack(">f", 847.8488))) == b"\x17" + struct.pack(">f", 847.8488)
