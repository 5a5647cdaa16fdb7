"""Two real lines of a bench on ptys: 30 Modbus units of five models, 8 DLMS meters; three of each die, one makes noise.

Emulator and gateway run with real carriers in the test's own loop, mosquitto beside them. How long a reading may take
here is left to the machine; `tests/scenarios/test_shared_lines.py` measures it in simulated time.
"""

from pathlib import Path
from typing import Any

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import check
from emulator.bench.running import RunningBench
from emulator.meter import Meter
from protocols.transport.pump import link_time_us
from tests.broker import mosquitto
from tests.gateway.live import Listener, listener, running
from tests.laws.line import seeded
from tests.scenarios.line_world import Spoiled

pytestmark = pytest.mark.interop

MODELS = ("sdm120", "sdm230", "dds238", "abb-b23", "pem533")
MODBUS = tuple(f"U{unit:03}" for unit in range(1, 31))
DLMS = tuple(f"D{station:03}" for station in range(17, 25))
DEAD = (*MODBUS[3:6], *DLMS[2:5])
NOISY = (MODBUS[7], DLMS[6])
"""Meters whose driver breaks: their frames are noise, and now and then they talk before somebody else does."""
LIVING = tuple(name for name in MODBUS + DLMS if name not in DEAD + NOISY)


def sections(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The meters of the bench's file and of the gateway's."""
    bench, gateway = [], []
    common: dict[str, Any] = {"timeout": "500ms"}
    for number, name in enumerate(MODBUS):
        model = MODELS[number % len(MODELS)]
        listen = [f"modbus+rtu://pty?path={folder}/modbus&baud=115200&unit={number + 1}"]
        bench.append({"id": name, "model": model, "load": {"constant": 500}, "listen": listen})
        url = f"modbus+rtu://{folder}/modbus?baud=115200&unit={number + 1}"
        gateway.append({"id": name, "model": model, "url": url, "read": {"instantaneous": "5s"}} | common)
    for number, name in enumerate(DLMS):
        listen = [f"dlms+hdlc://pty?path={folder}/dlms&baud=115200&physical={17 + number}"]
        bench.append({"id": name, "model": "is15959-d1", "load": {"constant": 500}, "listen": listen})
        url = f"dlms+hdlc://{folder}/dlms?baud=115200&client=32&server=1&physical={17 + number}"
        read = {"url": url, "auth": "lls", "read": {"instantaneous": "5s"}}
        gateway.append({"id": name, "model": "is15959-d1"} | read | common)
    return bench, gateway


def break_driver(bench: RunningBench, name: str, babble: float) -> None:
    """Let a meter make noise from now on."""
    number = (MODBUS + DLMS).index(name)
    whose = (lambda frame: frame[0]) if name in MODBUS else (lambda frame: frame[5] >> 1)
    station = number + 1 if name in MODBUS else 17 + number - len(MODBUS)
    [resident] = [each for each in bench.residents if each.id == name]
    [line] = bench.endpoint.lines_of(resident)
    [pump] = tuple(line.pumps or ())
    spoiled = Spoiled(pump.machine, whose, seeded(number))
    spoiled.noisy, spoiled.babble = {station}, babble
    pump._take(spoiled)


async def test_two_lines_go_on_when_three_of_each_die_and_somebody_talks_over_them(tmp_path: Path) -> None:
    meters, gateway = sections(tmp_path)
    behaviour = {"on": f"{tmp_path}/modbus", "collision_permille": 20, "other_master_s": 2}
    said = {"seed": 30, "meter": meters, "line": [behaviour]}
    bench = RunningBench(assemble(check(said, "test"), "test", Path()))
    with mosquitto(tmp_path) as broker:
        async with bench, listener(broker.url) as ear, running(tmp_path, broker.url, gateway):
            for name in MODBUS + DLMS:
                reading = await ear.first(f"{name}/reading/instantaneous")
                assert any(value["quality"] == "good" for value in reading["rows"][0]["values"]), name

            for resident in bench.residents:
                if resident.id in DEAD:
                    assert isinstance(resident.meter, Meter)
                    resident.meter.outage(resident.clock.true_ms(link_time_us()))
                    bench.touch(resident)
            for name in NOISY:
                break_driver(bench, name, babble=0.02)
            before = {name: readings(ear, name) for name in LIVING}
            for name in DEAD + NOISY:
                await ear.first(f"{name}/status", status="offline")
            noise = {name: readings(ear, name) for name in NOISY}
            for name in LIVING:
                await ear.until(lambda name=name: readings(ear, name) >= before[name] + 2)  # type: ignore[misc]
            await ear.until(lambda: all(last_status(ear, name) != "offline" for name in LIVING))
            assert {name: readings(ear, name) for name in NOISY} == noise, "noise is never a reading"


def readings(ear: Listener, name: str) -> int:
    """How many readings of a meter have come."""
    return len(ear.payloads(f"/{name}/reading/instantaneous"))


def last_status(ear: Listener, name: str) -> str:
    """How a meter is, as was told last."""
    return str(ear.payloads(f"/{name}/status")[-1]["status"])
