"""Two real lines of one bench on ptys: 30 Modbus units of five models, eight DLMS meters; then three of each die.

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

pytestmark = pytest.mark.interop

MODELS = ("sdm120", "sdm230", "dds238", "abb-b23", "pem533")
MODBUS = tuple(f"U{unit:03}" for unit in range(1, 31))
DLMS = tuple(f"D{station:03}" for station in range(17, 25))
DEAD = (*MODBUS[3:6], *DLMS[2:5])
LIVING = tuple(name for name in MODBUS + DLMS if name not in DEAD)


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
            before = {name: readings(ear, name) for name in LIVING}
            for name in DEAD:
                await ear.first(f"{name}/status", status="offline")
            for name in LIVING:
                await ear.until(lambda name=name: readings(ear, name) >= before[name] + 2)  # type: ignore[misc]
            await ear.until(lambda: all(last_status(ear, name) != "offline" for name in LIVING))


def readings(ear: Listener, name: str) -> int:
    """How many readings of a meter have come."""
    return len(ear.payloads(f"/{name}/reading/instantaneous"))


def last_status(ear: Listener, name: str) -> str:
    """How a meter is, as was told last."""
    return str(ear.payloads(f"/{name}/status")[-1]["status"])
