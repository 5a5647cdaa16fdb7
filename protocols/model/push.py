"""What a push setup of a model sends, element by element: the same list for the meter, the gateway and the tests.

The payload is flat and known by position alone, so whoever reads it has to know this list.
"""

from collections.abc import Mapping

from protocols.cosem.obis import LogicalName
from protocols.model.cosem_object import PROFILE_GENERIC, PUSH_SETUP, Capture, CosemObject, PushOptions
from protocols.model.meter_model import MeterModel

Objects = Mapping[tuple[int, LogicalName], CosemObject]


def elements(push: PushOptions, objects: Objects) -> tuple[Capture, ...]:
    """The elements of a payload, in order."""
    row = objects.get((PROFILE_GENERIC, push.row)) if push.row is not None else None
    columns = row.profile.capture if row is not None and row.profile is not None else ()
    return (*push.capture, *(each for each in columns if each not in push.capture))


def setups(model: MeterModel) -> dict[bytes, CosemObject]:
    """The push setups of a model by the octets of their logical name."""
    return {
        each.logical_name.octets: each
        for (class_id, _), each in model.objects.items()
        if class_id == PUSH_SETUP and each.push is not None
    }
