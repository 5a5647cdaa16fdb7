"""Every function code, asked by pymodbus's client of our server on a socket: TCP, RTU and ASCII."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu.file_message import FileRecord

from protocols.machine import Layer, Stack
from protocols.modbus.ascii import AsciiFramer
from protocols.modbus.rtu import RtuFramer
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import TcpFramer
from protocols.transport.pump import Pump
from protocols.transport.tcp import TcpListener
from tests.protocols.modbus.memory import Memory

pytestmark = pytest.mark.interop

FRAMERS: dict[str, tuple[FramerType, Callable[[], Layer[Any, Any]]]] = {
    "tcp": (FramerType.SOCKET, TcpFramer),
    "rtu": (FramerType.RTU, lambda: RtuFramer("server")),
    "ascii": (FramerType.ASCII, lambda: AsciiFramer("server")),
}


@asynccontextmanager
async def asking(framing: str) -> AsyncIterator[tuple[Any, Memory]]:
    """A client of pymodbus, and the device that it asks."""
    framer, ours = FRAMERS[framing]
    memory = Memory()

    def stack(_peer: object) -> Stack:
        return Stack([ours(), ModbusServer({1: memory}, serial=framing != "tcp")])

    listener = TcpListener("127.0.0.1", 0, lambda: Pump(stack))
    client = AsyncModbusTcpClient("127.0.0.1", port=listener.port, framer=framer, timeout=10, retries=0)
    try:
        assert await client.connect()
        yield client, memory
    finally:
        client.close()
        listener.close()


@pytest.mark.parametrize("framing", FRAMERS)
async def test_bits_and_registers_in_all_their_functions(framing: str) -> None:
    async with asking(framing) as (client, memory):
        assert not (await client.write_coil(7, True)).isError()
        assert not (await client.write_coils(8, [True, False, True])).isError()
        for read in (client.read_coils, client.read_discrete_inputs):
            assert (await read(6, count=6)).bits[:6] == [False, True, True, False, True, False]
        assert not (await client.write_register(100, 0x00F2)).isError()
        assert not (await client.mask_write_register(address=100, and_mask=0xF2, or_mask=0x25)).isError()
        assert (await client.read_holding_registers(100)).registers == [0x00F2 & 0xF2 | 0x25 & ~0xF2 & 0xFFFF]
        assert not (await client.write_registers(101, [1, 2, 3])).isError()
        both = await client.readwrite_registers(read_address=101, read_count=3, write_address=102, values=[9, 8])
        assert both.registers == [1, 9, 8], "it writes before it reads"
        assert (await client.read_input_registers(101, count=3)).registers == [1, 9, 8]
        assert (await client.write_register(666, 1)).exception_code == 4
        assert memory.communication.exceptions == 1


@pytest.mark.parametrize("framing", FRAMERS)
async def test_files_queues_and_who_it_is(framing: str) -> None:
    async with asking(framing) as (client, memory):
        records = [FileRecord(4, 1, b"\x06\xaf\x04\xbe"), FileRecord(3, 9, b"\x10\x0d")]
        assert not (await client.write_file_record(records)).isError()
        assert memory.files == {(4, 1): b"\x06\xaf\x04\xbe", (3, 9): b"\x10\x0d"}
        asked = [FileRecord(4, 1, record_length=4), FileRecord(3, 9, record_length=2)]  # in octets
        read = await client.read_file_record(asked)
        assert [record.record_data for record in read.records] == [b"\x06\xaf\x04\xbe", b"\x10\x0d"]
        assert (await client.read_file_record([FileRecord(4, 10_000, record_length=2)])).exception_code == 2
        if framing != "rtu":  # there pymodbus reckons without the CRC and waits for ever
            assert (await client.read_fifo_queue(address=0x04DE)).values == [0x01B8, 0x1284]
        memory.queue = bytes(64)
        assert (await client.read_fifo_queue(address=0x04DE)).exception_code == 3, "more than 31 registers"
        assert (await client.read_exception_status()).status == 0x6D
        identity = await client.report_device_id()
        assert (identity.identifier, identity.status) == (b"\x11", True)


@pytest.mark.parametrize("framing", FRAMERS)
async def test_identification_comes_in_as_many_answers_as_it_needs(framing: str) -> None:
    async with asking(framing) as (client, memory):
        found: dict[int, bytes] = {}
        at = 0
        while True:
            answer = await client.read_device_information(read_code=3, object_id=at)
            found |= answer.information
            if not answer.more_follows:
                break
            assert answer.next_object_id > at
            at = answer.next_object_id
        assert found == dict(memory.identification())
        assert (await client.read_device_information(read_code=4, object_id=1)).information == {1: b"memory"}
        assert (await client.read_device_information(read_code=4, object_id=9)).exception_code == 2


@pytest.mark.parametrize("framing", FRAMERS)
async def test_what_it_knows_of_its_line(framing: str) -> None:
    async with asking(framing) as (client, memory):
        assert (await client.diag_query_data(b"\x12\x34")).message == b"\x12\x34"
        assert (await client.diag_read_diagnostic_register()).message == 0x1234
        await client.write_register(666, 1)
        assert (await client.diag_read_bus_exception_error_count()).message == 1
        assert (await client.diag_read_bus_message_count()).message == 5
        assert (await client.diag_read_device_message_count()).message == 6
        for counter in (
            client.diag_read_bus_comm_error_count,
            client.diag_read_device_no_response_count,
            client.diag_read_device_nak_count,
            client.diag_read_device_busy_count,
            client.diag_read_bus_char_overrun_count,
        ):
            assert (await counter()).message == 0
        counted = await client.diag_get_comm_event_counter()
        assert (counted.status, counted.count) == (True, memory.communication.event_count)
        log = await client.diag_get_comm_event_log()
        assert log.message_count == memory.communication.bus_messages
        assert bool(log.events) is (framing != "tcp"), "a log is kept on lines"
        assert not (await client.diag_clear_counters()).isError()
        assert (await client.diag_read_bus_message_count()).message == 1
        await client.diag_force_listen_only()
        await client.write_register(50, 7, no_response_expected=True)  # heard, and not done
        await client.diag_restart_communication(True, no_response_expected=True)  # done, and not answered
        assert (await client.read_holding_registers(50)).registers == [0]
        assert (await client.diag_read_bus_message_count()).message == 2
