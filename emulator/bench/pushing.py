"""A bench file's `push = { to = ... }`: what a head-end would have written into push setups and schedules."""

from typing import Final

from emulator.bench.file import PushSection
from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.push_setup import DELAY, DESTINATION, METHOD, RANDOM, RETRIES, RETRY_WITHOUT_CONFIRMATION
from emulator.face.cosem.schedule import EXECUTION_TIME, SINGLE_ACTION_SCHEDULE
from protocols.cosem.obis import LogicalName
from protocols.dlms.date_time import Date, Time
from protocols.dlms.value import Tag, Value, encode
from protocols.model.cosem_object import PUSH_SETUP, CosemObject, Fixed
from protocols.model.meter_model import MeterModel
from protocols.model.push import setups

PUSH_SCHEDULE: Final = LogicalName.parse("0.0.15.0.4.255").octets

CONFIRMING: Final = 2
"""The version of class 40 from which on pushes can be confirmed."""

UNCONFIRMED: Final = 0
"""push_operation_method."""

_APDU: Final = 0
"""message: an xDLMS APDU, encoded in A-XDR."""


def check_push(model: MeterModel, push: PushSection) -> None:
    """See that a model can push as a bench file wants it.

    Raises:
        ValueError: it can't; one sentence that says why.
    """
    found = setups(model).values()
    if not found:
        raise ValueError(f"push: model {model.id} has no push setups")
    if push.confirmed and any(each.version < CONFIRMING for each in found):
        raise ValueError(f"push.confirmed: the push setups of model {model.id} are older than version {CONFIRMING}")
    if push.every and (SINGLE_ACTION_SCHEDULE, LogicalName(PUSH_SCHEDULE)) not in model.objects:
        raise ValueError(f"push.every: model {model.id} has no push schedule {LogicalName(PUSH_SCHEDULE)}")


def direct(face: CosemFace, push: PushSection) -> None:
    """Let all push setups of a meter send to one place."""
    service, place = push.place_of(push.to)
    destination = [(int(Tag.ENUM), int(service)), (int(Tag.OCTET_STRING), place), (int(Tag.ENUM), _APDU)]
    values: dict[int, Value] = {DESTINATION: (int(Tag.STRUCTURE), destination)}
    if push.random is not None:
        values[RANDOM] = (int(Tag.LONG_UNSIGNED), push.random)
    if push.retries is not None:
        values[RETRIES] = (int(Tag.UNSIGNED), push.retries)
    for octets, setup in face.plan.pushes.items():
        for number, value in values.items():
            face.begin_with((PUSH_SETUP, octets, number), encode(value))
        if push.repetition is not None:
            face.begin_with((PUSH_SETUP, octets, DELAY), encode(_repetition(setup, push.repetition)))
        if push.confirmed is not None and setup.version >= CONFIRMING:
            method = RETRY_WITHOUT_CONFIRMATION if push.confirmed else UNCONFIRMED
            face.begin_with((PUSH_SETUP, octets, METHOD), encode((int(Tag.ENUM), method)))
    if push.every:
        face.begin_with((SINGLE_ACTION_SCHEDULE, PUSH_SCHEDULE, EXECUTION_TIME), encode(_times(push.every)))


def _repetition(setup: CosemObject, first_s: int) -> Value:
    """Attribute 7: one number, or from version 2 on the first of three; the model's growth and bound stay."""
    first = int(Tag.LONG_UNSIGNED), first_s
    source = setup.attributes[DELAY]
    if setup.version < CONFIRMING or not isinstance(source, Fixed):
        return first
    return int(Tag.STRUCTURE), [first, *source.value[1][1:]]


def _times(every_s: int) -> Value:
    """Each so many seconds, as execution times of a single action schedule."""
    if every_s < 3600:
        times = [Time(None, minute, 0, 0) for minute in range(0, 60, every_s // 60)]
    else:
        times = [Time(hour, 0, 0, 0) for hour in range(0, 24, every_s // 3600)]
    any_day = (int(Tag.OCTET_STRING), Date().encode())
    return int(Tag.ARRAY), [(int(Tag.STRUCTURE), [(int(Tag.OCTET_STRING), each.encode()), any_day]) for each in times]
