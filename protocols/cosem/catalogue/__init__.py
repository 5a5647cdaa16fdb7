"""Every interface class we know, as one table by class id and version.

A class that is not here is carried all the same: an object of it has the attributes that its model writes down.
"""

from typing import Final

from protocols.cosem.catalogue import access, communication, control, measurement, payment
from protocols.cosem.interface_class import InterfaceClass

CATALOGUE: Final[dict[tuple[int, int], InterfaceClass]] = {
    (each.class_id, each.version): each
    for each in sorted(
        (
            *measurement.CLASSES,
            *control.CLASSES,
            *access.CLASSES,
            *communication.CLASSES,
            *payment.CLASSES,
        ),
        key=lambda each: (each.class_id, each.version),
    )
}
"""By (class id, version)."""

VERSIONS: Final[dict[int, tuple[int, ...]]] = {
    class_id: tuple(version for known, version in CATALOGUE if known == class_id) for class_id, _ in CATALOGUE
}
"""The versions in the catalogue of each class id, rising."""


def find(class_id: int, version: int | None = None) -> InterfaceClass | None:
    """The class in that version, or in its newest one; None where the catalogue does not have it."""
    if version is None:
        versions = VERSIONS.get(class_id)
        if versions is None:
            return None
        version = versions[-1]
    return CATALOGUE.get((class_id, version))
