"""Recorded loads: reproduced to the watt-hour, with everything odd in the file handled and named."""

import gzip
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.load import load_from_table
from emulator.load.recorded import RecordedLoad, Recording, read_recording, recording
from emulator.timing.zone import zone
from tests.emulator.meters import DAY_MS, START_MS, make

IST = timezone(timedelta(hours=5, minutes=30))
QUARTER_MS = 900_000


def lines(values: list[int], begin_ms: int = START_MS, step_ms: int = QUARTER_MS) -> list[str]:
    starts = [datetime.fromtimestamp((begin_ms + index * step_ms) / 1000, IST) for index in range(len(values))]
    return ["start,wh", *(f"{start.isoformat()},{wh}" for start, wh in zip(starts, values, strict=True))]


def read(text: list[str]) -> Recording:
    return recording(text, "test.csv")


@given(values=st.lists(st.integers(0, 3000), min_size=2, max_size=200))
def test_registers_reproduce_every_interval_to_the_watt_hour(values: list[int]) -> None:
    meter = make({"physics": {"register_resolution_mwh": 1000}}, load=RecordedLoad(read(lines(values))))
    before = meter.value("active_energy_import", START_MS)
    for index, wh in enumerate(values):
        after = meter.value("active_energy_import", START_MS + (index + 1) * QUARTER_MS)
        assert after - before == wh * 1000
        before = after


@given(values=st.lists(st.integers(-3000, 5000), min_size=1, max_size=60), split=st.integers(0, 60 * QUARTER_MS))
def test_any_split_of_time_gives_the_same_energy(values: list[int], split: int) -> None:
    load = RecordedLoad(read(lines(values)))
    end_ms = START_MS + 61 * QUARTER_MS
    whole = load.cumulative(end_ms)
    assert whole[0] == sum(max(0, wh) for wh in values) * 3_600_000
    assert whole[1] == sum(max(0, -wh) for wh in values) * 3_600_000
    middle = load.cumulative(START_MS + split)
    assert all(low <= value <= high for low, value, high in zip((0,) * 8, middle, whole, strict=True))


def test_power_is_even_over_the_interval() -> None:
    load = RecordedLoad(read(lines([250, 500])))
    assert load.power(START_MS).active_mw == load.power(START_MS + QUARTER_MS - 1).active_mw == 1_000_000
    assert load.power(START_MS + QUARTER_MS).active_mw == 2_000_000
    assert load.power(START_MS - 1) == load.power(START_MS + 2 * QUARTER_MS) == (0, 0, 0)


def test_a_gap_has_no_load_and_is_named() -> None:
    text = lines([100, 100, 100])
    late = lines([100], START_MS + 10 * QUARTER_MS)[1]
    load = RecordedLoad(read([*text, late]))
    assert load.power(START_MS + 5 * QUARTER_MS).active_mw == 0
    assert any("line 4: a gap of 1:45:00" in note for note in load.recording.notes)
    assert load.next_change(START_MS + 4 * QUARTER_MS) == START_MS + 10 * QUARTER_MS


def test_an_overlap_keeps_its_energy_and_is_named() -> None:
    text = [*lines([100, 100, 100]), *lines([60], START_MS + 2 * QUARTER_MS + 300_000)[1:]]
    load = RecordedLoad(read(text))
    assert load.cumulative(START_MS + DAY_MS)[0] == 360 * 3_600_000
    assert any("line 4: overlaps" in note for note in load.recording.notes)


def test_the_same_start_twice_is_added_and_named() -> None:
    text = [*lines([100, 100]), lines([7])[1]]
    load = RecordedLoad(read(text))
    assert load.cumulative(START_MS + QUARTER_MS)[0] == 107 * 3_600_000
    assert any("added" in note for note in load.recording.notes)
    assert any("put in order" in note for note in load.recording.notes)


def test_negative_values_are_fed_and_named() -> None:
    load = RecordedLoad(read(lines([100, -40, 20])))
    assert load.cumulative(START_MS + DAY_MS)[:2] == (120 * 3_600_000, 40 * 3_600_000)
    assert any("negative" in note for note in load.recording.notes)


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    text = [
        "start,wh",
        "2024-10-27T01:00:00+02:00,10",
        "2024-10-27T02:00:00+02:00,20",
        "2024-10-27T02:00:00+01:00,30",
        "2024-10-27T03:00:00+01:00,40",
    ]
    found = read(text)
    assert [later - earlier for earlier, later in zip(found.starts, found.starts[1:], strict=False)] == [3_600_000] * 3
    assert any("daylight saving" in note for note in found.notes)


def test_decimals_and_a_byte_order_mark_and_gzip_are_read(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    text = "start,wh\r\n2024-10-28T00:00:00+05:30,12.345\r\n\r\n2024-10-28T00:15:00+05:30,1e2\r\n"
    plain.write_text(text, encoding="utf-8-sig")
    packed.write_bytes(gzip.compress(text.encode()))
    assert read_recording(plain).milli_wh == read_recording(packed).milli_wh == (12_345, 100_000)
    load = load_from_table(
        {"recorded": "a.csv.gz", "power_factor": 0.9},
        seed=1,
        meter_id="A",
        phases=1,
        zone=zone("Asia/Kolkata"),
        directory=tmp_path,
    )
    assert load.cumulative(START_MS + DAY_MS)[2] > load.cumulative(START_MS + DAY_MS)[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (["time,kwh"], "header start,wh"),
        ([], "header start,wh"),
        (["start,wh"], "no interval"),
        (["start,wh", "yesterday,5"], "line 2: start 'yesterday'"),
        (["start,wh", "2024-10-28T00:00:00,5"], "no offset"),
        (["start,wh", "2024-10-28T00:00:00Z,many"], "line 2: wh 'many'"),
        (["start,wh", "2024-10-28T00:00:00Z,NaN"], "line 2: wh 'NaN'"),
        (["start,wh", "2024-10-28T00:00:00Z,1.23456"], "three decimals"),
        (["start,wh", "2024-10-28T00:00:00Z,1,2"], "3 columns"),
        (["start,wh", "2024-10-28T00:00:00Z,1e999999"], "line 2: wh '1e999999': at most"),
        (["start,wh", "2024-10-28T00:00:00Z,-1000000001"], "at most 1000000000 watt-hours"),
        (["start,wh", '2024-10-28T00:00:00Z,"12', "5"], "line 3 has 1 columns"),
        (["start;wh", "2024-10-28T00:00:00Z;12"], "line 1 is 'start;wh'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(text)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(ValueError, match="not a CSV"):
        read_recording(path)
    path.write_bytes(b"\x1f\x8bnot gzip at all")
    with pytest.raises(ValueError, match="not a CSV"):
        read_recording(path)


def test_a_file_that_is_missing_damaged_or_one_endless_line_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none.csv: can't be read \(No such file"):
        read_recording(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"can't be read \(Is a directory"):
        read_recording(tmp_path)
    path = tmp_path / "load.csv.gz"
    rows = [f"2024-10-{1 + hour // 24:02}T{hour % 24:02}:00:00Z,{hour}" for hour in range(700)]
    whole = bytearray(gzip.compress("\n".join(["start,wh", *rows]).encode()))
    for place in range(20, len(whole), 97):
        damaged = bytes(whole[:place]) + bytes((whole[place] ^ 0xFF,)) + bytes(whole[place + 1 :])
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"load.csv.gz"):
            read_recording(path)
    path.write_bytes(gzip.compress(b"start,wh\n" + b"0" * 50_000_000))
    with pytest.raises(ValueError, match="line 2 has more than 200 characters"):
        read_recording(path)


def test_blank_lines_and_quotes_do_not_shift_the_line_that_is_told() -> None:
    with pytest.raises(ValueError, match="line 5: start"):
        read(['"start","wh"', "", '"2024-10-28T00:00:00Z","5"', "", "no,6"])


def test_notes_are_bounded() -> None:
    text = ["start,wh", *(f"2024-10-28T{hour:02}:{minute:02}:00Z,1" for hour in range(24) for minute in (0, 1, 30))]
    assert len(read(text).notes) <= 101
