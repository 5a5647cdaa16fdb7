"""What users do wrong, and what meters do to them: one sentence that says what to do next, and the exit status."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator

import pytest

from gateway.exit_status import ExitStatus
from tests.gateway.desk.tool import beside, program
from tests.gateway.live import bench, client_48, dlms
from tests.patience import PATIENCE_S


@contextlib.asynccontextmanager
async def silent() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A port on which somebody listens and says nothing; the event is set when it has heard something."""
    heard = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            heard.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield f"dlms+tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()


@pytest.mark.parametrize("tool", [("read",), ("objects",), ("profile", "block_load"), ("relay", "status")])
async def test_a_meter_that_says_nothing_is_told(tool: tuple[str, ...]) -> None:
    async with silent() as (url, _):
        name, *rest = tool
        gone = await beside(name, url, *rest, "--timeout", "20ms", "--json")
    assert gone.exit_code == ExitStatus.NO_CONNECTION
    said = json.loads(gone.stderr)
    assert said["status"] == ExitStatus.NO_CONNECTION
    assert "does not answer: " in said["error"], "and what may be the matter"


async def test_a_wrong_carrier_or_client_is_told_with_what_to_look_at() -> None:
    async with bench(dlms()) as urls:
        url = urls["MB0001"][0]
        carrier = await beside("read", url.replace("dlms+tcp", "dlms+hdlc+tcp"), "--timeout", "200ms")
        assert (carrier.exit_code, "whether it speaks HDLC there" in carrier.stderr) == (ExitStatus.NO_CONNECTION, True)
        nobody = await beside("read", url.replace("client=16", "client=77"))
        assert (nobody.exit_code, "client address" in nobody.stderr) == (ExitStatus.NOT_LET_IN, True)
        public = await beside("relay", url, "disconnect")
        assert (public.exit_code, "another client of the meter" in public.stderr) == (ExitStatus.SAID_NO, True)


async def test_ctrl_c_ends_a_tool_at_once_whatever_the_meter_does() -> None:
    async with silent() as (url, heard):
        tool = await program("read", url, "--timeout", "300s")
        await asyncio.wait_for(heard.wait(), PATIENCE_S)
        tool.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(tool.communicate(), PATIENCE_S)
    assert (tool.returncode, said.decode()) == (ExitStatus.SAID_NO, "interrupted\n")


WRONG_NAMES = {
    "1.0.1.8.0.999": (ExitStatus.WRONG_USE, "1.0.1.8.0.999"),
    "energy": (ExitStatus.WRONG_USE, "energy"),
    "1.0.99.99.99.255": (ExitStatus.WRONG_USE, "name its class too"),
    "3:1.0.99.99.99.255": (ExitStatus.SAID_NO, "object-undefined"),
    "3:1.0.1.8.0.255:99": (ExitStatus.SAID_NO, "the meter refuses 3:1.0.1.8.0.255:99"),
    "8:1.0.1.8.0.255": (ExitStatus.SAID_NO, "the meter refuses 8:1.0.1.8.0.255:2"),
    "99999:1.0.1.8.0.255": (ExitStatus.WRONG_USE, "a class is 0 to 65535"),
    "3:1.0.1.8.0.255:300": (ExitStatus.WRONG_USE, "an attribute is -128 to 127"),
    "40001": (ExitStatus.WRONG_USE, "is no logical name"),
}


async def test_a_wrong_name_is_one_sentence() -> None:
    async with bench(dlms()) as urls:
        for name, (status, said) in WRONG_NAMES.items():
            wrong = await beside("read", client_48(urls["MB0001"]), name, "--auth", "hls")
            assert (wrong.exit_code, wrong.stderr.count("\n")) == (status, 1), (name, wrong.stderr)
            assert said in wrong.stderr


async def test_a_modbus_meter_is_recognised_and_has_no_objects_and_no_rows() -> None:
    async with bench({"id": "MB1", "model": "sdm120", "listen": ["modbus+tcp://127.0.0.1:0"]}) as urls:
        url, known = urls["MB1"][0], ("--model", "sdm120")
        voltage = await beside("read", url)
        assert (voltage.exit_code, voltage.stdout.split()[0]) == (0, "voltage"), voltage.stderr
        assert "has no list of objects" in (await beside("objects", url, *known)).stderr
        rows = await beside("profile", url, "instantaneous", "--last", "3", *known)
        assert (rows.exit_code, "keeps no rows" in rows.stderr) == (ExitStatus.WRONG_USE, True)
