"""A bench file's `push = { to = ... }`: what a head-end would have written into push setups and schedules."""

from typing import Final

from emulator.bench.file import PushSection
from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.push_setup import DELAY, DESTINATION, RANDOM, RETRIES
from emulator.face.cosem.schedule import EXECUTION_TIME, SINGLE_ACTION_SCHEDULE
from protocols.cosem.obis import LogicalName
from protocols.dlms.date_time import Date, Time
from protocols.dlms.value import Tag, Value, encode
from protocols.model.cosem_object import PUSH_SETUP

PUSH_SCHEDULE: Final = LogicalName.parse("0.0.15.0.4.255").octets

_APDU: Final = 0
"""message: an xDLMS APDU, encoded in A-XDR."""


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
        if push.repetition is not None and setup.version < 2:
            face.begin_with((PUSH_SETUP, octets, DELAY), encode((int(Tag.LONG_UNSIGNED), push.repetition)))
    if push.every:
        face.begin_with((SINGLE_ACTION_SCHEDULE, PUSH_SCHEDULE, EXECUTION_TIME), encode(_times(push.every)))


def _times(every_s: int) -> Value:
    """Each so many seconds, as execution times of a single action schedule."""
    if every_s < 3600:
        times = [Time(None, minute, 0, 0) for minute in range(0, 60, every_s // 60)]
    else:
        times = [Time(hour, 0, 0, 0) for hour in range(0, 24, every_s // 3600)]
    any_day = (int(Tag.OCTET_STRING), Date().encode())
    return int(Tag.ARRAY), [(int(Tag.STRUCTURE), [(int(Tag.OCTET_STRING), each.encode()), any_day]) for each in times]
