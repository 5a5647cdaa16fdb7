"""Register activation (class 6) of a model: which registers a tariff may choose, and by which masks.

The activity calendar names a script of the tariffication script table, the script puts a mask of a register activation
object in force, and the mask says which of the object's registers count. Registers by tariff that no object is
assigned count while the tariff of their number is in force, and totals count always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from protocols.dlms.value import Tag, Value
from protocols.model.cosem_object import SCRIPT_TABLE, CosemObject, Fixed, Measured
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.cosem.obis import LogicalName

REGISTER_ACTIVATION: Final = 6
ASSIGNMENT, MASKS, ACTIVE_MASK = 2, 3, 4

TARIFFICATION_SCRIPTS: Final = bytes((0, 0, 10, 0, 100, 255))
"""The script table whose script n begins tariff n."""

TARIFFS: Final = 8

TARIFF_ENERGIES: Final = (
    "active_energy_import",
    "active_energy_export",
    "apparent_energy_import",
    "apparent_energy_export",
)
TARIFF_DEMANDS: Final = ("max_demand_active_import", "max_demand_apparent_import")

TARIFF_REGISTERS: Final = {
    f"{name}_t{tariff}": tariff for tariff in range(1, TARIFFS + 1) for name in (*TARIFF_ENERGIES, *TARIFF_DEMANDS)
}
"""What a mask can choose, by quantity, and the tariff whose number it bears."""

_WRITE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One register activation object.

    Attributes:
        logical_name: its name.
        registers: the quantities of the registers that it is assigned, in its order.
        masks: name and places of the registers that it chooses, counted from 1.
        scripts: tariff and the mask that its script puts in force.
    """

    logical_name: str
    registers: tuple[str, ...] = ()
    masks: tuple[tuple[str, tuple[int, ...]], ...] = ()
    scripts: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        for name, places in self.masks:
            if any(not 1 <= place <= len(self.registers) for place in places):
                raise ValueError(f"mask {name!r} names a register beyond the {len(self.registers)} assigned")

    def has(self, mask: str) -> bool:
        """Whether there is a mask of that name."""
        return any(name == mask for name, _ in self.masks)

    def chosen(self, mask: str) -> frozenset[str]:
        """The quantities that count while a mask is in force; none for a mask that there is not."""
        return frozenset(self.registers[place - 1] for name, places in self.masks if name == mask for place in places)

    def mask_of(self, tariff: int) -> str:
        """The mask that a tariff's script puts in force; empty where it has no script."""
        return dict(self.scripts).get(tariff, "")


def activations_of(objects: Mapping[tuple[int, LogicalName], CosemObject]) -> tuple[Activation, ...]:
    """The register activation objects of a model, as it leaves the works.

    Raises:
        ModelError: one is assigned what is no register by tariff, or a mask names a register that is not assigned.
    """
    return tuple(_activation(each, objects) for each in objects.values() if each.class_id == REGISTER_ACTIVATION)


def _activation(each: CosemObject, objects: Mapping[tuple[int, LogicalName], CosemObject]) -> Activation:
    registers: list[str] = []
    for definition in _fixed(each, ASSIGNMENT):
        quantity = tariff_register(definition, objects)
        if quantity is None:
            (_, class_id), (_, octets) = definition[1]
            name = ".".join(map(str, octets))
            raise ModelError(
                f"{each.key}: assigns {class_id}:{name}, which is no register by tariff of the model; one that shows a "
                "quantity such as active_energy_import_t1 is"
            )
        registers.append(quantity)
    scripts = next((_fixed(table, 2) for table in objects.values() if _is_tariffication(table)), [])
    try:
        return Activation(
            logical_name=str(each.logical_name),
            registers=tuple(registers),
            masks=masks_of(_fixed(each, MASKS)),
            scripts=scripts_for(each.logical_name.octets, scripts),
        )
    except ValueError as error:
        raise ModelError(f"{each.key}: {error}") from None


def _is_tariffication(table: CosemObject) -> bool:
    return table.class_id == SCRIPT_TABLE and table.logical_name.octets == TARIFFICATION_SCRIPTS


def _fixed(each: CosemObject, number: int) -> list[Value]:
    source = each.attributes.get(number)
    return source.value[1] if isinstance(source, Fixed) else []


def tariff_register(definition: Value, objects: Mapping[tuple[int, LogicalName], CosemObject]) -> str | None:
    """The quantity of the register by tariff that an object definition of the wire names; None where it names none."""
    (_, class_id), (_, octets) = definition[1]
    for (known, logical_name), each in objects.items():
        if known == class_id and logical_name.octets == octets:
            source = each.attributes.get(2)
            if isinstance(source, Measured) and source.quantity in TARIFF_REGISTERS:
                return source.quantity
    return None


def masks_of(mask_list: list[Value]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """A mask list as it is on the wire."""
    return tuple(
        (name.decode("latin-1"), tuple(place for _, place in places)) for _, ((_, name), (_, places)) in mask_list
    )


def scripts_for(activation: bytes, scripts: list[Value]) -> tuple[tuple[int, str], ...]:
    """The masks that scripts, as they are on the wire, put in force in one register activation object."""
    found: list[tuple[int, str]] = []
    for _, ((_, number), (_, actions)) in scripts:
        for _, ((_, service), (_, class_id), (_, instance), (_, attribute), (tag, mask)) in actions:
            writes = (service, class_id, instance, attribute)
            if writes == (_WRITE, REGISTER_ACTIVATION, activation, ACTIVE_MASK) and tag == Tag.OCTET_STRING:
                found.append((number, mask.decode("latin-1")))
    return tuple(found)
