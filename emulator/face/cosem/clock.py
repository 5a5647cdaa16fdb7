"""Clock (class 8): what the meter's own clock says, set and adjusted, with the time zone of where it hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome, Reader
from emulator.face.cosem.stamp import ENCODED_UNDEFINED
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value, encode
from protocols.errors import RemoteProtocolError

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject

SHIFT_MAX_S: Final = 900
"""The furthest that shift_time moves the clock, either way (blue book, class 8)."""

QUARTER_MS: Final = 900_000
MINUTE_MS: Final = 60_000
CRYSTAL: Final = 1
"""clock_base: an internal crystal."""

_PRESET: Final = -5
"""Where a face remembers the parameter of preset_adjusting_time: under the method's number, negative."""


def clock(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of the clock."""
    stamp = maker.stamp
    preset = (cosem_object.class_id, cosem_object.logical_name.octets, _PRESET)

    def read_time(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        reading = face.meter.clock.reading(at_ms)
        return stamp.encode(reading.utc_ms, face.meter.clock.zone, reading.status)

    def read_zone(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return encode((int(Tag.LONG), stamp.zone_minutes(face.meter.clock.zone)))

    def read_status(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return encode((int(Tag.UNSIGNED), face.meter.clock.reading(at_ms).status))

    def write_time(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        if value[0] not in {Tag.OCTET_STRING, Tag.DATE_TIME}:
            return DataAccessResult.TYPE_UNMATCHED
        try:
            utc_ms = stamp.decode(value[1], face.meter.clock.zone)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED
        if utc_ms is None or not face.meter.clock.accepts(utc_ms):
            return DataAccessResult.OTHER_REASON
        face.meter.set_clock(at_ms, utc_ms)
        return DataAccessResult.SUCCESS

    readers: dict[int, bytes | Reader] = {
        2: read_time,
        3: read_zone,
        4: read_status,
        5: ENCODED_UNDEFINED,
        6: ENCODED_UNDEFINED,
        7: encode((int(Tag.INTEGER), 0)),
        8: encode((int(Tag.BOOLEAN), False)),
        9: encode((int(Tag.ENUM), CRYSTAL)),
    }
    methods: dict[int, Executor] = {
        1: _adjust_to(QUARTER_MS),
        2: _adjust_to_measuring_period,
        3: _adjust_to(MINUTE_MS),
        4: _adjust_to_preset(preset),
        5: _preset(preset),
        6: _shift,
    }
    return Behaviour(readers=readers, writers={2: write_time}, methods=methods)


def _adjust_to(step_ms: int) -> Executor:
    def execute(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
        face.meter.adjust_clock(at_ms, step_ms)
        return DONE

    return execute


def _adjust_to_measuring_period(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
    face.meter.adjust_clock(at_ms, face.meter.parameter("block_period_s") * 1000)
    return DONE


def _preset(key: tuple[int, bytes, int]) -> Executor:
    def execute(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        face.remember(key, encode(parameter))
        return DONE

    return execute


def _adjust_to_preset(key: tuple[int, bytes, int]) -> Executor:
    """Take the preset time if the clock is within its validity interval."""

    def execute(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
        preset = face.recall(key)
        if preset is None:
            return REFUSED
        zone = face.meter.clock.zone
        try:
            time, start, end = (face.plan.stamp.decode(octets, zone) for _, octets in preset[1])
        except RemoteProtocolError:
            return REFUSED
        now = face.meter.clock.reading(at_ms).utc_ms
        if time is None or (start is not None and now < start) or (end is not None and now > end):
            return REFUSED
        if not face.meter.clock.accepts(time):
            return REFUSED
        face.meter.set_clock(at_ms, time)
        return DONE

    return execute


def _shift(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
    seconds = parameter[1]
    if not -SHIFT_MAX_S <= seconds <= SHIFT_MAX_S:
        return REFUSED
    face.meter.shift_clock(at_ms, seconds * 1000)
    return DONE
