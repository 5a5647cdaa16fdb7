"""Kept state: what was done survives a kill, torn at any byte."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.limiter import EmergencyProfile
from emulator.load.constant import ConstantLoad
from emulator.meter import Meter
from emulator.metering.tariff import Calendar
from emulator.state import REPLAY, MeterState, StateError, keep, path_of
from protocols.model.activation import Activation
from protocols.model.physics import Physics
from tests.emulator.meters import DAY_MS, HOUR_MS, START_MS, PhysicalModel, everything
from tests.emulator.payment.accounts import TOKENS, table

HEADER: dict[str, Any] = {
    "id": "MB0001",
    "model": "test",
    "seed": 42,
    "load": {"constant": 1000},
    "start_ms": START_MS,
}

MASKS = Activation(
    logical_name="0.0.14.0.0.255",
    registers=("active_energy_import_t1", "active_energy_import_t2"),
    masks=(("T1", (1,)), ("T2", (2,))),
    scripts=((1, "T1"), (2, "T2")),
)


def kept(path: Path, header: dict[str, Any] = HEADER) -> tuple[Meter, MeterState]:
    physics = replace(Physics.from_table({"physics": {"history_days": 3}, "payment": table()}), activations=(MASKS,))

    def make(start_ms: int) -> Meter:
        return Meter("MB0001", PhysicalModel(physics), 42, {"constant": 1000}, {"constant": 240}, start_ms)

    return keep(path, header, make)


def use(meter: Meter) -> None:
    """Every input once."""
    at_ms = START_MS
    meter.relay.remote_disconnect(at_ms + 1, "non_payment")
    meter.relay.remote_reconnect(at_ms + 2000)
    meter.relay.manual_disconnect(at_ms + 3000)
    meter.relay.manual_reconnect(at_ms + 4000)
    meter.relay.set_weld(at_ms + 5000, "closed")
    meter.relay.set_weld(at_ms + 6000, None)
    meter.relay.set_back_feed(at_ms + 7000, 1000)
    meter.outage(at_ms + HOUR_MS)
    meter.restore(at_ms + 2 * HOUR_MS)
    meter.set_voltage(at_ms + 2 * HOUR_MS + 1, 950, 1)
    meter.set_frequency(at_ms + 2 * HOUR_MS + 2, 49_500)
    meter.set_load(at_ms + 3 * HOUR_MS, {"household": "urban"})
    meter.set_input(at_ms + 3 * HOUR_MS + 1, "magnet", 700)
    meter.set_clock(at_ms + 4 * HOUR_MS, at_ms)
    meter.set_drift(at_ms + 4 * HOUR_MS + 1, 20_000)
    meter.set_passive_calendar(
        at_ms + 5 * HOUR_MS,
        Calendar(
            name="x",
            days={1: ((0, 1), (600, 2)), 2: ((0, 3),)},
            weeks={"w": (1, 1, 1, 1, 1, 1, 2)},
            seasons=((4, 1, "w"),),
            special_days=((None, 1, 26, 2),),
        ),
    )
    meter.activate_calendar(at_ms + 5 * HOUR_MS + 1)
    meter.set_activation(at_ms + 5 * HOUR_MS + 2, replace(MASKS, masks=(("T1", (1, 2)), ("T2", ()))))
    meter.activate_mask(at_ms + 5 * HOUR_MS + 3, "0.0.14.0.0.255", "T2")
    meter.billing_reset(at_ms + 6 * HOUR_MS)
    meter.clear_profile("block_load", at_ms + 6 * HOUR_MS + 1)
    meter.configure("block_period_s", 1800, at_ms + 7 * HOUR_MS)
    meter.set_emergency(at_ms + 7 * HOUR_MS + 1, EmergencyProfile(1, at_ms + 9 * HOUR_MS, 60), (1,))
    meter.activate_firmware(at_ms + 7 * HOUR_MS + 2, "MTB-02.00")
    meter.pay(at_ms + 7 * HOUR_MS + 3, "update_credit", TOKENS, 500)
    meter.log_transaction(at_ms + 8 * HOUR_MS, 161)
    meter.log_other(at_ms + 8 * HOUR_MS, 921)


def test_every_input_comes_back(tmp_path: Path) -> None:
    path = path_of(tmp_path, "MB0001")
    meter, state = kept(path)
    use(meter)
    again, restored = kept(path)
    assert restored.last_ms == state.last_ms == START_MS + 8 * HOUR_MS
    at_ms = START_MS + DAY_MS
    assert everything(again, at_ms) == everything(meter, at_ms)
    names = {line.split(b'"')[3] for line in path.read_bytes().splitlines() if b'["input"' in line}
    assert names == {name.encode() for name in REPLAY}


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    kept(tmp_path / "MB0001.state")
    assert (tmp_path / "MB0001.state").stat().st_mode & 0o777 == 0o600


def test_a_bench_that_starts_later_gets_the_meter_as_it_was(tmp_path: Path) -> None:
    path = path_of(tmp_path, "MB0001")
    meter, _ = kept(path)
    meter.relay.remote_disconnect(START_MS + 1000)
    again, state = kept(path, HEADER | {"start_ms": START_MS + 9 * DAY_MS})
    assert state.start_ms == START_MS
    assert everything(again, START_MS + 9 * DAY_MS) == everything(meter, START_MS + 9 * DAY_MS)


@given(cut=st.integers(0, 4000), inputs=st.integers(1, 8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_torn_at_any_byte_loses_only_what_was_torn(tmp_path: Path, cut: int, inputs: int) -> None:
    path = tmp_path / "torn.state"
    path.unlink(missing_ok=True)
    meter, _ = kept(path)
    for index in range(inputs):
        (meter.relay.remote_reconnect if index % 2 else meter.relay.remote_disconnect)(START_MS + index * 1000)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(cut, len(whole))])
    _, state = kept(path)
    survived = path.read_bytes()
    lines = whole.split(b"\n")
    complete = whole[: min(cut, len(whole))].count(b"\n")
    if complete:
        assert survived == b"".join(line + b"\n" for line in lines[:complete])
    again, _ = kept(path)
    assert len([line for line in survived.splitlines() if b'"input"' in line]) == max(0, complete - 1)
    assert state.header["seed"] == 42
    assert again.relay.remote_disconnect(START_MS + DAY_MS)


def test_a_file_damaged_in_its_middle_is_refused(tmp_path: Path) -> None:
    path = path_of(tmp_path, "MB0001")
    meter, _ = kept(path)
    use(meter)
    octets = bytearray(path.read_bytes())
    octets[200] ^= 1
    path.write_bytes(octets)
    with pytest.raises(StateError, match="damaged"):
        kept(path)


def test_a_file_of_another_meter_is_refused(tmp_path: Path) -> None:
    path = path_of(tmp_path, "MB0001")
    kept(path)
    with pytest.raises(StateError, match="another seed"):
        kept(path, HEADER | {"seed": 43})


def test_an_input_of_another_version_is_refused(tmp_path: Path) -> None:
    path = path_of(tmp_path, "MB0001")
    _, state = kept(path)
    state.record(START_MS, "teleport", ())
    with pytest.raises(StateError, match="teleport"):
        kept(path)


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    meter, _ = kept(path_of(tmp_path, "MB0001"))
    with pytest.raises(TypeError, match="as a table"):
        meter.set_load(START_MS, ConstantLoad(5))
    assert meter.value("active_power", START_MS) == 1_000_000


def test_notes_keep_the_last_of_a_name_and_the_file_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.state.SUPERSEDED_MAX", 50)
    path = path_of(tmp_path, "MB0001")
    meter, state = kept(path)
    meter.relay.remote_disconnect(START_MS)
    for counter in range(120):
        state.notes["other"] = "x"
        state.put("counter", str(counter))
    state.put("counter", "119")
    state.seen(START_MS + DAY_MS)
    state.seen(START_MS)
    before = path.stat().st_size
    again, restored = kept(path)
    assert restored.notes == {"counter": "119"}
    assert path.stat().st_size < before // 10
    assert restored.last_ms == START_MS + DAY_MS
    assert again.value("control_state", START_MS) == 0
    assert kept(path)[1].notes == {"counter": "119"}


def test_a_note_with_an_asterisk_takes_away_all_that_begin_so(tmp_path: Path) -> None:
    path = path_of(tmp_path, "MB0001")
    _, state = kept(path)
    for name in ("image 1", "image 1 0", "image 1 1", "image 10 0"):
        state.put(name, "x")
    state.put("image 1 *", "")
    left = {"image 1": "x", "image 10 0": "x"}
    assert state.notes == left
    assert kept(path)[1].notes == left


CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.emulator.test_state import START_MS, kept
meter, state = kept(Path(sys.argv[1]))
index = 0
while True:
    (meter.relay.remote_disconnect if index % 2 else meter.relay.remote_reconnect)(START_MS + index * 1000)
    index += 1
    print(index, flush=True)
"""


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "killed.state"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    answered = 0
    while answered < 20:
        answered = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    answered = max([answered, *(int(line) for line in child.stdout if line.strip())])
    child.stdout.close()
    child.wait()
    _, state = kept(path)
    inputs = [line for line in path.read_bytes().splitlines() if b'"input"' in line]
    assert answered <= len(inputs) <= answered + 1
    assert state.last_ms == START_MS + (len(inputs) - 1) * 1000
