"""Errands: what a meter does by itself besides metering: scripts of its schedules, pushes, image transfers.

They have instants of their own among those of the meter, and follow from what happens to it. `advance` takes both in
their order, each at its own instant, whatever the step. Nothing is done from within a happening: it is noted, and
followed up once the meter is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.errand.push import Pusher, PushSettings
from emulator.event.happening import Happening, Kind
from emulator.event.status_word import BILLING, FIRST_BREATH, LAST_GASP, SWITCH, mask, word
from emulator.event.watch import FAR
from emulator.face.cosem import script
from emulator.face.cosem.behaviour import INSIDE
from emulator.face.cosem.image_transfer import CLASS as IMAGE_TRANSFER
from emulator.face.cosem.push_setup import has_destination, payload, settings_of
from emulator.face.cosem.schedule import appointments
from emulator.mains import draw
from emulator.timing.clock import STANDS_STILL
from emulator.timing.diary import Appointment, Diary
from emulator.timing.grid import PeriodGrid

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Plan
    from emulator.meter import Meter
    from protocols.model.cosem_object import CosemObject

FOLLOWED: Final = frozenset(
    {Kind.POWER_FAILED, Kind.READY, Kind.REBOOT, Kind.SWITCHED, Kind.EVENT, Kind.BILL, Kind.CLOCK, Kind.TARIFF}
    | {Kind.CONFIGURED}
)
"""Happenings that something follows from."""

PASSING: Final = {Kind.SWITCHED: SWITCH, Kind.BILL: BILLING}
"""Bits of the event status word that come with a happening and pass by themselves."""

CONDITION_LOGS: Final = frozenset({"voltage", "current", "other", "non_rollover"})
"""Logs whose events change what the event status word says of conditions."""

_ALERT, _BLOCK, _BILL, _POWER = "status_word", "block_load", "billing", "power"


def runs_errands(plan: Plan) -> bool:
    """Whether meters of a model do anything by themselves besides metering."""
    return bool(plan.pushes or plan.schedules or any(class_id == IMAGE_TRANSFER for class_id, _ in plan.model.objects))


class Errands:
    """The errands of one meter.

    Args:
        face: the meter's COSEM face.
        meter: the meter.

    """

    __slots__ = (
        "_at_ms",
        "_block_ms",
        "_conditions",
        "_dark",
        "_diary",
        "_face",
        "_failed",
        "_heard",
        "_meter",
        "_pusher",
        "_written",
    )

    def __init__(self, face: CosemFace, meter: Meter) -> None:
        self._face = face
        self._meter = meter
        self._heard: tuple[Happening, ...] = ()
        self._at_ms = meter.now_ms
        self._block_ms = FAR
        self._dark = self._failed = not meter.running
        self._conditions = word(meter.monitor.active, (), 0, meter.esw_filter)
        self._diary: Diary | None = None
        self._written: tuple[bytes | None, ...] = ()
        self._pusher: Pusher | None = None
        face.push = self.push
        meter.subscribe(self._hear)

    @property
    def pusher(self) -> Pusher:
        """The meter's pushes, made with the first one: most of a fleet's meters push nothing."""
        if self._pusher is None:
            self._pusher = Pusher(self._meter, self._settings, self._reached)
            self._face.confirmed_ms = self._pusher.confirmed_ms
        return self._pusher

    @property
    def waiting(self) -> bool:
        """Whether a carrier has something to take."""
        return self._pusher is not None and self._pusher.waiting

    # Time

    def wake_ms(self) -> int | None:
        """When there is something to do, as things stood when `plan` was called last."""
        if self._heard:
            return self._heard[0].at_ms
        due_ms = self._due_ms()
        return None if due_ms >= FAR else due_ms

    def advance(self, at_ms: int) -> None:
        """Bring the meter to an instant, and do everything on the way, in order."""
        while self._at_ms < at_ms or self._heard or self._due_ms() <= at_ms:
            meter_ms = self._meter.wake_ms()
            step_ms = min(at_ms, self._due_ms(), FAR if meter_ms is None else meter_ms)
            self._at_ms = step_ms = max(step_ms, self._at_ms)
            self._meter.advance(step_ms)
            self._follow(step_ms)
            self._fire(step_ms)

    def plan(self) -> None:
        """Look again at what schedules and push setups say; to be called after anything may have been written."""
        at_ms = max(self._at_ms, self._meter.now_ms)
        self._plan_diary(at_ms)
        self._plan_block(at_ms)

    def _due_ms(self) -> int:
        due_ms = self._block_ms
        if self._pusher is not None:
            due_ms = min(self._pusher.wake_ms() or FAR, due_ms)
        if self._diary is not None and not self._dark:
            due_ms = min(due_ms, self._diary.due_ms)
        for image in self._face.images.values():
            due_ms = min(due_ms, image.due_ms)
        return FAR if self._dark else due_ms

    def _fire(self, at_ms: int) -> None:
        if self._dark:
            return
        if self._diary is not None and self._diary.due_ms <= at_ms:
            self._run(self._diary.keep(at_ms), at_ms)
        if self._block_ms <= at_ms:
            self._block_ms = FAR
            self._put_all(_BLOCK, at_ms)
            self._plan_block(at_ms)
        for image in self._face.images.values():
            image.advance(at_ms)
        if self._pusher is not None:
            self._pusher.advance(at_ms)

    def _run(self, due: list[Appointment], at_ms: int) -> None:
        for each in due:
            script.run(self._face, at_ms, each.script, each.selector, INSIDE)
        if due:
            self.plan()

    # Plans

    def _plan_diary(self, at_ms: int) -> None:
        face = self._face
        if not face.memory and self._diary is None and not face.plan.scheduled:
            return  # nearly all meters
        written = tuple(face.memory.get(key) for key in face.plan.schedule_keys)
        if self._diary is None:
            self._diary = Diary(self._meter.clock, at_ms)
        elif written == self._written:
            return
        self._written = written
        self._diary.write(appointments(face), at_ms)

    def _plan_block(self, at_ms: int) -> None:
        if self._block_ms <= at_ms:
            return  # it is due at this very instant
        self._block_ms = FAR
        if not any(has_destination(self._face, each) for each in self._face.plan.causes.get(_BLOCK, ())):
            return
        segment = self._meter.clock.segments[-1]
        if segment.ppb != STANDS_STILL:
            grid = PeriodGrid(self._meter.parameter("block_period_s") * 1000, self._meter.zone)
            self._block_ms = segment.true_ms(grid.instant(grid.number(segment.meter_ms(at_ms)) + 1))

    def _settings(self, setup: bytes) -> PushSettings | None:
        described = self._face.plan.pushes.get(setup)
        return None if described is None else settings_of(self._face, described)

    # Pushes

    def push(self, setup: bytes, at_ms: int) -> bool:
        """Push what a setup says, as its method asks; False where it is disabled."""
        described = self._face.plan.pushes.get(setup)
        return described is not None and self._put(described, at_ms, only_newest=True)

    def _put(self, setup: CosemObject, at_ms: int, *, only_newest: bool = False) -> bool:
        if not has_destination(self._face, setup):
            return False
        body = payload(self._face, setup, at_ms)
        return self.pusher.push(setup.logical_name.octets, body, at_ms, only_newest=only_newest)

    def _reached(self, at_ms: int, heard: bool) -> None:  # noqa: FBT001 (a callback)
        """A setup's pushes reach nobody any more, or somebody again."""
        events = self._meter.physics.events
        code = events.push_delivered if heard else events.push_given_up
        if code and not self._dark:
            self._meter.log_other(at_ms, code)

    def _put_all(self, cause: str, at_ms: int) -> None:
        for each in self._face.plan.causes.get(cause, ()):
            self._put(each, at_ms)

    # What happens to the meter

    def _hear(self, happening: Happening) -> None:
        if happening.kind in FOLLOWED:
            self._heard = (*self._heard, happening)

    def _follow(self, at_ms: int) -> None:
        while self._heard:
            heard, self._heard = self._heard, ()
            for each in heard:
                self._follow_one(each, max(each.at_ms, at_ms))

    def _follow_one(self, happening: Happening, at_ms: int) -> None:
        match happening.kind:
            case Kind.POWER_FAILED:
                self._dark = self._failed = True
                self._say_last_word(at_ms, able=bool(happening.value))
            case Kind.REBOOT:
                self._dark = True
                self._forget()
            case Kind.READY:
                self._wake_up(at_ms)
            case Kind.EVENT:
                self._follow_event(happening, at_ms)
            case Kind.SWITCHED | Kind.BILL:
                self._alert(PASSING[happening.kind], at_ms)
                if happening.kind is Kind.BILL:
                    self._put_all(_BILL, at_ms)
            case _:
                if self._diary is not None:
                    self._diary.clock_set(at_ms)
                self.plan()

    def _follow_event(self, happening: Happening, at_ms: int) -> None:
        if self._dark or happening.name not in CONDITION_LOGS:
            return
        conditions = word(self._meter.monitor.active, (), at_ms, self._meter.esw_filter)
        if conditions != self._conditions:
            self._conditions = conditions
            self._put_all(_ALERT, at_ms)

    def _alert(self, bit: int, at_ms: int) -> None:
        if self._meter.esw_filter & mask((bit,)) and not self._dark:
            self._put_all(_ALERT, at_ms)

    def _forget(self) -> None:
        if self._pusher is not None:
            self._pusher.forget()

    def _say_last_word(self, at_ms: int, *, able: bool) -> None:
        """The module's reserve is enough for one frame a setup, if at all."""
        meter = self._meter
        self._forget()
        if not able:
            return
        part = draw.between(meter.seed, f"{meter.id}/last gasp", meter.power_failure_count, 0, 999)
        lost = part < meter.physics.power_failure.last_gasp_lost_permille
        causes = [_POWER, _ALERT] if meter.esw_filter & mask((LAST_GASP,)) else [_POWER]
        for cause in causes:
            for each in self._face.plan.causes.get(cause, ()):
                if has_destination(self._face, each):
                    body = payload(self._face, each, at_ms)
                    self.pusher.last_gasp(each.logical_name.octets, body, at_ms, lost=lost)

    def _wake_up(self, at_ms: int) -> None:
        """The meter runs again: what was to be done meanwhile, and the first breath where it had lost its supply."""
        self._dark = False
        self._conditions = word(self._meter.monitor.active, (), at_ms, self._meter.esw_filter)
        for image in self._face.images.values():
            image.resume(at_ms)
        if self._diary is not None:
            self._run(self._diary.resume(at_ms), at_ms)
        if self._failed:
            self._failed = False
            self._put_all(_POWER, at_ms)
            self._alert(FIRST_BREATH, at_ms)
        self.plan()
