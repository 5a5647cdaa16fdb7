"""`meter-gateway profile`: rows by time and by number, columns by name, as a table, CSV and JSON; compact data."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.desk import show
from gateway.exit_status import ExitStatus
from gateway.meter.profile_part import by_entry, choose, pick
from gateway.polling.reading import Column
from gateway.service.script import RefusedError
from protocols.dlms.value import Tag, Value
from protocols.message.reading import Quality, Row
from protocols.message.reading import Value as Published
from tests.gateway.desk.tool import beside
from tests.gateway.live import bench, client_48, dlms

HLS = ("--auth", "hls")
COLUMNS = tuple(
    Column(class_id, bytes((1, 0, group, 7, 0, 255)) if class_id == 3 else bytes((0, 0, 1, 0, 0, 255)), 2)
    for class_id, group in ((8, 0), (3, 12), (3, 11), (3, 14))
)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with bench(dlms()) as urls:
        yield client_48(urls["MB0001"])


async def rows(*arguments: str) -> list[dict[str, str]]:
    done = await beside("profile", *arguments, "--csv")
    assert done.exit_code == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


async def test_rows_and_columns_are_chosen_in_every_way_and_are_the_same(url: str) -> None:
    whole = await rows(url, "block_load", "--last", "6", *HLS)
    assert len(whole) == 6
    head = list(whole[0])
    assert head[0] == "at"
    assert all(name.endswith("]") for name in head[1:]), "every column of a load profile has a unit"
    wanted = [head[1], head[3]]
    names = ",".join(name.partition(" [")[0] for name in wanted)
    expected = [{name: row[name] for name in ("at", *wanted)} for row in whole]
    span = ("--from", whole[0]["at"], "--to", whole[-1]["at"])
    assert await rows(url, "block_load", "--last", "6", "--columns", names, *HLS) == expected
    assert await rows(url, "block_load", *span, "--columns", names, *HLS) == expected
    assert await rows(url, "block_load", *span, *HLS) == whole
    assert (await rows(url, "block_load", "--entries", "3355-3360", *HLS)) == whole
    assert all(row["at"].endswith("+05:30") for row in whole)
    table = await beside("profile", url, "block_load", "--last", "2", "--columns", names, *HLS)
    assert table.stdout.splitlines()[0].split("  ")[-1] == wanted[-1]
    assert len(table.stdout.splitlines()) == 3
    said = json.loads((await beside("profile", url, "block_load", "--last", "2", *HLS, "--json")).stdout)
    assert [row["at"] for row in said["rows"]] == [row["at"] for row in whole[-2:]]


WRONG_CHOICES = {
    ("--columns", "voltag"): (ExitStatus.SAID_NO, "'voltag' is no column of block_load; there are "),
    ("--entries", "9-3"): (ExitStatus.WRONG_USE, "rows are chosen as 1-10"),
    ("--entries", "1-3", "--last", "3"): (ExitStatus.WRONG_USE, "not by two of them"),
    ("--zone", "Asia/Calcuta"): (ExitStatus.WRONG_USE, "there is no such time zone"),
}


async def test_a_wrong_choice_is_one_sentence(url: str) -> None:
    for choice, (status, said) in WRONG_CHOICES.items():
        wrong = await beside("profile", url, "block_load", *choice, *HLS)
        assert (wrong.exit_code, wrong.stderr.count("\n")) == (status, 1), wrong.stderr
        assert said in wrong.stderr


async def test_compact_data_is_a_table_like_any_other() -> None:
    async with bench({"id": "EU0001", "model": "eu-three-phase", "listen": ["dlms+tcp://127.0.0.1:0"]}) as urls:
        url = urls["EU0001"][0].replace("client=16", "client=1")
        options = ("--auth", "lls", "--zone", "Europe/Berlin")
        (row,) = await rows(url, "62:0.0.66.0.1.255", *options)
        assert list(row) == ["at", "active_energy_import [Wh]", "active_energy_export [Wh]", "1.0.16.7.0.255 [W]"]
        registers = json.loads((await beside("read", url, "3:1.0.1.8.0.255", *options, "--json")).stdout)
        (energy,) = registers["rows"][0]["values"]
        assert energy["unit"] == "Wh"
        assert float(row["active_energy_import [Wh]"]) <= float(energy["value"])
        chosen = await rows(url, "62:0.0.66.0.1.255", "--columns", "1.0.16.7.0.255", *options)
        assert list(chosen[0]) == ["at", "1.0.16.7.0.255 [W]"]
        by_time = await beside("profile", url, "62:0.0.66.0.1.255", "--last", "1", *options)
        assert (by_time.exit_code, "no entries" in by_time.stderr) == (ExitStatus.SAID_NO, True)
        absent = await beside("profile", url, "62:0.0.66.0.9.255", *options)
        assert (absent.exit_code, "object-undefined" in absent.stderr) == (ExitStatus.SAID_NO, True)


async def test_progress_is_told_where_it_was_asked_for(url: str) -> None:
    quiet = await beside("profile", url, "block_load", "--last", "96", *HLS)
    assert quiet.stderr == ""
    told = await beside("profile", url, "block_load", "--last", "96", *HLS, "--progress")
    assert told.stderr.splitlines()[0].startswith("1 blocks, ")
    objects = await beside("objects", url, *HLS, "--progress", "--json")
    steps = [json.loads(line) for line in objects.stderr.splitlines()]
    assert [step["done"] for step in steps] == sorted({step["done"] for step in steps})
    assert len(json.loads(objects.stdout)) > 50
    read = await beside("read", url, "0.0.1.0.0.255", "0.0.96.1.0.255", *HLS, "--progress")
    assert "1 of 2 objects: 0.0.96.1.0.255" in read.stderr


# The parts alone


def test_columns_are_named_by_quantity_or_by_logical_name_and_the_clock_stays() -> None:
    assert choose("p", COLUMNS, ("1.0.14.7.0.255",), None) == (COLUMNS[0], COLUMNS[3])
    assert choose("p", COLUMNS, ("1.0.14.7.0.255:2", "voltage"), None) == (COLUMNS[0], COLUMNS[1], COLUMNS[3])
    assert choose("p", COLUMNS, (), None) == COLUMNS
    with pytest.raises(RefusedError, match="'x' is no column of p; there are voltage, "):
        choose("p", COLUMNS, ("voltage", "x"), None)


def test_what_lies_between_two_columns_is_dropped_and_a_broken_row_is_left() -> None:
    chosen = (COLUMNS[1], COLUMNS[3])
    sent, selection = by_entry(COLUMNS, chosen, (1, 0))
    assert sent == COLUMNS[1:]
    assert selection.selector == 2
    cells: list[Value] = [(Tag.LONG, number) for number in (1, 2, 3)]
    broken: Value = (Tag.STRUCTURE, cells[:1])
    assert pick([(Tag.STRUCTURE, cells), broken], sent, chosen) == [(Tag.STRUCTURE, [cells[0], cells[2]]), broken]


def value(name: str, text: str | None, reason: str | None = None) -> Published:
    quality = Quality.GOOD if reason is None else Quality.ERROR
    return Published(name=name, obis="1.0.12.7.0.255", value=text, unit="V", quality=quality, reason=reason)


@pytest.mark.parametrize("shown", [show.as_csv, lambda rows: "\n".join(show.as_table(rows))])
def test_a_broken_row_hides_no_column(shown: Callable[[Any], str]) -> None:
    broken = Row(values=(value("block_load", None, "a row of 1 values for 2 columns"),))
    whole = Row(values=(value("voltage", "230"), value("current", "5")))
    text = shown([broken, whole])
    assert "voltage [V]" in text.splitlines()[0]
    assert show.remarks([broken, whole, broken]) == ["block_load: a row of 1 values for 2 columns (2 rows)"]
    assert show.as_csv([]) == ""
