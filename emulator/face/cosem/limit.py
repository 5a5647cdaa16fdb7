"""Limiter (class 71): its emergency profile; thresholds and durations are parameters of the meter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.face.cosem.behaviour import Behaviour
from emulator.limiter import EmergencyProfile
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value, encode, structure
from protocols.errors import RemoteProtocolError

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject


def limiter(_cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of the limiter."""
    stamp = maker.stamp

    def read_profile(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        group, activation_ms, duration_s = face.meter.limiter.emergency or EmergencyProfile(0, 0, 0)
        return structure(
            [
                encode((int(Tag.LONG_UNSIGNED), group)),
                stamp.encode(activation_ms, face.meter.clock.zone),
                encode((int(Tag.DOUBLE_LONG_UNSIGNED), duration_s)),
            ]
        )

    return Behaviour(
        readers={8: read_profile, 9: _read_groups, 10: _read_active},
        writers={8: _write_profile, 9: _write_groups},
    )


def _read_groups(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
    groups = [(int(Tag.LONG_UNSIGNED), group) for group in face.meter.limiter.groups]
    return encode((int(Tag.ARRAY), groups))


def _read_active(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
    face.meter.advance(at_ms)
    return encode((int(Tag.BOOLEAN), face.meter.limiter.emergency_active))


def _write_profile(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
    (_, group), (_, octets), (_, duration_s) = value[1]
    try:
        activation_ms = face.plan.stamp.decode(octets, face.meter.clock.zone)
    except RemoteProtocolError:
        return DataAccessResult.TYPE_UNMATCHED
    profile = None if activation_ms is None else EmergencyProfile(group, activation_ms, duration_s)
    face.meter.set_emergency(at_ms, profile, face.meter.limiter.groups)
    return DataAccessResult.SUCCESS


def _write_groups(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
    face.meter.set_emergency(at_ms, face.meter.limiter.emergency, tuple(group for _, group in value[1]))
    return DataAccessResult.SUCCESS
