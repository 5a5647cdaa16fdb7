"""Profiles: values by what is captured and how it is scaled, never by position, and what does not fit says so."""

from typing import Any

import pytest

from gateway.meter.dlms_profile import BUFFER, CAPTURE_OBJECTS, GetMany, Profiles, obis
from gateway.meter.scripts import Table
from gateway.polling.coverage import Stretch
from gateway.polling.reading import utc, utc_ms
from gateway.service.script import NonsenseError, RefusedError
from protocols.dlms.date_time import DateTime
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import CaptureObject
from protocols.dlms.value import Tag, Value
from protocols.message.reading import Quality
from tests.gateway.cores import NOW_MS, memory_store
from tests.gateway.drive import Clock, Driver
from tests.gateway.fake_meter import BLOCK, CLOCK, CURRENT, IST, VOLTAGE, scaler_unit, stamp

ENERGY = CaptureObject(3, obis("1.0.1.8.0.255"), 2)
SCALERS = obis("1.0.94.91.4.255")


class Answers:
    """Answers of a meter by object and attribute; what was asked is kept."""

    def __init__(self, columns: list[CaptureObject], rows: Any) -> None:
        self.asked: list[Any] = []
        self.answers: dict[tuple[int, bytes, int], Any] = {
            (7, BLOCK, CAPTURE_OBJECTS): (Tag.ARRAY, [each.value() for each in columns]),
            (7, BLOCK, BUFFER): rows,
            (3, VOLTAGE.instance, 3): scaler_unit(-1, 35),
            (3, CURRENT.instance, 3): scaler_unit(-2, 33),
            (3, ENERGY.instance, 3): scaler_unit(-3, 30),
        }
        self.profiles = Profiles(IST, None)

    def ask(self, request: Any) -> Any:
        self.asked.append(request)
        if isinstance(request, GetMany):
            return [self._answer(each) for each in request.items]
        return self._answer(request)

    def _answer(self, get: Any) -> Any:
        return self.answers.get((get.class_id, get.instance, get.attribute), DataAccessResult.OBJECT_UNDEFINED)

    def read(self, stretch: Stretch | None = None) -> Table:
        table = Driver(Clock(NOW_MS), self.ask, memory_store()).run(self.profiles.read("block_load", stretch))
        assert table is not None
        return table


def rows(*cells: list[Value]) -> Value:
    return (Tag.ARRAY, [(Tag.STRUCTURE, each) for each in cells])


def long(value: int) -> Value:
    return (Tag.LONG_UNSIGNED, value)


def shown(table: Table) -> list[dict[str, str | None]]:
    return [{value.name: value.value for value in row.values} for row in table.rows]


def test_the_order_of_columns_is_the_meter_s_own() -> None:
    for order in ([CLOCK, VOLTAGE, CURRENT], [CURRENT, VOLTAGE, CLOCK]):
        cells = {CLOCK: stamp(NOW_MS), VOLTAGE: long(2301), CURRENT: long(150)}
        table = Answers(order, rows([cells[each] for each in order])).read()
        assert shown(table) == [{"voltage": "230.1", "current": "1.50"}]
        assert table.newest_ms == NOW_MS // 1000 * 1000


def test_a_scaler_profile_is_asked_once_and_not_register_by_register() -> None:
    meter = Answers([CLOCK, VOLTAGE], rows([stamp(NOW_MS), long(23)]))
    meter.answers[7, SCALERS, CAPTURE_OBJECTS] = (Tag.ARRAY, [VOLTAGE.value()])
    meter.answers[7, SCALERS, BUFFER] = rows([scaler_unit(1, 35)])
    assert shown(meter.read()) == [{"voltage": "230"}]
    before = len(meter.asked)
    meter.read()
    assert len(meter.asked) == before + 1


def test_a_scaler_profile_that_does_not_fit_is_not_believed() -> None:
    meter = Answers([CLOCK, VOLTAGE], rows([stamp(NOW_MS), long(2301)]))
    meter.answers[7, SCALERS, CAPTURE_OBJECTS] = (Tag.ARRAY, [VOLTAGE.value(), CURRENT.value()])
    meter.answers[7, SCALERS, BUFFER] = rows([scaler_unit(1, 35)])
    assert shown(meter.read()) == [{"voltage": "230.1"}]


def test_a_row_of_the_wrong_length_is_an_error_and_the_meter_is_asked_anew_what_it_captures() -> None:
    meter = Answers([CLOCK, VOLTAGE, CURRENT], rows([stamp(NOW_MS), long(2301)], [stamp(NOW_MS), long(1), long(2)]))
    table = meter.read()
    bad = table.rows[0].values[0]
    assert (bad.quality, bad.value, bad.reason) == (Quality.ERROR, None, "a row of 2 values for 3 columns")
    meter.answers[7, BLOCK, CAPTURE_OBJECTS] = (Tag.ARRAY, [CLOCK.value(), VOLTAGE.value()])
    assert shown(meter.read())[0] == {"voltage": "230.1"}


def test_an_empty_cell_is_an_error_with_its_reason_and_its_neighbours_are_good() -> None:
    table = Answers([CLOCK, VOLTAGE, CURRENT], rows([stamp(NOW_MS), (Tag.NULL_DATA, None), long(5)])).read()
    voltage, current = table.rows[0].values
    assert voltage.value is None
    assert voltage.quality is Quality.ERROR
    assert voltage.reason
    assert (current.value, current.quality) == ("0.05", Quality.GOOD)


def test_a_register_without_a_scaler_is_not_given_one() -> None:
    meter = Answers([CLOCK, VOLTAGE], rows([stamp(NOW_MS), long(2301)]))
    del meter.answers[3, VOLTAGE.instance, 3]
    (value,) = meter.read().rows[0].values
    assert (value.value, value.unit) == ("2301", None)


def test_a_deviation_with_the_wrong_sign_is_the_clock_of_its_own_zone() -> None:
    local = utc(NOW_MS).astimezone(IST)
    octets = bytearray(DateTime.from_instant(local).encode())
    for deviation in (-330, 330):
        octets[9:11] = deviation.to_bytes(2, "big", signed=True)
        table = Answers([CLOCK, VOLTAGE], rows([(Tag.OCTET_STRING, bytes(octets)), long(1)])).read()
        at = table.rows[0].at
        assert at is not None
        assert utc_ms(at) == NOW_MS // 1000 * 1000


def test_a_stamp_that_is_none_is_a_value_with_an_error_and_the_row_has_no_time() -> None:
    table = Answers([CLOCK, VOLTAGE], rows([(Tag.OCTET_STRING, b"\xff" * 12), long(1)])).read()
    assert table.rows[0].at is None
    assert table.newest_ms is None
    assert [value.quality for value in table.rows[0].values] == [Quality.ERROR, Quality.GOOD]


def test_a_stretch_is_asked_for_by_the_clock_in_the_meter_s_zone() -> None:
    meter = Answers([CLOCK, VOLTAGE], rows())
    meter.read(Stretch(NOW_MS, NOW_MS + 3_600_000))
    assert meter.asked[-1].selection is not None
    meter = Answers([VOLTAGE], rows())
    meter.read(Stretch(NOW_MS, NOW_MS + 3_600_000))
    assert meter.asked[-1].selection is None, "without a clock there is nothing to select by"


@pytest.mark.parametrize(
    "captured",
    [long(5), (Tag.ARRAY, [long(5)]), (Tag.ARRAY, [(Tag.STRUCTURE, [])]), (Tag.ARRAY, [VOLTAGE.value()] * 257)],
)
def test_capture_objects_that_are_none_are_nonsense(captured: Value) -> None:
    meter = Answers([], rows())
    meter.answers[7, BLOCK, CAPTURE_OBJECTS] = captured
    with pytest.raises(NonsenseError, match="capture objects"):
        meter.read()


def test_a_buffer_that_is_no_array_is_nonsense_and_a_refusal_is_a_refusal() -> None:
    with pytest.raises(NonsenseError, match="no array of rows"):
        Answers([CLOCK], long(5)).read()
    with pytest.raises(RefusedError, match="refuses block_load"):
        Answers([CLOCK], DataAccessResult.READ_WRITE_DENIED).read()


def test_no_profile_of_that_name_is_a_sentence() -> None:
    profiles = Profiles(IST, None)
    with pytest.raises(RefusedError, match="there is no profile 'blok'; there are nameplate"):
        Driver(Clock(NOW_MS), lambda _request: None, memory_store()).run(profiles.read("blok"))
