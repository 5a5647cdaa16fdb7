from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.date_time import (
    DEVIATION_NOT_SPECIFIED,
    LAST_DAY,
    SECOND_LAST_DAY,
    ClockStatus,
    Date,
    DateTime,
    Time,
    encode_utc_ms,
)
from protocols.errors import RemoteProtocolError

_INDIA = ZoneInfo("Asia/Kolkata")


def test_india_writes_a_deviation_of_minus_330() -> None:
    octets = bytes.fromhex("07E80A1C 01 00000000 FEB6 00".replace(" ", ""))
    moment = DateTime.decode(octets)
    assert moment == DateTime(Date(2024, 10, 28, 1), Time(0, 0, 0, 0), -330, 0)
    assert moment.instant() == datetime(2024, 10, 27, 18, 30, tzinfo=UTC)
    assert moment.encode() == octets
    assert encode_utc_ms(1730053800000, -330) == octets


def test_without_a_deviation_the_zone_is_the_readers_matter() -> None:
    moment = DateTime.decode(bytes.fromhex("07E80A1C FF 000000FF 8000 FF".replace(" ", "")))
    assert moment.deviation is None
    assert moment.instant() is None
    assert moment.utc_ms(_INDIA) == 1730053800000
    assert encode_utc_ms(1730053800000, -330, 0x02, deviation_written=DEVIATION_NOT_SPECIFIED)[9:] == b"\x80\x00\x02"


@pytest.mark.parametrize(("field", "day"), [(LAST_DAY, 29), (SECOND_LAST_DAY, 28)])
def test_days_count_from_the_months_end(field: int, day: int) -> None:
    found = Date(2024, 2, field).calendar_day()
    assert found is not None
    assert found.day == day


def test_wildcards_are_no_instant() -> None:
    anything = DateTime.decode(b"\xff" * 9 + b"\x80\x00\xff")
    assert anything == DateTime(Date(), Time())
    assert anything.instant(UTC) is None
    assert anything.utc_ms(UTC) is None
    assert DateTime(Date(2024, 0xFD, 1), Time(1, 0)).instant(UTC) is None


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28)), st.integers(-840, 840), st.integers(0, 255))  # noqa: DTZ001 (made aware below)
def test_an_instant_survives_to_the_hundredth(naive: datetime, offset: int, status: int) -> None:
    instant = naive.replace(
        microsecond=naive.microsecond // 10_000 * 10_000, tzinfo=timezone(timedelta(minutes=offset))
    )
    moment = DateTime.decode(DateTime.from_instant(instant, status).encode())
    assert moment.instant() == instant
    assert moment.status == status
    at_ms = moment.utc_ms()
    assert at_ms is not None
    assert encode_utc_ms(at_ms, -offset, status) == moment.encode()


@given(st.binary(min_size=12, max_size=12))
def test_any_twelve_octets_are_a_date_time_or_refused(octets: bytes) -> None:
    try:
        moment = DateTime.decode(octets)
    except RemoteProtocolError:
        return
    assert moment.encode() == octets
    moment.utc_ms(_INDIA)


@pytest.mark.parametrize(
    "octets",
    [
        "07E80D01FF000000000000 00",  # month 13
        "07E8021EFF000000000000 00",  # 30 February
        "07E80A1C08000000000000 00",  # weekday 8
        "07E80A1C01180000000000 00",  # hour 24
        "07E80A1C01003C00000000 00",  # minute 60
        "07E80A1C010000003C7FFF 00",  # deviation
        "000000000000000000000000",
        "07E80A",
    ],
)
def test_what_is_no_date_time_is_refused(octets: str) -> None:
    with pytest.raises(RemoteProtocolError, match=r"date|time"):
        DateTime.decode(bytes.fromhex(octets))


def test_dates_and_times_stand_alone() -> None:
    assert Date.decode(bytes.fromhex("FFFF0101FF")) == Date(None, 1, 1)
    assert Date(None, 1, 1).encode() == bytes.fromhex("FFFF0101FF")
    assert Time.decode(bytes.fromhex("0C1E00FF")) == Time(12, 30, 0)
    for wrong in (b"", bytes(4)):
        with pytest.raises(RemoteProtocolError):
            Date.decode(wrong)
    for wrong in (b"", b"\x18\x00\x00\x00"):
        with pytest.raises(RemoteProtocolError):
            Time.decode(wrong)


def test_our_own_mistakes_are_value_errors() -> None:
    with pytest.raises(ValueError, match="zone"):
        DateTime.from_instant(datetime(2024, 1, 1))  # noqa: DTZ001 (the point of the test)
    with pytest.raises(ValueError, match="hour"):
        Time(24)
    with pytest.raises(ValueError, match="no 2023-02-29"):
        Date(2023, 2, 29)


def test_the_status_bits_have_their_names() -> None:
    assert ClockStatus(0x82) == ClockStatus.DAYLIGHT_SAVING | ClockStatus.DOUBTFUL
