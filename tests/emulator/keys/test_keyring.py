"""The keys of a meter towards its clients: shared by connections, counted, changed, kept over a restart."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dlms_cosem.enumerations import AuthenticationMechanism

from emulator.bench.assembly import assemble
from emulator.bench.file import BenchError, check
from emulator.bench.running import RunningBench
from emulator.face.cosem.face import CosemFace
from emulator.keys.keyring import Keyring
from protocols.dlms.application import Association
from protocols.dlms.security.keys import KeyUse
from protocols.machine import Peer
from protocols.secret import Secret
from tests.emulator import peers

PEER = Peer("memory", "test")
MODEL = """
base = "is15959-d1"
title = "a D1 whose utility client is ciphered"
[[association]]
client = 48
mechanism = "hls-gmac"
context = "ln-ciphered"
"""
KEYS = {
    "encryption_key": bytes.fromhex("000102030405060708090A0B0C0D0E0F"),
    "authentication_key": bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"),
}


def bench(folder: Path, state: Path | None = None, **more: Any) -> RunningBench:
    (folder / "ciphered.toml").write_text(MODEL)
    meter = {
        "id": "MB0001",
        "model": "ciphered.toml",
        "load": {"constant": 500},
        "listen": ["dlms+tcp://127.0.0.1:0"],
        **more,
    }
    return RunningBench(assemble(check({"meter": [meter]}, "test"), "test", folder, state))


def ring_of(running: RunningBench) -> tuple[Keyring, CosemFace, Association]:
    [resident] = running.residents
    face = resident.cosem
    assert isinstance(face, CosemFace)
    return resident.keyring(face), face, Association(face.associations()[48], 1, PEER)


def test_connections_of_one_client_share_their_counters(tmp_path: Path) -> None:
    ring, face, association = ring_of(bench(tmp_path))
    first = ring.context(association)
    second = ring.context(Association(face.associations()[48], 1, Peer("memory", "another")))
    assert first is not None
    assert first is second
    assert face.invocation_counter(48) == 0
    first.current.received[KeyUse.UNICAST].use(41)
    assert face.invocation_counter(48) == 41
    assert face.invocation_counter(32) == 0


def test_changed_keys_stand_beside_the_old_ones_until_they_are_used(tmp_path: Path) -> None:
    ring, face, association = ring_of(bench(tmp_path))
    context = ring.context(association)
    assert context is not None
    old = context.current
    ring.ring(48).change({"block": Secret(bytes(16))})
    assert ring.context(Association(face.associations()[48], 1, PEER)) is context
    assert context.current is old
    assert context.pending is not None
    context.confirm()
    assert context.current.keys.block == Secret(bytes(16))


def test_counters_go_on_after_a_restart_and_never_repeat(tmp_path: Path) -> None:
    state = tmp_path / "state"
    ring, _, association = ring_of(bench(tmp_path, state))
    context = ring.context(association)
    assert context is not None
    context.current.received[KeyUse.UNICAST].use(7)
    sent = context.current.sent[KeyUse.UNICAST].take()
    ring, _, association = ring_of(bench(tmp_path, state))
    again = ring.context(association)
    assert again is not None
    assert again.current.received[KeyUse.UNICAST].lowest > 7
    assert again.current.sent[KeyUse.UNICAST].take() > sent


def test_a_model_may_lose_its_counters_with_the_supply(tmp_path: Path) -> None:
    for lost in (False, True):
        ring, face, association = ring_of(bench(tmp_path))
        if lost:
            physics = face.plan.model.physics
            failing = replace(physics, power_failure=replace(physics.power_failure, invocation_counters="lost"))
            face.plan.model = replace(face.plan.model, physics=failing)
        context = ring.context(association)
        assert context is not None
        context.current.received[KeyUse.UNICAST].use(7)
        ring.supply_lost()
        assert context.current.received[KeyUse.UNICAST].lowest == (0 if lost else 8)


def test_a_key_of_the_wrong_length_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_SHORT", "short")
    with pytest.raises(BenchError, match='meter "MB0001": the block cipher key of security suite 0 has 16 octets'):
        bench(tmp_path, keys={"block": {"env": "BENCH_SHORT"}})


@pytest.mark.interop
async def test_dlms_cosem_reads_ciphered_with_gmac(tmp_path: Path) -> None:
    def read(url: str, counter: int) -> bytes:
        options: dict[str, Any] = {
            "authentication_method": AuthenticationMechanism.HLS_GMAC,
            "client_system_title": b"MBC00001",
            "client_initial_invocation_counter": counter,
            **KEYS,
        }
        with peers.dlms_client(url.replace("client=16", "client=48"), **options) as client:
            return peers.get(client, 1, "0.0.42.0.0.255", 2)

    async with bench(tmp_path) as running:
        [url] = running.endpoint.urls(running.residents[0])
        assert (await asyncio.to_thread(read, url, 1)).endswith(b"MB0001")
        assert (await asyncio.to_thread(read, url, 100)).endswith(b"MB0001")
        with pytest.raises(Exception, match=r"."):  # a counter that was used before
            await asyncio.to_thread(read, url, 1)
