"""A Modbus line as the gateway keeps it, against a server that does what a test says: RTU over TCP, real sockets.

Each thing that can come back wrong ends in another try that brings the right value, or in an error by its name.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.meter.dlms_link import Terms
from gateway.meter.modbus_link import SILENT_MAX, ModbusLink, Pauses
from gateway.service.script import AbsentError, NoAnswerError, NoConnectionError
from protocols.address import ModbusAddress, Tcp, parse
from protocols.checksum import crc16_modbus
from protocols.modbus.access import ReadRegisters, Registers, WriteSingleRegister
from protocols.modbus.pdu import ExceptionResponse

QUICK = Terms(timeout_ms=150, retries=1)
READ = ReadRegisters(3, 0, 2)
RIGHT = Registers(3, b"\x00\x01\x00\x02")


def frame(unit: int, pdu: bytes) -> bytes:
    """An RTU frame."""
    body = bytes((unit,)) + pdu
    return body + crc16_modbus(body).to_bytes(2, "little")


GOOD = frame(1, b"\x03\x04\x00\x01\x00\x02")
BAD: dict[str, bytes] = {
    "nothing": b"",
    "a wrong CRC": GOOD[:-1] + bytes((GOOD[-1] ^ 1,)),
    "another unit": frame(2, b"\x03\x04\x00\x09\x00\x09"),
    "another function": frame(1, b"\x04\x04\x00\x09\x00\x09"),
    "a short frame": frame(1, b"\x03\x02\x00\x09"),
    "a long frame": frame(1, b"\x03\x06\x00\x09\x00\x09\x00\x09"),
    "half a frame and then silence": GOOD[:5],
    "noise": bytes(range(40, 60)),
    "busy": frame(1, b"\x83\x06"),
    "acknowledge": frame(1, b"\x83\x05"),
    "a gateway's complaint": frame(1, b"\x83\x0b"),
}


@contextlib.asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[tuple[ModbusLink, list[bytes]]]:
    """A link to a server that gives one of these for each request, in order, and then nothing."""
    waiting, heard = list(answers), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                heard.append(await reader.readexactly(8))
                writer.write(waiting.pop(0) if waiting else b"")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = ModbusLink(ModbusAddress(scheme="modbus+rtu+tcp", carrier=Tcp(host="127.0.0.1", port=port)), Pauses())
    await link.open()
    try:
        yield link, heard
    finally:
        await link.close()
        server.close()


@pytest.mark.parametrize("what", BAD)
async def test_what_comes_back_wrong_is_asked_again(what: str) -> None:
    async with serving(BAD[what], GOOD) as (link, heard):
        assert await link.ask(1, READ, QUICK) == RIGHT
        assert len(heard) == 2


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("nothing", "the meter did not answer"),
        ("a wrong CRC", "checksum"),
        ("another unit", "unit"),
        ("another function", "function"),
        ("half a frame and then silence", "incomplete"),
        ("a short frame", "length"),
        ("a long frame", "length"),
    ],
)
async def test_what_stays_wrong_is_an_error_by_its_name(what: str, sentence: str) -> None:
    async with serving(BAD[what], BAD[what]) as (link, _):
        with pytest.raises(NoAnswerError, match=sentence):
            await link.ask(1, READ, QUICK)


async def test_an_exception_is_an_answer() -> None:
    async with serving(frame(1, b"\x83\x02")) as (link, heard):
        assert await link.ask(1, READ, QUICK) == ExceptionResponse(3, 2)
        assert len(heard) == 1


@pytest.mark.parametrize(("code", "asked"), [(10, 1), (11, 2)])
async def test_what_a_gateway_says_of_a_dead_unit_is_no_answer_of_the_unit(code: int, asked: int) -> None:
    async with serving(*[frame(1, bytes((0x83, code)))] * asked, GOOD) as (link, heard):
        with pytest.raises(AbsentError, match="did not answer") as caught:
            await link.ask(1, READ, QUICK)
        assert link.outlives(caught.value), "the other units behind it are reached by the same connection"
        assert await link.ask(1, READ, QUICK) == RIGHT
        assert len(heard) == asked + 1


async def test_noise_before_an_answer_is_passed_over() -> None:
    async with serving(b"\xff\x00\x55" + GOOD) as (link, heard):
        assert await link.ask(1, READ, QUICK) == RIGHT
        assert len(heard) == 1


@contextlib.asynccontextmanager
async def echoing(*answers: bytes) -> AsyncIterator[ModbusLink]:
    """A link over an adapter that hears itself, to a server that gives one of these for each request."""
    waiting = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                heard = await reader.readexactly(8)
                writer.write(heard + (waiting.pop(0) if waiting else b""))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = ModbusLink(ModbusAddress(scheme="modbus+rtu+tcp", carrier=Tcp(host="127.0.0.1", port=port)), Pauses())
    await link.open()
    try:
        yield link
    finally:
        await link.close()
        server.close()


async def test_the_echo_of_the_first_write_is_not_taken_for_its_answer() -> None:
    write = WriteSingleRegister(0, 1)
    async with echoing() as link:
        with pytest.raises(NoAnswerError, match="only what was sent came back"):
            await link.ask(1, write, QUICK)
    done = frame(1, b"\x06\x00\x00\x00\x01")
    async with echoing(frame(1, b"\x83\x02"), done) as link:
        assert await link.ask(1, write, QUICK) == write


async def test_a_write_is_never_sent_twice() -> None:
    async with serving() as (link, heard):
        with pytest.raises(NoAnswerError):
            await link.ask(1, WriteSingleRegister(0, 1), QUICK)
        assert [each[1] for each in heard] == [3, 6], "a read to find out about an echo, and the write"


async def test_a_late_answer_is_not_the_next_questions() -> None:
    late = frame(1, b"\x03\x04\x00\x07\x00\x07")
    probed = frame(1, b"\x03\x02\x00\x05")
    async with serving(b"", late + probed, GOOD) as (link, heard):
        once = Terms(timeout_ms=150, retries=0)
        with pytest.raises(NoAnswerError) as caught:
            await link.ask(1, ReadRegisters(3, 40, 2), once)
        assert link.outlives(caught.value), "who closes the line forgets what is owed"
        assert await link.ask(1, READ, once) == RIGHT
        assert len(heard) == 3


async def test_a_connection_on_which_nobody_answers_any_more_is_given_up() -> None:
    async with serving() as (link, _):
        for asked in range(1, SILENT_MAX + 1):
            with pytest.raises(NoAnswerError) as caught:
                await link.ask(asked, READ, Terms(timeout_ms=20, retries=0))
            assert link.outlives(caught.value) is (asked < SILENT_MAX)


async def test_a_connection_that_breaks_is_an_error_at_once() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = parse(f"modbus+tcp://127.0.0.1:{port}?unit=1")
    assert isinstance(address, ModbusAddress)
    link = ModbusLink(address, Pauses())
    await link.open()
    with pytest.raises(NoConnectionError):
        await link.ask(1, READ, Terms(timeout_ms=10_000, retries=0))
    await link.close()
    server.close()


def test_units_share_a_link_where_they_are_reached_the_same_way() -> None:
    one, two, fast, ascii_ = (
        parse(url)
        for url in (
            "modbus+rtu:///dev/ttyUSB0?baud=9600&unit=1",
            "modbus+rtu:///dev/ttyUSB0?baud=9600&unit=2",
            "modbus+rtu:///dev/ttyUSB0?baud=19200&unit=3",
            "modbus+ascii:///dev/ttyUSB0?baud=9600&unit=4",
        )
    )
    assert isinstance(one, ModbusAddress)
    link = ModbusLink(one, Pauses())
    assert [link.serves(each) for each in (one, two, fast, ascii_)] == [True, True, False, False]
    assert link.is_serial
