"""Check values against the catalogue's and against the definition, bit by bit."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.checksum import (
    bcc,
    crc16_modbus,
    crc16_x25,
    crc16_x25_holds,
    crc16_x25_holds_on,
    crc16_x25_octets,
    crc16_x25_octets_on,
    lrc,
)

CHECK = b"123456789"


def crc_bit_by_bit(data: bytes, polynomial: int, final: int) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
    return crc ^ final


def test_the_published_check_values_come_out() -> None:
    assert crc16_x25(CHECK) == 0x906E
    assert crc16_modbus(CHECK) == 0x4B37
    assert lrc(CHECK) == 0x23
    assert bcc(b"123") == 0x30


def test_nothing_has_a_check_value_too() -> None:
    assert (crc16_x25(b""), crc16_modbus(b""), lrc(b""), bcc(b"")) == (0, 0xFFFF, 0, 0)


@given(st.binary(max_size=300))
def test_the_fast_sums_agree_with_the_definition(data: bytes) -> None:
    assert crc16_x25(data) == crc_bit_by_bit(data, 0x8408, 0xFFFF)
    assert crc16_modbus(data) == crc_bit_by_bit(data, 0xA001, 0)


@given(st.binary(max_size=300))
def test_octets_and_residue_agree_with_the_sum(data: bytes) -> None:
    octets = crc16_x25_octets(data)
    assert octets == crc16_x25(data).to_bytes(2, "little")
    assert crc16_x25_holds(data + octets)
    assert not crc16_x25_holds(data + bytes((octets[0] ^ 1, octets[1])))


@given(st.binary(max_size=20), st.binary(max_size=300))
def test_behind_a_sound_sum_it_goes_on_whatever_came_before(head: bytes, data: bytes) -> None:
    sound = head + crc16_x25_octets(head)
    octets = crc16_x25_octets_on(data)
    assert octets == crc16_x25_octets(sound + data)
    assert crc16_x25_holds_on(data + octets)
    assert not crc16_x25_holds_on(data + bytes((octets[0], octets[1] ^ 0x80)))


@given(st.binary(max_size=100))
def test_an_lrc_makes_the_sum_nought_and_a_bcc_the_exclusive_or(data: bytes) -> None:
    assert (sum(data) + lrc(data)) & 0xFF == 0
    assert bcc(data + bytes((bcc(data),))) == 0
