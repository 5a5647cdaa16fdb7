"""What meters push, checked element by element before anything of it is believed.

Pure. A payload is flat and known by position alone, so its length and types are held against the push setups of the
meter's model; a head-end that indexes by position would fall over what is missing. An element that is null or of
another type is published as having no value, with the reason; a payload of another length is not taken for anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from typing import Final

from gateway.meter.dlms_profile import PROFILES
from gateway.polling.reading import BILLING_DATE, CLOCK, Column, instant_of, name_of, value_of, written
from protocols.cosem.data_type import DataType, Kind, parse
from protocols.cosem.obis import LogicalName
from protocols.cosem.status_word import BITS
from protocols.cosem.unit import ScalerUnit
from protocols.dlms.axdr import decode_length
from protocols.dlms.notification import EventNotificationRequest
from protocols.dlms.value import NULL, Tag, Value, decode, skip
from protocols.errors import RemoteProtocolError
from protocols.message.reading import Quality, Row
from protocols.message.reading import Value as Published
from protocols.model.cosem_object import Capture, CosemObject, Fixed, State
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel
from protocols.model.push import elements, setups

ELEMENTS_MAX: Final = 512
"""Elements of a payload: a three-phase bill has 87."""

NAMING_MODELS: Final = ("is15959-d1", "is15959-d2")
"""A meter whose model is not said is taken for one of these, if its payload fits."""

DEVICE_ID, SETUP = 0, 1
"""Where the device id and the logical name of the setup stand in every push of an Indian meter."""

STATUS_WORD: Final = (1, LogicalName.parse("0.0.94.91.18.255").octets)
POWER_EVENT: Final = "last_event:power"
"""What a model calls the code of the last power event, wherever it puts it."""

_LENIENT_BITS: Final = b"\x04\x80"
"""A maker's bit string of 128 bits: the length stands there as if it were a count of bits in one octet."""
_STRUCTURE: Final = 0x02
_PROFILE_OF: Final = {LogicalName.parse(each.buffer): name for name, each in PROFILES.items()}


class MalformedPushError(Exception):
    """A payload can't be what it claims to be; one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One push setup of a model, as a receiver sees it.

    Attributes:
        name: a word for its events.
        profile: under which its values are published as a reading, or None for an event.
        columns: what stands where.
        kinds: of which type; None for any.
        scalers: by position; None where there is none.
        power_event: where the code of a power event stands, or None.
    """

    name: str
    profile: str | None
    columns: tuple[Column, ...]
    kinds: tuple[DataType | None, ...]
    scalers: tuple[ScalerUnit | None, ...]
    power_event: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A payload that was understood.

    Attributes:
        setup: the push setup's dotted name, or empty.
        form: what the model says of it, or None for a setup that the model does not have.
        row: its values, and when.
        word: the event status word as a bit string, where one was pushed.
        code: the power event, where one was pushed.
    """

    setup: str
    form: Form | None
    row: Row
    word: str | None = None
    code: int | None = None


# The payload as values


def split_payload(body: bytes) -> list[Value]:
    """The elements of a payload.

    Raises:
        MalformedPushError: it is no flat structure, or not whole.
    """
    try:
        if body[:1] != bytes((_STRUCTURE,)):
            raise MalformedPushError("the payload is no structure")
        count, offset = decode_length(body, 1)
        if count > ELEMENTS_MAX:
            raise MalformedPushError(f"the payload says {count} elements; {ELEMENTS_MAX} are taken")
        found: list[Value] = []
        for _ in range(count):
            end = _end(body, offset)
            found.append(_element(body[offset:end]))
            offset = end
    except RemoteProtocolError as error:
        raise MalformedPushError(f"the payload is not whole: {error}") from None
    if offset != len(body):
        raise MalformedPushError(f"{len(body) - offset} octets follow the payload")
    return found


def _end(body: bytes, offset: int) -> int:
    end = offset + len(_LENIENT_BITS) + BITS // 8
    if body[offset : offset + 2] == _LENIENT_BITS and end <= len(body):
        return end
    return skip(body, offset)


def _element(encoded: bytes) -> Value:
    if encoded.startswith(_LENIENT_BITS):
        return int(Tag.BIT_STRING), f"{int.from_bytes(encoded[2:], 'big'):0{BITS}b}"
    return decode(encoded)


def device_id_of(values: Sequence[Value]) -> str | None:
    """The device id that a payload begins with, or None."""
    if not values:
        return None
    tag, content = values[DEVICE_ID]
    if tag == Tag.OCTET_STRING and isinstance(content, bytes) and content.isascii():
        content = content.decode()
    return content if isinstance(content, str) and 0 < len(content) <= 64 and tag != Tag.BIT_STRING else None


# What a model says of it


@cache
def forms_of(model: MeterModel) -> dict[bytes, Form]:
    """The push setups of a model, by the octets of their logical name."""
    return {octets: _form(setup, model) for octets, setup in setups(model).items()}


def _form(setup: CosemObject, model: MeterModel) -> Form:
    push = setup.push
    captures = () if push is None else elements(push, model.objects)
    objects = [model.objects[each.class_id, each.logical_name] for each in captures]
    pairs = list(zip(captures, objects, strict=True))
    row = None if push is None else push.row
    return Form(
        name="push" if push is None else push.on,
        profile=None if row is None else _PROFILE_OF.get(row, str(row)),
        columns=tuple(Column(each.class_id, each.logical_name.octets, each.attribute) for each in captures),
        kinds=tuple(_kind(capture, each) for capture, each in pairs),
        scalers=tuple(_scaler(capture, each) for capture, each in pairs),
        power_event=next((place for place, pair in enumerate(pairs) if _is_power_event(*pair)), None),
    )


def _kind(capture: Capture, described: CosemObject) -> DataType | None:
    source = described.attributes.get(capture.attribute)
    if capture.data_index or isinstance(source, Fixed):
        return None
    if source is not None:
        return source.type
    attribute = described.interface.attribute(capture.attribute) if described.interface else None
    kind = attribute.type if attribute is not None else None
    return None if kind is None or kind.kind is Kind.ANY else kind


def _is_power_event(capture: Capture, described: CosemObject) -> bool:
    source = described.attributes.get(capture.attribute)
    return isinstance(source, State) and source.name == POWER_EVENT


def _scaler(capture: Capture, described: CosemObject) -> ScalerUnit | None:
    is_value = capture.attribute == 2 and described.class_id in {3, 4}
    return ScalerUnit(described.scaler, described.unit) if is_value else None


_LOGICAL_NAME: Final = parse("logical-name")


def understand(values: Sequence[Value], model: MeterModel | None, zone: tzinfo) -> Pushed:
    """What a payload says.

    Args:
        values: its elements.
        model: the meter's, or None where it is not known.
        zone: where the meter's clock stands, when it does not say.

    Raises:
        MalformedPushError: its length is not that of the setup it names.
    """
    setup = values[SETUP] if len(values) > SETUP else NULL
    octets = bytes(setup[1] or b"") if _LOGICAL_NAME.matches(setup) else b""
    name = str(LogicalName(octets)) if octets else ""
    form = _form_for(octets, values, model)
    if form is None:
        return Pushed(setup=name, form=None, row=Row(values=tuple(_unknown(values, zone))))
    if len(values) != len(form.columns):
        raise MalformedPushError(f"push setup {name} has {len(form.columns)} elements, the meter sent {len(values)}")
    at, taken = _instant(form, values, zone)
    published = tuple(
        _published(form, place, each, model, zone)
        for place, each in enumerate(values)
        if place not in {DEVICE_ID, SETUP, taken}
    )
    return Pushed(
        setup=name,
        form=form,
        row=Row(at=at, values=published),
        word=_word(form, values),
        code=_code(form, values),
    )


def understand_event(notification: EventNotificationRequest, model: MeterModel | None, zone: tzinfo) -> tuple[str, Row]:
    """What an EventNotification says: the name of its attribute, and the value of it as a row of one.

    Args:
        notification: one attribute of one object; its value may be anything.
        model: the meter's, or None where it is not known.
        zone: where the meter's clock stands, when it does not say.
    """
    attribute = notification.attribute
    column = Column(attribute.class_id, attribute.instance, attribute.attribute)
    key = attribute.class_id, LogicalName(attribute.instance)
    described = None if model is None else model.objects.get(key)
    capture = Capture(*key, attribute.attribute, 0)
    scaler = None if described is None else _scaler(capture, described)
    try:
        value = value_of(column, decode(notification.value), scaler, zone, model)
    except RemoteProtocolError as error:
        value = Published(
            name=name_of(column, model),
            obis=column.obis,
            value=None,
            quality=Quality.ERROR,
            reason=f"the value is malformed: {error}",
        )
    return value.name, Row(at=instant_of(notification.time, zone), values=(value,))


def _form_for(octets: bytes, values: Sequence[Value], model: MeterModel | None) -> Form | None:
    if model is not None:
        return forms_of(model).get(octets)
    forms = [form for each in map(load, NAMING_MODELS) if (form := forms_of(each).get(octets)) is not None]
    fitting = [form for form in forms if len(form.columns) == len(values)]
    return fitting[0] if fitting else forms[0] if forms else None


def _instant(form: Form, values: Sequence[Value], zone: tzinfo) -> tuple[datetime | None, int | None]:
    """When a payload is of, and where that stands: the date of a bill, else the clock."""
    wanted = [place for place, each in enumerate(form.columns) if each[:3] == CLOCK]
    if form.profile == "billing":
        wanted = [place for place, each in enumerate(form.columns) if each.instance == BILLING_DATE] or wanted
    for place in wanted:
        instant = instant_of(values[place][1], zone)
        if instant is not None:
            return instant, place
    return None, None


def _published(form: Form, place: int, cell: Value, model: MeterModel | None, zone: tzinfo) -> Published:
    column, kind = form.columns[place], form.kinds[place]
    value = value_of(column, cell, form.scalers[place], zone, model)
    if kind is None or cell[0] == Tag.NULL_DATA or kind.matches(cell):
        return value
    sent = Tag(cell[0]).name.lower().replace("_", "-")
    reason = f"the model says {kind}, the meter sent {sent}"
    return value.model_copy(update={"value": None, "quality": Quality.ERROR, "reason": reason})


def _unknown(values: Sequence[Value], zone: tzinfo) -> list[Published]:
    """What is not described, by its position."""
    published = []
    for place, each in enumerate(values):
        text, reason = written(each, 0, zone)
        quality = Quality.GOOD if reason is None else Quality.ERROR
        published.append(Published(name=f"element_{place + 1}", value=text, quality=quality, reason=reason))
    return published


def _word(form: Form, values: Sequence[Value]) -> str | None:
    for column, (tag, content) in zip(form.columns, values, strict=True):
        if column[:2] == STATUS_WORD and tag == Tag.BIT_STRING and len(content) == BITS:
            return str(content)
    return None


def _code(form: Form, values: Sequence[Value]) -> int | None:
    if form.power_event is None:
        return None
    tag, content = values[form.power_event]
    return int(content) if tag == Tag.LONG_UNSIGNED else None
