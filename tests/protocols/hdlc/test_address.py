"""HDLC addresses: forms, reserved values, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.hdlc.address import Address, field_size
from tests.protocols.hdlc.strategies import ADDRESSES


@given(ADDRESSES)
def test_what_is_written_is_read(address: Address) -> None:
    assert Address.from_bytes(bytes(address)) == address
    assert len(bytes(address)) == address.size == field_size(bytes(address), 0)


@given(st.binary(max_size=6))
def test_any_octets_are_an_address_or_a_value_error(field: bytes) -> None:
    try:
        address = Address.from_bytes(field)
    except ValueError:
        return
    assert bytes(address) == field


def test_the_forms_stand_on_the_wire_as_the_standard_draws_them() -> None:
    assert bytes(Address.server(1)) == bytes.fromhex("03")
    assert bytes(Address.server(1, 17)) == bytes.fromhex("02 23")
    assert bytes(Address.server(0x1234, 0x3FFF)) == bytes.fromhex("48 68 FE FF")
    assert bytes(Address.server(1, 17, 4)) == bytes.fromhex("00 02 00 23")
    assert bytes(Address.server(1, 17, 1)) == bytes.fromhex("03")


def test_a_field_of_three_octets_is_none() -> None:
    assert field_size(bytes.fromhex("02 02 03 03"), 0) == 0
    assert field_size(bytes.fromhex("02 02 02 02 03"), 0) == 0


def test_a_station_is_known_by_its_lower_address_or_by_all_there_is() -> None:
    assert Address.server(1, 17).station == 17
    assert Address.server(5).station == 5


@pytest.mark.parametrize(
    ("address", "all_station", "no_station", "calling"),
    [
        (Address.server(0x7F), True, False, False),
        (Address.server(0), False, True, False),
        (Address.server(1, 0x7F), True, False, False),
        (Address.server(0x7F, 5), False, False, False),
        (Address.server(1, 0), False, True, False),
        (Address.server(0, 9), False, True, False),
        (Address.server(1, 0x7E), False, False, True),
        (Address.server(0x7E), False, False, False),
        (Address.server(1, 0x3FFF), True, False, False),
        (Address.server(1, 0x3FFE), False, False, True),
        (Address.server(1, 0x7F, 4), False, False, False),
    ],
)
def test_reserved_addresses_are_known(address: Address, *, all_station: bool, no_station: bool, calling: bool) -> None:
    assert (address.is_all_station, address.is_no_station, address.is_calling) == (all_station, no_station, calling)


@pytest.mark.parametrize(
    "arguments",
    [
        {"upper": 0x80},
        {"upper": -1},
        {"upper": 1, "lower": 1},
        {"upper": 1, "size": 2},
        {"upper": 1, "lower": 0x80, "size": 2},
        {"upper": 0x4000, "lower": 1, "size": 4},
        {"upper": 1, "lower": 1, "size": 3},
    ],
)
def test_what_fits_no_form_is_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Address(**arguments)


def test_a_longer_form_needs_a_physical_address() -> None:
    with pytest.raises(ValueError):
        Address.server(1, None, 2)
