"""A bench that runs: its clock, its meters, their lines, their wakes, and the journal.

Whoever changes a meter from outside (a script, a page, a test) calls `touch` afterwards: the meter is brought up to
date, a supply that went or came back shows on its lines, and its next wake is noted.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Final, Self

from emulator.bench.assembly import Household, Member
from emulator.bench.journal import Journal
from emulator.bench.resident import Resident
from emulator.bench.wakes import Wakes
from emulator.event.happening import Happening, Kind
from emulator.line.endpoint import Endpoint
from emulator.line.postman import Postman
from protocols.transport.pump import link_time_us

SUPPLY: Final = frozenset({Kind.POWER_FAILED, Kind.REBOOT, Kind.READY})
"""What shows on a meter's lines: it goes silent, and it answers again (not before it has booted)."""

JOURNAL_EVERY_S: Final = 0.5
"""How long a note may wait to be written."""

TIME_EVERY_S: Final = 10
"""How often it is kept how far bench time has come, where state is kept at all."""


_log = logging.getLogger(__name__)


class RunningBench:
    """Opened by `open`, closed by `close`; an asynchronous context manager.

    Args:
        household: the meters of the bench, with clock and seed.
        journal: where everything is noted, or None.
    """

    def __init__(self, household: Household, journal: Journal | None = None) -> None:
        self.household = household
        self.journal = journal
        self.endpoint = Endpoint(journal, household.behaviours, household.seed, household.rights)
        self.wakes = Wakes(household.clock)
        self.postman = Postman(self._note_change, self.endpoint.lines_of, journal)
        self._flushing: asyncio.TimerHandle | None = None
        self._remembering: asyncio.TimerHandle | None = None
        self._changed: set[Resident] = set()
        self._switched: set[Resident] = set()

    async def open(self) -> None:
        """Open every line, and begin to wake meters.

        Raises:
            EndpointError: a line cannot be opened.
        """
        now_us = link_time_us()
        heard, note_change, collect = self._heard, self._note_change, self.postman.collect  # bound once for all
        for resident in self.residents:
            resident.look(now_us)
            resident.on_happening = heard
            resident.on_touch = note_change
            resident.on_push = collect
            resident.meter.subscribe(resident.hear)
        await self.endpoint.open((member.resident, member.addresses) for member in self.household.members)
        for resident in self.residents:
            self.wakes.look(resident)
        self._flush()
        self._remember()

    async def close(self) -> None:
        """Close every line and write out the journal."""
        self.wakes.close()
        await self.postman.close()
        await self.endpoint.close()
        self._keep_time(self.household.members)
        for timer in (self._flushing, self._remembering):
            if timer is not None:
                timer.cancel()
        if self.journal is not None:
            self.journal.close()

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    @property
    def residents(self) -> Sequence[Resident]:
        """The meters, in the order of the bench file."""
        return [member.resident for member in self.household.members]

    def ready(self) -> dict[str, Any]:
        """What the ready line says: scripts build on it."""
        return {
            "ready": True,
            "seed": self.household.seed,
            "meters": [
                {"id": member.resident.id, "model": member.model.id, "urls": self.endpoint.urls(member.resident)}
                for member in self.household.members
            ],
            "control": None,
        }

    def touch(self, resident: Resident) -> None:
        """Bring a meter up to date and show on its lines what was done to it."""
        resident.look(link_time_us())
        self._changed.add(resident)
        self._show()

    def set_rate(self, rate: Fraction | int) -> None:
        """Let bench time run faster or slower, or stand still (0)."""
        self._before_clock_change()
        self.household.clock.set_rate(link_time_us(), rate)
        self._after_clock_change()

    def jump(self, to_ms: int) -> None:
        """Make it another time now, everything in between having happened.

        Raises:
            ValueError: that is in the past.
        """
        self._before_clock_change()
        self.household.clock.jump(link_time_us(), to_ms)
        self._after_clock_change()

    def _before_clock_change(self) -> None:
        if self.journal is not None:
            self.journal.flush()

    def _after_clock_change(self) -> None:
        for resident in self.residents:
            resident.plan()
        self.wakes.wake()
        self._show()

    def _heard(self, resident: Resident, happening: Happening) -> None:
        """Something has happened to a meter; what follows from it is seen to once the meter is done with it."""
        if self.journal is not None:
            item = {"name": happening.name, "value": happening.value}
            self.journal.note(link_time_us(), resident.id, happening.kind.value, item, happening.at_ms)
        if happening.kind in SUPPLY:
            if happening.kind is Kind.READY:
                resident.up = True
            elif happening.kind is Kind.REBOOT:
                resident.restarted()
            else:
                resident.supply_lost()
            self._switched.add(resident)
        self._note_change(resident)

    def _note_change(self, resident: Resident) -> None:
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._show)
        self._changed.add(resident)

    def _show(self) -> None:
        switched, self._switched = self._switched, set()
        changed, self._changed = self._changed, set()
        for resident in switched:
            self.endpoint.supply_changed(resident)
        for resident in changed:
            self.wakes.look(resident)
            self.endpoint.set_up(resident)

    def _keep_time(self, members: Iterable[Member]) -> None:
        """Meters that keep their state must not begin earlier next time than they have come now."""
        now_ms = self.household.clock.true_ms(link_time_us())
        for member in members:
            if member.state is not None:
                try:
                    member.state.seen(now_ms)
                except OSError as error:
                    _log.error("%s cannot be written (%s); free some space", member.state.path, error)
                    return

    def _flush(self) -> None:
        if self.journal is not None:
            self.journal.flush()
            self._flushing = asyncio.get_running_loop().call_later(JOURNAL_EVERY_S, self._flush)

    def _remember(self) -> None:
        """Of all meters the latest counts, so one is enough while the bench runs."""
        if self.household.members[0].state is not None:
            self._keep_time(self.household.members[:1])
            self._remembering = asyncio.get_running_loop().call_later(TIME_EVERY_S, self._remember)
