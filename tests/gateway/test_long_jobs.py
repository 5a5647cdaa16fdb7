"""Keys, tariffs and firmware: long jobs with a meter whose wire is real."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.push.tap import Heard
from protocols.model.association import SECRETS_DEFAULT
from tests.broker import mosquitto
from tests.gateway.live import bench, client_48, dlms, listener, running

pytestmark = pytest.mark.interop

NEXT = {
    "block": "0F0E0D0C0B0A09080706050403020100",
    "authentication": "DFDEDDDCDBDAD9D8D7D6D5D4D3D2D1D0",
}


def meter(urls: dict[str, list[str]], **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": "MB0001", "url": client_48(urls["MB0001"]), "auth": "hls", "read": {"instantaneous": "500ms"}}
        | {"keys": {"master": {"env": "TEST_MASTER"}}} | more
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_MASTER", "101112131415161718191A1B1C1D1E1F")
    for name, value in NEXT.items():
        monkeypatch.setenv(f"TEST_NEXT_{name.upper()}", value)


async def test_keys_are_changed_confirmed_by_use_and_remembered(tmp_path: Path) -> None:
    following = {name: {"env": f"TEST_NEXT_{name.upper()}"} for name in NEXT}
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url) as ear:
            described = meter(urls, next_keys=following)
            async with running(tmp_path, broker.url, described) as live:
                await ear.first("MB0001/relay")
                ear.send("MB0001", "rotate_keys", "k1", args={"keys": ["block", "authentication"]})
                confirmed = await ear.first("/result", id="k1", final=True)
                assert (confirmed["rung"], confirmed.get("reason")) == ("confirmed", None)
                unit = live.gateway.fleet.line_of["MB0001"].units["MB0001"]
                assert unit.secrets["block"].matches(bytes.fromhex(NEXT["block"]))
                before = len(ear.payloads("/instantaneous"))
                await ear.until(lambda: len(ear.payloads("/instantaneous")) > before + 1)
            async with running(tmp_path, broker.url, described) as live:
                before = len(ear.payloads("/instantaneous"))
                await ear.until(lambda: len(ear.payloads("/instantaneous")) > before + 1)
            for message in ear.seen:
                assert NEXT["block"].lower() not in message.payload.decode().lower()


async def test_pushes_go_on_under_the_new_keys(tmp_path: Path) -> None:
    """What is on the wire is deciphered here by hand: first by the old key alone, then by the new one alone."""
    following = {name: {"env": f"TEST_NEXT_{name.upper()}"} for name in NEXT}
    pushing = dlms(push={"to": "connection", "random": 0})
    wire: list[bytes] = []
    with mosquitto(tmp_path) as broker:
        async with bench(pushing, clock={"rate": 6000}) as urls, listener(broker.url) as ear:
            described = meter(urls, next_keys=following, model="is15959-d1")
            async with running(tmp_path, broker.url, described) as live:
                take = live.gateway.intake.take

                def note(heard: Heard) -> None:
                    wire.append(heard.apdu)
                    take(heard)

                live.gateway.intake.take = note  # type: ignore[method-assign]
                await ear.until(lambda: ear.payloads("MB0001/reading/block_load"))
                ear.send("MB0001", "rotate_keys", "k1", args={"keys": ["block", "authentication"]})
                confirmed = await ear.first("/result", id="k1", final=True)
                assert (confirmed["rung"], confirmed["detail"]["push"]) == ("confirmed", "acknowledged")
                pushed, read = len(wire), len(ear.payloads("MB0001/reading/block_load"))
                await ear.until(lambda: len(ear.payloads("MB0001/reading/block_load")) > read + 2)
                refused = live.gateway.health.registry.get_sample_value(
                    "gateway_errors_total", {"kind": "push_refused"}
                )
    old = SECRETS_DEFAULT["block"].reveal()
    assert (is_of(wire[0], old), is_of(wire[0], bytes.fromhex(NEXT["block"]))) == (True, False)
    assert wire[pushed + 1 :]
    for apdu in wire[pushed + 1 :]:
        assert (is_of(apdu, old), is_of(apdu, bytes.fromhex(NEXT["block"]))) == (False, True)
    assert refused is None


def is_of(apdu: bytes, key: bytes) -> bool:
    """Whether a general-glo APDU that is encrypted only holds a push of this meter under a key."""
    assert (apdu[0], apdu[1]) == (0xDB, 8)
    title, control = apdu[2:10], 11 + (apdu[10] & 0x7F if apdu[10] & 0x80 else 0)
    assert apdu[control] == 0x20
    counter, ciphered = apdu[control + 1 : control + 5], apdu[control + 5 :]
    nonce = title + counter + (2).to_bytes(4, "big")  # the block after that of the tag
    plain = Cipher(algorithms.AES(key), modes.CTR(nonce)).decryptor().update(ciphered)
    return plain.startswith(b"\x0f") and b"MTBMB0001" in plain


async def test_keys_without_a_master_or_a_next_one_are_not_changed(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url) as ear, running(tmp_path, broker.url, meter(urls)):
            await ear.first("MB0001/relay")
            ear.send("MB0001", "rotate_keys", "k1", args={"keys": ["block"]})
            assert "next_keys.block" in (await ear.first("/result", id="k1", final=True))["reason"]


async def test_a_tariff_becomes_the_passive_calendar(tmp_path: Path) -> None:
    args = {
        "name": "SUMMER27",
        "season_profile": "0101020309013109" + "0CFFFF0101FF00000000800000" + "090131",
        "week_profile": "0101020809013111011101110111011101110111" + "01",
        "day_profile": "01010202110101010203090400000000090600000A0064FF120001",
        "activate_at": "2031-04-01T00:00:00+05:30",
    }
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url) as ear, running(tmp_path, broker.url, meter(urls)):
            await ear.first("MB0001/relay")
            ear.send("MB0001", "tariff", "t1", args=args)
            result = await ear.first("/result", id="t1", final=True)
            assert result["rung"] == "confirmed", json.dumps(result)
            ear.send("MB0001", "tariff", "t2", args=args | {"day_profile": "FFFF"})
            assert (await ear.first("/result", id="t2", final=True))["rung"] == "failed"
