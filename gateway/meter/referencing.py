"""What a script asks, as requests of the client: by logical name, or by short name where a meter has only these.

A meter with short names lists its objects with their base names in its association (class 12); attributes and methods
stand at fixed distances from them (`protocols.cosem.short_name`). Scripts ask by logical name whatever the meter does.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from gateway.meter.dlms_profile import Act, GetMany, Set
from gateway.service.script import NoAnswerError, NonsenseError, RefusedError
from protocols.cosem.short_name import ASSOCIATION_BASE_NAME, attribute_offset, method_offset
from protocols.dlms.ask.outcome import Aborted, Invoked, Malformed, ServiceRefused
from protocols.dlms.client import AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.results import ActionResult, DataAccessResult, ServiceError
from protocols.dlms.selection import Selection
from protocols.dlms.service_error import ExceptionResponse
from protocols.dlms.value import NULL, Tag, Value
from protocols.machine import TimedOut

OBJECT_LIST: Final = ASSOCIATION_BASE_NAME + attribute_offset(2)

Variable = tuple[int, Selection | None]


class Asking(NamedTuple):
    """One request of a script on its way.

    Attributes:
        ask: makes the client's request; None where the answer is known without asking.
        reads: whether it changes nothing, and may be asked again.
        shape: what the script gets, from what it came to.
    """

    ask: Callable[[int], int] | None
    reads: bool
    shape: Callable[[Any], Any]


class BaseNames:
    """The base names of one meter's objects, once they are known; they outlive a connection."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], int] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def learn(self, object_list: Any) -> None:
        """Take the object list of the association.

        Raises:
            NonsenseError: it is none.
        """
        found: dict[tuple[int, bytes], int] = {}
        tag, entries = object_list if isinstance(object_list, tuple) else (None, None)
        if tag != Tag.ARRAY or not entries:
            raise NonsenseError("the meter's list of short names is no array")
        for entry in entries:
            match entry:
                case (Tag.STRUCTURE, [(_, int(base)), (_, int(class_id)), (_, int()), (_, bytes(name)), *_]):
                    found[class_id, name] = base & 0xFFFF  # a long: names above 7FFF come as negative numbers
                case _:
                    raise NonsenseError("an entry of the meter's list of short names can't be read")
        self._known = found

    def forget(self) -> None:
        """The meter has other names than it had."""
        self._known.clear()

    def variable(self, attribute: AttributeDescriptor) -> Variable | None:
        """Where an attribute stands; None where the meter does not have the object."""
        base = self._known.get((attribute.class_id, attribute.instance))
        if base is None or attribute.attribute < 1:
            return None
        return base + attribute_offset(attribute.attribute), attribute.selection

    def method(self, method: MethodDescriptor) -> Variable | None:
        """Where a method stands; None where the object, or a short name for the method, is not known."""
        base, offset = (
            self._known.get((method.class_id, method.instance)),
            method_offset(method.class_id, method.method),
        )
        return None if base is None or offset is None else (base + offset, None)


def by_logical_name(client: AssociationClient, request: Any) -> Asking:
    """A request of a script, as requests with logical names.

    Raises:
        TypeError: it is none.
    """
    match request:
        case AttributeDescriptor():
            return Asking(lambda now_us: client.get(request, now_us), True, checked)
        case GetMany(items=items):
            return Asking(lambda now_us: client.get_list(items, now_us), True, _each)
        case Set(class_id, instance, attribute, value):
            descriptor = AttributeDescriptor(class_id, instance, attribute)
            return Asking(lambda now_us: client.set(descriptor, value, now_us), False, checked)
        case Act(class_id, instance, method, parameter):
            invoked = MethodDescriptor(class_id, instance, method)
            return Asking(lambda now_us: client.action(invoked, parameter, now_us), False, checked)
    raise TypeError(f"{request!r} is not asked of a DLMS meter")


def by_short_name(client: AssociationClient, request: Any, names: BaseNames) -> Asking:
    """A request of a script, as requests with short names.

    A method is invoked by writing its parameter to its name, so what it would return is not had.

    Raises:
        TypeError: it is none.
    """
    match request:
        case AttributeDescriptor():
            return _reading(client, [request], names, lambda outcomes: outcomes[0])
        case GetMany(items=items):
            return _reading(client, items, names, lambda outcomes: outcomes)
        case Set(class_id, instance, attribute, value):
            place = names.variable(AttributeDescriptor(class_id, instance, attribute))
            return _writing(client, place, value, lambda result: result)
        case Act(class_id, instance, method, parameter):
            place = names.method(MethodDescriptor(class_id, instance, method))
            return _writing(client, place, NULL if parameter is None else parameter, _invoked)
    raise TypeError(f"{request!r} is not asked of a DLMS meter")


def _reading(
    client: AssociationClient,
    wanted: Sequence[AttributeDescriptor],
    names: BaseNames,
    shape: Callable[[list[Any]], Any],
) -> Asking:
    places = [names.variable(each) for each in wanted]
    variables = [each for each in places if each is not None]

    def shaped(outcome: Any) -> Any:
        if len(wanted) == 1 and isinstance(outcome, list):
            checked(outcome[0])
        came = iter(_each(outcome) if variables else [])
        return shape([DataAccessResult.OBJECT_UNDEFINED if place is None else next(came) for place in places])

    return Asking((lambda now_us: client.read(variables, now_us)) if variables else None, True, shaped)


def _writing(
    client: AssociationClient, place: Variable | None, value: Value, shape: Callable[[DataAccessResult], Any]
) -> Asking:
    if place is None:
        return Asking(None, False, lambda _: shape(DataAccessResult.OBJECT_UNDEFINED))

    def shaped(outcome: Any) -> Any:
        return shape(checked(checked(outcome)[0]))

    return Asking(lambda now_us: client.write([place], [value], now_us), False, shaped)


def _invoked(result: DataAccessResult) -> Invoked:
    try:
        return Invoked(ActionResult(int(result)))
    except ValueError:
        return Invoked(ActionResult.OTHER_REASON)


def checked(outcome: Any) -> Any:
    """A result of the service, or the error that a script expects."""
    match outcome:
        case TimedOut():
            raise NoAnswerError("the meter did not answer")
        case Aborted(sentence=sentence):
            raise NoAnswerError(sentence)
        case ServiceRefused(error=ExceptionResponse(service_error=ServiceError.SERVICE_NOT_SUPPORTED)):
            raise RefusedError(f"{outcome.sentence} to this client; another client of the meter may be allowed to")
        case ServiceRefused():
            raise RefusedError(outcome.sentence)
        case Malformed(sentence=sentence):
            raise NonsenseError(sentence)
    return outcome


def _each(outcome: Any) -> list[Any]:
    """Several: a refusal of the service counts as one of the item, so that the others are still good."""
    return [
        DataAccessResult.OTHER_REASON if isinstance(each, ServiceRefused | Malformed) else checked(each)
        for each in checked(outcome)
    ]
