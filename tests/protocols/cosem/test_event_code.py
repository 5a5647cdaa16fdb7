"""Event codes: begun and over have their names, and the meter means the same by them."""

from emulator.event.condition import CONDITIONS
from emulator.event.event_log import Code
from protocols.cosem.event_code import PAIRS, SINGLES, event_name


def test_what_begins_is_over_with_the_next_code() -> None:
    assert [event_name(code) for code in (7, 8, 101, 102)] == [
        "over_voltage", "over_voltage_over", "power_failure", "power_failure_over",
    ]  # fmt: skip
    assert event_name(889) == "event_889"


def test_no_code_has_two_meanings() -> None:
    overs = {code + 1 for code in PAIRS}
    assert not overs & set(PAIRS)
    assert not (overs | set(PAIRS)) & set(SINGLES)


def test_every_code_that_the_emulated_meter_logs_has_a_name_save_the_makers_own() -> None:
    codes = {condition.occurrence for condition in CONDITIONS}
    codes |= {value for name, value in vars(Code).items() if name.isupper()}
    assert {code for code in codes if event_name(code).startswith("event_")} == {
        Code.APPARENT_LAG, Code.APPARENT_LAG_LEAD, 253,
    }  # fmt: skip
