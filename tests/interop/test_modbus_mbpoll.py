"""mbpoll reads and writes every model, over TCP and over RTU on a pty."""

import re
from pathlib import Path

import pytest

from tests.interop.modbus_wall import MODELS, Wall, required, run, wall

pytestmark = pytest.mark.interop

TABLES = {3: "4:hex", 4: "3:hex"}


def where(each: Wall, carrier: str) -> list[str]:
    if carrier == "tcp":
        return ["-m", "tcp", "-p", str(each.port), each.host]
    return ["-m", "rtu", "-b", str(each.baud), "-P", "none", each.device]


async def poll(each: Wall, carrier: str, *options: object, values: tuple[object, ...] = ()) -> str:
    once = [] if values else ["-1"]
    return await run(required("mbpoll"), *once, "-0", *map(str, options), *where(each, carrier), *map(str, values))


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
@pytest.mark.parametrize("name", MODELS)
async def test_the_first_and_the_last_request_of_every_model(name: str, carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each:
        unit = each.unit(name)
        planned = unit.plan()
        for read in {planned[0], planned[-1]}:
            request = read.request
            out = await poll(
                each, carrier, "-a", unit.number, "-r", request.address, "-c", request.quantity,
                "-t", TABLES[request.function],
            )  # fmt: skip
            words = re.findall(r"^\[\d+\]:\s+0x([0-9A-F]{4})", out, re.MULTILINE)
            assert "".join(words).lower() == unit.expected(read).hex(), out


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_one_register_is_written_with_function_6_which_not_every_maker_understands(
    carrier: str, tmp_path: Path
) -> None:
    async with wall(tmp_path) as each:
        dds238, abb = each.unit("dds238"), each.unit("abb-b23")
        assert "Illegal function" in await poll(each, carrier, "-a", dds238.number, "-r", 26, "-t", 4, values=(0,))
        assert each.later("dds238", "output_state") == 1
        assert "Written 1" in await poll(each, carrier, "-a", abb.number, "-r", 0x6300, "-t", 4, values=(0,))
        assert each.later("abb-b23", "output_state") == 0


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_a_coil_a_command_block_and_a_float_setting_are_written(carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each:
        acurev, pm5350, sdm120 = (each.unit(name) for name in ("acurev2000", "pm5350", "sdm120"))
        assert "Written 1" in await poll(each, carrier, "-a", acurev.number, "-r", 0, "-t", 0, values=(0,))
        assert each.later("acurev2000", "output_state") == 0
        out = await poll(each, carrier, "-a", pm5350.number, "-r", 5249, "-t", 4, values=(6002, 0, 1))
        assert "Written 3" in out
        assert each.later("pm5350", "output_state") == 0
        out = await poll(each, carrier, "-a", sdm120.number, "-r", 12, "-t", "4:float", "-B", values=(200,))
        assert "Written 1" in out
        assert sdm120.face.memory == {"relay_pulse_width": bytes.fromhex("43480000")}
