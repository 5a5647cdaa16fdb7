"""The load switch: disconnect control (class 70) as tables, and the contact apart from the logic.

The logical state moves by the letters of the blue book, told for every control mode in `MODES`. The contact follows
after its operating time, unless it is welded; what the meter reports of it follows later still. `auto_reconnect` is
the named deviation of the Indian models: it adds transitions h and i to the modes that have none, and the attempts and
the lock-out of the load-switch logic. A remote disconnect ends in `DISCONNECTED`, from where no local reconnect leads.
"""

from enum import Enum, IntEnum, StrEnum
from typing import Final, NamedTuple, Protocol

from protocols.model.physics import Relay as RelayModel


class ControlState(IntEnum):
    """Attribute 3 of class 70."""

    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2


class Action(Enum):
    """What may move the state."""

    REMOTE_DISCONNECT = "remote_disconnect"
    REMOTE_RECONNECT = "remote_reconnect"
    MANUAL_DISCONNECT = "manual_disconnect"
    MANUAL_RECONNECT = "manual_reconnect"
    LOCAL_DISCONNECT = "local_disconnect"
    LOCAL_RECONNECT = "local_reconnect"


CLOSES_HERE: Final = frozenset({Action.MANUAL_RECONNECT, Action.LOCAL_RECONNECT})
"""What would close the switch without anybody remote having a say."""


class Cause(StrEnum):
    """Why the switch moved, as the control log and the journal tell it; a caller may say something more precise."""

    REMOTE = "remote"
    MANUAL = "manual"
    LOAD_LIMIT = "load_limit"
    OVER_CURRENT = "over_current"
    CREDIT = "credit"
    AUTO_RECONNECT = "auto_reconnect"
    CONTROL_MODE = "control_mode"


class Transition(NamedTuple):
    """One letter of the blue book's state diagram."""

    action: Action
    source: ControlState
    target: ControlState


_DISCONNECTED, _CONNECTED, _READY = ControlState

TRANSITIONS: Final = {
    "a": Transition(Action.REMOTE_RECONNECT, _DISCONNECTED, _CONNECTED),
    "b": Transition(Action.REMOTE_DISCONNECT, _CONNECTED, _DISCONNECTED),
    "c": Transition(Action.REMOTE_DISCONNECT, _READY, _DISCONNECTED),
    "d": Transition(Action.REMOTE_RECONNECT, _DISCONNECTED, _READY),
    "e": Transition(Action.MANUAL_RECONNECT, _READY, _CONNECTED),
    "f": Transition(Action.MANUAL_DISCONNECT, _CONNECTED, _READY),
    "g": Transition(Action.LOCAL_DISCONNECT, _CONNECTED, _READY),
    "h": Transition(Action.LOCAL_RECONNECT, _READY, _CONNECTED),
    "i": Transition(Action.REMOTE_RECONNECT, _READY, _CONNECTED),
}

MODES: Final = {0: "", 1: "bcdefg", 2: "abcefg", 3: "bcdeg", 4: "abceg", 5: "bcdefgh", 6: "bcdegh", 7: "abceghi"}
"""The letters that each control mode allows; mode 0 is always connected."""

DEVIATION: Final = "hi"
"""The letters that `auto_reconnect` adds, in a mode that allows local disconnection, to what follows a local trip."""


def letters(mode: int, *, deviates: bool = False) -> str:
    """The letters in force in a mode."""
    allowed = MODES[mode]
    return allowed + "".join(each for each in DEVIATION if each not in allowed) if deviates and allowed else allowed


TABLE: Final[dict[tuple[int, bool, ControlState, Action], ControlState]] = {
    (mode, deviates, TRANSITIONS[letter].source, TRANSITIONS[letter].action): TRANSITIONS[letter].target
    for mode in MODES
    for deviates in (False, True)
    for letter in letters(mode, deviates=deviates)
}
"""(control_mode, whether the deviation is in force, state, action) -> state; what is not in here is not allowed."""


class Weld(StrEnum):
    """Where a contact has stuck."""

    CLOSED = "closed"
    OPEN = "open"


class Owner(Protocol):
    """What a load switch tells its meter."""

    def take(self, at_ms: int, name: str, *arguments: object) -> int:
        """Take an input from outside at an instant: do all that is due before; give the instant it counts for."""

    def switched(self, at_ms: int, *, connected: bool, cause: str) -> None:
        """The logic has disconnected or connected the supply."""

    def contact_moved(self, at_ms: int) -> None:
        """The contact itself has moved."""

    def replan(self) -> None:
        """What is due has changed."""

    def supply_mv(self, at_ms: int) -> int:
        """The voltage in front of the switch, on the first phase, once all that is due has been done."""


class LoadSwitch:
    """One meter's load switch.

    Args:
        owner: the meter.
        model: how it is built.
        at_ms: since when it is connected.
    """

    __slots__ = (
        "_lag_until_ms",
        "_move_ms",
        "_owner",
        "_reconnect_ms",
        "attempts",
        "auto_reconnect",
        "back_feed_mv",
        "cause",
        "contact_closed",
        "control_mode",
        "held",
        "interval_s",
        "lock_out_s",
        "locked_out",
        "model",
        "reconnected_ms",
        "since_ms",
        "state",
        "tries",
        "tripped",
        "weld",
    )

    def __init__(self, owner: Owner, model: RelayModel, at_ms: int) -> None:
        self._owner = owner
        self.model = model
        self.control_mode: int = model.control_mode if model.fitted else 0
        self.auto_reconnect = model.auto_reconnect
        self.interval_s = model.auto_reconnect_interval_s
        self.tries = model.auto_reconnect_attempts
        self.lock_out_s = model.lock_out_s
        self.state = ControlState.CONNECTED
        self.contact_closed = True
        self.tripped = False
        self.locked_out = False
        self.held = False
        """Whether supply is withheld for money: neither the meter itself nor the button closes the switch then."""
        self.cause: str = ""
        self.since_ms = self.reconnected_ms = at_ms
        self.weld: Weld | None = None
        self.back_feed_mv = 0
        self.attempts = 0
        self._move_ms: int | None = None
        self._reconnect_ms: int | None = None
        self._lag_until_ms = at_ms

    # What others do to it

    def remote_disconnect(self, at_ms: int, cause: str = Cause.REMOTE) -> bool:
        """Method 1 of class 70; whether the control mode allows it (also when there is nothing to do)."""
        return self._input(at_ms, Action.REMOTE_DISCONNECT, cause)

    def remote_reconnect(self, at_ms: int, cause: str = Cause.REMOTE) -> bool:
        """Method 2 of class 70; whether the control mode allows it (also when there is nothing to do)."""
        return self._input(at_ms, Action.REMOTE_RECONNECT, cause)

    def manual_disconnect(self, at_ms: int) -> bool:
        """The button is pressed to disconnect."""
        return self._input(at_ms, Action.MANUAL_DISCONNECT, Cause.MANUAL)

    def manual_reconnect(self, at_ms: int) -> bool:
        """The button is pressed to reconnect."""
        return self._input(at_ms, Action.MANUAL_RECONNECT, Cause.MANUAL)

    def set_weld(self, at_ms: int, weld: str | None) -> None:
        """Let the contact stick "closed" or "open", or free it; freed, it goes where the logic wants it."""
        stuck = None if weld is None else Weld(weld)
        at_ms = self._owner.take(at_ms, "set_weld", weld)
        self.weld = stuck
        if self.weld is None:
            self._move_ms = at_ms + self.model.operating_ms
        else:
            self._place(at_ms, closed=self.weld is Weld.CLOSED)
        self._owner.replan()

    def set_back_feed(self, at_ms: int, millivolts: int) -> None:
        """Put a voltage of somebody else's on the load side, seen while the contact is open."""
        self._owner.take(at_ms, "set_back_feed", millivolts)
        self.back_feed_mv = millivolts

    # What the meter does with it

    def local_disconnect(self, at_ms: int, cause: str, under_s: int | None = None) -> bool:
        """The meter's own logic opens the switch (letter g).

        After a trip it plans to try again: with `auto_reconnect` by interval, attempts and lock-out; without, in a mode
        that has letter h, as soon as `under_s` has passed, since an open contact is under any threshold.
        """
        if self.state is not ControlState.CONNECTED or not self._act(at_ms, Action.LOCAL_DISCONNECT, cause):
            return False
        if at_ms - self.reconnected_ms > self.lock_out_s * 1000:
            self.attempts = 0
        if under_s is not None and self._may_reconnect():
            self._plan_reconnect(at_ms, under_s)
        return True

    def local_reconnect(self, at_ms: int, cause: str) -> bool:
        """The meter's own logic closes the switch (letter h)."""
        return self._act(at_ms, Action.LOCAL_RECONNECT, cause)

    def set_control_mode(self, at_ms: int, mode: int) -> None:
        """Attribute 4; mode 0 is always connected, so it connects."""
        self.control_mode = mode
        if mode == 0 and self.state is not ControlState.CONNECTED:
            self._enter(at_ms, ControlState.CONNECTED, Cause.CONTROL_MODE)
        elif not self._may_reconnect():
            self._reconnect_ms = None

    def due_ms(self, *, running: bool) -> int | None:
        """When `fire` wants to be called; without supply only the contact moves."""
        if self._move_ms is None or not running:
            return self._move_ms if self._move_ms is not None or not running else self._reconnect_ms
        return self._move_ms if self._reconnect_ms is None else min(self._move_ms, self._reconnect_ms)

    def fire(self, at_ms: int) -> None:
        """Do what is due."""
        if self._move_ms is not None and self._move_ms <= at_ms:
            self._move_ms = None
            if self.weld is None:
                self._place(at_ms, closed=self.state is ControlState.CONNECTED)
        elif self._reconnect_ms is not None and self._reconnect_ms <= at_ms:
            self._reconnect_ms = None
            if self.locked_out:
                self.locked_out = False
                self.attempts = 0
            else:
                self.attempts += 1
            self.local_reconnect(at_ms, Cause.AUTO_RECONNECT)

    # What it shows

    @property
    def waits(self) -> bool:
        """Whether a reconnect is planned after a local trip, or has been given up for now."""
        return self._reconnect_ms is not None or self.locked_out

    @property
    def stuck(self) -> bool:
        """Whether the contact has stuck closed while the logic wants it open."""
        return self.weld is Weld.CLOSED and self.state is not ControlState.CONNECTED

    def output_state(self, at_ms: int) -> bool:
        """Attribute 2: the contact as the meter senses it, a little late, or the last command."""
        if self.model.output_state == "command":
            return self.state is ControlState.CONNECTED
        return self.contact_closed if at_ms >= self._lag_until_ms else not self.contact_closed

    def load_side_mv(self, at_ms: int) -> int:
        """The voltage on the load side: the supply's through a closed contact, else what somebody else feeds back."""
        supply_mv = self._owner.supply_mv(at_ms)
        return supply_mv if self.contact_closed else self.back_feed_mv

    def target(self, action: Action) -> ControlState | None:
        """Where an action leads from here: this very state when it is there already, None when it is not allowed."""
        deviates = self.auto_reconnect and self.tripped
        target = TABLE.get((self.control_mode, deviates, self.state, action))
        if target is None and any(
            TRANSITIONS[letter].action is action and TRANSITIONS[letter].target is self.state
            for letter in letters(self.control_mode, deviates=deviates)
        ):
            return self.state
        return target

    # Inside

    def _input(self, at_ms: int, action: Action, cause: str) -> bool:
        at_ms = self._owner.take(at_ms, action.value, cause)
        done = self._act(at_ms, action, cause)
        self._owner.replan()
        return done

    def _act(self, at_ms: int, action: Action, cause: str) -> bool:
        target = self.target(action)
        if target is None or (self.held and action in CLOSES_HERE):
            return False
        if target is not self.state:
            self._enter(at_ms, target, cause)
            self.tripped = action is Action.LOCAL_DISCONNECT
            if cause != Cause.AUTO_RECONNECT and not self.tripped:
                self.attempts, self.locked_out = 0, False
        return True

    def _enter(self, at_ms: int, target: ControlState, cause: str) -> None:
        was_connected = self.state is ControlState.CONNECTED
        self.state, self.cause, self.since_ms = target, cause, at_ms
        self._reconnect_ms = None
        connected = target is ControlState.CONNECTED
        if connected is not was_connected:
            if connected:
                self.reconnected_ms = at_ms
            self._move_ms = at_ms + self.model.operating_ms
            self._owner.switched(at_ms, connected=connected, cause=cause)

    def _place(self, at_ms: int, *, closed: bool) -> None:
        if closed is not self.contact_closed:
            self.contact_closed = closed
            self._lag_until_ms = at_ms + self.model.read_back_lag_ms
            self._owner.contact_moved(at_ms)

    def _may_reconnect(self) -> bool:
        return Action.LOCAL_RECONNECT in {
            TRANSITIONS[letter].action
            for letter in letters(self.control_mode, deviates=self.auto_reconnect and self.tripped)
        }

    def _plan_reconnect(self, at_ms: int, under_s: int) -> None:
        if not self.auto_reconnect:
            self._reconnect_ms = at_ms + under_s * 1000
        elif self.attempts < self.tries:
            self._reconnect_ms = at_ms + self.interval_s * 1000
        else:
            self.locked_out = True
            if self.model.after_lock_out == "reconnect":
                self._reconnect_ms = at_ms + self.lock_out_s * 1000
