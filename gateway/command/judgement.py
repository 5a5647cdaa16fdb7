"""What commands are judged by, each judgement kept: the guard's table asked with what the store knows.

A decision stands in the store with the instant from which it counts: for a cut that is its arrival and then, once it
goes on the wire, that instant; for a reconnect, when it may begin. So what waited for a meter that was away is counted
again when the meter is back, and a thousand such cuts do not fall into one minute.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.command.effect import Effect, effect_of
from gateway.command.guard import Case, KnownBalance, Verdict, judge
from gateway.command.guard_rule import GuardConfig, Rule
from gateway.outbox.store import Store
from protocols.message.command import Command

QUEUE_PER_METER: Final = 32


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What commands are judged by and the gateway keeps up to date."""

    guard: GuardConfig
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By meter; a meter that is not here is not ours."""
    relay_registers: dict[str, Mapping[int, Mapping[int, Effect]]] = field(default_factory=dict)
    clock_trusted: bool = True
    headend_seen_ms: int = 0
    full: Callable[[], bool] = lambda: False
    """Whether events and results alone fill the outbox."""
    queue_per_meter: int = QUEUE_PER_METER


class Judgement:
    """Asks the guard; everything here runs inside a transaction of the store.

    Args:
        store: where decisions are kept.
        around: what is judged by.
    """

    def __init__(self, store: Store, around: Surroundings) -> None:
        self._sql = store.sql
        self.around = around
        self.refused: dict[str, int] = {}
        """How often each rule refused, since the program started."""
        self.decisions: dict[tuple[str, str], int] = {}
        """How often the guard let each effect pass, overrode or refused it, since the program started."""
        self.overridden: Callable[[str, Command], None] = lambda _meter, _command: None
        """Is told of every command that passed a rule by its permission."""

    def at_the_door(self, command: Command, meter: str, now_ms: int) -> Verdict:
        """Whether a command that has come may wait for its turn."""
        effect = self._effect(command, meter)
        verdict = judge(self.around.guard, self._case(command, meter, effect, now_ms))
        if effect is not Effect.NONE:
            self._keep(command, meter, effect, verdict, now_ms)
        return verdict

    def at_the_wire(self, command: Command, meter: str, now_ms: int) -> Verdict:
        """Whether a command that was let in may be sent now."""
        effect = self._effect(command, meter)
        verdict = judge(self.around.guard, self._case(command, meter, effect, now_ms, at_wire=True))
        if not verdict.allowed:
            self._keep(command, meter, effect, verdict, now_ms)
            self.count_refusal(verdict.rule)
        elif effect is Effect.CUT:
            self._sql.execute(
                "UPDATE decision SET at_ms = ? WHERE command = ? AND effect = ? AND allowed = 1",
                (now_ms, command.id, effect),
            )
        return verdict

    def count_refusal(self, rule: str | None) -> None:
        """A rule has refused once more."""
        if rule is not None:
            self.refused[rule] = self.refused.get(rule, 0) + 1

    def _effect(self, command: Command, meter: str) -> Effect:
        return effect_of(command, self.around.relay_registers.get(meter))

    def _case(self, command: Command, meter: str, effect: Effect, now_ms: int, *, at_wire: bool = False) -> Case:
        found = self._sql.execute(
            "SELECT balance, as_on_ms, recharge_ms FROM balance WHERE meter = ?", (meter,)
        ).fetchone()
        return Case(
            command=command,
            meter=meter,
            groups=self.around.groups.get(meter, ()),
            effect=effect,
            now_ms=now_ms,
            clock_trusted=self.around.clock_trusted,
            headend_seen_ms=self.around.headend_seen_ms,
            balance=None if found is None else KnownBalance(*found),
            fleet=lambda rule: sum(rule.concerns(*each) for each in self.around.groups.items()),
            cuts_since=lambda since_ms, rule: self._cuts(since_ms, rule, command.id),
            restores_since=self._restores,
            at_wire=at_wire,
        )

    def _keep(self, command: Command, meter: str, effect: Effect, verdict: Verdict, now_ms: int) -> None:
        decision = "refused" if not verdict.allowed else "allowed" if verdict.override is None else "overridden"
        self.decisions[effect.value, decision] = self.decisions.get((effect.value, decision), 0) + 1
        self._sql.execute(
            "INSERT INTO decision (at_ms, meter, command, verb, effect, allowed, rule, override)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                now_ms + verdict.delay_ms, meter, command.id, command.verb, effect, verdict.allowed, verdict.rule,
                verdict.override,
            ),
        )  # fmt: skip
        if verdict.override is not None:
            self.overridden(meter, command)

    def _cuts(self, since_ms: int, rule: Rule, besides: str) -> int:
        rows = self._sql.execute(
            "SELECT meter, COUNT(*) FROM decision WHERE allowed = 1 AND effect = ? AND at_ms > ? AND command <> ?"
            " GROUP BY meter",
            (Effect.CUT, since_ms, besides),
        )
        return sum(count for meter, count in rows if self._concerns(rule, meter))

    def _restores(self, since_ms: int, rule: Rule) -> Iterator[int]:
        rows = self._sql.execute(
            "SELECT meter, at_ms FROM decision WHERE allowed = 1 AND effect = ? AND at_ms > ? ORDER BY at_ms DESC",
            (Effect.RESTORE, since_ms),
        )
        return (at_ms for meter, at_ms in rows if self._concerns(rule, meter))

    def _concerns(self, rule: Rule, meter: str) -> bool:
        return rule.concerns(meter, self.around.groups.get(meter, ()))

    def forget(self, before_ms: int) -> None:
        """Let go of decisions that are older, some at a time."""
        self._sql.execute(
            "DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE at_ms < ? LIMIT 500)", (before_ms,)
        )
