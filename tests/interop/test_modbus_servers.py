"""Our client reads and writes servers that are not ours: libmodbus's and pymodbus's."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus.simulator import DataType, SimData, SimDevice

from benchmarks.modbus_read import build, port_of
from protocols.address import Tcp
from protocols.machine import Answered, Stack
from protocols.modbus import access
from protocols.modbus.client import ModbusClient
from protocols.modbus.pdu import ExceptionResponse, Request
from protocols.modbus.pymodbus_framer import PymodbusFramer
from protocols.transport.conversation import converse
from protocols.transport.dial import dial
from tests.broker import free_port
from tests.interop.modbus_wall import required

pytestmark = pytest.mark.interop


@contextlib.asynccontextmanager
async def asking(port: int, transactions: int) -> AsyncIterator[Any]:
    """A connection of our client: `await ask(request)` is its response."""
    client = ModbusClient(transactions=transactions)
    pump = await dial(
        Tcp(host="127.0.0.1", port=port), lambda _peer: Stack([PymodbusFramer("tcp"), client]), timeout_s=5
    )
    conversation = converse(pump)

    async def ask(request: Request) -> Any:
        ended = await conversation.ask(lambda now_us: client.request(1, request, now_us, 5_000_000))
        assert isinstance(ended, Answered)
        return ended.response

    try:
        yield ask
    finally:
        await conversation.aclose()


async def exercise(ask: Any) -> None:
    """Write, read back, and be refused."""
    assert await ask(access.WriteMultipleRegisters(10, b"abcd")) == access.Written(16, 10, 2)
    assert await ask(access.WriteSingleRegister(12, 0x6566)) == access.WriteSingleRegister(12, 0x6566)
    assert await ask(access.ReadRegisters(3, 10, 3)) == access.Registers(3, b"abcdef")
    answers = await asyncio.gather(*(ask(access.ReadRegisters(3, at, 1)) for at in (10, 11, 12, 10)))
    assert [answer.registers for answer in answers] == [b"ab", b"cd", b"ef", b"ab"]
    refused = await ask(access.ReadRegisters(3, 60000, 2))
    assert refused == ExceptionResponse(3, 2)


async def test_a_server_of_libmodbus(tmp_path: Path) -> None:
    required("gcc")
    try:
        program = build(tmp_path)
    except subprocess.CalledProcessError:
        if os.environ.get("CI") == "true":
            pytest.fail("libmodbus-dev is missing")
        pytest.skip("libmodbus-dev is not installed")
    process = await asyncio.create_subprocess_exec(program, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        descriptor = int(await process.stdout.readline())
        async with asking(port_of(process.pid, descriptor), 4) as ask:
            await exercise(ask)
    finally:
        process.terminate()
        await process.wait()


async def test_a_server_of_pymodbus_which_takes_one_request_at_a_time() -> None:
    from pymodbus.server import ModbusTcpServer

    port = free_port()
    device = SimDevice(id=1, simdata=[SimData(0, values=[0] * 100, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        async with asking(port, 1) as ask:
            await exercise(ask)
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus's own
