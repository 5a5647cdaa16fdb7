"""One meter: what is done to it from outside, and what it shows.

Everything it shows is one consistent state at any instant; energy and history are derived when somebody asks. What
comes from outside is an input with its time: it is taken after everything that was due before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.event.condition import INPUTS
from emulator.event.event_log import Code, captured
from emulator.event.happening import Kind
from emulator.event.status_word import word
from emulator.mains.wiring import load_of
from emulator.mechanism import Mechanism
from emulator.metering.activation import Entry
from emulator.metering.energy import Scale, scale_of
from emulator.metering.history import History
from emulator.metering.quantities import QUANTITY_READERS
from emulator.metering.zoned import choice_at
from emulator.parameter import MODE_CODES, PARAMETERS, code_of
from emulator.timing.clock import STANDS_STILL, ClockSegment
from emulator.timing.grid import PeriodGrid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.limiter import EmergencyProfile
    from emulator.load import Load
    from emulator.metering.tariff import Calendar
    from protocols.model.activation import Activation

MILLI_WH_PER_KWH: Final = 1_000_000


class Meter(Mechanism):
    """An emulated meter; see `Mechanism` for what it is made from."""

    __slots__ = ()

    # Supply

    def outage(self, at_ms: int) -> None:
        """Take the supply away."""
        at_ms = self.take(at_ms, "outage")
        self.power.bench_present = False
        self.power.changed(at_ms)

    def restore(self, at_ms: int) -> None:
        """Give the supply back."""
        at_ms = self.take(at_ms, "restore")
        self.power.bench_present = True
        self.power.changed(at_ms)

    def set_voltage(self, at_ms: int, permille: int, phase: int | None = None) -> None:
        """Sag, swell or lose (0) the voltage, in thousandths of the supply's, on one phase (1 to 3) or on all."""
        count = len(self.power.volts)
        if not 0 <= permille <= 2000 or (phase is not None and not 1 <= phase <= count):
            msg = f"voltage {permille} on phase {phase}: 0 to 2000 thousandths on phase 1 to {count} are right"
            raise ValueError(msg)
        at_ms = self.take(at_ms, "set_voltage", permille, phase)
        self.power.volts = tuple(
            permille if phase in {None, index} else volt for index, volt in enumerate(self.power.volts, start=1)
        )
        self.power.changed(at_ms)

    def set_frequency(self, at_ms: int, millihertz: int | None) -> None:
        """Fix the frequency, or leave it to the supply again."""
        self.take(at_ms, "set_frequency", millihertz)
        self.frequency_mhz = millihertz

    # Load and tamper

    def set_load(self, at_ms: int, load: Load | Mapping[str, Any]) -> None:
        """Hang another load behind the meter; history stays as it was."""
        new = load_of(self, load)
        at_ms = self.take(at_ms, "set_load", load)
        self.settle(at_ms)
        self.load = new
        self.plan(at_ms)
        self.teller.tell(at_ms, Kind.LOAD)

    def set_input(self, at_ms: int, name: str, level: int = 1000) -> None:
        """Set an input of the bench ("magnet", "cover_open", "bypass" ...): thousandths of its strength, 0 for gone.

        Raises:
            ValueError: there is no such input.
        """
        if name not in INPUTS or not 0 <= level <= 1000:
            msg = f"input {name} = {level}: 0 to 1000 for one of {', '.join(sorted(INPUTS))} is right"
            raise ValueError(msg)
        at_ms = self.take(at_ms, "set_input", name, level)
        if self.running:
            self.settle(at_ms)
        if level:
            self.monitor.levels[name] = level
        else:
            self.monitor.levels.pop(name, None)
        self.plan(at_ms)

    # Clock

    def set_clock(self, at_ms: int, utc_ms: int) -> None:
        """Set the meter's clock; a time that it cannot show (`MeterClock.accepts`) leaves it as it is.

        What a set does to rows and bills is told in `history` and `billing`.
        """
        if not self.clock.accepts(utc_ms):
            return
        at_ms = self.take(at_ms, "set_clock", utc_ms)
        self.begin_clock(at_ms, utc_ms)
        self.programming_count += 1
        self.teller.log(at_ms, "transaction", Code.CLOCK_SET)
        self.replan()
        self.teller.tell(at_ms, Kind.CLOCK, value=utc_ms)

    def shift_clock(self, at_ms: int, shift_ms: int) -> None:
        """Move the clock by so much."""
        self.advance(at_ms)
        self.set_clock(at_ms, self.clock.meter_ms(max(at_ms, self._now_ms)) + shift_ms)

    def adjust_clock(self, at_ms: int, step_ms: int) -> None:
        """Move the clock to the nearest multiple of a step in local time, such as a quarter of an hour or an hour."""
        self.advance(at_ms)
        grid = PeriodGrid(step_ms, self.zone)
        now_ms = self.clock.meter_ms(max(at_ms, self._now_ms))
        self.set_clock(at_ms, grid.instant(grid.number(now_ms + step_ms // 2)))

    def set_drift(self, at_ms: int, ppb: int) -> None:
        """Let the clock run fast or slow by thousand-millionths, without setting it."""
        at_ms = self.take(at_ms, "set_drift", ppb)
        segment = self.clock.segment(at_ms)
        if segment.ppb != STANDS_STILL:
            self.clock.begin(ClockSegment(at_ms, segment.meter_ms(at_ms), ppb, segment.status))
        self.billing.plan(at_ms)
        self.reckon(at_ms)
        self.replan()

    # Tariff and billing

    def set_passive_calendar(self, at_ms: int, calendar: Calendar, activation_ms: int | None = None) -> None:
        """Put a calendar beside the active one, to become active at a meter time, or on command."""
        self.take(at_ms, "set_passive_calendar", calendar, activation_ms)
        self.tariff.passive = calendar
        self.tariff.passive_ms = activation_ms
        self.programming_count += 1
        self.replan()

    def activate_calendar(self, at_ms: int) -> bool:
        """Make the passive calendar the active one now; False when there is none."""
        at_ms = self.take(at_ms, "activate_calendar")
        done = self._activate(at_ms)
        self.replan()
        return done

    def set_activation(self, at_ms: int, activation: Activation) -> None:
        """Change what a register activation object is assigned, its masks, or what scripts make of them.

        A mask that has been set beside the calendar stays in force.
        """
        at_ms = self.take(at_ms, "set_activation", activation)
        name = activation.logical_name
        program = tuple(activation if each.logical_name == name else each for each in self.activation.program)
        self._choose(Entry(at_ms, program, choice_at(self, at_ms).forced))
        self.programming_count += 1

    def activate_mask(self, at_ms: int, logical_name: str, mask: str) -> bool:
        """Put a mask in force until the calendar switches next; False when there is none of that name."""
        activation = self.activation.of(logical_name)
        if activation is None or not activation.has(mask):
            return False
        at_ms = self.take(at_ms, "activate_mask", logical_name, mask)
        others = [each for each in choice_at(self, at_ms).forced if each[0] != logical_name]
        self._choose(Entry(at_ms, self.activation.program, (*others, (logical_name, mask))))
        self.teller.tell(at_ms, Kind.TARIFF, mask)
        return True

    def active_mask(self, at_ms: int, logical_name: str) -> str:
        """The mask in force of a register activation object; empty where none is."""
        self.advance(at_ms)
        activation = self.activation.of(logical_name)
        return choice_at(self, at_ms).mask(activation) if activation else ""

    def billing_reset(self, at_ms: int) -> None:
        """End the billing period by command (MD reset)."""
        at_ms = self.take(at_ms, "billing_reset")
        self.billing.close(at_ms, self.clock.meter_ms(at_ms), self.monitor.tamper_count, "command")
        self.teller.log(at_ms, "transaction", Code.DEMAND_RESET)
        self._bill(at_ms)
        self.replan()

    # Configuration

    def parameter(self, name: str) -> int:
        """A parameter's value (`emulator.parameter.PARAMETERS`); KeyError for one that it does not have."""
        return PARAMETERS[name].read(self)

    def configure(self, name: str, value: int, at_ms: int) -> bool:
        """Write a parameter: it is checked, logged and counted; False when it may not be that value."""
        parameter = PARAMETERS.get(name)
        if parameter is None or not parameter.allowed(value):
            return False
        if name == "control_mode" and not self.physics.relay.fitted:
            return False
        at_ms = self.take(at_ms, "configure", name, value)
        self.settle(at_ms)
        flips = name in MODE_CODES and parameter.read(self) != value
        parameter.write(self, value, at_ms)
        self.plan(at_ms)
        self.programming_count += 1
        code = code_of(name, value)
        if code is not None:
            self.teller.log(at_ms, "transaction", code)
        if flips:
            self.teller.log(at_ms, "other", MODE_CODES[name][value])
        self.teller.tell(at_ms, Kind.CONFIGURED, name, value)
        return True

    def pay(self, at_ms: int, verb: str, *arguments: Any) -> bool:
        """Do something to the account (`emulator.payment.verb.VERBS`); False where it has none, or refuses."""
        if self.payment is None:
            return False
        at_ms = self.take(at_ms, "pay", verb, list(arguments))
        done = self.payment.do(at_ms, verb, *arguments)
        self.replan()
        return done

    def set_emergency(self, at_ms: int, profile: EmergencyProfile | None, groups: tuple[int, ...] = ()) -> None:
        """Plan the limiter's emergency threshold (attributes 8 and 9 of class 71)."""
        at_ms = self.take(at_ms, "set_emergency", profile, groups)
        self.settle(at_ms)
        self.limiter.groups = groups
        self.limiter.set_emergency(profile)
        self.plan(at_ms)

    def log_transaction(self, at_ms: int, code: int) -> None:
        """Log what was programmed elsewhere (a key, a filter, firmware) and count it."""
        at_ms = self.take(at_ms, "log_transaction", code)
        self.programming_count += 1
        self.teller.log(at_ms, "transaction", code)

    def log_other(self, at_ms: int, code: int) -> None:
        """Log what has become of something the meter does by itself, such as its pushes."""
        at_ms = self.take(at_ms, "log_other", code)
        self.teller.log(at_ms, "other", code)

    def activate_firmware(self, at_ms: int, version: str) -> None:
        """Restart with another firmware: an event, and nothing answers until it runs."""
        at_ms = self.take(at_ms, "activate_firmware", version)
        self.firmware_version = version
        self.programming_count += 1
        self.teller.log(at_ms, "transaction", Code.FIRMWARE_ACTIVATED)
        self.power.reboot(at_ms, self.physics.firmware.reboot_ms)

    def clear_profile(self, profile: str, at_ms: int) -> None:
        """Forget a profile's rows (method reset of class 7); the interval that runs goes on."""
        self.cleared[profile] = self.take(at_ms, "clear_profile", profile)

    def begin_period(self, periods: list[tuple[int, int]], at_ms: int, period_s: int) -> None:
        """Another capture or integration period from now on; what was captured stays."""
        if periods[-1][0] == at_ms:
            periods.pop()
        periods.append((at_ms, period_s))
        self.maxima.clear()

    # What it shows

    def value(self, name: str, at_ms: int) -> int:
        """The canonical integer of a quantity (`protocols.quantity`); KeyError for one that it does not have."""
        self.advance(at_ms)
        return QUANTITY_READERS[len(self.power.volts)][name](self, at_ms)

    def measured(self, at_ms: int) -> dict[str, int]:
        """What the capturing logs keep with an event."""
        readers = QUANTITY_READERS[len(self.power.volts)]
        return {name: readers[name](self, at_ms) for name in captured(len(self.power.volts))}

    def event_status_word(self, at_ms: int) -> int:
        """The event status word as an integer of 128 bits, the highest being bit 0."""
        self.advance(at_ms)
        return word(self.monitor.active, self.teller.passing, at_ms, self.esw_filter)

    @property
    def scale(self) -> Scale:
        """How its energy registers show."""
        metering = self.physics.metering
        return scale_of(metering.register_resolution_mwh, metering.rollover_kwh * MILLI_WH_PER_KWH)

    @property
    def history(self) -> History:
        """Its profiles."""
        return History(self)
