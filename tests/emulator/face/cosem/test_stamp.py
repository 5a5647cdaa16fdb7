"""Instants on the wire: local time, the model's deviation, and back."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.face.cosem.stamp import ENCODED_UNDEFINED, Stamp
from emulator.timing.zone import zone
from protocols.dlms.value import decode
from protocols.errors import RemoteProtocolError
from protocols.model.physics import Clock

Deviation = Literal["plus", "minus", "not_specified"]

INDIA, BERLIN = zone("Asia/Kolkata"), zone("Europe/Berlin")
YEARS = st.integers(1_000_000_000_000, 4_000_000_000_000)


def octets(stamp: Stamp, utc_ms: int, zone_name: str = "Asia/Kolkata") -> bytes:
    content: bytes = decode(stamp.encode(utc_ms, zone(zone_name)))[1]
    return content


@given(YEARS, st.sampled_from(["plus", "minus", "not_specified"]))
def test_an_instant_comes_back_to_the_hundredth(utc_ms: int, deviation: Deviation) -> None:
    stamp = Stamp(Clock(deviation=deviation))
    assert stamp.decode(octets(stamp, utc_ms), INDIA) == utc_ms // 10 * 10


@given(YEARS, st.sampled_from(["plus", "minus"]))
def test_with_a_deviation_the_hour_that_comes_twice_is_told_apart(utc_ms: int, deviation: Deviation) -> None:
    stamp = Stamp(Clock(deviation=deviation))
    assert stamp.decode(octets(stamp, utc_ms, "Europe/Berlin"), BERLIN) == utc_ms // 10 * 10


@pytest.mark.parametrize(("deviation", "field"), [("plus", "014a"), ("minus", "feb6"), ("not_specified", "8000")])
def test_the_deviation_is_written_as_the_model_says(deviation: Deviation, field: str) -> None:
    stamp = Stamp(Clock(deviation=deviation))
    assert octets(stamp, 1_730_097_000_000)[9:11].hex() == field
    assert stamp.zone_minutes(INDIA) == (-330 if deviation == "minus" else 330)


@pytest.mark.parametrize("own", ["plus", "minus"])
def test_the_meters_own_offset_is_understood_in_the_other_convention(own: Deviation) -> None:
    other: Deviation = "minus" if own == "plus" else "plus"
    written = octets(Stamp(Clock(deviation=other)), 1_730_097_000_000)
    assert Stamp(Clock(deviation=own)).decode(written, INDIA) == 1_730_097_000_000


def test_midnight_in_india_is_half_past_six_in_the_evening_utc() -> None:
    stamp = Stamp(Clock(deviation="plus"))
    assert octets(stamp, 1_730_053_800_000).hex() == "07e80a1c0100000000014a00"


def test_daylight_saving_is_in_offset_and_status() -> None:
    stamp = Stamp(Clock(deviation="minus"))
    summer, winter = (
        octets(stamp, 1_720_000_000_000, "Europe/Berlin"),
        octets(stamp, 1_705_000_000_000, "Europe/Berlin"),
    )
    assert (summer[9:11].hex(), summer[11]) == ("ff88", 0x80)
    assert (winter[9:11].hex(), winter[11]) == ("ffc4", 0)


def test_what_never_was_is_undefined() -> None:
    assert Stamp(Clock()).encode(0, INDIA) == ENCODED_UNDEFINED
    assert Stamp(Clock()).decode(decode(ENCODED_UNDEFINED)[1], INDIA) is None


@given(st.binary(max_size=13))
def test_any_octets_are_an_instant_or_refused(content: bytes) -> None:
    stamp = Stamp(Clock())
    try:
        instant = stamp.decode(content, INDIA)
    except RemoteProtocolError:
        return
    assert instant is None or isinstance(instant, int)
