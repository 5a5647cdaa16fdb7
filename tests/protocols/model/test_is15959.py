"""The columns of IS 15959 meters, written down a second time from the exported meters: order, types, scalers, units."""

import pytest

from protocols.cosem.obis import LogicalName
from protocols.cosem.unit import unit_symbol
from protocols.model.cosem_object import CosemObject, Fixed, Measured
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel

D1_INSTANTANEOUS = """
8:0.0.1.0.0:2 -
3:1.0.12.7.0:2 float32 0 V
3:1.0.11.7.0:2 float32 0 A
3:1.0.91.7.0:2 float32 0 A
3:1.0.13.7.0:2 float32 0
3:1.0.14.7.0:2 float32 0 Hz
3:1.0.9.7.0:2 float32 3 VA
3:1.0.1.7.0:2 float32 3 W
3:1.0.1.8.0:2 float32 3 Wh
3:1.0.9.8.0:2 float32 3 VAh
4:1.0.1.6.0:2 float32 3 W
4:1.0.1.6.0:5 -
4:1.0.9.6.0:2 float32 3 VA
4:1.0.9.6.0:5 -
3:0.0.94.91.14:2 double-long-unsigned 0 min
1:0.0.94.91.0:2 long-unsigned
1:0.0.0.1.0:2 double-long-unsigned
1:0.0.96.2.0:2 long-unsigned
3:1.0.2.8.0:2 float32 3 Wh
3:1.0.10.8.0:2 float32 3 VAh
70:0.0.96.3.10:2 boolean
71:0.0.17.0.0:3 float32
"""

D2_INSTANTANEOUS = """
8:0.0.1.0.0:2 -
3:1.0.31.7.0:2 float32 0 A
3:1.0.51.7.0:2 float32 0 A
3:1.0.71.7.0:2 float32 0 A
3:1.0.32.7.0:2 float32 0 V
3:1.0.52.7.0:2 float32 0 V
3:1.0.72.7.0:2 float32 0 V
3:1.0.33.7.0:2 float32 0
3:1.0.53.7.0:2 float32 0
3:1.0.73.7.0:2 float32 0
3:1.0.13.7.0:2 float32 0
3:1.0.14.7.0:2 float32 0 Hz
3:1.0.9.7.0:2 float32 3 VA
3:1.0.1.7.0:2 float32 3 W
3:1.0.3.7.0:2 float32 3 var
1:0.0.96.7.0:2 long-unsigned
3:0.0.94.91.8:2 double-long-unsigned 0 min
1:0.0.94.91.0:2 long-unsigned
1:0.0.0.1.0:2 double-long-unsigned
1:0.0.96.2.0:2 long-unsigned
3:0.0.0.1.2:2 -
3:1.0.1.8.0:2 float32 3 Wh
3:1.0.2.8.0:2 float32 3 Wh
3:1.0.9.8.0:2 float32 3 VAh
3:1.0.10.8.0:2 float32 3 VAh
4:1.0.1.6.0:2 float32 3 W
4:1.0.1.6.0:5 -
4:1.0.9.6.0:2 float32 3 VA
4:1.0.9.6.0:5 -
70:0.0.96.3.10:2 boolean
71:0.0.17.0.0:3 float32
3:1.0.5.8.0:2 float32 3 varh
3:1.0.6.8.0:2 float32 3 varh
3:1.0.7.8.0:2 float32 3 varh
3:1.0.8.8.0:2 float32 3 varh
"""

D1_BLOCK = """
8:0.0.1.0.0:2 -
3:1.0.12.27.0:2 float32 0 V
3:1.0.1.29.0:2 float32 3 Wh
3:1.0.9.29.0:2 float32 3 VAh
3:1.0.2.29.0:2 float32 3 Wh
3:1.0.10.29.0:2 float32 3 VAh
3:1.0.11.27.0:2 float32 0 A
3:1.0.91.27.0:2 float32 0 A
"""

D2_BLOCK = """
8:0.0.1.0.0:2 -
3:1.0.31.27.0:2 float32 0 A
3:1.0.51.27.0:2 float32 0 A
3:1.0.71.27.0:2 float32 0 A
3:1.0.32.27.0:2 float32 0 V
3:1.0.52.27.0:2 float32 0 V
3:1.0.72.27.0:2 float32 0 V
3:1.0.1.29.0:2 float32 3 Wh
3:1.0.9.29.0:2 float32 3 VAh
3:1.0.2.29.0:2 float32 3 Wh
3:1.0.10.29.0:2 float32 3 VAh
1:0.0.96.10.1:2 double-long-unsigned
3:1.0.13.27.0:2 float32 0
"""

DAILY = """
8:0.0.1.0.0:2 -
3:1.0.1.8.0:2 float32 3 Wh
3:1.0.9.8.0:2 float32 3 VAh
3:1.0.2.8.0:2 float32 3 Wh
3:1.0.10.8.0:2 float32 3 VAh
"""

INTEGER_INSTANTANEOUS = """
8:0.0.1.0.0:2 -
3:1.0.12.7.0:2 long-unsigned -2 V
3:1.0.11.7.0:2 long-unsigned -2 A
3:1.0.91.7.0:2 long-unsigned -2 A
3:1.0.13.7.0:2 integer -2
3:1.0.14.7.0:2 long-unsigned -2 Hz
3:1.0.9.7.0:2 double-long-unsigned 0 VA
3:1.0.1.7.0:2 double-long 0 W
3:1.0.1.8.0:2 double-long-unsigned 0 Wh
3:1.0.9.8.0:2 double-long-unsigned 0 VAh
"""


def written(model: MeterModel, profile: str) -> list[str]:
    """The columns of a profile in the notation above."""
    each = model.object(7, f"{profile}.255")
    assert each is not None
    assert each.profile is not None
    lines = []
    for capture in each.profile.capture:
        captured = model.objects[capture.class_id, capture.logical_name]
        name = str(capture.logical_name).removesuffix(".255")
        lines.append(f"{capture.class_id}:{name}:{capture.attribute} {_wire(captured, capture.attribute)}".strip())
    return lines


def _wire(captured: CosemObject, number: int) -> str:
    source = captured.attributes.get(number)
    if captured.class_id == 8 or (isinstance(source, Measured) and str(source.type) == "octet-date-time"):
        return "-"
    kind = "" if source is None or isinstance(source, Fixed) else str(source.type)
    if captured.class_id not in {3, 4}:
        return kind
    return f"{kind} {captured.scaler} {unit_symbol(captured.unit)}".strip()


def expected(table: str) -> list[str]:
    return table.strip().splitlines()


@pytest.mark.parametrize(
    ("model_id", "profile", "table"),
    [
        ("is15959-d1", "1.0.94.91.0", D1_INSTANTANEOUS),
        ("is15959-d2", "1.0.94.91.0", D2_INSTANTANEOUS),
        ("is15959-d1", "1.0.99.1.0", D1_BLOCK),
        ("is15959-d2", "1.0.99.1.0", D2_BLOCK),
        ("is15959-d1", "1.0.99.2.0", DAILY),
        ("is15959-d2", "1.0.99.2.0", DAILY),
    ],
)
def test_columns_are_those_of_the_exported_meter(model_id: str, profile: str, table: str) -> None:
    assert written(load(model_id), profile) == expected(table)


def test_the_integer_personality_has_the_types_and_scalers_of_other_makers() -> None:
    lines = expected(INTEGER_INSTANTANEOUS)
    assert written(load("is15959-d1-integer"), "1.0.94.91.0")[: len(lines)] == lines


def test_a_bill_of_d1_has_its_columns_in_order() -> None:
    zones = [f"3:1.0.{quantity}.8.{zone}" for quantity in (1, 9) for zone in range(9)]
    maxima = ["4:1.0.1.6.0:2", "4:1.0.1.6.0:5", "4:1.0.9.6.0:2", "4:1.0.9.6.0:5", "3:0.0.94.91.13:2"]
    export = ["3:1.0.2.8.0:2", "3:1.0.10.8.0:2", "4:1.0.2.6.0:2", "4:1.0.2.6.0:5", "4:1.0.10.6.0:2", "4:1.0.10.6.0:5"]
    columns = [line.split()[0] for line in written(load("is15959-d1"), "1.0.98.1.0")]
    assert columns == [
        "3:0.0.0.1.2:2",
        "3:1.0.13.0.0:2",
        *(f"{each}:2" for each in zones),
        *maxima,
        *export,
        "4:1.0.84.6.0:2",
    ]


def test_a_bill_of_d2_has_its_columns_in_order() -> None:
    energies = [f"3:1.0.{quantity}.8.{zone}:2" for quantity in (1, 2, 9, 10) for zone in range(9)]

    def maxima(quantity: int, zones: int) -> list[str]:
        return [f"4:1.0.{quantity}.6.{zone}:{attribute}" for zone in range(zones) for attribute in (2, 5)]

    columns = [line.split()[0] for line in written(load("is15959-d2"), "1.0.98.1.0")]
    assert columns == [
        "3:0.0.0.1.2:2",
        "3:1.0.13.0.0:2",
        *energies,
        *maxima(1, 9),
        *maxima(2, 1),
        *maxima(9, 9),
        *maxima(10, 1),
        "3:0.0.94.91.13:2",
        *(f"3:1.0.{quantity}.8.0:2" for quantity in (5, 6, 7, 8)),
        "3:1.0.84.0.0:2",
    ]


def test_the_makers_own_column_is_captured_but_not_listed() -> None:
    own = load("is15959-d1").object(4, "1.0.84.6.0.255")
    assert own is not None
    assert not own.listed


def test_event_logs_have_their_profile_code_and_sequence_objects() -> None:
    for model in (load("is15959-d1"), load("is15959-d2")):
        for number in range(7):
            assert (7, LogicalName(bytes((0, 0, 99, 98, number, 255)))) in model.objects
            assert (1, LogicalName(bytes((0, 0, 96, 11, number, 255)))) in model.objects
            assert (1, LogicalName(bytes((0, 0, 96, 15, number, 255)))) in model.objects
