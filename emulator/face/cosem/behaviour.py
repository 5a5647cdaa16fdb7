"""What the attributes and methods of one object do, as functions that a face is passed to.

They are made once for a model and shared by all its meters; whatever belongs to one meter comes in with the face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from protocols.dlms.application import Association, AssociationProfile
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Value
from protocols.machine import Peer

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject

Reader = Callable[["CosemFace", int, "Selection | None", "Association"], bytes | DataAccessResult]
"""The value now, encoded: face, true time in milliseconds, what part is wanted, for whom."""

Source = bytes | Reader
"""Where a value comes from: it is always the same, or it is asked for."""

Writer = Callable[["CosemFace", int, Value, "Association"], DataAccessResult]
"""Take a value that has been found to be of the right type."""

Outcome = tuple[ActionResult, bytes | DataAccessResult | None]

Executor = Callable[["CosemFace", int, Value, "Association"], Outcome]
"""Do what a method does; a parameter that was left out is null-data."""

DONE: Outcome = (ActionResult.SUCCESS, None)
REFUSED: Outcome = (ActionResult.OTHER_REASON, None)
WRONG_TYPE: Outcome = (ActionResult.TYPE_UNMATCHED, None)

INSIDE: Final = Association(AssociationProfile(client=64, conformance=0), 1, Peer("inside", ""))
"""The meter itself, when it runs a script at its time or reads what it pushes; who may what is asked of clients."""


@dataclass(slots=True)
class Behaviour:
    """One object's attributes and methods, by number."""

    readers: dict[int, Source] = field(default_factory=dict)
    writers: dict[int, Writer] = field(default_factory=dict)
    methods: dict[int, Executor] = field(default_factory=dict)
    selective: frozenset[int] = frozenset()


Possible = Callable[["CosemFace", Any, Association], bool]
"""Whether a content of the right type can be what an attribute holds: for this face, written by whom."""


def keeping(cosem_object: CosemObject, number: int, possible: Possible) -> Writer:
    """A writer that keeps what is possible, as anything is kept that means nothing to the meter itself."""

    def write(face: CosemFace, _at_ms: int, value: Value, association: Association) -> DataAccessResult:
        if not possible(face, value[1], association):
            return DataAccessResult.OTHER_REASON
        face.hold(cosem_object, number, value)
        return DataAccessResult.SUCCESS

    return write


def outcome(done: bool) -> Outcome:  # noqa: FBT001 (what a part of the meter answers)
    """What a method answers when a part of the meter did it or would not."""
    return DONE if done else REFUSED
