"""What a meter can't know or can't mean reaches MQTT as null with the reason; pymodbus's server is the meter."""

from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocols.model.loader import load
from tests.broker import free_port, mosquitto
from tests.gateway.live import listener, running

pytestmark = pytest.mark.interop

RAW = {
    "voltage_l1": 2301,
    "voltage_l2": 0xFFFF_FFFF,
    "voltage_l3": 99_999,
    "current_l1": 150,
    "active_power": 0x7FFF_FFFF,
    "active_power_l1": -34_500,
    "frequency": 4_999,
    "power_factor": 2_000,
    "active_energy_import": 123_456,
    "active_energy_export": 0xFFFF_FFFF_FFFF_FFFF,
}
"""Of an ABB B23, by quantity; all else is 0."""

PUBLISHED: dict[str, tuple[str | None, str, str | None]] = {
    "voltage_l1": ("230.1", "good", None),
    "voltage_l2": (None, "error", "not available"),
    "voltage_l3": (None, "error", "out of range"),
    "current_l1": ("1.50", "good", None),
    "active_power": (None, "error", "not available"),
    "active_power_l1": ("-345.00", "good", None),
    "frequency": ("49.99", "good", None),
    "power_factor": (None, "error", "out of range"),
    "active_energy_import": ("1234560", "good", None),
    "active_energy_export": (None, "error", "not available"),
}


def registers() -> list[int]:
    """The meter's memory."""
    modbus = load("abb-b23").modbus
    assert modbus is not None
    memory = [0] * 0x9000
    for name, raw in RAW.items():
        spec = modbus.by_name(name)
        assert spec is not None, name
        data = (raw % (1 << 16 * spec.words)).to_bytes(2 * spec.words)
        memory[spec.address : spec.end] = [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]
    return memory


async def test_sentinels_and_values_out_of_range_are_published_as_null_with_the_reason(tmp_path: Path) -> None:
    port = free_port()
    device = SimDevice(id=1, simdata=[SimData(0, values=registers(), datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    meter: dict[str, Any] = {"id": "EA0001", "url": f"modbus+tcp://127.0.0.1:{port}?unit=1", "model": "abb-b23"}
    try:
        with mosquitto(tmp_path) as broker:
            async with listener(broker.url) as ear, running(tmp_path, broker.url, [meter]):
                reading = await ear.first("EA0001/reading/instantaneous")
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus's own
    values = {each["name"]: each for each in reading["rows"][0]["values"]}
    shown = {name: (each.get("value"), each["quality"], each.get("reason")) for name, each in values.items()}
    assert {name: shown[name] for name in PUBLISHED} == PUBLISHED
    assert all(isinstance(each["register"], int) for each in values.values())
