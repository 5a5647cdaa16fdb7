"""The guard's rules as a table of the configuration: each entry has a kind, a name and whom it is for.

```toml
[[guard.rule]]
kind = "moratorium"
name = "app down"
reason = "the app does not open since 28 October"
until = "2024-11-11T10:00:00+05:30"
```
"""

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.configuration.span import Span
from protocols.message.command import Cause
from protocols.settings.text import ZoneName

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
NON_PAYMENT: Final = (Cause.NON_PAYMENT,)
EVERY_CAUSE: Final = tuple(Cause)


class Rule(BaseModel):
    """What all rules have. Without `meters` and `groups` a rule is for all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    meters: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def is_for_all(self) -> bool:
        """It names neither meters nor groups."""
        return not (self.meters or self.groups)

    def concerns(self, meter: str, groups: tuple[str, ...]) -> bool:
        """Whether the rule is for this meter."""
        return self.is_for_all or meter in self.meters or bool(set(groups) & set(self.groups))


class Moratorium(Rule):
    """No cuts until an instant, with a reason that is published."""

    kind: Literal["moratorium"]
    reason: str
    until: AwareDatetime
    since: AwareDatetime | None = None
    causes: tuple[Cause, ...] = NON_PAYMENT


class HeadendSilence(Rule):
    """A moratorium by itself: no cuts while the head-end has given no heartbeat for so long."""

    kind: Literal["headend_silence"]
    name: str = "headend-silent"
    longer_than: Span
    causes: tuple[Cause, ...] = NON_PAYMENT


class Hours(Rule):
    """Cuts only on these days, between these times, and not on holidays."""

    kind: Literal["hours"]
    name: str = "hours"
    days: tuple[Day, ...] = DAYS
    start: TimeOfDay = Field(default="00:00", alias="from")
    end: TimeOfDay = Field(default="23:59", alias="to", description="the last minute that is allowed")
    holidays: tuple[date, ...] = ()
    zone: ZoneName = "Asia/Kolkata"
    causes: tuple[Cause, ...] = NON_PAYMENT


class Protected(Rule):
    """Meters that are not cut at all, such as hospitals; by default save for safety or on the consumer's wish."""

    kind: Literal["protected"]
    name: str = "protected"
    reason: str
    causes: tuple[Cause, ...] = (Cause.NON_PAYMENT, Cause.FRAUD, Cause.MAINTENANCE)


class Evidence(Rule):
    """A cut for non-payment rests on a balance that is fresh, low, and not contradicted by what we have seen."""

    kind: Literal["evidence"]
    name: str = "evidence"
    not_older_than: Span = 86_400_000
    limit: int = Field(default=0, description="minor units; a balance above it is no reason to cut")
    causes: tuple[Cause, ...] = NON_PAYMENT


class BlastRadius(Rule):
    """The most of the meters it is for that may be cut in a time; all causes count and all are stopped."""

    kind: Literal["blast_radius"]
    name: str = "blast-radius"
    per_minute: int | None = Field(default=None, ge=0)
    per_hour: int | None = Field(default=None, ge=0)
    share: float | None = Field(default=None, gt=0, le=1, description="of the meters it is for, in `share_within`")
    share_within: Span = 86_400_000


class SafetyHold(Rule):
    """Stops reconnects: somebody works on that line. Nothing overrides it."""

    kind: Literal["safety_hold"]
    reason: str


class ReconnectRate(Rule):
    """Delays reconnects of the meters it is for, so that a storm of them comes in steps; never refuses."""

    kind: Literal["reconnect_rate"]
    name: str = "reconnect-rate"
    per_minute: int = Field(ge=1)


AnyRule = Annotated[
    Moratorium | HeadendSilence | Hours | Protected | Evidence | BlastRadius | SafetyHold | ReconnectRate,
    Field(discriminator="kind"),
]


class Permission(BaseModel):
    """A named permission to pass rules by `override`; who may use it and which rules it passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requested_by: tuple[str, ...] = Field(min_length=1)
    rules: tuple[str, ...] = Field(min_length=1, description="names of rules")


class GuardConfig(BaseModel):
    """The table, and what holds where it says nothing.

    A meter that no `evidence` rule concerns has the built-in one; a `blast_radius` is built in unless one for all
    meters is named. One for some meters counts those, and replaces nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: tuple[AnyRule, ...] = ()
    permission: dict[str, Permission] = Field(default_factory=dict)

    def rules_for(self, meter: str, groups: tuple[str, ...]) -> tuple[AnyRule, ...]:
        """The rules that concern a meter, what is built in included."""
        own = tuple(each for each in self.rule if each.concerns(meter, groups))
        evidence = () if any(isinstance(each, Evidence) for each in own) else (BUILT_IN_EVIDENCE,)
        bounded = any(isinstance(each, BlastRadius) and each.is_for_all for each in own)
        return own + evidence + (() if bounded else (BUILT_IN_BLAST_RADIUS,))


BUILT_IN_EVIDENCE: Final = Evidence(kind="evidence")
BUILT_IN_BLAST_RADIUS: Final = BlastRadius(kind="blast_radius", per_minute=20, per_hour=200)
