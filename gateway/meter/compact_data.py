"""Compact data (class 62) as a table: what is captured, the template, and the buffer that lies as the template says."""

from typing import Any, Final

from gateway.meter.dlms_profile import Get, GetMany, Profiles, columns_of, obis
from gateway.meter.profile_part import Part, choose, pick
from gateway.meter.scripts import Table
from gateway.service.script import Ask, NonsenseError, RefusedError, Script
from protocols.cosem.compact_data import rows_of
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value
from protocols.errors import RemoteProtocolError
from protocols.model.meter_model import MeterModel

COMPACT_DATA: Final = 62
BUFFER, CAPTURE_OBJECTS, TEMPLATE_ID, TEMPLATE = 2, 3, 4, 5
TEMPLATE_ID_MAX: Final = 0xFF
CAPTURE_MEMBERS: Final = 4
"""Class, logical name, attribute and index; a restriction may follow, and says nothing of where a value lies."""


def compact_rows(profiles: Profiles, instance: str, part: Part, model: MeterModel | None) -> Script[Table]:
    """The rows of a compact data object, by its logical name."""
    attributes = (CAPTURE_OBJECTS, TEMPLATE_ID, TEMPLATE, BUFFER)
    gets = tuple(Get(COMPACT_DATA, obis(instance), each) for each in attributes)
    outcomes = yield Ask(GetMany(gets))
    for outcome in outcomes:
        if isinstance(outcome, DataAccessResult):
            raise RefusedError(f"the meter refuses {COMPACT_DATA}:{instance}: {outcome.title}")
    captured, (_, template_id), template, buffer = outcomes
    if not isinstance(template_id, int) or not 0 <= template_id <= TEMPLATE_ID_MAX:
        raise NonsenseError("the meter's template id is no octet")
    columns = columns_of(_without_restrictions(captured))
    try:
        rows = rows_of(_octets(buffer), _octets(template), template_id)
    except RemoteProtocolError as error:
        raise NonsenseError(f"the meter's compact data can't be read: {error}") from None
    chosen = choose(instance, columns, part.columns, model)
    yield from profiles.fill_scalers(None, chosen)
    return profiles.table(instance, chosen, pick(rows, columns, chosen))


def _without_restrictions(captured: Value) -> Value:
    tag, entries = captured
    if not isinstance(entries, list):
        raise NonsenseError("the meter's capture objects are no array")
    return tag, [
        (kind, members[:CAPTURE_MEMBERS] if isinstance(members, list) else members) for kind, members in entries
    ]


def _octets(value: Any) -> bytes:
    tag, octets = value
    if tag != Tag.OCTET_STRING:
        raise NonsenseError("the meter's compact data is no octet-string")
    return bytes(octets)
