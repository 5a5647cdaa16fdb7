"""A line whose adapter hears itself: the coil that works a relay is answered by the very bytes that were sent."""

from pathlib import Path

from tests.broker import mosquitto
from tests.gateway.live import bench, listener, running


async def test_a_relay_is_worked_through_an_adapter_that_echoes(tmp_path: Path) -> None:
    path = f"{tmp_path}/line"
    meter = {"id": "EA0001", "model": "acurev2000", "listen": [f"modbus+rtu://pty?path={path}&baud=19200&unit=1"]}
    reached = {"model": "acurev2000", "observe_after": "50ms", "timeout": "1s", "read": {"instantaneous": "1h"}}
    meters = [
        {"id": name, "url": f"modbus+rtu://{path}?baud=19200&unit={unit}"} | reached
        for name, unit in (("EA0001", 1), ("NOBODY", 2))
    ]
    with mosquitto(tmp_path) as broker:
        async with (
            bench(meter, line=[{"on": path, "local_echo": True}]),
            listener(broker.url) as ear,
            running(tmp_path, broker.url, meters),
        ):
            await ear.first("gw1/status", online=True)
            for verb in ("disconnect", "reconnect"):
                ear.send("EA0001", verb, verb, cause="maintenance")
                assert (await ear.first("EA0001/result", id=verb, final=True))["rung"] == "observed"
            silent = await ear.first("NOBODY/status", consecutive_failures=1)
            assert "only what was sent came back" in silent["reason"]
