"""Disconnect control (class 70): its two methods; the attributes are quantities and a parameter of the meter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.face.cosem.behaviour import Behaviour, Outcome, outcome

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.value import Value
    from protocols.model.cosem_object import CosemObject


def _disconnect(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
    return outcome(face.meter.relay.remote_disconnect(at_ms))


def _reconnect(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
    return outcome(face.meter.relay.remote_reconnect(at_ms))


def disconnect_control(_cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of the load switch."""
    return Behaviour(methods={1: _disconnect, 2: _reconnect})
