"""The methods of class 8 on a meter: to a quarter, to the capture period, to a minute, to a preset time, by seconds."""

import pytest

from emulator.face.cosem.face import CosemFace
from emulator.meter import Meter
from emulator.timing.clock import STATUS_DOUBTFUL
from protocols.dlms.date_time import encode_utc_ms
from protocols.dlms.results import ActionResult
from protocols.dlms.value import Tag, Value, encode
from protocols.model.loader import load
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, LinkTime, associate
from tests.emulator.meters import codes

CLOCK = bytes((0, 0, 1, 0, 0, 255))
MINUTE_MS = 60_000
INDIA_MINUTES = 330


@pytest.fixture
def d1() -> Desk:
    """A meter of Kolkata at local noon."""
    model = load("is15959-d1")
    meter = Meter("MB0001", model, seed=1, load={"constant": 500}, supply={"constant": 230}, start_ms=NOON_MS)
    face = CosemFace(meter, model, LinkTime())
    return Desk(face, associate(face, 48))


def meter_of(desk: Desk) -> Meter:
    assert isinstance(desk.face.meter, Meter)
    return desk.face.meter


def act(desk: Desk, method: int, value: Value) -> ActionResult:
    return desk.face.action(desk.association, 8, CLOCK, method, encode(value), desk.now_us)[0]


def go(desk: Desk, after_ms: int) -> int:
    """Let time pass; true time then."""
    desk.now_us += after_ms * 1000
    return desk.now_us // 1000


ZERO: Value = (int(Tag.INTEGER), 0)


@pytest.mark.parametrize(
    ("method", "after_ms", "shown_ms"),
    [
        (1, 7 * MINUTE_MS + 29_000, 0),
        (1, 7 * MINUTE_MS + 31_000, 15 * MINUTE_MS),
        (2, 29 * MINUTE_MS, 0),
        (2, 31 * MINUTE_MS, 60 * MINUTE_MS),
        (3, 29_999, 0),
        (3, 30_000, MINUTE_MS),
    ],
)
def test_the_clock_goes_to_the_nearest_quarter_capture_period_or_minute(
    d1: Desk, method: int, after_ms: int, shown_ms: int
) -> None:
    # An hour, in a zone that differs from UTC by half of one.
    assert meter_of(d1).configure("block_period_s", 3600, NOON_MS)
    at_ms = go(d1, after_ms)
    assert act(d1, method, ZERO) is ActionResult.SUCCESS
    assert meter_of(d1).clock.reading(at_ms).utc_ms == NOON_MS + shown_ms
    assert codes(meter_of(d1), "transaction", at_ms)[-1] == 151


def preset(minutes: tuple[int, int, int]) -> Value:
    stamps = [encode_utc_ms(NOON_MS + each * MINUTE_MS, -INDIA_MINUTES) for each in minutes]
    return int(Tag.STRUCTURE), [(int(Tag.OCTET_STRING), stamp) for stamp in stamps]


def test_a_preset_time_is_taken_within_its_interval_alone(d1: Desk) -> None:
    assert act(d1, 4, ZERO) is ActionResult.OTHER_REASON  # nothing is preset
    assert act(d1, 5, preset((45, 10, 20))) is ActionResult.SUCCESS
    assert meter_of(d1).clock.reading(NOON_MS).utc_ms == NOON_MS
    assert act(d1, 4, ZERO) is ActionResult.OTHER_REASON  # too early
    at_ms = go(d1, 15 * MINUTE_MS)
    assert act(d1, 4, ZERO) is ActionResult.SUCCESS
    assert meter_of(d1).clock.reading(at_ms).utc_ms == NOON_MS + 45 * MINUTE_MS
    assert act(d1, 4, ZERO) is ActionResult.OTHER_REASON  # by the clock it is too late now


def test_a_shift_moves_it_by_seconds_and_tells_that_it_is_right_again(d1: Desk) -> None:
    assert act(d1, 6, (int(Tag.LONG), -900)) is ActionResult.SUCCESS
    assert meter_of(d1).clock.reading(NOON_MS).utc_ms == NOON_MS - 900_000
    assert not meter_of(d1).clock.reading(NOON_MS).status & STATUS_DOUBTFUL
    assert act(d1, 6, (int(Tag.LONG), 901)) is ActionResult.OTHER_REASON
    assert act(d1, 6, (int(Tag.UNSIGNED), 1)) is ActionResult.TYPE_UNMATCHED
