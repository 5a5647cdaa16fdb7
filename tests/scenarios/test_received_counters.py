"""What a meter has said before is not believed again, not even by a gateway that was killed in between."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.bench.assembly import assemble
from emulator.bench.file import check as check_bench
from emulator.bench.running import RunningBench
from gateway.configuration.config import check
from gateway.meter.dlms_link import DlmsLink
from gateway.meter.dlms_profile import Get, obis
from gateway.meter.received import Received
from gateway.meter.security import NoBook
from gateway.outbox.group_commit import GroupCommit
from gateway.outbox.store import open_store
from gateway.service.script import NotLetInError
from gateway.service.unit import Unit, make_units, zone_of
from protocols.dlms.application import Association, Refusal
from protocols.dlms.security.context import KeySet
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.protection import ClientProtection
from protocols.machine import Peer
from protocols.secret import Secret

NAME = Get(1, obis("0.0.42.0.0.255"), 2)
KEYS = {"block": "5C1E77A09B34D2F8816AE03C94B7F1D5", "authentication": "A3F90C52E7184BD6902EC5F7731B6D48"}
random = os.urandom  # noqa: TID251 (the test is the program's edge)


@contextlib.asynccontextmanager
async def bench(folder: Path, *, own_keys: bool = True) -> AsyncIterator[str]:
    """A meter that remembers nothing: its counters begin anew with it."""
    for name, key in KEYS.items():
        (folder / name).write_text(key)
    meter: dict[str, Any] = {
        "id": "MB0001", "model": "is15959-d1", "load": {"constant": 500}, "listen": ["dlms+tcp://127.0.0.1:0"],
    }  # fmt: skip
    if own_keys:
        meter["keys"] = {name: {"file": name} for name in KEYS}
    running = RunningBench(assemble(check_bench({"seed": 7, "meter": [meter]}, "test"), "test", folder))
    async with running:
        yield running.endpoint.urls(running.residents[0])[0].replace("client=16", "client=48")


@contextlib.asynccontextmanager
async def gateway(
    folder: Path, url: str, *, own_keys: bool = True, **more: Any
) -> AsyncIterator[tuple[Unit, DlmsLink]]:
    """A gateway's way to the meter, with the store that earlier ones have left; it ends without a goodbye."""
    meter = {"id": "MB0001", "url": url, "auth": "hls", "timeout": "5s"} | more
    if own_keys:
        meter["keys"] = {name: {"file": name} for name in KEYS}
    config = check({"id": "gw1", "meter": [meter]}, "", "test")
    [unit] = make_units(config, folder, zone_of("Asia/Kolkata"), random, lambda: 0)
    commit = GroupCommit(open_store(folder / "gateway.db", 0, random).store)
    serving = asyncio.create_task(commit.serve())
    unit.keep_counter(commit)
    link = unit.link(random)
    assert isinstance(link, DlmsLink)
    try:
        yield unit, link
    finally:
        await link.close()
        commit.stop()
        await serving
        commit.store.close()


async def stored(unit: Unit) -> None:
    """What was read is stored, as at the end of a poll."""
    assert unit.credentials is not None
    assert unit.credentials.shared is not None
    commit = unit.credentials.shared.book._commit  # type: ignore[attr-defined]  # the store's
    await commit.run(unit.note_received)


async def test_an_answer_that_was_stored_is_refused_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bytes] = []
    opened = ClientProtection.unprotect

    def heard(self: ClientProtection, apdu: bytes, association: Association, now_us: int) -> bytes | Refusal:
        answers.append(apdu)
        return opened(self, apdu, association, now_us)

    async with bench(tmp_path) as url:
        with monkeypatch.context() as patch:
            patch.setattr(ClientProtection, "unprotect", heard)
            async with gateway(tmp_path, url) as (unit, link):
                await link.open()
                await link.ask(NAME)
                await stored(unit)
                title = link._client.association.server_title  # type: ignore[union-attr]  # it stands
        assert len(answers) == 3  # InitiateResponse, proof, name
        for written_down in (True, False):
            async with gateway(tmp_path, url) as (unit, link):
                assert unit.credentials is not None
                shared = unit.credentials.shared
                assert shared is not None
                if not written_down:
                    shared.book = NoBook()
                await shared.begin(nothing_shown)
                association = Association(unit.credentials.profile, 1, Peer("test", "somebody"))
                association.server_title = title
                protection = shared.protection(association)
                assert protection is not None
                heard_again = [protection.unprotect(recorded, association, 0) for recorded in answers]
                refused = [each.reason for each in heard_again if isinstance(each, Refusal)]
                assert len(refused) == (3 if written_down else 0)
                assert all("was used before" in reason for reason in refused)


async def nothing_shown() -> int | None:
    return None


async def test_a_meter_whose_counters_went_back_is_taken_by_configuration_alone(tmp_path: Path) -> None:
    async with bench(tmp_path) as url, gateway(tmp_path, url) as (unit, link):
        await link.open()
        for _ in range(8):
            await link.ask(NAME)
        await stored(unit)
    async with bench(tmp_path) as url:
        async with gateway(tmp_path, url) as (_, link):
            with pytest.raises(NotLetInError, match=r'was used before.*has lost its counters.*replayed = "accept"'):
                await link.open()
        async with gateway(tmp_path, url, replayed="accept") as (_, link):
            await link.open()
            await link.ask(NAME)


async def test_a_bench_with_public_keys_may_be_started_anew(tmp_path: Path) -> None:
    for _ in range(2):
        async with bench(tmp_path, own_keys=False) as url, gateway(tmp_path, url, own_keys=False) as (unit, link):
            await link.open()
            for _ in range(4):
                await link.ask(NAME)
            await stored(unit)


def keyset(block: int = 0) -> KeySet:
    return KeySet(Keys(title=b"MBG00001", block=Secret(bytes([block] * 16)), authentication=Secret(bytes(16))))


@given(st.lists(st.tuples(st.sampled_from(list(KeyUse)), st.integers(0, 2**32 - 1)), max_size=20), st.booleans())
def test_nothing_that_was_noted_is_lower_after_a_restart(used: list[tuple[KeyUse, int]], noted: bool) -> None:  # noqa: FBT001 (hypothesis)
    before = keyset()
    received = Received(before, refuse=True)
    text = received.note()
    for use, value in used:
        before.received[use].raise_to(value + 1)
        text = received.note() or text if noted else text
    after = keyset()
    Received(after, refuse=True).take_up(text)
    assert after.lowest == (before.lowest if noted else [0, 0, 0, 0])
    other = keyset(1)
    Received(other, refuse=True).take_up(text)
    assert other.lowest == [0, 0, 0, 0]
