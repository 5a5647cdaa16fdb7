"""`meter-emulator image` and `meter-gateway firmware`: from a file that is made to a meter that runs with it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from emulator.commands import app as emulator
from gateway.commands import app as gateway
from gateway.desk.firmware import install, transfer_of
from gateway.meter.firmware import Stage
from protocols.firmware_image import IMAGE_OCTETS_MAX, FirmwareImage
from tests.gateway.live import bench, dlms


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.bin"
    result = CliRunner().invoke(emulator, ["image", str(path), "--octets", "20000"])
    assert result.exit_code == 0, result.output
    assert "MTB-02.00 for MTB/D1, 20000 octets" in result.output
    return path


def as_client_80(urls: dict[str, list[str]]) -> str:
    return urls["MB0001"][0].replace("client=16", "client=80")


async def firmware(*arguments: str) -> Result:
    """What the tool does, while this loop's bench runs."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(gateway, ["firmware", *arguments]))


async def test_a_file_becomes_a_meters_firmware_with_progress_on_the_way(image: Path) -> None:
    async with bench(dlms(), clock={"rate": 60}) as urls:
        held = await firmware(as_client_80(urls), str(image), "--no-activate", "--progress")
        assert (held.exit_code, held.stdout) == (0, "the meter holds MTB-02.00, verified\n")
        assert held.stderr.splitlines()[:2] == ["the transfer has begun", "block 100 of 100"]
        run = await firmware(as_client_80(urls), str(image), "--json", "--progress")
        assert run.exit_code == 0
        assert json.loads(run.stdout) == {"blocks": 100, "sentence": "the meter runs with MTB-02.00"}
        told = [json.loads(line) for line in run.stderr.splitlines()]
        assert {(each["done"], each["most"]) for each in told} == {(100, 100)}


async def test_what_is_no_image_for_this_meter_is_told(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_bytes(FirmwareImage(hardware="MTB/D2", version="1", body=b"").encode())
    async with bench(dlms(), clock={"rate": 60}) as urls:
        refused = await firmware(as_client_80(urls), str(foreign))
        assert refused.exit_code == 1
        assert "the meter refuses the image: verification_failed" in refused.stderr


async def test_an_interrupt_says_how_far_it_was_and_the_same_command_goes_on(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*arguments: Any) -> Stage:
        """The real thing, and Ctrl-C when it has told of its blocks."""
        config, transfer, now_ms, tell, *more = arguments

        def told(stage: Stage) -> None:
            tell(stage)
            if stage.have:
                raise KeyboardInterrupt

        return await install(config, transfer, now_ms, told, *more)

    async with bench(dlms(), clock={"rate": 60}) as urls:
        with monkeypatch.context() as patched:
            patched.setattr("gateway.desk.meter_commands.install", interrupted)
            stopped = await firmware(as_client_80(urls), str(image), "--no-activate")
        assert stopped.exit_code == 1
        assert (
            stopped.stderr == "interrupted: 100 of 100 blocks are on the meter; the same command goes on from there\n"
        )
        assert (await firmware(as_client_80(urls), str(image), "--no-activate")).exit_code == 0


async def test_nobody_there_is_told_once_patience_ends(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.desk.firmware.RETRY_S", 0.01)
    gone = await firmware("dlms+tcp://127.0.0.1:1?client=80", str(image), "--patience", "50ms")
    assert gone.exit_code == 3
    assert "127.0.0.1:1" in gone.stderr


def test_files_that_cannot_be_images_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    empty, large = tmp_path / "empty", tmp_path / "large"
    empty.touch()
    with large.open("wb") as file:
        file.truncate(IMAGE_OCTETS_MAX + 1)
    for file_name, reason in ((empty, "is empty"), (large, "larger than"), (tmp_path / "absent", "can't be read")):
        with pytest.raises(ValueError, match=reason):
            transfer_of(file_name, None, activate=True)
    result = CliRunner().invoke(gateway, ["firmware", "dlms+tcp://127.0.0.1:1", str(empty)])
    assert (result.exit_code, "is empty" in result.stderr) == (2, True)


def test_an_image_that_does_not_say_what_it_is_goes_by_its_file_or_by_what_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "V7.img"
    file.write_bytes(bytes(10))
    assert transfer_of(file, None, activate=True).identifier == b"V7"
    assert transfer_of(file, "ours", activate=True).identifier == b"ours"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--version", "x" * 17], "--version"), (["--model", "nothing"], "nothing"), (["--octets", "1"], "octets")],
)
def test_an_image_that_cannot_be_is_told(tmp_path: Path, arguments: list[str], reason: str) -> None:
    result = CliRunner().invoke(emulator, ["image", str(tmp_path / "image"), *arguments])
    assert result.exit_code == 2
    assert reason in result.stderr
