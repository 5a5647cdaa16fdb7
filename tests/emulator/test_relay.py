"""The load switch: every cell of the tables, and the contact apart from the logic."""

import pytest

from emulator.meter import Meter
from emulator.relay import MODES, TABLE, TRANSITIONS, Action, Cause, ControlState, LoadSwitch
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, codes, events, make

D, C, R = ControlState
ALLOWED = {
    # By the domain facts, independently of the letters: who may disconnect, what a remote reconnect does, who else.
    1: {"b", "c", "f", "g", "d", "e"},
    2: {"b", "c", "f", "g", "a", "e"},
    3: {"b", "c", "g", "d", "e"},
    4: {"b", "c", "g", "a", "e"},
    5: {"b", "c", "f", "g", "d", "e", "h"},
    6: {"b", "c", "g", "d", "e", "h"},
    7: {"b", "c", "g", "a", "i", "e", "h"},
}


def switch(mode: int, *, deviates: bool = False, **model: object) -> Meter:
    table = {"relay": {"control_mode": mode, "auto_reconnect": deviates, **model}}
    return make(table)


def act(relay: LoadSwitch, action: Action, at_ms: int) -> bool:
    if action is Action.LOCAL_DISCONNECT:
        return relay.local_disconnect(at_ms, Cause.LOAD_LIMIT)
    if action is Action.LOCAL_RECONNECT:
        return relay.local_reconnect(at_ms, Cause.AUTO_RECONNECT)
    if action is Action.MANUAL_DISCONNECT:
        return relay.manual_disconnect(at_ms)
    if action is Action.MANUAL_RECONNECT:
        return relay.manual_reconnect(at_ms)
    return (relay.remote_disconnect if action is Action.REMOTE_DISCONNECT else relay.remote_reconnect)(at_ms)


@pytest.mark.parametrize("mode", range(8))
@pytest.mark.parametrize("state", ControlState)
@pytest.mark.parametrize("action", Action)
def test_every_cell_of_every_mode(mode: int, state: ControlState, action: Action) -> None:
    meter = switch(mode)
    meter.relay.state = state
    letters = [
        letter
        for letter, transition in TRANSITIONS.items()
        if transition.action is action and transition.source is state and letter in ALLOWED.get(mode, set())
    ]
    done = act(meter.relay, action, START_MS)
    if letters:
        assert len(letters) == 1
        assert done
        assert meter.relay.state is TRANSITIONS[letters[0]].target
    else:
        # Nothing to do is success where the mode has the transition; otherwise refused. The state stays as it was.
        there = any(
            TRANSITIONS[letter].action is action and TRANSITIONS[letter].target is state
            for letter in ALLOWED.get(mode, set())
        )
        assert meter.relay.state is state
        assert done is (there and action is not Action.LOCAL_DISCONNECT)


def test_the_table_has_what_the_letters_say_and_nothing_else() -> None:
    assert {mode: set(letters) for mode, letters in MODES.items() if mode} == ALLOWED
    assert MODES[0] == ""
    strict = [key for key in TABLE if not key[1]]
    assert len(strict) == sum(map(len, MODES.values()))


@pytest.mark.parametrize("mode", [1, 3, 5, 6])
def test_a_remote_reconnect_only_arms_where_the_button_is_needed(mode: int) -> None:
    meter = switch(mode)
    meter.relay.remote_disconnect(START_MS)
    assert meter.relay.remote_reconnect(START_MS + 1000)
    assert meter.value("control_state", START_MS + 9000) == R
    assert meter.value("active_power", START_MS + 9000) == 0
    assert meter.relay.manual_reconnect(START_MS + 10_000)
    assert meter.value("active_power", START_MS + 11_000) == 1_000_000


def test_mode_0_is_always_connected() -> None:
    meter = switch(0)
    assert not meter.relay.remote_disconnect(START_MS)
    assert meter.value("control_state", START_MS + 1000) == C
    other = switch(4)
    other.relay.remote_disconnect(START_MS)
    assert other.configure("control_mode", 0, START_MS + 1000)
    assert other.value("active_power", START_MS + 2000) == 1_000_000


@pytest.mark.parametrize("deviates", [False, True])
@pytest.mark.parametrize("mode", range(1, 8))
def test_nothing_local_undoes_a_remote_cut(mode: int, *, deviates: bool) -> None:
    meter = switch(mode, deviates=deviates)
    meter.relay.local_disconnect(START_MS, Cause.LOAD_LIMIT, 60)
    meter.relay.remote_disconnect(START_MS + 1000)
    assert meter.relay.state is D
    meter.advance(START_MS + 3 * DAY_MS)
    assert meter.relay.state is D
    assert not meter.relay.local_reconnect(START_MS + 3 * DAY_MS, Cause.AUTO_RECONNECT)


def test_the_deviation_lets_a_remote_reconnect_out_of_a_local_trip_only() -> None:
    meter = switch(1, deviates=True)
    meter.relay.manual_disconnect(START_MS)
    assert meter.relay.state is R
    # Mode 1 has letter d, whose target this is: there is nothing to do, and the button is still needed.
    assert meter.relay.remote_reconnect(START_MS)
    assert meter.relay.state is R
    meter.relay.manual_reconnect(START_MS)
    meter.relay.local_disconnect(START_MS, Cause.LOAD_LIMIT, 60)
    assert meter.relay.remote_reconnect(START_MS)
    assert meter.relay.state is C


def test_the_contact_moves_after_its_operating_time_and_shows_later_still() -> None:
    meter = switch(4, operating_ms=200, read_back_lag_ms=300)
    before = meter.value("active_energy_import", START_MS)
    assert meter.relay.remote_disconnect(START_MS)
    shown = [
        (meter.value("output_state", START_MS + ms), meter.value("current", START_MS + ms) > 0)
        for ms in (0, 199, 200, 499, 500)
    ]
    assert shown == [(1, True), (1, True), (1, False), (1, False), (0, False)]
    frozen = meter.value("active_energy_import", START_MS + 200)
    assert meter.value("active_energy_import", START_MS + DAY_MS) == frozen >= before
    assert meter.relay.remote_reconnect(START_MS + DAY_MS)
    assert meter.value("active_energy_import", START_MS + DAY_MS + HOUR_MS) - frozen == pytest.approx(999_900, abs=100)


def test_a_welded_contact_goes_on_carrying_and_is_logged() -> None:
    meter = switch(4)
    meter.relay.set_weld(START_MS, "closed")
    assert meter.relay.remote_disconnect(START_MS + 1000)
    at_ms = START_MS + 10_000
    assert meter.value("control_state", at_ms) == D
    assert meter.value("output_state", at_ms) == 1
    assert meter.value("active_power", at_ms) == 1_000_000
    assert codes(meter, "non_rollover", START_MS + 1000 + 180_000) == [253]
    meter.relay.set_weld(START_MS + HOUR_MS, None)
    assert meter.value("active_power", START_MS + HOUR_MS + 1000) == 0


def test_a_contact_stuck_open_stays_dark() -> None:
    meter = switch(4)
    meter.relay.set_weld(START_MS, "open")
    assert meter.value("current", START_MS) == 0
    assert meter.relay.remote_reconnect(START_MS + 1)
    assert (meter.value("control_state", START_MS + 5000), meter.value("current", START_MS + 5000)) == (C, 0)


def test_output_state_may_be_the_command() -> None:
    meter = switch(4, output_state="command")
    meter.relay.set_weld(START_MS, "closed")
    meter.relay.remote_disconnect(START_MS)
    assert meter.value("output_state", START_MS) == 0


def test_the_load_side_shows_what_it_has() -> None:
    meter = switch(4)
    assert meter.relay.load_side_mv(START_MS) == 240_000
    meter.relay.remote_disconnect(START_MS)
    assert meter.relay.load_side_mv(START_MS + 1000) == 0
    meter.relay.set_back_feed(START_MS + 1000, 228_000)
    assert meter.relay.load_side_mv(START_MS + 1000) == 228_000


def test_switching_is_logged_with_its_cause_and_shows_in_the_status_word() -> None:
    meter = switch(4)
    meter.relay.remote_disconnect(START_MS, "non_payment")
    meter.relay.remote_reconnect(START_MS + 1000)
    rows = events(meter, "control", START_MS + 2000)
    assert [(row.code, row.cause, row.sequence) for row in rows] == [(301, "non_payment", 1), (302, "remote", 2)]
    assert meter.event_status_word(START_MS + 2000) >> (127 - 84) & 1
    assert not meter.event_status_word(START_MS + HOUR_MS) >> (127 - 84) & 1


def test_a_second_command_of_the_same_moves_and_logs_nothing() -> None:
    meter = switch(4)
    assert [meter.relay.remote_disconnect(START_MS + ms) for ms in (0, 50, 5000)] == [True] * 3
    assert codes(meter, "control", START_MS + 9000) == [301]


def test_the_contact_keeps_its_place_through_a_power_failure() -> None:
    meter = switch(4)
    meter.relay.remote_disconnect(START_MS)
    meter.outage(START_MS + 1000)
    meter.restore(START_MS + HOUR_MS)
    assert (meter.value("control_state", START_MS + 2 * HOUR_MS), meter.value("current", START_MS + 2 * HOUR_MS)) == (
        D,
        0,
    )
