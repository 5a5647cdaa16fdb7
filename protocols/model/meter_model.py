"""A meter model: everything that is alike in all meters of one make, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.cosem.obis import LogicalName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.dlms.quirk import Quirks
    from protocols.modbus.register_map import RegisterMap
    from protocols.model.association import ModelAssociation
    from protocols.model.cosem_object import CosemObject
    from protocols.model.identity import Identity
    from protocols.model.physics import Physics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeterModel:
    """One model; shared by every meter of it, so it is compared and hashed by identity.

    Attributes:
        id: its name, which is its file's; also what a bench file says.
        title: a few words for people.
        base: the model it was made from, or None.
        identity: who its meters say they are.
        physics: supply, relay, limiter, profiles, events, clock, tariff and power failure.
        associations: by client SAP; empty where the model speaks no DLMS.
        objects: its COSEM objects by (class id, logical name), in the order of the object list.
        modbus: its registers and their maker's limits, or None where the model speaks no Modbus.
        quirks: what its maker does differently from the standard.
        sources: what the short names of sources in its rows stand for.
    """

    id: str
    title: str
    base: str | None
    identity: Identity
    physics: Physics
    associations: Mapping[int, ModelAssociation]
    objects: Mapping[tuple[int, LogicalName], CosemObject]
    modbus: RegisterMap | None
    quirks: Quirks
    sources: Mapping[str, str]

    def object(self, class_id: int, name: str) -> CosemObject | None:
        """The object of that class and dotted name, or None."""
        return self.objects.get((class_id, LogicalName.parse(name)))
