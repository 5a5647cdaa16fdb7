"""What the COSEM face asks of a meter, and nothing more; `emulator.meter.Meter` is one, tests have small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emulator.limiter import EmergencyProfile, LoadLimiter
    from emulator.metering.activation import ActivationCourse
    from emulator.metering.tariff import ActiveCalendar, Calendar
    from emulator.payment.prepayment import Prepayment
    from emulator.timing.clock import ClockReading
    from emulator.timing.zone import Zone
    from protocols.model.activation import Activation


class Clock(Protocol):
    """The meter's own clock."""

    @property
    def zone(self) -> Zone:
        """Where the meter hangs."""

    def reading(self, at_ms: int) -> ClockReading:
        """What it shows."""

    def accepts(self, utc_ms: int) -> bool:
        """Whether it can be set to this."""


class Switch(Protocol):
    """The load switch."""

    def remote_disconnect(self, at_ms: int) -> bool:
        """Method 1 of class 70; whether the control mode allows it."""

    def remote_reconnect(self, at_ms: int) -> bool:
        """Method 2 of class 70; whether the control mode allows it."""


class History(Protocol):
    """Recorded profiles: "block_load", "daily_load", "billing"."""

    def entries(self, profile: str, at_ms: int) -> int:
        """How many rows are kept."""

    def rows(
        self, profile: str, at_ms: int, first: int, last: int, columns: Sequence[str]
    ) -> Sequence[tuple[int, ...]]:
        """Rows as canonical integers, the oldest numbered 1; the column "clock" is the stamp in meter time."""

    def find(self, profile: str, at_ms: int, from_ms: int, to_ms: int) -> tuple[int, int]:
        """First and last row stamped within; (1, 0) where none is."""


class Event(Protocol):
    """One row of an event log."""

    @property
    def utc_ms(self) -> int:
        """When, in meter time."""

    @property
    def code(self) -> int:
        """What."""

    @property
    def values(self) -> Mapping[str, int]:
        """Quantities captured with it."""

    @property
    def sequence(self) -> int:
        """Its running number."""


class EventLog(Protocol):
    """The event logs, by name."""

    def entries(self, log: str, at_ms: int) -> int:
        """How many rows a log holds."""

    def rows(self, log: str, at_ms: int, first: int, last: int) -> Sequence[Event]:
        """Rows, the oldest numbered 1."""


class Host(Protocol):
    """The meter."""

    @property
    def id(self) -> str:
        """Its serial number."""

    @property
    def seed(self) -> int:
        """Of the bench, for what is drawn."""

    @property
    def firmware_version(self) -> str:
        """What was activated since it left the works; empty for its model's."""

    @property
    def clock(self) -> Clock:
        """Its clock."""

    @property
    def relay(self) -> Switch:
        """Its load switch."""

    @property
    def history(self) -> History:
        """Its profiles."""

    @property
    def event_log(self) -> EventLog:
        """Its event logs."""

    @property
    def limiter(self) -> LoadLimiter:
        """Its load limiter."""

    @property
    def tariff(self) -> ActiveCalendar:
        """Its activity calendars."""

    @property
    def activation(self) -> ActivationCourse:
        """Its register activation objects."""

    @property
    def payment(self) -> Prepayment | None:
        """Its account, or None where the head-end keeps the money."""

    def pay(self, at_ms: int, verb: str, *arguments: object) -> bool:
        """Do something to the account; False where it has none, or refuses."""

    def advance(self, at_ms: int) -> None:
        """Do all that is due up to then."""

    def value(self, name: str, at_ms: int) -> int:
        """The canonical integer of a quantity."""

    def parameter(self, name: str) -> int:
        """What a parameter is set to."""

    def configure(self, name: str, value: int, at_ms: int) -> bool:
        """Set a parameter; False where the value is not allowed."""

    def set_clock(self, at_ms: int, utc_ms: int) -> None:
        """Let the clock show this now."""

    def shift_clock(self, at_ms: int, shift_ms: int) -> None:
        """Move the clock by so much."""

    def adjust_clock(self, at_ms: int, step_ms: int) -> None:
        """Move the clock to the nearest multiple of a step."""

    def set_emergency(self, at_ms: int, profile: EmergencyProfile | None, groups: tuple[int, ...]) -> None:
        """Plan the limiter's emergency threshold."""

    def set_passive_calendar(self, at_ms: int, calendar: Calendar, activation_ms: int | None = None) -> None:
        """Put a calendar beside the active one."""

    def activate_calendar(self, at_ms: int) -> bool:
        """Make it the active one; False when there is none."""

    def set_activation(self, at_ms: int, activation: Activation) -> None:
        """Change what a register activation object chooses from."""

    def activate_mask(self, at_ms: int, logical_name: str, mask: str) -> bool:
        """Put a mask in force; False when there is none of that name."""

    def active_mask(self, at_ms: int, logical_name: str) -> str:
        """The mask in force."""

    def log_transaction(self, at_ms: int, code: int) -> None:
        """Log and count what was programmed elsewhere, such as a key."""

    def activate_firmware(self, at_ms: int, version: str) -> None:
        """Restart with another firmware."""

    def clear_profile(self, profile: str, at_ms: int) -> None:
        """Forget a profile's rows."""

    def event_status_word(self, at_ms: int) -> int:
        """The filtered event status word."""

    def billing_reset(self, at_ms: int) -> None:
        """Close the billing period."""
