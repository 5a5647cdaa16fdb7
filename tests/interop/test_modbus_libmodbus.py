"""libmodbus reads and writes every model, over TCP and over RTU on a pty; the client is built here."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.interop.modbus_wall import Wall, required, run, wall

pytestmark = pytest.mark.interop
REFUSALS = {0: "ok", 1: "error: Illegal function", 2: "error: Illegal data address"}
SOURCE = Path(__file__).with_name("modbus_client.c")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    gcc, pkg_config = required("gcc"), required("pkg-config")
    found = subprocess.run([pkg_config, "--cflags", "--libs", "libmodbus"], capture_output=True, text=True, check=False)
    if found.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail("libmodbus-dev is missing")
        pytest.skip("libmodbus-dev is not installed")
    target = tmp_path_factory.mktemp("libmodbus") / "modbus_client"
    subprocess.run([gcc, "-Wall", "-Werror", "-O1", "-o", target, SOURCE, *found.stdout.split()], check=True)
    return str(target)


def where(each: Wall, carrier: str) -> list[str]:
    return ["tcp", each.host, str(each.port)] if carrier == "tcp" else ["rtu", each.device, str(each.baud)]


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_model_is_read_to_the_last_digit(program: str, carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each:
        commands, expected = [], []
        for unit in each.units:
            for planned in unit.plan():
                request = planned.request
                commands.append(f"r {unit.number} {request.function} {request.address} {request.quantity}")
                expected.append(unit.expected(planned).hex())
        out = await run(program, *where(each, carrier), data="\n".join(commands) + "\n")
    assert out.split() == expected
    assert len(expected) > 80


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_every_model_is_written(program: str, carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each:
        commands, expected = [], []
        for unit in each.units:
            for writing in unit.writings():
                request, words = writing.request, " ".join(map(str, writing.words))
                commands.append(f"w {unit.number} {request.function} {request.address} {words}")
                expected.append(REFUSALS[writing.refusal])
                if writing.kept is not None and not writing.refusal:
                    commands.append(f"r {unit.number} 3 {writing.kept.address} {writing.kept.quantity}")
                    expected.append("".join(f"{word:04x}" for word in writing.words))
        out = await run(program, *where(each, carrier), data="\n".join(commands) + "\n")
        assert out.splitlines() == expected
        for unit in each.units:
            if unit.map.relay is not None:
                assert each.later(unit.name, "output_state") == 0, unit.name


@pytest.mark.parametrize("carrier", ["tcp", "rtu"])
async def test_settings_relays_and_coils_are_written(program: str, carrier: str, tmp_path: Path) -> None:
    async with wall(tmp_path) as each:
        number = {unit.name: unit.number for unit in each.units}
        commands = [
            f"w {number['sdm120']} 16 0x0C 0x4348 0",
            f"r {number['sdm120']} 3 0x0C 2",
            f"w {number['dds238']} 16 0x1A 0",
            f"w {number['dds238']} 6 0x1A 1",
            f"w {number['abb-b23']} 6 0x6301 1",
            f"r {number['abb-b23']} 3 0x6301 1",
            f"w {number['pem533']} 5 9103 1",
            f"w {number['pem533']} 5 9102 1",
            f"w {number['pem533']} 5 9103 1",
            f"w {number['acurev2000']} 5 3 1",
            f"r {number['acurev2000']} 1 0 8",
            f"w {number['acurev2000']} 5 0 0",
            f"w {number['pm5350']} 16 5249 6002 0 1",
            f"r {number['sdm630']} 4 0 82",
            f"r {number['abb-b23']} 3 0x5B06 2",
        ]
        out = await run(program, *where(each, carrier), data="\n".join(commands) + "\n")
        assert out.splitlines() == [
            "ok", "43480000", "ok", "error: Illegal function", "ok", "0001", "error: Slave device or server failure",
            "ok", "ok", "ok", "10010000", "ok", "ok", "error: Illegal data value", "error: Illegal data address",
        ]  # fmt: skip
        for name in ("dds238", "pem533", "acurev2000", "pm5350"):
            assert each.later(name, "current_l1") == 0
