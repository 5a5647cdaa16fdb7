"""The gateway's invocation counter against emulated meters: read first, kept, put right once, never in a loop."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import check as check_bench
from emulator.bench.running import RunningBench
from emulator.face.cosem.face import CosemFace
from emulator.keys.ring import Ring
from gateway.configuration.config import check
from gateway.configuration.credentials import KeyRing
from gateway.configuration.fleet_keys import MeterKeys
from gateway.configuration.pairs import Trusts
from gateway.meter import dlms_link
from gateway.meter.dlms_link import DlmsLink
from gateway.meter.dlms_profile import Act, Get, obis
from gateway.meter.security import STEP_MAX, Shared
from gateway.service.script import NotLetInError, RefusedError
from gateway.service.unit import make_unit, zone_of
from protocols.dlms.security.counter import InvocationCounter
from protocols.dlms.security.keys import KeyUse
from protocols.secret import Secret
from protocols.transport.dial import dial

NAME = Get(1, obis("0.0.42.0.0.255"), 2)
DISCONNECT = Act(70, obis("0.0.96.3.10.255"), 1, (15, 0))


def challenges(count: int) -> bytes:
    """Octets that are not random."""
    return bytes(range(0x80, 0x80 + count))


class Book:
    """A store that lives as long as the test."""

    def __init__(self, lowest: int | None = None) -> None:
        self.kept: list[int] = [] if lowest is None else [lowest]

    async def recall(self) -> int | None:
        return self.kept[-1] if self.kept else None

    async def keep(self, lowest: int) -> None:
        self.kept.append(lowest)

    async def received(self) -> str | None:
        return None


@pytest.fixture
async def bench() -> AsyncIterator[RunningBench]:
    meter = {"id": "MB0001", "model": "is15959-d1", "load": {"constant": 500}, "listen": ["dlms+tcp://127.0.0.1:0"]}
    async with RunningBench(assemble(check_bench({"meter": [meter]}, "test"), "test", Path())) as running:
        yield running


def ring_of(bench: RunningBench) -> Ring:
    [resident] = bench.residents
    face = resident.cosem
    assert isinstance(face, CosemFace)
    return resident.keyring(face).ring(48)


def received_by(bench: RunningBench) -> InvocationCounter:
    context = ring_of(bench).context(48)
    assert context is not None
    return context.current.received[KeyUse.UNICAST]


def link_to(bench: RunningBench, book: Book, keys: dict[str, Secret] | None = None, **more: Any) -> DlmsLink:
    [url] = bench.endpoint.urls(bench.residents[0])
    meter = {"id": "MB0001", "url": url.replace("client=16", "client=48"), "auth": "hls", "timeout": "2s", **more}
    config = check({"id": "gw1", "meter": [meter]}, "", "test").meter[0]
    title = bytes.fromhex("4D42430000000001")
    fleet = {"MB0001": MeterKeys(keys or {})}
    ring = KeyRing(Path(), fleet, title, challenges, Trusts(Path(), lambda: 0))
    unit = make_unit(config, zone_of("Asia/Kolkata"), ring, {})
    link = unit.link(ring.entropy)
    assert isinstance(link, DlmsLink)
    shared_of(link).book = book
    return link


def shared_of(link: DlmsLink) -> Shared:
    shared = link._credentials.shared
    assert shared is not None
    return shared


async def test_the_meter_is_asked_for_its_counter_first(bench: RunningBench) -> None:
    received_by(bench).use(4000)
    book = Book()
    link = link_to(bench, book)
    await link.open()
    assert (await link.ask(NAME))[1] == "MTB0000000MB0001"
    assert ring_of(bench).last_counter(48) == 4003  # AARQ, proof, GET
    assert book.kept[-1] > 4004
    await link.close()


async def test_a_counter_that_was_kept_is_gone_on_with(bench: RunningBench) -> None:
    book = Book(700)
    link = link_to(bench, book)
    await link.open()
    assert ring_of(bench).last_counter(48) == 701
    await link.close()


async def test_a_counter_out_of_step_is_put_right_in_one_step(
    bench: RunningBench, caplog: pytest.LogCaptureFixture
) -> None:
    received_by(bench).use(70_000)
    link = link_to(bench, Book(5))
    with caplog.at_level(logging.WARNING):
        await link.open()
    assert caplog.messages == ["MB0001: the invocation counter was out of step: ours 6, the meter's 70001"]
    assert (await link.ask(NAME))[1]
    await link.close()


async def test_a_counter_that_somebody_else_has_moved_is_put_right_by_a_read_and_no_command_is_sent_twice(
    bench: RunningBench,
) -> None:
    link = link_to(bench, Book())
    await link.open()
    received = received_by(bench)
    received.use(100)
    assert (await link.ask(NAME))[1]
    received.use(200)
    with pytest.raises(RefusedError, match="invocation counter and names 201"):
        await link.ask(DISCONNECT)
    assert (await link.ask(NAME))[1]
    assert (await link.ask(DISCONNECT)).result == 0
    await link.close()


async def test_a_wrong_key_is_told_and_not_tried_again(bench: RunningBench, monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[Any] = []

    async def counted(*arguments: Any, **options: Any) -> Any:
        dialled.append(arguments)
        return await dial(*arguments, **options)

    monkeypatch.setattr(dlms_link, "dial", counted)
    link = link_to(bench, Book(), {"block": Secret(bytes(16))})
    with pytest.raises(NotLetInError, match="deciphering-error: keys or system title are wrong"):
        await link.open()
    assert len(dialled) == 3  # the counter, the association, the counter once more
    assert not link.is_open


async def test_a_meter_is_not_believed_a_counter_far_away(bench: RunningBench) -> None:
    received_by(bench).use(STEP_MAX + 10)
    link = link_to(bench, Book(5))
    with pytest.raises(NotLetInError, match="far beyond ours"):
        await link.open()
    assert shared_of(link).counter.lowest < 20


@pytest.mark.parametrize("form", ["glo", "ded", "general-glo", "general-ded", "general-ciphering"])
async def test_every_form_reaches_the_meter(bench: RunningBench, form: str) -> None:
    link = link_to(bench, Book(), form=form)
    await link.open()
    assert (await link.ask(NAME))[1] == "MTB0000000MB0001"
    assert (await link.ask(DISCONNECT)).result == 0
    await link.close()


SUITE_2 = """
base = "eu-three-phase-suite1"
title = "the European meter with security suite 2"
[objects."64:0.0.43.0.0.255"]
attributes.3 = { value = 2 }
"""


@pytest.mark.parametrize(
    ("model", "auth", "suite"),
    [
        ("eu-three-phase-gmac", "hls-gmac", 0),
        ("eu-three-phase-suite1", "hls-ecdsa", 1),
        ("suite2.toml", "hls-ecdsa", 2),
    ],
)
async def test_european_meters_let_their_management_in(tmp_path: Path, model: str, auth: str, suite: int) -> None:
    (tmp_path / "suite2.toml").write_text(SUITE_2)
    meter = {"id": "EU0001", "model": model, "load": {"constant": 500}, "listen": ["dlms+tcp://127.0.0.1:0"]}
    async with RunningBench(assemble(check_bench({"meter": [meter]}, "test"), "test", tmp_path)) as running:
        [url] = running.endpoint.urls(running.residents[0])
        for form in ("glo", "ded", "general-glo", "general-ciphering"):
            entries = {"id": "EU0001", "url": url.replace("client=16", "client=1"), "auth": auth, "suite": suite}
            config = check({"id": "gw1", "meter": [entries | {"form": form}]}, "", "test").meter[0]
            ring = KeyRing(Path(), {}, b"MBGTEST1", challenges, Trusts(Path(), lambda: 0))
            link = make_unit(config, zone_of("Europe/Berlin"), ring, {}).link(ring.entropy)
            assert isinstance(link, DlmsLink)
            await link.open()
            assert (await link.ask(NAME))[1][-6:] in ("EU0001", b"EU0001")
            assert shared_of(link).counter.lowest > 3
            await link.close()
