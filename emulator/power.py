"""The meter's own supply: what is there, what a loss of it does, and how long the meter needs to run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.event.event_log import Code
from emulator.event.happening import Kind
from emulator.event.status_word import FIRST_BREATH, LAST_GASP
from emulator.event.watch import FAR
from emulator.timing.clock import STATUS_DOUBTFUL

if TYPE_CHECKING:
    from emulator.mechanism import Mechanism


class Power:
    """One meter's.

    Args:
        owner: the meter.
        phases: how many it has.
    """

    __slots__ = ("_grid_present", "_owner", "bench_present", "ready_ms", "switch_ms", "volts")

    def __init__(self, owner: Mechanism, phases: int) -> None:
        self._owner = owner
        self._grid_present = True
        self.bench_present = True
        """False for an outage that the bench has made."""
        self.volts = (1000,) * phases
        """Thousandths of the supply's voltage that reach each phase."""
        self.ready_ms = 0
        """When it will have booted: 0 while it runs, `FAR` without supply."""
        self.switch_ms = FAR
        """When the supply goes or comes back by itself."""

    @property
    def present(self) -> bool:
        """Whether there is a supply in front of the meter."""
        return self._grid_present and self.bench_present

    def look_ahead(self, at_ms: int) -> None:
        """Find when the supply goes or comes back next."""
        switch = self._owner.supply.next_switch(at_ms)
        self.switch_ms = FAR if switch is None else switch.at_ms

    def switch(self, at_ms: int) -> None:
        """The supply has gone or come back by itself."""
        self._grid_present = not self._grid_present
        self.look_ahead(at_ms)
        self.changed(at_ms)

    def changed(self, at_ms: int) -> None:
        """Something about the supply is other than before."""
        owner = self._owner
        was = owner.powered
        if owner.running:
            owner.settle(at_ms)
        has = any(self.volts) and self.present
        if was and not has:
            self.ready_ms = FAR
        owner.plan(at_ms)
        if was and not has:
            self._failed(at_ms)
        elif has and not was:
            self._restored(at_ms)

    def reboot(self, at_ms: int, boot_ms: int) -> None:
        """Nothing answers for a while, though there is supply."""
        owner = self._owner
        if not owner.running:
            return
        owner.settle(at_ms)
        self._forget(at_ms)
        self.ready_ms = at_ms + boot_ms
        owner.replan()
        owner.teller.tell(at_ms, Kind.REBOOT)

    def become_ready(self, at_ms: int) -> None:
        """The meter has booted."""
        owner = self._owner
        self.ready_ms = 0
        segment = owner.ledger.segments[-1]
        owner.monitor.resume(segment, at_ms)
        owner.limiter.plan(segment, at_ms)
        owner.reckon(at_ms)
        owner.teller.tell(at_ms, Kind.READY)

    def _failed(self, at_ms: int) -> None:
        owner = self._owner
        owner.power_failure_count += 1
        self._forget(at_ms)
        self._doubt_clock(at_ms)
        owner.teller.log(at_ms, "power", Code.POWER_FAILURE)
        owner.teller.show(at_ms, LAST_GASP)
        owner.replan()
        owner.teller.tell(at_ms, Kind.POWER_FAILED, value=int(owner.physics.power_failure.last_gasp))

    def _restored(self, at_ms: int) -> None:
        owner = self._owner
        self._doubt_clock(at_ms)
        self.ready_ms = at_ms + owner.physics.power_failure.boot_ms
        owner.teller.log(at_ms, "power", Code.POWER_RESTORED)
        owner.teller.show(at_ms, FIRST_BREATH)
        owner.replan()
        owner.teller.tell(at_ms, Kind.POWER_RESTORED)

    def _forget(self, at_ms: int) -> None:
        """What had not lasted long enough to count has not been."""
        self._owner.monitor.suspend(at_ms)
        self._owner.limiter.forget()

    def _doubt_clock(self, at_ms: int) -> None:
        """A clock without battery stands still, and is in doubt from then on."""
        owner = self._owner
        if owner.physics.clock.backup == "none":
            owner.begin_clock(at_ms, owner.clock.meter_ms(at_ms), status=STATUS_DOUBTFUL)
