"""What the role in a client's certificate may do on a bench (Modbus Security).

The specification leaves roles and their rights to whoever runs the devices, so a bench file says them in `[roles]`; a
bench that says nothing has four.
"""

from collections.abc import Mapping
from typing import Final

from protocols.modbus.security import NO_ROLE, READ_FUNCTIONS, Rights
from protocols.modbus.server import DISPATCH

KINDS: Final[Rights] = {
    "none": frozenset(),
    "read": READ_FUNCTIONS,
    "write": READ_FUNCTIONS | {5, 6, 15, 16, 22, 23},
    "all": frozenset(DISPATCH),
}
"""Rights by name; a list of function codes says them one by one."""

ROLES: Final[Rights] = {
    NO_ROLE: KINDS["read"],
    "Viewer": KINDS["read"],
    "Operator": KINDS["write"],
    "Engineer": KINDS["all"],
}
"""Where a bench does not say it."""


def rights_of(table: Mapping[str, object]) -> Rights:
    """The rights that `[roles]` of a bench file gives; a role that is not in it may nothing.

    Args:
        table: by role, "" being a certificate without one: a name of `KINDS`, or a list of function codes.

    Raises:
        ValueError: a right is neither; the sentence says what would be right.
    """
    return {role: _right(role, said) for role, said in table.items()}


def _right(role: str, said: object) -> frozenset[int]:
    if isinstance(said, str) and said in KINDS:
        return KINDS[said]
    if isinstance(said, list) and all(type(each) is int and each in DISPATCH for each in said):
        return frozenset(said)
    names, codes = ", ".join(KINDS), ", ".join(map(str, sorted(DISPATCH)))
    raise ValueError(f'"{role}" = {said!r}: {names} or a list of function codes out of {codes} is right')
