"""Push setups as a client sees them: what may be written, and what is pushed then."""

from typing import Any

import pytest

from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value
from tests.emulator.living import (
    DAY_MS,
    HOUR_MS,
    INSTANT,
    START_MS,
    Living,
    array,
    enum,
    octet,
    octets,
    structure,
)

POWER, ROWS = "0.4.25.9.0.255", "0.0.25.9.0.255"
DEVICE, CLOCK, TARIFF, REGISTER = "0.0.42.0.0.255", "0.0.1.0.0.255", "0.0.13.0.0.255", "1.0.1.8.0.255"


def european() -> Living:
    return Living("eu-three-phase", "EU1", client=1)


def number(tag: Tag, content: int) -> Value:
    return int(tag), content


def element(class_id: int, name: str, attribute: int, data_index: int = 0, *more: Value) -> Value:
    return structure(
        number(Tag.LONG_UNSIGNED, class_id),
        octet(octets(name)),
        number(Tag.INTEGER, attribute),
        number(Tag.LONG_UNSIGNED, data_index),
        *(more or (structure(enum(0), (int(Tag.NULL_DATA), None)), array())),
    )


def pushed(living: Living, setup: str) -> list[Any]:
    assert living.act(40, setup, 1) is ActionResult.SUCCESS
    [sent] = living.go(living.now_ms + 1000)
    return sent.values


def test_what_is_pushed_is_what_was_written() -> None:
    living = european()
    living.direct(POWER)
    wanted = array(element(3, REGISTER, 2), element(8, CLOCK, 2), element(3, REGISTER, 3, 2), element(1, DEVICE, 2))
    assert living.set(40, POWER, 2, wanted) is DataAccessResult.SUCCESS
    assert living.get(40, POWER, 2) == wanted[1]
    register, clock, unit, device = pushed(living, POWER)
    assert register == living.get(3, REGISTER, 2)
    assert len(clock) == 12
    assert unit == 30
    assert device == living.get(1, DEVICE, 2)


def test_an_index_behind_the_value_pushes_null() -> None:
    living = european()
    living.direct(POWER)
    assert living.set(40, POWER, 2, array(element(3, REGISTER, 3, 3))) is DataAccessResult.SUCCESS
    assert pushed(living, POWER) == [None]


@pytest.mark.parametrize(
    "wrong",
    [
        element(3, "1.0.99.99.9.255", 2),
        element(3, REGISTER, 9),
        element(99, REGISTER, 2),
        element(3, REGISTER, 2, 0, structure(enum(1), structure(octet(b""), octet(b""))), array()),
        element(3, REGISTER, 2, 0, structure(enum(0), (int(Tag.NULL_DATA), None)), array(number(Tag.LONG_UNSIGNED, 1))),
    ],
)
def test_a_list_of_what_the_meter_does_not_have_is_refused_whole(wrong: Value) -> None:
    living = european()
    before = living.get(40, POWER, 2)
    result = living.set(40, POWER, 2, array(element(8, CLOCK, 2), wrong))
    assert result in {DataAccessResult.OTHER_REASON, DataAccessResult.TYPE_UNMATCHED}
    assert living.get(40, POWER, 2) == before


def test_a_list_without_end_is_refused() -> None:
    living = european()
    assert living.set(40, POWER, 2, array(*[element(8, CLOCK, 2)] * 129)) is not DataAccessResult.SUCCESS


def window(start: DateTime, end: DateTime) -> Value:
    return structure(octet(start.encode()), octet(end.encode()))


def test_a_push_waits_for_its_window() -> None:
    living = Living()
    living.direct(INSTANT)
    at_two = window(DateTime(Date(), Time(2, 0, 0, 0)), DateTime(Date(), Time(3, 0, 0, 0)))
    assert living.set(40, INSTANT, 4, array(at_two)) is DataAccessResult.SUCCESS
    assert living.act(40, INSTANT, 1) is ActionResult.SUCCESS
    [sent] = living.go(START_MS + DAY_MS)
    assert sent.at_ms == START_MS + 2 * HOUR_MS


def test_windows_that_are_none_and_too_many_are_refused() -> None:
    living = Living()
    often = window(DateTime(Date(), Time(2, 0, 0, 0)), DateTime(Date(), Time(3, 0, 0, 0)))
    assert living.set(40, INSTANT, 4, array(*[often] * 17)) is not DataAccessResult.SUCCESS
    assert living.set(40, INSTANT, 4, array(structure(octet(bytes(12)), octet(b"")))) is not DataAccessResult.SUCCESS
    assert living.get(40, INSTANT, 4) == []
    assert living.set(40, INSTANT, 4, array(*[often] * 16)) is DataAccessResult.SUCCESS


def test_a_confirmed_push_is_sent_again_until_it_is_confirmed_and_then_says_when() -> None:
    living = european()
    living.direct(POWER)
    assert living.set(40, POWER, 6, number(Tag.UNSIGNED, 2)) is DataAccessResult.SUCCESS
    delay = structure(*(number(Tag.LONG_UNSIGNED, each) for each in (10, 200, 25)))
    assert living.set(40, POWER, 7, delay) is DataAccessResult.SUCCESS
    living.deliver = False
    assert living.act(40, POWER, 1) is ActionResult.SUCCESS
    sent = living.go(START_MS + HOUR_MS)
    assert [(each.at_ms - START_MS) // 1000 for each in sent] == [0, 10, 30]
    assert {each.push.confirmed for each in sent} == {True}
    before = living.get(40, POWER, 13)
    living.deliver = True
    assert pushed(living, POWER)
    confirmed = living.get(40, POWER, 13)
    assert confirmed != before
    assert living.act(40, POWER, 2) is ActionResult.SUCCESS
    assert living.get(40, POWER, 13) == before


def test_an_unconfirmed_method_and_a_client_are_taken_from_the_setup() -> None:
    living = european()
    living.direct(POWER)
    assert living.set(40, POWER, 11, enum(0)) is DataAccessResult.SUCCESS
    assert living.act(40, POWER, 1) is ActionResult.SUCCESS
    [sent] = living.go(START_MS + 1000)
    assert (sent.push.confirmed, sent.push.client) == (False, 102)


def test_what_was_written_is_still_there_after_a_restart_of_the_program() -> None:
    notes: dict[str, str] = {}
    first = Living()
    first.face.keep(notes, notes.__setitem__)
    first.direct(INSTANT, random_s=7)
    second = Living()
    second.face.keep(dict(notes), notes.__setitem__)
    assert second.get(40, INSTANT, 3) == first.get(40, INSTANT, 3)
    second.errands.plan()
    assert second.act(40, INSTANT, 1) is ActionResult.SUCCESS
    [sent] = second.go(START_MS + 8000)
    assert sent.push.destination == b"127.0.0.1:4059"
