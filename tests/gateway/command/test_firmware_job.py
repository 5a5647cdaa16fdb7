"""The command `firmware`: an image of the gateway's folder, on a meter, over restarts of the gateway."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from protocols.firmware_image import FirmwareImage
from tests.broker import mosquitto
from tests.gateway.live import bench, client_48, dlms, listener, running

pytestmark = pytest.mark.interop

IMAGE = FirmwareImage(hardware="MTB/D1", version="MTB-02.00", body=bytes(range(256)) * 120)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "good.bin").write_bytes(IMAGE.encode())
    foreign = FirmwareImage(hardware="MTB/D2", version="MTB-02.00", body=b"")
    (folder / "foreign.bin").write_bytes(foreign.encode())
    return folder


def described(urls: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [{"id": "MB0001", "url": client_48(urls["MB0001"]), "auth": "hls", "read": {"instantaneous": "1s"}}]


def args(images: Path, name: str = "good.bin", **more: Any) -> dict[str, Any]:
    data = (images / name).read_bytes()
    identifier = b"MTB-02.00".hex()
    return {"image": name, "identifier": identifier, "sha256": sha256(data).hexdigest()} | more


async def test_a_transfer_outlives_the_gateway_and_is_confirmed_by_the_meters_version(
    tmp_path: Path, images: Path
) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms(), clock={"rate": 60}) as urls, listener(broker.url) as ear:
            folder = {"firmware": {"images": "images"}}
            async with running(tmp_path, broker.url, described(urls), **folder):
                await ear.first("MB0001/relay")
                ear.send("MB0001", "firmware", "f1", args=args(images))
                await ear.first("/result", id="f1", rung="acknowledged")
            assert not [each for each in ear.payloads("/result") if each.get("final")]
            async with running(tmp_path, broker.url, described(urls), **folder):
                confirmed = await ear.first("/result", id="f1", final=True)
            assert (confirmed["rung"], confirmed["detail"]["stage"]) == ("confirmed", "the meter runs with MTB-02.00")


async def test_what_cannot_be_installed_is_said_with_its_reason(tmp_path: Path, images: Path) -> None:
    wrong = {
        "absent": (args(images) | {"image": "absent.bin"}, "there is no image absent.bin"),
        "digest": (args(images) | {"sha256": "0" * 64}, "has another digest"),
        "foreign": (args(images, "foreign.bin"), "the meter refuses the image"),
    }
    with mosquitto(tmp_path) as broker:
        async with (
            bench(dlms(), clock={"rate": 60}) as urls,
            listener(broker.url) as ear,
            running(tmp_path, broker.url, described(urls), firmware={"images": "images"}),
        ):
            await ear.first("MB0001/relay")
            for name, (said, _) in wrong.items():
                ear.send("MB0001", "firmware", name, args=said)
            for name, (_, reason) in wrong.items():
                result = await ear.first("/result", id=name, final=True)
                assert result["rung"] == "failed"
                assert reason in result["reason"]
