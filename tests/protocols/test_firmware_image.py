"""Firmware images: what was encoded is decoded again, and nothing else is an image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.firmware_image import HEADER_OCTETS, IMAGE_OCTETS_MAX, FirmwareImage

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=16)


@given(NAMES, NAMES, st.binary(max_size=300))
def test_what_was_encoded_is_decoded_again(hardware: str, version: str, body: bytes) -> None:
    image = FirmwareImage(hardware=hardware, version=version, body=body)
    data = image.encode()
    assert FirmwareImage.decode(data) == image
    assert len(data) == HEADER_OCTETS + len(body)


GOOD = FirmwareImage(hardware="MTB/D1", version="MTB-02.00", body=bytes(range(100))).encode()


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_an_octet_that_has_changed_is_found(place: int, change: int) -> None:
    changed = bytearray(GOOD)
    changed[place] ^= change
    with pytest.raises(RemoteProtocolError):
        FirmwareImage.decode(bytes(changed))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: GOOD[:5] + rest))
def test_garbage_is_no_image(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        FirmwareImage.decode(data)


@pytest.mark.parametrize("data", [GOOD[:-1], GOOD + b"\0", GOOD[:HEADER_OCTETS], b""])
def test_an_image_that_is_cut_or_goes_on_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        FirmwareImage.decode(data)


@pytest.mark.parametrize("name", ["", "x" * 17, "µ", "a\nb"])
def test_names_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        FirmwareImage(hardware=name, version="1", body=b"")
    with pytest.raises(ValueError, match="printable ASCII"):
        FirmwareImage(hardware="MTB/D1", version=name, body=b"")


def test_an_image_larger_than_any_meter_holds_is_refused() -> None:
    with pytest.raises(ValueError, match=str(IMAGE_OCTETS_MAX)):
        FirmwareImage(hardware="MTB/D1", version="1", body=bytes(IMAGE_OCTETS_MAX))
