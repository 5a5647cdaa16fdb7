"""A meter model: everything that is alike in all meters of one make, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from protocols.cosem.obis import LogicalName
from protocols.model.cosem_object import Fixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.dlms.quirk import Quirks
    from protocols.modbus.register_map import RegisterMap
    from protocols.model.association import ModelAssociation
    from protocols.model.cosem_object import CosemObject
    from protocols.model.identity import Identity
    from protocols.model.physics import Physics

SECURITY_SETUP: Final = 64
SUITE_ATTRIBUTE: Final = 3


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

    def security_suite(self, client: int) -> int:
        """The suite of a client's association: what the security setup that it refers to says, else 0."""
        name = self.associations[client].security_setup
        setup = None if name is None else self.objects.get((SECURITY_SETUP, name))
        source = None if setup is None else setup.attributes.get(SUITE_ATTRIBUTE)
        return int(source.value[1]) if isinstance(source, Fixed) else 0

    def object(self, class_id: int, name: str) -> CosemObject | None:
        """The object of that class and dotted name, or None."""
        return self.objects.get((class_id, LogicalName.parse(name)))
