"""pymodbus's own client reads and writes every model, over TCP and over RTU on a pty."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from tests.interop.modbus_wall import Wall, wall
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.interop


@asynccontextmanager
async def connected(each: Wall, carrier: str) -> AsyncIterator[Any]:
    client: Any
    if carrier == "tcp":
        client = AsyncModbusTcpClient(each.host, port=each.port, timeout=PATIENCE_S)
    else:
        client = AsyncModbusSerialClient(each.device, baudrate=each.baud, timeout=PATIENCE_S)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_model_is_read_to_the_last_digit(carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each, connected(each, carrier) as client:
        for unit in each.units:
            for planned in unit.plan():
                request = planned.request
                read = client.read_holding_registers if request.function == 3 else client.read_input_registers
                answer = await read(request.address, count=request.quantity, device_id=unit.number)
                assert not answer.isError(), (unit.name, request)
                data = b"".join(word.to_bytes(2, "big") for word in answer.registers)
                assert data == unit.expected(planned), (unit.name, request)


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_model_is_written(carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each, connected(each, carrier) as client:
        for unit in each.units:
            for writing in unit.writings():
                request, words = writing.request, writing.words
                match request.function:
                    case 5:
                        answer = await client.write_coil(request.address, bool(words[0]), device_id=unit.number)
                    case 6:
                        answer = await client.write_register(request.address, words[0], device_id=unit.number)
                    case _:
                        answer = await client.write_registers(request.address, words, device_id=unit.number)
                assert (answer.exception_code if answer.isError() else 0) == writing.refusal, (unit.name, writing)
                if writing.kept is not None and not writing.refusal:
                    kept = await client.read_holding_registers(
                        writing.kept.address, count=writing.kept.quantity, device_id=unit.number
                    )
                    assert kept.registers == words, (unit.name, writing)
            if unit.map.relay is not None:
                assert each.later(unit.name, "output_state") == 0, unit.name


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_way_to_write(carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each, connected(each, carrier) as client:
        sdm120, acurev, pem533, abb = (each.unit(name) for name in ("sdm120", "acurev2000", "pem533", "abb-b23"))
        written = await client.write_registers(0x0C, [0x4348, 0], device_id=sdm120.number)
        assert not written.isError()
        assert sdm120.face.memory == {"relay_pulse_width": bytes.fromhex("43480000")}
        refused = await client.write_register(0x0C, 1, device_id=sdm120.number)
        assert refused.exception_code == 1
        assert not (await client.write_coil(0, False, device_id=acurev.number)).isError()
        bits = await client.read_coils(0, count=8, device_id=acurev.number)
        assert not bits.isError()
        assert (await client.write_coil(9103, True, device_id=pem533.number)).exception_code == 4
        for coil in (9102, 9103):
            assert not (await client.write_coil(coil, True, device_id=pem533.number)).isError()
        assert not (await client.write_register(0x6300, 0, device_id=abb.number)).isError()
        assert [each.later(unit.name, "output_state") for unit in (acurev, pem533, abb)] == [0, 0, 0]


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_who_made_it(carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each, connected(each, carrier) as client:
        answer = await client.read_device_information(read_code=1, object_id=0, device_id=each.unit("pm5350").number)
        assert answer.information[1] == b"PM5350"
        refused = await client.read_device_information(read_code=1, object_id=0, device_id=each.unit("sdm120").number)
        assert refused.exception_code == 1
