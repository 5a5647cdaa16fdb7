"""Push setup (class 40): what a push sends, where to and when; the pushing itself is `emulator.errand.push`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.errand.push import PushSettings
from emulator.face.cosem.behaviour import DONE, INSIDE, REFUSED, Behaviour, Executor, Outcome, Reader, keeping, outcome
from emulator.line.destination import possible
from emulator.timing.recurrence import Window
from protocols.cosem.obis import LogicalName
from protocols.dlms.date_time import DateTime
from protocols.dlms.selection import EntryDescriptor
from protocols.dlms.value import NULL, Tag, Value, array, encode, octet_string, split, structure
from protocols.errors import RemoteProtocolError
from protocols.model.cosem_object import PROFILE_GENERIC, PUSH_SETUP, Capture, CosemObject
from protocols.model.push import elements
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.results import DataAccessResult
    from protocols.dlms.selection import Selection

OBJECT_LIST, DESTINATION, WINDOWS, RANDOM, RETRIES, DELAY, CLIENT, METHOD, CONFIRMED_AT = 2, 3, 4, 5, 6, 7, 9, 11, 13
"""Attributes, those behind `CLIENT` from versions 1 and 2 on."""

CLIENT_DEFAULT: Final = 64
"""The push client of Indian meters."""

RETRY_WITHOUT_CONFIRMATION: Final = 2
"""push_operation_method: confirmed, and tried again where no confirmation comes."""

ELEMENTS_MAX: Final = 128
"""What a client may have pushed: the longest list of our models, a three-phase bill, has 70."""

WINDOWS_MAX: Final = 16
"""Communication windows of one setup; each costs a search through the calendar."""

_NULL: Final = encode(NULL)
_UNRESTRICTED: Final = (structure([encode((int(Tag.ENUM), 0)), _NULL]), array([]))
"""Restriction and columns of an element of the object list, from version 2 on."""


def push_setup(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a push setup."""
    if cosem_object.push is None:
        raise ModelError(f"{cosem_object.key}: a push setup needs push, its first elements")
    works = elements(cosem_object.push, maker.objects)
    octets = cosem_object.logical_name.octets
    readers: dict[int, Reader] = {OBJECT_LIST: _read_list(cosem_object, works)}
    if cosem_object.version > 1:
        readers[CONFIRMED_AT] = _read_confirmed_at(octets, maker)
    writers = {
        OBJECT_LIST: keeping(cosem_object, OBJECT_LIST, _list_possible),
        DESTINATION: keeping(cosem_object, DESTINATION, _destination_possible),
        WINDOWS: keeping(cosem_object, WINDOWS, _windows_possible),
    }

    def push(face: CosemFace, at_ms: int, _parameter: Value, _association: Association) -> Outcome:
        return REFUSED if face.push is None else outcome(face.push(octets, at_ms))

    def reset(face: CosemFace, _at_ms: int, _parameter: Value, _association: Association) -> Outcome:
        face.confirmed_ms.pop(octets, None)
        return DONE

    methods: dict[int, Executor] = {1: push, 2: reset} if cosem_object.version > 1 else {1: push}
    return Behaviour(readers=dict(readers), writers=writers, methods=methods)


# What a setup says


def settings_of(face: CosemFace, cosem_object: CosemObject) -> PushSettings:
    """What a push setup says now."""
    _, ((_, service), (_, destination), _) = face.held(cosem_object, DESTINATION)
    _, windows = face.held(cosem_object, WINDOWS)
    delay = face.held(cosem_object, DELAY)
    first, exponent, most = (each for _, each in delay[1]) if delay[0] == Tag.STRUCTURE else (delay[1], 100, 0xFFFF)
    later = cosem_object.version > 1
    return PushSettings(
        service=service,
        destination=destination,
        windows=tuple(_window(each) for each in windows),
        random_ms=face.held(cosem_object, RANDOM)[1] * 1000,
        retries=face.held(cosem_object, RETRIES)[1],
        delay_s=first,
        delay_exponent=exponent,
        delay_max_s=most,
        confirmed=later and face.held(cosem_object, METHOD)[1] == RETRY_WITHOUT_CONFIRMATION,
        client=face.held(cosem_object, CLIENT)[1] if cosem_object.version else CLIENT_DEFAULT,
    )


def has_destination(face: CosemFace, cosem_object: CosemObject) -> bool:
    """Whether a push setup is to push at all."""
    return bool(face.held(cosem_object, DESTINATION)[1][1][1])


def _window(value: Value) -> Window:
    (_, start), (_, end) = value[1]
    return Window.of(DateTime.decode(start), DateTime.decode(end))


# What may be written


def _destination_possible(_face: CosemFace, members: list[Value], _association: Association) -> bool:
    """A place that can be dialled, or none."""
    (_, service), (_, destination), _ = members
    return possible(service, destination)


def _windows_possible(_face: CosemFace, windows: list[Value], _association: Association) -> bool:
    try:
        return len([_window(each) for each in windows]) <= WINDOWS_MAX
    except RemoteProtocolError:
        return False


def _list_possible(face: CosemFace, elements: list[Value], association: Association) -> bool:
    """Attributes that this client may read; without restrictions, which none of our profiles needs."""
    known = face.plan.view_of(association).readers
    return len(elements) <= ELEMENTS_MAX and all(
        (each[1][0][1], each[1][1][1], each[1][2][1]) in known and not any(map(_restricts, each[1][4:]))
        for each in elements
    )


def _restricts(member: Value) -> bool:
    """Whether a restriction, or a list of columns, says anything."""
    content = member[1]
    return bool(content) if member[0] == Tag.ARRAY else bool(content[0][1])


def _read_confirmed_at(octets: bytes, maker: Maker) -> Reader:
    stamp = maker.stamp

    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        clock = face.meter.clock
        confirmed_ms = face.confirmed_ms.get(octets)
        return stamp.encode_date_time(0 if confirmed_ms is None else clock.reading(confirmed_ms).utc_ms, clock.zone)

    return read


# What is sent


def payload(face: CosemFace, cosem_object: CosemObject, at_ms: int) -> bytes:
    """The body of a push: a flat structure, known by position."""
    push = cosem_object.push
    captures = _captures(face, cosem_object)
    row = {} if push is None or push.row is None else newest_row(face, push.row, at_ms)
    return structure([row.get(each) or _cell(face, each, at_ms) for each in captures])


def _captures(face: CosemFace, cosem_object: CosemObject) -> Sequence[Capture]:
    written = face.recall((PUSH_SETUP, cosem_object.logical_name.octets, OBJECT_LIST))
    if written is not None:
        return [_capture(each) for each in written[1]]
    return () if cosem_object.push is None else elements(cosem_object.push, face.plan.model.objects)


def _capture(element: Value) -> Capture:
    (_, class_id), (_, octets), (_, attribute), (_, data_index) = element[1][:4]
    return Capture(class_id, LogicalName(octets), attribute, data_index)


def _cell(face: CosemFace, capture: Capture, at_ms: int) -> bytes:
    source = face.plan.inside.readers.get((capture.class_id, capture.logical_name.octets, capture.attribute))
    value = source if source is None or isinstance(source, bytes) else source(face, at_ms, None, INSIDE)
    if not isinstance(value, bytes):
        return _NULL
    if not capture.data_index:
        return value
    try:
        return list(split(value))[capture.data_index - 1]
    except (RemoteProtocolError, IndexError):
        return _NULL


def newest_row(face: CosemFace, profile: LogicalName, at_ms: int) -> dict[Capture, bytes]:
    """The cells of a profile's newest row, by column; of a billing profile that of the last bill."""
    described = face.plan.model.objects[PROFILE_GENERIC, profile].profile
    readers, octets = face.plan.inside.readers, profile.octets
    entries = readers[PROFILE_GENERIC, octets, 7]
    buffer = readers[PROFILE_GENERIC, octets, 2]
    if described is None or isinstance(entries, bytes) or isinstance(buffer, bytes):
        return {}
    count = int.from_bytes(_octets(entries(face, at_ms, None, INSIDE))[1:], "big")
    number = count - 1 if described.rows == "billing" else count
    if number < 1:
        return {}
    if described.sort_method == "lifo":
        number = count + 1 - number
    rows = buffer(face, at_ms, EntryDescriptor(from_entry=number, to_entry=number).selection(), INSIDE)
    (row,) = split(_octets(rows))
    return dict(zip(described.capture, split(row), strict=True))


def _octets(answer: bytes | DataAccessResult) -> bytes:
    return answer if isinstance(answer, bytes) else _NULL


# The object list


def _read_list(cosem_object: CosemObject, works: tuple[Capture, ...]) -> Reader:
    key = (PUSH_SETUP, cosem_object.logical_name.octets, OBJECT_LIST)
    encoded = array([_element(each, cosem_object.version) for each in works])

    def read(face: CosemFace, _at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        return face.memory.get(key, encoded)

    return read


def _element(capture: Capture, version: int) -> bytes:
    members = [
        encode((int(Tag.LONG_UNSIGNED), capture.class_id)),
        octet_string(capture.logical_name.octets),
        encode((int(Tag.INTEGER), capture.attribute)),
        encode((int(Tag.LONG_UNSIGNED), capture.data_index)),
    ]
    return structure(members if version < 2 else [*members, *_UNRESTRICTED])
