"""Script table (class 9): what a script does, whether the meter itself or writes and methods of other objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.face.cosem.access import parameter_fits
from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome, Writer, keeping
from protocols.cosem.obis import LogicalName
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag
from protocols.model.activation import TARIFFICATION_SCRIPTS, scripts_for
from protocols.model.cosem_object import SCRIPT_TABLE, CosemObject
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker, View
    from protocols.dlms.application import Association
    from protocols.dlms.value import Value

WRITE: Final = 1
EXECUTE: Final = 2
"""service_id of an action: write an attribute, or invoke a method."""


SCRIPTS_MAX: Final = 64
ACTIONS_MAX: Final = 16
"""What a written table holds: the longest of our profiles has 8 scripts of one action."""

SCRIPTS: Final = 2


def _billing_reset(face: CosemFace, at_ms: int) -> None:
    face.meter.billing_reset(at_ms)


OPERATIONS: Final[dict[str, Callable[[CosemFace, int], None]]] = {"billing_reset": _billing_reset}
"""What a model's `runs` may name: something that the meter does and no object's method stands for."""


def script_table(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of a script table."""
    for name in cosem_object.runs.values():
        if name not in OPERATIONS:
            raise ModelError(f"{cosem_object.key}: runs {name!r}; it must be one of {', '.join(OPERATIONS)}")
    writer = keeping(cosem_object, SCRIPTS, _scripts_possible)
    if cosem_object.logical_name.octets == TARIFFICATION_SCRIPTS:
        writer = _telling_tariffs(writer)
    return Behaviour(writers={SCRIPTS: writer}, methods={1: _execute(cosem_object)})


def _scripts_possible(face: CosemFace, scripts: list[Value], association: Association) -> bool:
    """Scripts that do what this client may do itself; later they run with the meter's own rights."""
    view = face.plan.view_of(association)
    works = [actions for _, (_, (_, actions)) in scripts]
    if len(works) > SCRIPTS_MAX or any(len(actions) > ACTIONS_MAX for actions in works):
        return False
    return all(_possible(view, action) for actions in works for action in actions)


def _telling_tariffs(keep: Writer) -> Writer:
    """Other scripts put other masks in force when the calendar switches, which the meter itself must know."""

    def write(face: CosemFace, at_ms: int, value: Value, association: Association) -> DataAccessResult:
        result = keep(face, at_ms, value, association)
        if result is DataAccessResult.SUCCESS:
            for each in face.meter.activation.program:
                name = LogicalName.parse(each.logical_name).octets
                face.meter.set_activation(at_ms, replace(each, scripts=scripts_for(name, value[1])))
        return result

    return write


def _possible(view: View, action: Value) -> bool:
    """Whether an action is there, and its parameter of the right type; a script leaves scripts alone."""
    (_, service), (_, class_id), (_, instance), (_, number), parameter = action[1]
    if class_id == SCRIPT_TABLE:
        return False
    if service == EXECUTE:
        method = view.methods.get((class_id, instance, number))
        return method is not None and (method[0] is None or parameter_fits(method[0], parameter))
    writer = view.writers.get((class_id, instance, number)) if service == WRITE else None
    return writer is not None and (writer[0] is None or writer[0].matches(parameter))


def _actions(scripts: list[Value]) -> dict[int, list[Value]]:
    """What each script does, by its identifier."""
    return {script[1][0][1]: script[1][1][1] for script in scripts}


def run(face: CosemFace, at_ms: int, script: bytes, selector: int, association: Association) -> bool:
    """Run a script with the meter's own rights, as a schedule does; whether it was there and went through."""
    entry = face.plan.inside.methods.get((SCRIPT_TABLE, script, 1))
    parameter = (int(Tag.LONG_UNSIGNED), selector)
    return entry is not None and entry[1](face, at_ms, parameter, association)[0] is ActionResult.SUCCESS


def _execute(cosem_object: CosemObject) -> Executor:
    def execute(face: CosemFace, at_ms: int, parameter: Value, association: Association) -> Outcome:
        number = parameter[1]
        actions = _actions(face.held(cosem_object, SCRIPTS)[1])
        if number in cosem_object.runs:
            OPERATIONS[cosem_object.runs[number]](face, at_ms)
            return DONE
        if number not in actions:
            return REFUSED
        for action in actions[number]:
            result = _act(face, at_ms, action, association)
            if result is not ActionResult.SUCCESS:
                return result, None
        return DONE

    return execute


def _act(face: CosemFace, at_ms: int, action: Value, association: Association) -> ActionResult:
    """One action of a script, with the meter's own rights."""
    (_, service), (_, class_id), (_, instance), (_, number), parameter = action[1]
    key = (class_id, instance, number)
    inside = face.plan.inside
    if not _possible(inside, action):
        return ActionResult.OBJECT_UNDEFINED
    if service == EXECUTE:
        return inside.methods[key][1](face, at_ms, parameter, association)[0]
    result = inside.writers[key][1](face, at_ms, parameter, association)
    return ActionResult.SUCCESS if result is DataAccessResult.SUCCESS else ActionResult.OTHER_REASON
