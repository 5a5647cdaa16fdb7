"""Where meters of a maker depart from the standard, as named switches of a model.

A quirk is data: the emulator does it, the gateway expects it, the docs list it. The names are here, so that a model
file cannot invent one that nobody obeys.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from protocols.model.table import Table

ReleaseSupport = Literal["answered", "ignored", "bare"]
"""What comes back for an RLRQ: an RLRE with user information, nothing, or an RLRE without user information."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """The departures of one model; the defaults are none.

    Attributes:
        release: how an RLRQ is answered.
        unlisted_columns: profiles capture attributes of objects that the object list does not show.
        alias_money: the payment objects 0.0.94.96.21 to 25 also answer under 0.0.94.91.21 to 25.
    """

    release: ReleaseSupport = "answered"
    unlisted_columns: bool = False
    alias_money: bool = False

    @classmethod
    def from_table(cls, table: Table) -> "Quirks":
        """Read the `[quirks]` table of a model file."""
        release = table.choose("release", get_args(ReleaseSupport), "answered")
        quirks = cls(
            release=release,  # type: ignore[arg-type]  # one of the choices, which are the literal's
            unlisted_columns=table.take("unlisted_columns", bool, False),
            alias_money=table.take("alias_money", bool, False),
        )
        table.done()
        return quirks
