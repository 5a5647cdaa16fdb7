"""The ladder of a command as a table: which rung may follow which; what is not here can't happen."""

from collections.abc import Mapping
from typing import Final

from protocols.message.command import ENDS, Rung

FOLLOWS: Final[Mapping[Rung | None, frozenset[Rung]]] = {
    None: frozenset({Rung.ACCEPTED, Rung.REFUSED, Rung.EXPIRED}),
    Rung.ACCEPTED: frozenset({Rung.SENT, Rung.REFUSED, Rung.EXPIRED, Rung.FAILED}),
    # Once something may have moved, only a read-back decides: neither refused nor expired can follow.
    Rung.SENT: frozenset({Rung.ACKNOWLEDGED, Rung.CONFIRMED, Rung.ARMED, Rung.FAILED, Rung.UNKNOWN}),
    Rung.ACKNOWLEDGED: frozenset({Rung.CONFIRMED, Rung.ARMED, Rung.FAILED, Rung.UNKNOWN}),
    Rung.CONFIRMED: frozenset({Rung.CONFIRMED, Rung.OBSERVED}),
    **{rung: frozenset[Rung]() for rung in ENDS},
}
"""`confirmed` after `confirmed` says that it was final after all: nothing could be observed."""

MAY_HAVE_MOVED: Final = frozenset({Rung.SENT, Rung.ACKNOWLEDGED})
"""After a restart these are read back, never executed again."""


def allowed(before: Rung | None, after: Rung) -> bool:
    """Whether a rung may follow another."""
    return after in FOLLOWS[before]
