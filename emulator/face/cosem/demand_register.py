"""Demand register (class 5): the last period's mean, and what the running one has come to so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour
from emulator.face.cosem.number import number_encoder
from protocols.dlms.value import NULL, Tag, encode
from protocols.model.cosem_object import CosemObject, Measured
from protocols.model.table import ModelError
from protocols.quantity import QUANTITIES

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection

ENERGIES: Final = {
    "demand_active_import": "active_energy_import",
    "demand_active_export": "active_energy_export",
    "demand_apparent": "apparent_energy_import",
    "demand_apparent_import": "apparent_energy_import",
    "demand_apparent_export": "apparent_energy_export",
}
"""The register that each demand is the slope of."""

HOUR_S: Final = 3600


def demand_register(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a demand register."""
    source = cosem_object.attributes.get(3)
    if not isinstance(source, Measured) or source.quantity not in ENERGIES:
        raise ModelError(f"{cosem_object.key}: quantity must be one of {', '.join(ENERGIES)}")
    energy = ENERGIES[source.quantity]
    encoder = number_encoder(QUANTITIES[source.quantity], source.type, cosem_object.scaler)
    periods = maker.demand_periods

    def read_current(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        # The mean that the period would have if nothing more were used: its energy so far over its whole length.
        elapsed_ms = _elapsed_ms(face, at_ms, periods)
        gained = face.meter.value(energy, at_ms) - face.meter.value(energy, at_ms - elapsed_ms)
        return encoder(max(gained, 0) * HOUR_S // (_period_s(face) * periods))

    def read_start(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return _stamp(face, at_ms, _elapsed_ms(face, at_ms, periods))

    return Behaviour(
        readers={
            2: read_current,
            5: encode(NULL),
            6: _read_capture_time,
            7: read_start,
            8: _read_period,
            9: encode((int(Tag.LONG_UNSIGNED), periods)),
        }
    )


def _period_s(face: CosemFace) -> int:
    return face.meter.parameter("demand_period_s")


def _elapsed_ms(face: CosemFace, at_ms: int, periods: int) -> int:
    """How long the measuring period has run; a sliding one began some periods ago."""
    period_ms = _period_s(face) * 1000
    return face.meter.clock.reading(at_ms).utc_ms % period_ms + (periods - 1) * period_ms


def _stamp(face: CosemFace, at_ms: int, ago_ms: int) -> bytes:
    return face.plan.stamp.encode(face.meter.clock.reading(at_ms).utc_ms - ago_ms, face.meter.clock.zone)


def _read_capture_time(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
    return _stamp(face, at_ms, _elapsed_ms(face, at_ms, 1))


def _read_period(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
    return encode((int(Tag.DOUBLE_LONG_UNSIGNED), _period_s(face)))
