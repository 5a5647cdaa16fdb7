"""Compact data as a script: whatever a meter says of it is a table, a refusal, or nonsense that is named."""

from zoneinfo import ZoneInfo

import pytest

from gateway.meter.compact_data import compact_rows
from gateway.meter.dlms_profile import Profiles, obis
from gateway.meter.profile_part import WHOLE
from gateway.service.script import Ask, NonsenseError, RefusedError
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value

NAME = "0.0.66.0.1.255"
ENERGY = obis("1.0.1.8.0.255")
COLUMN: Value = (
    Tag.STRUCTURE,
    [(Tag.LONG_UNSIGNED, 3), (Tag.OCTET_STRING, ENERGY), (Tag.INTEGER, 2), (Tag.LONG_UNSIGNED, 0)],
)
RESTRICTED: Value = (Tag.STRUCTURE, [*COLUMN[1], (Tag.STRUCTURE, [(Tag.ENUM, 0), (Tag.NULL_DATA, None)])])
CAPTURED: Value = (Tag.ARRAY, [COLUMN])
IDENTIFIER: Value = (Tag.UNSIGNED, 1)
TEMPLATE: Value = (Tag.OCTET_STRING, bytes.fromhex("020106"))
BUFFER: Value = (Tag.OCTET_STRING, bytes.fromhex("01 00000007 00000008"))
SCALER: Value = (Tag.STRUCTURE, [(Tag.INTEGER, -3), (Tag.ENUM, 30)])


def rows(*answers: object) -> list[tuple[str | None, str | None]]:
    """Values and units of the rows that come of these four attributes; the scaler is known."""
    script = compact_rows(Profiles(ZoneInfo("Asia/Kolkata"), None), NAME, WHOLE, None)
    assert isinstance(next(script), Ask)
    try:
        script.send(list(answers))
        script.send([SCALER])
    except StopIteration as ended:
        return [(row.values[0].value, row.values[0].unit) for row in ended.value.rows]
    raise AssertionError("it asks for more")


@pytest.mark.parametrize("column", [COLUMN, RESTRICTED], ids=["version 0", "version 1"])
def test_every_row_has_its_unit(column: Value) -> None:
    assert rows((Tag.ARRAY, [column]), IDENTIFIER, TEMPLATE, BUFFER) == [("0.007", "Wh"), ("0.008", "Wh")]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((CAPTURED, IDENTIFIER, DataAccessResult.READ_WRITE_DENIED, BUFFER), RefusedError),
        ((CAPTURED, (Tag.UNSIGNED, 2), TEMPLATE, BUFFER), NonsenseError),
        ((CAPTURED, (Tag.ARRAY, []), TEMPLATE, BUFFER), NonsenseError),
        ((CAPTURED, (Tag.LONG, -1), TEMPLATE, BUFFER), NonsenseError),
        ((CAPTURED, IDENTIFIER, (Tag.UNSIGNED, 2), BUFFER), NonsenseError),
        ((CAPTURED, IDENTIFIER, TEMPLATE, (Tag.OCTET_STRING, b"\x01\x02")), NonsenseError),
        (((Tag.UNSIGNED, 1), IDENTIFIER, TEMPLATE, BUFFER), NonsenseError),
        (((Tag.ARRAY, [IDENTIFIER]), IDENTIFIER, TEMPLATE, BUFFER), NonsenseError),
    ],
)
def test_what_does_not_fit_is_named(answers: tuple[object, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        rows(*answers)
