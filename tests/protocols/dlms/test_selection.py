import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.selection import CaptureObject, EntryDescriptor, RangeDescriptor, Selection
from protocols.dlms.value import decode, encode
from protocols.errors import RemoteProtocolError
from tests.protocols.dlms.strategies import selections, values

_captures = st.builds(
    CaptureObject,
    st.integers(0, 65535),
    st.binary(min_size=6, max_size=6),
    st.integers(-128, 127),
    st.integers(0, 65535),
)
_entries = st.integers(0, (1 << 32) - 1)
_columns = st.integers(0, 65535)


@given(_captures, values(), values(), st.lists(_captures, max_size=3))
def test_a_range_survives(
    restricting: CaptureObject, start: tuple[int, object], end: tuple[int, object], columns: list[CaptureObject]
) -> None:
    wanted = RangeDescriptor(
        restricting_object=restricting, from_value=start, to_value=end, selected_values=tuple(columns)
    )
    assert RangeDescriptor.from_selection(wanted.selection()) == wanted


@given(_entries, _entries, _columns, _columns)
def test_entries_survive(start: int, end: int, first: int, last: int) -> None:
    wanted = EntryDescriptor(from_entry=start, to_entry=end, from_selected_value=first, to_selected_value=last)
    assert EntryDescriptor.from_selection(wanted.selection()) == wanted


@given(selections())
def test_any_selection_is_one_of_the_two_or_refused(selection: Selection) -> None:
    for kind in (RangeDescriptor, EntryDescriptor):
        with pytest.raises(RemoteProtocolError):
            kind.from_selection(selection)


@pytest.mark.parametrize(
    "parameter",
    [
        b"",
        b"\x00",
        b"\x02\x00",
        encode((2, [(6, 1), (6, 2), (18, 1)])),
        encode((2, [(18, 1), (6, 2), (18, 1), (18, 0)])),
    ],
)
def test_what_describes_no_rows_is_refused(parameter: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        RangeDescriptor.from_selection(Selection(1, parameter))
    with pytest.raises(RemoteProtocolError):
        EntryDescriptor.from_selection(Selection(2, parameter))


def test_a_selector_of_another_kind_is_refused() -> None:
    entries = EntryDescriptor().selection()
    with pytest.raises(RemoteProtocolError, match="not a range"):
        RangeDescriptor.from_selection(entries)
    with pytest.raises(RemoteProtocolError, match="not an entry"):
        EntryDescriptor.from_selection(Selection(1, entries.parameter))


def test_a_capture_object_needs_a_logical_name_of_six_octets() -> None:
    good = CaptureObject(3, bytes(6), 2).value()
    assert CaptureObject.from_value(decode(encode(good))) == CaptureObject(3, bytes(6), 2)
    with pytest.raises(RemoteProtocolError):
        CaptureObject.from_value((2, [(18, 3), (9, bytes(5)), (15, 2), (18, 0)]))
    for attribute, index in (((18, 200), (18, 0)), ((3, True), (18, 0)), ((15, 2), (6, 1 << 20))):
        with pytest.raises(RemoteProtocolError):
            CaptureObject.from_value((2, [(18, 3), (9, bytes(6)), attribute, index]))
