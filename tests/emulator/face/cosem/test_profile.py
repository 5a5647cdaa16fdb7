"""Profiles are read whole, by range, by entry, with some columns, in every order."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.face.cosem.face import CosemFace
from protocols.dlms.date_time import DateTime, encode_utc_ms
from protocols.dlms.results import DataAccessResult
from protocols.dlms.selection import CaptureObject, EntryDescriptor, RangeDescriptor, Selection
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.model.loader import load, load_file
from tests.emulator.face.cosem.fake_meter import (
    MINUTE_MS,
    NOON_MS,
    Desk,
    FakeEvent,
    FakeHistory,
    FakeMeter,
    LinkTime,
    associate,
    desk,
)

BLOCK = bytes((1, 0, 99, 1, 0, 255))
VOLTAGE_LOG = bytes((0, 0, 99, 98, 0, 255))
CLOCK_COLUMN = CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2)
VOLTAGE_COLUMN = CaptureObject(3, bytes((1, 0, 12, 27, 0, 255)), 2)
INDIA_MINUTES = 330
QUARTER_MS = 15 * MINUTE_MS


@pytest.fixture
def d1() -> Desk:
    return desk(load("is15959-d1"))


def meter_of(each: Desk) -> FakeMeter:
    meter = each.face.meter
    assert isinstance(meter, FakeMeter)
    return meter


def read(each: Desk, instance: bytes, selection: Selection | None = None) -> list[list[Value]]:
    answer = each.face.get(each.association, 7, instance, 2, selection, each.now_us)
    assert isinstance(answer, bytes), answer
    return [row[1] for row in decode(answer)[1]]


def numbers(rows: list[list[Value]], column: int = 1) -> list[int]:
    """Which rows of the fake history these are: it counts them in its cells."""
    return [round(row[column][1]) for row in rows]


def stamp(utc_ms: int) -> Value:
    return int(Tag.OCTET_STRING), encode_utc_ms(utc_ms, -INDIA_MINUTES)


def within(from_ms: int, to_ms: int, columns: Sequence[CaptureObject] = ()) -> Selection:
    return RangeDescriptor(
        restricting_object=CLOCK_COLUMN,
        from_value=stamp(from_ms),
        to_value=stamp(to_ms),
        selected_values=columns,
    ).selection()


def entries(*bounds: int) -> Selection:
    return EntryDescriptor(
        from_entry=bounds[0], to_entry=bounds[1], from_selected_value=bounds[2], to_selected_value=bounds[3]
    ).selection()


def test_rows_are_stamped_in_local_time_and_hold_the_wire_types(d1: Desk) -> None:
    rows = read(d1, BLOCK)
    assert len(rows) == 10
    assert [tag for tag, _ in rows[0]] == [Tag.OCTET_STRING, *[Tag.FLOAT32] * 7]
    last = DateTime.decode(rows[-1][0][1])
    assert (last.time.hour, last.time.minute) == (12, 0)
    assert last.utc_ms() == NOON_MS
    assert numbers(rows) == list(range(1, 11))


@given(st.integers(-3, 14), st.integers(-3, 14))
def test_a_range_gives_the_rows_stamped_within_it(first: int, last: int) -> None:
    each = desk(load("is15959-d1"))
    history = meter_of(each).history
    rows = read(each, BLOCK, within(history.stamp(first), history.stamp(last)))
    assert numbers(rows) == [number for number in range(1, 11) if first <= number <= last]


@given(st.integers(1, 14), st.integers(0, 14), st.integers(1, 8), st.integers(0, 8))
def test_entries_and_columns_count_from_one_and_zero_is_the_last(
    first: int, last: int, first_column: int, last_column: int
) -> None:
    each = desk(load("is15959-d1"))
    selection = entries(first, last, first_column, last_column)
    answer = each.face.get(each.association, 7, BLOCK, 2, selection, each.now_us)
    if (last_column or 8) < first_column:
        assert answer is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        return
    whole = read(each, BLOCK)
    wanted = [row[first_column - 1 : last_column or 8] for row in whole[first - 1 : last or 10]]
    assert read(each, BLOCK, selection) == wanted


def test_a_range_may_name_its_columns_in_any_order(d1: Desk) -> None:
    rows = read(d1, BLOCK, within(0, NOON_MS, [VOLTAGE_COLUMN, CLOCK_COLUMN]))
    assert [tag for tag, _ in rows[0]] == [Tag.FLOAT32, Tag.OCTET_STRING]


def test_a_range_open_at_one_end_has_no_bound_there(d1: Desk) -> None:
    free = (int(Tag.OCTET_STRING), bytes.fromhex("FFFFFFFFFFFFFFFFFF8000FF"))
    from_noon = RangeDescriptor(restricting_object=CLOCK_COLUMN, from_value=stamp(NOON_MS), to_value=free)
    until_noon = RangeDescriptor(restricting_object=CLOCK_COLUMN, from_value=free, to_value=stamp(NOON_MS - QUARTER_MS))
    assert numbers(read(d1, BLOCK, from_noon.selection())) == [10]
    assert numbers(read(d1, BLOCK, until_noon.selection())) == list(range(1, 10))


@pytest.mark.parametrize("deviation", [-330, 330, -0x8000])
def test_the_meters_own_offset_is_understood_with_either_sign(d1: Desk, deviation: int) -> None:
    bound = (int(Tag.OCTET_STRING), encode_utc_ms(NOON_MS, -330, deviation_written=deviation))
    selection = RangeDescriptor(restricting_object=CLOCK_COLUMN, from_value=bound, to_value=bound).selection()
    assert numbers(read(d1, BLOCK, selection)) == [10]


def test_a_bound_in_another_zone_is_the_same_instant(d1: Desk) -> None:
    bound = (int(Tag.OCTET_STRING), encode_utc_ms(NOON_MS, 0))
    selection = RangeDescriptor(restricting_object=CLOCK_COLUMN, from_value=bound, to_value=bound).selection()
    assert numbers(read(d1, BLOCK, selection)) == [10]


def test_a_range_by_a_number_compares_what_is_on_the_wire(d1: Desk) -> None:
    selection = RangeDescriptor(
        restricting_object=VOLTAGE_COLUMN,
        from_value=(int(Tag.FLOAT32), 3.0),
        to_value=(int(Tag.FLOAT32), 5.5),
    ).selection()
    assert numbers(read(d1, BLOCK, selection)) == [3, 4, 5]


@pytest.mark.parametrize(
    ("profile", "first_column"),
    [
        ((0, 0, 94, 91, 10), CaptureObject(1, bytes((0, 0, 96, 1, 0, 255)), 2)),
        ((1, 0, 94, 91, 4), CaptureObject(3, bytes((1, 0, 12, 27, 0, 255)), 2)),
    ],
    ids=["nameplate", "scalers"],
)
def test_a_single_row_is_given_where_instants_stand_beside_a_column_without_time(
    d1: Desk, profile: tuple[int, ...], first_column: CaptureObject
) -> None:
    selection = RangeDescriptor(restricting_object=first_column, from_value=stamp(0), to_value=stamp(1 << 41))
    assert len(read(d1, bytes((*profile, 255)), selection.selection())) == 1


@pytest.mark.parametrize(
    ("selection", "result"),
    [
        (Selection(9, encode((Tag.NULL_DATA, None))), DataAccessResult.SCOPE_OF_ACCESS_VIOLATED),
        (Selection(1, encode((Tag.NULL_DATA, None))), DataAccessResult.TYPE_UNMATCHED),
        (Selection(2, b"\x02\x01"), DataAccessResult.TYPE_UNMATCHED),
        (entries(0, 1, 1, 1), DataAccessResult.SCOPE_OF_ACCESS_VIOLATED),
        (entries(1, 1, 1, 9), DataAccessResult.SCOPE_OF_ACCESS_VIOLATED),
        (within(0, NOON_MS, [CaptureObject(3, bytes(6), 2)]), DataAccessResult.SCOPE_OF_ACCESS_VIOLATED),
    ],
)
def test_what_cannot_be_selected_is_refused(d1: Desk, selection: Selection, result: DataAccessResult) -> None:
    assert d1.face.get(d1.association, 7, BLOCK, 2, selection, d1.now_us) is result


def test_capture_objects_tell_the_columns(d1: Desk) -> None:
    columns = d1.value("7:1.0.99.1.0.255", 3)[1]
    assert len(columns) == 8
    assert CaptureObject.from_value(columns[0]) == CLOCK_COLUMN
    assert CaptureObject.from_value(columns[1]) == VOLTAGE_COLUMN
    assert d1.value("7:1.0.99.1.0.255", 7) == (Tag.DOUBLE_LONG_UNSIGNED, 10)
    assert d1.value("7:1.0.99.1.0.255", 8) == (Tag.DOUBLE_LONG_UNSIGNED, 3360)
    assert d1.value("7:1.0.99.1.0.255", 5) == (Tag.ENUM, 1)


def test_a_scaler_profile_has_the_same_registers_in_the_same_order(d1: Desk) -> None:
    for profile, scalers in (
        ("1.0.94.91.0", "1.0.94.91.3"),
        ("1.0.99.1.0", "1.0.94.91.4"),
        ("1.0.98.1.0", "1.0.94.91.6"),
    ):
        captured = [CaptureObject.from_value(each) for each in d1.value(f"7:{profile}.255", 3)[1]]
        scaled = [CaptureObject.from_value(each) for each in d1.value(f"7:{scalers}.255", 3)[1]]
        registers = [each for each in captured if each.class_id in {3, 4} and each.attribute == 2]
        assert [(each.class_id, each.instance, 3) for each in registers] == [
            (each.class_id, each.instance, each.attribute) for each in scaled
        ]
        row = d1.value(f"7:{scalers}.255", 2)[1][0][1]
        for column, cell in zip(scaled, row, strict=True):
            name = ".".join(map(str, column.instance))
            if name != "1.0.84.6.0.255":  # the maker's own column is in no object list, but can be read
                assert d1.value(f"{column.class_id}:{name}", 3) == cell


def test_an_event_log_shows_code_and_what_was_captured_with_it(d1: Desk) -> None:
    values = {"voltage": 280_000, "active_energy_import": 5_000_000, "tamper_count": 3}
    meter_of(d1).event_log.events["voltage"] = [
        FakeEvent(NOON_MS - MINUTE_MS, 7, values, 1),
        FakeEvent(NOON_MS, 8, values, 2),
    ]
    rows = read(d1, VOLTAGE_LOG)
    assert [row[1] for row in rows] == [(Tag.LONG_UNSIGNED, 7), (Tag.LONG_UNSIGNED, 8)]
    assert rows[0][3] == (Tag.FLOAT32, 280.0)
    assert rows[0][2] == (Tag.NULL_DATA, None)
    assert rows[0][7] == (Tag.LONG_UNSIGNED, 3)
    assert d1.value("1:0.0.96.11.0.255", 2) == (Tag.LONG_UNSIGNED, 8)
    assert d1.value("1:0.0.96.15.0.255", 2) == (Tag.DOUBLE_LONG_UNSIGNED, 2)
    assert len(read(d1, VOLTAGE_LOG, within(NOON_MS, NOON_MS))) == 1
    assert read(d1, VOLTAGE_LOG, within(0, 1)) == []


ORDERED = """
base = "is15959-d1"
title = "another order"
[objects."7:1.0.99.1.0.255"]
sort_method = "{method}"
sort_object = "3:1.0.12.27.0.255:2"
"""


def ordered(tmp_path: Path, method: str) -> Desk:
    path = tmp_path / f"{method}.toml"
    path.write_text(ORDERED.format(method=method), encoding="utf-8")
    model = load_file(path)
    face = CosemFace(FakeMeter(model), model, LinkTime())
    return Desk(face, associate(face, 48))


@pytest.mark.parametrize(
    ("method", "order"),
    [
        ("fifo", range(1, 11)),
        ("lifo", range(10, 0, -1)),
        ("largest", range(10, 0, -1)),
        ("smallest", range(1, 11)),
        ("nearest_to_zero", range(1, 11)),
        ("furthest_from_zero", range(10, 0, -1)),
    ],
)
def test_every_sort_method_shows_its_order(tmp_path: Path, method: str, order: range) -> None:
    each = ordered(tmp_path, method)
    assert numbers(read(each, BLOCK)) == list(order)
    assert numbers(read(each, BLOCK, entries(2, 4, 1, 0))) == list(order)[1:4]
    history = meter_of(each).history
    chosen = [number for number in order if 3 <= number <= 6]
    assert numbers(read(each, BLOCK, within(history.stamp(3), history.stamp(6)))) == chosen
    by_number = RangeDescriptor(
        restricting_object=VOLTAGE_COLUMN, from_value=(int(Tag.FLOAT32), 3.0), to_value=(int(Tag.FLOAT32), 6.0)
    )
    assert numbers(read(each, BLOCK, by_number.selection())) == chosen


MIXED: Final = (3, -7, 0, 9, -1, 6, -4)
"""Numbers of both signs in the order of capture; no two are equally far from zero."""


class MixedHistory(FakeHistory):
    """A history whose every quantity is one of `MIXED`."""

    def rows(self, profile: str, at_ms: int, first: int, last: int, columns: Sequence[str]) -> list[tuple[int, ...]]:
        return [
            tuple(self.stamp(number) if column == "clock" else MIXED[number - 1] * 1000 for column in columns)
            for number in range(first, last + 1)
        ]


@pytest.mark.parametrize(
    ("number", "method", "order"),
    [
        (1, "fifo", MIXED),
        (2, "lifo", MIXED[::-1]),
        (3, "largest", (9, 6, 3, 0, -1, -4, -7)),
        (4, "smallest", (-7, -4, -1, 0, 3, 6, 9)),
        (5, "nearest_to_zero", (0, -1, 3, -4, 6, -7, 9)),
        (6, "furthest_from_zero", (9, -7, 6, -4, 3, -1, 0)),
    ],
)
def test_numbers_of_both_signs_stand_in_the_order_of_the_sort_method(
    tmp_path: Path, number: int, method: str, order: tuple[int, ...]
) -> None:
    each = ordered(tmp_path, method)
    meter_of(each).history = MixedHistory(kept=len(MIXED))
    assert [row[1][1] for row in read(each, BLOCK)] == [float(value) for value in order]
    assert each.value("7:1.0.99.1.0.255", 5) == (Tag.ENUM, number)
    assert CaptureObject.from_value(each.value("7:1.0.99.1.0.255", 6)) == VOLTAGE_COLUMN


def test_an_empty_profile_is_an_empty_array(d1: Desk) -> None:
    meter_of(d1).history.kept = 0
    assert read(d1, BLOCK) == []
    assert read(d1, BLOCK, entries(1, 0, 1, 0)) == []
    assert read(d1, BLOCK, within(0, NOON_MS)) == []


def test_the_integer_personality_sends_integers_with_negative_scalers() -> None:
    each = desk(load("is15959-d1-integer"))
    meter_of(each).values.update(voltage=230_126, current=1_234, power_factor=-987, active_energy_import=12_345_999)
    row = read(each, bytes((1, 0, 94, 91, 0, 255)))[0]
    assert row[1] == (Tag.LONG_UNSIGNED, 23_013)  # to the nearest hundredth of a volt
    assert row[2] == (Tag.LONG_UNSIGNED, 123)
    assert row[4] == (Tag.INTEGER, -99)
    assert row[8] == (Tag.DOUBLE_LONG_UNSIGNED, 12_345)  # a register is cut, not rounded
    scalers = each.value("7:1.0.94.91.3.255", 2)[1][0][1]
    assert scalers[0][1] == [(Tag.INTEGER, -2), (Tag.ENUM, 35)]
