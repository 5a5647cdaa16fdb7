"""mbpoll reads and writes every model, over TCP and over RTU on a pty."""

import re
from pathlib import Path

import pytest

from tests.interop.modbus_wall import Wall, required, run, wall

pytestmark = pytest.mark.interop

REFUSALS = {0: "Written", 1: "Illegal function", 2: "Illegal data address"}
ONLY_16 = ("abb-b23", "abb-b24", "dds238")
"""Whose switch is one register that the gateway writes with function 16, which mbpoll does not use for one."""
TABLES = {3: "4:hex", 4: "3:hex"}


def where(each: Wall, carrier: str) -> list[str]:
    if carrier == "tcp":
        return ["-m", "tcp", "-p", str(each.port), each.host]
    return ["-m", "rtu", "-b", str(each.baud), "-P", "none", each.device]


async def poll(each: Wall, carrier: str, *options: object, values: tuple[object, ...] = ()) -> str:
    once = [] if values else ["-1"]
    return await run(required("mbpoll"), *once, "-0", *map(str, options), *where(each, carrier), *map(str, values))


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_model_is_read_to_the_last_digit(carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each:
        for unit in each.units:
            for read in unit.plan():
                request = read.request
                out = await poll(
                    each, carrier, "-a", unit.number, "-r", request.address, "-c", request.quantity,
                    "-t", TABLES[request.function],
                )  # fmt: skip
                words = re.findall(r"^\[\d+\]:\s+0x([0-9A-F]{4})", out, re.MULTILINE)
                assert "".join(words).lower() == unit.expected(read).hex(), (unit.name, out)


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_model_is_written(carrier: str, tmp_path: Path) -> None:
    """One value goes by function 6, so a single register of a maker who knows only 16 is refused."""
    async with wall(tmp_path) as each:
        for unit in each.units:
            for writing in unit.writings():
                function, words = writing.request.function, writing.words
                if function == 16 and len(words) == 1:
                    continue
                address = writing.request.address
                options = ("-a", unit.number, "-r", address, "-t", 0 if function == 5 else 4)
                out = await poll(each, carrier, *options, values=tuple(words))
                assert REFUSALS[writing.refusal] in out, (unit.name, writing, out)
            if unit.map.relay is not None and unit.name not in ONLY_16:
                assert each.later(unit.name, "output_state") == 0, unit.name


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
