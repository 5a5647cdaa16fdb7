"""The object list of a DLMS association: what is there, of which class, and what we may do with it."""

from typing import Any, Final, NamedTuple

from gateway.meter.dlms_profile import Get, obis
from gateway.polling.reading import Column, name_of
from gateway.service.script import Ask, NonsenseError, RefusedError, Script
from protocols.cosem.catalogue import find
from protocols.cosem.obis import LogicalName
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag

CLASS_ID_MAX: Final = 0xFFFF
ATTRIBUTES: Final = range(-128, 128)

ASSOCIATION_LN, ASSOCIATION_SN = 15, 12
CURRENT_ASSOCIATION: Final = obis("0.0.40.0.0.255")


class Listed(NamedTuple):
    """One object of the list."""

    class_id: int
    version: int
    obis: str

    @property
    def title(self) -> str:
        """The class's name and what the object measures, as far as they are known."""
        interface = find(self.class_id, self.version)
        title = interface.name if interface is not None else f"class {self.class_id}"
        name = name_of(Column(self.class_id, LogicalName.parse(self.obis).octets, 2))
        return title if name == self.obis else f"{title}, {name}"


def object_list() -> Script[list[Listed]]:
    """Read the list of the association that stands."""
    outcome = yield Ask(Get(ASSOCIATION_LN, CURRENT_ASSOCIATION, 2))
    if outcome is DataAccessResult.OBJECT_UNDEFINED:
        outcome = yield Ask(Get(ASSOCIATION_SN, CURRENT_ASSOCIATION, 2))
    if isinstance(outcome, DataAccessResult):
        raise RefusedError(f"the meter does not show its object list: {outcome.title}")
    if outcome[0] != Tag.ARRAY:
        raise NonsenseError("the meter's object list is no array")
    return [_listed(each) for each in outcome[1]]


def _listed(element: Any) -> Listed:
    match element:
        case (Tag.STRUCTURE, [(_, int(class_id)), (_, int(version)), (_, bytes(name)), *_]) if len(name) == 6:
            return Listed(class_id, version, str(LogicalName(name)))
        case (Tag.STRUCTURE, [_, (_, int(class_id)), (_, int(version)), (_, bytes(name)), *_]) if len(name) == 6:
            return Listed(class_id, version, str(LogicalName(name)))  # with its short name before it
    raise NonsenseError("an entry of the meter's object list can't be read")


class Target(NamedTuple):
    """An attribute as a person names it: `1.0.1.8.0.255`, `3:1.0.1.8.0.255` or `3:1.0.1.8.0.255:2`."""

    class_id: int | None
    obis: str
    attribute: int

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read it.

        Raises:
            ValueError: it is none.
        """
        parts = text.split(":")
        class_id, attribute = None, 2
        if len(parts) > 1 and parts[0].isdecimal():
            class_id = int(parts.pop(0))
        if len(parts) > 1 and parts[-1].lstrip("-").isdecimal():
            attribute = int(parts.pop())
        if (class_id or 0) > CLASS_ID_MAX:
            raise ValueError(f"{text!r}: a class is 0 to {CLASS_ID_MAX}")
        if attribute not in ATTRIBUTES:
            raise ValueError(f"{text!r}: an attribute is {ATTRIBUTES[0]} to {ATTRIBUTES[-1]}")
        return cls(class_id, str(LogicalName.parse(":".join(parts))), attribute)
