"""States of a meter that are no quantities and that objects show by name: `state = "last_event:voltage"` in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.event.event_log import LOGS
from emulator.face.cosem.number import word_encoder
from emulator.face.cosem.payment.mirror import payment_state
from protocols.dlms.date_time import LAST_DAY, SECOND_LAST_DAY, Date, Time
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value, array, encode, octet_string, structure
from protocols.errors import RemoteProtocolError
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.behaviour import Reader, Writer
    from emulator.face.cosem.face import CosemFace
    from protocols.cosem.data_type import DataType
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection

SERVER_SAP: Final = 1
"""The management logical device, the only one of our meters."""

DAYS_MAX: Final = 31
"""A billing day behind a month's end is the month's last."""

_PAYMENT: Final = "payment"


def state_reader(name: str, kind: DataType) -> Reader:
    """How a named state is read.

    Args:
        name: a word, some with a part of it after a colon.
        kind: the type that it is written as.

    Raises:
        ModelError: there is no such state.
    """
    word, _, part = name.partition(":")
    if word == _PAYMENT:
        return payment_state(part, kind)
    if not _part_is_known(word, part):
        raise ModelError(f"state is {name!r}; after the colon stands a client, or a log: {', '.join(LOGS)}")
    if word in _NUMBERS:
        return _number_reader(_NUMBERS[word], part, kind)
    if word in _ENCODED:
        return _encoded_reader(_ENCODED[word])
    known = ", ".join(sorted((*_NUMBERS, *_ENCODED, _PAYMENT)))
    raise ModelError(f"state is {name!r}; it must be one of {known}")


def _part_is_known(word: str, part: str) -> bool:
    match word:
        case "invocation_counter":
            return part.isdecimal()
        case "last_event" | "event_sequence":
            return part in LOGS
    return True


def state_writer(name: str) -> Writer | None:
    """How a named state is written, where it can be."""
    return _write_billing_schedule if name == "billing_schedule" else None


def _number_reader(show: Callable[[CosemFace, str, int], int], part: str, kind: DataType) -> Reader:
    encoder = word_encoder(kind)

    def read(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return encoder(show(face, part, at_ms))

    return read


def _encoded_reader(show: Callable[[CosemFace], bytes]) -> Reader:
    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return show(face)

    return read


def _status_word(face: CosemFace, _part: str, at_ms: int) -> int:
    return face.meter.event_status_word(at_ms)


def _invocation_counter(face: CosemFace, client: str, _at_ms: int) -> int:
    return face.invocation_counter(int(client))


def _last_event(face: CosemFace, log: str, at_ms: int) -> int:
    return face.last_event(log, at_ms)[0]


def _event_sequence(face: CosemFace, log: str, at_ms: int) -> int:
    return face.last_event(log, at_ms)[1]


def _billing_periods(face: CosemFace, _part: str, at_ms: int) -> int:
    # The last entry of the billing profile is the period that still runs.
    return max(face.meter.history.entries("billing", at_ms) - 1, 0)


_NUMBERS: Final[dict[str, Callable[[CosemFace, str, int], int]]] = {
    "billing_periods": _billing_periods,
    "event_sequence": _event_sequence,
    "event_status_word": _status_word,
    "invocation_counter": _invocation_counter,
    "last_event": _last_event,
}


def _mac_address(face: CosemFace) -> bytes:
    return octet_string(face.plan.model.identity.mac_address(face.meter.id))


def _sap_list(face: CosemFace) -> bytes:
    """The one logical device there is."""
    name = face.plan.model.identity.logical_device_name(face.meter.id)
    return array([structure([encode((int(Tag.LONG_UNSIGNED), SERVER_SAP)), octet_string(name.encode())])])


def _billing_schedule(face: CosemFace) -> bytes:
    """The one time at which billing periods end, each month; none where nothing is scheduled."""
    day, hour = face.meter.parameter("billing_day"), face.meter.parameter("billing_hour")
    if not day:
        return array([])
    return array([structure([octet_string(Time(hour, 0, 0, 0).encode()), octet_string(Date(day=day).encode())])])


_ENCODED: Final[dict[str, Callable[[CosemFace], bytes]]] = {
    "billing_schedule": _billing_schedule,
    "mac_address": _mac_address,
    "sap_list": _sap_list,
}


def _write_billing_schedule(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
    entries = value[1]
    if len(entries) > 1:
        return DataAccessResult.OTHER_REASON
    meter = face.meter
    day, hour = 0, meter.parameter("billing_hour")
    try:
        for (_, time), (_, date) in (entry[1] for entry in entries):
            day, of_day = Date.decode(date).day or 0, Time.decode(time)
            hour = of_day.hour or 0
            if of_day.minute or of_day.second:
                return DataAccessResult.OTHER_REASON  # periods end on the hour
    except RemoteProtocolError:
        return DataAccessResult.TYPE_UNMATCHED
    if day in {LAST_DAY, SECOND_LAST_DAY}:
        day = DAYS_MAX
    moved = hour != meter.parameter("billing_hour")
    if moved and not meter.configure("billing_hour", hour, at_ms):
        return DataAccessResult.OTHER_REASON
    if moved and day == meter.parameter("billing_day"):
        return DataAccessResult.SUCCESS
    done = meter.configure("billing_day", day, at_ms)
    return DataAccessResult.SUCCESS if done else DataAccessResult.OTHER_REASON
